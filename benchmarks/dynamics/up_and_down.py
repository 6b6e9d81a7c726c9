"""What flows down from pitches to partials: two voices a fifth apart, seen by filters that smear what nearly coincides.

Partials are an LcAdam over the filters' own responses; pitches share them (`Divisive`), and what they expect of each
partial flows back, against what is there: ``+ g (p − a)``, g against the evidence. The upper voice is out of tune, so
that every third partial of the lower one has one of the upper's beside it, nearer than the filters tell apart.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
from scipy import sparse

from benchmarks.dynamics.problem import ATOMS, LOW_HZ, PENALTY, PER_OCTAVE, Floats, Problem, grid_hz, problems
from benchmarks.dynamics.solvers import BETA1, BETA2, FRAME_S, LEVEL_TAU_S
from benchmarks.results import Cell, Results, Table
from sharpear.dynamics import Divisive, Flow, HarmonicFields, LcAdam, Network

SMEARS_ERB = (0.5, 0.75, 1.0)
DRAWS = 40
HARMONICS, ROLLOFF, UNEVEN = 9, 1.0, 0.3
"""Partials of a voice, which fall as h^-1, give or take so many neper."""
LARGEST_MISTUNING_CENTS = 40.0
TOLERANCE_CENTS = 20.0
NOISE = 1e-3
GAINS = (0.0, 0.03, 0.1, 0.3)
FRAMES, ITERATIONS, ETA = 12, 300, 0.003
"""What is expected reaches the partials a frame later, so that it takes some until all have settled."""


def drawn(problem: Problem, seed: int) -> tuple[Floats, Floats, Floats]:
    """What the filters say of two voices; and the partials, Hz and amplitude."""
    rng = np.random.default_rng([11, seed])
    low = 130 * 2 ** rng.uniform(0, 1)
    mistuned = rng.uniform(0.3, 1) * LARGEST_MISTUNING_CENTS * rng.choice([-1, 1])
    f0 = np.array([low, 1.5 * low * 2 ** (mistuned / 1200)])
    h = np.arange(1.0, HARMONICS + 1)
    amplitude = rng.uniform(0.5, 1, (2, 1)) * h**-ROLLOFF * np.exp(UNEVEN * rng.standard_normal((2, HARMONICS)))
    hz = f0[:, None] * h
    inside = hz < grid_hz(np.array([ATOMS - 1.0]))
    hz, amplitude = hz[inside], amplitude[inside]
    subbands = amplitude @ np.abs(problem.design.response(hz))
    subbands += NOISE * amplitude.max() * rng.standard_normal(subbands.size)
    return problem.transform @ subbands, hz, amplitude


def stack(problem: Problem, gain: float) -> Network:
    """Partials, pitches above them, and what flows between."""
    atom_hz = grid_hz(np.arange(ATOMS, dtype=np.float64))
    combs = HarmonicFields.over(
        LOW_HZ, 450.0, per_octave=PER_OCTAVE, harmonics=HARMONICS, rolloff=ROLLOFF, tolerance_cents=TOLERANCE_CENTS
    )
    fields = np.array([[combs.weight(hz, f0) for f0 in combs.pitch_hz] for hz in atom_hz])
    norm = norms(problem, atom_hz)
    cells = {
        "partials": LcAdam.over(
            problem.fields, PENALTY, frame_s=FRAME_S, level_tau_s=LEVEL_TAU_S, beta1=BETA1, beta2=BETA2, eta=ETA,
            epsilon=ETA,
        ),
        "pitches": Divisive(fields, total=np.full(combs.pitch_hz.size, combs.tooth.sum()), epsilon=1e-3),
    }  # fmt: skip
    flows = [
        Flow("input", "partials", problem.fields.T),
        Flow("partials", "pitches", sparse.diags_array(1 / norm)),
    ]
    if gain:
        down = Flow("pitches.expected", "partials", sparse.diags_array(norm), gain=gain, delay=1)
        flows += [down, Flow("partials", "partials", gain=-gain)]
    return Network(cells, flows, read="partials", iterations=ITERATIONS)


def norms(problem: Problem, hz: Floats) -> Floats:
    """What a tone of amplitude 1 adds to the code, whose fields have norm 1."""
    return np.asarray(np.linalg.norm(problem.transform @ np.abs(problem.design.response(hz)).T, axis=0))


def distance_cents(a: Floats, hz: Floats, amplitude: Floats) -> float:
    """Transport distance of the code to the partials, amplitudes of sum 1, cents."""
    place = np.concatenate([1200 * np.arange(ATOMS) / PER_OCTAVE, 1200 * np.log2(hz / LOW_HZ)])
    part = np.concatenate([a / max(float(a.sum()), 1e-30), -amplitude / amplitude.sum()])
    order = np.argsort(place)
    return float((np.abs(np.cumsum(part[order]))[:-1] * np.diff(place[order])).sum())


def measured(problem: Problem, gain: float, seeds: Sequence[int]) -> list[float]:
    """The distance of every draw, once all has settled."""
    network, found = stack(problem, gain), []
    for seed in seeds:
        y, hz, amplitude = drawn(problem, seed)
        network.reset()
        a = network.process(np.tile(y.astype(np.float32), (FRAMES, 1, 1)))[-1, 0].astype(float)
        found.append(distance_cents(a, hz, amplitude * norms(problem, hz)))
    return found


def main() -> None:
    """Medians over draws, and in how many of them the flow down is better than none."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dynamics.up_and_down", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="first draw")
    first = parser.parse_args().seed
    found: dict[str, dict[str, Cell]] = {}
    with Results("dynamics.up_and_down") as results:
        for smear in SMEARS_ERB:
            for problem in problems(smear):
                rows = np.array([measured(problem, gain, range(first, first + DRAWS)) for gain in GAINS])
                better = (rows < rows[0]).sum(axis=1)
                found[f"{smear:g}, {problem.name}"] = {
                    f"g {gain:g}": f"{np.median(row):.1f}" + (f" ({count}/{DRAWS})" if gain else "")
                    for row, count, gain in zip(rows, better, GAINS, strict=True)
                }
        results.tables["up_and_down"] = Table(found, corner="filters, ERB; fields")


if __name__ == "__main__":
    main()
