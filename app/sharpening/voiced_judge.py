"""Windows' lines and voices' partials under one belief."""

from functools import cached_property
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Doubles, Floats, Integers, kernel
from sharpear.dsp import HannFrames, LineFrames
from sharpear.dsp.atom_grid import AtomGrid
from sharpear.dsp.cue_arrays import CueState
from sharpear.dsp.cues import CueDesign
from sharpear.dsp.lines_kernel import LinesOut
from sharpear.dsp.voice_cues_kernel import LEVEL_CUE, OWN_CUES, SHARED_CUES, VoiceCueRoom, read_voice_cues
from sharpear.dsp.voice_evidence_kernel import RowRoom
from sharpear.dsp.voice_tracker import DELAY_HOPS, TOP_HZ, VoiceTracker
from sharpear.dsp.voice_tracker_kernel import ROW_HOPS, TrackerState, TrackerTables, follow, say
from sharpear.dsp.voices_kernel import MOST_PARTIALS
from sharpear.dynamics.voice_beliefs import voice_room
from sharpear.dynamics.voice_beliefs_kernel import VOICES, WINDOWS, VoiceRoom, VoiceWeights, judge_voices, weigh_lines
from sharpear.errors import UsageError
from sharpear.gpu.stateful import allocated

from .judge import Judge, JudgeRoom, JudgeTables, collect, judge_moment, nearest_atom, place

LEAST_PART = 0.25
"""A line is a voice's whose partial has at least this share of its energy, whoever is believed."""


class VoiceParts(NamedTuple):
    """What a kernel needs that hears voices: tables, what is remembered, and what was learned."""

    tables: TrackerTables
    state: TrackerState
    weights: VoiceWeights


class HearingRoom(NamedTuple):
    """Room for voices at one moment: a row of them; their partials now; what speaks for them, and what it makes.

    strongest: energy of the strongest partial of each atom.
    """

    row: RowRoom
    partials: Annotated[NDArray[np.int64], "one"]
    hz: Annotated[NDArray[np.float32], "all partials"]
    energy: Annotated[NDArray[np.float32], "all partials"]
    cue: VoiceCueRoom
    cues: Annotated[NDArray[np.float32], "voice cues", "bands"]
    belief: VoiceRoom
    strongest: Annotated[NDArray[np.float64], "atoms"]


class HeardOut(NamedTuple):
    """What is learned from, of chosen frames: cues; windows' lines as they are judged; partials."""

    cues: Annotated[NDArray[np.float32], "frames", "voice cues", "bands"]
    lines: Annotated[NDArray[np.int64], "frames"]
    hz: Annotated[NDArray[np.float32], "frames", "candidates"]
    energy: Annotated[NDArray[np.float32], "frames", "candidates"]
    partials: Annotated[NDArray[np.int64], "frames"]
    partial_hz: Annotated[NDArray[np.float32], "frames", "all partials"]
    partial_energy: Annotated[NDArray[np.float32], "frames", "all partials"]


class VoicedJudge:
    """A `Judge`, and a tracker of voices beside it.

    Args:
        judge: of the windows' lines, on the CPU.
        design: of its cues.
        weights: of the belief in voices.
        streams: independent signals.

    Raises:
        UsageError: the judge has not the latency that voices take.
    """

    def __init__(self, judge: Judge, design: CueDesign, weights: VoiceWeights, streams: int) -> None:
        if design.latency_hops != DELAY_HOPS:
            raise UsageError(
                f"voices.enabled: expected windows that are judged {DELAY_HOPS} hops late, as those of music are, "
                f"received {design.latency_hops}: leave voices out"
            )
        bank = design.bank
        self._judge, self._weights = judge, weights
        self.tracker = VoiceTracker(bank.sample_rate, bank.hop, design.band_hz, streams)
        units, bands = judge.tables.weights.near_bias.size, design.band_hz.size
        lengths = {"bands": bands, "all partials": MOST_PARTIALS, "voice cues": OWN_CUES + SHARED_CUES + units}
        self._lengths = {**lengths, "candidates": design.most_candidates}

    @property
    def parts(self) -> VoiceParts:
        """What the kernels take, always the same arrays."""
        return VoiceParts(*self.tracker.parts, self._weights)

    def room(self) -> HearingRoom:
        """Room for one moment."""
        lengths = self._lengths
        return HearingRoom(
            row=self.tracker.room(),
            partials=np.zeros(1, np.int64),
            hz=np.zeros(MOST_PARTIALS, np.float32),
            energy=np.zeros(MOST_PARTIALS, np.float32),
            cue=allocated(VoiceCueRoom, lengths),
            cues=np.zeros((lengths["voice cues"], lengths["bands"]), np.float32),
            belief=voice_room(self._weights, lengths["bands"]),
            strongest=np.zeros(self._judge.tables.atom_hz.size),
        )

    @cached_property
    def _rooms(self) -> tuple[JudgeRoom, HearingRoom]:
        """Needed by `process` and `read` alone."""
        return self._judge.room(), self.room()

    def process(
        self, frames: HannFrames, pairs: LineFrames
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Amplitude, frequency and fundamental, Hz, of every atom, each (frames, streams, atoms)."""
        shape = (*frames.power.shape[:2], self._judge.tables.atom_hz.size)
        amplitude, frequency, fundamental = (np.empty(shape, np.float32) for _ in range(3))
        hear_process(*self._given(frames, pairs), amplitude, frequency, fundamental)
        self._advance(len(frames))
        return amplitude, frequency, fundamental

    def read(self, frames: HannFrames, pairs: LineFrames, chosen: NDArray[np.int64]) -> HeardOut:
        """What is learned from, of those frames of one stream; chosen: ascending, counted from 0."""
        out = allocated(HeardOut, {**self._lengths, "frames": chosen.size})
        read_process(*self._given(frames, pairs), chosen, out)
        self._advance(len(frames))
        return out

    def _given(self, frames: HannFrames, pairs: LineFrames) -> tuple[Any, ...]:
        """What both kernels take first."""
        judge, (room, hearing) = self._judge, self._rooms
        return (
            frames.power, frames.moment, LinesOut(pairs.frequency_hz, pairs.energy, pairs.trust), frames.samples,
            judge.tables, int(judge.frame), judge.memory, room, self.parts, hearing,
        )  # fmt: skip

    def _advance(self, frames: int) -> None:
        for number in (self._judge.frame, self.tracker.frame):
            number += frames


@kernel
def hear_process(
    power: Floats, moment: Floats, pairs: LinesOut, samples: Floats, judge: JudgeTables, frame: int, state: CueState,
    room: JudgeRoom, voices: VoiceParts, hearing: HearingRoom, amplitude: Floats, frequency: Floats,
    fundamental: Floats,
) -> None:  # fmt: skip
    """Judge windows' lines, hear voices, mix and place, a frame of a stream at a time."""
    for s in range(power.shape[1]):
        for f in range(power.shape[0]):
            follow(samples[f, s], frame + f, s, voices.tables, voices.state, hearing.row)
            judge_moment(
                power[f, s], moment[f, s], pairs.hz[f, s], pairs.energy[f, s], pairs.trust[f, s], judge, frame + f, s,
                state, room,
            )  # fmt: skip
            mix_and_place(
                frame + f, s, judge, room, voices, hearing, amplitude[f, s], frequency[f, s], fundamental[f, s]
            )


@kernel
def mix_and_place(
    frame: int, s: int, judge: JudgeTables, room: JudgeRoom, voices: VoiceParts, hearing: HearingRoom,
    amplitude: Floats, frequency: Floats, fundamental: Floats,
) -> None:  # fmt: skip
    """What is judged of windows' lines, and what is believed of voices, on the atoms."""
    lines, gain = room.lines, hearing.belief.gain
    heard = hear_voices(frame, s, room, voices, hearing)
    name(hearing, voices.state.multiple[s], judge.grid, fundamental)
    if heard:
        judge_voices(hearing.cues, LEVEL_CUE, voices.weights, hearing.belief)
        for i in range(lines.number[0]):
            if lines.hz[i] > TOP_HZ:
                lines.place[i] = -1.0  # above all voices lines stay as they are
        weigh_lines(lines.number[0], lines.place, gain[WINDOWS], room.believed)
        weigh_lines(hearing.partials[0], hearing.cue.place, gain[VOICES], hearing.energy)
    room.total[:], room.moment[:] = 0.0, 0.0
    collect(lines.number[0], lines.hz, room.believed, judge.grid, room.total, room.moment)
    collect(hearing.partials[0], hearing.hz, hearing.energy, judge.grid, room.total, room.moment)
    place(room.total, room.moment, judge.atom_hz, amplitude, frequency)
    for j in range(fundamental.size):
        if hearing.strongest[j] < LEAST_PART * room.total[j]:
            fundamental[j] = 0.0


@kernel
def name(hearing: HearingRoom, multiple: Doubles, grid: AtomGrid, fundamental: Floats) -> None:
    """The energy of each atom's strongest partial, and its voice's fundamental, Hz; 0 of none."""
    strongest = hearing.strongest
    fundamental[:], strongest[:] = 0.0, 0.0
    for k in range(hearing.partials[0]):
        j = nearest_atom(hearing.hz[k], grid)
        if 0 <= j < strongest.size and hearing.energy[k] > strongest[j]:
            strongest[j], fundamental[j] = hearing.energy[k], hearing.hz[k] / multiple[k]


@kernel
def hear_voices(frame: int, s: int, room: JudgeRoom, voices: VoiceParts, hearing: HearingRoom) -> bool:
    """The partials of a frame, and the cues; whether there is any to believe in."""
    state = voices.state
    hearing.partials[0] = say(frame, s, voices.tables, state, hearing.hz, hearing.energy)
    if hearing.partials[0] == 0:
        return False
    left = read_voice_cues(
        room.lines.number[0], room.lines.place, room.believed, hearing.partials[0], hearing.hz, hearing.energy,
        state.precision[s], state.beyond[s], state.told[s], frame % ROW_HOPS, room.belief.second, hearing.cue,
        hearing.cues,
    )  # fmt: skip
    return bool(left > 0)


@kernel
def read_process(
    power: Floats, moment: Floats, pairs: LinesOut, samples: Floats, judge: JudgeTables, frame: int, state: CueState,
    room: JudgeRoom, voices: VoiceParts, hearing: HearingRoom, chosen: Integers, out: HeardOut,
) -> None:  # fmt: skip
    """Judge all frames of a stream, and give what is heard of the chosen ones."""
    n = 0
    for f in range(power.shape[0]):
        follow(samples[f, 0], frame + f, 0, voices.tables, voices.state, hearing.row)
        judge_moment(
            power[f, 0], moment[f, 0], pairs.hz[f, 0], pairs.energy[f, 0], pairs.trust[f, 0], judge, frame + f, 0,
            state, room,
        )  # fmt: skip
        if n < chosen.size and chosen[n] == f:
            some = hear_voices(frame + f, 0, room, voices, hearing)
            out.cues[n] = hearing.cues
            out.lines[n], out.hz[n], out.energy[n] = room.lines.number[0], room.lines.hz, room.believed
            out.partials[n] = hearing.partials[0] if some else 0
            out.partial_hz[n], out.partial_energy[n] = hearing.hz, hearing.energy
            n += 1
