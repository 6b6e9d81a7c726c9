"""Layers and networks of a few units, on any backend, and what drives them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from presets import ADAM, CIRCUIT, RMS

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
from sharpear.dynamics.harmonic_fields import HarmonicFields
from sharpear.gpu import CPU, Backend

UNITS = 9
LayerCase = tuple[Callable[[int, Backend], Any], Callable[[int], Any]]


def drive(streams: int, frames: int = 120, complex_valued: bool = False) -> np.ndarray:
    rng = np.random.default_rng(2)
    values = rng.standard_normal((frames, 4, UNITS)) * rng.random((frames, 4, 1)) * np.exp(rng.standard_normal((4, 1)))
    phase = np.exp(2j * np.pi * rng.random(values.shape))
    values = (values * phase).astype(np.complex64) if complex_valued else values.astype(np.float32)
    return values[:, :streams]


def complex_drive(streams: int) -> np.ndarray:
    return drive(streams, complex_valued=True)


def power(streams: int) -> np.ndarray:
    return np.square(np.abs(drive(streams)))


def partials(streams: int) -> np.ndarray:
    """Amplitudes beside frequencies from 50 Hz on."""
    return np.concatenate([power(streams), 50 + 200 * power(streams)], axis=2)


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


def zeroing(streams: int, backend: Backend = CPU) -> Any:
    """Over a matrix and a right side beside each other: 2 x 2 systems."""
    inner = ZeroingNetwork(
        2, gamma=50.0, step_s=0.01, kappa=1.0, activation="sign-bi-power", streams=streams, backend=backend
    )
    turned = lambda x: np.concatenate([x[..., :4] + 3 * np.eye(2, dtype=np.float32).ravel(), x[..., 4:6]], axis=2)  # noqa: E731
    return Packed(inner, lambda x: inner.process(turned(x)))


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
"""What runs on every backend: test_stream_contract.py holds each to the contract, test_gpu_parity.py compares them."""
