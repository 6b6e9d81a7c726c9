"""The origin's own example: 201 filters 1 Hz apart, and how many iterations it takes until the code is its tones.

Neighbouring filters hardly differ, so an LCA spreads a tone over many of them; a WtaConv beside it, fed by the LCA and
feeding it back, is to decide between them.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.dynamics.problem import ACTIVE, PENALTY, WHITENING, Floats, Problem, over
from benchmarks.dynamics.solvers import BETA1, BETA2, FRAME_S, LEVEL_TAU_S
from benchmarks.results import Cell, Results, Table
from sharpear.dsp import GammatoneDesign
from sharpear.dynamics import BandedWeights, LcAdam, LcAdamWta, WtaCircuit, WtaConv

FILTER_HZ = np.arange(300.0, 501.0)
SMEARS_HZ = (8.0, 12.0, 16.0)
"""Equivalent rectangular bandwidths; 8 Hz correlates neighbours at .9895."""

SETS = (
    {400: 1.0},
    {400: 1.0, 407: 1.0},
    {400: 1.0, 407: 0.3},
    {400: 1.0, 430: 0.5},
    {350: 0.5, 400: 1.0, 407: 0.7, 430: 0.3, 470: 0.1},
)
"""Hz: amplitude."""

DRAWS, LARGEST_SHIFT, NOISE = 6, 25, 1e-5
"""The first draw is the example as it stands; in the others all tones move by whole Hz and filters are noisy."""

ITERATIONS = 3000
ETAS = (0.01, 0.015, 0.03)
"""η = ε. Each row has one for all sets: the one with which most draws come right, and soonest."""


@dataclass(frozen=True)
class Pair:
    """An LcAdam, and what feeds it back: half width, flows forth and back, and the form of the WtaConv."""

    name: str
    half_width: int = 0
    forth: float = 0.0
    back: float = 0.0

    def build(self, problem: Problem, eta: float, streams: int) -> LcAdam | LcAdamWta:
        """The layers over a problem's receptive fields."""
        lateral = BandedWeights.from_receptive_fields(problem.fields)
        lcadam = LcAdam(
            lateral, PENALTY, frame_s=FRAME_S, level_tau_s=LEVEL_TAU_S, beta1=BETA1, beta2=BETA2, eta=eta, epsilon=eta,
            streams=streams,
        )  # fmt: skip
        if not self.half_width:
            return lcadam
        if self.name == "centre":
            circuit = WtaCircuit(alpha=1.2, beta1=3.0, beta2=0.25, conductance=1.0)
            wta = WtaConv(
                lateral.units, self.half_width, tau_s=1.0, step_s=1.0, circuit=circuit, inhibits="centre",
                streams=streams,
            )  # fmt: skip
            return LcAdamWta(lcadam, wta, [[0.0, self.back], [self.forth, -0.1]])
        circuit = WtaCircuit(alpha=0.5, beta1=3.0, beta2=0.25, conductance=1.0)
        rate = min(0.63, 0.85 * circuit.largest_rate(2 * self.half_width + 1))
        wta = WtaConv(
            lateral.units, self.half_width, tau_s=1.0, step_s=-np.log1p(-rate), circuit=circuit, streams=streams
        )
        return LcAdamWta(lcadam, wta, [[0.0, self.back], [self.forth, 0.0]])

    def __str__(self) -> str:
        if not self.half_width:
            return self.name
        return f"{self.name}, h {self.half_width}, flows {self.forth:g}/{self.back:g}"


PAIRS = (
    Pair("LcAdam alone"),
    *(Pair("centre", h, 0.1, 0.1) for h in (1, 3)),
    *(Pair("window", h, flow, flow) for h in (1, 2, 3) for flow in (0.1, 0.25, 0.3)),
)


def spectra(problem: Problem, tones: dict[int, float], rng: np.random.Generator) -> tuple[Floats, NDArray[np.bool_]]:
    """Drives (draws, atoms) of a set of tones, and which atoms are the tones."""
    shifts = np.append(0, rng.integers(-LARGEST_SHIFT, LARGEST_SHIFT + 1, DRAWS - 1))
    hz, amplitude = np.array(list(tones), float) + shifts[:, None], np.array(list(tones.values()))
    subbands = np.stack([amplitude @ np.abs(problem.design.response(row)) for row in hz])
    subbands[1:] += NOISE * rng.standard_normal((DRAWS - 1, FILTER_HZ.size))
    true = (np.abs(FILTER_HZ[None, :, None] - hz[:, None]) < 0.5).any(axis=2)
    return subbands @ problem.transform.T @ problem.fields, true


def exact_from(activity: Floats, true: NDArray[np.bool_]) -> Floats:
    """(draws,) the iteration from which on exactly the tones are active; infinite where it never comes.

    activity: (iterations, draws, atoms).
    """
    right = ((activity > ACTIVE * activity.max(axis=2, keepdims=True)) == true).all(axis=2)
    wrong_since = np.cumprod(right[::-1], axis=0).sum(axis=0)
    return np.where(wrong_since > 0, len(activity) - wrong_since + 1.0, np.inf)


def count(pair: Pair, problem: Problem, seed: int = 0) -> tuple[float, Floats]:
    """η, and the iterations (sets, draws) of the better of `ETAS`: in which more draws, or sooner, come right."""
    best = (0.0, np.full((len(SETS), DRAWS), np.inf))
    for eta in ETAS:
        rng, rows = np.random.default_rng(seed), []
        for tones in SETS:
            drive, true = spectra(problem, tones, rng)
            frames = np.broadcast_to(drive.astype(np.float32), (ITERATIONS, *drive.shape))
            rows.append(exact_from(pair.build(problem, eta, DRAWS).process(frames), true))
        now = np.stack(rows)
        if np.minimum(now, 10 * ITERATIONS).sum() < np.minimum(best[1], 10 * ITERATIONS).sum():
            best = (eta, now)
    return best


def _cell(counts: Floats) -> str:
    middle = np.median(counts)
    came = int(np.isfinite(counts).sum())
    text = f"{middle:.0f}" if np.isfinite(middle) else "never"
    return text if came in (0, len(counts)) else f"{text} ({came}/{len(counts)})"


def main() -> None:
    """Of each set the example itself, and the median of all draws."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dynamics.origin", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    names = [" + ".join(f"{hz}{'' if a == 1 else f' at {a:g}'}" for hz, a in tones.items()) for tones in SETS]
    with Results("dynamics.origin") as results:
        for smear in SMEARS_HZ:
            design = GammatoneDesign(44100.0, FILTER_HZ, np.full(FILTER_HZ.size, smear), 4)
            for whitening in (None, WHITENING):
                problem, rows = over(design, FILTER_HZ, whitening), dict[str, dict[str, Cell]]()
                for pair in PAIRS:
                    eta, counts = count(pair, problem, seed)
                    cells = [f"{row[0]:.0f} · {_cell(row)}".replace("inf", "never") for row in counts]
                    rows[str(pair)] = {"η": f"{eta:g}", **dict(zip(names, cells, strict=True))}
                results.tables[f"{smear:g} Hz{', whitened' if whitening else ''}"] = Table(rows, corner="pair")


if __name__ == "__main__":
    main()
