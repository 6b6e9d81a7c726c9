"""The whole sharpener, and a batch of files, on a GPU: on the host in its place, and on a card where there is one."""

import copy
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import leftovers, one_line, tone
from host_gpu import HostDriver, host_gpu
from small_parts import SAMPLE_RATE, audio
from small_parts import SMALL as SMALL_SETTINGS
from test_gpu_parity import EQUAL_SUPPORTS, LARGEST_ERROR, device  # noqa: F401 (device is a fixture)

import sharpear
from sharpear.audio import Selection
from sharpear.config import load_config
from sharpear.errors import UsageError
from sharpear.gpu import DeviceBackend, GpuUnavailableError, LayerTooLargeError
from sharpear.integrity import examine
from sharpear.interrupt import Interruption
from sharpear.runs import Advance, Job, Result, Settings
from sharpear.runs.on_gpu import run_packed
from sharpear.runs.sharpening_task import Sharpening, sharpen_file
from sharpear.sharpening.frames import Frames

SILENT = 1e-8
"""Atoms this far below the loudest (-160 dB) do not sound: activities fade below, and to 0 a frame sooner or later."""

RECORDING = Path(__file__).parents[1] / "examples" / "audio" / "bach_bwv66.6.flac"


PRESETS = {"beliefs": "low-latency", "complex": "coherent"}


def small(device: Any, streams: int = 2, mode: str = "beliefs") -> sharpear.Sharpener:  # noqa: F811
    return sharpear.Sharpener(SAMPLE_RATE, PRESETS[mode], streams, SMALL_SETTINGS, device=device)


def assert_same(received: Frames, expected: Frames) -> None:
    np.testing.assert_array_equal(received.times, expected.times)
    ours, theirs = (frames.amplitude > SILENT * expected.amplitude.max() for frames in (received, expected))
    for name in ("amplitude", "instantaneous_frequency", "plain_amplitude"):
        errors = np.abs(getattr(received, name) - getattr(expected, name))
        if name == "instantaneous_frequency":  # where nothing sounds it is the atom's own, or that of what has faded
            errors = errors[ours & theirs]
        assert errors.max() <= LARGEST_ERROR * np.abs(getattr(expected, name)).max(), name
    same = (ours == theirs).all(axis=-1)
    assert same.mean() >= EQUAL_SUPPORTS, f"supports differ in {np.count_nonzero(~same)} of {same.size} frames"


@pytest.mark.parametrize("preset", ["music", "coherent"])
def test_four_seconds_of_a_recording(preset: str, device: DeviceBackend) -> None:  # noqa: F811
    sound, rate = soundfile.read(RECORDING, frames=4 * 44100, dtype="float32", always_2d=True)
    runs = []
    for place in ("cpu", device):
        sharpener = sharpear.Sharpener(rate, preset, device=place)
        runs.append(Frames.join([sharpener.process(sound[:, :1]), sharpener.flush()]))
    assert_same(runs[1], runs[0])
    if preset == "music":
        whose, expected = (run.fundamental for run in reversed(runs))
        assert (expected > 0).any()
        assert np.isclose(whose, expected, rtol=2 ** (1 / 1200) - 1).mean() >= EQUAL_SUPPORTS


@pytest.mark.parametrize("mode", PRESETS)
def test_a_state_moves_between_devices(mode: str, device: DeviceBackend) -> None:  # noqa: F811
    sound = audio(2)
    expected = small("cpu", mode=mode).process(sound)
    for order in (("cpu", device, "cpu"), (device, "cpu", device)):
        pieces, state = [], None
        for place, part in zip(order, np.array_split(sound, 3), strict=True):
            sharpener = small(place, mode=mode)
            sharpener.state = state or sharpener.state
            pieces.append(sharpener.process(part))
            state = sharpener.state
        assert_same(Frames.join(pieces), expected)


def test_a_transcriber_sharpens_there_and_decides_here(device: DeviceBackend) -> None:  # noqa: F811
    """Voices that nothing comes near, to a cent: which lines a pitch takes in can hang on the last bit."""
    t = np.arange(audio(2).shape[0])[:, None] / SAMPLE_RATE
    f0_hz = np.array([240.0, 320.0])
    sound = sum(0.3 / h * np.cos(2 * np.pi * h * f0_hz * t) for h in range(1, 8)).astype(np.float32)
    runs = []
    for place in ("cpu", device):
        transcriber = sharpear.Transcriber(SAMPLE_RATE, "low-latency", 2, SMALL_SETTINGS, device=place)
        pending = [transcriber.submit(block) for block in np.array_split(sound, 3)]
        runs.append(sharpear.PitchFrames.join([*(each.result() for each in pending), transcriber.flush()]))
    on_cpu, on_device = runs
    assert np.abs(on_device.amplitude - on_cpu.amplitude).max() <= LARGEST_ERROR * on_cpu.amplitude.max()
    assert np.isclose(on_device.f0, on_cpu.f0, rtol=2 ** (1 / 1200) - 1).mean() >= EQUAL_SUPPORTS
    assert (on_cpu.f0 > 0).any()


def test_a_state_without_a_past_moves_too(device: DeviceBackend) -> None:  # noqa: F811
    """Where nothing is aligned, the aligner's state holds no frame."""
    settings = SMALL_SETTINGS | {"frames.align_limit_ms": 0.0}
    on_cpu, on_gpu = (sharpear.Sharpener(SAMPLE_RATE, "coherent", 2, settings, device=d) for d in ("cpu", device))
    on_cpu.process(audio(2)[:2000])
    on_gpu.state = on_cpu.state
    assert on_gpu.state["path"]["aligner"]["held"].nbytes == 0
    assert_same(on_gpu.process(audio(2)[2000:]), on_cpu.process(audio(2)[2000:]))


def test_a_copy_goes_its_own_way(device: DeviceBackend) -> None:  # noqa: F811
    sharpener = small(device)
    sharpener.process(audio(2)[:2000])
    twin = copy.deepcopy(sharpener)
    expected = sharpener.process(audio(2)[2000:])
    sharpener.reset()
    received = twin.process(audio(2)[2000:])
    np.testing.assert_array_equal(received.amplitude, expected.amplitude)


def packed(jobs: list[Job], settings: Settings, device: DeviceBackend) -> dict[str, Result]:  # noqa: F811
    with Interruption() as interruption:
        events = list(run_packed(jobs, settings, device, interruption))
    assert any(isinstance(event, Advance) for event in events)
    return {event.job.source: event for event in events if isinstance(event, Result)}


@pytest.fixture
def files(folder: Path) -> list[Job]:
    """Three files of different length and channels, and one that is none."""
    for name, seconds, channels in (("a", 0.3, 1), ("b", 0.7, 2), ("c", 0.5, 1)):
        soundfile.write(f"{name}.wav", tone(seconds, channels=channels), 16000)
    Path("bad.wav").write_bytes(b"no sound")
    return [Job(f"{name}.wav", (f"out/{name}.npz",)) for name in ("a", "b", "bad", "c")]


def test_files_side_by_side_are_files_alone(files: list[Job], device: DeviceBackend) -> None:  # noqa: F811
    Path("out").mkdir()
    config = load_config("low-latency", SMALL_SETTINGS)
    results = packed(files, Settings(Sharpening(config)), device)
    assert {source: result.status for source, result in results.items()} == {
        "a.wav": "done", "b.wav": "done", "c.wav": "done", "bad.wav": "failed",
    }  # fmt: skip
    for name in "abc":
        sharpen_file(Path(f"{name}.wav"), [Path(f"{name}.npz")], config, Selection())
        with np.load(f"{name}.npz") as alone, np.load(f"out/{name}.npz") as together:
            assert set(alone.files) == set(together.files)
            np.testing.assert_array_equal(together["amplitude"] != 0, alone["amplitude"] != 0)
            np.testing.assert_allclose(together["amplitude"], alone["amplitude"], rtol=0, atol=1e-5)
            np.testing.assert_array_equal(together["times"], alone["times"])
        assert examine(f"out/{name}.npz").attributes["complete"]
    again = Settings(Sharpening(config), skip_existing=True)
    with Interruption() as interruption:
        events = list(run_packed(files[:2], again, device, interruption))
    assert [event.status for event in events if isinstance(event, Result)] == ["skipped", "skipped"]


def test_a_long_file_in_segments_is_the_file_whole(
    folder: Path,
    device: DeviceBackend,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {
        "sharpen_lane.SEGMENT_S": 1.5,
        "sharpen_lane.WARM_UP_S": 2.0,
        "sharpen_lane.SHORTEST_FILE_S": 4.0,
    }.items():
        monkeypatch.setattr(f"sharpear.runs.{name}", value)
    sound = np.concatenate([audio(2)] * 8)
    sound[[100, 30000], 0] = np.nan, np.inf
    soundfile.write("long.wav", sound, 8000, subtype="FLOAT")
    config = load_config("low-latency", SMALL_SETTINGS)
    whole = sharpen_file(Path("long.wav"), [Path("whole.npz")], config, Selection())
    results = packed([Job("long.wav", ("cut.npz",))], Settings(Sharpening(config), at_once=2), device)
    assert results["long.wav"].status == "done", results["long.wav"].message
    assert results["long.wav"].outcome.replaced_samples == whole.replaced_samples == 2
    with np.load("whole.npz") as one, np.load("cut.npz") as other:
        np.testing.assert_allclose(other["times"], one["times"], rtol=0, atol=1e-9)
        largest = one["amplitude"].max()
        assert np.abs(other["amplitude"] - one["amplitude"]).max() <= LARGEST_ERROR * largest
        same = ((other["amplitude"] != 0) == (one["amplitude"] != 0)).all(axis=-1)
        assert same.mean() >= EQUAL_SUPPORTS
    assert not leftovers(folder)


@pytest.mark.parametrize(("channels", "streams"), [(1, 8), (2, 8), (3, 6), (9, 9)])
def test_a_long_file_is_cut_into_as_many_streams_as_are_heard_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, channels: int, streams: int
) -> None:
    def built(rate: float, config: Any, streams: int, **options: Any) -> Any:
        raise UsageError(f"{streams} streams")

    for name, value in {
        "sharpen_lane.SEGMENT_S": 1.0,
        "sharpen_lane.STREAMS_AT_ONCE": 8,
        "sharpening_task.Sharpener": built,
    }.items():
        monkeypatch.setattr(f"sharpear.runs.{name}", value)
    soundfile.write("long.wav", np.zeros((130 * 8000, channels), np.float32), 8000)
    settings = Settings(Sharpening(load_config("low-latency", SMALL_SETTINGS)), at_once=2)
    with Interruption() as interruption:
        (result,) = run_packed([Job("long.wav", ("cut.npz",))], settings, host_gpu(), interruption)
    assert isinstance(result, Result)
    assert result.message == f"{streams} streams"


class SmallGpu(HostDriver):
    """A GPU that has memory for so many streams, or that fails after so many arrays."""

    def __init__(self, streams: int = 99, arrays: int = 10**9) -> None:
        super().__init__()
        self.streams, self.arrays = streams, arrays

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Any:
        self.arrays -= 1
        if self.arrays < 0:
            raise RuntimeError("unspecified launch failure")
        if len(shape) > 1 and shape[1] > self.streams:
            raise MemoryError
        return super().empty(shape, dtype)


@pytest.mark.compiler
@pytest.mark.parametrize(("streams", "failed"), [(2, {"bad.wav"}), (1, {"bad.wav", "b.wav"})])
def test_a_pack_too_large_for_the_memory_is_split(files: list[Job], streams: int, failed: set[str]) -> None:
    Path("out").mkdir()
    results = packed(
        files, Settings(Sharpening(load_config("coherent", SMALL_SETTINGS))), DeviceBackend(SmallGpu(streams))
    )
    assert {source for source, result in results.items() if result.status == "failed"} == failed
    assert {source for source, result in results.items() if result.status == "done"} == {
        "a.wav", "b.wav", "c.wav",
    } - failed  # fmt: skip
    assert "b.wav" not in failed or "no memory left" in results["b.wav"].message


@pytest.mark.compiler
def test_a_lost_card_leaves_nothing_half_done(files: list[Job], folder: Path) -> None:
    Path("out").mkdir()
    results = packed(
        files, Settings(Sharpening(load_config("coherent", SMALL_SETTINGS))), DeviceBackend(SmallGpu(arrays=34))
    )
    assert all(result.status == "failed" for result in results.values())
    assert "unspecified launch failure" in results["a.wav"].message
    assert not list(Path("out").iterdir())
    assert not leftovers(folder)


class LittleGpu(HostDriver):
    """A GPU whose blocks have next to no working memory."""

    def function(self, source: str, name: str, shared_bytes: int) -> Any:
        if shared_bytes > 500:
            raise LayerTooLargeError(f"expected at most 500 bytes, received {name} with {shared_bytes}")
        return super().function(source, name, shared_bytes)


@pytest.mark.compiler
@pytest.mark.parametrize("command", ["sharpen", "separate"])
def test_a_layer_too_large_for_a_block_is_a_line(monkeypatch: pytest.MonkeyPatch, sharpear, wav, command) -> None:
    monkeypatch.setattr("sharpear.sharpening.processor.open_gpu", lambda index: DeviceBackend(LittleGpu()))
    words = ["--preset", "speech"] if command == "sharpen" else []
    done = sharpear(command, *words, "--device", "gpu", wav(), "-o", "out", "-q")
    assert done.code == 2
    assert one_line(done.err)
    assert re.search(r"expected at most 500 bytes, received \w+ with \d+, or take --device cpu", done.err)
    assert not Path("out").exists()


def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch, sharpen, wav) -> None:
    def none(index: int) -> DeviceBackend:
        raise GpuUnavailableError("no CUDA GPU: no driver")

    monkeypatch.setattr("sharpear.sharpening.processor.open_gpu", none)
    assert small("auto").backend is sharpear.Sharpener(SAMPLE_RATE).backend
    for word in ("gpu", "gpu:1"):
        with pytest.raises(UsageError, match=f"--device {word}: no CUDA GPU"):
            small(word)
    with pytest.raises(UsageError, match="expected the device cpu, gpu, gpu:1 or auto, received 'tpu'"):
        small("tpu")
    finished = sharpen("--device", "gpu", wav())
    assert finished.code == 2
    assert one_line(finished.err)
    assert sharpen("--device", "auto", wav("b.wav")).code == 0


@pytest.mark.compiler
@pytest.mark.parametrize("mode", PRESETS)
def test_auto_takes_it_whatever_the_mode(monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    found = host_gpu()
    monkeypatch.setattr("sharpear.sharpening.processor.open_gpu", lambda index: found)
    assert small("auto", mode=mode).backend is found


@pytest.mark.compiler
def test_the_command_uses_it(monkeypatch: pytest.MonkeyPatch, sharpear, sharpen, wav) -> None:
    monkeypatch.setattr("sharpear.sharpening.processor.open_gpu", lambda index: host_gpu())
    settings = [word for name, value in SMALL_SETTINGS.items() for word in ("--set", f"{name}={value}")]
    words = ["--preset", "low-latency", *settings, "--device", "gpu", "--format", "npz"]
    assert sharpear("sharpen", *words, wav(), wav("b.flac", channels=2)).code == 0
    assert Path("tone.npz").exists()
    assert Path("b.npz").exists()
    refused = sharpen("--device", "gpu", "-")
    assert refused.code == 2
    assert one_line(refused.err)
