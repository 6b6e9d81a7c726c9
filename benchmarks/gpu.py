"""Streams in real time on a GPU: ``python -m benchmarks.gpu`` (make bench-gpu), which writes docs/gpu-<card>.md.

Every figure is of the whole `Sharpener`, audio up and frames down, in the preset music at 48 kHz: without voices but
where it is said, for these are followed on the CPU, whose cores they keep busy long before the card is. The share of a
kernel is measured in a run of its own with a wait after each launch.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import cycle, repeat
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

import sharpear
from benchmarks import gpu_limits, gpu_peers
from benchmarks.gpu_streams import CHORALE
from sharpear.gpu import CPU, Backend, DeviceBackend, GpuUnavailableError, Pending, open_gpu
from sharpear.gpu.backend import NO_CONSTANTS, Constants, Kernel
from sharpear.runs.sharpen_lane import SEGMENT_S, WARM_UP_S

RATE = 48000
STREAMS = (1, 16, 256, 1024, 4096, 16384)
VOICED_STREAMS = (1, 16, 64, 256)
STREAMS_TOGETHER = 2048
"""More have several sharpeners: a part's state holds 2 GiB, here 2800 streams."""

THROUGHPUT_BLOCK, LIVE_BLOCK = 4096, 256
WARM_UP_BLOCKS = 8
"""Until page-locked memory for blocks of both numbers of frames, and for those on their way, has been found."""


@dataclass(frozen=True)
class Row:
    """One number of streams: seconds of sound a second, and how long a block takes."""

    streams: int
    real_time_factor: float
    p50_ms: float
    p99_ms: float


def measure(
    device: Backend, streams: int, block: int, seconds: float, *, live: bool = False, voices: bool = False
) -> Row:
    """Blocks of noise through a new sharpener, for `seconds` of the clock after a warm-up.

    live: each block waits for its frames; otherwise they come while the next block is computed.
    voices: they are looked for, and blocks are of a chorale.
    """
    apart = range(0, streams, STREAMS_TOGETHER)
    together = [min(STREAMS_TOGETHER, streams - first) for first in apart]
    sharpeners = [_music(device, count, voices) for count in together]
    sounds = [_blocks(block, count, voices) for count in together]
    pending: deque[Pending[Any]] = deque()
    spent: list[float] = []
    while sum(spent) < seconds or len(spent) < 2 * WARM_UP_BLOCKS:
        begun = time.perf_counter()
        pending.extend(sharpener.submit(next(sound)) for sharpener, sound in zip(sharpeners, sounds, strict=True))
        while len(pending) > (0 if live else len(sharpeners)):
            pending.popleft().lent()
        spent.append(time.perf_counter() - begun)
    del spent[:WARM_UP_BLOCKS]
    p50, p99 = np.percentile(spent, [50, 99]) * 1e3
    return Row(streams, len(spent) * block / RATE / sum(spent), float(p50), float(p99))


def hour(device: Backend) -> float:
    """Seconds for an hour of mono sound as `--device gpu` cuts it: parts of 30 s with 10 s to warm up, side by side."""
    streams = round(3600 / SEGMENT_S)
    sharpener = _music(device, streams)
    noise = _noise(THROUGHPUT_BLOCK, streams)
    for warm in (True, False):
        begun = time.perf_counter()
        waiting = sharpener.submit(noise)
        for _ in range(1 if warm else round((SEGMENT_S + WARM_UP_S) * RATE / THROUGHPUT_BLOCK)):
            coming = sharpener.submit(noise)
            waiting.lent()
            waiting = coming
        waiting.lent()
    return time.perf_counter() - begun


def _noise(block: int, streams: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).standard_normal((block, streams), dtype=np.float32) * np.float32(0.1)


def _blocks(block: int, streams: int, voices: bool) -> Iterator[NDArray[np.float32]]:
    """The same noise for ever, or a chorale, over and over: what it is a little faster or slower is a chorale, too."""
    if not voices:
        return repeat(_noise(block, streams))
    sound = soundfile.read(CHORALE, dtype="float32", always_2d=True)[0][:, 0]
    cut = sound[: len(sound) // block * block].reshape(-1, block)
    return cycle([np.repeat(part[:, None], streams, axis=1) for part in cut])


def _music(device: Backend, streams: int, voices: bool = False) -> sharpear.Sharpener:
    return sharpear.Sharpener(RATE, "music", streams, {"voices.enabled": voices}, device=device)


class Timed(DeviceBackend):
    """A backend that waits for every kernel and keeps its time by name."""

    def __init__(self, driver: Any, wait: Callable[[], None]) -> None:
        super().__init__(driver)
        self._wait = wait
        self.spent_s: dict[str, float] = defaultdict(float)

    def kernel(
        self, function: Any, constants: Constants = NO_CONSTANTS, *, blocks: int, threads: int, shared_bytes: int = 0
    ) -> Kernel:
        """As the backend's, timed."""
        run = super().kernel(function, constants, blocks=blocks, threads=threads, shared_bytes=shared_bytes)

        def timed(*arguments: Any) -> None:
            self._wait()
            begun = time.perf_counter()
            run(*arguments)
            self._wait()
            self.spent_s[function.__name__] += time.perf_counter() - begun

        return timed


def shares(device: Timed, streams: int, blocks: int = 4) -> dict[str, float]:
    """Each kernel's share of the time that all take, the largest first."""
    sharpener = _music(device, streams)
    noise = _noise(THROUGHPUT_BLOCK, streams)
    sharpener.process(noise)
    device.spent_s.clear()
    for _ in range(blocks):
        sharpener.process(noise)
    total = sum(device.spent_s.values())
    return {name: spent / total for name, spent in sorted(device.spent_s.items(), key=lambda item: -item[1])}


def table(rows: list[Row]) -> list[str]:
    """As Markdown."""
    lines = ["| streams | real-time factor | streams × factor | block p50 | p99 |", "|---|---|---|---|---|"]
    return lines + [
        f"| {row.streams} | {row.real_time_factor:.2f} | {row.streams * row.real_time_factor:.0f} "
        f"| {row.p50_ms:.2f} ms | {row.p99_ms:.2f} ms |"
        for row in rows
    ]


def main() -> None:
    """Measure, print, and write the table; without a card say so."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gpu", type=int, default=0, help="number of the card")
    parser.add_argument("--seconds", type=float, default=5.0, help="a row")
    arguments = parser.parse_args()
    try:
        gpu = open_gpu(arguments.gpu)
    except GpuUnavailableError as error:
        print(f"bench-gpu: nothing measured: {error}", file=sys.stderr)
        return
    lines = Report(gpu, arguments.seconds, _free, _wait).lines()
    print("\n".join(lines))
    name = re.sub(r"\W+", "-", gpu.name.split(" (")[0]).lower()
    path = Path(__file__).parents[1] / "docs" / f"gpu-{name}.md"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _free() -> None:
    import cupy  # noqa: PLC0415 (there is a card, so it is there)

    cupy.get_default_memory_pool().free_all_blocks()
    cupy.get_default_pinned_memory_pool().free_all_blocks()


def _wait() -> None:
    import cupy  # noqa: PLC0415 (as above)

    cupy.cuda.get_current_stream().synchronize()


class Report:
    """All of it, on a card: what fails is told in its place, and the rest goes on.

    Args:
        gpu: the card.
        seconds: of a row.
        free: gives unused memory back.
        wait: for the card.
    """

    def __init__(self, gpu: DeviceBackend, seconds: float, free: Callable[[], None], wait: Callable[[], None]) -> None:
        self._gpu, self._seconds, self._free, self._wait = gpu, seconds, free, wait
        self._rows: list[Row] = []

    def lines(self) -> list[str]:
        """Measure everything."""
        rows = [told for streams in STREAMS for told in self._tried(f"{streams} streams", partial(self._row, streams))]
        lines = [
            f"# {self._gpu.name}",
            "",
            f"Preset music without voices, {RATE} Hz, blocks of {THROUGHPUT_BLOCK} samples.",
            "",
        ]
        lines += [*table(self._rows), "", *rows]
        lines += self._tried("voices", self._voiced)
        lines += self._tried("one live stream", self._live)
        lines += self._tried("an hour of mono sound", self._hour)
        lines += self._tried("one stream on the CPU", self._cpu)
        sharpener = _music(CPU, 1)
        lines += self._tried("LCA in PyTorch", lambda: gpu_peers.dense_lca(sharpener, self._together()))
        lines += self._tried("ssqueezepy", lambda: gpu_peers.ssq_cwt(sharpener.sample_rate))
        lines += ["", *self._tried("what binds", lambda: self._binding(gpu_limits.work(sharpener)))]
        return [*lines, "", *self._tried("the kernels' shares", self._shares)]

    def _tried(self, what: str, measured: Callable[[], list[str]]) -> list[str]:
        print(f"bench-gpu: {what}", file=sys.stderr)
        try:
            return measured()
        except Exception as error:
            told = " ".join(str(error).split())
            return [f"- {what}: not measured: {type(error).__name__}" + (f": {told}" if told else "")]
        finally:
            self._free()

    def _row(self, streams: int) -> list[str]:
        self._rows.append(measure(self._gpu, streams, THROUGHPUT_BLOCK, self._seconds))
        return []

    def _voiced(self) -> list[str]:
        rows = [measure(self._gpu, n, THROUGHPUT_BLOCK, self._seconds, voices=True) for n in VOICED_STREAMS]
        head = f"With voices, followed on {os.cpu_count()} CPU cores, of a chorale:"
        return [head, "", *table(rows), ""]

    def _live(self) -> list[str]:
        row = measure(self._gpu, 1, LIVE_BLOCK, self._seconds, live=True)
        return [f"- one live stream, blocks of {LIVE_BLOCK}: p50 {row.p50_ms:.2f} ms, p99 {row.p99_ms:.2f} ms"]

    def _hour(self) -> list[str]:
        return [f"- an hour of mono sound, sound up and frames down: {hour(self._gpu):.2f} s"]

    def _cpu(self) -> list[str]:
        factor = measure(CPU, 1, THROUGHPUT_BLOCK, self._seconds).real_time_factor
        return [f"- {os.cpu_count()} CPU cores, one stream on one of them: {factor:.1f} times real time"]

    def _binding(self, costs: gpu_limits.Work) -> list[str]:
        most = max(row.streams * row.real_time_factor for row in self._rows)
        return gpu_limits.binding(most, costs, gpu_limits.peaks(self._gpu.driver, self._wait))

    def _shares(self) -> list[str]:
        parts = shares(Timed(self._gpu.driver, self._wait), self._together())
        head = ["| kernel | share of the kernels' time |", "|---|---|"]
        return head + [f"| `{name}` | {share:.1%} |" for name, share in parts.items()]

    def _together(self) -> int:
        return min(1024, max(row.streams for row in self._rows))


if __name__ == "__main__":
    main()
