"""Every class with a state, held to the stream contract. A new class joins by one entry of CASES."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pytest
from host_gpu import host_gpu
from presets import ADAM, CIRCUIT, FLOOR, LINES, RMS
from stream_contract import check_stream_contract

import sharpear
from sharpear.config import PitchConfig, load_config
from sharpear.dsp import (
    Aligner,
    Encoder,
    Filterbank,
    FiniteWindow,
    GammatoneDesign,
    HannBank,
    HannDesign,
    HannFrames,
    LineFinder,
    LineFrames,
    NoiseFloor,
    Split,
    Splitter,
    SubbandFrames,
    SynthesisDesign,
    WindowDesign,
)
from sharpear.dsp.cues import LOWEST_BAND_HZ, CueDesign, Cues
from sharpear.dsp.pairs import longest_window, pair_finder
from sharpear.dsp.tonal_readout import TonalReadout
from sharpear.dsp.tonal_readout_kernel import NEIGHBOURS, ReadoutLayers
from sharpear.dsp.voice_tracker import VoiceTracker
from sharpear.dynamics import (
    BandedWeights,
    Divisive,
    Flow,
    HarmonicDivisive,
    Lca,
    LcAdam,
    LcAdamWta,
    LcaRms,
    Network,
    ProjectionNetwork,
    Wta,
    WtaConv,
    ZeroingNetwork,
    convolution,
    persistent_maps,
)  # fmt: skip
from sharpear.dynamics.beliefs import load_beliefs
from sharpear.dynamics.harmonic_fields import HarmonicFields
from sharpear.gpu import CPU, Backend, DeviceBackend, GpuUnavailableError, open_gpu
from sharpear.pitch import PitchFrames, PitchLayer, Transcriber
from sharpear.separation.dictionary import Dictionary
from sharpear.separation.learned import LearnedSources
from sharpear.separation.noise import SteadyNoise
from sharpear.separation.separator import Separator
from sharpear.separation.shares import ShareFactory
from sharpear.separation.tonal import TonalTransient
from sharpear.separation.voice_tracks import VoiceTracks
from sharpear.separation.voices import PitchVoices
from sharpear.sharpening.belief_code import BeliefCode, belief_windows, line_rule
from sharpear.sharpening.frames import Frames
from sharpear.sharpening.judge import Judge

UNITS, HOP, SAMPLE_RATE = 9, 37, 8000.0
BELIEF_HOP = 23
BELIEFS_CONFIG = load_config("music", {"network.mode": "beliefs"})
HANN_LINES = line_rule(BELIEFS_CONFIG.lines, BELIEF_HOP / SAMPLE_RATE)


def audio(streams: int, samples: int = 4500) -> np.ndarray:
    """Noise with a tone that ends before the noise does, different in every stream."""
    rng = np.random.default_rng(1)
    noise = 0.1 * rng.standard_normal((samples, 4))
    noise[: samples // 2] += 0.5 * np.cos(2 * np.pi * np.arange(1, 5) * 0.03 * np.arange(samples // 2)[:, None])
    return noise[:, :streams].astype(np.float32)


def drive(streams: int, frames: int = 120, complex_valued: bool = False) -> np.ndarray:
    rng = np.random.default_rng(2)
    values = rng.standard_normal((frames, 4, UNITS)) * rng.random((frames, 4, 1)) * np.exp(rng.standard_normal((4, 1)))
    phase = np.exp(2j * np.pi * rng.random(values.shape))
    values = (values * phase).astype(np.complex64) if complex_valued else values.astype(np.float32)
    return values[:, :streams]


def complex_drive(streams: int) -> np.ndarray:
    return drive(streams, complex_valued=True)


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


def power(streams: int) -> np.ndarray:
    return np.square(np.abs(drive(streams)))


def windows(streams: int) -> FiniteWindow:
    length_hops = np.linspace(12, 3, UNITS).astype(np.int64)
    return FiniteWindow(WindowDesign.over(design(5), length_hops, HOP), streams)


def aligner(streams: int, limit_samples: float = np.inf) -> Aligner:
    delay = Filterbank(design(), HOP).latency_samples
    return Aligner(delay, HOP, streams, limit_samples)


class Packed:
    """A stateful class whose process takes several arrays, behind one that takes them as one."""

    def __init__(self, inner: Any, process: Callable[[np.ndarray], np.ndarray]) -> None:
        self.inner, self.process, self.reset = inner, process, inner.reset

    @property
    def state(self) -> Any:
        return self.inner.state

    @state.setter
    def state(self, value: Any) -> None:
        self.inner.state = value


class Stateless:
    """A class without a state of its own keeps the contract trivially, but for the chunks."""

    state = None

    def __init__(self, process: Callable[[Any], Any]) -> None:
        self.process = process

    def reset(self) -> None:
        """Nothing to forget."""


def lateral(complex_valued: bool = False) -> BandedWeights:
    """Competition between neighbours, weak enough for every step rule to be stable."""
    G = 0.4 * np.eye(UNITS, k=1) + 0.2 * np.eye(UNITS, k=2)
    return BandedWeights.from_dense(G + G.T + 0j if complex_valued else G + G.T)


TURN = 0.97 * np.exp(0.3j * np.arange(UNITS))


def lca(streams: int, complex_valued: bool = False, rule: str = "soft", backend: Backend = CPU) -> Lca:
    retention = TURN if complex_valued else 0.97
    return Lca(
        lateral(complex_valued), 0.1, tau_s=0.01, step_s=0.003, rule=rule, retention=retention, iterations=2,
        streams=streams, backend=backend,
    )  # fmt: skip


def lca_rms(streams: int, complex_valued: bool = False, backend: Backend = CPU) -> LcaRms:
    retention = TURN if complex_valued else 0.97
    options: dict[str, Any] = {"retention": retention, "iterations": 2, "streams": streams, "backend": backend}
    return LcaRms(lateral(complex_valued), 0.05, frame_s=0.003, **RMS, **options)


def lcadam(streams: int, complex_valued: bool = False, backend: Backend = CPU) -> LcAdam:
    retention = TURN if complex_valued else 0.97
    options: dict[str, Any] = {"retention": retention, "iterations": 2, "streams": streams, "backend": backend}
    return LcAdam(lateral(complex_valued), 0.05, frame_s=0.003, **ADAM, **options)


def wta(streams: int, backend: Backend = CPU) -> Wta:
    options: dict[str, Any] = {"iterations": 2, "streams": streams, "backend": backend}
    return Wta(UNITS, tau_s=0.01, step_s=0.002, circuit=CIRCUIT, threshold=0.05, **options)


def wta_conv(
    streams: int,
    backend: Backend = CPU,
    units: int | tuple[int, ...] = UNITS,
    inhibits: Literal["window", "centre"] = "centre",
) -> WtaConv:
    circuit = CIRCUIT if inhibits == "centre" else replace(CIRCUIT, beta1=1.0)
    options: dict[str, Any] = {"iterations": 2, "streams": streams, "backend": backend}
    return WtaConv(units, 2, tau_s=0.01, step_s=0.002, circuit=circuit, inhibits=inhibits, **options)


FLOW = [[0.05, 0.1], [0.1, 0.05]]


def pair(
    streams: int, complex_valued: bool = False, readout: Literal["lcadam", "wtaconv"] = "lcadam", backend: Backend = CPU
) -> LcAdamWta:
    layers = lcadam(streams, complex_valued, backend), wta_conv(streams, backend)
    return LcAdamWta(*layers, FLOW, iterations=3, readout=readout)


def network(streams: int, backend: Backend = CPU) -> Network:
    """Every kind of layer and of flow."""
    cells = {
        "lcadam": lcadam(streams, backend=backend),
        "rms": lca_rms(streams, backend=backend),
        "lca": lca(streams, backend=backend),
        "wta": wta(streams, backend),
        "rivals": wta_conv(streams, backend, (3, 3), "window"),
        "centres": wta_conv(streams, backend),
    }
    up = np.random.default_rng(7).random((UNITS, UNITS)) / UNITS
    flows = [
        Flow("input", "lcadam"), Flow("input", "lca", gain=0.2), Flow("lcadam.u", "rivals", gain=0.1),
        Flow("rivals", "lcadam", gain=0.1), Flow("lcadam", "rms", up), Flow("rms", "wta", delay=1),
        Flow("wta", "lca", convolution([0.1, 0.2, 0.1], (UNITS,)), delay=3), Flow("lca.u", "centres", up),
    ]  # fmt: skip
    return Network(cells, flows, read="centres", iterations=2)


def divisive(streams: int, backend: Backend = CPU) -> Divisive:
    fields = np.random.default_rng(8).random((UNITS, 5))
    return Divisive(fields * (fields > 0.3), feedback=0.9, streams=streams, backend=backend)


def simplices(streams: int, backend: Backend = CPU) -> ProjectionNetwork:
    return ProjectionNetwork(np.eye(UNITS) + 0.1, streams=streams, simplex=3, backend=backend)


def cone(streams: int, backend: Backend = CPU) -> ProjectionNetwork:
    return ProjectionNetwork(np.eye(UNITS) + 0.1, streams=streams, upper=0.5, tau_s=2.0, step_s=1.0, backend=backend)


def maps(streams: int, backend: Backend = CPU) -> Network:
    return persistent_maps(UNITS, streams=streams, backend=backend)


def harmonic(streams: int, backend: Backend = CPU) -> HarmonicDivisive:
    """Of teeth so wide that a partial may reach a pitch through two of them."""
    fields = HarmonicFields.over(100.0, 400.0, per_octave=12, harmonics=3, rolloff=1.0, tolerance_cents=160.0)
    return HarmonicDivisive(fields, UNITS, streams=streams, backend=backend)


def partials(streams: int) -> np.ndarray:
    """Amplitudes beside frequencies from 50 Hz on."""
    return np.concatenate([power(streams), 50 + 200 * power(streams)], axis=2)


def zeroing(streams: int, backend: Backend = CPU) -> Any:
    """Over a matrix and a right side beside each other: 2 x 2 systems."""
    inner = ZeroingNetwork(
        2, gamma=50.0, step_s=0.01, kappa=1.0, activation="sign-bi-power", streams=streams, backend=backend
    )
    turned = lambda x: np.concatenate([x[..., :4] + 3 * np.eye(2, dtype=np.float32).ravel(), x[..., 4:6]], axis=2)  # noqa: E731
    return Packed(inner, lambda x: inner.process(turned(x)))


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


LayerCase = tuple[Callable[[int, Backend], Any], Callable[[int], Any]]

LAYERS: dict[str, LayerCase] = {
    "Lca, real": (lambda n, b: lca(n, backend=b), drive),
    "Lca, complex": (lambda n, b: lca(n, True, backend=b), complex_drive),
    "Lca, hard": (lambda n, b: lca(n, True, "hard", b), complex_drive),
    "LcaRms, real": (lambda n, b: lca_rms(n, backend=b), drive),
    "LcaRms, complex": (lambda n, b: lca_rms(n, True, b), complex_drive),
    "LcAdam, real": (lambda n, b: lcadam(n, backend=b), drive),
    "LcAdam, complex": (lambda n, b: lcadam(n, True, b), complex_drive),
    "Wta": (wta, drive),
    "WtaConv": (lambda n, b: wta_conv(n, b, inhibits="window"), drive),
    "WtaConv on a plane": (lambda n, b: wta_conv(n, b, (3, 3), "window"), drive),
    "WtaConv, centres": (wta_conv, drive),
    "LcAdamWta, real": (lambda n, b: pair(n, backend=b), drive),
    "LcAdamWta, winners": (lambda n, b: pair(n, readout="wtaconv", backend=b), drive),
    "LcAdamWta, complex": (lambda n, b: pair(n, True, backend=b), complex_drive),
    "LcAdamWta, complex winners": (lambda n, b: pair(n, True, "wtaconv", b), complex_drive),
    "Network": (network, lambda n: drive(n, 70)),  # a step takes a hundred times as long as of another
    "Divisive": (divisive, power),
    "HarmonicDivisive": (harmonic, partials),
    "ProjectionNetwork, simplices": (simplices, drive),
    "ProjectionNetwork, a box": (cone, drive),
    "ZeroingNetwork": (zeroing, drive),
    "Maps": (maps, drive),
}
"""What runs on every backend; test_gpu_parity.py compares them."""

Case = tuple[Callable[[int], Any], Callable[[int], Any], dict[str, Any]]

CASES: dict[str, Case] = {
    "Filterbank of order 1": (lambda n: Filterbank(design(1), HOP, n), audio, {}),
    "Filterbank of order 4": (lambda n: Filterbank(design(4), HOP, n), audio, {}),
    "Filterbank of order 5": (lambda n: Filterbank(design(5), 1, n), lambda n: audio(n, 600), {}),
    "HannBank": (lambda n: HannBank(HannDesign(SAMPLE_RATE, HOP), n), audio, {"silence": 9000}),
    "Cues": (cues, windows_and_pairs, {"trusts_input": True, "silence": 100}),
    "Judge": (judge, windows_and_pairs, {"trusts_input": True, "silence": 100}),
    "BeliefCode": (belief_code, hann_frames, {"trusts_input": True, "silence": 400}),
    "VoiceTracker": (voice_tracker, hops_of_sound, {"trusts_input": True, "silence": 400}),
    "Aligner": (aligner, subbands, {"trusts_input": True}),
    "Aligner with a limit": (lambda n: aligner(n, 2 * HOP), subbands, {"trusts_input": True}),
    "Splitter": (lambda n: Splitter(SynthesisDesign.over(design(), 0.016), HOP, n), audio, {}),
    "TonalReadout": (lambda n: tonal_readout(n, CPU), features, {"trusts_input": True}),
    "Separator, tonal and transient": (lambda n: separator(n, TonalTransient), audio, {"silence": 12000}),
    "Separator, learned sources": (lambda n: separator(n, learned_sources()), audio, {"silence": 12000}),
    "Separator, steady noise": (lambda n: separator(n, SteadyNoise), audio, {"silence": 12000}),
    "Separator, voices": (lambda n: separator(n, PitchVoices.of(2)), lambda n: audio(n, 4800), {"silence": 9000}),
    "VoiceTracks": (voice_tracks, pitches, {"trusts_input": True}),
    "Encoder": (
        lambda n: Stateless(Encoder(TURN[:, None] * np.eye(UNITS), 0.005).process),
        subbands,
        {"trusts_input": True},
    ),
    "FiniteWindow": (windows, frames_of_order_5, {"trusts_input": True}),
    "LineFinder": (line_finder, frames, {"trusts_input": True}),
    "NoiseFloor": (lambda n: NoiseFloor(UNITS, 0.003, **FLOOR, streams=n), power, {"trusts_input": True}),
    "Sharpener, with phases": (lambda n: sharpener_with_phases(n, "coherent", SMALL), audio, {}),
    "Sharpener, beliefs": (lambda n: sharpener(n, "beliefs"), audio, {"silence": 9000}),
    "Sharpener, beliefs with phases": (lambda n: sharpener_with_phases(n, BELIEFS_CONFIG), audio, {"silence": 9000}),
    "Sharpener, complex": (lambda n: sharpener(n, "complex"), audio, {}),
    "PitchLayer": (pitch_layer, sharp_frames, {"trusts_input": True}),
    "Transcriber": (lambda n: Transcriber(SAMPLE_RATE, "coherent", n, SMALL | HEAR_NOISE), audio, {}),
}


def on(backend: Backend, make: Callable[[int, Backend], Any]) -> Callable[[int], Any]:
    return lambda streams: make(streams, backend)


CASES |= {name: (on(CPU, make), signal, {}) for name, (make, signal) in LAYERS.items()}


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


def tonal(streams: int, backend: Backend) -> Separator:
    return Separator(SAMPLE_RATE, TonalTransient.on(backend), streams, linked=1, device=backend)


GPU_CASES: dict[str, tuple[Callable[[int, Backend], Any], Callable[[int], Any], dict[str, Any]]] = {
    name: (make, signal, {"silence": 400}) for name, (make, signal) in LAYERS.items()
}
GPU_CASES |= {
    "Filterbank": (bank, lambda n: audio(n, 2000), {}),
    "HannBank": (hann_bank, lambda n: audio(n, 2000), {"silence": 9000}),
    "Sharpener, beliefs": (lambda n, b: sharpener(n, "beliefs", b), lambda n: audio(n, 2000), {"silence": 9000}),
    "Sharpener, complex": (lambda n, b: sharpener(n, "complex", b), lambda n: audio(n, 2000), {}),
    "Separator": (tonal, lambda n: audio(n, 1500), {"silence": 3000}),
    "TonalReadout": (tonal_readout, features, {"silence": 400, "trusts_input": True}),
    "LearnedSources": (learned_shares, lambda n: power(n)[:20], {"silence": 100, "trusts_input": True}),
}
HOST_GPU = host_gpu()
CASES |= {f"{name}, GPU": (on(HOST_GPU, make), *rest) for name, (make, *rest) in GPU_CASES.items()}


SLOW = ("BeliefCode", "Cues", "Judge", "Separator", "Sharpener, beliefs", "VoiceTracker")


def params(names: Iterable[str]) -> list[Any]:
    return [pytest.param(name, marks=marks(name)) for name in names]


def marks(name: str) -> Any:
    if name.endswith(", GPU"):
        return pytest.mark.compiler
    return pytest.mark.slow if name.startswith(SLOW) else ()


@pytest.fixture(scope="module")
def card() -> DeviceBackend:
    try:
        return open_gpu()
    except GpuUnavailableError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("name", GPU_CASES)
def test_stream_contract_on_a_card(name: str, card: DeviceBackend) -> None:
    make, signal, options = GPU_CASES[name]
    check_stream_contract(on(card, make), signal, **options)


@pytest.mark.parametrize("name", params(CASES))
def test_stream_contract(name: str) -> None:
    make, signal, options = CASES[name]
    check_stream_contract(make, signal, **options)


@pytest.mark.parametrize("name", params(name for name in CASES if name != "Encoder"))
def test_a_foreign_state_is_refused(name: str) -> None:
    make, _, _ = CASES[name]
    two, three = make(2), make(3)
    with pytest.raises(ValueError, match="received"):
        three.state = two.state
