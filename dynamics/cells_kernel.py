"""One step of each kind of cell, with its parameters and states where a network's plan has them. No validation here."""

import numpy as np

from sharpear.compiler import Floats, kernel

from .divisive import DivisiveGains, divisive_step, expect, share
from .flows_kernel import row
from .harmonic_fields import FieldRule, connect, most_connections
from .kinds import (
    DIVISIVE,
    EXTRA,
    FIELDS,
    HARMONIC,
    INPUT_AT,
    KIND,
    LCA,
    LCA_RMS,
    LCADAM,
    PARAMS,
    PROJECTION,
    UNITS,
    WTA,
    WTACONV,
)
from .lca_kernel import carry, lca_rms_step, lca_step, lcadam_step, track_level
from .network_tables import Links, Plan, Room
from .rules import AdamMoments, Circuit, LevelRule, RmsMoments, WtaRule
from .solvers_kernel import projection_step, zeroing_step
from .unit_kernel import SMALLEST_AMPLITUDE, SMALLEST_POWER
from .wta_kernel import wta_step, wtaconv_step


@kernel
def fill(row: Floats, value: float) -> None:
    """Set all of a row."""
    for i in range(row.size):
        row[i] = value


@kernel
def smallest(kind: int, field: int) -> np.float32:
    """Below what a field of a cell's state is zero: an amplitude, or one of LcaRms' and LcAdam's v and level."""
    powers = (kind == LCA_RMS and field >= 2) or (kind == LCADAM and field >= 3)
    return SMALLEST_POWER if powers else SMALLEST_AMPLITUDE


@kernel(apart=True)
def begin_cell(plan: Plan, c: int, stream: int, inputs: Floats, z: Floats, room: Room) -> None:
    """What happens to a cell once a frame: an LCA's level, and the leak of its memory."""
    cells, p = plan.cells, plan.parameters
    kind, n, at, to = cells[c, KIND], cells[c, UNITS], cells[c, PARAMS:FIELDS], cells[c, FIELDS:]
    if kind == HARMONIC:
        find_links(plan, c, inputs, room.links)
    if kind > LCADAM:
        return
    level = room.row[:n]
    if kind == LCA:
        fill(level, 1.0)
    else:
        level = row(z, to[3] if kind == LCA_RMS else to[4], stream, n)
        last = at[7] if kind == LCA_RMS else at[8]
        drive = inputs[cells[c, INPUT_AT] : cells[c, INPUT_AT] + n]
        track_level(drive, LevelRule(int(p[last]), p[last + 1]), level, room.sums)
    threshold, retention = p[at[0] : at[0] + n], p[at[1] : at[1] + n]
    carry(retention, threshold, p[at[3]] != 0, level, row(z, to[0], stream, n), row(z, to[1], stream, n))
    if kind == LCADAM:
        m = row(z, to[2], stream, n)
        for i in range(n):
            m[i] *= retention[i]


@kernel(apart=True)
def step_lca(plan: Plan, c: int, stream: int, drive: Floats, z: Floats, room: Room) -> None:
    """One step of an Lca, LcaRms or LcAdam."""
    cells, p = plan.cells, plan.parameters
    kind, n, at, to = cells[c, KIND], cells[c, UNITS], cells[c, PARAMS:FIELDS], cells[c, FIELDS:]
    threshold, hard, width = p[at[0] : at[0] + n], p[at[3]] != 0, cells[c, EXTRA]
    band = p[at[2] : at[2] + n * width].reshape((n, width))
    u, a, du = row(z, to[0], stream, n), row(z, to[1], stream, n), room.row[:n]
    if kind == LCA:
        lca_step(drive, band, threshold, hard, p[at[4]], u, a, du)
    elif kind == LCA_RMS:
        moments = RmsMoments(p[at[4]], p[at[5]], p[at[6]])
        level, v = row(z, to[3], stream, n), row(z, to[2], stream, n)
        lca_rms_step(drive, band, threshold, hard, moments, level, u, v, a, du)
    else:
        adam = AdamMoments(p[at[4]], p[at[5]], p[at[6]], p[at[7]])
        level, m, v = row(z, to[4], stream, n), row(z, to[2], stream, n), row(z, to[3], stream, n)
        lcadam_step(drive, band, threshold, hard, adam, level, u, m, v, a, du)


@kernel(apart=True)
def step_circuit(plan: Plan, c: int, stream: int, drive: Floats, z: Floats, room: Room) -> None:
    """One step of a Wta or WtaConv."""
    cells, p, numbers = plan.cells, plan.parameters, plan.numbers
    n, at, to = cells[c, UNITS], cells[c, PARAMS:FIELDS], cells[c, FIELDS:]
    threshold, inhibition_threshold, rate = p[at[0] : at[0] + n], p[at[5]], p[at[6]]
    circuit = Circuit(p[at[1]], p[at[2]], p[at[3]], p[at[4]])
    x = row(z, to[0], stream, n)
    if cells[c, KIND] == WTA:
        wta_step(drive, circuit, threshold, inhibition_threshold, rate, x, row(z, to[1], stream, 1))
    else:
        axes, widths = cells[c, EXTRA], at[8]
        longest = (at[9] - widths) // axes
        rule = WtaRule(
            circuit,
            threshold,
            inhibition_threshold,
            rate,
            numbers[at[7] : at[7] + axes],
            numbers[widths : at[9]].reshape((axes, longest)),
            numbers[at[9]] != 0,
        )
        wtaconv_step(drive, rule, x, row(z, to[1], stream, n), room.sums, room.row[:n], room.other_row[:n])


@kernel(apart=True)
def step_divisive(plan: Plan, c: int, stream: int, drive: Floats, z: Floats) -> None:
    """One step of a Divisive."""
    cells, p, numbers = plan.cells, plan.parameters, plan.numbers
    n, inputs, at, to = cells[c, UNITS], cells[c, EXTRA], cells[c, PARAMS:FIELDS], cells[c, FIELDS:]
    start, unit, weight = numbers[at[6] : at[7]], numbers[at[7] :], p[at[0] : at[1]]
    gains = DivisiveGains(p[at[2]], p[at[3]], p[at[4]], p[at[5]])
    a, expected = row(z, to[0], stream, n), row(z, to[2], stream, inputs)
    divisive_step(drive, inputs, start, unit, weight, p[at[1] : at[1] + n], gains, a, row(z, to[1], stream, n))
    for i in range(inputs):
        expected[i] = 0.0
        for k in range(start[i], start[i + 1]):
            expected[i] += weight[k] * a[unit[k]]


@kernel(inline=True)
def harmonic_rule(plan: Plan, c: int) -> FieldRule:
    """The fields of a HarmonicDivisive."""
    p, at = plan.parameters, plan.cells[c, PARAMS:FIELDS]
    return FieldRule(p[at[0] : at[1]], p[at[1]], p[at[2]], p[at[3]])


@kernel(inline=True)
def links_of(plan: Plan, c: int, links: Links) -> Links:
    """Those of cell c."""
    first = start = 0
    for before in range(c):
        if plan.cells[before, KIND] == HARMONIC:
            first += plan.cells[before, EXTRA] * most_connections(harmonic_rule(plan, before))
            start += plan.cells[before, EXTRA] + 1
    return Links(links.start[start:], links.unit[first:], links.weight[first:], links.own[first:])


@kernel(inline=True)
def find_links(plan: Plan, c: int, inputs: Floats, links: Links) -> None:
    """The connections of a HarmonicDivisive to partials where they stand in this frame."""
    partials, place, own = plan.cells[c, EXTRA], plan.cells[c, INPUT_AT], links_of(plan, c, links)
    hz = inputs[place + partials : place + 2 * partials]
    connect(hz, partials, plan.cells[c, UNITS], harmonic_rule(plan, c), own.start, own.unit, own.weight)


@kernel(apart=True)
def step_harmonic(plan: Plan, c: int, stream: int, drive: Floats, z: Floats, room: Room) -> None:
    """One step of a HarmonicDivisive."""
    cells, p = plan.cells, plan.parameters
    n, partials, at, to = cells[c, UNITS], cells[c, EXTRA], cells[c, PARAMS:FIELDS], cells[c, FIELDS:]
    links, gains = links_of(plan, c, room.links), DivisiveGains(p[at[5]], p[at[6]], p[at[7]], p[at[8]])
    a, expected = row(z, to[0], stream, n), row(z, to[2], stream, partials)
    total, support = p[at[4] : at[4] + n], row(z, to[1], stream, n)
    expect(links.start, links.unit, links.weight, a, links.own, expected)
    share(drive, links.start, links.unit, links.weight, total, gains, links.own, expected, a, support)


@kernel(apart=True)
def step_solver(plan: Plan, c: int, stream: int, drive: Floats, z: Floats, room: Room) -> None:
    """One step of a ProjectionNetwork or ZeroingNetwork."""
    cells, p = plan.cells, plan.parameters
    n, at, to = cells[c, UNITS], cells[c, PARAMS:FIELDS], cells[c, FIELDS:]
    x = row(z, to[0], stream, n)
    if cells[c, KIND] == PROJECTION:
        Q = p[at[0] : at[0] + n * n].reshape((n, n))
        bounds = p[at[1] : at[1] + n], p[at[2] : at[2] + n]
        projection_step(drive, Q, bounds, cells[c, EXTRA], p[at[3]], p[at[4]], p[at[5]], x, room.row[:n])
    else:
        size = n // cells[c, EXTRA]
        A_before, S = row(z, to[2], stream, size * size), row(z, to[1], stream, n)
        gains = p[at[0] : at[0] + 5]
        zeroing_step(drive, size, gains, x, S, A_before, row(z, to[3], stream, n), room.sums)


@kernel(inline=True)
def step_cell(plan: Plan, c: int, stream: int, drive: Floats, z: Floats, room: Room) -> None:
    """One step of any cell."""
    kind = plan.cells[c, KIND]
    if kind <= LCADAM:
        step_lca(plan, c, stream, drive, z, room)
    elif kind <= WTACONV:
        step_circuit(plan, c, stream, drive, z, room)
    elif kind == DIVISIVE:
        step_divisive(plan, c, stream, drive, z)
    elif kind == HARMONIC:
        step_harmonic(plan, c, stream, drive, z, room)
    else:
        step_solver(plan, c, stream, drive, z, room)
