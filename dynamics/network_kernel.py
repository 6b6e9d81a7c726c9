"""One compiled step for every network: which cells and flows there are is data, so nothing is compiled anew.

States, parameters and whole numbers of all cells lie in one array each; a `Plan` says where. No validation here.
"""

import numpy as np

from sharpear.compiler import Doubles, Floats, Integers, kernel

from .cells_kernel import begin_cell, fill, smallest, step_cell
from .flows_kernel import add_flows, row
from .kinds import DRIVEN, FIELDS, INPUT_AT, INPUT_SIZE, KIND
from .network_tables import Plan, Room
from .unit_kernel import SMALLEST_POWER, copy, flush


@kernel(inline=True)
def step_network(plan: Plan, stream: int, z: Floats, room: Room) -> None:
    """All inputs from the states as they are, then one step of every cell."""
    cells, inputs = plan.cells, room.inputs
    copy(room.fixed, inputs)
    add_flows(plan, False, inputs, z, stream, inputs)
    for c in range(len(cells)):
        received = inputs[cells[c, INPUT_AT] : cells[c, INPUT_AT] + cells[c, INPUT_SIZE]]
        step_cell(plan, c, stream, received, z, room)


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
            width = (to[k] - to[k - 1]) // streams
            flush(row(z, to[k - 1], stream, width), smallest(cells[c, KIND], k - 1))


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
    change, largest = 0.0, np.float64(SMALLEST_POWER)
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
