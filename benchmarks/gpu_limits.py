"""What could bind on a GPU: what a stream costs, counted, beside what the card does at most, measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import sharpear
from sharpear.dsp import HannBank, HannDesign
from sharpear.dsp.cues import CueDesign
from sharpear.dsp.hann_bank_kernel import APART
from sharpear.dynamics.beliefs import load_beliefs
from sharpear.dynamics.voice_beliefs import load_voice_beliefs
from sharpear.gpu.arguments import Packer
from sharpear.gpu.source import header_text
from sharpear.sharpening.belief_code import belief_windows

LINES = 330
"""Candidates a moment, in the bundled recording."""

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
    """What a second of one stream costs a card, counted from the design.

    multiply_adds: of the bank, and of the beliefs over bands and lines, those in voices among them.
    bytes_moved: through the memory: the resonators and their past, the windows' frames from kernel to kernel and in the
    rings, the pairs, the atoms' rows.
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
    channels, atoms, voices = sharpener.channel_frequencies.size, sharpener.frequencies.size, sharpener.config.voices
    frames_per_s = sharpener.sample_rate / sharpener.hop
    windows = belief_windows(sharpener.sample_rate, sharpener.hop, sharpener.config)
    longest, every = int(windows.counts[-1]), windows.channels
    down = 4 * ((3 if voices.enabled else 2) * atoms + channels)
    moved = 64 * every + 32 * every + 112 * longest + 12 * 4 * atoms
    adds = bank_adds(windows) + _belief_adds(sharpener.config.beliefs.weights, windows)
    adds += _voice_adds(voices.weights, _bands(sharpener.config.beliefs.weights, windows)) if voices.enabled else 0
    return Work(adds * frames_per_s, moved * frames_per_s, down * frames_per_s)


def bank_adds(windows: HannDesign) -> float:
    """A hop's: samples weighed, their sums with carriers, turned and mixed; of each resonator 6 to go on, 8 to tell."""
    filters = HannBank(windows)._filters
    (rows, apart), carriers = filters.basis.shape, filters.carrier.shape[1]
    return rows * apart * (1 + carriers) + 2 * rows * carriers + (4 * (rows // APART) + 14) * windows.channels


def _belief_adds(name: str, windows: HannDesign) -> float:
    """A moment's."""
    weights, bands = load_beliefs(name).weights, _bands(name, windows)
    of_bands = (weights.cue, weights.near, weights.far, weights.told)
    of_lines = (weights.line, weights.narrow, weights.belief)
    return bands * sum(part.size for part in of_bands) + LINES * sum(part.size for part in of_lines)


def _voice_adds(name: str, bands: int) -> float:
    """A moment's, where there are voices."""
    weights = load_voice_beliefs(name)
    return bands * sum(part.size for part in (weights.cue, weights.near, weights.far, weights.told))


def _bands(name: str, windows: HannDesign) -> int:
    return CueDesign(windows, load_beliefs(name).latency_hops, pair_hops=0).band_hz.size


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
        "multiply-adds": (costs.multiply_adds, most.multiply_adds, 1e12, "T/s"),
        "memory of the card": (costs.bytes_moved, most.bytes_moved, 1e9, "GB/s"),
        "frames to the host": (costs.bytes_down, most.bytes_down, 1e9, "GB/s"),
    }
    rows = [
        (streams * cost / peak, f"| {name} | {streams * cost / unit:.2f} | {peak / unit:.2f} {word} |")
        for name, (cost, peak, unit, word) in told.items()
    ]
    lines = ["| what could bind | used | measured peak | share |", "|---|---|---|---|"]
    return lines + [f"{line} {share:.1%} |" for share, line in sorted(rows, reverse=True)]
