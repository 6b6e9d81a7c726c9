"""Learning what to believe: the transport distance of what is left to the truth, by Adam."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.beliefs.examples import HIGHEST_HZ, LOWEST_HZ, Examples
from benchmarks.beliefs.network import BeliefNetwork, Moments, Sizes
from benchmarks.beliefs.presets import Preset
from benchmarks.beliefs.scenes import KINDS

Choice = tuple[Examples, NDArray[np.intp]]
"""A scene and some of its moments."""

Judgement = Callable[[Moments], Tensor]

SCENES, MOMENTS = 12, 12
"""At most so many scenes of a step, and moments of each."""

ALL_SYNTHETIC = {"synthetic": 4.0}
"""Group -> how often its scenes are drawn. All synthetic kinds together weigh as four others; chords, and each kind of
scene from recordings, weigh 1."""

STEADY_FIRST = {"synthetic": 3.0, "steady": 2.5, "amtones": 1.0}
"""Kinds that are named leave the others: steady tones have the smallest distances, and so the smallest slopes."""

OF_PRESETS = {"speech": {"speech": 4.0, "two_voices": 2.0, "singing": 2.0}}
"""Preset -> kinds whose scenes are drawn more often than the stages say: what it is for."""

FIRST_ORDER = 3
"""The order in which scenes are drawn has this seed more than the first weights, and one more in each stage."""

LEVEL_WEIGHT = 0.1
"""Of the error of the whole level (ln of energy), which no distance between normalised energies feels."""

WARM_STEPS = 50
LEAST_PACE = 0.02
"""The rate rises in the first steps and falls as a half cosine to this part of its highest."""

LARGEST_SLOPE = 1.0
"""Norm that gradients are clipped to."""

LONGEST_MEMORY = 0.998
"""What is kept is the mean of the weights over the last 500 steps or so, over fewer in the beginning."""

NOWHERE_OCTAVES = 99.0
"""log2 Hz of places that hold nothing: above all."""


@dataclass(frozen=True)
class Stage:
    """A part of the training.

    steps: how many.
    rate: Adam's highest.
    offset_cents: added before the logarithm: scenes that are better than this count less the better they are.
    decay: of the weights.
    shares: group -> how often its scenes are drawn, 1 where it is not named.
    """

    steps: int
    rate: float
    offset_cents: float
    decay: float
    shares: Mapping[str, float]


STAGES = (
    Stage(4500, 4e-3, 2.0, 1e-4, ALL_SYNTHETIC),
    Stage(2500, 2e-3, 0.4, 1e-5, ALL_SYNTHETIC),
    Stage(3000, 2e-3, 0.4, 1e-5, STEADY_FIRST),
)
"""First all kinds of scenes, then the last fraction of a cent where little is wrong, then steady tones above all."""


@dataclass(frozen=True)
class Batch:
    """Moments of several scenes, and what their transport distances take.

    slot: (lines,) where a line stands in the table of moments and lines, of `shape`.
    inside: (moments, lines) 1 where a line is in the range that is learned.
    order: (moments, places) of lines and true lines by frequency; gap_cents: from each to the next.
    true_energy: (moments, true lines).
    """

    moments: Moments
    slot: Tensor
    shape: tuple[int, int]
    inside: Tensor
    order: Tensor
    gap_cents: Tensor
    true_energy: Tensor


def batch_of(choices: Sequence[Choice]) -> Batch:
    """All that is chosen, one moment after another."""
    lines = [(scene, scene.lines_of(moments)) for scene, moments in choices]

    def of_moments(name: str) -> NDArray[np.generic]:
        return np.concatenate([getattr(scene, name)[moments] for scene, moments in choices])

    def of_lines(name: str) -> NDArray[np.generic]:
        return np.concatenate([getattr(scene, name)[chosen] for scene, chosen in lines])

    count, hz = of_moments("count").astype(np.int64), of_lines("hz").astype(np.float32)
    filled = np.arange(count.max())[None] < count[:, None]
    place = np.full(filled.shape, NOWHERE_OCTAVES, np.float32)
    place[filled] = np.log2(hz)
    true_hz, true_energy = of_moments("true_hz").astype(np.float32), of_moments("true_energy").astype(np.float32)
    true_place = np.where(true_energy > 0, np.log2(np.maximum(true_hz, 1)), NOWHERE_OCTAVES).astype(np.float32)
    places = np.concatenate([place, true_place], axis=1)
    order = np.argsort(places, axis=1, kind="stable")
    low, high = np.log2(LOWEST_HZ), np.log2(HIGHEST_HZ)
    ordered = np.clip(np.take_along_axis(places, order, axis=1), low, high)
    return Batch(
        moments=Moments(
            bands=_floats(of_moments("bands")),
            correction=_floats(of_moments("correction")),
            lines=_floats(of_lines("lines")),
            hz=_floats(hz),
            energy=_floats(of_lines("energy")),
            window=torch.from_numpy(of_lines("window").astype(np.int64)),
            moment=torch.from_numpy(np.repeat(np.arange(len(count)), count)),
        ),
        slot=torch.from_numpy(np.flatnonzero(filled)),
        shape=(filled.shape[0], filled.shape[1]),
        inside=torch.from_numpy((place > low) & (place < high)),
        order=torch.from_numpy(order),
        gap_cents=_floats(1200 * np.diff(ordered, axis=1, append=high)),
        true_energy=_floats(true_energy),
    )


def _floats(values: NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))


def distances(judge: Judgement, batch: Batch) -> tuple[Tensor, Tensor]:
    """(moments,) transport distance, cents, and (moments,) error of the whole level, ln of energy.

    ``W1 = ∫ abs(P(x) − Q(x)) dx`` of the cumulated energies of lines and true lines, each of sum 1, over
    x = 1200 log₂ f: between two neighbours P − Q is constant.
    """
    energy = torch.zeros(batch.shape[0] * batch.shape[1]).index_put((batch.slot,), judge(batch.moments))
    energy = energy.reshape(batch.shape) * batch.inside
    total, true_total = energy.sum(1, keepdim=True), batch.true_energy.sum(1, keepdim=True)
    parts = torch.cat([energy / (total + 1e-30), -batch.true_energy / true_total], 1)
    apart = torch.cumsum(torch.gather(parts, 1, batch.order), 1).abs()
    level = (torch.log(total[:, 0] + 1e-20) - torch.log(true_total[:, 0])).abs()
    return (apart * batch.gap_cents).sum(1), level


def loss_of(judge: Judgement, choices: Sequence[Choice], offset_cents: float) -> Tensor:
    """``mean over scenes of ln(offset + mean W1) + 0.1 mean of the level's error``."""
    cents, level = distances(judge, batch_of(choices))
    scenes = torch.split(cents, [len(moments) for _, moments in choices])
    return (
        torch.stack([torch.log(offset_cents + scene.mean()) for scene in scenes]).mean() + LEVEL_WEIGHT * level.mean()
    )


def deterministic() -> None:
    """One thread and no kernel whose sums have no order: on one machine the same file twice."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def begun(scenes: Sequence[Examples], preset: Preset, sizes: Sizes, seed: int) -> BeliefNetwork:
    """A network that has learned nothing but how far cues spread."""
    torch.manual_seed(seed)
    network = BeliefNetwork(preset.design, sizes)
    seen = batch_of([(scene, np.arange(2)) for scene in scenes]).moments
    network.normalise(seen.bands, seen.lines)
    return network


def train(
    network: nn.Module,
    scenes: Sequence[Examples],
    stage: Stage,
    seed: int,
    log: Callable[[int, float], None] = lambda step, loss: None,
) -> None:
    """Learn for some steps; the weights become their mean over the last of these.

    Args:
        network: as it has learned so far.
        scenes: to learn from.
        stage: for how long, and how fast.
        seed: of the order.
        log: called after every step with its number and its loss.
    """
    rng, chances = np.random.default_rng(seed), _chances(scenes, stage.shares)
    optimiser = torch.optim.Adam(network.parameters(), lr=stage.rate, weight_decay=stage.decay)
    mean = {name: value.clone() for name, value in network.state_dict().items()}
    for step in range(stage.steps):
        for group in optimiser.param_groups:
            group["lr"] = stage.rate * _pace(step, stage.steps)
        chosen = rng.choice(len(scenes), min(SCENES, len(scenes)), replace=False, p=chances)
        loss = loss_of(network, [(scenes[i], _some(rng, scenes[i])) for i in chosen], stage.offset_cents)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), LARGEST_SLOPE)
        optimiser.step()
        memory = min(LONGEST_MEMORY, (step + 1) / (step + 10))
        for name, value in network.state_dict().items():
            mean[name].lerp_(value, 1 - memory)
        log(step, loss.item())
    network.load_state_dict(mean)


def train_in_stages(
    network: nn.Module,
    scenes: Sequence[Examples],
    preset_name: str,
    steps: Sequence[int],
    seed: int,
    log: Callable[[str], None] = lambda message: None,
    log_step: Callable[[int, float], None] = lambda step, loss: None,
    stages: Sequence[Stage] = STAGES,
) -> None:
    """All of the stages, each for so many steps, with the scenes that the preset is for drawn more often.

    Args:
        network: as it has begun.
        scenes: to learn from.
        preset_name: whose windows are judged.
        steps: of each stage.
        seed: of the first weights, from which those of the orders follow.
        log: told when a stage begins.
        log_step: called after every step with its number and its loss.
        stages: what they are, but for their steps.
    """
    for number, (stage, count) in enumerate(zip(stages, steps, strict=True)):
        log(f"stage {number + 1}: {count} steps")
        shares = {**stage.shares, **OF_PRESETS.get(preset_name, {})}
        train(network, scenes, replace(stage, steps=count, shares=shares), seed + FIRST_ORDER + number, log_step)


def _pace(step: int, steps: int) -> float:
    return float(max(LEAST_PACE, 0.5 * (1 + np.cos(np.pi * step / steps))) * min(1, (step + 1) / WARM_STEPS))


def _some(rng: np.random.Generator, scene: Examples) -> NDArray[np.intp]:
    return rng.choice(len(scene), min(MOMENTS, len(scene)), replace=False)


def _chances(scenes: Sequence[Examples], shares: Mapping[str, float]) -> NDArray[np.float64]:
    """How often each scene is drawn: every group as often as its share says, all scenes of one alike."""
    pooled = KINDS.keys() - shares.keys()
    groups = ["synthetic" if scene.kind in pooled else scene.kind for scene in scenes]
    chances = [shares.get(group, 1.0) / groups.count(group) for group in groups]
    return np.asarray(chances / np.sum(chances))


def only_window(window: int) -> Judgement:
    """What is left when the lines of one window, from 0, are believed and no others."""
    return lambda moments: moments.energy * (moments.window == window)


def validated(judge: Judgement, scenes: Sequence[Examples]) -> dict[str, float]:
    """Kind -> mean transport distance, cents; and, as `level`, the mean error of the whole level, ln of energy."""
    cents: dict[str, list[float]] = {}
    levels: dict[str, list[float]] = {}
    with torch.no_grad():
        for scene in scenes:
            distance, level = distances(judge, batch_of([(scene, np.arange(len(scene)))]))
            cents.setdefault(scene.kind, []).append(distance.mean().item())
            levels.setdefault(scene.kind, []).append(level.mean().item())
    means = {kind: float(np.mean(values)) for kind, values in sorted(cents.items())}
    return means | {"level": float(np.mean([np.mean(values) for values in levels.values()]))}
