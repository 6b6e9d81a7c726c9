"""What could bind on a GPU: what a stream costs, counted, beside what the card does at most, measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import sharpear
from sharpear.gpu.arguments import Packer
from sharpear.gpu.source import header_text

PEAKS_FLOATS = 1 << 28

FUSED = """
extern "C" __global__ void peak(Array<float, 1> out) {
    float a = threadIdx.x, b = 0.999f, c = 1.0f, d = 2.0f, e = 3.0f;
    for (int i = 0; i < 65536; ++i) {
        a = fmaf(a, b, 0.1f);
        c = fmaf(c, b, 0.1f);
        d = fmaf(d, b, 0.1f);
        e = fmaf(e, b, 0.1f);
    }
    out.data[blockIdx.x * blockDim.x + threadIdx.x] = a + c + d + e;
}
"""


@dataclass(frozen=True)
class Work:
    """What a second of one stream costs, counted from the design.

    multiply_adds: of the bank, 4 a stage, channel and sample.
    bytes_moved: between the kernels, through the memory: what the bank writes and the windows read and hold, the
    windows' frames through the alignment and the evidence, the atoms' rows.
    bytes_down: frames to the host.
    """

    multiply_adds: float
    bytes_moved: float
    bytes_down: float


@dataclass(frozen=True)
class Peaks:
    """What the card does at most in a second: multiply-adds, bytes through its memory, bytes to the host."""

    multiply_adds: float
    bytes_moved: float
    bytes_down: float


def work(sharpener: sharpear.Sharpener) -> Work:
    """Count it."""
    channels, atoms = sharpener.channel_frequencies.size, sharpener.frequencies.size
    order, frames_per_s = sharpener.config.bank.order, sharpener.sample_rate / sharpener.hop
    stages, frame = 8 * order * channels, 16 * channels
    per_frame = 4 * stages + 10 * frame + 12 * 4 * atoms
    down = 4 * (2 * atoms + channels)
    return Work(4 * order * channels * sharpener.sample_rate, per_frame * frames_per_s, down * frames_per_s)


def peaks(driver: Any, wait: Callable[[], None]) -> Peaks:
    """Measure them: four independent chains a thread, a copy on the card, and one to page-locked memory."""
    run = driver.function(header_text() + FUSED, "peak", 0)
    blocks, threads = 4096, 256
    out = driver.empty((blocks * threads,), np.float32)
    source, target = (driver.empty((PEAKS_FLOATS,), np.float32) for _ in range(2))
    times = []
    for work_on in (
        lambda: run(blocks, threads, Packer(driver.address)((out,))),
        lambda: target.__setitem__(..., source),
        lambda: driver.fetch((source,))(),
    ):
        for _ in range(3):  # page-locked memory is found the first time, and used again when it is free
            work_on()
            wait()
        begun = time.perf_counter()
        work_on()
        wait()
        times.append(time.perf_counter() - begun)
    return Peaks(blocks * threads * 65536 * 4 / times[0], 2 * source.nbytes / times[1], source.nbytes / times[2])


def binding(streams: float, costs: Work, most: Peaks) -> list[str]:
    """How much of each peak so many streams use, the one that binds first at the top."""
    told = {
        "multiply-adds of the bank": (costs.multiply_adds, most.multiply_adds, 1e12, "T/s"),
        "memory of the card": (costs.bytes_moved, most.bytes_moved, 1e9, "GB/s"),
        "frames to the host": (costs.bytes_down, most.bytes_down, 1e9, "GB/s"),
    }
    rows = [
        (streams * cost / peak, f"| {name} | {streams * cost / unit:.2f} | {peak / unit:.2f} {word} |")
        for name, (cost, peak, unit, word) in told.items()
    ]
    lines = ["| what could bind | used | measured peak | share |", "|---|---|---|---|"]
    return lines + [f"{line} {share:.1%} |" for share, line in sorted(rows, reverse=True)]
