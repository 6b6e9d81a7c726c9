"""Which of the windows' lines are believed, and the atoms that collect them."""

import math
from functools import cached_property
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Doubles, Floats, kernel
from sharpear.dsp import HannFrames, LineFrames
from sharpear.dsp.atom_grid import AtomGrid, atom_grid
from sharpear.dsp.basins import basin_tables
from sharpear.dsp.basins_kernel import MOST_LINES, BasinTables
from sharpear.dsp.cue_arrays import BandCues, Candidates, CueRoom, CueState, CueTables
from sharpear.dsp.cues import CueDesign
from sharpear.dsp.cues_kernel import read, remember
from sharpear.dsp.lines_kernel import LinesOut
from sharpear.dsp.scales import Scale, scale_position
from sharpear.dynamics.beliefs import belief_room
from sharpear.dynamics.beliefs_kernel import BeliefRoom, BeliefWeights, judge_bands, judge_lines
from sharpear.gpu import CPU, Backend
from sharpear.gpu.backend import Kernel
from sharpear.gpu.stateful import Stateful, named

FAINTEST_PART = 1e-22
"""Energies below this (-220 dBFS) are not placed."""


class JudgeRule(NamedTuple):
    """Which cue of a band is its level, and from which one on windows are said to be missing.

    longer, reach_hz: which window each correction is of, and up to where each window has lines.
    """

    level_cue: int
    missing_cue: int
    longer: Annotated[NDArray[np.int64], "pairs"]
    reach_hz: Annotated[NDArray[np.float64], "windows with lines"]


class JudgeTables(NamedTuple):
    """Windows' lines and cues, what was learned, and the atoms."""

    basins: BasinTables
    cues: CueTables
    weights: BeliefWeights
    rule: JudgeRule
    grid: AtomGrid
    atom_hz: Annotated[NDArray[np.float32], "atoms"]


class JudgeRoom(NamedTuple):
    """Room for one moment: what is read, and what is made of it."""

    lines: Candidates
    bands: BandCues
    cue: CueRoom
    belief: BeliefRoom
    believed: Annotated[NDArray[np.float32], "candidates"]
    total: Annotated[NDArray[np.float64], "atoms"]
    moment: Annotated[NDArray[np.float64], "atoms"]


class Judge(Stateful):
    """Frames of a `HannBank` and its pairs in; on the atoms, the lines that are believed."""

    def __init__(
        self,
        design: CueDesign,
        weights: BeliefWeights,
        atom_hz: NDArray[np.float64],
        scale: Scale,
        streams: int,
        backend: Backend = CPU,
    ) -> None:
        self._atoms, self._design, self._streams = atom_hz.size, design, streams
        self.tables = JudgeTables(
            basins=basin_tables(design.bank, backend),
            cues=design.tables(backend),
            weights=BeliefWeights(*map(backend.array, weights)),
            rule=JudgeRule(
                level_cue=design.level_cue,
                missing_cue=design.missing_cue,
                longer=backend.array(design.longer, np.int64),
                reach_hz=backend.array(design.reach_hz, np.float64),
            ),
            grid=atom_grid(atom_hz, scale),
            atom_hz=backend.array(atom_hz, np.float32),
        )
        self._remember([*design.memory(streams), ("frame", np.int64)], backend)

    def room(self, backend: Backend = CPU, streams: int = 1) -> JudgeRoom:
        """Room for one moment; on a GPU of every stream."""
        design, weights = self._design, self.tables.weights
        lines, bands = design.told(backend, streams)
        return JudgeRoom(
            lines=lines,
            bands=bands,
            cue=design.room(backend, streams),
            belief=belief_room(weights, design.band_hz.size, design.longer, backend, streams),
            believed=backend.room((design.most_candidates,), np.float32, streams),
            total=backend.room((self._atoms,), np.float64, streams),
            moment=backend.room((self._atoms,), np.float64, streams),
        )

    @cached_property
    def working(self) -> JudgeRoom:
        """Room for all streams' moments where the judge is, for kernels that judge whole blocks."""
        return self.room(self.backend, self._streams)

    def kernel(self, function: object, more_lines: int = 0) -> Kernel:
        """What judges whole blocks here; more_lines: those that it places beside the windows'."""
        units = {"FOURTH": self.tables.weights.narrow_bias.size}
        needed = 4 * (MOST_LINES + self._design.most_candidates + more_lines)
        return self.backend.kernel(function, units, blocks=self._streams, threads=MOST_LINES, shared_bytes=needed)

    @cached_property
    def _run(self) -> Kernel:
        """Needed, and compiled, where no `VoicedJudge` runs a kernel of its own."""
        return self.kernel(judge_process)

    @property
    def memory(self) -> CueState:
        """What is remembered, as the kernels take it, on the CPU always the same arrays."""
        return named(CueState, self._state)

    @property
    def frame(self) -> NDArray[np.int64]:
        """The number of the next frame, to be counted on by who runs the kernels."""
        return self._state["frame"]

    def process(self, frames: HannFrames, pairs: LineFrames) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Amplitude and frequency, Hz, of every atom, each (frames, streams, atoms)."""
        shape = (*frames.power.shape[:2], self._atoms)
        amplitude, frequency = (self.backend.empty(shape, np.float32) for _ in range(2))
        state = self._state
        self._run(
            frames.power, frames.moment,
            LinesOut(hz=pairs.frequency_hz, energy=pairs.energy, trust=pairs.trust), self.tables,
            int(state["frame"]), self.memory, self.working, amplitude, frequency,
        )  # fmt: skip
        state["frame"] += len(frames)
        return amplitude, frequency


@kernel
def judge_process(
    power: Floats, moment: Floats, pairs: LinesOut, judge: JudgeTables, frame: int, state: CueState, room: JudgeRoom,
    amplitude: Floats, frequency: Floats,
) -> None:  # fmt: skip
    """`judge_frame`, a frame of a stream at a time."""
    for s in range(power.shape[1]):
        for f in range(power.shape[0]):
            judge_frame(
                power[f, s], moment[f, s], pairs.hz[f, s], pairs.energy[f, s], pairs.trust[f, s], judge, frame + f, s,
                state, room, amplitude[f, s], frequency[f, s],
            )  # fmt: skip


@kernel
def judge_frame(
    power: Floats, moment: Floats, pair_hz: Floats, pair_energy: Floats, trust: Floats, judge: JudgeTables, frame: int,
    s: int, state: CueState, room: JudgeRoom, amplitude: Floats, frequency: Floats,
) -> None:  # fmt: skip
    """Remember, read, judge and place a frame of a stream."""
    judge_moment(power, moment, pair_hz, pair_energy, trust, judge, frame, s, state, room)
    room.total[:], room.moment[:] = 0.0, 0.0
    collect(room.lines.number[0], room.lines.hz, room.believed, judge.grid, room.total, room.moment)
    place(room.total, room.moment, judge.atom_hz, amplitude, frequency)


@kernel
def judge_moment(
    power: Floats, moment: Floats, pair_hz: Floats, pair_energy: Floats, trust: Floats, judge: JudgeTables, frame: int,
    s: int, state: CueState, room: JudgeRoom,
) -> None:  # fmt: skip
    """Remember a frame of a stream, and judge the lines of the moment that it completes: room.lines, room.believed."""
    lines, bands, first, tables = room.lines, room.bands, judge.basins.first_channel, judge.cues
    rule, weights = judge.rule, judge.weights
    remember(power, moment, pair_hz, pair_energy, trust, first, tables, frame, state, s)
    read(first, judge.basins, tables, frame, state, s, room.cue, lines, bands)
    judge_bands(bands.cues, bands.correction, rule.level_cue, rule.missing_cue, rule.longer, weights, room.belief)
    judge_lines(
        lines.number[0], lines.hz, lines.place, lines.energy, lines.window, lines.cues, rule.reach_hz, weights,
        room.belief, room.believed,
    )  # fmt: skip


@kernel(inline=True)
def nearest_atom(hz: float, grid: AtomGrid) -> int:
    """Which it is, beyond the grid, too."""
    nearest: int = round((scale_position(hz, grid.scale_code) - grid.low) * grid.per_unit)
    return nearest


@kernel
def collect(count: int, hz: Floats, energy: Floats, grid: AtomGrid, total: Doubles, moment: Doubles) -> None:
    """Each atom collects the lines nearest to it: their energies, and these times their frequencies."""
    for i in range(count):
        if energy[i] > FAINTEST_PART:
            j = nearest_atom(hz[i], grid)
            if 0 <= j < total.size:
                total[j] += energy[i]
                moment[j] += energy[i] * hz[i]


@kernel
def place(total: Doubles, moment: Doubles, atom_hz: Floats, amplitude: Floats, frequency: Floats) -> None:
    """``√E_j``, and ``Σ e f / E_j``; an atom without lines has its own frequency."""
    for j in range(total.size):
        amplitude[j] = math.sqrt(total[j])
        frequency[j] = moment[j] / total[j] if total[j] > 0 else atom_hz[j]
