"""Voices found by networks over f0 in the waveform that `VoiceTracker` fits, each row's winners fitted together to it.

Hypotheses are states that persist from row to row (11.6 ms): units of a `WtaConv` over harmonic salience, or of a
`HarmonicDivisive`, which share the peaks of the row's spectrum, and of both. Constants are those of the pitch layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from benchmarks.sharpness.estimate import Audio
from benchmarks.sharpness.gammatone import hop_of
from benchmarks.sharpness.lines import Floats
from benchmarks.transcription.heard import Heard
from sharpear.config import PitchConfig
from sharpear.dsp.voice_evidence_kernel import HIGHEST_HZ, LOWEST_HZ, RowRoom
from sharpear.dsp.voice_fit_kernel import fit_voices
from sharpear.dsp.voice_salience_kernel import ALIKE_STEPS, find_salience, transform
from sharpear.dsp.voice_tracker import CARRIER_HOPS, FILTER_HOPS, HALF_HOPS, VoiceTracker
from sharpear.dsp.voice_tracker_kernel import BAND_PER_HOP, ROW_HOPS, TrackerTables
from sharpear.dsp.voices_kernel import MOST_VOICES, add_voice
from sharpear.dynamics import HarmonicDivisive, HarmonicFields, WtaCircuit, WtaConv

SETTINGS = PitchConfig()
PER_OCTAVE = 60
LEAST = 0.1
"""Winners have this share of the strongest unit: of 0.05, 0.1 and 0.2 chosen on bundled voices sung again."""
FAINTEST = 0.01
"""Peaks of the spectrum below this share of its highest, as amplitudes, drive nobody."""
PEAKS = 40
FALL = 0.98
"""What is left a row later of the level that peaks are compared to."""
STEPS = 3
"""Steps of the fit."""
REST = 1e-3
"""No pitch's activity falls below."""
SALIENT = 1.0
"""Salience, over its mean, that drives nobody."""
Activity = Callable[[RowRoom], Floats]
"""What is active on a grid of fundamentals at a row, whose samples are in the room."""
Design = Callable[[TrackerTables], tuple[Floats, Activity]]
"""A network, and the grid of fundamentals (Hz) that its units stand for."""


class Followed:
    """Rows of a recording as the tracker has them.

    Args:
        audio, sample_rate: of the recording.
    """

    def __init__(self, audio: Audio, sample_rate: float) -> None:
        self.hop, self.rate = hop_of(sample_rate), sample_rate
        self._hops = audio[: audio.size // self.hop * self.hop].reshape(-1, 1, self.hop)
        self._tracker = VoiceTracker(sample_rate, self.hop, 60 * 2 ** (np.arange(33) / 4))
        self.tables, self.room = self._tracker.parts.tables, self._tracker.room()

    def __iter__(self) -> Iterator[tuple[float, Floats]]:
        """Time of each row and fundamentals that the tracker follows; the row's samples are in the room."""
        state, whole, late = self._tracker.parts.state, self.tables.whole, HALF_HOPS + FILTER_HOPS
        first, size = state.band_real.shape[1] + 2 * whole.first - 2, whole.window.size
        for frame in range(0, len(self._hops) - ROW_HOPS, ROW_HOPS):
            self._tracker.process(self._hops[frame : frame + 1])
            self.room.real[:size] = state.band_real[0, first : first + size] * whole.window
            self.room.imag[:size] = state.band_imag[0, first : first + size] * whole.window
            yield (frame + 1 - late) * self.hop / self.rate, state.shared[0, 0, : state.number[0, 0, 0], 0].copy()
            self._tracker.process(self._hops[frame + 1 : frame + ROW_HOPS])


def tracker(audio: Audio, sample_rate: float) -> Heard:
    """What `VoiceTracker` itself follows, told or not."""
    times, pitches = zip(*Followed(audio, sample_rate), strict=True)
    return Heard(np.array(times), list(pitches))


def network(audio: Audio, sample_rate: float, design: Design) -> Heard:
    """Winners of a network over f0, fitted."""
    rows = Followed(audio, sample_rate)
    grid_hz, activity_of = design(rows.tables)
    times, pitches, whole, fit = [], [], rows.tables.whole, rows.room.fit
    for time_s, _ in rows:
        fit.voices.number[0] = 0
        for hz in grid_hz[winners(activity_of(rows.room))]:
            add_voice(fit.voices, hz, whole.top_hz)
        fit_voices(rows.room.real, rows.room.imag, STEPS, fit, whole)
        times.append(time_s)
        pitches.append(fit.voices.shared[: fit.voices.number[0], 0].copy())
    return Heard(np.array(times), pitches)


def winners(activity: Floats) -> Floats:
    """Which units are peaks above `LEAST` of the strongest: no more than the fit has voices, the strongest."""
    middle = activity[1:-1]
    peak = (middle >= activity[:-2]) & (middle > activity[2:]) & (middle > max(LEAST * activity.max(), 1e-6))
    found = np.flatnonzero(peak) + 1
    return np.sort(found[np.argsort(-activity[found])[:MOST_VOICES]])


def competing(units: int, half_width: int) -> WtaConv:
    """A layer that forgets in 23 ms what nothing drives."""
    circuit = WtaCircuit(alpha=1.1, beta1=3.0, beta2=0.25, conductance=1.0)
    return WtaConv(units, half_width, tau_s=0.0232, step_s=0.00145, iterations=8, circuit=circuit)


def salient(tables: TrackerTables) -> tuple[Floats, Activity]:
    """A `WtaConv` of windows of 64 cents over salience."""
    grid_hz = tables.salience.grid_hz
    layer = competing(grid_hz.size, ALIKE_STEPS)

    def activity(room: RowRoom) -> Floats:
        transform(room.real, room.imag, tables.whole.window, tables.salience, room.salience)
        mean = find_salience(tables.salience, room.salience)
        drive = np.maximum(room.salience.salience / max(mean, 1e-20) - SALIENT, 0)
        return np.asarray(layer(drive[None].astype(np.float32))[0], float)

    return grid_hz, activity


def sharing(tables: TrackerTables, compete: bool = False, persist: bool = True) -> tuple[Floats, Activity]:
    """Pitches that share the peaks of the spectrum, as the pitch layer's do.

    compete: a `WtaConv` of windows of 60 cents reads them.  persist: from row to row.
    """
    fields = HarmonicFields.over(
        LOWEST_HZ, HIGHEST_HZ, per_octave=PER_OCTAVE, harmonics=SETTINGS.harmonics, rolloff=SETTINGS.rolloff,
        tolerance_cents=SETTINGS.tolerance_cents,
    )  # fmt: skip
    cell = HarmonicDivisive(fields, PEAKS, iterations=SETTINGS.iterations, epsilon=SETTINGS.epsilon, rest=REST)
    layer, level = competing(fields.pitch_hz.size, 3), [1e-9]

    def activity(room: RowRoom) -> Floats:
        transform(room.real, room.imag, tables.whole.window, tables.salience, room.salience)
        hz, amplitude = peaks(room.salience.power.astype(float), 1 / tables.whole.step_s)
        if not persist:
            cell.reset()
        level[0] = max(FALL * level[0], amplitude.max(initial=0.0))
        drive, where = np.zeros((2, 1, PEAKS), np.float32)
        drive[0, : hz.size], where[0, : hz.size] = (amplitude / level[0]) ** SETTINGS.compression, hz
        found: Any = cell({"drive": drive, "hz": where})
        return np.asarray((layer(found) if compete else found)[0], float)

    return fields.pitch_hz, activity


def peaks(power: Floats, rate_hz: float) -> tuple[Floats, Floats]:
    """Hz and amplitudes of the highest peaks of a row's spectrum, between bins by parabolas through logarithms."""
    hz = np.fft.fftshift(np.fft.fftfreq(power.size, 1 / rate_hz)) + CARRIER_HOPS / BAND_PER_HOP * rate_hz
    level = np.fft.fftshift(np.log(power + 1e-20))
    at = np.flatnonzero((level[1:-1] > level[:-2]) & (level[1:-1] >= level[2:])) + 1
    at = at[(level[at] > level.max() + 2 * np.log(FAINTEST)) & (hz[at] > LOWEST_HZ - 10)]
    at = at[np.argsort(-level[at])[:PEAKS]]
    below, above = level[at] - level[at - 1], level[at] - level[at + 1]
    offset = 0.5 * (below - above) / (below + above)
    return hz[at] + offset * (hz[1] - hz[0]), np.exp(level[at] / 2)


WAYS: dict[str, Callable[[Audio, float], Heard]] = {
    "voices that are followed": tracker,
    "`WtaConv` over salience, fitted": partial(network, design=salient),
    "`HarmonicDivisive` over the spectrum's peaks, fitted": partial(network, design=sharing),
    "the same, forgotten from row to row": partial(network, design=partial(sharing, persist=False)),
    "the same, a `WtaConv` over it": partial(network, design=partial(sharing, compete=True)),
}
