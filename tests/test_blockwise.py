"""A loop over frames: what it yields, when it closes its source, and that asyncio's loop goes on meanwhile."""

import asyncio
import threading
from contextlib import aclosing

import numpy as np
import pytest

import sharpear
from sharpear.sharpening.frames import Frames

RATE = 16000
SMALL = {"bank.channels": 24, "bank.low_hz": 200.0, "bank.high_hz": 3000.0, "atoms.count": 40}
WHAT = RATE, "low-latency", SMALL
SOUND = (0.3 * np.cos(2 * np.pi * 440 / RATE * np.arange(9000))).astype(np.float32)
EXPECTED = sharpear.sharpen(SOUND, *WHAT)


class Microphone:
    """Blocks of a sound, and whether it is closed."""

    def __init__(self, sound=SOUND, samples=700):
        self.blocks = [sound[n : n + samples] for n in range(0, len(sound), samples)]
        self.closed = False

    def __iter__(self):
        return iter(self.blocks)

    def close(self):
        self.closed = True

    async def awaited(self):
        try:
            for block in self.blocks:
                await asyncio.sleep(0)
                yield block
        finally:
            self.closed = True


def test_a_loop_gives_the_frames_of_the_whole_and_closes_its_source():
    microphone = Microphone()
    pieces = list(sharpear.stream(microphone, *WHAT))
    assert all(len(frames) for frames in pieces)
    assert len(pieces) > 10
    joined = Frames.join(pieces)
    assert joined.amplitude.tobytes() == EXPECTED.amplitude.tobytes()
    assert joined.times.tolist() == EXPECTED.times.tolist()
    assert microphone.closed


def test_streams_are_those_of_the_first_block_that_is_not_empty():
    both = np.stack([SOUND, SOUND / 2], axis=1)
    joined = Frames.join(list(sharpear.stream([both[:0], both[:5], both[5:]], *WHAT)))
    assert np.array_equal(joined.amplitude[:, 0], EXPECTED.amplitude)
    phased = next(sharpear.stream([SOUND], *WHAT, start_s=3.0, phases=True))
    assert phased.times[0] == 3.0
    assert phased.phase is not None


def test_a_loop_that_is_left_closes_its_source():
    microphone = Microphone()
    for _ in sharpear.stream(microphone, *WHAT):
        assert not microphone.closed
        break
    assert microphone.closed
    broken = Microphone()
    broken.blocks[3] = np.zeros(10, np.int16)
    with pytest.raises(sharpear.UsageError, match="received int16"):
        list(sharpear.stream(broken, *WHAT))
    assert broken.closed


def test_nothing_gives_nothing():
    assert list(sharpear.stream([], *WHAT)) == []
    assert list(sharpear.stream([SOUND[:0]], *WHAT)) == []
    with pytest.raises(sharpear.UsageError, match="unknown preset 'nope'"):
        list(sharpear.stream([SOUND], RATE, "nope"))
    with pytest.raises(sharpear.UsageError, match=r"transpose it \(audio\.T\)"):
        list(sharpear.stream([np.zeros((2, 700), np.float32)], *WHAT))


def test_an_awaited_loop_gives_the_same_and_computes_in_other_threads(monkeypatch):
    threads = set()
    process = sharpear.Sharpener.process

    def spied(self, block):
        threads.add(threading.get_ident())
        return process(self, block)

    monkeypatch.setattr(sharpear.Sharpener, "process", spied)

    async def pieces():
        return [frames async for frames in sharpear.astream(Microphone().awaited(), *WHAT)]

    assert Frames.join(asyncio.run(pieces())).amplitude.tobytes() == EXPECTED.amplitude.tobytes()
    assert threads
    assert threading.get_ident() not in threads


def test_an_awaited_loop_that_is_left_closes_its_source():
    microphone = Microphone()

    async def first():
        async with aclosing(sharpear.astream(microphone.awaited(), *WHAT)) as frames:
            async for _ in frames:
                break
        return microphone.closed

    assert asyncio.run(first())

    async def wrong():
        return [frames async for frames in sharpear.astream([SOUND], *WHAT)]

    with pytest.raises(sharpear.UsageError, match=r"received list: sharpear\.stream takes"):
        asyncio.run(wrong())
