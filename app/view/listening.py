"""A recording listened to in stretches side by side, its evidence in order, as of one that is listened to unbroken."""

import copy
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event

import numpy as np

from sharpear.compiler import Floats
from sharpear.sharpening.cores import cores
from sharpear.sharpening.evidence import Evidence
from sharpear.sharpening.sharpener import Sharpener

SHORTEST_S, LONGEST_S = 10.0, 60.0
"""The first stretch, and the longest: each is twice as long as the one before, so that there soon is a picture."""
WARM_UP_S = 10.0
"""Sound that a stretch hears beforehand: presets have forgotten what was before, to the last bit, after 2 to 6 s."""
MOST_AT_ONCE = 4
"""Each keeps a stretch's evidence in memory, 160 MB of the longest."""


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
    stretches = _stretches(blocks, samples, sharpener, WARM_UP_S if at_once > 1 else 0.0)
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
            for stretch in stretches:
                heard: SimpleQueue[Evidence | None] = SimpleQueue()
                waiting.append((pool.submit(listen, stretch, heard), heard))
                if len(waiting) >= at_once:
                    return

        try:
            begin()
            while waiting:
                listening, heard = waiting.pop(0)
                while evidence := heard.get():
                    yield evidence
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


def _stretches(blocks: Iterable[Floats], samples: int, sharpener: Sharpener, warm_up_s: float) -> Iterator[Stretch]:
    """Whole hops each, the last one completed by the silence that flushes what is on its way.

    Each begins at a multiple of the sharpener's period, where sums are rounded as in an unbroken run.
    """
    hop, period = sharpener.hop, sharpener.period_hops
    hops_per_s, hops = sharpener.sample_rate / hop, sharpener.hops_for(samples)
    first, last, begin = 0, round(SHORTEST_S * hops_per_s), 0
    held = np.zeros((0, 1), np.float32)
    for block in _then_silence(blocks, samples, hops * hop):
        held = np.concatenate([held, block])
        while begin * hop + len(held) >= min(last, hops) * hop and first < hops:
            last = min(last, hops)
            yield Stretch(held[: (last - begin) * hop], first - begin)
            length = min(2 * (last - first), round(LONGEST_S * hops_per_s))
            first, last = last, last + length
            warm = round(warm_up_s * hops_per_s)
            next_begin = max(0, first - warm) // period * period if warm else first
            held, begin = held[(next_begin - begin) * hop :], next_begin


def _then_silence(blocks: Iterable[Floats], samples: int, whole: int) -> Iterator[Floats]:
    """`samples` of sound, or fewer if it ends before, and what is missing of the `whole`."""
    passed = 0
    for block in blocks:
        block = block[: samples - passed]
        passed += len(block)
        yield block
    yield np.zeros((whole - passed, 1), np.float32)
