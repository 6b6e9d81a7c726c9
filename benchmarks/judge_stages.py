"""What the judgement of mode `beliefs` costs, stage by stage: part of ``python -m benchmarks.speed``.

Frames are judged up to one stage after the other, from the same memory; a stage costs what it adds, on processor time,
the least of several runs.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numba import njit

import sharpear
from sharpear.dsp.band_cues_kernel import read_bands
from sharpear.dsp.basins_kernel import find_basins
from sharpear.dsp.cue_arrays import row_of
from sharpear.dsp.cues_kernel import remember
from sharpear.dsp.line_cues_kernel import _own_cues, _place_cues, _take, read_lines
from sharpear.dynamics.beliefs_kernel import BeliefWeights, judge_bands, judge_lines
from sharpear.gpu import CPU
from sharpear.sharpening.judge import collect, place

STAGES = ("remember", "basins", "own cues", "place cues", "pairs", "band cues", "judge bands", "judge lines", "place")
FRAMES, RUNS = 64, 40


class StageByStage(type(CPU)):  # type: ignore[misc]
    """The CPU under another name, where each stage is a call of its own that can be timed."""


def judge_stages(audio: np.ndarray[Any, Any], rate: int, preset: str) -> tuple[dict[str, float], float]:
    """Real-time factor of each stage, and multiply-adds of the layers per second of audio, of the sound's middle."""
    windows_alone = {"voices.enabled": False}
    sharpener = sharpear.Sharpener(rate, preset, overrides=windows_alone, device=StageByStage())
    judge = sharpener._path._parts["code"]._judge
    seen: list[Any] = []
    inner = judge._run

    def noted(*arguments: Any) -> Any:
        seen.append(arguments)
        return inner(*arguments)

    judge._run = noted
    middle = len(audio) // 2
    for n in range(4):  # the memory is full after one; of the last the stages are told
        begin = middle + n * FRAMES * sharpener.hop
        sharpener.process(audio[begin : begin + FRAMES * sharpener.hop])
    arguments = seen[-1]
    length_s = FRAMES * sharpener.hop / rate
    total = np.full(len(STAGES), np.inf)
    for _ in range(RUNS):  # by turns, so that all have the machine's better moments
        for stage in range(len(STAGES)):
            started = time.process_time()
            lines = _judge_up_to(stage + 1, *arguments)
            total[stage] = min(total[stage], (time.process_time() - started) / length_s)
    tables, cues = judge.tables, judge.working.lines.cues
    needed = multiply_adds(tables.weights, tables.cues.band_hz.size, len(cues), lines / FRAMES)
    return dict(zip(STAGES, np.diff(total, prepend=0.0), strict=True)), needed * FRAMES / length_s


def multiply_adds(weights: BeliefWeights, bands: int, line_cues: int, lines: float) -> float:
    """Of the layers, a moment."""
    own = line_cues * weights.line_bias.size
    a_band = weights.cue.size + weights.near.size + weights.far.size + weights.told.size + weights.line.size - own
    return bands * a_band + lines * (own + weights.narrow.size + weights.belief.size)


@njit(nogil=True, error_model="numpy")
def _judge_up_to(
    stage: int, power: Any, moment: Any, pairs: Any, judge: Any, frame: int, state: Any, room: Any,
    amplitude: Any, frequency: Any,
) -> int:  # fmt: skip
    """What `judge_process` does, but for what comes after the stage; returns how many lines there were."""
    basins, tables, weights, rule = judge.basins, judge.cues, judge.weights, judge.rule
    lines, bands, first, cue, count = room.lines, room.bands, basins.first_channel, room.cue, 0
    for f in range(power.shape[0]):
        now = frame + f
        remember(
            power[f, 0], moment[f, 0], pairs.hz[f, 0], pairs.energy[f, 0], pairs.trust[f, 0], first, tables, now, state,
            0,
        )  # fmt: skip
        if 2 <= stage <= 4:
            _lines_up_to(stage, first, basins, tables, now, state, cue, lines)
        if stage >= 5:
            cue.purity[:] = 0.0
            read_lines(first, basins, tables, now, state, 0, cue, lines)
            count += lines.number[0]
        if stage >= 6:
            read_bands(first, tables, now, state, 0, cue, bands)
        if stage >= 7:
            judge_bands(
                bands.cues, bands.correction, rule.level_cue, rule.missing_cue, rule.longer, weights, room.belief
            )
        if stage >= 8:
            judge_lines(
                lines.number[0], lines.hz, lines.place, lines.energy, lines.window, lines.cues, rule.reach_hz, weights,
                room.belief, room.believed,
            )  # fmt: skip
        if stage >= 9:
            room.total[:], room.moment[:] = 0.0, 0.0
            collect(lines.number[0], lines.hz, room.believed, judge.grid, room.total, room.moment)
            place(room.total, room.moment, judge.atom_hz, amplitude[f, 0], frequency[f, 0])
    return count


@njit(nogil=True, error_model="numpy")
def _lines_up_to(stage: int, first: Any, basins: Any, tables: Any, frame: int, state: Any, cue: Any, lines: Any) -> Any:
    """What `read_lines` does, but for what comes after the stage."""
    rows, moment_rows, count = state.power.shape[1], state.moment.shape[1], 0
    for w in range(1, tables.ahead.size):
        a, b, row = first[w], first[w + 1], row_of(frame, tables.ahead[w], rows)
        P, G = state.power[0, row, a:b], state.moment[0, row_of(frame, tables.ahead[w], moment_rows), a:b]
        most = state.loudest[0, w, row]
        kept = find_basins(P, G, basins.top_hz[w], cue.edge, cue.found)
        if stage < 3:
            continue
        begin = count
        count = _take(kept, w - 1, most, begin, cue, lines)
        _own_cues(
            w, begin, count, P, basins.per_share[w], most, state.log_level[0, w, row], tables, cue, lines
        )  # fmt: skip
        if stage < 4:
            continue
        _place_cues(first, basins, tables, frame, state.power[0], w, begin, count, most, cue, lines)
