"""Beliefs as a code over atoms: samples' windows of several lengths in, amplitudes and frequencies out."""

import math
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Doubles, Floats, kernel
from sharpear.config import Config, LinesConfig
from sharpear.dsp import HannDesign, HannFrames, HannWindow, LineFinder, LineFrames, LineRule
from sharpear.dsp.atom_grid import AtomGrid, atom_grid
from sharpear.dsp.basins import basin_tables
from sharpear.dsp.basins_kernel import MOST_LINES, BasinTables
from sharpear.dsp.cue_arrays import BandCues, Candidates, CueRoom, CueState, CueTables
from sharpear.dsp.cues import CueDesign
from sharpear.dsp.cues_kernel import read, remember
from sharpear.dsp.lines_kernel import LinesOut
from sharpear.dsp.pairs import longest_window, pair_finder
from sharpear.dsp.scales import Scale, scale_position
from sharpear.dynamics.beliefs import belief_room, load_beliefs
from sharpear.dynamics.beliefs_kernel import BeliefRoom, BeliefWeights, judge_bands, judge_lines
from sharpear.errors import UsageError
from sharpear.gpu import CPU, Backend
from sharpear.gpu.stateful import Stateful, named

from .composite import Composite
from .winners import Winners

LEARNED_HOP_MS = 1e3 * 128 / 44100
HOP_TOLERANCE = 0.1
"""Part by which the time between frames may differ from the learned one: at 8 kHz a hop is a whole 23 samples."""

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
        self._atoms, self._design = atom_hz.size, design
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
        self._room = self.room(backend, streams)
        self._remember([*design.memory(streams), ("frame", np.int64)], backend)
        units = {"FOURTH": weights.narrow_bias.size}
        needed = 4 * MOST_LINES + 4 * design.most_candidates
        self._run = backend.kernel(judge_process, units, blocks=streams, threads=MOST_LINES, shared_bytes=needed)

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
            LinesOut(hz=pairs.frequency_hz, energy=pairs.energy, trust=pairs.trust), *self.tables,
            int(state["frame"]), self.memory, self._room, amplitude, frequency,
        )  # fmt: skip
        state["frame"] += len(frames)
        return amplitude, frequency


@kernel
def judge_process(
    power: Floats, moment: Floats, pairs: LinesOut, basins: BasinTables, tables: CueTables, weights: BeliefWeights,
    rule: JudgeRule, grid: AtomGrid, atom_hz: Floats, frame: int, state: CueState, room: JudgeRoom, amplitude: Floats,
    frequency: Floats,
) -> None:  # fmt: skip
    """`judge_frame`, a frame of a stream at a time."""
    judge = JudgeTables(basins, tables, weights, rule, grid, atom_hz)
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
    lines, bands, first, tables = room.lines, room.bands, judge.basins.first_channel, judge.cues
    rule, weights = judge.rule, judge.weights
    remember(power, moment, pair_hz, pair_energy, trust, first, tables, frame, state, s)
    read(first, judge.basins, tables, frame, state, s, room.cue, lines, bands)
    judge_bands(bands.cues, bands.correction, rule.level_cue, rule.missing_cue, rule.longer, weights, room.belief)
    judge_lines(
        lines.number[0], lines.hz, lines.place, lines.energy, lines.window, lines.cues, rule.reach_hz, weights,
        room.belief, room.believed,
    )  # fmt: skip
    _place(
        lines.number[0], lines.hz, room.believed, judge.grid, judge.atom_hz, room.total, room.moment, amplitude,
        frequency,
    )  # fmt: skip


@kernel
def _place(
    count: int, hz: Floats, energy: Floats, grid: AtomGrid, atom_hz: Floats, total: Doubles, moment: Doubles,
    amplitude: Floats, frequency: Floats,
) -> None:  # fmt: skip
    """Atom j collects the lines nearest to it: ``√E_j``, and ``Σ e f / E_j``; without lines its own frequency."""
    total[:] = 0.0
    moment[:] = 0.0
    for i in range(count):
        if energy[i] > FAINTEST_PART:
            j = round((scale_position(hz[i], grid.scale_code) - grid.low) * grid.per_unit)
            if 0 <= j < total.size:
                total[j] += energy[i]
                moment[j] += energy[i] * hz[i]
    for j in range(total.size):
        amplitude[j] = math.sqrt(total[j])
        frequency[j] = moment[j] / total[j] if total[j] > 0 else atom_hz[j]


class BeliefCode(Composite):
    """Windows' lines → beliefs → atoms → LcAdam ⇄ WtaConv, whose winners take the energy of their window.

    The lines of several windows, and the longest one's pairs, are hypotheses of where energy is. What is believed of
    them drives the network, which decides which atoms are active: the LcAdam remembers, so that the winners of the
    frame before have a head start, and the WtaConv lets neighbours too close to be told apart compete. Each atom's
    energy then goes to the strongest active one within the window, where the frequency is the energies' mean.
    """

    def __init__(
        self,
        bank: HannDesign,
        atom_hz: NDArray[np.float64],
        config: Config,
        streams: int,
        backend: Backend = CPU,
    ) -> None:
        hop_s = bank.hop / bank.sample_rate
        self._bank = bank
        self._finder = pair_finder(bank, line_rule(config.lines, hop_s), streams, backend)
        beliefs = load_beliefs(config.beliefs.weights)
        self.latency_hops = beliefs.latency_hops
        if bank.delay_hops[-1] + self._finder.latency_hops > self.latency_hops:
            raise UsageError(
                f"lines.spacing_ms = {config.lines.spacing_ms:g}: expected pairs that are told within the "
                f"{self.latency_hops} hops of the beliefs: lower it"
            )
        design = CueDesign(bank, self.latency_hops, self._finder.latency_hops)
        self._judge = Judge(design, beliefs.weights, atom_hz, config.bank.scale, streams, backend)
        self._winners = Winners(atom_hz, hop_s, config.network, streams, backend)
        self._nothing = backend.empty((0, streams, atom_hz.size), np.float32)

    @property
    def stages(self) -> tuple[LineFinder, Judge, Winners]:
        """What it is made of, from frames to winners."""
        return self._finder, self._judge, self._winners

    @property
    def _parts(self) -> dict[str, Any]:
        return {"finder": self._finder, "judge": self._judge, "pair": self._winners.pair}

    def evidence(self, frames: HannFrames) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What drives the network: the believed lines' amplitudes and frequencies on the atoms."""
        if not len(frames):
            return self._nothing, self._nothing
        return self._judge.process(frames, self._finder.process(longest_window(self._bank, frames)))

    def compete(
        self, amplitude: NDArray[np.float32], frequency: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Amplitude and refined frequency, Hz, of the winners, each (frames, streams, atoms)."""
        frequency = frequency.copy()  # the evidence may be resolved once more
        return self._winners.take(amplitude, frequency), frequency


def line_rule(lines: LinesConfig, hop_s: float) -> LineRule:
    """How evidence is drawn from frames that are `hop_s` apart."""
    return LineRule(
        spacing_hops=max(1, round(lines.spacing_ms / 1e3 / hop_s)),
        neighbors=lines.neighbors,
        memory_s=lines.memory_ms / 1e3,
        residual=lines.residual,
        drift=lines.drift,
        drift_s=lines.drift_ms / 1e3,
        change=lines.change,
    )


def belief_windows(sample_rate: float, hop: int, config: Config) -> HannDesign:
    """The windows that a configuration's beliefs were learned for.

    Raises:
        UsageError: nothing was learned under that name, or for other times between frames.
    """
    try:
        beliefs = load_beliefs(config.beliefs.weights)
    except FileNotFoundError:
        raise UsageError(f"beliefs.weights: expected what was learned, received {config.beliefs.weights!r}") from None
    hop_ms = 1e3 * hop / sample_rate
    if abs(hop_ms / LEARNED_HOP_MS - 1) > HOP_TOLERANCE:
        raise UsageError(
            f"frames.hop_ms: mode beliefs was learned for {LEARNED_HOP_MS:.3g} ms, received {hop_ms:.3g} ms: leave it"
        )
    windows = zip(beliefs.length_hops, beliefs.points, beliefs.top_hz, strict=True)
    return HannDesign(sample_rate, hop, tuple(HannWindow(*window) for window in windows))
