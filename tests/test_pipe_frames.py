"""Frames on a stream: every format holds the same numbers, as soon as they exist."""

import io
import json
import os
import threading

import numpy as np
import pyarrow as pa
import pytest
from conftest import SMALL, SMALL_COMPLEX, tone
from pipe_rig import CONFIG, RATE, encoded, piped

import sharpear as api
from sharpear.audio import AudioPipe, Feed, RawFormat
from sharpear.interrupt import Interruption
from sharpear.runs.sharpening_task import Sharpening
from sharpear.runs.streamed import sharpen_stream
from sharpear.sharpening.frames import Frames
from sharpear.sinks import SinkInfo, open_stream_sink
from sharpear.sinks.outlet import Outlet
from sharpear.sinks.stream_base import Chosen


class Stream:
    """The frames that the stream of one format holds."""

    def __init__(self, audio: np.ndarray, format_: str, header=None) -> None:
        outlet, inlet = os.pipe()
        self.data = b""
        reader = threading.Thread(target=self._read, args=(outlet,))
        reader.start()
        source = piped(encoded(audio, subtype="FLOAT"))
        self.outcome = sharpen_stream(source, Outlet(inlet), Interruption(), Sharpening(CONFIG), format_, header)
        os.close(inlet)
        reader.join()

    def _read(self, outlet: int) -> None:
        with open(outlet, "rb") as file:
            self.data = file.read()


@pytest.fixture(scope="module")
def stereo() -> tuple[np.ndarray, api.Spectrogram]:
    audio = tone(0.6, channels=2).astype(np.float32)
    return audio, api.sharpen(audio, RATE, CONFIG)


def test_f32_and_npy_hold_the_frames_of_the_file_mode_bit_for_bit(stereo):
    audio, expected = stereo
    headers: list[dict] = []
    raw, npy = Stream(audio, "f32", headers.append), np.load(io.BytesIO(Stream(audio, "npy").data))
    (header,) = headers
    frames = np.frombuffer(raw.data, header["dtype"]).reshape(-1, *header["frame_shape"])
    assert np.array_equal(frames, npy)
    assert np.array_equal(frames[:, 0], expected.amplitude)
    assert np.array_equal(frames[:, 1], expected.instantaneous_frequency)
    assert header["frequencies_hz"] == expected.frequencies.tolist()
    times = header["first_time_s"] + np.arange(len(frames)) * header["hop"] / header["sample_rate"]
    assert times == pytest.approx(expected.times)
    assert header["config"]["bank"]["channels"] == CONFIG.bank.channels


def peaks_of(spectrogram: api.Spectrogram, n: int, channel: int) -> list[list[float]]:
    active = spectrogram.amplitude[n, channel] > 0
    pair = spectrogram.instantaneous_frequency[n, channel, active], spectrogram.amplitude[n, channel, active]
    return np.stack(pair, axis=1).tolist()


def test_json_lines_read_back_as_the_same_numbers(stereo):
    audio, expected = stereo
    lines = [json.loads(line) for line in Stream(audio, "jsonl").data.splitlines()]
    assert [(line["time"], line["channel"]) for line in lines] == [(t, c) for t in expected.times for c in (0, 1)]
    for i, line in enumerate(lines):
        given = np.array([peak[:2] for peak in line["peaks"]], np.float32).reshape(-1, 2).tolist()
        assert given == peaks_of(expected, i // 2, i % 2)


def test_arrow_reads_back_as_the_same_numbers(stereo):
    audio, expected = stereo
    with pa.ipc.open_stream(Stream(audio, "arrow").data) as stream:
        table = stream.read_all()
    assert json.loads(table.schema.metadata[b"sharpear"])["sample_rate"] == RATE
    assert table["time"].to_pylist() == np.repeat(expected.times, 2).tolist()
    rows = zip(
        table["channel"].to_pylist(), table["frequency"].to_pylist(), table["amplitude"].to_pylist(), strict=True
    )
    for i, (channel, frequency, amplitude) in enumerate(rows):
        assert [list(pair) for pair in zip(frequency, amplitude, strict=True)] == peaks_of(expected, i // 2, channel)


@pytest.mark.parametrize(("preset", "hz"), [(SMALL, 803.1), (SMALL_COMPLEX, 803.1), ("low-latency", 1234.5)])
def test_phases_are_those_of_the_cosine_at_the_frames_time(preset, hz):
    few = {"bank.channels": 40, "bank.low_hz": 800.0, "bank.high_hz": 2000.0}
    overrides = few if preset == "low-latency" else {}
    sharpener = api.Sharpener(RATE, str(preset), overrides=overrides, phases=True)
    t = np.arange(RATE) / RATE
    frames = sharpener.process(0.3 * np.cos(2 * np.pi * hz * t + 0.7))
    steady = np.flatnonzero(frames.times > 0.5)
    loudest = frames.amplitude[steady].argmax(axis=1)
    phase = frames.phase[steady, loudest]
    error = np.angle(np.exp(1j * (phase - (2 * np.pi * hz * frames.times[steady] + 0.7))))
    assert np.abs(error).max() < 0.02
    nearest = np.abs(sharpener.channel_frequencies - hz).argmin()
    assert np.abs(frames.subband[steady, nearest]) == pytest.approx(0.3, rel=0.1)


@pytest.mark.parametrize(("preset", "beside_hz"), [(SMALL, 830), (SMALL_COMPLEX, 870)])
def test_a_phase_that_lines_share_is_not_told(preset, beside_hz):
    hz = np.array([1000.0, 1010.0])
    info = SinkInfo(hz, hz, 1, {})
    amplitude = np.array([[[0.5, 0.4]]], np.float32)
    phase = np.array([[[np.nan, 1.0]]], np.float32)
    out = io.BytesIO()
    frames = Frames(np.zeros(1), amplitude, np.array([[hz]], np.float32), amplitude, phase=phase)
    open_stream_sink("jsonl", out, info).write(frames)
    assert json.loads(out.getvalue())["peaks"][0][2] is None
    sharpener = api.Sharpener(RATE, str(preset), phases=True)
    t = np.arange(RATE) / RATE
    beating = sharpener.process(0.3 * np.cos(2 * np.pi * 800 * t) + 0.3 * np.cos(2 * np.pi * beside_hz * t))
    assert np.isnan(beating.phase[beating.amplitude == 0]).all()
    assert np.isnan(beating.phase[beating.amplitude > 0.1]).mean() > 0.5


def test_fewer_lines_are_chosen_by_number_and_level():
    hz = np.array([100.0, 200.0, 300.0, 400.0])
    amplitude = np.array([[[0.5, 1e-5, 0.1, 0.2]]], np.float32)
    frames = Frames(np.zeros(1), amplitude, np.array([[hz]], np.float32), amplitude)

    def written(format_, **chosen):
        out = io.BytesIO()
        sink = open_stream_sink(format_, out, SinkInfo(hz, hz, 1, {}), 1, Chosen(**chosen))
        sink.write(frames)
        sink.finish()
        return out.getvalue()

    for chosen, left in (({}, hz), ({"top": 2}, [100, 400]), ({"floor_db": -60}, [100, 300, 400])):
        assert [peak[0] for peak in json.loads(written("jsonl", **chosen))["peaks"]] == list(left)
        table = pa.ipc.open_stream(written("arrow", **chosen)).read_all()
        assert table["frequency"][0].as_py() == list(left)
    with pytest.raises(api.UsageError, match="holds every atom"):
        written("f32", top=2)
    with pytest.raises(api.UsageError, match="expected 1 line or more, received 0"):
        Chosen(top=0)


def test_frames_leave_as_soon_as_their_samples_have_come():
    """Through real pipes, sample by hop: when so much has been given, so many frames are out, without more input."""
    samples_in, samples_out = os.pipe()
    frames_in, frames_out = os.pipe()
    source = AudioPipe(Feed(samples_in), raw=RawFormat(RATE, 1, "f32le"))
    arguments = source, Outlet(frames_out), Interruption(), Sharpening(CONFIG), "f32"
    worker = threading.Thread(target=sharpen_stream, args=arguments, daemon=True)
    worker.start()
    sharpener = api.Sharpener(RATE, CONFIG)
    hop, frame_bytes = sharpener.hop, 2 * 4 * sharpener.frequencies.size
    late = round(sharpener.latency_s * RATE) + hop
    with open(samples_out, "wb", buffering=0) as into, open(frames_in, "rb", buffering=0) as out:
        got = 0
        for given in range(hop, late + 20 * hop, hop):
            into.write(tone(1.0).astype("<f4")[given - hop : given].tobytes())
            due = max(0, (given - late) // hop + 1) * frame_bytes
            while got < due:
                got += len(out.read(due - got))
        into.close()
        worker.join(20)
        os.close(frames_out)
        rest = len(out.read())
    assert got + rest == sharpener.frames_for(given) * frame_bytes


def test_frames_wait_no_longer_than_asked_when_the_input_stalls():
    outlet, inlet = os.pipe()
    slow = Outlet(inlet, flush_s=0.2)
    slow.write(b"first")  # at once: nothing has been flushed for long
    slow.write(b"second")
    assert os.read(outlet, 100) == b"first"
    fed, feeding = os.pipe()
    feed = Feed(fed, idle=lambda: slow.idle() or False)
    threading.Timer(0.5, os.close, [feeding]).start()
    assert feed.take(1) == b""
    assert os.read(outlet, 100) == b"second"
    os.close(outlet)
    with pytest.raises(BrokenPipeError):
        slow.write(b"third" * 10) and slow.flush()
