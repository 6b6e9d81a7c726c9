"""Learning what to believe: scenes, examples, the network in torch and in the kernels, and a tiny training."""

import json
from dataclasses import replace
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from benchmarks.beliefs.__main__ import main
from benchmarks.beliefs.ablation import variants
from benchmarks.beliefs.examples import HIGHEST_HZ, LOWEST_HZ, examples_of
from benchmarks.beliefs.gather import Origin, gathered, wanted
from benchmarks.beliefs.presets import LAYOUTS, Preset
from benchmarks.beliefs.scenes import KINDS, chord, synthetic
from sharpear.dsp.cues import BANDS_PER_OCTAVE, LOWEST_BAND_HZ
from sharpear.dynamics.beliefs import belief_room, load_beliefs
from sharpear.dynamics.beliefs_kernel import BeliefWeights, judge_bands, judge_lines

pytestmark = pytest.mark.slow
BUNDLED = Origin(None, None)
SHIPPED = [name for name in LAYOUTS if resources.files("sharpear.dynamics").joinpath(f"beliefs_{name}.npz").is_file()]
HAS_TORCH = find_spec("torch") is not None
if HAS_TORCH:
    import torch

    from benchmarks.beliefs.learn import STAGES, batch_of, begun, deterministic, distances, loss_of, only_window, train
    from benchmarks.beliefs.network import BeliefNetwork, Moments, Sizes, exported
needs_torch = pytest.mark.skipif(not HAS_TORCH, reason="torch is not installed: pip install -e '.[train]'")


@pytest.fixture(scope="module")
def music() -> Preset:
    return Preset("music")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("examples")


@pytest.fixture(scope="module")
def twenty(folder):
    """Examples of scenes, most of them of the bundled voices."""
    scenes = [scene for scene in wanted(3, "train", True) if scene.part != "chord"][:20]
    return gathered(scenes, BUNDLED, "music", folder, jobs=1)


def test_seeds_of_scenes_make_them_again():
    for draw in (lambda seed: synthetic(seed)[1], chord):
        (audio, lines), (again, _), (other, _) = draw(1), draw(1), draw(2)
        assert np.array_equal(audio, again)
        assert not np.array_equal(audio, other)
        assert audio.dtype == np.float32
        assert (lines.amplitudes >= 0).all()
        assert lines.amplitudes.max() > 0


def test_every_synthetic_kind_is_drawn():
    assert sum(share for share, _ in KINDS.values()) == pytest.approx(1)
    missing = set(KINDS)
    for seed in range(60):
        missing.discard(synthetic(seed)[0])
        if not missing:
            break
    assert not missing


@pytest.mark.parametrize("is_bundled", [False, True])
@pytest.mark.parametrize("count", [1, 20, 200])
def test_no_scene_trains_and_validates(count, is_bundled):
    train, validation = (wanted(count, split, is_bundled) for split in ("train", "validation"))
    assert len({scene.name for scene in train + validation}) == len(train) + len(validation)
    drawn = {(scene.kind, scene.seed, "" if is_bundled else scene.split) for scene in train + validation}
    if is_bundled:  # one voice pool: not even another name for the same scene
        assert len(drawn) == len(train) + len(validation)
    for scene in train + validation:
        assert is_bundled or scene.part != "recorded" or scene.split in ("train", "validation")


def test_examples_hold_moments_that_sound(music):
    kind, (audio, lines) = synthetic(3)
    found = examples_of(kind, audio, lines, 3, music)
    again = examples_of(kind, audio, lines, 3, music)
    assert len(found) == 40
    assert np.array_equal(found.lines, again.lines)
    assert found.count.sum() == len(found.hz) == len(found.lines)
    assert np.isfinite(found.bands).all()
    assert np.isfinite(found.lines).all()
    true = found.true_energy > 0
    assert true.any(axis=1).all()
    assert ((found.true_hz > LOWEST_HZ) & (found.true_hz < HIGHEST_HZ))[true].all()
    assert (np.diff(found.true_energy, axis=1) <= 0).all()
    assert found.lines_of([1]).tolist() == list(range(found.count[0], found.count[:2].sum()))


def test_a_scene_that_hardly_sounds_has_no_examples(music):
    kind, (audio, lines) = synthetic(3)
    lines.amplitudes[100:] = 0
    assert examples_of(kind, audio, lines, 3, music) is None


def test_examples_are_kept(folder, twenty):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.npz")}
    scenes = [scene for scene in wanted(3, "train", True) if scene.part != "chord"][:20]
    again = gathered(scenes, BUNDLED, "music", folder, jobs=1)
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*.npz")}
    assert all(np.array_equal(a.bands, b.bands) and a.kind == b.kind for a, b in zip(twenty, again, strict=True))


def test_variants_lack_what_their_names_say(music, twenty):
    found = variants(music)
    assert all(np.array_equal(a.hz, b.hz) for a, b in zip(found["all"].train(twenty), twenty, strict=True))
    for number, hops in enumerate((8, 16, 32)):
        for whole, left in zip(twenty, found[f"without lines of {hops} hops"].train(twenty), strict=True):
            assert set(left.window) == set(whole.window) - {number}
            for moment in range(len(whole)):
                of_whole = whole.lines_of([moment])
                kept = of_whole[whole.window[of_whole] != number]
                assert np.array_equal(left.hz[left.lines_of([moment])], whole.hz[kept])
    recorded = {scene.kind for scene in found["without drawn scenes"].train(twenty)}
    drawn = {scene.kind for scene in found["without recorded scenes"].train(twenty)}
    assert recorded
    assert drawn <= {*KINDS, "chord"}
    assert not recorded & drawn
    assert recorded | drawn == {scene.kind for scene in twenty}


def moments(preset):
    """What the product reads of a scene at some moments: cues, corrections and lines of each."""
    audio, _ = chord(5)
    lines, bands = preset.read(audio, np.arange(60, 360, 40))
    for m, count in enumerate(lines.number[:, 0, 0]):
        told = (lines.hz[m, 0, :count], lines.energy[m, 0, :count], lines.window[m, 0, :count])
        yield bands.cues[m, 0], bands.correction[m, 0], *told, lines.cues[m, 0, :count]


def band_place(hz, bands):
    """Where frequencies stand on the axis of bands."""
    return np.clip(BANDS_PER_OCTAVE * np.log2(hz / LOWEST_BAND_HZ), 0, bands - 1.001)


def judged(preset, weights, moment):
    """Energies as the product's kernels believe them."""
    cues, correction, hz, energy, window, own = moment
    longer = np.array(preset.design.longer)
    room = belief_room(weights, len(cues), longer)
    believed = np.empty(len(hz), np.float32)
    design, columns = preset.design, np.ascontiguousarray
    judge_bands(columns(cues.T), columns(correction.T), design.level_cue, design.missing_cue, longer, weights, room)
    place = band_place(hz, len(cues)).astype(np.float32)
    judge_lines(len(hz), hz, place, energy, window, columns(own.T), design.reach_hz, weights, room, believed)
    return believed


def plainly(preset, weights, moment):
    """The same by the equations of docs/beliefs.md."""
    w = BeliefWeights(*(np.asarray(layer, float) for layer in weights))
    cues, correction, hz, energy, window, own = (np.asarray(part, float) for part in moment)
    bands, design = len(cues), preset.design
    h = np.maximum(cues @ w.cue + w.cue_bias, 0)
    loud = np.exp(2 * cues[:, design.level_cue])
    g = np.concatenate([loud @ h / (loud.sum() + 1e-6), h.mean(axis=0)])
    padded = np.pad(h, ((2, 2), (0, 0)))
    y = np.maximum(sum(padded[d : d + bands] @ w.near[d] for d in range(5)) + w.near_bias + g @ w.whole, 0)
    padded = np.pad(y, ((1, 1), (0, 0)))
    z = y + np.maximum(sum(padded[d : d + bands] @ w.far[d] for d in range(3)) + w.far_bias, 0)
    told = z @ w.told + w.told_bias
    s, level, k, context = np.split(told, [3, 6, 6 + len(design.pairs)], axis=1)
    level = 4 * np.tanh(level / 4)
    for q, (_, longer) in enumerate(design.pairs):
        level[:, longer - 1] += k[:, q] * correction[:, q]
    present = 1 + (cues[:, design.missing_cue :] == 0).sum(axis=1)
    at = band_place(hz, bands)
    b, windows = at.astype(int), window.astype(int)
    reaching = (hz[:, None] < design.reach_hz).sum(axis=1)
    part = np.where(present[b + 1] < reaching, 0, at - b)
    around = (1 - part)[:, None] * context[b] + part[:, None] * context[b + 1]
    third = np.maximum(np.hstack([own, around]) @ w.line + w.line_bias, 0)
    belief = np.maximum(third @ w.narrow + w.narrow_bias, 0) @ w.belief + w.belief_bias
    among = np.arange(3) < reaching[:, None]
    for weight, band in ((1 - part, b), (part, b + 1)):
        share = s[band, windows] - np.log(np.where(among, np.exp(s[band]), 0).sum(axis=1))
        belief += weight * (share + level[band, windows])
    belief = np.where(windows < reaching, belief, -1e4)
    return energy * np.exp(14 * np.tanh(belief / 14))


@pytest.mark.parametrize("name", SHIPPED)
def test_kernels_keep_the_equations(name):
    preset, beliefs = Preset(name), load_beliefs(name)
    for moment in moments(preset):
        np.testing.assert_allclose(
            judged(preset, beliefs.weights, moment), plainly(preset, beliefs.weights, moment), rtol=1e-3, atol=1e-12
        )


@pytest.mark.parametrize("name", SHIPPED)
def test_what_is_shipped_has_the_layout_that_is_learned(name):
    beliefs, layout = load_beliefs(name), LAYOUTS[name]
    windows = zip(beliefs.length_hops, beliefs.points, beliefs.top_hz, strict=True)
    assert list(windows) == [(w.length_hops, w.points, w.top_hz) for w in layout.windows]
    assert beliefs.latency_hops == layout.latency_hops


@needs_torch
@pytest.mark.parametrize("name", LAYOUTS)
def test_the_network_that_learns_is_the_one_that_runs(name):
    preset = Preset(name)
    torch.manual_seed(1)
    network = BeliefNetwork(preset.design, Sizes())
    torch.nn.init.normal_(network.belief.weight, 0, 0.3)
    torch.nn.init.normal_(network.told.weight, 0, 0.3)
    several = list(moments(preset))
    network.normalise(
        torch.from_numpy(np.stack([cues for cues, *_ in several])),
        torch.from_numpy(np.concatenate([own for *_, own in several])),
    )
    arrays = exported(network, preset)
    weights = BeliefWeights(**{field: np.ascontiguousarray(arrays[field]) for field in BeliefWeights._fields})
    for moment in several:
        cues, correction, hz, energy, window, own = map(torch.from_numpy, moment)
        with torch.no_grad():
            learned = network(
                Moments(cues[None], correction[None], own, hz, energy, window, torch.zeros(len(hz), dtype=torch.int64))
            ).numpy()
        np.testing.assert_allclose(judged(preset, weights, moment), learned, rtol=1e-4, atol=1e-12)


@needs_torch
def test_the_distance_is_the_transport_distance(twenty):
    scene = next(scene for scene in twenty if scene.kind in KINDS)
    every = np.arange(len(scene))
    found, _ = distances(only_window(1), batch_of([(scene, every)]))
    for m in every[:5]:
        lines = scene.lines_of([m])
        energy = np.where(scene.window[lines] == 1, scene.energy[lines], 0)
        hz, inside = scene.hz[lines], (scene.hz[lines] > LOWEST_HZ) & (scene.hz[lines] < HIGHEST_HZ)
        x = np.concatenate([1200 * np.log2(hz[inside]), 1200 * np.log2(np.maximum(scene.true_hz[m], LOWEST_HZ))])
        mass = np.concatenate(
            [energy[inside] / energy[inside].sum(), -scene.true_energy[m] / scene.true_energy[m].sum()]
        )
        order = np.argsort(x)
        expected = (np.abs(np.cumsum(mass[order]))[:-1] * np.diff(x[order])).sum()
        assert found[m].item() == pytest.approx(expected, rel=1e-3, abs=1e-2)


@needs_torch
@pytest.mark.slow
def test_a_tiny_training_lowers_the_loss(twenty, music):
    deterministic()
    network = begun(twenty, music, Sizes(), seed=0)
    choices = [(scene, np.arange(len(scene))) for scene in twenty]
    before = loss_of(network, choices, 2.0).item()
    seen = []
    train(network, twenty, replace(STAGES[0], steps=30), 3, lambda step, loss: seen.append((step, loss)))
    assert [step for step, _ in seen] == list(range(30))
    assert loss_of(network, choices, 2.0).item() < before - 0.02


@needs_torch
@pytest.mark.slow
def test_the_command_writes_the_same_file_twice(tmp_path, folder, capsys):
    paths = [tmp_path / "a.npz", tmp_path / "b.npz"]
    for path in paths:
        arguments = ["--scenes", "1", "--steps", "4", "2", "0", "--examples", str(folder), "--out", str(path)]
        assert main(arguments) == 0
    assert "| beliefs |" in capsys.readouterr().out
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with np.load(paths[0]) as stored:
        assert set(BeliefWeights._fields) < set(stored.files)
        figures = json.loads(stored["figures"].item())
    assert figures["steps"] == [4, 2, 0]
    assert figures["seed"] == 0
    assert "fluid_oboe" in figures["speakers"]["winds"]
    assert set(figures["validation"]) == {"8 hops", "16 hops", "32 hops", "beliefs"}
