"""The worker: reads the ring, sharpens, hands on the frames."""

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sharpear.sharpening.frames import Frames
from sharpear.sharpening.sharpener import Sharpener
from sharpear.system import hurried

from .clock import now_ns
from .load import LoadMeter
from .ring import ARRIVED_NS, Reader, Ring
from .status import decibels

LARGEST_BLOCK = 4096
PEAK_FALL_DB_PER_S = 20.0
RMS_S = 0.1
IDLE_S = 0.1


@dataclass(frozen=True)
class Gap:
    """Time that no frame stands for: where it begins and how long it is, s, and of that, what was dropped here."""

    start_s: float
    length_s: float
    dropped_s: float


class Listener(Protocol):
    """Is given the frames, in the worker's thread: each call must be short, and must not fail."""

    def begin(self, sharpener: Sharpener, preset: str) -> None:
        """Be told that the frames that follow are of this sharpener."""

    def frames(self, frames: Frames) -> None:
        """Be given frames of shape (frames, streams, atoms)."""

    def gap(self, gap: Gap) -> None:
        """Be told that for a while no samples came, or some were dropped."""


class Worker(threading.Thread):
    """Drive a `Sharpener` over what a reader finds, until `finish` or `until`.

    At a gap the frames on their way are completed by silence, and the sharpener begins anew at the time after the gap:
    times stay true, and no frame mixes sound from before and after.

    Args:
        ring, reader: where the samples are.
        sharpener: warmed up.
        preset: what it is called.
        listeners: are given every frame, in this order.
        until: samples of time at which to end.
    """

    def __init__(
        self,
        ring: Ring,
        reader: Reader,
        sharpener: Sharpener,
        preset: str,
        listeners: list[Listener],
        until: int | None = None,
    ) -> None:
        super().__init__(daemon=True, name="worker")
        self.load = LoadMeter()
        self.gaps: deque[Gap] = deque()
        self.clock = self.frames = 0
        self.peak = self.mean_square = self.queue_s = 0.0
        self.sharpener, self.preset = sharpener, preset
        self.done = threading.Event()
        self.error: BaseException | None = None
        self._ring, self._reader, self._listeners, self._until = ring, reader, listeners, until
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._next: tuple[Sharpener, str] | None = None

    def wake(self) -> None:
        """Wake the worker, because there may be something to read."""
        self._wake.set()

    def switch(self, sharpener: Sharpener, preset: str) -> None:
        """Go on with another sharpener, warmed up, at the next block."""
        self._next = (sharpener, preset)
        self.wake()

    def finish(self) -> None:
        """Sharpen what waits, and end."""
        self._ending.set()
        self.wake()
        self.join()

    def run(self) -> None:
        """Work until the end: the body of the thread."""
        with hurried():
            self._work()

    def _work(self) -> None:
        try:
            self._begin(self.sharpener, self.preset)
            while self._until is None or self.clock < self._until:
                chunk = self._reader.read(LARGEST_BLOCK)
                if chunk is not None:
                    self._take(chunk.samples, chunk.lost, chunk.dropped)
                elif self._ending.is_set():
                    break
                else:
                    self._wake.wait(IDLE_S)
                    self._wake.clear()
            self._hand_on(self.sharpener.flush())
        except BaseException as error:
            self.error = error
        self.done.set()

    def _begin(self, sharpener: Sharpener, preset: str) -> None:
        sharpener.reset(self.clock / sharpener.sample_rate)
        self.sharpener, self.preset = sharpener, preset
        for listener in self._listeners:
            listener.begin(sharpener, preset)

    def _take(self, samples: NDArray[np.float32], lost: int, dropped: int) -> None:
        started = time.perf_counter()
        rate = self.sharpener.sample_rate
        if lost:
            self._pass_gap(Gap(self.clock / rate, lost / rate, dropped / rate), lost)
        if self._next:
            self._complete()
            following, self._next = self._next, None
            self._begin(*following)
        if self._until is not None:
            samples = samples[: max(0, self._until - self.clock)]
        self._hand_on(self.sharpener.process(samples))
        self.clock += len(samples)
        self._measure_level(samples, len(samples) / rate)
        busy_ms = (time.perf_counter() - started) * 1e3
        hop = self.sharpener.hop
        self.load.add(busy_ms, len(samples) / hop, hop / rate * 1e3)
        age_s = (now_ns() - int(self._ring.header[ARRIVED_NS])) / 1e9 + self._reader.waiting / rate
        self.queue_s += 0.05 * (age_s - self.queue_s)

    def _pass_gap(self, gap: Gap, lost: int) -> None:
        self._complete()
        self.clock += lost
        self.sharpener.reset(self.clock / self.sharpener.sample_rate)
        self.gaps.append(gap)
        for listener in self._listeners:
            listener.gap(gap)

    def _complete(self) -> None:
        """The frames on their way, up to where the next stream's will begin."""
        frames = self.sharpener.flush()
        self._hand_on(frames[: int(np.searchsorted(frames.times, self.clock / self.sharpener.sample_rate))])

    def _hand_on(self, frames: Frames) -> None:
        if len(frames):
            self.frames += len(frames)
            for listener in self._listeners:
                listener.frames(frames)

    def _measure_level(self, samples: NDArray[np.float32], length_s: float) -> None:
        with np.errstate(over="ignore", invalid="ignore"):
            peak = float(np.abs(samples).max(initial=0.0))
            square = float(np.square(samples).mean()) if samples.size else 0.0
        if not np.isfinite(peak + square):
            return
        self.peak = max(peak, self.peak * 10 ** (-PEAK_FALL_DB_PER_S * length_s / 20))
        self.mean_square += min(1.0, length_s / RMS_S) * (square - self.mean_square)

    @property
    def peak_db(self) -> float:
        """Largest sample of late, falling by 20 dB/s, dB of full scale."""
        return decibels(self.peak)

    @property
    def rms_db(self) -> float:
        """Root mean square over about 0.1 s, dB of full scale."""
        return decibels(self.mean_square**0.5)
