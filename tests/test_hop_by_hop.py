"""Stages that run together, a hop of a stream at a time, against the same ones each by itself."""

import copy
import threading
from typing import Any

import numpy as np
import pytest

from sharpear.gpu import CPU
from sharpear.sharpening import cores
from sharpear.sharpening.frames import Frames
from sharpear.sharpening.sharpener import Sharpener

RATE, STREAMS = 8000, 3
WINDOWS = {"voices.enabled": False}


class StageByStage(type(CPU)):  # type: ignore[misc]
    """The CPU under another name, which gets no more than its stages."""


def sound(samples: int) -> np.ndarray:
    """(samples, streams): each another chord over noise; the last is silent, with a click."""
    rng = np.random.default_rng(3)
    t = np.arange(samples)[:, None] / RATE
    hz = np.array([220.0, 331.0, 440.0])
    wave = sum(0.1 / h * np.cos(2 * np.pi * h * hz * t + h) for h in range(1, 6))
    wave = (wave + 1e-3 * rng.standard_normal((samples, STREAMS))).astype(np.float32)
    wave[:, 2] = 0
    wave[500, 2] = 0.5
    wave[700, 1] = np.nan
    return wave


@pytest.fixture(scope="module")
def made() -> tuple[Sharpener, Sharpener, Frames, Frames]:
    together, apart = (Sharpener(RATE, "music", STREAMS, WINDOWS, device=device) for device in ("cpu", StageByStage()))
    wave = sound(RATE)
    return together, apart, together.process(wave), apart.process(wave)


def equal(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[name], other[name]) for name in one)
    return one.tobytes() == other.tobytes() if hasattr(one, "tobytes") else bool(one == other)


@pytest.mark.slow
def test_frames_and_states_are_the_same_to_the_last_bit(made: tuple[Sharpener, Sharpener, Frames, Frames]) -> None:
    together, apart, ours, theirs = made
    assert np.count_nonzero(ours.amplitude) > 1000
    assert ours == theirs
    assert equal(together.state, apart.state)
    np.testing.assert_array_equal(together.replaced, [0, 1, 0])


@pytest.mark.slow
def test_a_copy_goes_on_by_itself(made: tuple[Sharpener, Sharpener, Frames, Frames]) -> None:
    twin, before = copy.deepcopy(made[0]), made[0].state
    first = twin.process(sound(800))
    assert equal(made[0].state, before)
    assert copy.deepcopy(made[0]).process(sound(800)) == first


@pytest.mark.slow
def test_silence_is_as_if_it_had_been_computed(made: tuple[Sharpener, Sharpener, Frames, Frames]) -> None:
    """From when on nothing is left of the sound, and when sound comes back; a state that is set is looked at anew."""
    together, apart = made[:2]
    for sharpener in (together, apart):
        sharpener.reset()
    silence, wave = np.zeros((3 * RATE, STREAMS), np.float32), sound(800)
    for block in (wave, silence, wave, silence, silence):
        assert together.process(block) == apart.process(block)
    assert (together._path._at_once._resting == together._path._at_once._listened.values.deepest).all()
    assert equal(together.state, apart.state)
    for sharpener in (together, apart):
        sharpener.reset()
        sharpener.process(sound(RATE))
    kept, nothing = together.state, Sharpener(RATE, "music", STREAMS, WINDOWS)
    nothing.process(silence)
    nothing.state = kept
    assert nothing.process(silence[:800]) == apart.process(silence[:800])


@pytest.mark.slow
def test_voices_are_the_same_but_for_the_last_bits() -> None:
    """Their fits, near to singular where a sound has just ended, are code that LLVM arranges as it sees the callers."""
    together, apart = (Sharpener(RATE, "music", STREAMS, device=device) for device in ("cpu", StageByStage()))
    found, loudest = False, 0.0
    for block in (sound(RATE), np.zeros((RATE, STREAMS), np.float32), sound(800)):
        ours, theirs = together.process(block), apart.process(block)
        found, loudest = found or bool((ours.fundamental > 0).any()), max(loudest, float(ours.amplitude.max()))
        np.testing.assert_allclose(ours.amplitude, theirs.amplitude, rtol=0, atol=1e-5 * loudest)
        assert np.isclose(ours.fundamental, theirs.fundamental, rtol=1e-4).mean() > 0.9999
    assert found


@pytest.mark.slow
@pytest.mark.parametrize(("preset", "settings"), [("coherent", {}), ("music", WINDOWS)])
def test_subbands_are_the_same_to_the_last_bit(preset: str, settings: dict[str, Any]) -> None:
    """With blocks that end within hops, and with a state that came from the stages each by itself."""
    together, apart = (
        Sharpener(RATE, preset, STREAMS, settings, phases=True, device=device) for device in ("cpu", StageByStage())
    )
    wave, received, expected = sound(RATE), [], []
    for n, block in enumerate(np.split(wave, [10, 300, 301, 4000])):
        received.append(together.process(block))
        expected.append(apart.process(block))
        assert equal(together.state, apart.state)
        if n == 3:
            together.reset()
            together.state = apart.state
    ours, theirs = Frames.join(received), Frames.join(expected)
    assert ours == theirs
    assert np.count_nonzero(ours.amplitude) > 1000
    np.testing.assert_array_equal(together.replaced, [0, 1, 0])


@pytest.mark.slow
def test_audio_of_another_shape_is_refused(made: tuple[Sharpener, Sharpener, Frames, Frames]) -> None:
    for wrong in (np.zeros(100, np.float32), np.zeros((100, 2), np.float32)):
        with pytest.raises(ValueError, match=r"expected audio of shape \(samples, 3\)"):
            made[0].listen(wrong)


def test_work_is_done_once_each_on_no_more_threads_than_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "cores", lambda: 3)
    monkeypatch.setattr(cores, "_helpers", cores._Helpers())
    together, done, threads = threading.Barrier(3), [], set()

    def work(n: int) -> None:
        if n < 3:
            together.wait(10)  # passes only if three run side by side
        threads.add(threading.current_thread())
        done.append(n)

    cores.each_on_a_core(9, work)
    assert sorted(done) == list(range(9))
    assert len(threads) == 3
    with cores.one_taken(), cores.one_taken():
        threads.clear()
        cores.each_on_a_core(4, lambda n: threads.add(threading.current_thread()))
        assert threads == {threading.current_thread()}


def test_what_fails_beside_is_raised_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "cores", lambda: 2)
    monkeypatch.setattr(cores, "_helpers", cores._Helpers())

    def fail(n: int) -> None:
        raise RuntimeError("no")

    for _ in range(3):  # and what was taken is given back
        with pytest.raises(RuntimeError, match="no"):
            cores.each_on_a_core(2, fail)
    assert cores._helpers.free.acquire(blocking=False)
