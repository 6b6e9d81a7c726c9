"""The path by windows on a CPU: all stages of a hop of one stream in one call, and streams side by side.

What passes between the stages stays in the processor's cache, and nothing is handed back to Python on the way.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Complexes, Floats, Integers, kernel
from sharpear.compiler.entries import entry
from sharpear.compiler.kept import Kept, opened
from sharpear.dsp import HannBank, LineFinder
from sharpear.dsp.cue_arrays import CueState
from sharpear.dsp.hann_bank_kernel import SILENT_POWER, BankParts, hann_hop, hann_room
from sharpear.dsp.lines_kernel import MOMENTS, FinderParts, lines_frame, lines_room
from sharpear.dsp.splitter_kernel import usable_sample
from sharpear.dsp.voice_tracker_kernel import follow
from sharpear.dynamics.kernels import is_silent, pair_frame, pair_room
from sharpear.dynamics.rules import PairParts

from .belief_code import BeliefCode
from .cores import each_on_a_core
from .evidence import Evidence
from .judge import Judge, JudgeRoom, JudgeTables, judge_frame, judge_moment
from .plain import PlainAmplitudes, PlainParts, plain_frame
from .voiced_judge import HearingRoom, VoiceParts, mix_and_place
from .winners import WinnerTables, take_windows

CHUNK_SAMPLES = 1 << 16
"""Samples of each stream that are laid out at once."""

FEWEST_FRAMES = 4
"""Frames from which on streams are worth a thread each: waking one takes as long as a third of a frame."""


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


class HopByHop:
    """Runs the stages of a path by windows together, on their own states.

    Args:
        bank, code, plain: the stages; their results are the same as if each had run by itself, bit for bit.
    """

    def __init__(self, bank: HannBank, code: BeliefCode, plain: PlainAmplitudes) -> None:
        self._stages = bank, code, plain
        self._finder, self._judge, self._voices, self._winners = code.stages
        self._memory, self._hop, self._streams = bank.memory, bank.design.hop, bank.streams
        self._listened = Kept(_listen_parts(bank, self._finder, self._judge, plain))
        self._decided = Kept(DecideParts(self._winners.pair.parts, self._winners.tables))
        self._atoms, self._channels = self._judge.tables.atom_hz.size, plain.channels
        self._followed = Kept(self._voices.parts) if self._voices else None
        self._rooms: list[tuple[Kept[JudgeRoom], Kept[HearingRoom] | None]] = []
        self._recent = np.empty((self._streams, 0), np.float32)
        self._resting = np.zeros(self._streams, np.int64)
        self._stateful = bank, self._finder, self._judge, plain.late
        self._changes: tuple[int, ...] = ()
        self._take_in: Callable[..., None] | None = None
        self._hear: Callable[..., None] | None = None
        self._decide: Callable[..., None] | None = None
        self._nothing = self._evidence(0)

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        """Copies are made of the stages' copies: what is kept here are their arrays."""
        return type(self), self._stages

    def _evidence(self, frames: int) -> Evidence:
        drive, frequency_hz = (np.empty((frames, self._streams, self._atoms), np.float32) for _ in range(2))
        plain = np.empty((frames, self._streams, self._channels), np.float32)
        fundamental_hz = np.empty((frames, self._streams, self._atoms if self._voices else 0), np.float32)
        nothing = np.empty((frames, self._streams, 0), np.complex64)
        return Evidence(drive, frequency_hz, nothing, plain, fundamental_hz)

    def listen(self, audio: NDArray[np.float32]) -> Evidence:
        """The evidence of the frames that (samples, streams) of audio complete.

        Raises:
            ValueError: `audio` has another number of streams.
        """
        audio = np.ascontiguousarray(audio, np.float32)
        if audio.ndim != 2 or audio.shape[1] != self._streams:
            raise ValueError(f"expected audio of shape (samples, {self._streams}), received {audio.shape}")
        frames = (int(self._memory["filled"]) + len(audio)) // self._hop
        evidence, done = self._evidence(frames) if frames else self._nothing, 0
        for start in range(0, len(audio), CHUNK_SAMPLES):
            done += self._listen(audio[start : start + CHUNK_SAMPLES], evidence, done)
        return evidence

    def _listen(self, audio: NDArray[np.float32], evidence: Evidence, done: int) -> int:
        """The same of so few samples that they can be laid out at once; returns how many frames they completed."""
        memory, hop = self._memory, self._hop
        filled = int(memory["filled"])
        total = filled + len(audio)
        if self._recent.shape[1] < total:
            self._recent = np.empty((self._streams, total), np.float32)
        given = audio, hop, filled, memory["waiting"], memory["replaced"], self._recent
        self._take_in = self._take_in or entry(take_in, *given)
        self._take_in(*given)
        frames = total // hop
        memory["filled"] = total - frames * hop
        if frames:
            self._hear_all(evidence, done, frames)
        return frames

    def _hear_all(self, evidence: Evidence, done: int, frames: int) -> None:
        counters = [self._memory["frame"], self._finder.frame, self._judge.frame]
        made: tuple[NDArray[Any], ...] = evidence.drive, evidence.frequency_hz, evidence.plain, evidence.fundamental_hz
        if len(evidence.drive) > frames:
            made = tuple(array[done : done + frames] for array in made)
        numbers = tuple(map(int, counters))
        if self._voices:
            counters.append(self._voices.tracker.frame)
        changes = tuple(stage.changes for stage in self._stateful)
        if changes != self._changes:
            self._changes, self._resting[:] = changes, 0

        def hear_one(s: int) -> None:
            room, hearing = self._rooms.pop() if self._rooms else self._new_rooms()
            given: tuple[Any, ...] = self._recent, s, *numbers, self._listened, self._resting, room, *made[:3]
            if self._voices:
                given = *given, self._followed, hearing, made[3]
            self._hear = self._hear or entry(hear_voices_too if self._voices else hear, *given)
            self._hear(*given)
            self._rooms.append((room, hearing))

        self._over_streams(frames, hear_one)
        for counter in counters:
            counter += frames

    def _new_rooms(self) -> tuple[Kept[JudgeRoom], Kept[HearingRoom] | None]:
        return Kept(self._judge.room()), Kept(self._voices.room()) if self._voices else None

    def compete(
        self, amplitude: NDArray[np.float32], frequency: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """As `BeliefCode.compete`."""
        frequency = frequency.copy()  # the evidence may be resolved once more
        activation, merged = np.empty(amplitude.shape[1:], np.float32), np.empty_like(amplitude)
        amplitude = np.ascontiguousarray(amplitude)
        given = self._decided, amplitude, frequency, activation, merged

        def decide_one(s: int) -> None:
            self._decide = self._decide or entry(decide, s, *given)
            self._decide(s, *given)

        self._over_streams(len(amplitude), decide_one)
        return merged, frequency

    def _over_streams(self, frames: int, work: Callable[[int], None]) -> None:
        if self._streams > 1 and frames >= FEWEST_FRAMES:
            each_on_a_core(self._streams, work)
            return
        for s in range(self._streams):
            work(s)


def _listen_parts(bank: HannBank, finder: LineFinder, judge: Judge, plain: PlainAmplitudes) -> ListenParts:
    found, cues, late = finder.parts, judge.memory, plain.parts
    rings = [found.state.z.shape[1], found.state.roots.shape[1], cues.power.shape[1], cues.moment.shape[1]]
    rings += [cues.pair_hz.shape[1], cues.trust.shape[1], len(late.late.long), len(late.late.short)]
    deepest = max(*rings, int(bank.parts.windows.length_hops[-1]))
    return ListenParts(bank.parts, found, judge.tables, cues, late, deepest)


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
    recent: Floats, s: int, bank_frame: int, finder_frame: int, frame: int, kept: Kept[ListenParts], resting: Integers,
    kept_room: Kept[JudgeRoom], drive: Floats, frequency: Floats, amplitude: Floats,
) -> None:  # fmt: skip
    """From the hops of stream `s` to believed lines (frames, streams, atoms), and to amplitudes unsharpened."""
    parts, room = opened(kept), opened(kept_room)
    hop, heard = parts.bank.filters.basis.shape[0], _hop_room(parts)
    for f in range(drive.shape[0]):
        sound = recent[s, f * hop : (f + 1) * hop]
        if _rests(sound, s, parts, resting):
            _say_nothing(parts.judge.atom_hz, drive[f, s], frequency[f, s], amplitude[f, s])
            continue
        _hear_windows(sound, s, bank_frame + f, finder_frame + f, parts, heard)
        judge_frame(
            heard.power, heard.moment, heard.pair_hz, heard.pair_energy, heard.trust, parts.judge, frame + f, s,
            parts.memory, room, drive[f, s], frequency[f, s],
        )  # fmt: skip
        plain_frame(heard.power, s, parts.plain, amplitude[f, s])
        _see_rest(sound, s, parts, resting)


@kernel
def hear_voices_too(
    recent: Floats, s: int, bank_frame: int, finder_frame: int, frame: int, kept: Kept[ListenParts], resting: Integers,
    kept_room: Kept[JudgeRoom], drive: Floats, frequency: Floats, amplitude: Floats, kept_voices: Kept[VoiceParts],
    kept_hearing: Kept[HearingRoom], fundamental: Floats,
) -> None:  # fmt: skip
    """`hear`, with voices, which hear silence, too."""
    parts, room, voices, hearing = opened(kept), opened(kept_room), opened(kept_voices), opened(kept_hearing)
    hop, heard = parts.bank.filters.basis.shape[0], _hop_room(parts)
    for f in range(drive.shape[0]):
        sound = recent[s, f * hop : (f + 1) * hop]
        follow(sound, frame + f, s, voices.tables, voices.state, hearing.row)
        if _rests(sound, s, parts, resting):
            _say_nothing(parts.judge.atom_hz, drive[f, s], frequency[f, s], amplitude[f, s])
            fundamental[f, s] = 0.0
            continue
        _hear_windows(sound, s, bank_frame + f, finder_frame + f, parts, heard)
        judge_moment(
            heard.power, heard.moment, heard.pair_hz, heard.pair_energy, heard.trust, parts.judge, frame + f, s,
            parts.memory, room,
        )  # fmt: skip
        mix_and_place(frame + f, s, parts.judge, room, voices, hearing, drive[f, s], frequency[f, s], fundamental[f, s])
        plain_frame(heard.power, s, parts.plain, amplitude[f, s])
        _see_rest(sound, s, parts, resting)


class HopRoom(NamedTuple):
    """Room for what windows and pairs say of a hop."""

    hann: Any
    lines: Any
    power: Floats
    moment: Floats
    subband: Complexes
    longest_hz: Floats
    pair_hz: Floats
    pair_energy: Floats
    trust: Floats


@kernel
def _hop_room(parts: ListenParts) -> HopRoom:
    bank = parts.bank
    channels, longest = bank.windows.center_hz.size, parts.finder.turn.size
    return HopRoom(
        hann_room(bank.filters, bank.resonators, bank.windows), lines_room(longest), np.empty(channels, np.float32),
        np.empty(channels, np.float32), np.empty(longest, np.complex64), np.empty(longest, np.float32),
        np.empty((3, longest), np.float32), np.empty((3, longest), np.float32), np.empty(longest, np.float32),
    )  # fmt: skip


@kernel
def _hear_windows(
    sound: Floats, s: int, bank_frame: int, finder_frame: int, parts: ListenParts, heard: HopRoom
) -> None:
    """What windows say of a hop, and the pairs of the longest."""
    bank, finder = parts.bank, parts.finder
    first = heard.power.size - finder.turn.size
    hann_hop(
        sound, bank.filters, bank.resonators, bank.windows, bank_frame, bank.state.resonators[s], bank.state.past[s],
        heard.hann, heard.power, heard.moment, heard.subband,
    )  # fmt: skip
    for k in range(finder.turn.size):
        heard.longest_hz[k] = heard.moment[first + k] / max(heard.power[first + k], SILENT_POWER)
    lines_frame(
        heard.subband, heard.longest_hz, finder.turn, finder.tables, finder.rule, finder.state, finder_frame, s,
        heard.lines, heard.pair_hz, heard.pair_energy, heard.trust,
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
    s: int, kept: Kept[DecideParts], drive: Floats, frequency: Floats, activation: Floats, merged: Floats
) -> None:
    """From believed lines of stream `s` to the winners' amplitudes, and to frequencies, where `frequency` was."""
    pair, winners = opened(kept).pair, opened(kept).winners
    room, active = pair_room(pair.lca_state, pair.wta_state), activation[s]
    energies = np.empty((2, active.size), np.float64)
    for f in range(drive.shape[0]):
        pair_frame(drive[f, s], s, pair, room, active)
        take_windows(active, winners, drive[f, s], energies, frequency[f, s], merged[f, s])
