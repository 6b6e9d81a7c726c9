"""All stages of a hop of one stream together. No validation here."""

from typing import NamedTuple

import numpy as np

from sharpear.compiler import Complexes, Floats, Integers, kernel
from sharpear.dsp.cue_arrays import CueState
from sharpear.dsp.hann_bank_kernel import SILENT_POWER, BankParts, HannRoom, hann_hop, take_hop
from sharpear.dsp.lines_kernel import MOMENTS, FinderParts, Lanes, lines_frame
from sharpear.dsp.splitter_kernel import usable_sample
from sharpear.dynamics.pair_kernel import PairRoom, pair_frame
from sharpear.dynamics.rules import PairParts
from sharpear.dynamics.unit_kernel import copy, is_silent
from sharpear.dynamics.voice_beliefs_kernel import VoiceWeights
from sharpear.voices.tracker_arrays import ROW_HOPS, TrackerOut

from .judge import JudgeRoom, JudgeTables, judge_frame, judge_moment
from .plain import PlainParts, plain_frame
from .voiced_judge import HearingRoom, mix_and_place
from .winners import WinnersRoom, WinnerTables, take_windows


class ListenParts(NamedTuple):
    """All stages from samples to lines, as the kernel takes them.

    deepest: frames after which all rings hold nothing but what has come since.
    """

    bank: BankParts
    finder: FinderParts
    judge: JudgeTables
    memory: CueState
    plain: PlainParts
    deepest: int


class DecideParts(NamedTuple):
    """From lines to winners likewise."""

    pair: PairParts
    winners: WinnerTables


class HearRoom(NamedTuple):
    """Room for a hop of one stream: what windows and pairs say of it, and its judgement."""

    hann: HannRoom
    lines: Lanes
    power: Floats
    moment: Floats
    subband: Complexes
    longest_hz: Floats
    pair_hz: Floats
    pair_energy: Floats
    trust: Floats
    judge: JudgeRoom


class DecideRoom(NamedTuple):
    """Room for a frame of one stream: the pair's, which units are active, and what its winners take."""

    pair: PairRoom
    active: Floats
    winners: WinnersRoom


@kernel
def take_in(audio: Floats, hop: int, filled: int, waiting: Floats, replaced: Integers, recent: Floats) -> None:
    """Lay out audio (samples, streams) behind what waits for its hop's end; what is left then waits, before zeros."""
    samples = audio.shape[0]
    total = filled + samples
    begin = total - total % hop
    for s in range(audio.shape[1]):
        row, kept = recent[s], waiting[s]
        for n in range(filled):
            row[n] = kept[n]
        for n in range(samples):
            row[filled + n] = usable_sample(audio[n, s], s, replaced)
        for n in range(hop):
            kept[n] = row[begin + n] if begin + n < total else np.float32(0)


@kernel
def hear(
    recent: Floats, s: int, bank_frame: int, finder_frame: int, frame: int, parts: ListenParts, resting: Integers,
    room: HearRoom, drive: Floats, frequency: Floats, amplitude: Floats,
) -> None:  # fmt: skip
    """From the hops of stream `s` to believed lines (frames, streams, atoms), and to amplitudes unsharpened."""
    hop = parts.bank.filters.hop
    for f in range(drive.shape[0]):
        sound = recent[s, f * hop : (f + 1) * hop]
        if _rests(sound, s, parts, resting):
            _say_nothing(parts.judge.atom_hz, drive[f, s], frequency[f, s], amplitude[f, s])
            continue
        _hear_windows(sound, s, bank_frame + f, finder_frame + f, parts, room)
        judge_frame(
            room.power, room.moment, room.pair_hz, room.pair_energy, room.trust, parts.judge, frame + f, s,
            parts.memory, room.judge, drive[f, s], frequency[f, s],
        )  # fmt: skip
        plain_frame(room.power, s, parts.plain, amplitude[f, s])
        _see_rest(sound, s, parts, resting)


@kernel
def hear_voices_too(
    recent: Floats, s: int, bank_frame: int, finder_frame: int, frame: int, parts: ListenParts, resting: Integers,
    room: HearRoom, drive: Floats, frequency: Floats, amplitude: Floats, fundamental: Floats, begin: int, end: int,
    said: TrackerOut, weights: VoiceWeights, hearing: HearingRoom,
) -> None:  # fmt: skip
    """`hear`, of the frames between, with what is said of the voices that there are in them."""
    hop = parts.bank.filters.hop
    for f in range(begin, end):
        sound = recent[s, f * hop : (f + 1) * hop]
        if _rests(sound, s, parts, resting):
            _say_nothing(parts.judge.atom_hz, drive[f, s], frequency[f, s], amplitude[f, s])
            fundamental[f, s] = 0.0
            continue
        _hear_windows(sound, s, bank_frame + f, finder_frame + f, parts, room)
        judge_moment(
            room.power, room.moment, room.pair_hz, room.pair_energy, room.trust, parts.judge, frame + f, s,
            parts.memory, room.judge,
        )  # fmt: skip
        mix_and_place(
            said, f - begin, 0, (frame + f) % ROW_HOPS, parts.judge, room.judge, weights, hearing, drive[f, s],
            frequency[f, s], fundamental[f, s],
        )  # fmt: skip
        plain_frame(room.power, s, parts.plain, amplitude[f, s])
        _see_rest(sound, s, parts, resting)


@kernel
def _hear_windows(
    sound: Floats, s: int, bank_frame: int, finder_frame: int, parts: ListenParts, room: HearRoom
) -> None:
    """What windows say of a hop of sound, and the pairs of the longest."""
    bank, finder = parts.bank, parts.finder
    first = room.power.size - finder.turn.size
    take_hop(sound, bank.filters, bank.windows, room.hann)
    hann_hop(
        room.hann.fresh, bank.resonators, bank.windows, bank_frame, bank.state.resonators[s], bank.state.past[s],
        room.hann.finite, room.power, room.moment, room.subband,
    )  # fmt: skip
    for k in range(finder.turn.size):
        room.longest_hz[k] = room.moment[first + k] / max(room.power[first + k], SILENT_POWER)
    lines_frame(
        room.subband, room.longest_hz, finder.turn, finder.tables, finder.rule, finder.state, finder_frame, s,
        room.lines, room.pair_hz, room.pair_energy, room.trust,
    )  # fmt: skip


@kernel
def _rests(sound: Floats, s: int, parts: ListenParts, resting: Integers) -> bool:
    """Whether there is silence, and nothing left of what was before.

    resting (streams,): frames since when there is silence, and nothing left in the resonators and the moments. When it
    has passed through all rings, a frame of silence changes nothing any more.
    """
    return bool(is_silent(sound) and resting[s] >= parts.deepest)


@kernel
def _see_rest(sound: Floats, s: int, parts: ListenParts, resting: Integers) -> None:
    y, finder = parts.bank.state.resonators[s], parts.finder
    forgotten = is_silent(sound) and is_silent(y[0]) and is_silent(y[1])
    for m in range(MOMENTS if forgotten else 0):
        forgotten = forgotten and is_silent(finder.state.moments[s, m])
    resting[s] = resting[s] + 1 if forgotten else 0


@kernel
def _say_nothing(atom_hz: Floats, drive: Floats, frequency: Floats, amplitude: Floats) -> None:
    for j in range(atom_hz.size):
        drive[j], frequency[j] = 0.0, atom_hz[j]
    for k in range(amplitude.size):
        amplitude[k] = 0.0


@kernel
def decide(
    s: int, parts: DecideParts, room: DecideRoom, drive: Floats, frequency: Floats, refined: Floats, merged: Floats
) -> None:
    """From believed lines of stream `s` to the winners' frequencies and amplitudes."""
    for f in range(drive.shape[0]):
        pair_frame(drive[f, s], s, parts.pair, room.pair, room.active)
        copy(frequency[f, s], refined[f, s])
        take_windows(room.active, parts.winners, drive[f, s], room.winners, refined[f, s], merged[f, s])
