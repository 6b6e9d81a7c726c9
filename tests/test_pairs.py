"""Two tones in a peak of the longest window, as candidates."""

import numpy as np
import pytest
from presets import LINES

from sharpear.dsp import HannBank, HannDesign, longest_window, pair_finder
from sharpear.dsp.cues import CueDesign, Cues
from sharpear.sharpening.belief_code import line_rule

RATE, HOP = 44100.0, 128
LATENCY_HOPS, PAIR_HOPS = 20, 2
OF_A_PAIR = 3
"""The cue that tells candidates of pairs."""


def pairs_of(sound: np.ndarray, rate: float = RATE, frames: int = 60) -> list[tuple[np.ndarray, np.ndarray]]:
    """Hz and amplitude of the pairs within 20 dB of the strongest candidate, in each of the last frames."""
    design = HannDesign(rate, round(HOP / RATE * rate))
    heard = HannBank(design).process(np.asarray(sound, np.float32)[:, None])
    found = pair_finder(design, line_rule(LINES, design.hop / rate)).process(longest_window(design, heard))
    chosen = np.arange(len(heard) - frames, len(heard))
    lines, _ = Cues(CueDesign(design, LATENCY_HOPS, PAIR_HOPS)).process(heard, found, chosen)
    told = []
    for n in range(frames):
        count = lines.number[n, 0, 0]
        hz, energy = lines.hz[n, 0, :count], lines.energy[n, 0, :count]
        mine = (lines.cues[n, 0, :count, OF_A_PAIR] > 0) & (energy > 1e-2 * energy.max())
        order = np.argsort(hz[mine])
        told.append((hz[mine][order], np.sqrt(energy[mine][order])))
    return told


def cosine(hz: float, amplitude: float = 1.0, seconds: float = 0.5, rate: float = RATE) -> np.ndarray:
    return amplitude * np.cos(2 * np.pi * hz / rate * np.arange(round(seconds * rate)))


def by_tone(hz: np.ndarray, amplitude: np.ndarray, tones_hz: list[float]) -> np.ndarray:
    """The amplitude of each tone: root of the energies of the candidates nearest to it, all at its place."""
    away = np.abs(hz[:, None] - tones_hz)
    assert away.min(axis=1).max() < 0.05
    return np.sqrt(np.bincount(away.argmin(axis=1), amplitude**2, len(tones_hz)))


@pytest.mark.parametrize("rate", [16000.0, 44100.0, 96000.0])
@pytest.mark.parametrize("apart_hz", [7.0, 10.0])
def test_each_tone_of_a_pair_is_a_line(apart_hz: float, rate: float) -> None:
    """Amplitudes lack what is not trusted, and dip at the beats' minima."""
    told = pairs_of(cosine(440, 0.5, rate=rate) + cosine(440 + apart_hz, 0.4, rate=rate), rate)
    amplitudes = [by_tone(hz, amplitude, [440, 440 + apart_hz]) for hz, amplitude in told]
    np.testing.assert_allclose(np.median(amplitudes, axis=0), [0.5, 0.4], rtol=0.06)


def test_pairs_apart_from_one_another_are_lines_too() -> None:
    tones_hz = [300, 311, 1000, 1012, 2500, 2515]
    hz, amplitude = pairs_of(sum(cosine(f, 0.2) for f in tones_hz))[-1]
    np.testing.assert_allclose(by_tone(hz, amplitude, tones_hz), 0.2, rtol=0.15)


def test_a_lone_tone_is_no_two_and_a_moving_one_no_pair() -> None:
    seconds = np.arange(round(0.5 * RATE)) / RATE
    vibrato = np.cos(2 * np.pi * 600 * seconds + 4 * np.sin(2 * np.pi * 6 * seconds))
    assert all((np.abs(hz - 600) < 0.05).all() for hz, _ in pairs_of(cosine(600)))
    assert not any(hz.size for hz, _ in pairs_of(vibrato))
