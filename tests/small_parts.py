"""Parts of the path over few channels at 8 kHz, and what they hear; the whole of it, too."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from presets import LINES
from small_layers import UNITS, Packed

import sharpear
from sharpear.config import PitchConfig, load_config
from sharpear.dsp import (
    Aligner,
    Filterbank,
    FiniteWindow,
    GammatoneDesign,
    HannBank,
    HannDesign,
    HannFrames,
    LineFinder,
    LineFrames,
    Split,
    SubbandFrames,
    WindowDesign,
)
from sharpear.dsp.cues import LOWEST_BAND_HZ, CueDesign, Cues
from sharpear.dsp.pairs import longest_window, pair_finder
from sharpear.dsp.tonal_readout import TonalReadout
from sharpear.dsp.tonal_readout_kernel import NEIGHBOURS, ReadoutLayers
from sharpear.dynamics.beliefs import load_beliefs
from sharpear.gpu import CPU, Backend
from sharpear.pitch import PitchFrames, PitchLayer
from sharpear.separation.dictionary import Dictionary
from sharpear.separation.learned import LearnedSources
from sharpear.separation.separator import Separator
from sharpear.separation.shares import ShareFactory
from sharpear.separation.tonal import TonalTransient
from sharpear.separation.voice_tracks import VoiceTracks
from sharpear.sharpening.belief_code import BeliefCode, belief_windows, line_rule
from sharpear.sharpening.frames import Frames
from sharpear.sharpening.judge import Judge
from sharpear.voices.voice_tracker import VoiceTracker

HOP, SAMPLE_RATE = 37, 8000.0
BELIEF_HOP = 23
BELIEFS_CONFIG = load_config("music", {"network.mode": "beliefs"})
HANN_LINES = line_rule(BELIEFS_CONFIG.lines, BELIEF_HOP / SAMPLE_RATE)


def audio(streams: int, samples: int = 4500) -> np.ndarray:
    """Noise with a tone that ends before the noise does, different in every stream."""
    rng = np.random.default_rng(1)
    noise = 0.1 * rng.standard_normal((samples, 4))
    noise[: samples // 2] += 0.5 * np.cos(2 * np.pi * np.arange(1, 5) * 0.03 * np.arange(samples // 2)[:, None])
    return noise[:, :streams].astype(np.float32)


@lru_cache
def design(order: int = 4) -> GammatoneDesign:
    return GammatoneDesign.from_scale(SAMPLE_RATE, low_hz=200, high_hz=3000, channels=UNITS, order=order)


@lru_cache
def frames(streams: int, order: int = 4) -> SubbandFrames:
    return Filterbank(design(order), HOP, streams).process(audio(streams))


def frames_of_order_5(streams: int) -> SubbandFrames:
    return frames(streams, 5)


def subbands(streams: int) -> np.ndarray:
    return frames(streams).subband


def line_finder(streams: int) -> LineFinder:
    center_hz = design().center_hz
    hop_s = HOP / SAMPLE_RATE
    return LineFinder(center_hz, np.full(UNITS, 500.0), hop_s, line_rule(LINES, hop_s), streams)


def windows(streams: int) -> FiniteWindow:
    length_hops = np.linspace(12, 3, UNITS).astype(np.int64)
    return FiniteWindow(WindowDesign.over(design(5), length_hops, HOP), streams)


def aligner(streams: int, limit_samples: float = np.inf) -> Aligner:
    delay = Filterbank(design(), HOP).latency_samples
    return Aligner(delay, HOP, streams, limit_samples)


def bank(streams: int, backend: Backend) -> Any:
    inner = Filterbank(design(5), HOP, streams, backend)

    def process(block: np.ndarray) -> SubbandFrames:
        frames = inner.process(block)
        return SubbandFrames(*(backend.numpy(part) for part in (frames.stages, frames.power, frames.instantaneous_hz)))

    return Packed(inner, process)


def hann_bank(streams: int, backend: Backend) -> Any:
    inner = HannBank(HannDesign(SAMPLE_RATE, HOP), streams, backend)

    def process(block: np.ndarray) -> HannFrames:
        frames = inner.process(block)
        return HannFrames(
            *(backend.numpy(part) for part in (frames.power, frames.moment, frames.subband, frames.samples))
        )

    return Packed(inner, process)


class Stateless:
    """A class without a state of its own keeps the contract trivially, but for the chunks."""

    state = None

    def __init__(self, process: Callable[[Any], Any]) -> None:
        self.process = process

    def reset(self) -> None:
        """Nothing to forget."""


def sharp_frames(streams: int) -> Frames:
    """Harmonic partials that change their fundamental twice."""
    rng = np.random.default_rng(4)
    hz = np.repeat([150.0, 210.0, 280.0], 70)[:, None, None] * np.arange(1, 13) * np.ones((1, 4, 1))
    amplitude = rng.random((210, 4, 12)) * rng.random((1, 4, 1))
    return Frames(0.003 * np.arange(210.0), *(part[:, :streams].astype(np.float32) for part in (amplitude, hz, hz)))


def pitch_layer(streams: int) -> PitchLayer:
    return PitchLayer(0.003, 12, 12, PitchConfig(believed=0), streams)


def learned_sources(backend: Backend = CPU) -> ShareFactory:
    spectra = np.random.default_rng(3).random((2, 3, UNITS)) ** 4
    known = [Dictionary(name, rows, design().center_hz) for name, rows in zip("ab", spectra, strict=True)]
    return LearnedSources.of(known, backend)


def learned_shares(streams: int, backend: Backend) -> Any:
    inner = learned_sources(backend)(design(), HOP / SAMPLE_RATE, streams, 1)

    def process(power: np.ndarray) -> np.ndarray:
        heard = backend.array(power)
        return backend.numpy(inner.process(Split(heard, heard, heard, heard)))

    return Packed(inner, process)


def tonal_readout(streams: int, backend: Backend) -> Any:
    """Weights drawn at random: 5 features, 9 units, 9 held, 3 sources."""
    shapes = ((9, 6), (18, 9 + 2 * NEIGHBOURS + 1), (7, 18 + 4 * NEIGHBOURS + 1), (3, 8))
    rng = np.random.default_rng(12)
    layers = ReadoutLayers(*(rng.standard_normal(shape).astype(np.float32) / 3 for shape in shapes))
    inner = TonalReadout(layers, UNITS, streams, backend)
    return Packed(inner, lambda block: backend.numpy(inner.process(backend.array(block))))


def features(streams: int) -> np.ndarray:
    """(frames, streams, features, channels)"""
    return np.random.default_rng(13).random((60, 4, 5, UNITS), np.float32)[:, :streams]


def separator(streams: int, sources: ShareFactory) -> Separator:
    return Separator(SAMPLE_RATE, sources, streams, linked=1)


def tonal(streams: int, backend: Backend) -> Separator:
    return Separator(SAMPLE_RATE, TonalTransient.on(backend), streams, linked=1, device=backend)


def pitches(streams: int) -> np.ndarray:
    """Three places that glide, fall silent and change: Hz, and 1 where they sound."""
    rng = np.random.default_rng(6)
    octaves = np.repeat(rng.uniform(6.5, 9.5, (12, 4, 3)), 50, axis=0) + rng.normal(0, 0.005, (600, 4, 3))
    sounding = np.repeat(rng.random((24, 4, 3)) < 0.7, 25, axis=0)
    return (2**octaves * sounding)[:, :streams].astype(np.float32)


def voice_tracks(streams: int) -> Any:
    inner = VoiceTracks(2, 3, 0.003, 4, streams)

    def process(f0: np.ndarray) -> np.ndarray:
        """Each pitch is a single partial."""
        outside, sounds = np.zeros((*f0.shape[:2], 2), np.bool_), (f0 > 0).astype(np.float32)
        nothing = np.zeros_like(f0)
        return inner.process(
            PitchFrames(np.zeros(len(f0)), sounds, f0, outside, nothing, nothing, 0.8 * sounds, f0, sounds)
        )

    return Packed(inner, process)


@lru_cache
def beliefs_of_8_khz() -> tuple[HannDesign, CueDesign]:
    """Windows as the beliefs were learned for, and what is read of them."""
    bank = belief_windows(SAMPLE_RATE, BELIEF_HOP, BELIEFS_CONFIG)
    return bank, CueDesign(bank, load_beliefs("music").latency_hops, pair_finder(bank, HANN_LINES).latency_hops)


def hann_frames(streams: int) -> HannFrames:
    return HannBank(beliefs_of_8_khz()[0], streams).process(audio(streams, 2300))


def windows_and_pairs(streams: int) -> tuple[np.ndarray, ...]:
    """Power and moment of all windows, and the pairs of the longest."""
    bank, heard = beliefs_of_8_khz()[0], hann_frames(streams)
    pairs = pair_finder(bank, HANN_LINES, streams).process(longest_window(bank, heard))
    return heard.power, heard.moment, pairs.frequency_hz, pairs.energy, pairs.trust


def of_windows(parts: tuple[np.ndarray, ...]) -> tuple[HannFrames, LineFrames]:
    power, moment, *pairs = parts
    nothing = (*power.shape[:2], 0)
    heard = HannFrames(power, moment, np.empty(nothing, np.complex64), np.empty(nothing, np.float32))
    return heard, LineFrames(*pairs)


def cues(streams: int) -> Any:
    """What is read of every frame; behind the last line nothing is."""
    inner = Cues(beliefs_of_8_khz()[1], streams)

    def process(parts: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
        lines, bands = inner.process(*of_windows(parts), np.arange(len(parts[0])))
        there = np.arange(lines.hz.shape[2]) < lines.number
        values = (np.where(there, part, 0) for part in (lines.hz, lines.energy, lines.window))
        return (*values, np.where(there[..., None], lines.cues, 0), bands.cues, bands.correction)

    return Packed(inner, process)


def judge(streams: int) -> Any:
    atom_hz = np.geomspace(100, 3500, 60)
    inner = Judge(beliefs_of_8_khz()[1], load_beliefs("music").weights, atom_hz, "log", streams)
    return Packed(inner, lambda parts: inner.process(*of_windows(parts)))


def belief_code(streams: int) -> Any:
    inner = BeliefCode(beliefs_of_8_khz()[0], np.geomspace(100, 3500, 120), BELIEFS_CONFIG, streams)
    return Packed(inner, lambda heard: inner.compete(*inner.evidence(heard)[:2]))


def hops_of_sound(streams: int) -> np.ndarray:
    """Harmonics and noise, a hop a row."""
    t = np.arange(140 * 23)[:, None] / SAMPLE_RATE
    tones = sum(0.2 / h * np.cos(2 * np.pi * (150 + 40 * np.arange(streams)) * h * t) for h in range(1, 9))
    sound = tones + 0.02 * np.random.default_rng(5).standard_normal((t.size, streams))
    return sound.astype(np.float32).reshape(140, 23, streams).transpose(0, 2, 1).copy()


def voice_tracker(streams: int) -> VoiceTracker:
    return VoiceTracker(SAMPLE_RATE, 23, LOWEST_BAND_HZ * 2 ** (np.arange(25) / 4), streams)


HEAR_NOISE = {"pitch.believed": 0.0}
SMALL = {"bank.channels": 24, "bank.low_hz": 200.0, "bank.high_hz": 3000.0, "atoms.count": 40}


def sharpener(streams: int, mode: str, backend: Backend = CPU) -> sharpear.Sharpener:
    if mode == "beliefs":
        return sharpear.Sharpener(SAMPLE_RATE, BELIEFS_CONFIG, streams, device=backend)
    return sharpear.Sharpener(SAMPLE_RATE, "coherent", streams, SMALL, device=backend)


def sharpener_with_phases(streams: int, preset: Any, overrides: Any = None) -> Any:
    """Phases that are not known are NaN, which the contract takes for a fault: here they are 9, which no phase is."""
    inner, heard = sharpear.Sharpener(SAMPLE_RATE, preset, streams, overrides, phases=True), Counter[str]()

    def process(block: np.ndarray) -> Frames:
        frames = inner.process(block)
        assert not np.isinf(frames.phase).any()
        heard["lines"] += np.count_nonzero(frames.amplitude)
        heard["phases"] += np.count_nonzero(~np.isnan(frames.phase))
        assert heard["phases"] or heard["lines"] < 1000
        return replace(frames, phase=np.nan_to_num(frames.phase, nan=9.0))

    return Packed(inner, process)
