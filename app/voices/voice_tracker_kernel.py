"""Voices, row by row of four hops, and what they say of every frame. No validation here."""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Doubles, Floats, kernel

from .voice_algebra_kernel import product
from .voice_evidence_kernel import EvidenceRule, RowRoom, look
from .voice_fit import Outcome, VoiceFit, VoiceTables
from .voice_fit_kernel import copy_outcome, noise_of
from .voice_hypotheses_kernel import Hypotheses, HypothesisTables, forget
from .voice_rows_kernel import SILENT, first_look, second_look
from .voice_spectrum_kernel import SpectrumTables, transform
from .voice_stiffness_kernel import EXPLAINED
from .voices_kernel import Voices, copy_voices, is_known, move

ROW_HOPS = 4
"""Hops between two rows."""

LATER_ROWS = 2
"""A row is looked at a second time when so many more are known: 23 ms later."""

ROWS = 2 * LATER_ROWS + 1
"""Rows that are remembered: those later and earlier than the one that is looked at again."""

BAND_PER_HOP = 16
"""Samples of the analytic band in a hop."""

RESTART_HOPS = 256
"""Hops after which all voices are found anew, so that long files can be worked on in segments."""

CLEAN = 0.01
"""Voices are worth a second look, and their partials a place beside windows' lines, where at least one of a row, the
row so much later and the one so much earlier leaves less than this share of the energy. Recorded voices hardly ever do:
there a fit is far from what windows tell, and does no more than name whose their lines are."""

SIDE_WEIGHT = 12.0
"""Nats twice over that a partial must bring where windows of different lengths are compared."""

CLOSER_HZ = 2.0
"""Partials closer than this cannot be told apart by anybody within a tenth of a second: they are one line."""

TOLD = 6
"""Numbers that are told of all voices together."""


class TrackerTables(NamedTuple):
    """What a tracker needs beside its parts.

    taps_real, taps_imag: each sample of a hop's band from the last samples of sound.
    whole, right, left: fits around a moment, after and before it.
    bin_band, bin_part: band below each bin of the spectrum, -1 for none, and how much of it belongs above.
    """

    taps_real: Annotated[NDArray[np.float32], "band per hop", "taps"]
    taps_imag: Annotated[NDArray[np.float32], "band per hop", "taps"]
    hop_s: float
    whole: VoiceTables
    right: VoiceTables
    left: VoiceTables
    spectrum: SpectrumTables
    hypotheses: HypothesisTables
    rule: EvidenceRule
    bin_band: Annotated[NDArray[np.int64], "points"]
    bin_part: Annotated[NDArray[np.float64], "points"]


class TrackerState(NamedTuple):
    """The last samples of sound, and of the band; the voices of the last rows, the newest first; what a row has found.

    share: of the energy that the first look at each of these rows has left.
    activity, level: of the hypotheses of the newest row.
    found_…, rest_…, left: what the first look at each of the last rows has found, until there is a second one: see
    `Outcome`.

    partials: how many; named: the same, or where voices do not explain the row how many may have a line of windows';
    hz, slope, curvature, growth, energy, precision (energy over variance), multiple (Hz over its voice's fundamental):
    of each.
    beyond: energy of bands that voices leave.  told: of all voices, see `_tell`.
    """

    recent: Annotated[NDArray[np.float32], "streams", "taps"]
    band_real: Annotated[NDArray[np.float32], "streams", "band"]
    band_imag: Annotated[NDArray[np.float32], "streams", "band"]
    number: Annotated[NDArray[np.int64], "streams", "rows", "one"]
    shared: Annotated[NDArray[np.float64], "streams", "rows", "voices", "shared"]
    used: Annotated[NDArray[np.bool_], "streams", "rows", "voices", "partials"]
    age: Annotated[NDArray[np.int64], "streams", "rows", "voices"]
    stiff: Annotated[NDArray[np.bool_], "streams", "rows", "voices"]
    share: Annotated[NDArray[np.float64], "streams", "rows"]
    found: Annotated[NDArray[np.int64], "streams", "looks", "one"]
    found_voice: Annotated[NDArray[np.int64], "streams", "looks", "all partials"]
    found_number: Annotated[NDArray[np.int64], "streams", "looks", "all partials"]
    found_real: Annotated[NDArray[np.float64], "streams", "looks", "all partials"]
    found_imag: Annotated[NDArray[np.float64], "streams", "looks", "all partials"]
    rest_real: Annotated[NDArray[np.float32], "streams", "looks", "samples"]
    rest_imag: Annotated[NDArray[np.float32], "streams", "looks", "samples"]
    left: Annotated[NDArray[np.float64], "streams", "looks", "one"]
    activity: Annotated[NDArray[np.float32], "streams", "grid"]
    level: Annotated[NDArray[np.float64], "streams", "one"]
    partials: Annotated[NDArray[np.int64], "streams"]
    named: Annotated[NDArray[np.int64], "streams"]
    hz: Annotated[NDArray[np.float64], "streams", "all partials"]
    slope: Annotated[NDArray[np.float64], "streams", "all partials"]
    curvature: Annotated[NDArray[np.float64], "streams", "all partials"]
    growth: Annotated[NDArray[np.float64], "streams", "all partials"]
    energy: Annotated[NDArray[np.float64], "streams", "all partials"]
    precision: Annotated[NDArray[np.float64], "streams", "all partials"]
    multiple: Annotated[NDArray[np.float64], "streams", "all partials"]
    beyond: Annotated[NDArray[np.float64], "streams", "bands"]
    told: Annotated[NDArray[np.float64], "streams", "told"]


class TrackerParts(NamedTuple):
    """A tracker as kernels take it."""

    tables: TrackerTables
    state: TrackerState


class TrackerOut(NamedTuple):
    """What is said of frames: see `VoiceFrames`."""

    partials: Annotated[NDArray[np.int64], "frames", "streams"]
    named: Annotated[NDArray[np.int64], "frames", "streams"]
    hz: Annotated[NDArray[np.float32], "frames", "streams", "all partials"]
    energy: Annotated[NDArray[np.float32], "frames", "streams", "all partials"]
    precision: Annotated[NDArray[np.float32], "frames", "streams", "all partials"]
    multiple: Annotated[NDArray[np.float32], "frames", "streams", "all partials"]
    beyond: Annotated[NDArray[np.float32], "frames", "streams", "bands"]
    told: Annotated[NDArray[np.float32], "frames", "streams", "told"]


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


@kernel
def say(frame: int, s: int, tables: TrackerTables, state: TrackerState, out: TrackerOut, f: int, column: int) -> None:
    """What is said of a frame, its partials as long after their row as it is, is frame `f` of a column of `out`."""
    hz, energy, precision, multiple = (
        out.hz[f, column],
        out.energy[f, column],
        out.precision[f, column],
        out.multiple[f, column],
    )
    beyond, told, seconds = out.beyond[f, column], out.told[f, column], frame % ROW_HOPS * tables.hop_s
    out.partials[f, column], out.named[f, column] = state.partials[s], state.named[s]
    for k in range(hz.size):
        bend = 1 + state.slope[s, k] * seconds + 0.5 * state.curvature[s, k] * seconds * seconds
        hz[k] = state.hz[s, k] * max(bend, 0.5)
        energy[k] = state.energy[s, k] * math.exp(2 * state.growth[s, k] * seconds) if state.energy[s, k] > 0 else 0.0
        precision[k], multiple[k] = state.precision[s, k], state.multiple[s, k]
    for b in range(beyond.size):
        beyond[b] = state.beyond[s, b]
    for m in range(told.size):
        told[m] = state.told[s, m]


@kernel
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
def _outcome(state: TrackerState, s: int, row: int) -> Outcome:
    """Of the first look at one of the last rows."""
    return Outcome(
        _voices(state, s, row), state.found[s, row], state.found_voice[s, row], state.found_number[s, row],
        state.found_real[s, row], state.found_imag[s, row], state.rest_real[s, row], state.rest_imag[s, row],
        state.left[s, row],
    )  # fmt: skip


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
        state.share[s, row] = state.share[s, row - 1]
        if row > LATER_ROWS:
            copy_voices(_voices(state, s, row - 1), _voices(state, s, row))
        else:
            copy_outcome(_outcome(state, s, row - 1), _outcome(state, s, row))
    copy_voices(_voices(state, s, 1), fit.voices)
    hypotheses = Hypotheses(state.activity[s], state.level[s])
    if restarts:
        fit.voices.number[0] = 0
        forget(hypotheses)
    for v in range(fit.voices.number[0]):
        fit.voices.age[v] += 1
    move(fit.voices, ROW_HOPS * tables.hop_s)
    energy = _take_samples(state, s, at, whole, room)
    first_look(energy, room, whole, tables.spectrum, tables.hypotheses, tables.rule, hypotheses)
    copy_outcome(fit, _outcome(state, s, 0))
    state.share[s, 0] = fit.energy[0] / energy if energy > SILENT else 1.0
    if min(state.share[s, 0], state.share[s, LATER_ROWS], state.share[s, ROWS - 1]) < CLEAN:
        _look_back(at - LATER_ROWS * ROW_HOPS * BAND_PER_HOP, s, tables, state, room)
    else:
        _name(s, tables, state, room)


@kernel
def _forget(s: int, state: TrackerState) -> None:
    """No partials."""
    state.partials[s] = state.named[s] = 0
    state.hz[s], state.slope[s], state.curvature[s], state.growth[s] = 0.0, 0.0, 0.0, 0.0
    state.energy[s], state.precision[s], state.multiple[s] = 0.0, 0.0, 0.0
    state.beyond[s], state.told[s] = 0.0, 0.0


@kernel
def _name(s: int, tables: TrackerTables, state: TrackerState, room: RowRoom) -> None:
    """Partials of the row in the middle of those remembered, as its first look has found them: they name lines alone.

    Voices that are not there later came and went.
    """
    found, after, named = _outcome(state, s, LATER_ROWS), room.later, 0
    copy_voices(_voices(state, s, 0), after)
    move(after, -LATER_ROWS * ROW_HOPS * tables.hop_s)
    _forget(s, state)
    for k in range(found.partials[0]):
        shared = found.voices.shared[found.partial_voice[k]]
        if is_known(after, shared[0]):
            _place(found.partial_number[k], shared, found.real[k] ** 2 + found.imag[k] ** 2, s, named, state)
            named += 1
    state.named[s] = named


@kernel
def _place(h: int, shared: Doubles, energy: float, s: int, k: int, state: TrackerState) -> None:
    """Partial h of a voice is number k of a stream."""
    hz, slope, curvature, growth, stiffness = shared
    state.multiple[s, k] = h * math.sqrt(1 + stiffness * h * h)
    state.hz[s, k] = hz * state.multiple[s, k]
    state.slope[s, k], state.curvature[s, k], state.growth[s, k] = slope, curvature, growth
    state.energy[s, k] = energy


@kernel
def _look_back(at: int, s: int, tables: TrackerTables, state: TrackerState, room: RowRoom) -> None:
    """The row in the middle of those remembered, with what has come later, and as seen after or before its moment."""
    fit, whole, later_s = room.fit, tables.whole, LATER_ROWS * ROW_HOPS * tables.hop_s
    after = room.later
    copy_voices(_voices(state, s, 0), after)
    move(after, -later_s)
    energy = _take_samples(state, s, at, whole, room)
    later = second_look(energy, _outcome(state, s, LATER_ROWS), after, room, whole, tables.rule)
    side, fitted = 0, whole
    if energy > SILENT and fit.energy[0] > EXPLAINED * energy:
        best = _score(fit, energy, whole)
        copy_outcome(fit, room.other)
        for tried in range(1, 3):
            window = tables.right if tried == 1 else tables.left
            copy_voices(_voices(state, s, 0 if tried == 1 else ROWS - 1), fit.voices)
            move(fit.voices, -later_s if tried == 1 else later_s)
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


@kernel
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
        state.precision[s, k] = state.energy[s, k] * fitted.window_power / noise
    _merge(fit, s, state)
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
def _merge(fit: VoiceFit, s: int, state: TrackerState) -> None:
    """Partials that nobody could tell apart are one line with their coherent energy; the other has none."""
    for i in range(fit.partials[0]):
        for j in range(i):
            first, second = state.energy[s, i], state.energy[s, j]
            if abs(state.hz[s, i] - state.hz[s, j]) < CLOSER_HZ and first > 0 and second > 0:
                fit.real[i] += fit.real[j]
                fit.imag[i] += fit.imag[j]
                state.hz[s, i] = (first * state.hz[s, i] + second * state.hz[s, j]) / (first + second)
                state.energy[s, i], state.energy[s, j] = fit.real[i] ** 2 + fit.imag[i] ** 2, 0.0


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
