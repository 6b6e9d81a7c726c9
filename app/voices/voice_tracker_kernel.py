"""Voices, row by row of four hops. No validation here."""

import math

import numpy as np

from sharpear.compiler import Doubles, Floats, kernel
from sharpear.dynamics.unit_kernel import copy

from .tracker_arrays import (
    BAND_PER_HOP,
    LATER_ROWS,
    MIDDLE_HOPS,
    ROW_HOPS,
    ROWS,
    TrackerOut,
    TrackerState,
    TrackerTables,
)
from .voice_algebra_kernel import product
from .voice_evidence_kernel import RowRoom, look
from .voice_fit import VoiceFit, VoiceTables
from .voice_fit_kernel import copy_outcome, noise_of
from .voice_frames_kernel import say
from .voice_hypotheses_kernel import Hypotheses, forget
from .voice_names_kernel import Names, clear_names, find_alike, find_names
from .voice_rows_kernel import SILENT, first_look, second_look
from .voice_spectrum_kernel import transform
from .voice_stiffness_kernel import EXPLAINED
from .voices_kernel import CALMING, DAMPING, Voices, copy_voices, move

RESTART_HOPS = 256
"""Hops after which all voices are found anew, so that long files can be worked on in segments."""

CLEAN = 0.01
"""Voices are worth a second look, and their partials a place beside windows' lines, where a row, or one of those
remembered around it, leaves less than this share of the energy. Recorded voices hardly ever do: there a fit is far from
what windows tell, and does no more than name whose their lines are."""

NOISE_LEFT, NOISE_ROWS = math.log(0.45), 16
"""Hypotheses name lines where fits leave less than noise lets them, whatever its colour, in the mean of logarithms over
so many rows, 0.19 s: see docs/voices.md."""

LEAST_LEFT = 1e-9
"""Smaller shares of the energy are taken for as much."""

SIDE_WEIGHT = 12.0
"""Nats twice over that a partial must bring where windows of different lengths are compared."""


@kernel
def track(
    samples: Floats, frame: int, tables: TrackerTables, state: TrackerState, room: RowRoom, out: TrackerOut
) -> None:
    """(frames, streams, hop) samples in, what voices say of each frame out; frame: number of the first."""
    for s in range(samples.shape[1]):
        for f in range(samples.shape[0]):
            follow(samples[f, s], frame + f, s, tables, state, room)
            say(frame + f, s, tables, state, out, f, s)


@kernel
def follow(hop: Floats, frame: int, s: int, tables: TrackerTables, state: TrackerState, room: RowRoom) -> None:
    """Take a hop of a stream, and find voices where a row is due."""
    _take_hop(hop, tables, state.recent[s], state.band_real[s], state.band_imag[s])
    if frame % ROW_HOPS == 0:
        _advance(frame, s, tables, state, room)


@kernel(apart=True)
def _take_hop(hop: Floats, tables: TrackerTables, recent: Floats, real: Floats, imag: Floats) -> None:
    """A hop of sound, and the band's samples that it completes."""
    kept, band = recent.size - hop.size, real.size - BAND_PER_HOP
    for n in range(kept):
        recent[n] = recent[n + hop.size]
    for n in range(hop.size):
        recent[kept + n] = hop[n]
    for n in range(band):
        real[n], imag[n] = real[n + BAND_PER_HOP], imag[n + BAND_PER_HOP]
    for m in range(BAND_PER_HOP):
        real[band + m], imag[band + m] = _dot(tables.taps_real[m], recent), _dot(tables.taps_imag[m], recent)


@kernel(fastmath={"contract", "reassoc"})
def _dot(left: Floats, right: Floats) -> np.float32:
    total = np.float32(0)
    for n in range(left.size):
        total += left[n] * right[n]
    return total


@kernel
def _voices(state: TrackerState, s: int, row: int) -> Voices:
    """Those of a row, 0 the newest."""
    return Voices(
        state.number[s, row], state.shared[s, row], state.used[s, row], state.age[s, row], state.stiff[s, row]
    )


@kernel
def _take_samples(state: TrackerState, s: int, at: int, tables: VoiceTables, room: RowRoom) -> float:
    """The windowed samples around a place of the band; their energy is returned."""
    first, window = at + tables.first, tables.window
    band_real, band_imag = state.band_real[s, first:], state.band_imag[s, first:]
    real, imag = room.real[: window.size], room.imag[: window.size]
    for n in range(window.size):
        real[n], imag[n] = band_real[n] * window[n], band_imag[n] * window[n]
    return float(product(real, imag, real, imag).real)


@kernel
def _advance(frame: int, s: int, tables: TrackerTables, state: TrackerState, room: RowRoom) -> None:
    """Find the voices of the newest row, and look again at one for which later ones are known by now."""
    fit, whole, restarts = room.fit, tables.whole, frame % RESTART_HOPS == 0
    at = state.band_real.shape[1] + whole.first - 2
    for row in range(ROWS - 1, 0, -1):
        copy_voices(_voices(state, s, row - 1), _voices(state, s, row))
        state.share[s, row] = state.share[s, row - 1]
        _copy_names(_names(state, s, row - 1), _names(state, s, row))
    copy_voices(_voices(state, s, 1), fit.voices)
    hypotheses = Hypotheses(state.activity[s], state.level[s])
    if restarts:
        fit.voices.number[0] = 0
        forget(hypotheses)
    for v in range(fit.voices.number[0]):
        fit.voices.age[v] += 1
    move(fit.voices, ROW_HOPS * tables.hop_s, DAMPING, CALMING)
    energy = _take_samples(state, s, at, whole, room)
    first_look(energy, room, whole, tables.spectrum, tables.hypotheses, tables.rule, hypotheses)
    copy_voices(fit.voices, _voices(state, s, 0))
    state.share[s, 0] = fit.energy[0] / energy if energy > SILENT else 1.0
    rows = min(frame % RESTART_HOPS // ROW_HOPS + 1, NOISE_ROWS)
    state.left[s] += (math.log(max(state.share[s, 0], LEAST_LEFT)) - state.left[s]) / rows
    names = _names(state, s, 0)
    clear_names(names)
    if energy > SILENT and state.share[s, 0] >= EXPLAINED:  # then hypotheses have competed
        find_names(tables.hypotheses, room.hypotheses, hypotheses, fit.voices, whole.window_power, names)
    if state.share[s].min() < CLEAN:
        _move_together(s, tables, state, room)
        back_hops = LATER_ROWS * ROW_HOPS - MIDDLE_HOPS
        _look_back(at - int(back_hops * BAND_PER_HOP), s, tables, state, room)
    elif state.left[s] < NOISE_LEFT:
        _name(s, tables.hop_s, state)
    else:  # in noise fits explain some of the energy by chance, and peaks have hypotheses, too
        _forget(s, state)


@kernel
def _names(state: TrackerState, s: int, row: int) -> Names:
    """Those of a row, 0 the newest."""
    return Names(state.heard_hz[s, row], state.heard_energy[s, row], state.heard_pitch_hz[s, row])


@kernel
def _copy_names(source: Names, target: Names) -> None:
    """All of them."""
    copy(source.hz, target.hz)
    copy(source.energy, target.energy)
    copy(source.pitch_hz, target.pitch_hz)


@kernel
def _forget(s: int, state: TrackerState) -> None:
    """No partials."""
    state.partials[s] = state.named[s] = 0
    state.hz[s], state.slope[s], state.curvature[s], state.growth[s] = 0.0, 0.0, 0.0, 0.0
    state.energy[s], state.phase[s], state.precision[s], state.multiple[s] = 0.0, 0.0, 0.0, 0.0
    state.beyond[s], state.told[s] = 0.0, 0.0


@kernel
def _name(s: int, hop_s: float, state: TrackerState) -> None:
    """Partials of the row in the middle of those remembered, as its hypotheses have them: they name lines alone.

    Fundamentals that do not last until the newest row came and went; others go on as they are there.
    """
    own = _names(state, s, LATER_ROWS)
    _forget(s, state)
    pitch_hz, then_hz, k = 0.0, 0.0, 0
    for i in range(own.hz.size):
        if own.pitch_hz[i] == 0:
            break
        if own.pitch_hz[i] != pitch_hz:
            pitch_hz = own.pitch_hz[i]
            then_hz = pitch_hz
            for row in range(LATER_ROWS - 1, -1, -1):
                then_hz = find_alike(then_hz, _names(state, s, row))
        if then_hz > 0:
            slope = (then_hz / pitch_hz - 1) / (LATER_ROWS * ROW_HOPS * hop_s)
            middle = 1 + slope * MIDDLE_HOPS * hop_s
            state.hz[s, k], state.slope[s, k] = own.hz[i] * middle, slope / middle
            state.energy[s, k], state.multiple[s, k] = own.energy[i], own.hz[i] / pitch_hz
            k += 1
    state.named[s] = k


@kernel
def _place(h: int, shared: Doubles, energy: float, s: int, k: int, state: TrackerState) -> None:
    """Partial h of a voice is number k of a stream."""
    hz, slope, curvature, growth, stiffness = shared
    state.multiple[s, k] = h * math.sqrt(1 + stiffness * h * h)
    state.hz[s, k] = hz * state.multiple[s, k]
    state.slope[s, k], state.curvature[s, k], state.growth[s, k] = slope, curvature, growth
    state.energy[s, k] = energy


@kernel
def _move_together(s: int, tables: TrackerTables, state: TrackerState, room: RowRoom) -> None:
    """The row in the middle of those remembered, and the newest, as both are at the middle of the former's frames."""
    copy_voices(_voices(state, s, LATER_ROWS), room.middle)
    move(room.middle, MIDDLE_HOPS * tables.hop_s, 1.0, 1.0)
    copy_voices(_voices(state, s, 0), room.later)
    move(room.later, (MIDDLE_HOPS - LATER_ROWS * ROW_HOPS) * tables.hop_s, DAMPING, CALMING)


@kernel(apart=True)
def _look_back(at: int, s: int, tables: TrackerTables, state: TrackerState, room: RowRoom) -> None:
    """The row in the middle of those remembered, with what has come later, and as seen after or before its moment."""
    fit, whole = room.fit, tables.whole
    energy = _take_samples(state, s, at, whole, room)
    later = second_look(energy, room.middle, room.later, room, whole, tables.rule)
    side, fitted = 0, whole
    if energy > SILENT and fit.energy[0] > EXPLAINED * energy:
        best = _score(fit, energy, whole)
        copy_outcome(fit, room.other)
        for tried in range(1, 3):
            window = tables.right if tried == 1 else tables.left
            if tried == 1:
                copy_voices(room.later, fit.voices)
            else:
                copy_voices(_voices(state, s, ROWS - 1), fit.voices)
                move(fit.voices, (LATER_ROWS * ROW_HOPS + MIDDLE_HOPS) * tables.hop_s, DAMPING, CALMING)
            own = _take_samples(state, s, at, window, room)
            if fit.voices.number[0] == 0 or own <= SILENT:
                continue
            look(own, room, window, tables.rule)
            score = _score(fit, own, window)
            if fit.voices.number[0] and score < best:
                best, side, energy, fitted = score, tried, own, window
                copy_outcome(fit, room.other)
        copy_outcome(room.other, fit)
    _keep(energy, s, later, side, fitted, tables, state, room)


@kernel
def _score(fit: VoiceFit, energy: float, tables: VoiceTables) -> float:
    """Ln of the share of the energy that is left, and what partials cost where a window is so long."""
    return float(math.log(noise_of(fit, energy) / energy) + SIDE_WEIGHT * fit.partials[0] / (2 * tables.window_power))


@kernel(apart=True)
def _keep(
    energy: float, s: int, later: bool, side: int, fitted: VoiceTables, tables: TrackerTables, state: TrackerState,
    room: RowRoom,
) -> None:  # fmt: skip
    """What the voices in room.fit say is what the next frames say."""
    fit = room.fit
    noise = fit.energy[0] / fit.rest_real.size + SILENT
    _forget(s, state)
    state.partials[s] = state.named[s] = fit.partials[0]
    for k in range(fit.partials[0]):
        energy_k = fit.real[k] ** 2 + fit.imag[k] ** 2
        _place(fit.partial_number[k], fit.voices.shared[fit.partial_voice[k]], energy_k, s, k, state)
        state.phase[s, k] = math.atan2(fit.imag[k], fit.real[k])
        state.precision[s, k] = state.energy[s, k] * fitted.window_power / noise
    transform(fit.rest_real, fit.rest_imag, fitted.window, tables.spectrum, room.spectrum)
    fourth = 0.0
    for n in range(fitted.window.size):
        fourth += fitted.window[n] ** 4
    for m in range(tables.bin_band.size):
        b = tables.bin_band[m]
        if b >= 0:
            power = room.spectrum.power[m] / (tables.bin_band.size * fourth)
            state.beyond[s, b] += power * (1 - tables.bin_part[m])
            state.beyond[s, b + 1] += power * tables.bin_part[m]
    _tell(energy, later, side, fit, state.told[s])


@kernel
def _tell(energy: float, later: bool, side: int, fit: VoiceFit, told: Doubles) -> None:
    """Share left, in ln; how many voices; ln of the youngest's age; whether later ones came in; the side."""
    youngest = 0
    for v in range(fit.voices.number[0]):
        youngest = fit.voices.age[v] if v == 0 else min(youngest, fit.voices.age[v])
    told[0] = math.log((fit.energy[0] + SILENT) / (energy + SILENT))
    told[1] = fit.voices.number[0]
    told[2] = math.log(1.0 + youngest)
    told[3] = 1.0 if later else 0.0
    told[4] = 1.0 if side == 1 else 0.0
    told[5] = 1.0 if side == 2 else 0.0
