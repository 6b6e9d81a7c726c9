"""Stacked sparse layers with top-down reconstruction against the flat code, on recordings: units, error, pitch F1.

Spectra of sharpened frames over log frequency are written with harmonic kernels of several slopes at every pitch; a
layer above writes patches of that code, two pitches to either side of each, and what it reconstructs flows down. Its
kernels are learned from the flat codes of the other recordings, by the rule of `sharpear learn`. See
examples/dynamics/dca.py, where what made the spectra is known.
"""

from __future__ import annotations

import argparse
import importlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse

from benchmarks import results as kept
from benchmarks.sharpness import recordings
from benchmarks.sharpness.lines import Floats
from sharpear.dynamics import Cell, Flow, Lca, Network
from sharpear.dynamics.hebbian import learn_dictionary
from sharpear.pitch import Transcriber

LOW_HZ, PER_OCTAVE, BINS, PITCHES, HARMONICS = 65.0, 24, 168, 97, 12
SLOPES = (0.3, 0.8, 1.5)
COMPRESSION = 0.6
EVERY_S = 0.1
PENALTIES = (0.05, 0.08, 0.12, 0.18)
"""λ, of a spectrum of norm 1."""

TOP_DOWN = (0.1, 0.3)
REACH, PATTERNS, EPOCHS = 2, 6, 5
"""Pitches to either side that a patch holds; kernels of the layer above."""
LOUD = 0.1
"""Share of a frame's strongest pitch above which the patch around a peak is learned from."""
ACTIVE = 0.02
SETTLED, LONGEST = 1e-3, 500
SHARES = (0.1, 0.15, 0.2, 0.3, 0.4, 0.5)
"""Of a frame's strongest pitch, above which others are told: the best for each code."""


@dataclass(frozen=True)
class Heard:
    """Spectra (frames, bins) of norm 1, and the pitches that sound in each, Hz."""

    spectra: Floats
    pitches_hz: list[Floats]


@dataclass(frozen=True)
class Code:
    """Of a recording: active units a frame, error of the reconstruction, and pitch F1."""

    units: float
    error: float
    f1: float


def hear(recording: recordings.Recording) -> Heard:
    """A spectrum every `EVERY_S`, at the lag at which frames are late."""
    sharpener = Transcriber(recording.sample_rate).sharpener
    frames = sharpener.process(recording.audio[:, None])
    spectra, pitches = [], []
    for n, time_s in enumerate(recording.times_s[:: round(EVERY_S / recordings.HOP_S)]):
        at = int(np.abs(frames.times - time_s).argmin())
        hz, amplitude = frames.instantaneous_frequency[at, 0].astype(float), frames.amplitude[at, 0].astype(float)
        place = PER_OCTAVE * np.log2(np.maximum(hz, 1) / LOW_HZ)
        near = np.floor(place).astype(int)
        inside = (amplitude > 0) & (near >= 0) & (near < BINS - 1)
        near, part, energy = near[inside], (place - np.floor(place))[inside], amplitude[inside] ** 2
        spectrum = np.bincount(near, (1 - part) * energy, BINS) + np.bincount(near + 1, part * energy, BINS)
        sounding = recording.pitches_hz[n * round(EVERY_S / recordings.HOP_S)]
        if spectrum.any() and sounding.size:
            spectra.append(spectrum ** (COMPRESSION / 2))
            pitches.append(sounding)
    rows = np.array(spectra)
    return Heard(rows / np.linalg.norm(rows, axis=1, keepdims=True), pitches)


def kernels() -> Floats:
    """(bins, pitches × slopes) of norm 1: partials falling as h^-slope, above every pitch."""
    W = np.zeros((BINS, PITCHES, len(SLOPES)))
    for k, slope in enumerate(SLOPES):
        for h in range(1, HARMONICS + 1):
            place = np.arange(PITCHES) + PER_OCTAVE * np.log2(h)
            low = np.floor(place).astype(int)
            for at, part in ((low, low + 1 - place), (low + 1, place - low)):
                inside = at < BINS
                W[at[inside], np.flatnonzero(inside), k] += part[inside] * h**-slope
    flat = W.reshape(BINS, -1)
    return np.asarray(flat / np.linalg.norm(flat, axis=0))


def patterns(codes: list[Floats]) -> Floats:
    """(units, kernels) of the layer above, the same at every pitch, from codes (frames, units)."""
    examples = []
    for a in np.concatenate(codes).reshape(-1, PITCHES, len(SLOPES)):
        padded, pitch = np.pad(a, ((REACH, REACH), (0, 0))), a.sum(axis=1)
        beside = np.pad(pitch, 1)
        peak = (pitch > LOUD * pitch.max()) & (pitch >= beside[:-2]) & (pitch > beside[2:])
        examples += [padded[p : p + 2 * REACH + 1].ravel() for p in np.flatnonzero(peak)]
    learned = learn_dictionary(np.array(examples, np.float32), PATTERNS, EPOCHS, seed=0)
    upper = np.zeros((PITCHES + 2 * REACH, len(SLOPES), PITCHES, PATTERNS))
    for pitch in range(PITCHES):
        upper[pitch : pitch + 2 * REACH + 1, :, pitch] = learned.T.reshape(2 * REACH + 1, len(SLOPES), PATTERNS)
    flat = upper[REACH:-REACH].reshape(PITCHES * len(SLOPES), -1)
    return np.asarray(flat / np.linalg.norm(flat, axis=0))


def stack(W: Floats, penalty: float, upper: Floats | None, top_down: float, streams: int) -> Network:
    """The flat code, or with `upper` the layer above it."""
    rate = float(-np.log1p(-1 / np.linalg.norm(W, 2) ** 2))
    cells: dict[str, Cell] = {"structures": Lca.over(W, penalty, tau_s=1.0, step_s=rate, streams=streams)}
    flows = [Flow("input", "structures", W.T)]
    if upper is not None:
        rate = float(-np.log1p(-1 / np.linalg.norm(upper, 2) ** 2))
        cells["notes"] = Lca.over(upper, penalty, tau_s=1.0, step_s=rate, streams=streams)
        flows += [
            Flow("structures", "notes", sparse.csr_array(upper.T)),
            Flow("notes", "structures", sparse.csr_array(upper), gain=top_down),
            Flow("structures", "structures", gain=-top_down),
        ]
    return Network(cells, flows, read="structures")


def settled(heard: Heard, W: Floats, penalty: float, upper: Floats | None = None, top_down: float = 0.0) -> Floats:
    """The code of every spectrum."""
    network = stack(W, penalty, upper, top_down, len(heard.spectra))
    return network.settle(heard.spectra, SETTLED, LONGEST).activity.astype(float)


def judged(heard: Heard, W: Floats, a: Floats) -> Code:
    """How a recording is written; amplitudes are those that fit best, as both codes shrink theirs."""
    written = a @ W.T
    scale = (written * heard.spectra).sum(axis=1) / np.maximum(np.square(written).sum(axis=1), 1e-30)
    error = np.linalg.norm(heard.spectra - scale[:, None] * written, axis=1).mean()
    active = (a > ACTIVE * a.max(axis=1, keepdims=True)).sum(axis=1).mean()
    pitch = a.reshape(len(a), PITCHES, -1).sum(axis=2)
    return Code(float(active), float(error), max(f1(pitch, share, heard.pitches_hz) for share in SHARES))


def f1(pitch: Floats, share: float, true_hz: list[Floats]) -> float:
    """mir_eval's multi-pitch F1 of the peaks above a share of the strongest."""
    beside = np.pad(pitch, ((0, 0), (1, 1)))
    peak = (pitch > share * pitch.max(axis=1, keepdims=True)) & (pitch >= beside[:, :-2]) & (pitch > beside[:, 2:])
    hz = LOW_HZ * 2 ** (np.arange(PITCHES) / PER_OCTAVE)
    times = np.arange(len(pitch)) * EVERY_S
    metrics = importlib.import_module("mir_eval.multipitch").metrics
    precision, recall = metrics(times, true_hz, times, [hz[row] for row in peak], window=0.5)[:2]
    return float(2 * precision * recall / max(precision + recall, 1e-12))


def main() -> None:
    """Print units, error and F1 for each λ, means over the recordings; units also against the flat code's."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dynamics.dca", description=__doc__)
    parser.add_argument("--audio", type=Path, required=True, help="folder of the recordings r1, r2, c1, m1")
    found = recordings.find(parser.parse_args().audio)
    results = kept.Results("dynamics.dca")
    all_heard, W = [hear(recordings.load(path)) for path in found.values()], kernels()
    rows: dict[str, dict[str, kept.Cell]] = {}
    flat: list[Code] = []
    first = [settled(heard, W, PENALTIES[0]) for heard in all_heard]
    uppers = [patterns([*first[:n], *first[n + 1 :]]) for n in range(len(first))]
    for top_down in (0.0, *TOP_DOWN):
        for penalty in PENALTIES:
            codes = [
                judged(heard, W, settled(heard, W, penalty, upper if top_down else None, top_down))
                for heard, upper in zip(all_heard, uppers, strict=True)
            ]
            mean = Code(*np.mean([(c.units, c.error, c.f1) for c in codes], axis=0).tolist())
            if not top_down:
                flat.append(mean)
            same = np.interp(mean.error, [c.error for c in flat], [c.units for c in flat])
            told = f"{100 * (mean.units / same - 1):+.0f} %" if top_down else ""
            if top_down and not flat[0].error <= mean.error <= flat[-1].error:
                told = "beyond"
            row: dict[str, kept.Cell] = {
                "units": mean.units,
                "error": mean.error,
                "units, against the flat code of that error": told,
                "F1": mean.f1,
            }
            rows[f"{f'g {top_down:g}' if top_down else 'flat'}, λ {penalty:g}"] = row
    with results:
        results.tables["codes"] = kept.Table(rows, {"": ".3f", "units": ".1f"}, "code")


if __name__ == "__main__":
    main()
