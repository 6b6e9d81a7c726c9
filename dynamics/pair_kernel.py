"""LcAdam ⇄ WtaConv stepped together, frame by frame. No validation here."""

import math
from typing import NamedTuple

import numpy as np

from sharpear.compiler import Doubles, Floats, Units, kernel

from .lca_kernel import carry, lcadam_step, track_level
from .rules import LcaRule, LcaState, LevelRule, PairParts, WtaRule, WtaState
from .unit_kernel import SMALLEST_AMPLITUDE, SMALLEST_POWER, copy, flush, is_silent, squared_modulus, with_phase_of
from .wta_kernel import wtaconv_step


class PairRoom(NamedTuple):
    """Room for one frame of the pair: errors, inputs, and sums over windows."""

    du: Units
    lca_input: Units
    wta_input: Floats
    window: Floats
    inhibition: Floats
    sums: Doubles


@kernel
def pair_room(lca_state: LcaState, wta_state: WtaState) -> PairRoom:
    """Room for one frame after the other."""
    u, x = lca_state.u[0], wta_state.x[0]
    sums = np.empty(u.size + 1, np.float64)
    return PairRoom(
        np.empty_like(u), np.empty_like(u), np.empty_like(x), np.empty_like(x), np.empty_like(x), sums
    )  # fmt: skip


@kernel(apart=True)
def pair_frame(drive: Units, s: int, pair: PairParts, room: PairRoom, out: Units) -> None:
    """LcAdam ⇄ WtaConv of stream `s` stepped together, `iterations` times, under a frame's drive (units,)."""
    band, lca_rule, wta_rule, flow, lca_state, wta_state = (
        pair.band, pair.lca_rule, pair.wta_rule, pair.flow, pair.lca_state, pair.wta_state
    )  # fmt: skip
    threshold, hard, retention, moments = lca_rule.threshold, lca_rule.hard, lca_rule.retention, lca_rule.moments
    level, u, m, v, a = lca_state.level[s], lca_state.u[s], lca_state.m[s], lca_state.v[s], lca_state.a[s]
    x, x_n, lca_input, wta_input = wta_state.x[s], wta_state.x_n[s], room.lca_input, room.wta_input
    track_level(drive, pair.level_rule, level, room.sums)
    carry(retention, threshold, hard, level, u, a)
    for i in range(u.size):
        m[i] *= retention[i]
    rests = is_silent(drive) and is_silent(u) and is_silent(a) and is_silent(m) and is_silent(v)
    rests = rests and is_silent(x) and is_silent(x_n)
    for _ in range(0 if rests else pair.iterations):  # what rests and is not driven stays as it is
        for i in range(u.size):
            fed_back = with_phase_of(flow[0, 1] * x[i], u[i])
            lca_input[i] = drive[i] + flow[0, 0] * a[i] + fed_back
            wta_input[i] = flow[1, 0] * np.float32(math.sqrt(squared_modulus(u[i]))) + flow[1, 1] * x[i]
        lcadam_step(lca_input, band, threshold, hard, moments, level, u, m, v, a, room.du)
        wtaconv_step(wta_input, wta_rule, x, x_n, room.sums, room.window, room.inhibition)
    if pair.winners:
        copy(x, out)
    else:
        copy(a, out)
    flush(u, SMALLEST_AMPLITUDE)
    flush(m, SMALLEST_AMPLITUDE)
    flush(v, SMALLEST_POWER)
    flush(x, SMALLEST_AMPLITUDE)
    flush(x_n, SMALLEST_AMPLITUDE)


@kernel
def pair_process(
    drive: Units, band: Units, lca_rule: LcaRule, level_rule: LevelRule, wta_rule: WtaRule, flow: Floats,
    iterations: int, winners: bool, lca_state: LcaState, wta_state: WtaState, out: Units,
) -> None:  # fmt: skip
    """`pair_frame` over drive (frames, streams, units).

    flow: (2, 2) gains; winners: whether x comes out, or a.
    """
    pair = PairParts(
        band, lca_rule, level_rule, wta_rule, flow, iterations, winners, lca_state, wta_state
    )  # fmt: skip
    room = pair_room(lca_state, wta_state)
    for f in range(drive.shape[0]):
        for s in range(drive.shape[1]):
            pair_frame(drive[f, s], s, pair, room, out[f, s])
