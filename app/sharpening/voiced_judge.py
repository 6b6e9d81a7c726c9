"""Windows' lines and voices' partials under one belief."""

from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Floats, Integers, kernel
from sharpear.dsp import HannFrames, LineFrames
from sharpear.dsp.atom_grid import AtomGrid
from sharpear.dsp.basins_kernel import BasinTables
from sharpear.dsp.cue_arrays import CueState, CueTables
from sharpear.dsp.cues import CueDesign
from sharpear.dsp.lines_kernel import LinesOut
from sharpear.dsp.voice_cues_kernel import LEVEL_CUE, OWN_CUES, SHARED_CUES, VoiceCueRoom, read_voice_cues
from sharpear.dsp.voice_fit_kernel import MOST_PARTIALS
from sharpear.dsp.voice_tracker import DELAY_HOPS, TOP_HZ, VoiceTracker
from sharpear.dsp.voice_tracker_kernel import ROW_HOPS, TrackerOut
from sharpear.dynamics.beliefs_kernel import BeliefWeights
from sharpear.dynamics.voice_beliefs import voice_room
from sharpear.dynamics.voice_beliefs_kernel import VOICES, WINDOWS, VoiceRoom, VoiceWeights, judge_voices, weigh_lines
from sharpear.errors import UsageError
from sharpear.gpu.stateful import allocated, named

from .judge import Judge, JudgeRoom, JudgeRule, collect, judge_moment, place


class HearingRoom(NamedTuple):
    """Room for what speaks for voices at one moment, and what is made of it."""

    cue: VoiceCueRoom
    cues: Annotated[NDArray[np.float32], "voice cues", "bands"]
    belief: VoiceRoom


class HeardOut(NamedTuple):
    """What is learned from, of chosen frames: cues; windows' lines as they are judged; partials."""

    cues: Annotated[NDArray[np.float32], "frames", "streams", "voice cues", "bands"]
    lines: Annotated[NDArray[np.int64], "frames", "streams"]
    hz: Annotated[NDArray[np.float32], "frames", "streams", "candidates"]
    energy: Annotated[NDArray[np.float32], "frames", "streams", "candidates"]
    partials: Annotated[NDArray[np.int64], "frames", "streams"]
    partial_hz: Annotated[NDArray[np.float32], "frames", "streams", "all partials"]
    partial_energy: Annotated[NDArray[np.float32], "frames", "streams", "all partials"]


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
        units, bands = judge.weights.near_bias.size, design.band_hz.size
        lengths = {"bands": bands, "all partials": MOST_PARTIALS, "voice cues": OWN_CUES + SHARED_CUES + units}
        self._lengths = {**lengths, "streams": streams, "candidates": design.most_candidates}
        self._room = HearingRoom(
            allocated(VoiceCueRoom, lengths),
            np.zeros((lengths["voice cues"], bands), np.float32),
            voice_room(weights, bands),
        )

    def process(self, frames: HannFrames, pairs: LineFrames) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Amplitude and frequency, Hz, of every atom, each (frames, streams, atoms)."""
        judge = self._judge
        shape = (*frames.power.shape[:2], judge.atoms)
        amplitude, frequency = np.empty(shape, np.float32), np.empty(shape, np.float32)
        hear_process(*self._heard(frames, pairs), judge.grid, judge.atom_hz, self._weights, amplitude, frequency)
        judge.advance(len(frames))
        return amplitude, frequency

    def read(self, frames: HannFrames, pairs: LineFrames, chosen: NDArray[np.int64]) -> HeardOut:
        """What is learned from, of those frames; chosen: ascending, counted from 0."""
        lengths = {**self._lengths, "frames": chosen.size}
        out = allocated(HeardOut, lengths)
        read_process(*self._heard(frames, pairs), chosen, out)
        self._judge.advance(len(frames))
        return out

    def _heard(self, frames: HannFrames, pairs: LineFrames) -> tuple[Any, ...]:
        judge, voices = self._judge, self.tracker.process(frames.samples)
        return (
            frames.power, frames.moment, LinesOut(pairs.frequency_hz, pairs.energy, pairs.trust), judge.basins,
            judge.tables, judge.weights, judge.rule, judge.frame, named(CueState, judge.record), judge.room,
            TrackerOut(**vars(voices)), self._room,
        )  # fmt: skip


@kernel
def hear_process(
    power: Floats, moment: Floats, pairs: LinesOut, basins: BasinTables, tables: CueTables, weights: BeliefWeights,
    rule: JudgeRule, frame: int, state: CueState, room: JudgeRoom, voices: TrackerOut, hearing: HearingRoom,
    grid: AtomGrid, atom_hz: Floats, voice_weights: VoiceWeights, amplitude: Floats, frequency: Floats,
) -> None:  # fmt: skip
    """Judge the windows' lines, hear what voices say, mix and place, a frame of a stream at a time."""
    for s in range(power.shape[1]):
        for f in range(power.shape[0]):
            hz, energy, trust = pairs.hz[f, s], pairs.energy[f, s], pairs.trust[f, s]
            judge_moment(
                power[f, s], moment[f, s], hz, energy, trust, basins, tables, weights, rule, frame + f, state, s, room
            )
            if _hear(frame + f, f, s, voices, room, hearing):
                judge_voices(hearing.cues, LEVEL_CUE, voice_weights, hearing.belief)
                _mix(f, s, voices, room, hearing)
            room.total[:], room.moment[:] = 0.0, 0.0
            collect(room.lines.number[0], room.lines.hz, room.believed, grid, room.total, room.moment)
            collect(voices.partials[f, s], voices.hz[f, s], voices.energy[f, s], grid, room.total, room.moment)
            place(room.total, room.moment, atom_hz, amplitude[f, s], frequency[f, s])


@kernel
def _hear(frame: int, f: int, s: int, voices: TrackerOut, room: JudgeRoom, hearing: HearingRoom) -> bool:
    """The cues of a frame; whether there is any partial to believe in."""
    if voices.partials[f, s] == 0:
        return False
    left = read_voice_cues(
        room.lines.number[0], room.lines.place, room.believed, voices.partials[f, s], voices.hz[f, s],
        voices.energy[f, s], voices.precision[f, s], voices.beyond[f, s], voices.told[f, s], frame % ROW_HOPS,
        room.belief.second, hearing.cue, hearing.cues,
    )  # fmt: skip
    return bool(left > 0)


@kernel
def _mix(f: int, s: int, voices: TrackerOut, room: JudgeRoom, hearing: HearingRoom) -> None:
    """Both pictures' energies by what they are worth; lines above all voices stay as they are."""
    count, lines, gain = room.lines.number[0], room.lines, hearing.belief.gain
    for i in range(count):
        if lines.hz[i] > TOP_HZ:
            lines.place[i] = -1.0
    weigh_lines(count, lines.place, gain[WINDOWS], room.believed)
    weigh_lines(voices.partials[f, s], hearing.cue.place, gain[VOICES], voices.energy[f, s])


@kernel
def read_process(
    power: Floats, moment: Floats, pairs: LinesOut, basins: BasinTables, tables: CueTables, weights: BeliefWeights,
    rule: JudgeRule, frame: int, state: CueState, room: JudgeRoom, voices: TrackerOut, hearing: HearingRoom,
    chosen: Integers, out: HeardOut,
) -> None:  # fmt: skip
    """Judge all frames, and give what is heard of the chosen ones."""
    for s in range(power.shape[1]):
        n = 0
        for f in range(power.shape[0]):
            hz, energy, trust = pairs.hz[f, s], pairs.energy[f, s], pairs.trust[f, s]
            judge_moment(
                power[f, s], moment[f, s], hz, energy, trust, basins, tables, weights, rule, frame + f, state, s, room
            )
            if n < chosen.size and chosen[n] == f:
                some = _hear(frame + f, f, s, voices, room, hearing)
                out.cues[n, s] = hearing.cues
                out.lines[n, s], out.hz[n, s], out.energy[n, s] = room.lines.number[0], room.lines.hz, room.believed
                out.partials[n, s] = voices.partials[f, s] if some else 0
                out.partial_hz[n, s], out.partial_energy[n, s] = voices.hz[f, s], voices.energy[f, s]
                n += 1
