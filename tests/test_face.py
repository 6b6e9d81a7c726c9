"""What a person meets first: names at the top, one protocol for what takes sound, results that compare and print."""

import copy
import inspect
import json
import re
import subprocess
import sys

import numpy as np
import pytest

import sharpear
from sharpear.bridges import BandStream
from sharpear.gpu import CPU
from sharpear.separation.dictionary import Dictionary
from sharpear.sharpening.composite import Streaming
from sharpear.sinks import SINKS, SinkInfo

RATE = 16000
SMALL = {"bank.channels": 24, "bank.low_hz": 200.0, "bank.high_hz": 3000.0, "atoms.count": 40}
STREAMING = {
    "Sharpener": lambda **settings: sharpear.Sharpener(RATE, "low-latency", overrides=SMALL, **settings),
    "Separator": lambda **settings: sharpear.Separator(RATE, **settings),
    "Transcriber": lambda **settings: sharpear.Transcriber(RATE, "low-latency", overrides=SMALL, **settings),
}
each = pytest.mark.parametrize("make", STREAMING.values(), ids=STREAMING)


def sound(samples=9000, channels=None):
    rng = np.random.default_rng(5)
    shape = (samples,) if channels is None else (samples, channels)
    tone = np.sin(2 * np.pi * 330 / RATE * np.arange(samples))
    return (0.2 * (tone if channels is None else tone[:, None]) + rng.normal(0, 0.01, shape)).astype(np.float32)


def same(one, other):
    return np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other


def joined(pieces):
    return np.concatenate(pieces) if isinstance(pieces[0], np.ndarray) else type(pieces[0]).join(pieces)


def frames(phases=False):
    sharpener = STREAMING["Sharpener"](phases=phases)
    return joined([sharpener.process(sound()), sharpener.flush()])


@each
def test_one_protocol(make):
    one = make(streams=2)
    assert isinstance(one, Streaming)
    assert (one.sample_rate, one.streams, one.backend) == (RATE, 2, CPU)
    assert 0 < one.latency_s < 1
    assert one.replaced.tolist() == [0, 0]
    audio = sound(channels=2)
    audio[5, 1] = np.nan
    first = one.process(audio)
    assert one.replaced.tolist() == [0, 1]
    rest = one.flush()
    with pytest.raises(sharpear.UsageError, match="ended"):
        one.process(audio)
    one.reset()
    assert same(one.process(audio), first)
    assert same(one.flush(), rest)


@each
def test_submit_gives_what_process_gives_whichever_block_is_waited_for_first(make):
    audio = sound()
    blocks = np.array_split(audio, 4)
    whole, pieces = make(), make()
    expected = whole.process(audio)
    pending = [pieces.submit(block) for block in blocks]
    results = [each.result() for each in reversed(pending)][::-1]
    assert same(joined(results), expected)
    assert same(pieces.flush(), whole.flush())


@each
def test_a_state_holds_what_was_submitted_and_not_yet_waited_for(make):
    audio = sound()
    unbroken, resumed = make(), make()
    unbroken.process(audio[:4000])
    waiting = make()
    waiting.submit(audio[:4000])
    resumed.state = copy.deepcopy(waiting.state)
    assert same(resumed.process(audio[4000:]), unbroken.process(audio[4000:]))


@each
def test_one_dimensional_audio_gives_results_without_the_streams_axis(make):
    flat, column = make(), make()
    expected = column.process(sound()[:, None])
    without = expected[:, 0] if isinstance(expected, np.ndarray) else expected.single_stream()
    assert same(flat.process(sound()), without)


@each
def test_another_device_is_refused_in_one_line(make):
    with pytest.raises(sharpear.UsageError, match=r"^expected the device cpu, gpu, gpu:1 or auto, received 'tpu'$"):
        make(device="tpu")
    assert make(device=CPU).backend is CPU


def test_constructors_and_functions_say_the_same_things_alike():
    def names(called):
        return list(inspect.signature(called).parameters)

    assert names(sharpear.Transcriber) == ["sample_rate", "preset", "streams", "overrides", "start_s", "device"]
    assert [name for name in names(sharpear.Sharpener) if name != "phases"] == names(sharpear.Transcriber)
    assert names(sharpear.Separator) == ["sample_rate", "sources", "streams", "linked", "device"]
    whole = ["audio", *names_of_whole(sharpear.Sharpener), "progress"]
    assert names(sharpear.sharpen) == names(sharpear.transcribe) == whole
    assert names(sharpear.separate) == ["audio", *names_of_whole(sharpear.Separator), "progress"]
    streamed = ["blocks", *(name for name in names(sharpear.Sharpener) if name != "streams")]
    assert names(sharpear.stream) == names(sharpear.astream) == streamed


def names_of_whole(kind):
    """Arguments that a whole recording needs too: it has its streams, begins at 0, and is not asked for its phases."""
    return [name for name in inspect.signature(kind).parameters if name not in ("streams", "start_s", "phases")]


def test_the_top_shows_its_public_names_alone_and_loads_none_before_it_is_asked():
    assert dir(sharpear) == sorted(sharpear.__all__)
    assert all(getattr(sharpear, name) is not None for name in sharpear.__all__)
    asked = "import sys, sharpear; dir(sharpear); print(*sorted(m for m in sys.modules if m.startswith('sharpear')))"
    loaded = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60)
    assert loaded.stdout.split() == ["sharpear", "sharpear.errors"]
    with pytest.raises(AttributeError, match="has no attribute 'hear'"):
        sharpear.hear  # noqa: B018


def test_stems_of_a_whole_recording_line_up_and_add_up():
    audio = sound(channels=2)
    stems = sharpear.separate(audio, RATE)
    assert list(stems) == ["tonal", "transient", "residual"]
    assert all(stem.shape == audio.shape for stem in stems.values())
    assert np.abs(sum(stems.values()) - audio).max() < 1e-4 * np.abs(audio).max()
    assert sharpear.separate(audio[:, 0], RATE)["tonal"].shape == (len(audio),)


def test_results_are_equal_where_all_their_values_are():
    one, other = frames(phases=True), frames(phases=True)
    assert np.isnan(one.phase).any()
    assert one == other
    assert one != frames()
    other.amplitude[7, 3] += 1
    assert one != other
    assert one[:7] == other[:7]
    assert one != one.amplitude
    stems = sharpear.separate(sound(), RATE)
    for result in (one, sharpear.sharpen(sound(), RATE), sharpear.transcribe(sound(), RATE), stems):
        assert result == copy.deepcopy(result)
        with pytest.raises(TypeError, match=r"unhashable type: '(Frames|Spectrogram|Transcription|Stems)'"):
            hash(result)


def test_frames_are_chosen_as_rows_of_an_array_are():
    whole = frames()
    assert whole[2:9].times.tolist() == whole.times[2:9].tolist()
    assert whole[::-1].amplitude.tobytes() == whole.amplitude[::-1].tobytes()
    assert whole[-1].amplitude.shape == whole.amplitude.shape[1:]
    assert whole[whole.times > 0.2] == whole[int((whole.times <= 0.2).sum()) :]
    assert [float(each.times) for each in whole] == whole.times.tolist()
    with pytest.raises(IndexError):
        whole[len(whole)]
    spectrogram = sharpear.sharpen(sound(), RATE)
    part = spectrogram[3:5]
    assert isinstance(part, sharpear.Spectrogram)
    assert part.frequencies is spectrogram.frequencies
    bands = BandStream(RATE, "low-latency").push(sound())
    assert bands[4:].lines == bands.lines[4:]
    assert type(bands).join([bands[:4], bands[4:]]) == bands


REPRS = {
    "Sharpener": (
        lambda: STREAMING["Sharpener"](streams=2),
        r"<Sharpener: 16000 Hz, 2 streams, 40 atoms of 200 to 3000 Hz every 2\.9 ms, 17\.\d ms late>",
    ),
    "Separator": (
        lambda: sharpear.Separator(RATE),
        r"<Separator: 16000 Hz, 1 stream, 3 stems \(tonal, transient, residual\), 97\.4 ms late>",
    ),
    "Transcriber": (
        STREAMING["Transcriber"],
        r"<Transcriber: 16000 Hz, 1 stream, up to 8 voices of 27.5 to 4200 Hz, \d\d\.\d ms late>",
    ),
    "Frames": (frames, r"<Frames: \d+ frames, 0\.000 to 0\.56\d s, 40 atoms>"),
    "one frame": (lambda: frames()[3], r"<Frames: 1 frame at 0\.009 s, 40 atoms>"),
    "no frames": (lambda: frames()[:0], r"<Frames: 0 frames, 40 atoms>"),
    "Spectrogram": (
        lambda: sharpear.sharpen(sound(channels=2), RATE),
        r"<Spectrogram: \d+ frames, 0\.000 to 0\.56\d s, 2 streams, \d+ atoms, 55 to \d+ Hz>",
    ),
    "PitchFrames": (
        lambda: STREAMING["Transcriber"](streams=2).process(sound(channels=2)),
        r"<PitchFrames: \d+ frames, 0\.000 to 0\.5\d\d s, 2 streams, 8 voices>",
    ),
    "Transcription": (
        lambda: sharpear.transcribe(sound(), RATE),
        r"<Transcription: 1 note, \d+ frames, 0\.000 to 0\.5\d\d s, 1 voice>",
    ),
    "Stems": (
        lambda: sharpear.separate(sound(channels=2), RATE),
        r"<Stems: 3 stems \(tonal, transient, residual\), 0\.56\d s, 2 channels>",
    ),
    "Bands": (
        lambda: BandStream(RATE, "low-latency").push(sound()),
        r"<Bands: \d+ frames, 0\.000 to 0\.5\d\d s, 1 channel, \d+ bands of \d+ to \d+ Hz>",
    ),
}


@pytest.mark.parametrize(("make", "expected"), REPRS.values(), ids=REPRS)
def test_what_is_printed_is_one_short_line(make, expected):
    assert re.fullmatch(expected, repr(make())), repr(make())


def written(path, spectrogram, **attributes):
    axes = spectrogram.frequencies, spectrogram.channel_frequencies
    told = {"sharpear": "1.0", **spectrogram.attributes, **attributes}
    sink = SINKS[path.suffix[1:]](path, SinkInfo(*axes, spectrogram.amplitude.shape[1], told))
    sink.open(path)
    sink.write(spectrogram)
    sink.finish()
    sink.close()
    for raw in path.parent.glob("*.raw"):
        raw.unlink()
    return path


@pytest.mark.parametrize("suffix", ["npz", "zarr"])
def test_a_file_is_read_back_as_what_was_written(tmp_path, suffix):
    spectrogram = sharpear.sharpen(sound(channels=2), RATE, overrides={"output.rounding": False})
    loaded = sharpear.load(written(tmp_path / f"take.{suffix}", spectrogram, source="made up"))
    assert loaded.attributes["source"] == "made up"
    assert loaded.attributes["complete"] is True
    assert loaded.attributes["config"] == spectrogram.attributes["config"]
    for name in ("times", "amplitude", "instantaneous_frequency", "plain_amplitude", "frequencies"):
        assert np.array_equal(getattr(loaded, name), getattr(spectrogram, name)), name
    assert np.array_equal(loaded.channel_frequencies, spectrogram.channel_frequencies)
    assert loaded.latency_s == spectrogram.latency_s


def test_both_formats_are_read_back_as_equals(tmp_path):
    spectrogram = sharpear.sharpen(sound(channels=1), RATE, overrides={"output.rounding": False})
    npz, zarr = (sharpear.load(written(tmp_path / f"take.{suffix}", spectrogram)) for suffix in ("npz", "zarr"))
    assert npz == zarr
    assert npz.single_stream() == sharpear.load(tmp_path / "take.zarr").single_stream()


def foreign_npz(path):
    np.savez(path, times=np.zeros(3))


def dictionary(path):
    Dictionary("drums", np.eye(3), np.array([100.0, 200.0, 300.0])).save(path)


def damaged_npz(path):
    written(path, sharpear.sharpen(sound(channels=1), RATE))
    with path.open("r+b") as file:
        file.seek(-5000, 2)
        file.write(bytes(1000))


def damaged_zarr(path):
    written(path, sharpear.sharpen(sound(channels=1), RATE))
    chunk = next((path / "amplitude" / "c").rglob("0"))
    chunk = chunk if chunk.is_file() else next(p for p in chunk.rglob("*") if p.is_file())
    data = bytearray(chunk.read_bytes())
    data[len(data) // 2] ^= 255
    chunk.write_bytes(data)


def ill_shaped(path):
    spectrogram = sharpear.sharpen(sound(channels=1), RATE)
    arrays = {name: value for name, value in vars(spectrogram).items() if isinstance(value, np.ndarray)}
    arrays["frequencies"] = spectrogram.frequencies[:-1]
    np.savez(path, **arrays, attributes=json.dumps({"sharpear": "1.0", "latency_s": 0.1}))


def nothing(path):
    pass


NOT_LOADED = {
    "nothing": (nothing, "take.zarr", "no such file"),
    "a sound": (nothing, "take.wav", r"expected a spectrogram as \.npz or \.zarr"),
    "an .npz of another program": (foreign_npz, "take.npz", "none that sharpear wrote"),
    "a dictionary": (dictionary, "drums.npz", "times: missing"),
    "a damaged .npz": (damaged_npz, "take.npz", "cannot be read"),
    "a damaged .zarr": (damaged_zarr, "take.zarr", "cannot be read"),
    "axes that do not fit": (ill_shaped, "take.npz", "amplitude: expected numbers of shape"),
    "an empty folder": (lambda path: path.mkdir(), "take.zarr", "zarr.json"),
}


@pytest.mark.parametrize(("make", "name", "told"), NOT_LOADED.values(), ids=NOT_LOADED)
def test_anything_else_is_refused_in_one_line(tmp_path, make, name, told):
    path = tmp_path / name
    make(path)
    with pytest.raises(sharpear.InputError, match=told) as refused:
        sharpear.load(path)
    assert name in str(refused.value)
    assert "\n" not in str(refused.value)
