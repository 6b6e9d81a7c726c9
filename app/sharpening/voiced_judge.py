"""Windows' lines and voices' partials under one belief."""

from contextlib import ExitStack
from functools import cached_property
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Doubles, Floats, Integers, kernel
from sharpear.dsp import HannFrames, LineFrames
from sharpear.dsp.atom_grid import AtomGrid
from sharpear.dsp.cue_arrays import CueState
from sharpear.dsp.cues import CueDesign
from sharpear.dsp.lines_kernel import LinesOut
from sharpear.dynamics.voice_beliefs import voice_room
from sharpear.dynamics.voice_beliefs_kernel import VOICES, WINDOWS, VoiceRoom, VoiceWeights, judge_voices, weigh_lines
from sharpear.errors import UsageError
from sharpear.gpu import CPU, Backend
from sharpear.gpu.stateful import allocated
from sharpear.voices.tracker_arrays import ROW_HOPS, TrackerOut
from sharpear.voices.voice_cues_kernel import LEVEL_CUE, OWN_CUES, SHARED_CUES, VoiceCueRoom, read_voice_cues
from sharpear.voices.voice_tracker import DELAY_HOPS, TOP_HZ, VoiceTracker
from sharpear.voices.voices_kernel import MOST_PARTIALS

from .judge import Judge, JudgeRoom, JudgeTables, collect, judge_moment, nearest_atom, place
from .voice_follower import VoiceFollower

OWNED_PART = 0.25
"""A line is a voice's whose partial has at least this share of its energy, whoever is believed."""


class HearingRoom(NamedTuple):
    """Room for one moment: what speaks for voices, and what it makes; energy of each atom's strongest partial."""

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
    """A `Judge`, and a tracker of voices beside it, which is followed on the CPU wherever the judge is.

    Args:
        judge: of the windows' lines.
        design: of its cues.
        weights: of the belief in voices.
        streams: independent signals.
        backend: where the judge is.

    Raises:
        UsageError: the judge has not the latency that voices take.
    """

    def __init__(
        self, judge: Judge, design: CueDesign, weights: VoiceWeights, streams: int, backend: Backend = CPU
    ) -> None:
        if design.latency_hops != DELAY_HOPS:
            raise UsageError(
                f"voices.enabled: expected windows that are judged {DELAY_HOPS} hops late, as those of music are, "
                f"received {design.latency_hops}: leave voices out"
            )
        bank = design.bank
        self._judge, self._streams, self._backend = judge, streams, backend
        self.weights = VoiceWeights(*map(backend.array, weights))
        self.tracker = VoiceTracker(bank.sample_rate, bank.hop, design.band_hz, streams)
        self._follower = VoiceFollower(self.tracker, bank.hop)
        units, bands = judge.tables.weights.near_bias.size, design.band_hz.size
        lengths = {"bands": bands, "all partials": MOST_PARTIALS, "voice cues": OWN_CUES + SHARED_CUES + units}
        self._lengths = {**lengths, "candidates": design.most_candidates}
        self._run = judge.kernel(hear_process, MOST_PARTIALS)

    def room(self, backend: Backend = CPU, streams: int = 1) -> HearingRoom:
        """Room for one moment; on a GPU of every stream."""
        lengths = self._lengths
        return HearingRoom(
            cue=allocated(VoiceCueRoom, lengths, backend, streams),
            cues=backend.room((lengths["voice cues"], lengths["bands"]), np.float32, streams),
            belief=voice_room(self.weights, lengths["bands"], backend, streams),
            strongest=backend.room((self._judge.tables.atom_hz.size,), np.float64, streams),
        )

    @cached_property
    def _working(self) -> HearingRoom:
        """Needed by `process` and `read` alone."""
        return self.room(self._backend, self._streams)

    def process(
        self, frames: HannFrames, pairs: LineFrames, hops: NDArray[np.float32] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Amplitude, frequency and fundamental, Hz, of every atom, each (frames, streams, atoms).

        hops: (streams, samples) of these frames, on the CPU; by default their own. Voices are followed while a GPU
        works on what it was told before, and what they say goes up to it.
        """
        shape = (*frames.power.shape[:2], self._judge.tables.atom_hz.size)
        amplitude, frequency, fundamental = (self._backend.empty(shape, np.float32) for _ in range(3))
        followed = self._follower.process(self._hops_of(frames) if hops is None else hops)
        with ExitStack() as sending:
            said = TrackerOut(*(sending.enter_context(self._backend.sent(part)) for part in followed))
            self._run(*self._given(frames, pairs, said), amplitude, frequency, fundamental)
        self._judge.frame[...] += len(frames)
        return amplitude, frequency, fundamental

    def read(self, frames: HannFrames, pairs: LineFrames, chosen: NDArray[np.int64]) -> HeardOut:
        """What is learned from, of those frames of one stream on the CPU; chosen: ascending, counted from 0."""
        out = allocated(HeardOut, {**self._lengths, "frames": chosen.size})
        read_process(*self._given(frames, pairs, self._follower.process(self._hops_of(frames))), chosen, out)
        self._judge.frame[...] += len(frames)
        return out

    def _hops_of(self, frames: HannFrames) -> NDArray[np.float32]:
        samples = self._backend.numpy(frames.samples).transpose(1, 0, 2)
        return np.ascontiguousarray(samples.reshape(self._streams, -1))

    def _given(self, frames: HannFrames, pairs: LineFrames, said: TrackerOut) -> tuple[object, ...]:
        """What both kernels take first."""
        judge = self._judge
        return (
            frames.power, frames.moment, LinesOut(pairs.frequency_hz, pairs.energy, pairs.trust), said, judge.tables,
            int(judge.frame), judge.memory, judge.working, self.weights, self._working,
        )  # fmt: skip


@kernel
def hear_process(
    power: Floats, moment: Floats, pairs: LinesOut, said: TrackerOut, judge: JudgeTables, frame: int, state: CueState,
    room: JudgeRoom, weights: VoiceWeights, hearing: HearingRoom, amplitude: Floats, frequency: Floats,
    fundamental: Floats,
) -> None:  # fmt: skip
    """Judge windows' lines, hear what is said of voices, mix and place, a frame of a stream at a time."""
    for s in range(power.shape[1]):
        for f in range(power.shape[0]):
            judge_moment(
                power[f, s], moment[f, s], pairs.hz[f, s], pairs.energy[f, s], pairs.trust[f, s], judge, frame + f, s,
                state, room,
            )  # fmt: skip
            mix_and_place(
                said, f, s, (frame + f) % ROW_HOPS, judge, room, weights, hearing, amplitude[f, s], frequency[f, s],
                fundamental[f, s],
            )  # fmt: skip


@kernel
def mix_and_place(
    said: TrackerOut, f: int, s: int, since: int, judge: JudgeTables, room: JudgeRoom, weights: VoiceWeights,
    hearing: HearingRoom, amplitude: Floats, frequency: Floats, fundamental: Floats,
) -> None:  # fmt: skip
    """What is judged of windows' lines, and believed of what is said of voices, `since` hops after a row, on the atoms.

    said: of frame f and stream s; energies of its partials become what is believed of them.
    """
    lines, gain = room.lines, hearing.belief.gain
    partials, hz, energy = said.partials[f, s], said.hz[f, s], said.energy[f, s]
    heard = hear_voices(said, f, s, since, room, hearing)
    name(said.named[f, s], hz, energy, said.multiple[f, s], judge.grid, hearing.strongest, fundamental)
    if heard:
        judge_voices(hearing.cues, LEVEL_CUE, weights, hearing.belief)
        for i in range(lines.number[0]):
            if lines.hz[i] > TOP_HZ:
                lines.place[i] = -1.0  # above all voices lines stay as they are
        weigh_lines(lines.number[0], lines.place, gain[WINDOWS], room.believed)
        weigh_lines(partials, hearing.cue.place, gain[VOICES], energy)
    room.total[:], room.moment[:] = 0.0, 0.0
    collect(lines.number[0], lines.hz, room.believed, judge.grid, room.total, room.moment)
    collect(partials, hz, energy, judge.grid, room.total, room.moment)
    place(room.total, room.moment, judge.atom_hz, amplitude, frequency)
    for j in range(fundamental.size):
        if hearing.strongest[j] < OWNED_PART * room.total[j]:
            fundamental[j] = 0.0


@kernel
def name(
    partials: int, hz: Floats, energy: Floats, multiple: Floats, grid: AtomGrid, strongest: Doubles,
    fundamental: Floats,
) -> None:  # fmt: skip
    """The energy of the strongest partial at each atom, or else beside it, and its voice's f0, Hz; 0 of none."""
    fundamental[:], strongest[:] = 0.0, 0.0
    for k in range(partials):
        j = nearest_atom(hz[k], grid)
        if 0 <= j < strongest.size and energy[k] > strongest[j]:
            strongest[j], fundamental[j] = energy[k], hz[k] / multiple[k]
    below, below_whose = 0.0, np.float32(0)
    for j in range(strongest.size):
        own, whose, last = strongest[j], fundamental[j], j + 1 == strongest.size
        above = 0.0 if last else strongest[j + 1]
        if own == 0 and max(below, above) > 0:
            strongest[j] = max(below, above)
            fundamental[j] = below_whose if below >= above else fundamental[j + 1]
        below, below_whose = own, whose


@kernel
def hear_voices(said: TrackerOut, f: int, s: int, since: int, room: JudgeRoom, hearing: HearingRoom) -> bool:
    """The cues of what is said of frame f and stream s; whether there is any partial to believe in."""
    if said.partials[f, s] == 0:
        return False
    left = read_voice_cues(
        room.lines.number[0], room.lines.place, room.believed, said.partials[f, s], said.hz[f, s], said.energy[f, s],
        said.precision[f, s], said.beyond[f, s], said.told[f, s], since, room.belief.second, hearing.cue, hearing.cues,
    )  # fmt: skip
    return bool(left > 0)


@kernel
def read_process(
    power: Floats, moment: Floats, pairs: LinesOut, said: TrackerOut, judge: JudgeTables, frame: int, state: CueState,
    room: JudgeRoom, weights: VoiceWeights, hearing: HearingRoom, chosen: Integers, out: HeardOut,
) -> None:  # fmt: skip
    """Judge all frames of a stream, and give what is heard of the chosen ones."""
    n = 0
    for f in range(power.shape[0]):
        judge_moment(
            power[f, 0], moment[f, 0], pairs.hz[f, 0], pairs.energy[f, 0], pairs.trust[f, 0], judge, frame + f, 0,
            state, room,
        )  # fmt: skip
        if n < chosen.size and chosen[n] == f:
            some = hear_voices(said, f, 0, (frame + f) % ROW_HOPS, room, hearing)
            out.cues[n] = hearing.cues
            out.lines[n], out.hz[n], out.energy[n] = room.lines.number[0], room.lines.hz, room.believed
            out.partials[n] = said.partials[f, 0] if some else 0
            out.partial_hz[n], out.partial_energy[n] = said.hz[f, 0], said.energy[f, 0]
            n += 1
