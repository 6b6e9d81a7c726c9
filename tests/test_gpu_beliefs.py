"""The path of mode beliefs, part by part: on a GPU as on the CPU."""

from typing import Any

import numpy as np
import pytest
from host_gpu import host_gpu
from small_parts import BELIEFS_CONFIG, HANN_LINES, audio, beliefs_of_8_khz
from test_gpu_parity import device  # noqa: F401 (a fixture)

from sharpear.dsp import HannBank, HannFrames, LineFrames, longest_window, pair_finder
from sharpear.dsp.cues import Cues
from sharpear.dynamics.beliefs import load_beliefs
from sharpear.gpu import CPU, Backend, DeviceBackend
from sharpear.sharpening.judge import Judge

STREAMS = 2
ATOM_HZ = np.geomspace(100, 3500, 200)


def windows_and_pairs(backend: Backend) -> tuple[HannFrames, LineFrames]:
    bank = beliefs_of_8_khz()[0]
    heard = HannBank(bank, STREAMS, backend).process(backend.array(audio(STREAMS, 6900)))
    return heard, pair_finder(bank, HANN_LINES, STREAMS, backend).process(longest_window(bank, heard))


def windows(backend: Backend) -> list[np.ndarray]:
    heard, _ = windows_and_pairs(backend)
    return [backend.numpy(part) for part in (heard.power, heard.moment, heard.subband)]


def cues(backend: Backend) -> list[np.ndarray]:
    """Of every third frame; behind the last line there is anything."""
    heard, pairs = windows_and_pairs(backend)
    lines, bands = Cues(beliefs_of_8_khz()[1], STREAMS, backend).process(heard, pairs, np.arange(0, len(heard), 3))
    parts = (lines.hz, lines.energy, lines.window, lines.cues, bands.cues, bands.correction)
    number, hz, energy, window, of_lines, *of_bands = (backend.numpy(part) for part in (lines.number, *parts))
    there = np.arange(hz.shape[2]) < number
    return [number, *(np.where(there, part, 0) for part in (hz, energy, window)),
            np.where(there[..., None], of_lines, 0), *of_bands]  # fmt: skip


def judged(backend: Backend) -> list[np.ndarray]:
    weights, design = load_beliefs("music").weights, beliefs_of_8_khz()[1]
    judge = Judge(design, weights, ATOM_HZ, BELIEFS_CONFIG.bank.scale, STREAMS, backend)
    return [backend.numpy(part) for part in judge.process(*windows_and_pairs(backend))]


PARTS: dict[str, tuple[Any, float]] = {"windows": (windows, 0.0), "cues": (cues, 1e-5), "judged": (judged, 1e-5)}
"""What makes the results, and how far they may differ, of the largest: windows are equal to the last bit."""


@pytest.mark.parametrize("name", PARTS)
def test_same_results(name: str, device: DeviceBackend) -> None:  # noqa: F811
    make, error = PARTS[name]
    for received, expected in zip(make(device), make(CPU), strict=True):
        assert expected.any()
        assert np.abs(received - expected).max() <= error * np.abs(expected).max()
        assert np.array_equal(received != 0, expected != 0) or name == "cues"


@pytest.mark.compiler
@pytest.mark.parametrize("name", PARTS)
def test_the_number_and_order_of_threads_do_not_matter(name: str) -> None:
    make, _ = PARTS[name]
    expected = make(host_gpu(32))
    for threads in (1, 7):
        for part, other in zip(make(host_gpu(threads, order=threads)), expected, strict=True):
            np.testing.assert_array_equal(part, other, f"{threads} threads")
