"""Layers of a few units, two networks of them, and what drives them, for the tests of networks."""

from typing import Any

import numpy as np
from presets import ADAM, CIRCUIT, RMS

from sharpear.dynamics import BandedWeights, Cell, Flow, Lca, LcAdam, LcaRms, Wta, WtaCircuit, WtaConv

UNITS, STREAMS = 7, 2
GENTLE = WtaCircuit(alpha=0.5, beta1=2.0, beta2=0.3, conductance=1.0)


def lateral(units: int = UNITS) -> BandedWeights:
    return BandedWeights.from_dense(0.3 * (np.eye(units, k=1) + np.eye(units, k=-1)))


def drives(frames: int = 60, units: int = UNITS, streams: int = STREAMS) -> np.ndarray:
    return np.random.default_rng(20).random((frames, streams, units)).astype(np.float32)


def lca(units: int = UNITS, **options: Any) -> Lca:
    return Lca(lateral(units), 0.1, tau_s=0.01, step_s=0.003, **{"streams": STREAMS} | options)


def lcadam(units: int = UNITS, **options: Any) -> LcAdam:
    return LcAdam(lateral(units), 0.05, frame_s=0.003, **{"streams": STREAMS} | ADAM | options)


def wta_conv(units: Any = UNITS, **options: Any) -> WtaConv:
    return WtaConv(units, 1, tau_s=0.01, step_s=0.002, **{"circuit": GENTLE, "streams": STREAMS} | options)


LAYERS = {
    "Lca": lambda: lca(iterations=3, retention=0.8),
    "Lca, hard": lambda: lca(rule="hard"),
    "LcaRms": lambda: LcaRms(lateral(), 0.05, frame_s=0.003, streams=STREAMS, level_half_width=2, **RMS),
    "LcAdam": lambda: lcadam(iterations=2, retention=np.linspace(0.5, 1, UNITS)),
    "Wta": lambda: Wta(UNITS, tau_s=0.01, step_s=0.003, circuit=CIRCUIT, streams=STREAMS, threshold=0.1),
    "WtaConv": wta_conv,
    "WtaConv, centres": lambda: wta_conv(inhibits="centre", circuit=CIRCUIT, inhibition_threshold=0.02),
    "WtaConv, a plane": lambda: WtaConv((1, UNITS), (0, 2), tau_s=0.01, step_s=0.001, circuit=GENTLE, streams=STREAMS),
}


def two_layers(streams: int = STREAMS) -> tuple[dict[str, Cell], list[Flow]]:
    down = 0.2 * np.random.default_rng(5).random((UNITS, 4))
    cells: dict[str, Cell] = {"low": lca(streams=streams), "high": wta_conv(4, streams=streams)}
    return cells, [Flow("y", "low", np.eye(UNITS, 5)), Flow("low", "high", down.T), Flow("high", "low", down, delay=2)]


def fields() -> np.ndarray:
    W = np.abs(np.random.default_rng(9).standard_normal((6, 4)))
    return np.asarray(W / np.linalg.norm(W, axis=0))
