"""What else computes such things on a GPU: ssqueezepy's transform, and an LCA of dense matrices in PyTorch."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np

import sharpear

SSQ_SECONDS = 10.0
VOICES_PER_OCTAVE = 48


def dense_lca(sharpener: sharpear.Sharpener, streams: int) -> list[str]:
    """A line of the report: how many streams PyTorch does in real time, or that it is not installed."""
    if not find_spec("torch"):
        return ["- LCA in PyTorch: not installed"]
    import torch  # type: ignore[import-not-found] # noqa: PLC0415

    atoms, channels = sharpener.frequencies.size, sharpener.channel_frequencies.size
    iterations, frames_per_s = sharpener.config.network.iterations, sharpener.sample_rate / sharpener.hop

    def zeros(*shape: int) -> Any:
        return torch.zeros(shape, device="cuda")

    code = DenseLca(zeros(channels, atoms), zeros(atoms, atoms), zeros(streams, atoms), iterations)
    spent_s = timed(lambda: code.step(zeros(streams, channels)), torch.cuda.synchronize)
    return [
        f"- LCA in PyTorch, dense matrices ({atoms} atoms, {iterations} iterations, no bank): "
        f"{streams / (spent_s * frames_per_s):.0f} streams in real time, {streams} at once"
    ]


def ssq_cwt(rate: float) -> list[str]:
    """Likewise: times real time of ssqueezepy, which needs PyTorch on a GPU."""
    if not (find_spec("ssqueezepy") and find_spec("torch")):
        return ["- ssqueezepy: not installed, or PyTorch is not"]
    import torch  # noqa: PLC0415

    os.environ["SSQ_GPU"] = "1"
    import ssqueezepy  # noqa: PLC0415

    audio = np.random.default_rng(0).standard_normal(round(SSQ_SECONDS * rate)).astype(np.float32)
    spent_s = timed(lambda: ssqueezepy.ssq_cwt(audio, fs=rate, nv=VOICES_PER_OCTAVE), torch.cuda.synchronize)
    return [f"- ssqueezepy.ssq_cwt, {SSQ_SECONDS:g} s at once: {SSQ_SECONDS / spent_s:.1f} times real time"]


class DenseLca:
    """Warm-started LCA over arrays of any library that knows ``@``: b = y W, then ``u += r (b − u − a G)``."""

    def __init__(
        self, fields: Any, gram: Any, potential: Any, iterations: int, rate: float = 0.3, threshold: float = 0.1
    ) -> None:
        self.fields, self.gram, self.u = fields, gram, potential
        self.iterations, self.rate, self.threshold = iterations, rate, threshold

    def step(self, frame: Any) -> Any:
        """(streams, channels) → activations (streams, atoms)."""
        drive = frame @ self.fields
        for _ in range(self.iterations):
            self.u = self.u + self.rate * (drive - self.u - self._activation() @ self.gram)
        return self._activation()

    def _activation(self) -> Any:
        return (self.u - self.threshold) * (self.u > self.threshold)


def timed(work: Callable[[], Any], wait: Callable[[], Any], times: int = 20) -> float:
    """Median seconds of `work` until it is done."""
    spent = []
    for _ in range(times + 2):
        wait()
        begun = time.perf_counter()
        work()
        wait()
        spent.append(time.perf_counter() - begun)
    return float(np.median(spent[2:]))
