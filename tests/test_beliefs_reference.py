"""Cues and beliefs against loops, on what reaches them when preset music runs in mode beliefs, hop by hop."""

from functools import cache
from typing import Any

import naive_beliefs as naive
import numpy as np
import pytest
from spy import Call, Spy

from sharpear.dsp import HannDesign
from sharpear.dynamics.beliefs import load_beliefs
from sharpear.sharpening.sharpener import Sharpener

RATE, FRAMES, PAIR_HOPS = 16000, 100, 2
MOMENTS = (70, 83, 99)


def chord(t: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Harmonics of two voices a few Hz apart, over noise."""
    voices = [0.2 / h * np.cos(2 * np.pi * f0 * h * t + h * h) for f0 in (220.0, 226.0) for h in range(1, 20)]
    return np.sum(voices, axis=0) + 1e-3 * rng.standard_normal(t.size)


def glides(t: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Partials that rise and tremble, and clicks."""
    turns = 300 * t + 400 * t * t + 0.3 * np.sin(40 * t)
    wave = np.sum([0.2 / h * np.cos(2 * np.pi * h * turns) for h in range(1, 9)], axis=0)
    wave[rng.integers(0, t.size, 4)] += 0.8
    return wave


def onsets(t: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A tone that begins and ends, in noise, faint."""
    tone = np.cos(2 * np.pi * 1000 * t) * ((t > 0.14) & (t < 0.22))
    return 1e-3 * (tone + 0.1 * rng.standard_normal(t.size))


SOUNDS = (chord, glides, onsets)


@cache
def calls(kind: int) -> list[Call]:
    """Every frame's, in each of which the kernel ran once."""
    spy = Spy()
    path = Sharpener(RATE, "music", 1, {"voices.enabled": False}, device=spy)
    t = np.arange(FRAMES * path.hop) / RATE
    wave = SOUNDS[kind](t, np.random.default_rng(kind)).astype(np.float32)[:, None]
    for n in range(FRAMES):
        path.listen(wave[n * path.hop : (n + 1) * path.hop])
    return spy.calls["judge_process"]


@cache
def reader(kind: int, moment: int) -> naive.Reader:
    beliefs = load_beliefs("music")
    made = calls(kind)[: moment + 1]
    bank = HannDesign(RATE, round(RATE * 128 / 44100))
    edges = np.cumsum(bank.counts)[:-1]

    def heard(call: Call) -> naive.Heard:
        power, moments, pairs = (call.before[name] for name in ("power", "moment", "pairs"))
        parts = ([part.tolist() for part in np.split(rows[0, 0].astype(float), edges)] for rows in (power, moments))
        return naive.Heard(*parts, pairs.hz[0, 0], pairs.energy[0, 0], pairs.trust[0, 0].astype(float).tolist())

    return naive.Reader(
        [heard(call) for call in made], bank.spacing_hz.tolist(), beliefs.points, beliefs.length_hops,
        beliefs.latency_hops, PAIR_HOPS, made[0].after["room"].bands.cues.shape[1],
    )  # fmt: skip


CASES = [(kind, moment) for kind in range(len(SOUNDS)) for moment in MOMENTS]


def read(kind: int, moment: int) -> Any:
    return calls(kind)[moment].after["room"]


@pytest.mark.parametrize(("kind", "moment"), CASES)
def test_the_levels_and_purity_of_bands(kind: int, moment: int) -> None:
    expected, bands = reader(kind, moment), read(kind, moment).bands
    np.testing.assert_allclose(bands.correction, expected.corrections(), rtol=0, atol=2e-4)
    np.testing.assert_allclose(bands.cues.T, expected.band_cues(), rtol=0, atol=2e-4)


@pytest.mark.parametrize(("kind", "moment"), CASES)
def test_the_candidates_and_their_cues(kind: int, moment: int) -> None:
    lines, expected = read(kind, moment).lines, reader(kind, moment).lines()
    count = int(lines.number[0])
    assert count == len(expected) > 5
    hz, energy, window, cues = (np.array(part) for part in zip(*expected, strict=True))
    found, wanted = np.lexsort((lines.hz[:count], lines.window[:count])), np.lexsort((hz, window))
    np.testing.assert_allclose(lines.hz[found], hz[wanted], rtol=1e-6)
    np.testing.assert_allclose(lines.energy[found], energy[wanted], rtol=1e-4)
    np.testing.assert_array_equal(lines.window[found], window[wanted])
    # Where power is steep, a frequency in single precision stands for a power that is known so well.
    np.testing.assert_allclose(lines.cues[:, found].T, cues[wanted], rtol=0, atol=1e-3)


def test_the_sounds_try_every_rule() -> None:
    """Some candidates are of pairs; some bands have no long window; corrections reach far."""
    rooms = [read(kind, moment) for kind, moment in CASES]
    assert sum(int(room.lines.cues[3, : room.lines.number[0]].sum()) for room in rooms) > 10
    assert all(room.bands.cues[-1].any() for room in rooms)
    assert max(float(np.abs(room.bands.correction).max()) for room in rooms) > 2


@pytest.mark.parametrize(("kind", "moment"), CASES)
def test_what_is_believed_of_bands_and_lines(kind: int, moment: int) -> None:
    call, room = calls(kind)[moment], read(kind, moment)
    weights = {name: part.astype(float).tolist() for name, part in call.before["judge"].weights._asdict().items()}
    cues, correction = (part.T.astype(float).tolist() for part in (room.bands.cues, room.bands.correction))
    rule = call.before["judge"].rule
    bands = naive.judged_bands(cues, correction, rule.level_cue, rule.missing_cue, weights)
    assert room.belief.present.tolist() == [band["present"] for band in bands]
    levels = [band["level"] for band in bands]
    np.testing.assert_allclose(room.belief.level.T, levels, rtol=0, atol=1e-4)
    lines, reach_hz = room.lines, rule.reach_hz.tolist()
    for i in range(int(lines.number[0])):
        given = (
            float(lines.hz[i]),
            float(lines.energy[i]),
            int(lines.window[i]),
            lines.cues[:, i].astype(float).tolist(),
        )
        assert room.believed[i] == pytest.approx(naive.judged_line(*given, bands, reach_hz, weights), rel=1e-3)


@pytest.mark.parametrize(("kind", "moment"), CASES)
def test_what_is_believed_stands_on_the_nearest_atoms(kind: int, moment: int) -> None:
    call, room = calls(kind)[moment], read(kind, moment)
    atom_hz = call.before["judge"].atom_hz.astype(float)
    place = np.log(1 + 0.00437 * atom_hz)
    step = (place[-1] - place[0]) / (place.size - 1)
    total, moments = np.zeros(place.size), np.zeros(place.size)
    for i in range(int(room.lines.number[0])):
        hz, energy = float(room.lines.hz[i]), float(room.believed[i])
        away = np.abs(place - np.log(1 + 0.00437 * hz))
        if energy > 1e-22 and away.min() < step / 2:
            total[away.argmin()] += energy
            moments[away.argmin()] += energy * hz
    np.testing.assert_allclose(call.after["amplitude"][0, 0], np.sqrt(total), rtol=1e-5)
    mean_hz = np.where(total > 0, moments / np.where(total > 0, total, 1), atom_hz)
    np.testing.assert_allclose(call.after["frequency"][0, 0], mean_hz, rtol=1e-6)
