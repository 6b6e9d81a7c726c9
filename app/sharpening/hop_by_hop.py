"""The path by windows on a CPU: all stages of a hop of one stream in few calls, and streams side by side.

What passes between the stages stays in the processor's cache, and nothing is handed back to Python on the way.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler.entries import entries, in_python
from sharpear.compiler.kept import Kept
from sharpear.dsp import HannBank, LineFinder
from sharpear.dsp.hann_bank_kernel import hann_room
from sharpear.dsp.lines_kernel import lanes_room
from sharpear.dynamics.pair_kernel import pair_room
from sharpear.gpu.arguments import check_audio
from sharpear.voices.tracker_arrays import ROW_HOPS, TrackerOut
from sharpear.voices.voice_evidence_kernel import RowRoom

from .belief_code import BeliefCode
from .cores import cores, streams_side_by_side
from .evidence import Evidence
from .hop_by_hop_kernel import (
    DecideParts,
    DecideRoom,
    HearRoom,
    ListenParts,
    decide,
    hear,
    hear_voices_too,
    take_in,
)
from .judge import Judge
from .plain import PlainAmplitudes
from .voice_follower import follow_voices
from .voiced_judge import HearingRoom, VoicedJudge
from .winners import winners_room

CHUNK_SAMPLES = 1 << 16
"""Samples of each stream that are laid out at once."""

Room = TypeVar("Room")


class Kernels(NamedTuple):
    """What runs."""

    take_in: Callable[..., None]
    hear: Callable[..., None]
    decide: Callable[..., None]
    follow: Any = None


class VoiceRooms(NamedTuple):
    """Room for voices of one stream: for a row, for what is said of its frames, and for what is believed of them."""

    row: Kept[RowRoom]
    said: Kept[TrackerOut]
    hearing: Kept[HearingRoom]


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
        self._followed = Kept(self._voices.tracker.parts) if self._voices else None
        self._weights = Kept(self._voices.weights) if self._voices else None
        self._rooms: list[tuple[Kept[HearRoom], VoiceRooms | None]] = []
        self._deciding: list[Kept[DecideRoom]] = []
        self._recent = np.empty((self._streams, 0), np.float32)
        self._resting = np.zeros(self._streams, np.int64)
        self._stateful = bank, self._finder, self._judge, plain.late
        self._changes: list[int] = []
        self._counters = [bank.memory["frame"], self._finder.frame, self._judge.frame]
        if self._voices:
            self._counters.append(self._voices.tracker.frame)
        self._nothing = self._evidence(0)

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        """Copies are made of the stages' copies: what is kept here are their arrays."""
        return type(self), self._stages

    def _evidence(self, frames: int) -> Evidence:
        lines = frames, self._streams, self._atoms
        return Evidence(
            drive=np.empty(lines, np.float32),
            frequency_hz=np.empty(lines, np.float32),
            subband=np.empty((frames, self._streams, 0), np.complex64),
            plain=np.empty((frames, self._streams, self._channels), np.float32),
            fundamental_hz=np.empty(lines if self._voices else (frames, self._streams, 0), np.float32),
        )

    def listen(self, audio: NDArray[np.float32]) -> Evidence:
        """The evidence of the frames that (samples, streams) of audio complete.

        Raises:
            ValueError: `audio` has another number of streams.
        """
        audio = np.ascontiguousarray(audio, np.float32)
        check_audio(audio, self._streams)
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
        self._kernels.take_in(audio, hop, filled, memory["waiting"], memory["replaced"], self._recent)
        frames = total // hop
        memory["filled"] = total - frames * hop
        if frames:
            self._hear_all(evidence, done, frames)
        return frames

    def _hear_all(self, evidence: Evidence, done: int, frames: int) -> None:
        counters = self._counters
        made: tuple[NDArray[Any], ...] = evidence.drive, evidence.frequency_hz, evidence.plain
        if self._voices:
            made = *made, evidence.fundamental_hz
        if len(evidence.drive) > frames:
            made = tuple(array[done : done + frames] for array in made)
        numbers = [int(counter) for counter in counters]
        changes = [stage.changes for stage in self._stateful]
        if changes != self._changes:
            self._changes, self._resting[:] = changes, 0

        def hear_one(s: int) -> None:
            room, voices = free = free_one(self._rooms, self._new_rooms)
            given = self._recent, s, *numbers[:3], self._listened, self._resting, room, *made
            if voices is None:
                self._kernels.hear(*given)
            else:
                self._hear_voices_too(s, frames, numbers[2], given, voices)
            self._rooms.append(free)

        streams_side_by_side(self._streams, frames, hear_one)
        for counter, number in zip(counters, numbers, strict=True):
            counter[...] = number + frames  # to add to it takes NumPy longer than a kernel's call

    def _hear_voices_too(self, s: int, frames: int, frame: int, given: tuple[Any, ...], room: VoiceRooms) -> None:
        """Voices stay what they are until they are looked for again: for so long each kernel goes on."""
        begin = 0
        while begin < frames:
            end = min(frames, begin + ROW_HOPS - (frame + begin) % ROW_HOPS)
            self._kernels.follow(
                self._recent, s, self._hop, frame, begin, end, self._followed, room.row, room.said, 0, 0
            )
            self._kernels.hear(*given, begin, end, room.said, self._weights, room.hearing)
            begin = end

    @cached_property
    def _kernels(self) -> Kernels:
        """Compiled for what they are given, if they have to be."""
        memory, nothing, (room, voices) = self._memory, self._nothing, self._new_rooms()
        heard: tuple[Any, ...] = self._recent, 0, 0, 0, 0, self._listened, self._resting, room
        heard = *heard, nothing.drive, nothing.frequency_hz, nothing.plain
        calls: dict[str, tuple[Any, tuple[Any, ...]]] = {"hear": (hear, heard)}
        if voices:
            named = *heard, nothing.fundamental_hz, 0, 0, voices.said, self._weights, voices.hearing
            followed = self._recent, 0, 0, 0, 0, 0, self._followed, voices.row, voices.said, 0, 0
            calls = {"hear": (hear_voices_too, named), "follow": (follow_voices, followed)}
        lines = nothing.drive
        calls |= {
            "take_in": (take_in, (self._recent, 0, 0, memory["waiting"], memory["replaced"], self._recent)),
            "decide": (decide, (0, self._decided, self._room_to_decide(), lines, lines, lines, lines)),
        }
        return Kernels(**entries(calls, cores()))

    def _new_rooms(self) -> tuple[Kept[HearRoom], VoiceRooms | None]:
        parts = self._listened.values
        channels, longest = parts.bank.windows.center_hz.size, parts.finder.turn.size
        room = HearRoom(
            hann=in_python(hann_room)(parts.bank.filters, parts.bank.resonators, parts.bank.windows),
            lines=in_python(lanes_room)(),
            power=np.empty(channels, np.float32),
            moment=np.empty(channels, np.float32),
            subband=np.empty(longest, np.complex64),
            longest_hz=np.empty(longest, np.float32),
            pair_hz=np.empty((3, longest), np.float32),
            pair_energy=np.empty((3, longest), np.float32),
            trust=np.empty(longest, np.float32),
            judge=self._judge.room(),
        )
        return Kept(room), _voice_rooms(self._voices) if self._voices else None

    def _room_to_decide(self) -> Kept[DecideRoom]:
        pair, winners = self._decided.values
        competing, taking = in_python(pair_room)(pair.lca_state, pair.wta_state), in_python(winners_room)(winners)
        return Kept(DecideRoom(competing, np.empty(self._atoms, np.float32), taking))

    def compete(
        self, amplitude: NDArray[np.float32], frequency: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """As `BeliefCode.compete`."""
        amplitude, frequency = np.ascontiguousarray(amplitude), np.ascontiguousarray(frequency)
        merged, refined = np.empty(amplitude.shape, np.float32), np.empty(amplitude.shape, np.float32)

        decide = self._kernels.decide  # compiled here, once, not by each thread

        def decide_one(s: int) -> None:
            room = free_one(self._deciding, self._room_to_decide)
            decide(s, self._decided, room, amplitude, frequency, refined, merged)
            self._deciding.append(room)

        streams_side_by_side(self._streams, len(amplitude), decide_one)
        return merged, refined


def free_one(rooms: list[Room], made: Callable[[], Room]) -> Room:
    """A room that no thread works in, taken from those that are free; where there is none, a new one.

    >>> rooms = ["hall"]
    >>> free_one(rooms, lambda: "shed"), free_one(rooms, lambda: "shed")
    ('hall', 'shed')
    """
    try:
        return rooms.pop()  # not only if there are some: another thread might take the last between
    except IndexError:
        return made()


def _voice_rooms(voices: VoicedJudge) -> VoiceRooms:
    tracker = voices.tracker
    return VoiceRooms(Kept(tracker.room()), Kept(tracker.out(ROW_HOPS, 1)), Kept(voices.room()))


def _listen_parts(bank: HannBank, finder: LineFinder, judge: Judge, plain: PlainAmplitudes) -> ListenParts:
    found, cues, late = finder.parts, judge.memory, plain.parts
    rings = [found.state.z.shape[1], found.state.roots.shape[1], cues.power.shape[1], cues.moment.shape[1]]
    rings += [cues.pair_hz.shape[1], cues.trust.shape[1], len(late.late.long), len(late.late.short)]
    deepest = max(*rings, int(bank.parts.windows.length_hops[-1]))
    return ListenParts(bank.parts, found, judge.tables, cues, late, deepest)
