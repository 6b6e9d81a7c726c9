"""Every class with a state, held to the stream contract. A new class joins by one entry of CASES."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from host_gpu import host_gpu
from presets import FLOOR
from small_layers import LAYERS, TURN, UNITS, power
from small_parts import (
    BELIEFS_CONFIG,
    HEAR_NOISE,
    HOP,
    SAMPLE_RATE,
    SMALL,
    Stateless,
    aligner,
    audio,
    bank,
    belief_code,
    cues,
    design,
    features,
    frames,
    frames_of_order_5,
    hann_bank,
    hann_frames,
    hops_of_sound,
    judge,
    learned_shares,
    learned_sources,
    line_finder,
    pitch_layer,
    pitches,
    separator,
    sharp_frames,
    sharpener,
    sharpener_with_phases,
    subbands,
    tonal,
    tonal_readout,
    voice_tracker,
    voice_tracks,
    windows,
    windows_and_pairs,
)
from stream_contract import check_stream_contract

from sharpear.dsp import Encoder, Filterbank, HannBank, HannDesign, NoiseFloor, Splitter, SynthesisDesign
from sharpear.gpu import CPU, Backend, DeviceBackend, GpuUnavailableError, open_gpu
from sharpear.pitch import Transcriber
from sharpear.separation.noise import SteadyNoise
from sharpear.separation.tonal import TonalTransient
from sharpear.separation.voices import PitchVoices

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


class LeakySum:
    """``a ← 0.9 a + x``, which keeps the contract, but for what `broken` says."""

    def __init__(self, streams: int, broken: str) -> None:
        self.broken, self.a, self.out = broken, np.zeros((streams, 2), np.float32), np.zeros((0, 0, 0), np.float32)

    def process(self, block: np.ndarray) -> np.ndarray:
        if self.out.shape != block.shape or len(block) <= 64 or self.broken != "a room for long outputs":
            self.out = np.empty_like(block)
        if self.broken == "blocks":
            self.a *= np.float32(0.5)
        for row, out in zip(block, self.out, strict=True):
            usable = np.abs(row) < 100 if self.broken != "values" else np.ones_like(row, np.bool_)
            self.a = np.float32(0.9) * self.a + np.where(usable, row, 0)
            self.a[(np.abs(self.a) < 1e-30) & (self.broken != "silence")] = 0
            if self.broken == "streams":
                self.a += np.float32(0.01) * self.a.mean()
            out[...] = self.a
        return self.out

    def reset(self) -> None:
        if self.broken != "reset":
            self.a = np.zeros_like(self.a)

    @property
    def state(self) -> np.ndarray:
        return self.a.copy()

    @state.setter
    def state(self, value: np.ndarray) -> None:
        if self.broken != "setting a state":
            self.a = value.copy()


BROKEN = {
    "blocks": "in blocks of 1",
    "reset": "reset leaves something behind",
    "a room for long outputs": "earlier output, after later processing",
    "setting a state": "resumed from a saved state",
    "streams": "stream 0 alone",
    "values": "bad values reach the output",
    "silence": "silence leaves subnormal numbers in the state",
}


@pytest.mark.parametrize("broken", BROKEN)
def test_what_breaks_the_contract_is_seen(broken: str) -> None:
    signal = lambda streams: np.random.default_rng(1).random((100, 3, 2), np.float32)[:, :streams]  # noqa: E731
    check_stream_contract(lambda n: LeakySum(n, ""), signal)
    with pytest.raises(AssertionError, match=BROKEN[broken]):
        check_stream_contract(lambda n: LeakySum(n, broken), signal)
