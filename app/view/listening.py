"""A recording listened to in stretches side by side, its evidence in order, as of one that is listened to unbroken."""

import copy
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from queue import SimpleQueue
from threading import Event

import numpy as np

from sharpear.compiler import Floats
from sharpear.sharpening.cores import cores
from sharpear.sharpening.evidence import Evidence
from sharpear.sharpening.sharpener import Sharpener

LONGEST_S = 240.0
"""Sound that is listened to side by side: what is heard too early waits, 2.7 MB of evidence a second."""
DECIDED_SHARE = 0.2
"""Deciding about a stretch and drawing it take so much of what listening to it takes."""
WARM_UP_S = 10.0
"""Sound that a stretch hears beforehand: presets have forgotten what was before, to the last bit, after 2 to 6 s."""
MOST_AT_ONCE = 4


@dataclass(frozen=True)
class Stretch:
    """Sound to listen to, and how many of its first hops only warm up."""

    audio: Floats
    warm_hops: int


def evidence_of(blocks: Iterable[Floats], samples: int, sharpener: Sharpener, at_once: int = 0) -> Iterator[Evidence]:
    """The evidence of (samples, 1) of sound, block by block and in order, as `Sharpener.listen` gives it unbroken.

    samples: how many there are.  at_once: stretches that are listened to side by side; one for each core by default.

    >>> sharpener, sound = Sharpener(16000, "low-latency"), np.zeros((8000, 1), np.float32)
    >>> sum(map(len, evidence_of([sound], 8000, sharpener))) == sharpener.hops_for(8000)
    True
    """
    at_once = at_once or min(cores(), MOST_AT_ONCE)
    stretches = _stretches(blocks, samples, sharpener, at_once)
    ending, idle = Event(), [copy.deepcopy(sharpener) for _ in range(at_once)]
    waiting: list[tuple[Future[None], SimpleQueue[Evidence | None]]] = []
    with ThreadPoolExecutor(at_once, "listening") as pool:

        def listen(stretch: Stretch, heard: "SimpleQueue[Evidence | None]") -> None:
            listener = idle.pop()
            try:
                if stretch.warm_hops:
                    listener.reset()
                _listen(listener, stretch, heard, ending)
            finally:
                idle.append(listener)
                heard.put(None)

        def begin() -> None:
            while len(waiting) < at_once and (stretch := next(stretches, None)):
                heard: SimpleQueue[Evidence | None] = SimpleQueue()
                waiting.append((pool.submit(listen, stretch, heard), heard))

        try:
            begin()
            while waiting:
                listening, heard = waiting.pop(0)
                while evidence := heard.get():
                    yield evidence
                    begin()  # one more is read while this one is heard, so that no listener waits for it
                listening.result()
                begin()
        finally:
            ending.set()


def _listen(sharpener: Sharpener, stretch: Stretch, heard: "SimpleQueue[Evidence | None]", ending: Event) -> None:
    warm, step = stretch.warm_hops, round(sharpener.sample_rate / 2)
    for first in range(0, len(stretch.audio), step):
        if ending.is_set():
            return
        evidence = sharpener.listen(stretch.audio[first : first + step])
        new, warm = evidence[warm:], max(0, warm - len(evidence))
        if len(new):
            heard.put(new)


def _stretches(blocks: Iterable[Floats], samples: int, sharpener: Sharpener, at_once: int) -> Iterator[Stretch]:
    """Whole hops each, the last one completed by the silence that flushes what is on its way.

    Each begins at a multiple of the sharpener's period, where sums are rounded as in an unbroken run.
    """
    hop, period, hops = sharpener.hop, sharpener.period_hops, sharpener.hops_for(samples)
    longest, warm = (round(seconds * sharpener.sample_rate / hop) for seconds in (LONGEST_S, WARM_UP_S))
    sound, held, begin, first = _then_silence(blocks, samples, hops * hop), np.zeros((0, 1), np.float32), 0, 0
    for last in _ends(hops, at_once, warm, longest):
        pieces, missing = [held], (last - begin) * hop - len(held)
        while missing > 0:
            pieces.append(next(sound))
            missing -= len(pieces[-1])
        held = np.concatenate(pieces)
        yield Stretch(held[: (last - begin) * hop], first - begin)
        next_begin = max(0, last - warm) // period * period if at_once > 1 else last
        held, begin, first = held[(next_begin - begin) * hop :], next_begin, last


def _ends(hops: int, at_once: int, warm: int, longest: int) -> Iterator[int]:
    """Where stretches end; only the first of all need not warm up.  longest: hops that are listened to together, about.

    Those that begin together are decided one after the other: each is heard for longer than the one before, by as much
    as deciding about itself takes, so that there is nothing left to decide when the last has been heard.

    >>> list(_ends(240, 2, 10, 240)), list(_ends(12, 2, 10, 240)), list(_ends(600, 1, 10, 240))
    ([112, 240], [12], [300, 600])
    """
    for begin, until in pairwise(np.linspace(0, hops, max(1, round(hops / longest)) + 1).round()):
        span, less = until - begin, warm if begin == 0 else 0
        longer = (1 - DECIDED_SHARE) ** -np.arange(1, min(at_once, max(1, span // warm)))
        first = (span + less * longer.sum()) / (1 + longer.sum())
        yield from (round(begin + end) for end in np.cumsum([first, *(first - less) * longer]))


def _then_silence(blocks: Iterable[Floats], samples: int, whole: int) -> Iterator[Floats]:
    """`samples` of sound, or fewer if it ends before, and what is missing of the `whole`."""
    passed = 0
    for block in blocks:
        block = block[: samples - passed]
        passed += len(block)
        yield block
    yield np.zeros((whole - passed, 1), np.float32)
