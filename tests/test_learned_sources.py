import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import one_line
from mixtures import RATE, noise

from benchmarks.separation.metrics import si_sdr_db
from sharpear.dsp.separation_bank import separation_bank
from sharpear.dynamics.hebbian import Learner, learn_dictionary
from sharpear.errors import InputError, UsageError
from sharpear.separation.dictionary import Dictionary
from sharpear.separation.learned import LearnedSources
from sharpear.separation.separator import Separator


def known(seed: int, channels: np.ndarray) -> Dictionary:
    spectra = np.random.default_rng(seed).random((3, channels.size)) ** 8
    return Dictionary(f"source{seed}", spectra / np.linalg.norm(spectra, axis=1, keepdims=True), channels)


def test_learned_sources_take_what_is_theirs() -> None:
    center_hz = separation_bank(float(RATE)).bank.center_hz
    low, high = center_hz < 1000, center_hz > 2000
    sources = [
        Dictionary(name, where[None] / np.sqrt(where.sum()), center_hz)
        for name, where in (("low", low), ("high", high))
    ]
    time = np.arange(RATE) / RATE
    tones = [np.cos(2 * np.pi * f * time) for f in (400.0, 4000.0)]
    separator = Separator(RATE, LearnedSources.of(sources))
    assert separator.stems == ("low", "high", "residual")
    stems = np.concatenate([separator.process(0.1 * sum(tones)), separator.flush()])[separator.latency_samples :]
    for stem, tone in zip(stems.T, tones, strict=False):
        assert si_sdr_db(stem[RATE // 4 : -RATE // 4].astype(float), tone[RATE // 4 : -RATE // 4]) > 15


def test_learning_finds_atoms_is_seeded_and_revives_the_dead() -> None:
    rng = np.random.default_rng(3)
    truth = np.kron(np.eye(4), np.ones(5)) / np.sqrt(5)
    examples = (truth[rng.integers(0, 4, 400)] * rng.uniform(0.5, 1, (400, 1))).astype(np.float32)
    atoms = learn_dictionary(examples, 4, epochs=5, seed=1)
    assert (atoms @ truth.T).max(axis=0) == pytest.approx(np.ones(4), abs=0.01)
    np.testing.assert_array_equal(atoms, learn_dictionary(examples, 4, epochs=5, seed=1))
    learner = Learner(20, 4, seed=0)
    learner.learn(np.tile(truth[0], (32, 1)))
    for _ in range(60):
        learner.learn(truth[rng.integers(0, 4, 32)])
    assert (learner.atoms @ truth.T).max(axis=0) == pytest.approx(np.ones(4), abs=0.05)


def test_a_dictionary_is_read_as_written(tmp_path: Path) -> None:
    dictionary = known(1, np.array([100.0, 200.0, 300.0]))
    dictionary.save(tmp_path / "a.npz", seed=0)
    again = Dictionary.load(tmp_path / "a.npz")
    assert again.name == dictionary.name
    np.testing.assert_allclose(again.atoms, dictionary.atoms, atol=1e-6)
    (tmp_path / "bad.npz").write_bytes(b"nothing")
    for path in (tmp_path / "bad.npz", tmp_path / "none.npz"):
        with pytest.raises(InputError, match=path.name):
            Dictionary.load(path)
    with pytest.raises(UsageError, match="names of their own"):
        LearnedSources.of([dictionary, dictionary])


def test_learn_then_separate(folder: Path, sharpear, wav) -> None:
    wav("a.wav", 0.5)
    soundfile.write("b.wav", noise(0.5), RATE)
    for name in ("a", "b"):
        assert sharpear("learn", name, f"{name}.wav", "--atoms", 4, "--epochs", 2).code == 0
    with np.load("a.npz") as held:
        assert json.loads(str(held["attributes"]))["name"] == "a"
    assert sharpear("separate", "a.wav", "--sources", "a.npz,b.npz", "-o", "out").code == 0
    assert {path.name for path in Path("out/a").iterdir()} == {"a.wav", "b.wav", "residual.wav"}


def test_more_atoms_than_examples_are_told(folder: Path, sharpear, wav) -> None:
    done = sharpear("learn", "a", wav("a.wav", 0.5), "--atoms", 1000, "--epochs", 1, "-q")
    assert done.code == 0
    assert one_line(done.err)
    with np.load("a.npz") as held:
        examples = len(held["atoms"])
    assert 0 < examples < 1000
    assert f"hold {examples} examples" in done.err
