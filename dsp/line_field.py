"""From the channels' lines to a grid of atoms: energies averaged over a few frames, placed at the frequencies found."""

import math
from collections.abc import Callable
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Doubles, Floats, kernel
from sharpear.gpu import CPU, Backend
from sharpear.gpu.arguments import numbers
from sharpear.gpu.stateful import Stateful, fields_of, named

from .lines import LineFrames
from .scales import SCALE_CODE, Scale, scale_position, space_frequencies

FINENESS = 4
"""Steps of the calibration table from atom to atom, because calibration ripples between the channels."""

SMALLEST_CALIBRATION = 1e-6
"""The least response that energies are divided by: channels so far apart that none responds make no line loud."""

LINES = 3
"""Lines that a channel may carry: the one line, and the two of the pair."""

FAINTEST_PART = 1e-24
"""Energies below this (-240 dBFS) are not placed."""

NO_ENERGY = np.float32(1e-30)
NO_SPREAD = np.float32(1e-6)
"""Added to an energy, and to a variance of times in frames², that something is divided by."""


class AtomGrid(NamedTuple):
    """Where atoms stand: atom j at ``low + j / per_unit`` on the scale of that code."""

    scale_code: int
    low: np.float64
    per_unit: np.float64


def atom_grid(atom_hz: NDArray[np.float64], scale: Scale) -> AtomGrid:
    """Where atoms stand that are even on a scale."""
    low, high = scale_position(atom_hz[0], SCALE_CODE[scale]), scale_position(atom_hz[-1], SCALE_CODE[scale])
    return numbers(AtomGrid, scale_code=SCALE_CODE[scale], low=low, per_unit=(atom_hz.size - 1) / (high - low))


class AverageRule(NamedTuple):
    """When a channel's energies are averaged, and how far: see `LineField`."""

    steady_hz2: np.float32
    """Square of the deviation from a straight course, Hz², that halves the belief in one line."""

    swell: np.float32
    """Part of the mean square rate of swelling, Hz², that is added to it."""

    swell_hz: np.float32
    """Hz for each unit of ``(e − e') / (e + e')``, e' the energy a frame before: the rate at which a line swells."""

    surge: np.float32
    """Largest ratio of averaged to momentary energy."""


class FieldState(NamedTuple):
    """The last frames, as a ring: Hz and energy of the one line and the two, and how far the two are trusted."""

    hz: Annotated[NDArray[np.float32], "streams", "rows", "lines", "channels"]
    energy: Annotated[NDArray[np.float32], "streams", "rows", "lines", "channels"]
    trust: Annotated[NDArray[np.float32], "streams", "rows", "channels"]


class LineField(Stateful):
    """Collect the lines of all channels on a grid of atoms, streaming.

    Each channel's energies are averaged over ``2·half_frames + 1`` frames and placed where its lines stood in the
    middle one: two partials closer than the bank resolves beat, and the average over the beat is what each carries,
    while a moving line keeps its own frequency at every moment. Only where the frequency runs straight is there no
    beat, and the swelling and fading is the line's own: there the middle frame's energy counts. A partial that beats
    turns the phase as much as it swells the amplitude; so the course may bend by `steady_hz`, and more where the
    amplitude swells: belief is halved at ``bend² = steady_hz² + swell · mean(a²)``, a in Hz being the rate of swelling,
    ``d ln A / (2π dt)``. The average is never more than `surge` times the middle frame's energy, so that what has not
    begun, or has ended, stays silent.

    One line and two lines share the energy as `trust` says. Atom j collects what falls nearest to it:
    ``E_j = Σ e``, ``f_j = Σ e f / E_j``, each e divided by what a unit cosine at f gives in all channels together, so
    that a tone's atoms add up to its A².

    Args:
        atom_hz: (atoms,) the grid, even on `scale`.
        scale: "log", "erb" or "linear".
        channels: number of channels.
        calibration: ``Σ_k |H_k(f)|²`` as a function of frequencies in Hz.
        frame_s: time between frames, s.
        half_frames: frames on either side of the middle one; the latency.
        steady_hz: deviation of a channel's frequency from a straight line, over the frames, that halves the belief
            that it carries one line, Hz.
        swell: weight of the swelling in that bound: the more, the further the frequency of a line that swells may bend.
        surge: largest ratio of averaged to momentary energy.
        streams: number of streams.
        backend: where it runs.
    """

    def __init__(
        self,
        atom_hz: NDArray[np.float64],
        scale: Scale,
        channels: int,
        calibration: Callable[[NDArray[np.float64]], NDArray[np.float64]],
        frame_s: float,
        *,
        half_frames: int,
        steady_hz: float,
        swell: float,
        surge: float,
        streams: int = 1,
        backend: Backend = CPU,
    ) -> None:
        if half_frames < 0 or not steady_hz > 0 or not surge >= 1:
            raise ValueError(
                f"expected half_frames >= 0, steady_hz > 0 and surge >= 1, "
                f"received {half_frames}, {steady_hz:g} and {surge:g}"
            )
        self.latency_hops = half_frames
        self.atoms = atom_hz.size
        self._atom_hz = backend.array(atom_hz, np.float32)
        self._grid = atom_grid(atom_hz, scale)
        fine_hz = space_frequencies(atom_hz[0], atom_hz[-1], FINENESS * (atom_hz.size - 1) + 1, scale)
        self._gain = backend.array(1.0 / calibration(fine_hz).clip(SMALLEST_CALIBRATION), np.float32)
        # d ln A is half of ln(e / e'), which for small steps is (e − e') / (e + e').
        swell_hz = 1.0 / (2 * np.pi * frame_s)
        self._average_rule = numbers(AverageRule, steady_hz2=steady_hz**2, swell=swell, swell_hz=swell_hz, surge=surge)
        lengths = {"streams": streams, "rows": 2 * half_frames + 1, "lines": LINES, "channels": channels}
        self._remember([*fields_of(FieldState, lengths), ("row", np.int64)], backend)
        needed = 24 * channels + 32
        self._run = backend.kernel(field_process, blocks=streams, threads=channels, shared_bytes=needed)

    def process(self, lines: LineFrames) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Amplitude ``√E_j`` and frequency f_j, Hz, of every atom, each (frames, streams, atoms)."""
        count, streams = lines.trust.shape[:2]
        amplitude = self.backend.empty((count, streams, self.atoms), np.float32)
        frequency = self.backend.empty((count, streams, self.atoms), np.float32)
        state = self._state
        self._run(
            lines.frequency_hz, lines.energy, lines.trust, self._grid, self._gain, self._average_rule, self._atom_hz,
            named(FieldState, state), int(state["row"]), amplitude, frequency,
        )  # fmt: skip
        state["row"] = (state["row"] + count) % state["hz"].shape[1]
        return amplitude, frequency


@kernel(fastmath={"contract"})
def field_process(
    hz: Floats, energy: Floats, trust: Floats, grid: AtomGrid, gain: Floats, average_rule: AverageRule, atom_hz: Floats,
    state: FieldState, row: int, amplitude: Floats, frequency: Floats,
) -> None:  # fmt: skip
    """Average, share and place the lines of every frame and stream."""
    hz_ring, energy_ring, trust_ring = state.hz, state.energy, state.trust
    rows, channels = hz_ring.shape[1], hz_ring.shape[3]
    mean, fit = np.empty((LINES, channels), np.float32), np.empty((7, channels), np.float32)
    total, moment = np.empty(atom_hz.size, np.float64), np.empty(atom_hz.size, np.float64)
    for f in range(hz.shape[0]):
        now = (row + f) % rows
        middle = (now - rows // 2) % rows
        for s in range(hz.shape[1]):
            for k in range(channels):
                trust_ring[s, now, k] = trust[f, s, k]
                for e in range(LINES):
                    hz_ring[s, now, e, k] = hz[f, s, e, k]
                    energy_ring[s, now, e, k] = energy[f, s, e, k]
            _average(hz_ring[s], energy_ring[s], now, middle, average_rule, fit, mean)
            for j in range(atom_hz.size):
                total[j] = moment[j] = 0.0
            _place(hz_ring[s, middle], mean, trust_ring[s, middle], grid, gain, total, moment)
            for j in range(atom_hz.size):
                present = total[j] > FAINTEST_PART
                amplitude[f, s, j] = math.sqrt(total[j]) if present else 0.0
                frequency[f, s, j] = moment[j] / total[j] if present else atom_hz[j]


@kernel(fastmath={"contract"})
def _average(hz: Floats, energy: Floats, now: int, middle: int, rule: AverageRule, fit: Floats, mean: Floats) -> None:
    """Energies of the middle frame, averaged where the one line's frequency does not run straight.

    fit: sums over the frames of e, e·t, e·t², e·f, e·t·f, e·f² (t in frames and f in Hz from the middle frame), of
    which the residual variance of a weighted straight line through f(t) is left, and of e·a², a being the rate in Hz at
    which the amplitude swells.
    """
    rows, _, channels = hz.shape
    for k in range(channels):
        for e in range(LINES):
            mean[e, k] = 0.0
        for m in range(7):
            fit[m, k] = 0.0
    for r in range(rows):
        t = np.float32(rows // 2 - (now - r) % rows)
        before = (r - 1) % rows if r != (now + 1) % rows else r
        for k in range(channels):
            e = energy[r, 0, k]
            a = rule.swell_hz * (e - energy[before, 0, k]) / (e + energy[before, 0, k] + NO_ENERGY)
            fit[6, k] += e * a * a
            f = hz[r, 0, k] - hz[middle, 0, k]
            fit[0, k] += e
            fit[1, k] += e * t
            fit[2, k] += e * t * t
            fit[3, k] += e * f
            fit[4, k] += e * t * f
            fit[5, k] += e * f * f
            mean[1, k] += energy[r, 1, k]
            mean[2, k] += energy[r, 2, k]
    share = np.float32(1.0 / rows)
    for k in range(channels):
        per_e = np.float32(1) / (fit[0, k] + NO_ENERGY)
        t, f = fit[1, k] * per_e, fit[3, k] * per_e
        spread_t, slope = fit[2, k] * per_e - t * t, fit[4, k] * per_e - t * f
        bend = max(fit[5, k] * per_e - f * f - slope * slope / (spread_t + NO_SPREAD), np.float32(0))
        bend /= rule.steady_hz2 + rule.swell * fit[6, k] * per_e
        bend *= bend
        straight = np.float32(1) / (np.float32(1) + bend * bend)
        here = energy[middle, 0, k]
        average = fit[0, k] * share
        mean[0, k] = min(average + straight * (here - average), rule.surge * here)
        mean[1, k] = min(mean[1, k] * share, rule.surge * energy[middle, 1, k])
        mean[2, k] = min(mean[2, k] * share, rule.surge * energy[middle, 2, k])


@kernel
def _place(
    hz: Floats, energy: Floats, trust: Floats, grid: AtomGrid, gain: Floats, total: Doubles, moment: Doubles
) -> None:
    """Add one frame's lines, each (3, channels), to the atoms nearest to them."""
    for e in range(LINES):
        for k in range(trust.size):
            part = energy[e, k] * (trust[k] if e else np.float32(1) - trust[k])
            if part > FAINTEST_PART and hz[e, k] > 0:
                position = (scale_position(hz[e, k], grid.scale_code) - grid.low) * grid.per_unit
                j = round(position)
                if 0 <= j < total.size:
                    fine = min(max(FINENESS * position, 0.0), gain.size - 1.0)
                    below = min(int(fine), gain.size - 2)
                    part *= gain[below] + (fine - below) * (gain[below + 1] - gain[below])
                    total[j] += part
                    moment[j] += part * hz[e, k]
