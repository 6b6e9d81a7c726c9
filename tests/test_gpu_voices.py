"""Preset music, voices included, on a GPU: on the host in its place, and on a card where there is one."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from host_gpu import host_gpu
from small_parts import beliefs_of_8_khz
from test_gpu_cupy import Card, card  # noqa: F401 (a fixture)
from test_gpu_parity import device  # noqa: F401 (a fixture)
from test_gpu_sharpener import assert_same, packed

from sharpear.audio import Selection
from sharpear.config import load_config
from sharpear.dsp import HannBank, longest_window, pair_finder
from sharpear.dynamics.beliefs import load_beliefs
from sharpear.dynamics.voice_beliefs import load_voice_beliefs
from sharpear.gpu import Backend, DeviceBackend, open_gpu
from sharpear.runs import Job, Settings
from sharpear.runs.sharpening_task import Sharpening, sharpen_file
from sharpear.sharpening.belief_code import line_rule
from sharpear.sharpening.frames import Frames
from sharpear.sharpening.judge import Judge
from sharpear.sharpening.sharpener import Sharpener
from sharpear.sharpening.voiced_judge import VoicedJudge
from sharpear.voices.tracker_arrays import TrackerOut

RATE, HOP, STREAMS = 8000, 23, 3
ODD = (1, 10, 300, 301, 1777, 4000, 4022, 5001)
"""Samples at which blocks end, within hops, and within rows of voices."""


def sound(samples: int = RATE) -> np.ndarray:
    """(samples, streams): a fifth that swells, a voice that another follows, and silence with a click and a NaN."""
    t = np.arange(samples)[:, None] / RATE
    voice = lambda hz: sum(0.1 / h * np.cos(2 * np.pi * h * hz * t + h) for h in range(1, 7))  # noqa: E731
    wave = np.concatenate([(voice(220.0) + voice(330.5)) * np.exp(t), voice(311.0), 0 * t], axis=1)
    wave[samples // 2 :, 1:2] += voice(415.0)[samples // 2 :]
    wave[:, :2] += 1e-4 * np.random.default_rng(3).standard_normal((samples, 2))
    wave[500, 2], wave[700, 2] = 0.5, np.nan
    return wave.astype(np.float32)


def music(place: Any) -> Sharpener:
    return Sharpener(RATE, "music", STREAMS, device=place)


def assert_same_voices(received: Frames, expected: Frames) -> None:
    """As all frames; and lines are of the same voices, to a cent."""
    assert_same(received, expected)
    assert received.fundamental is not None
    assert expected.fundamental is not None
    assert np.isclose(received.fundamental, expected.fundamental, rtol=2 ** (1 / 1200) - 1).mean() > 0.9999


@pytest.fixture(scope="module")
def on_cpu() -> tuple[Frames, Sharpener]:
    sharpener = music("cpu")
    return sharpener.process(sound()), sharpener


def test_frames_are_the_cpus_whatever_the_blocks(
    device: DeviceBackend,  # noqa: F811
    on_cpu: tuple[Frames, Sharpener],
) -> None:
    expected, sharpener = on_cpu
    for s in range(2):
        assert (expected.fundamental[:, s] > 0).any(), "voices are found in it"
    there = music(device)
    whole = there.process(sound())
    assert_same_voices(whole, expected)
    np.testing.assert_array_equal(there.replaced, sharpener.replaced)
    ours, theirs = (one.state["path"]["code"]["voices"] for one in (there, sharpener))
    assert ours.dtype == theirs.dtype
    for name in ours.dtype.names:
        np.testing.assert_array_equal(ours[name], theirs[name], name)
    there.reset()
    pending = [there.submit(block) for block in np.split(sound(), ODD)]
    assert Frames.join([each.result() for each in pending]) == whole


def test_a_state_moves_between_devices_within_a_hop(
    device: DeviceBackend,  # noqa: F811
    on_cpu: tuple[Frames, Sharpener],
) -> None:
    for order in (("cpu", device, "cpu"), (device, "cpu", device)):
        pieces, state = [], None
        for place, part in zip(order, np.split(sound(), [4001, 6010]), strict=True):
            sharpener = music(place)
            sharpener.state = state or sharpener.state
            pieces.append(sharpener.process(part))
            state = sharpener.state
        assert_same_voices(Frames.join(pieces), on_cpu[0])


def test_a_copy_goes_its_own_way(device: DeviceBackend) -> None:  # noqa: F811
    sharpener, wave = music(device), sound()
    sharpener.process(wave[:4001])
    twin = copy.deepcopy(sharpener)
    expected = sharpener.process(wave[4001:])
    sharpener.reset()
    assert twin.process(wave[4001:]) == expected


def test_with_phases_too(device: DeviceBackend) -> None:  # noqa: F811
    both = [Sharpener(RATE, "music", STREAMS, phases=True, device=place).process(sound()) for place in ("cpu", device)]
    assert_same_voices(both[1], both[0])
    assert np.abs(both[1].subband - both[0].subband).max() < 1e-5


def voiced(backend: Backend) -> list[np.ndarray]:
    """What the kernel alone makes of windows and of what is said of voices."""
    config = load_config("music")
    bank, design = beliefs_of_8_khz()
    heard = HannBank(bank, STREAMS, backend).process(backend.array(sound()))
    finder = pair_finder(bank, line_rule(config.lines, HOP / RATE), STREAMS, backend)
    judge = Judge(design, load_beliefs("music").weights, np.geomspace(100, 3500, 200), "log", STREAMS, backend)
    voices = VoicedJudge(judge, design, load_voice_beliefs("music"), STREAMS, backend)
    return [backend.numpy(part) for part in voices.process(heard, finder.process(longest_window(bank, heard)))]


@pytest.mark.compiler
def test_the_number_and_order_of_threads_do_not_matter() -> None:
    expected = voiced(host_gpu(32))
    assert (expected[2] > 0).any()
    for threads in (1, 7):
        for part, other in zip(voiced(host_gpu(threads, order=threads)), expected, strict=True):
            np.testing.assert_array_equal(part, other, f"{threads} threads")


def test_lines_and_partials_on_the_atoms(device: DeviceBackend) -> None:  # noqa: F811
    """What drives the network: nothing is decided yet that the last bit could turn."""
    received, expected = (music(place).listen(sound()) for place in (device, "cpu"))
    for name in ("drive", "frequency_hz", "fundamental_hz"):
        ours, theirs = device.numpy(getattr(received, name)), getattr(expected, name)
        assert theirs.any()
        assert np.abs(ours - theirs).max() <= 1e-5 * np.abs(theirs).max(), name


@pytest.mark.compiler
def test_voices_are_followed_while_the_card_is_at_work(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    """What it has to do without them is asked for before; nobody waits for it; what they say goes up after."""
    sharpener = music(open_gpu())
    follower = sharpener._path._code._voices._follower
    follow = follower.process
    monkeypatch.setattr(follower, "process", lambda hops: (card.calls.append(("host", "follows")), follow(hops))[1])
    card.calls.clear()
    for block in np.split(sound(), 2):
        sharpener.submit(block)
    steps = [
        ("computing", "hann_process"),
        ("host", "follows"),
        *[("up", "copies")] * len(TrackerOut._fields),
        ("computing", "hear_process"),
        ("computing", "own"),
        *[("down", "copies")] * 4,
    ]
    asked = [call for call in card.calls if call in steps]
    assert asked == 2 * [("up", "copies"), *steps]
    assert ("host", "waits for", "down") not in card.calls


@pytest.mark.compiler
def test_without_voices_nothing_of_them_is_computed_there() -> None:
    sharpener = Sharpener(RATE, "music", 1, {"voices.enabled": False}, device=host_gpu())
    assert sharpener.process(sound()[:, 0]).fundamental is None


def test_files_keep_whose_partials_lines_are(
    folder: Path,
    device: DeviceBackend,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Side by side, one of them in parts."""
    for name, value in {"SEGMENT_S": 1.5, "WARM_UP_S": 1.0, "SHORTEST_FILE_S": 2.0}.items():
        monkeypatch.setattr(f"sharpear.runs.sharpen_lane.{name}", value)
    Path("out").mkdir()
    wave = sound()[:, :2]
    soundfile.write("short.wav", wave, RATE, subtype="FLOAT")
    soundfile.write("long.wav", np.concatenate([wave[:, :1]] * 3), RATE, subtype="FLOAT")
    config = load_config("music")
    jobs = [Job(f"{name}.wav", (f"out/{name}.npz",)) for name in ("short", "long")]
    results = packed(jobs, Settings(Sharpening(config), at_once=2), device)
    assert [result.status for result in results.values()] == ["done"] * 2, [r.message for r in results.values()]
    for name in ("short", "long"):
        sharpen_file(Path(f"{name}.wav"), [Path(f"{name}.npz")], config, Selection())
        with np.load(f"{name}.npz") as alone, np.load(f"out/{name}.npz") as together:
            assert set(alone.files) == set(together.files)
            assert (alone["fundamental"] > 0).any()
            same = np.isclose(together["fundamental"], alone["fundamental"], rtol=1e-3)
            assert same.mean() > 0.999
            np.testing.assert_allclose(together["amplitude"], alone["amplitude"], rtol=0, atol=1e-5)
