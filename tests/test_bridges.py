"""Bridges to separators: the real norbert and a real STFT-mask separation on what they give."""

import re
from pathlib import Path

import norbert
import numpy as np
import pytest
from scipy.signal import istft, stft

from sharpear.bridges import Bands, BandStream, StftMasks, by_harmonics

RATE = 16000
PRESET = "low-latency"
NARROW = {"bank.low_hz": 150.0, "bank.high_hz": 2600.0, "bank.channels": 90, "atoms.count": 180}
F0 = (220.0, 311.1)
DOCS = Path(__file__).parent.parent / "docs" / "bridges.md"


def note(f0: float, seconds: float = 1.5) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    return 0.2 * sum(np.cos(2 * np.pi * f0 * h * t + h) / h for h in range(1, 9))


NOTES = np.array([note(f0) for f0 in F0])
MIXTURE = NOTES.sum(axis=0)


def sdr_db(estimate: np.ndarray, true: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio, dB."""
    target = true * (np.vdot(true, estimate) / np.vdot(true, true))
    return 10 * np.log10(np.sum(np.abs(target) ** 2) / np.sum(np.abs(estimate - target) ** 2))


def bands_of(audio: np.ndarray) -> Bands:
    return BandStream(RATE, PRESET, overrides=NARROW).push(audio)


def test_norbert_separates_what_it_is_given():
    half = RATE // 2
    mixed, alone = bands_of(MIXTURE[:half]), [bands_of(each[:half]) for each in NOTES]
    v = mixed.magnitudes(by_harmonics(F0))
    assert v.shape == (*mixed.mixture.shape, 2)
    sources = norbert.wiener(v.astype(np.float64), mixed.mixture.astype(np.complex128), iterations=1)
    heard = v.any(axis=-1)  # where no line is believed nobody is given anything
    assert sources.sum(axis=-1)[heard] == pytest.approx(mixed.mixture[heard], abs=1e-4)
    assert np.square(np.abs(mixed.mixture[~heard])).sum() < 1e-5 * np.square(np.abs(mixed.mixture)).sum()
    steady = mixed.times > 0.2
    for s, true in enumerate(alone):
        before = sdr_db(mixed.mixture[steady], true.mixture[steady])
        after = sdr_db(sources[steady, :, :, s], true.mixture[steady])
        assert after > before + 10, (before, after)


def test_magnitudes_are_those_of_the_bands_for_a_single_source():
    bands = bands_of(NOTES[0])
    steady = bands.times > 0.2
    expected = np.abs(bands.mixture[steady]).mean(axis=0)
    given = bands.magnitudes(lambda hz: np.ones((1, *hz.shape)))[steady, :, :, 0].mean(axis=0)
    loud = expected > 0.1 * expected.max()
    assert given[loud] == pytest.approx(expected[loud], rel=0.25)


@pytest.mark.parametrize("hop_length", [256, 20])
def test_masks_separate_on_an_stft_grid(hop_length):
    n_fft = 1024
    separator = StftMasks(by_harmonics(F0), n_fft, hop_length, RATE, PRESET, overrides=NARROW)
    masks = np.concatenate([separator.push(MIXTURE), separator.finish()], axis=2)
    grid = {"fs": RATE, "nperseg": n_fft, "noverlap": n_fft - hop_length}
    if hop_length < 100:  # too dense to invert cheaply: only the shape is of interest
        assert masks.shape == (2, n_fft // 2 + 1, 1 + len(MIXTURE) // hop_length, 1)
        return
    cells = stft(MIXTURE, **grid)[2]
    columns = min(cells.shape[1], masks.shape[2])
    middle = slice(RATE // 4, -RATE // 4)
    for mask, true in zip(masks[..., 0], NOTES, strict=True):
        estimate = istft(cells[:, :columns] * mask[:, :columns], **grid)[1]
        before, after = (
            sdr_db(MIXTURE[middle], true[middle]),
            sdr_db(estimate[middle.start :][: len(true[middle])], true[middle]),
        )
        assert after > before + 12, (before, after)


def test_masks_sum_to_one_and_blocks_change_nothing():
    stereo = np.stack([MIXTURE, NOTES[0]], axis=1)[: RATE // 2]

    def run(size: int) -> np.ndarray:
        separator = StftMasks(by_harmonics(F0), 512, 160, RATE, PRESET, streams=2, overrides=NARROW)
        blocks = [separator.push(stereo[at : at + size]) for at in range(0, len(stereo), size)]
        return np.concatenate([*blocks, separator.finish()], axis=2)

    whole = run(len(stereo))
    assert whole.shape == (2, 257, 1 + len(stereo) // 160, 2)
    assert np.array_equal(run(777), whole)
    assert whole.sum(axis=0) == pytest.approx(1.0, abs=1e-5)


def test_a_column_comes_out_when_the_latency_says():
    separator = StftMasks(by_harmonics(F0), 512, 160, RATE, PRESET, overrides=NARROW)
    out, heard = 0, 0
    while heard < RATE // 4:
        out += separator.push(MIXTURE[heard : heard + 16]).shape[2]
        heard += 16
        due = (heard / RATE - separator.latency_s) * RATE / 160
        assert out >= np.floor(due), heard


def test_what_is_saved_loads_plainly(folder):
    bands = bands_of(MIXTURE[:4000])
    bands.save(folder / "bands.npz")
    saved = np.load(folder / "bands.npz")
    assert saved["sample_rate"] == RATE
    assert saved["hop"] == bands.hop
    assert np.array_equal(saved["times"], bands.times)
    assert np.array_equal(saved["frequencies"], bands.frequencies)
    assert np.array_equal(saved["mixture"], bands.mixture)


def test_the_examples_of_the_documentation_run(folder):
    text = "\n".join(re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL))
    names: dict = {}
    exec(compile(text.replace('"music"', f'"{PRESET}"'), str(DOCS), "exec"), names)
    assert sdr_db(names["first"][4000:28000], names["notes"][220.0][4000:28000]) > 12
    assert (folder / "bands.npz").is_file()
