"""What each part of the beliefs brings: `python -m benchmarks.beliefs.ablation --sources FOLDER`. See docs/beliefs.md.

Every variant learns anew, for fewer steps than what is shipped, in the same order, without something: the lines of one
window (its levels stay among the cues), recorded scenes, drawn scenes, or what a line says for itself.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.beliefs.__main__ import logged, origin_of, parser, scenes_of, with_preset
from benchmarks.beliefs.examples import Examples
from benchmarks.beliefs.presets import Preset
from benchmarks.results import WRITTEN, Results, Table
from benchmarks.sharpness import sung

STEPS = (1500, 850, 1000)
"""Of each stage: a third of what the shipped weights have."""

Scenes = Sequence[Examples]


@dataclass(frozen=True)
class Variant:
    """What is left of the scenes that train, of those that validate, and whether lines speak for themselves."""

    train: Callable[[Scenes], Scenes]
    validation: Callable[[Scenes], Scenes]
    lines_speak: bool = True


def whole(scenes: Scenes) -> Scenes:
    """All of them."""
    return scenes


def without_window(window: int, scenes: Scenes) -> Scenes:
    """The scenes less the lines of one window, from 0."""
    found = []
    for scene in scenes:
        kept = scene.window != window
        moment = np.repeat(np.arange(len(scene)), scene.count)
        of_lines = {name: getattr(scene, name)[kept] for name in ("lines", "hz", "energy", "window")}
        found.append(replace(scene, count=np.bincount(moment[kept], minlength=len(scene)), **of_lines))
    return found


def only(are_recorded: bool, scenes: Scenes) -> Scenes:
    """The scenes that were sung from recordings, or the others."""
    return [scene for scene in scenes if (scene.kind in sung.SCENES) == are_recorded]


def variants(preset: Preset) -> dict[str, Variant]:
    """Name -> what is learned, the whole first."""
    found = {"all": Variant(whole, whole)}
    for number, window in enumerate(preset.layout.windows[1:]):
        left = partial(without_window, number)
        found[f"without lines of {window.length_hops} hops"] = Variant(left, left)
    return found | {
        "without recorded scenes": Variant(partial(only, False), whole),
        "without drawn scenes": Variant(partial(only, True), whole),
        "without what lines say": Variant(whole, whole, lines_speak=False),
    }


def reached(variant: Variant, train: Scenes, validation: Scenes, name: str, seed: int) -> dict[str, float]:
    """Kind of scene -> mean transport distance, cents, of what a variant has learned."""
    from benchmarks.beliefs import learn  # noqa: PLC0415 (torch is not there where this module is only looked at)
    from benchmarks.beliefs.network import Sizes  # noqa: PLC0415

    learn.deterministic()
    scenes = variant.train(train)
    network = learn.begun(scenes, Preset(name), Sizes(), seed)
    for parameter in network.belief.parameters():
        parameter.requires_grad_(variant.lines_speak)
    learn.train_in_stages(network, scenes, name, STEPS, seed)
    return learn.validated(network, variant.validation(validation))


def main(arguments: Sequence[str] | None = None) -> int:
    """Learn all variants, a third of the steps each; 0 on success."""
    told = with_preset(parser("benchmarks.beliefs.ablation", __doc__))
    told.add_argument("--out", type=Path, default=WRITTEN, help="folder for beliefs.ablation.json")
    options = told.parse_args(arguments)
    log = logged()
    train, validation = scenes_of(options, origin_of(options, log), log)
    found = dict[str, dict[str, float]]()
    results = Results("beliefs.ablation", options.out, arguments)
    for name, variant in variants(Preset(options.preset)).items():
        found[name] = reached(variant, train, validation, options.preset, options.seed)
        log(name)
        results.tables["ablation"] = Table(found)
        results.write()  # each takes long: what is done stays
    print(results.told())
    return 0


if __name__ == "__main__":
    sys.exit(main())
