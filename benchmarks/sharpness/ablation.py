"""What each part of `music` brings to what it shows: ``python -m benchmarks.sharpness.ablation [--seeds 2]``.

What the beliefs learn without a part is told by ``python -m benchmarks.beliefs.ablation``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import sharpear
from benchmarks.results import WRITTEN, Results, Table
from benchmarks.sharpness import sung
from benchmarks.sharpness.bundled import Bundled
from benchmarks.sharpness.details import bristles
from benchmarks.sharpness.estimate import Audio, Estimate
from benchmarks.sharpness.lines import SAMPLE_RATE
from benchmarks.sharpness.metrics import transport
from benchmarks.sharpness.signals import draw

FAMILIES = (
    "two_tones_10", "two_tones", "vibrato_design", "vibrato", "chirps_design", "notes_design", "notes", "tremolo",
    "noisy_10", "pluck", "glides", "speech", "singing", "two_voices", "chorale", "piano",
)  # fmt: skip

NO_NETWORK = {
    "network.readout": "lcadam",
    "network.flow": [[0.0, 0.0], [0.0, 0.0]],
    "network.memory_ms": 0.01,
    "network.threshold": 0.0,
    "network.window_cents": 0.0,
}
VARIANTS: dict[str, dict[str, object]] = {
    "music": {},
    "without voices": {"voices.enabled": False},
    "without pairs": {"lines.residual": 1e-6},
    "without WtaConv": {"network.readout": "lcadam"},
    "without LcAdam's memory": {"network.memory_ms": 0.01},
    "without the network": NO_NETWORK,
}


def estimate(audio: Audio, overrides: dict[str, object]) -> tuple[Estimate, float]:
    """Energies of `music` at its refined frequencies, and how many atoms are active a frame."""
    spectrum = sharpear.sharpen(audio, SAMPLE_RATE, "music", overrides)
    frequencies_hz = spectrum.instantaneous_frequency.astype(float)
    energy = spectrum.amplitude.astype(float) ** 2
    active = energy > 1e-4 * energy.max(axis=1, keepdims=True, initial=1e-30)
    found = Estimate(spectrum.times, frequencies_hz, energy, causal=True, latency_s=spectrum.latency_s)
    return found, float(active.sum(axis=1).mean())


def measured(overrides: dict[str, object], seeds: Sequence[int]) -> dict[str, float]:
    """Cents of every family; geometric mean, lines a frame, bristles and entropy over all."""
    voices, cents = Bundled(), dict[str, float]()
    besides = []
    for family in FAMILIES:
        scores = []
        for seed in seeds:
            audio, lines = sung.draw(family, seed, voices) if family in sung.FAMILIES else draw(family, seed)
            found, active = estimate(audio, overrides)
            score = transport(found, lines)
            scores.append(score.cents)
            besides.append((active, 100 * bristles(found), score.renyi_bits))
        cents[family] = float(np.mean(scores))
    mean = float(np.exp(np.mean(np.log(list(cents.values())))))
    names = ("lines a frame", "bristles, %", "Rényi-3, bits")
    return {**cents, "geometric mean": mean, **dict(zip(names, np.mean(besides, axis=0).tolist(), strict=True))}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure all variants; 0 on success."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="first seed")
    parser.add_argument("--out", type=Path, default=WRITTEN, help="folder for sharpness.ablation.json")
    options = parser.parse_args(arguments)
    seeds = list(range(options.seed, options.seed + options.seeds))
    with Results("sharpness.ablation", options.out, arguments) as results:
        results.tables["ablation"] = Table({name: measured(overrides, seeds) for name, overrides in VARIANTS.items()})
    return 0


if __name__ == "__main__":
    sys.exit(main())
