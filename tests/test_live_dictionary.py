"""A dictionary that goes on learning for as long as there is sound."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SMALL, leftovers, one_line
from live_session import Running, interrupted

from sharpear.dsp import Splitter
from sharpear.dsp.separation_bank import hop_samples, separation_bank
from sharpear.dynamics.hebbian import Learner
from sharpear.errors import InputError
from sharpear.live.learner import LearningPlan
from sharpear.live.sources import Replay
from sharpear.separation.dictionary import Dictionary
from sharpear.separation.following import Follower

RATE = 16000
QUIETLY = ("--preset", SMALL, "--no-view")


@pytest.fixture(scope="module")
def bach() -> np.ndarray:
    """The bundled recording at 14.7 kHz, in halves that end in silence, of whole frames."""
    path = Path(__file__).parents[1] / "examples/audio/bach_bwv66.6.flac"
    audio = soundfile.read(path, dtype="float32", always_2d=True)[0].mean(axis=1)
    audio = audio[: len(audio) // 3 * 3].reshape(-1, 3).mean(axis=1)
    frame = 3 * hop_samples(14700)
    half = len(audio) // (2 * frame) * frame
    return np.pad(audio[: 2 * half].reshape(2, half), ((0, 0), (0, 60 * frame)))


@pytest.fixture
def tones(folder: Path) -> np.ndarray:
    """Two seconds of tones that come and go, in a file of their own."""
    t = np.arange(2 * RATE) / RATE
    rng = np.random.default_rng(7)
    levels = np.repeat(rng.random((20, 3)), RATE // 10, axis=0)
    audio = (levels * np.sin(2 * np.pi * t[:, None] * [220.0, 700.0, 1900.0])).sum(axis=1) / 4
    soundfile.write("tones.wav", audio.astype(np.float32), RATE, "FLOAT")
    return audio.astype(np.float32)


def followed(audio: np.ndarray, rate: int, known: Dictionary | None = None, block: int = 4096) -> Dictionary:
    follower = Follower("sound", rate, known)
    for start in range(0, len(audio), block):
        follower.hear(audio[start : start + block])
    dictionary = follower.dictionary
    assert dictionary is not None
    return dictionary


def unexplained(dictionary: Dictionary, audio: np.ndarray, rate: int) -> float:
    """The share of the loud frames' energy that sparse codes leave."""
    power = Splitter(separation_bank(rate), hop_samples(rate)).process(audio[:, None]).power[:, 0]
    pooled = power[: len(power) // 3 * 3].reshape(-1, 3, power.shape[1]).mean(axis=1)
    loud = np.sqrt(pooled[pooled.mean(axis=1) > 1e-3 * pooled.mean(axis=1).max()])
    frames = loud / np.linalg.norm(loud, axis=1, keepdims=True)
    learner = Learner(power.shape[1], len(dictionary.atoms))
    learner.go_on(dictionary.atoms)
    return float(np.square(frames - learner.code(frames) @ learner.atoms).sum(axis=1).mean())


def test_two_halves_teach_what_the_whole_does(bach: np.ndarray, folder: Path) -> None:
    whole = followed(bach.ravel(), 14700)
    followed(bach[0], 14700, block=5000).save(Path("sound.npz"))
    second = followed(bach[1], 14700, Dictionary.load(Path("sound.npz")), block=777)
    np.testing.assert_array_equal(second.atoms, whole.atoms)
    assert np.abs(second.atoms - followed(bach[1], 14700).atoms).max() > 0.1


def test_less_is_left_the_longer_it_listens_and_nothing_is_forgotten(bach: np.ndarray) -> None:
    audio = bach.ravel()
    first = followed(audio[: 14700 * 2], 14700)
    whole = followed(audio, 14700, first)
    after = followed(np.tile(bach[1], 2), 14700, whole)
    assert unexplained(whole, audio, 14700) < 0.85 * unexplained(first, audio, 14700)
    assert unexplained(after, audio, 14700) < 0.85 * unexplained(first, audio, 14700)


def test_silence_and_damage_teach_nothing(tones: np.ndarray) -> None:
    known = followed(tones, RATE)
    nothing = np.repeat(np.float32([np.nan, 0.0]), RATE)
    np.testing.assert_allclose(followed(nothing, RATE, known).atoms, known.atoms, atol=1e-7)
    assert Follower("sound", RATE).dictionary is None


@pytest.mark.real_time
def test_it_is_learned_live_and_goes_on(sharpear, tones, folder):
    words = ("live", "--replay", "tones.wav", *QUIETLY, "--learn", "new/horn.npz")
    done = sharpear(*words)
    assert done.code == 0, done.err
    assert "→ new/horn.npz" in done.err
    first = Dictionary.load(Path("new/horn.npz"))
    assert first.name == "horn"
    np.testing.assert_allclose(first.atoms, followed(tones, RATE).atoms, atol=1e-6)
    interrupted(0.8, "--replay", "tones.wav", "--learn", "new/horn.npz")
    second = Dictionary.load(Path("new/horn.npz"))
    assert second.atoms.shape == first.atoms.shape
    assert second.digest != first.digest
    assert sharpear("separate", "tones.wav", "--sources", "new/horn.npz", "-o", "stems").code == 0
    assert Path("stems/tones/horn.wav").exists()
    assert sharpear("verify", "new").code == 0
    assert not leftovers(folder)


@pytest.mark.real_time
def test_what_cannot_be_written_or_learned_is_told(tones, folder, monkeypatch):
    soundfile.write("short.wav", tones[: RATE // 2], RATE, "FLOAT")
    with Running(Replay(Path("short.wav"), 256), learned=LearningPlan.of(Path("a.npz"))) as short:
        assert short.said("a.npz: too little was heard to learn from")
    assert not short.good
    followed(tones, RATE).save(Path("a.npz"))
    before = Path("a.npz").read_bytes()

    def full(*_: object, **__: object) -> None:
        raise InputError("a.npz: cannot be written (No space left on device): make room")

    monkeypatch.setattr(Dictionary, "save", full)
    with Running(Replay(Path("short.wav"), 256), learned=LearningPlan.of(Path("a.npz"))) as running:
        assert running.said("make room; learning ends after 0.5 s")
    assert not running.good
    assert Path("a.npz").read_bytes() == before


@pytest.mark.parametrize(
    ("name", "words", "told"),
    [
        ("damaged.npz", (), "is not a dictionary that sharpear wrote"),
        ("cut.npz", (), "is not a dictionary that sharpear wrote"),
        ("other.npz", (), "made at another sample rate"),
        ("drums.wav", (), "expected a name such as drums.npz"),
        ("residual.npz", (), "expected a name such as drums.npz"),
        ("other.npz", ("--sources", "other.npz", "-o", "x"), "is an input itself"),
    ],
)
def test_a_dictionary_that_cannot_go_on_is_one_line(sharpear, tones, folder, name, words, told):
    followed(np.repeat(tones, 2)[: 6 * RATE], 8000).save(Path("other.npz"))
    whole = Path("other.npz").read_bytes()
    Path("damaged.npz").write_bytes(b"no archive")
    Path("cut.npz").write_bytes(whole[: len(whole) // 2])
    before = {path: path.read_bytes() for path in folder.glob("*.npz")}
    done = sharpear("live", "--replay", "tones.wav", *QUIETLY, "--quiet", "--learn", name, *words)
    assert done.code == 2, done.err
    assert one_line(done.err)
    assert told in done.err
    assert {path: path.read_bytes() for path in folder.glob("*.npz")} == before
