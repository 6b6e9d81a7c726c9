"""What each part of mode lines of `music` brings: ``python -m benchmarks.sharpness.ablation [--seeds 3]``."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np

import sharpear
from benchmarks.sharpness.estimate import Audio, Estimate
from benchmarks.sharpness.metrics import transport
from benchmarks.sharpness.signals import draw

FAMILIES = (
    "two_tones_10", "two_tones", "vibrato_design", "vibrato", "chirps_design", "notes_design", "notes", "tremolo",
    "noisy_10", "pluck", "glides",
)  # fmt: skip

NO_NETWORK = {
    "network.readout": "lcadam",
    "network.flow": [[0.0, 0.0], [0.0, 0.0]],
    "network.memory_ms": 0.01,
    "network.threshold": 0.0,
    "network.window_cents": 0.0,
}
SILENT_PAIR = {"lines.residual": 1e-12}
VARIANTS: dict[str, dict[str, object]] = {
    "music": {},
    "without the two-line evidence": SILENT_PAIR,
    "without the drift term": {"lines.drift": 1e9},
    "without the change term": {"lines.change": 1e9},
    "without memory of the moments": {"lines.memory_ms": 0.01},
    "without pooled neighbours": {"lines.neighbors": 0},
    "without the energy average": {"lines.average_ms": 0.0},
    "without the surge limit": {"lines.surge": 1e9},
    "swelling taken for beating": {"lines.swell": 0.0},
    "without the fade into noise": {"lines.noise_db": -100.0},
    "without the lines' memory": {"lines.patience": 0.0},
    "without WtaConv": {"network.readout": "lcadam"},
    "without LcAdam's memory": {"network.memory_ms": 0.01},
    "without the network": NO_NETWORK,
}


def estimate(audio: Audio, preset: str, overrides: dict[str, object]) -> tuple[Estimate, float]:
    """A preset's energies at its refined frequencies, and how many atoms are active a frame."""
    spectrum = sharpear.sharpen(audio, 44100, preset, overrides)
    frequencies_hz = spectrum.instantaneous_frequency.astype(float)
    energy = spectrum.amplitude.astype(float) ** 2
    active = energy > 1e-4 * energy.max(axis=1, keepdims=True, initial=1e-30)
    found = Estimate(spectrum.times, frequencies_hz, energy, causal=True, latency_s=spectrum.latency_s)
    return found, float(active.sum(axis=1).mean())


def main() -> None:
    """Print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0, help="first seed")
    parser.add_argument("--out", type=Path, default=Path("build/bench/ablation.md"))
    arguments = parser.parse_args()
    lines = {"network.mode": "lines"}
    variants = {
        name: partial(estimate, preset="music", overrides=lines | changes) for name, changes in VARIANTS.items()
    }
    variants["music with beliefs"] = partial(estimate, preset="music", overrides={})
    variants["preset coherent"] = partial(estimate, preset="coherent", overrides={})
    rows = [
        f"| | {' | '.join(FAMILIES)} | geometric mean | lines a frame | Rényi-3, bits |",
        "|---" * (len(FAMILIES) + 4) + "|",
    ]
    print("\n".join(rows))
    for name, run in variants.items():
        cents: list[float] = []
        active: list[float] = []
        bits: list[float] = []
        for family in FAMILIES:
            scores = []
            for seed in range(arguments.seed, arguments.seed + arguments.seeds):
                audio, lines = draw(family, seed)
                found, count = run(audio)
                score = transport(found, lines)
                scores.append(score.cents)
                active.append(count)
                bits.append(score.renyi_bits)
            cents.append(float(np.mean(scores)))
        mean = float(np.exp(np.mean(np.log(cents))))
        figures = " | ".join(f"{value:.1f}" for value in (*cents, mean, np.mean(active), np.mean(bits)))
        rows.append(f"| {name} | {figures} |")
        print(rows[-1], flush=True)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text("\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
