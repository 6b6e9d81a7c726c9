"""In a pipe: any format in, frames out as they are made, and good manners towards what stands on either side."""

import io
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import soundfile
from conftest import SMALL, one_line, tone
from hypothesis import given, settings
from hypothesis import strategies as st

import sharpear as api
from sharpear.audio import AudioFile, Selection
from sharpear.config import load_config
from sharpear.errors import InputError, UsageError
from sharpear.frames import Frames
from sharpear.interrupt import Interruption
from sharpear.pipe import AudioPipe, Feed, Outlet, RawFormat, sharpen_stream
from sharpear.pipe.raw import ENCODINGS
from sharpear.sinks import SinkInfo, open_stream_sink

RATE = 16000
CONFIG = load_config(str(SMALL))
FORMATS = ["wav", "flac", "ogg", "mp3", "aiff", "au", "w64", "rf64", "caf"]


def piped(data: bytes, **options) -> AudioPipe:
    """A source that reads `data` from a real pipe."""
    outlet, inlet = os.pipe()

    def write() -> None:
        with open(inlet, "wb") as file, suppress(BrokenPipeError):
            file.write(data)

    threading.Thread(target=write, daemon=True).start()
    return AudioPipe(Feed(outlet), **options)


def read(source: AudioPipe) -> np.ndarray:
    return np.concatenate(list(source.blocks(1000)))


def encoded(audio: np.ndarray, suffix: str = "wav", rate: int = RATE, **options) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, audio, rate, format=suffix, **options)
    return file.getvalue()


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_format_is_read_from_a_pipe_as_from_a_file(folder, suffix, channels):
    data = encoded(tone(1.0, 44100, channels=channels), suffix.upper(), 44100)
    Path(f"tone.{suffix}").write_bytes(data)
    with AudioFile(Path(f"tone.{suffix}")) as file:
        expected = np.concatenate(list(file.blocks(1000)))
    source = piped(data)
    assert (source.sample_rate, source.channels) == (44100, channels)
    assert np.array_equal(read(source), expected)


def test_an_opus_stream_is_read_to_its_end():
    assert len(read(piped(encoded(tone(1.0, 48000), "OGG", 48000, subtype="OPUS")))) == 48000


@pytest.mark.parametrize("stated", [0, 0xFFFFFFFF, 0x7FFFFFFF - 36])
@pytest.mark.parametrize("riff", [0, 36, 0xFFFFFFFF])
def test_a_wav_of_unstated_length_is_read_to_its_end(folder, stated, riff):
    held = bytearray(encoded(tone()))
    size = held.find(b"data") + 4
    held[size : size + 4] = stated.to_bytes(4, "little")
    held[4:8] = riff.to_bytes(4, "little")
    source = piped(bytes(held))
    assert source.samples is None
    assert len(read(source)) == len(tone())
    Path("tone.wav").write_bytes(held)
    with AudioFile(Path("tone.wav")) as file:
        assert sum(map(len, file.blocks())) == len(tone())


def test_a_wav_without_samples_stays_one_even_if_tags_follow(folder):
    held = encoded(np.zeros(0)) + b"LIST\x04\0\0\0INFO"
    Path("none.wav").write_bytes(held)
    for make in (lambda: read(piped(held)), lambda: AudioFile(Path("none.wav"))):
        with pytest.raises(InputError, match="holds no audio"):
            make()


def test_what_follows_the_samples_is_not_sound():
    assert len(read(piped(encoded(tone()) + b"LIST\x04\0\0\0INFO" * 20))) == len(tone())


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(ENCODINGS),
    st.integers(1, 3),
    st.lists(st.floats(-0.9990234375, 0.9990234375, width=16), max_size=40),
)
def test_raw_samples_of_every_encoding(encoding, channels, values):
    values = np.array(values[: len(values) // channels * channels], np.float64)
    kind, bits, order = encoding[0], int("".join(filter(str.isdigit, encoding))), ">" if "be" in encoding else "<"
    if kind == "f":
        data = values.astype(f"{order}f{bits // 8}").tobytes()
    else:
        largest = 2 ** (bits - 1) - 1
        whole = np.rint(values * (largest + 1)).clip(max=largest).astype(np.int64) + (128 if kind == "u" else 0)
        each = [int(v).to_bytes(bits // 8, "big" if order == ">" else "little", signed=kind == "s") for v in whole]
        data = b"".join(each)
    decoded = RawFormat(RATE, channels, encoding).decode(data)
    assert decoded.dtype == np.float32
    assert decoded.shape == (len(values) // channels, channels)
    assert decoded.ravel() == pytest.approx(values, abs=2.0 ** (1 - min(bits, 16)))


def test_raw_descriptions_that_cannot_be(sharpen):
    for words in (["--raw"], ["--rate", "8000"], ["--raw", "--rate", "8000", "--encoding", "s12"]):
        done = sharpen("-", *words)
        assert done.code == 2
        assert one_line(done.err), done.err


def test_a_selection_of_a_pipe_is_exact():
    audio = tone(0.5).astype(np.float32)
    data = encoded(audio, subtype="FLOAT")
    assert np.array_equal(read(piped(data, selection=Selection(0.1, 0.2)))[:, 0], audio[1600:4800])
    with pytest.raises(UsageError, match="beyond its end"):
        read(piped(data, selection=Selection(0.6)))


@pytest.mark.parametrize("data", [b"", b"hello world\n" * 100, b"RIFF\0\0\0\0WAVE", b"OggS" + bytes(100), b"\xff\xfb"])
def test_what_is_not_audio_is_an_input_error(data):
    with pytest.raises(InputError, match="stdin"):
        read(piped(data))


@pytest.mark.parametrize("suffix", ["wav", "flac", "aiff"])
def test_a_stream_that_ends_before_its_header_says_is_an_error(suffix):
    whole = encoded(tone(1.0), suffix.upper())
    with pytest.raises(InputError, match=r"stdin: (ends after|cannot be decoded)"):
        read(piped(whole[: len(whole) // 2]))


class Stream:
    """The frames that the stream of one format holds."""

    def __init__(self, audio: np.ndarray, format_: str, header=None) -> None:
        outlet, inlet = os.pipe()
        self.data = b""
        reader = threading.Thread(target=self._read, args=(outlet,))
        reader.start()
        source = piped(encoded(audio, subtype="FLOAT"))
        self.outcome = sharpen_stream(source, Outlet(inlet), format_, CONFIG, Interruption(), header)
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
    assert header["config"]["bank"]["channels"] == 32


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


@pytest.mark.parametrize(("preset", "hz"), [(str(SMALL), 803.1), ("low-latency", 1234.5)])
def test_phases_are_those_of_the_cosine_at_the_frames_time(preset, hz):
    overrides = {} if preset == str(SMALL) else {"bank.channels": 40, "bank.low_hz": 800.0, "bank.high_hz": 2000.0}
    sharpener = api.Sharpener(RATE, preset, overrides=overrides, phases=True)
    t = np.arange(RATE) / RATE
    frames = sharpener.process(0.3 * np.cos(2 * np.pi * hz * t + 0.7))
    steady = np.flatnonzero(frames.times > 0.5)
    loudest = frames.amplitude[steady].argmax(axis=1)
    phase = frames.phase[steady, loudest]
    error = np.angle(np.exp(1j * (phase - (2 * np.pi * hz * frames.times[steady] + 0.7))))
    assert np.abs(error).max() < 0.02
    nearest = np.abs(sharpener.channel_frequencies - hz).argmin()
    assert np.abs(frames.subband[steady, nearest]) == pytest.approx(0.3, rel=0.1)


def test_a_phase_that_lines_share_is_not_told():
    hz = np.array([1000.0, 1010.0])
    info = SinkInfo(hz, hz, 1, {})
    amplitude = np.array([[[0.5, 0.4]]], np.float32)
    phase = np.array([[[np.nan, 1.0]]], np.float32)
    out = io.BytesIO()
    frames = Frames(np.zeros(1), amplitude, np.array([[hz]], np.float32), amplitude, phase=phase)
    open_stream_sink("jsonl", out, info).write(frames)
    assert json.loads(out.getvalue())["peaks"][0][2] is None
    sharpener = api.Sharpener(RATE, str(SMALL), phases=True)
    t = np.arange(RATE) / RATE
    beating = sharpener.process(0.3 * np.cos(2 * np.pi * 800 * t) + 0.3 * np.cos(2 * np.pi * 870 * t))
    assert np.isnan(beating.phase[beating.amplitude == 0]).all()
    assert np.isnan(beating.phase[beating.amplitude > 0.1]).mean() > 0.5


def test_npy_of_an_unknown_length_is_a_usage_error(sharpen, folder):
    done = subprocess.run(
        command("--raw", "--rate", "16000", "--format", "npy"), input=bytes(2000), capture_output=True, check=False
    )
    assert done.returncode == 2
    assert b"f32 or arrow" in done.stderr
    assert done.stdout == b""


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "sharpear", "sharpen", "-", "--preset", str(SMALL), *words]


def test_frames_leave_as_soon_as_their_samples_have_come():
    """Through real pipes, sample by hop: when so much has been given, so many frames are out, without more input."""
    samples_in, samples_out = os.pipe()
    frames_in, frames_out = os.pipe()
    source = AudioPipe(Feed(samples_in), raw=RawFormat(RATE, 1, "f32le"))
    arguments = source, Outlet(frames_out), "f32", CONFIG, Interruption()
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


def test_a_closed_pipe_ends_quietly():
    data = encoded(tone(20.0))
    running = subprocess.Popen(command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    threading.Thread(target=lambda: feed_all(running, data), daemon=True).start()
    first = json.loads(running.stdout.readline())
    running.stdout.close()
    assert running.wait(60) == 0
    assert running.stderr.read() == b""
    assert first["time"] == 0.0


def feed_all(running: subprocess.Popen, data: bytes) -> None:
    with suppress(BrokenPipeError):
        running.stdin.write(data)
        running.stdin.close()


def test_a_slow_reader_loses_nothing(stereo):
    audio, _ = stereo
    data = encoded(np.tile(audio, (8, 1)))
    running = subprocess.Popen(command("--format", "f32"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    threading.Thread(target=lambda: feed_all(running, data), daemon=True).start()
    slow = b""
    while piece := os.read(running.stdout.fileno(), 1 << 16):
        slow += piece
        time.sleep(0.02)
    assert running.wait(60) == 0
    assert slow == subprocess.run(command("--format", "f32"), input=data, stdout=subprocess.PIPE, check=True).stdout


STALLED = {
    "raw": ("raw", ["--raw", "--rate", "16000"]),
    "wav": ("WAV", []),
    "flac": ("FLAC", []),
    "ogg": ("OGG", []),
    "mp3": ("MP3", []),
}


@pytest.mark.parametrize("case", STALLED)
def test_ctrl_c_while_nothing_comes_ends_with_what_was_heard(case):
    format_, words = STALLED[case]
    audio = np.random.default_rng(4).uniform(-0.5, 0.5, 8 * RATE)  # so much that Ogg and MP3 have several pages
    data = np.rint(audio * 32767).astype("<i2").tobytes() if format_ == "raw" else encoded(audio, format_)
    running = subprocess.Popen(command(*words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    fed = data[: len(data) * 2 // 3]
    threading.Thread(target=lambda: (running.stdin.write(fed), running.stdin.flush()), daemon=True).start()
    descriptor, out = running.stdout.fileno(), b""
    while select.select([descriptor], [], [], 1.0 if out else 60.0)[0] and (piece := os.read(descriptor, 1 << 16)):
        out += piece  # until all that came is out, and it waits for more
    running.send_signal(signal.SIGINT)
    rest, err = communicate_without_end(running)
    assert running.returncode == 1
    assert one_line(err.decode()), err
    assert 1.0 < json.loads((out + rest).splitlines()[-1])["time"] < 5.5


@pytest.mark.parametrize("format_", ["WAV", "OGG", "MP3"])
@pytest.mark.parametrize("come", [0, 20])
def test_a_feed_that_is_stopped_before_a_header_is_whole_is_no_fault_of_the_input(format_, come):
    fed, feeding = os.pipe()
    os.write(feeding, encoded(tone(), format_)[:come])
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    with pytest.raises(KeyboardInterrupt):
        AudioPipe(Feed(fed, stop.is_set))
    os.close(feeding)


def communicate_without_end(running: subprocess.Popen) -> tuple[bytes, bytes]:
    """What is left on its outputs, while its input stays open."""
    inlet, running.stdin = running.stdin, None
    try:
        return running.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        running.kill()
        raise
    finally:
        inlet.close()


def test_stdin_to_files_and_files_to_stdout(folder):
    audio = tone().astype(np.float32)
    subprocess.run(command("--format", "npz"), input=encoded(audio, "FLAC"), check=True, capture_output=True)
    assert np.load("stdin.npz")["times"].size == api.sharpen(audio, RATE, CONFIG).times.size
    soundfile.write("tone.wav", audio, RATE)
    words = [word if word != "-" else "tone.wav" for word in command("-o")] + ["-", "--format", "f32"]
    header = [*words, "--header", "axes.json"]
    assert subprocess.run(header, stdout=subprocess.PIPE, check=True).stdout
    assert json.loads(Path("axes.json").read_text())["format"] == "f32"


USAGE = {
    "two streams": (["-", "tone.wav"], "one stream"),
    "raw files": (["tone.wav", "-o", "-", "--raw", "--rate", "8000"], "--raw"),
    "a file's format": (["tone.wav", "-o", "-", "--format", "zarr"], "zarr"),
    "two formats": (["tone.wav", "-o", "-", "--format", "f32,jsonl"], "f32,jsonl"),
    "a header without a stream": (["-", "-o", "x.npz", "--header", "json"], "--header"),
}


@pytest.mark.parametrize("case", USAGE)
def test_usage_errors_are_one_line_and_exit_2(wav, sharpen, case):
    words, named = USAGE[case]
    wav()
    read_end, write_end = os.pipe()
    with open(write_end, "wb") as file:
        file.write(encoded(tone()))
    kept = os.dup(0)
    os.dup2(read_end, 0)
    try:
        done = sharpen(*words)
    finally:
        os.dup2(kept, 0)
        os.close(kept)
        os.close(read_end)
    assert done.code == 2
    assert one_line(done.err), done.err
    assert named in done.err


def tools(*names: str) -> None:
    for name in names:
        if not shutil.which(name):
            pytest.skip(f"{name} is not installed: apt-get install {name}")


def shell(line: str) -> subprocess.CompletedProcess[str]:
    sharpear = f"{sys.executable} -m sharpear sharpen --preset {SMALL}"
    line = "set -o pipefail; " + line.replace("SHARPEN", sharpear)
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, timeout=120)


def test_sox_to_jq(folder):
    tools("sox", "jq")
    done = shell(
        "sox -V1 -n -r 16000 -b 16 -t wav - synth 1 sine 440 gain -6 | SHARPEN - | "
        "jq -s 'map(select(.time > 0.5)) | map(.peaks | max_by(.[1])[0]) | add / length'"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert float(done.stdout) == pytest.approx(440, abs=0.5)


def test_ffmpeg_to_jq(folder):
    tools("ffmpeg", "jq")
    made = "ffmpeg -v quiet -f lavfi -i sine=frequency=440:sample_rate=16000:duration=1"
    for output in ("-f mp3 -", "-f s16le -"):
        raw = "--raw --rate 16000" if "s16le" in output else ""
        done = shell(f"{made} {output} | SHARPEN - {raw} | jq -s '.[-20].peaks | max_by(.[1])[0]'")
        assert (done.returncode, done.stderr) == (0, ""), output
        assert float(done.stdout) == pytest.approx(440, abs=0.5), output


def test_sox_to_sharpened_frames_to_a_separator(folder):
    """The frames of a pipe, on the other side: which of two notes each line belongs to."""
    tools("sox")
    done = shell(
        "sox -V1 -n -r 16000 -b 16 -t wav - synth 1 sine 440 sine 660 remix - gain -6 | "
        "SHARPEN - --format arrow > lines.arrow"
    )
    assert (done.returncode, done.stderr) == (0, "")
    with pa.ipc.open_stream("lines.arrow") as stream:
        last = stream.read_all().to_pylist()[-20]
    from sharpear.bridges import by_harmonics  # noqa: PLC0415

    shares = by_harmonics([440.0, 660.0])(np.array(last["frequency"]))
    power = np.square(shares * np.array(last["amplitude"])).sum(axis=1)
    assert power[0] == pytest.approx(power[1], rel=0.1)
