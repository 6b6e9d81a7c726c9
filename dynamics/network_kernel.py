"""One compiled step for every network: which cells and flows there are is data, so nothing is compiled anew.

States, parameters and whole numbers of all cells lie in one array each; a `Plan` says where. No validation here.
"""

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Doubles, Floats, Integers, kernel

from .divisive import DivisiveGains, divisive_step, expect, share
from .harmonic_fields import FieldRule, connect, most_connections
from .inference_kernel import weighted_sum
from .kinds import (
    DENSE,
    DIVISIVE,
    DRIVEN,
    EXTERNAL,
    EXTRA,
    FIELDS,
    FLOW_KIND,
    HARMONIC,
    INDEX_AT,
    INPUT_AT,
    INPUT_SIZE,
    KIND,
    LCA,
    LCA_RMS,
    LCADAM,
    ONE_TO_ONE,
    PARAMS,
    PROJECTION,
    SOURCE_AT,
    SOURCES,
    TARGET_AT,
    TARGETS,
    UNITS,
    WEIGHT_AT,
    WTA,
    WTACONV,
)
from .lca_kernel import carry, lca_rms_step, lca_step, lcadam_step, track_level
from .rules import AdamMoments, Circuit, LevelRule, RmsMoments, WtaRule
from .solvers_kernel import projection_step, zeroing_step
from .unit_kernel import SMALLEST_ACTIVITY, copy, flush
from .wta_kernel import wta_step, wtaconv_step


class Plan(NamedTuple):
    """A network as the kernel takes it."""

    cells: Annotated[NDArray[np.int64], "cells", "columns"]
    flows: Annotated[NDArray[np.int64], "flows", "columns"]
    delays: Annotated[NDArray[np.int64], "delays", "from, to, frames, width"]
    reads: Annotated[NDArray[np.int64], "reads", "from, to, width"]
    parameters: Annotated[NDArray[np.float32], "parameters"]
    numbers: Annotated[NDArray[np.int64], "numbers"]


class Links(NamedTuple):
    """Connections of cells to inputs that stand elsewhere every frame, one cell's behind another's."""

    start: Annotated[NDArray[np.int32], "starts"]
    unit: Annotated[NDArray[np.int32], "links"]
    weight: Annotated[NDArray[np.float32], "links"]
    own: Annotated[NDArray[np.float32], "links"]


class Room(NamedTuple):
    """What a stream's step works on: inputs of all cells, from outside alone and all, and rows for a cell at a time."""

    fixed: Annotated[NDArray[np.float32], "inputs"]
    inputs: Annotated[NDArray[np.float32], "inputs"]
    row: Annotated[NDArray[np.float32], "longest"]
    other_row: Annotated[NDArray[np.float32], "longest"]
    sums: Annotated[NDArray[np.float64], "sums"]
    links: Links


@kernel
def fill(row: Floats, value: float) -> None:
    """Set all of a row."""
    for i in range(row.size):
        row[i] = value


@kernel
def add(gain: np.float32, source: Floats, target: Floats) -> None:
    """``target += gain source``."""
    for j in range(target.size):
        target[j] += gain * source[j]


@kernel(inline=True)
def row(memory: Floats, at: int, stream: int, width: int) -> Floats:
    """A stream's part of a state (streams, width)."""
    return memory[at + stream * width : at + (stream + 1) * width]


@kernel(inline=True)
def add_flow(plan: Plan, i: int, source: Floats, inputs: Floats) -> None:
    """``inputs += gain W source``."""
    flows, weight = plan.flows, plan.parameters[plan.flows[i, WEIGHT_AT] :]
    gain, weight = weight[0], weight[1:]
    targets = flows[i, TARGETS]
    target = inputs[flows[i, TARGET_AT] : flows[i, TARGET_AT] + targets]
    if flows[i, FLOW_KIND] == ONE_TO_ONE:
        add(gain, source, target)
    elif flows[i, FLOW_KIND] == DENSE:
        for j in range(target.size):
            target[j] += gain * weighted_sum(weight[j * source.size : (j + 1) * source.size], source)
    else:
        start = flows[i, INDEX_AT]
        column = start + targets + 1
        for j in range(targets):
            total = np.float32(0.0)
            for k in range(plan.numbers[start + j], plan.numbers[start + j + 1]):
                total += weight[k] * source[plan.numbers[column + k]]
            target[j] += gain * total


@kernel(inline=True)
def add_flows(plan: Plan, external: bool, drive: Floats, z: Floats, stream: int, inputs: Floats) -> None:
    """All flows from the network's inputs, or all from states."""
    flows = plan.flows
    for i in range(len(flows)):
        if (flows[i, EXTERNAL] == 1) == external:
            at, size = flows[i, SOURCE_AT], flows[i, SOURCES]
            source = drive[at : at + size] if external else row(z, at, stream, size)
            add_flow(plan, i, source, inputs)


@kernel(inline=True)
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


@kernel(inline=True)
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


@kernel(inline=True)
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


@kernel(inline=True)
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


@kernel(inline=True)
def step_harmonic(plan: Plan, c: int, stream: int, drive: Floats, z: Floats, room: Room) -> None:
    """One step of a HarmonicDivisive."""
    cells, p = plan.cells, plan.parameters
    n, partials, at, to = cells[c, UNITS], cells[c, EXTRA], cells[c, PARAMS:FIELDS], cells[c, FIELDS:]
    links, gains = links_of(plan, c, room.links), DivisiveGains(p[at[5]], p[at[6]], p[at[7]], p[at[8]])
    a, expected = row(z, to[0], stream, n), row(z, to[2], stream, partials)
    total, support = p[at[4] : at[4] + n], row(z, to[1], stream, n)
    expect(links.start, links.unit, links.weight, a, links.own, expected)
    share(drive, links.start, links.unit, links.weight, total, gains, links.own, expected, a, support)


@kernel(inline=True)
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
def step_network(plan: Plan, stream: int, z: Floats, room: Room) -> None:
    """All inputs from the states as they are, then one step of every cell."""
    cells, inputs = plan.cells, room.inputs
    copy(room.fixed, inputs)
    add_flows(plan, False, inputs, z, stream, inputs)
    for c in range(len(cells)):
        received = inputs[cells[c, INPUT_AT] : cells[c, INPUT_AT] + cells[c, INPUT_SIZE]]
        if cells[c, KIND] <= LCADAM:
            step_lca(plan, c, stream, received, z, room)
        elif cells[c, KIND] <= WTACONV:
            step_circuit(plan, c, stream, received, z, room)
        elif cells[c, KIND] == DIVISIVE:
            step_divisive(plan, c, stream, received, z)
        elif cells[c, KIND] == HARMONIC:
            step_harmonic(plan, c, stream, received, z, room)
        else:
            step_solver(plan, c, stream, received, z, room)


@kernel(inline=True)
def begin_frame(plan: Plan, stream: int, drive: Floats, z: Floats, room: Room) -> None:
    """What the network's inputs send, and what happens to each cell once a frame."""
    cells = plan.cells
    fill(room.fixed, 0.0)
    add_flows(plan, True, drive, z, stream, room.fixed)
    copy(room.fixed, room.inputs)
    add_flows(plan, False, drive, z, stream, room.inputs)
    for c in range(len(cells)):
        begin_cell(plan, c, stream, room.fixed if cells[c, DRIVEN] else room.inputs, z, room)


@kernel(inline=True)
def end_frame(plan: Plan, stream: int, streams: int, z: Floats, out: Floats) -> None:
    """Read the network, pass what is delayed one frame on, and make exact zeros of what is too small to matter."""
    cells, reads, delays = plan.cells, plan.reads, plan.delays
    for r in range(len(reads)):
        source, to, width = reads[r]
        copy(row(z, source, stream, width), out[to : to + width])
    for d in range(len(delays)):
        source, to, frames, width = delays[d]
        for k in range(1, frames):
            older = row(z, to + (k - 1) * streams * width, stream, width)
            copy(row(z, to + k * streams * width, stream, width), older)
        copy(row(z, source, stream, width), row(z, to + (frames - 1) * streams * width, stream, width))
    for c in range(len(cells)):
        to = cells[c, FIELDS:]
        for k in range(1, to.size):
            if to[k] < 0:
                break
            flush(row(z, to[k - 1], stream, (to[k] - to[k - 1]) // streams))


@kernel
def network_process(drive: Floats, plan: Plan, iterations: int, room: Room, z: Floats, out: Floats) -> None:
    """`step_network`, `iterations` times a frame, over drive (frames, streams, inputs)."""
    streams = drive.shape[1]
    for f in range(drive.shape[0]):
        for s in range(streams):
            begin_frame(plan, s, drive[f, s], z, room)
            for _ in range(iterations):
                step_network(plan, s, z, room)
            end_frame(plan, s, streams, z, out[f, s])


@kernel
def network_settle(
    drive: Floats, plan: Plan, limit: int, tolerance: float, room: Room, before: Floats, z: Floats, out: Floats,
    steps: Integers, residual: Doubles,
) -> None:  # fmt: skip
    """Step each stream of drive (streams, inputs) until no state changes by `tolerance` of the largest one.

    before: room for the states of the step before.
    """
    streams = drive.shape[0]
    for s in range(streams):
        begin_frame(plan, s, drive[s], z, room)
        steps[s], residual[s] = 0, np.inf
        while steps[s] < limit and not residual[s] < tolerance:
            if steps[s] == 0:
                largest_change(plan, s, streams, before, z)
            step_network(plan, s, z, room)
            steps[s] += 1
            residual[s] = largest_change(plan, s, streams, before, z)
        end_frame(plan, s, streams, z, out[s])


@kernel
def largest_change(plan: Plan, stream: int, streams: int, before: Floats, z: Floats) -> float:
    """The largest change of a stream's states, of the largest of them; `before` becomes what they are.

    Infinite where a state is.
    """
    change, largest = 0.0, np.float64(SMALLEST_ACTIVITY)
    for c in range(len(plan.cells)):
        fields = plan.cells[c, FIELDS:]
        for k in range(1, fields.size):
            if fields[k] < 0:
                break
            width = (fields[k] - fields[k - 1]) // streams
            was, now = row(before, fields[k - 1], stream, width), row(z, fields[k - 1], stream, width)
            for i in range(width):
                moved = abs(now[i] - was[i])
                change, largest = max(change, moved if moved < np.inf else np.inf), max(largest, abs(now[i]))
                was[i] = now[i]
    return change / largest if change < np.inf else np.inf
