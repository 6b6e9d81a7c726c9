"""Phases of lines, read from the subband of the channel nearest to each."""

import math
from dataclasses import replace
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Complexes, Floats, Integers, kernel
from sharpear.dsp import Aligner, Filterbank, FiniteWindow

from .frames import Frames

AUDIBLE_BESIDE = 0.1
"""Share of a line's amplitude from which a neighbour in its channel counts: it turns the phase by up to 6 degrees."""

SHARED_WINDOWS = 3.0
"""Lines share a channel if they are nearer than this over the window's length, where the window's main lobe ends."""

SHARED_BANDWIDTHS = 2.0
"""Lines share a channel of a bank without windows if they are nearer than so many equivalent rectangular bandwidths."""


SAME_LINE = 0.02
"""Share of that distance within which lines of neighbouring atoms (about 1 Hz apart) are one line, seen by both."""


class PhaseTables(NamedTuple):
    """Where channels stand, how far after a frame they are heard, by what they delay, and what shares them."""

    center_hz: Annotated[NDArray[np.float64], "channels"]
    lead_s: Annotated[NDArray[np.float64], "channels"]
    delay_s: Annotated[NDArray[np.float64], "channels"]
    shared_hz: Annotated[NDArray[np.float64], "channels"]


class PhaseReader:
    r"""Adds phases and subbands to frames.

    A line of frequency f and phase φ at the frame's time t gives the channel at f_k, read at t + l_k and delaying by
    g_k, the phase ``φ + 2π f l_k − 2π (f − f_k) g_k``: what the subband's argument says, φ follows from. Where another
    line shares the channel the argument is that of their sum, which says nothing of either: NaN.

    Args:
        bank: the bank of a `Sharpener`, and
        window: its finite windows, if it has them;
        aligner: its alignment.
        atom_hz: (atoms,) the grid.
    """

    def __init__(
        self, bank: Filterbank, window: FiniteWindow | None, aligner: Aligner, atom_hz: NDArray[np.float64]
    ) -> None:
        design = bank.design
        if window:
            group_delay = window.latency_samples
            shared_hz: NDArray[np.float64] = np.float64(SHARED_WINDOWS * design.sample_rate / bank.hop) / (
                window.design.length_hops
            )
        else:
            group_delay = design.order * design.damping / (1 - design.damping)
            shared_hz = SHARED_BANDWIDTHS * design.bandwidth_hz
        # A frame at a time holds the subband of the last sample before it.
        lead_s = ((aligner.latency_hops - aligner.wait_hops) * bank.hop - 1) / design.sample_rate
        self._tables = PhaseTables(
            center_hz=design.center_hz,
            lead_s=lead_s,
            delay_s=group_delay / design.sample_rate,
            shared_hz=shared_hz,
        )
        self._nearest = np.abs(design.center_hz - atom_hz[:, None]).argmin(axis=1)
        self._turn = np.exp(-2j * np.pi * design.center_hz * lead_s).astype(np.complex64)

    def read(self, frames: Frames, subband: NDArray[np.complex64]) -> Frames:
        """`frames` with phases; subband: (frames, streams, channels), aligned."""
        phase = np.empty_like(frames.amplitude)
        _read_phases(
            frames.amplitude, frames.instantaneous_frequency, subband, self._tables, self._nearest, AUDIBLE_BESIDE,
            phase,
        )  # fmt: skip
        return replace(frames, phase=phase, subband=subband * self._turn)


@kernel
def _read_phases(
    amplitude: Floats, frequency: Floats, subband: Complexes, tables: PhaseTables, nearest: Integers, audible: float,
    phase: Floats,
) -> None:  # fmt: skip
    center_hz, lead_s, delay_s, shared_hz = tables.center_hz, tables.lead_s, tables.delay_s, tables.shared_hz
    frames, streams, atoms = amplitude.shape
    for n in range(frames):
        for s in range(streams):
            for j in range(atoms):
                phase[n, s, j] = np.nan
                if amplitude[n, s, j] == 0:
                    continue
                f = np.float64(frequency[n, s, j])
                k = nearest[j]
                while k + 1 < center_hz.size and abs(center_hz[k + 1] - f) < abs(center_hz[k] - f):
                    k += 1
                while k > 0 and abs(center_hz[k - 1] - f) < abs(center_hz[k] - f):
                    k -= 1
                if _is_alone(amplitude[n, s], frequency[n, s], j, shared_hz[k], audible):
                    z = subband[n, s, k]
                    turns = -f * lead_s[k] + (f - center_hz[k]) * delay_s[k]
                    raw = math.atan2(z.imag, z.real) / (2 * math.pi) + turns
                    phase[n, s, j] = 2 * math.pi * (raw - math.floor(raw + 0.5))


@kernel
def _is_alone(amplitude: Floats, frequency: Floats, j: int, shared_hz: float, audible: float) -> bool:
    least = audible * amplitude[j]
    for step in (-1, 1):
        i = j + step
        while 0 <= i < amplitude.size:
            apart_hz = abs(frequency[i] - frequency[j])
            if amplitude[i] > 0 and apart_hz > shared_hz:
                break
            if amplitude[i] > least and apart_hz > SAME_LINE * shared_hz:
                return False
            i += step
    return True
