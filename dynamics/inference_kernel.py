"""Inner loops of sparse inference over joined dictionaries. No validation here."""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Floats, Integers, kernel

LEAST_EXPLAINED = np.float32(1e-6)
"""The least that a value is divided by, in a frame whose largest value is 1: there may be no atom to explain it."""

PRUNED = np.float32(1e-3)
"""Share of the strongest activation below which atoms drop out of a frame's competition, after its first steps."""

SILENT_MAGNITUDE = np.float32(1e-9)
"""Frames whose largest magnitude is below this (-180 dB) are silence, and left out."""

SMALLEST_SHARE = np.float32(1e-5)
"""Shares of a channel below this (-100 dB) are set to zero."""

LEAST_SUPPORT = np.float32(1e-6)
"""The least support of an atom, as a share of the best supported one's, that counts: no atom is put down by more."""

NO_SUM = np.float32(1e-20)
"""Added to sums of activations, and of their support, before something is divided by them."""

FULL_STEPS = 3
"""Steps of a frame in which all atoms compete; afterwards weak ones drop out."""

SUPPORT_STEPS = 4
"""Steps from one to the next in which atoms that resemble the rest of their source are favoured."""


class JoinedAtoms(NamedTuple):
    """The atoms of all sources."""

    atoms: Annotated[NDArray[np.float32], "atoms", "channels"]
    """Magnitudes, each atom's sum is 1."""

    cost: Annotated[NDArray[np.float32], "atoms"]
    similarity: Annotated[NDArray[np.float32], "pairs"]
    """Source by source, how like each atom is to each other one of its source."""

    blocks: Annotated[NDArray[np.int64], "sources", "first atom, atoms, first pair"]


class InferenceRule(NamedTuple):
    """How activations follow a frame."""

    iterations: int
    memory: np.float32
    """What of the activations a frame begins with comes from the frame before."""

    support: np.float32
    """Exponent γ by which atoms like the rest of their source are favoured."""


class SourcesState(NamedTuple):
    """Power of the frames that are pooled, activations, what was explained of the last three, and the shares."""

    total: Annotated[NDArray[np.float32], "groups", "channels"]
    h: Annotated[NDArray[np.float32], "groups", "atoms"]
    explained: Annotated[NDArray[np.float32], "groups", "3", "sources", "channels"]
    share: Annotated[NDArray[np.float32], "groups", "sources", "channels"]


class InferenceWork(NamedTuple):
    """What `infer` works on: active atoms first, what speaks for atoms, the model and its quotient, the drive."""

    active: Annotated[NDArray[np.int64], "atoms"]
    support: Annotated[NDArray[np.float32], "atoms"]
    explained: Annotated[NDArray[np.float32], "channels"]
    error: Annotated[NDArray[np.float32], "channels"]
    drive: Annotated[NDArray[np.float32], "atoms"]


@kernel(fastmath={"reassoc", "contract", "nsz"})
def weighted_sum(row: Floats, values: Floats) -> np.float32:
    """Σ_k row_k values_k."""
    total = np.float32(0.0)
    for k in range(row.size):
        total += row[k] * values[k]
    return total


@kernel(fastmath={"contract"})
def divisive_step(
    v: Floats, atoms: Floats, cost: Floats, active: Integers, count: int, h: Floats, explained: Floats, error: Floats
) -> None:
    """``e = v / Σ_j h_j W_j``, ``h_j ← h_j (W_jᵀ e) / c_j``: atoms that explain the same divide it between them.

    Fixed point: the smallest ``KL(v ‖ Wᵀh) + Σ_j (c_j − ΣW_j) h_j`` over h ≥ 0. active[:count] take part.
    """
    channels = v.size
    for k in range(channels):
        explained[k] = LEAST_EXPLAINED
    for i in range(count):
        j = active[i]
        a, row = h[j], atoms[j]
        for k in range(channels):
            explained[k] += a * row[k]
    for k in range(channels):
        error[k] = v[k] / explained[k]
    for i in range(count):
        j = active[i]
        h[j] *= weighted_sum(atoms[j], error) / cost[j]


@kernel(fastmath={"contract"})
def favour(
    similarity: Floats, blocks: Integers, exponent: np.float32, active: Integers, count: int, h: Floats, support: Floats
) -> None:
    """``h_j ← h_j (s_j / max s)^γ`` within each source, ``s_j = Σ_i S_ji h_i``: one note at a time, if γ says so."""
    for b in range(len(blocks)):
        first, size, offset = blocks[b]
        most = NO_SUM
        for i in range(count):
            j = active[i]
            if first <= j < first + size:
                total = np.float32(0.0)
                for m in range(count):
                    other = active[m]
                    if first <= other < first + size:
                        total += similarity[offset + (j - first) * size + other - first] * h[other]
                support[j] = total
                most = max(most, total)
        for i in range(count):
            j = active[i]
            if first <= j < first + size:
                h[j] *= np.float32(math.exp(exponent * math.log(max(support[j] / most, LEAST_SUPPORT))))


@kernel(fastmath={"contract"})
def infer(v: Floats, dictionary: JoinedAtoms, rule: InferenceRule, h: Floats, work: InferenceWork, out: Floats) -> None:
    """Advance the activations h to the frame v (largest value 1); out (sources, channels): what each explains."""
    atoms, cost, similarity, blocks = dictionary.atoms, dictionary.cost, dictionary.similarity, dictionary.blocks
    active, support, explained, error, drive = work.active, work.support, work.explained, work.error, work.drive
    iterations, memory, exponent = rule.iterations, rule.memory, rule.support
    units = cost.size
    total, before = NO_SUM, NO_SUM
    for j in range(units):
        active[j] = j
        drive[j] = weighted_sum(atoms[j], v)
        total += drive[j]
        before += h[j]
    mass = np.float32(0.0)
    for k in range(v.size):
        mass += v[k]
    for j in range(units):  # atoms sum to 1, so activations sum to what they explain
        h[j] = mass * (memory * h[j] / before + (np.float32(1.0) - memory) * drive[j] / total)
    count = units
    for step in range(iterations):
        divisive_step(v, atoms, cost, active, count, h, explained, error)
        if exponent > 0 and step % SUPPORT_STEPS == SUPPORT_STEPS - 1 and step < iterations - 2:
            favour(similarity, blocks, exponent, active, count, h, support)
        if step >= FULL_STEPS - 1:
            count = _prune(active, count, h)
    for b in range(len(blocks)):
        for k in range(v.size):
            out[b, k] = 0.0
        first, size, _ = blocks[b]
        for j in range(first, first + size):
            if h[j] > 0:
                a, row = h[j], atoms[j]
                for k in range(v.size):
                    out[b, k] += a * row[k]


@kernel
def _prune(active: Integers, count: int, h: Floats) -> int:
    most = np.float32(0.0)
    for i in range(count):
        most = max(most, h[active[i]])
    kept = 0
    for i in range(count):
        j = active[i]
        if h[j] > PRUNED * most:
            active[kept] = j
            kept += 1
        else:
            h[j] = 0.0
    return kept


@kernel(fastmath={"contract"})
def sources_process(
    power: Floats, per_group: int, pooled: int, dictionary: JoinedAtoms, rule: InferenceRule, state: SourcesState,
    frame: int, out: Floats,
) -> None:  # fmt: skip
    """Shares of the sources in every frame, from what they explain of the mean of `pooled` frames and its neighbours.

    power (frames, streams, channels); out (frames, groups, sources, channels).
    """
    total, h, explained, share = state.total, state.h, state.explained, state.share
    channels, sources, units = power.shape[2], share.shape[1], h.shape[1]
    work = InferenceWork(
        np.empty(units, np.int64),
        np.empty(units, np.float32),
        np.empty(channels, np.float32),
        np.empty(channels, np.float32),
        np.empty(units, np.float32),
    )
    v = np.empty(channels, np.float32)
    for f in range(power.shape[0]):
        for g in range(total.shape[0]):
            for s in range(g * per_group, (g + 1) * per_group):
                for k in range(channels):
                    total[g, k] += power[f, s, k]
            if (frame + f) % pooled == pooled - 1:
                newest = (frame + f) // pooled % 3
                _explain(total[g], pooled, dictionary, rule, h[g], work, v, explained[g, newest])
                _share(explained[g], share[g])
            for i in range(sources):
                for k in range(channels):
                    out[f, g, i, k] = share[g, i, k]


@kernel
def _explain(
    total: Floats, pooled: int, dictionary: JoinedAtoms, rule: InferenceRule, h: Floats, work: InferenceWork, v: Floats,
    explained: Floats,
) -> None:  # fmt: skip
    """What each source explains of the magnitude of the pooled frames, which are then forgotten."""
    most = np.float32(0.0)
    for k in range(v.size):
        v[k] = math.sqrt(total[k] / np.float32(pooled))
        total[k] = 0.0
        most = max(most, v[k])
    if most < SILENT_MAGNITUDE:
        for i in range(explained.shape[0]):
            for k in range(v.size):
                explained[i, k] = 0.0
        return
    for k in range(v.size):
        v[k] /= most
    infer(v, dictionary, rule, h, work, explained)
    for i in range(explained.shape[0]):
        for k in range(v.size):
            explained[i, k] *= most


@kernel
def _share(explained: Floats, share: Floats) -> None:
    """Shares ``(Σ_t ŷ_i)² / Σ_i (Σ_t ŷ_i)²`` from three frames' magnitudes."""
    sources, channels = share.shape
    for k in range(channels):
        all_sources = np.float32(0.0)
        for i in range(sources):
            magnitude = explained[0, i, k] + explained[1, i, k] + explained[2, i, k]
            share[i, k] = magnitude * magnitude
            all_sources += share[i, k]
        for i in range(sources):
            small = share[i, k] <= SMALLEST_SHARE * all_sources
            share[i, k] = np.float32(0.0) if small else share[i, k] / all_sources
