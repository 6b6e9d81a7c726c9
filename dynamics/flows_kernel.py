"""What flows to the cells of a network in a step."""

import numpy as np

from sharpear.compiler import Floats, kernel

from .inference_kernel import weighted_sum
from .kinds import (
    DENSE,
    EXTERNAL,
    FLOW_KIND,
    INDEX_AT,
    ONE_TO_ONE,
    SOURCE_AT,
    SOURCES,
    TARGET_AT,
    TARGETS,
    WEIGHT_AT,
)
from .network_tables import Plan


@kernel
def add(gain: np.float32, source: Floats, target: Floats) -> None:
    """``target += gain source``."""
    for j in range(target.size):
        target[j] += gain * source[j]


@kernel(inline=True)
def row(memory: Floats, at: int, stream: int, width: int) -> Floats:
    """A stream's part of a state (streams, width)."""
    return memory[at + stream * width : at + (stream + 1) * width]


@kernel(apart=True)
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
