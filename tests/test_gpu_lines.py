"""The line half of the signal path: on a GPU as on the CPU."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from presets import FIELD, FLOOR, MEMORY
from test_gpu_parity import device  # noqa: F401 (a fixture)
from test_stream_contract import UNITS, Packed, design, line_frames, power

from sharpear.dsp import LineField, LineFrames, LineMemory, NoiseFloor
from sharpear.gpu import CPU, Backend, DeviceBackend

STREAMS = 2


def moved(value: Any, backend: Backend) -> Any:
    """Arrays, or frames of arrays, where the backend reaches them."""
    if isinstance(value, LineFrames):
        return LineFrames(*(backend.array(part) for part in (value.frequency_hz, value.energy, value.trust)))
    return backend.array(value)


def field(backend: Backend) -> Any:
    inner = LineField(
        design().center_hz, "log", UNITS, np.ones_like, 0.003, half_frames=3, **FIELD, streams=STREAMS, backend=backend
    )
    return Packed(inner, lambda lines: np.concatenate([backend.numpy(x) for x in inner.process(lines)], axis=2))


def wide_field(backend: Backend) -> Any:
    atom_hz, place = np.geomspace(100, 3000, 70), {"streams": STREAMS, "backend": backend}
    inner = LineField(atom_hz, "log", 31, np.ones_like, 0.003, half_frames=1, **FIELD, **place)
    return Packed(inner, lambda lines: np.concatenate([backend.numpy(x) for x in inner.process(lines)], axis=2))


def lines_anywhere(streams: int) -> LineFrames:
    """Not only where their channel is: below, above and all over the atoms, and in most frames near it."""
    rng = np.random.default_rng(8)
    near = np.geomspace(100, 3000, 31) * rng.normal(1, 0.01, (40, streams, 3, 31))
    hz = np.where(rng.random((40, 1, 1, 1)) < 0.3, rng.uniform(0, 4000, near.shape), near).astype(np.float32)
    energy = rng.exponential(1.0, hz.shape).astype(np.float32)
    return LineFrames(hz, energy, rng.random((40, streams, 31), np.float32))


def floor(backend: Backend) -> Any:
    inner = NoiseFloor(UNITS, 0.003, **FLOOR, streams=STREAMS, backend=backend)
    return Packed(inner, lambda power: backend.numpy(inner.process(power)))


def floor_of_groups(backend: Backend) -> Any:
    inner = NoiseFloor(100, 0.003, **FLOOR | {"quantile": 0.6}, streams=STREAMS, backend=backend)
    return Packed(inner, lambda power: backend.numpy(inner.process(power)))


def memory(backend: Backend) -> Any:
    inner = LineMemory(np.full(UNITS, 2), 0.003, **MEMORY, streams=STREAMS, backend=backend)

    def process(x: Any) -> np.ndarray:
        parts = np.sqrt(x[..., :UNITS]), 100 + x[..., :UNITS], 0.1 * x[..., :UNITS]
        return backend.numpy(inner.process(*parts))

    return Packed(inner, process)


def many_powers(streams: int) -> np.ndarray:
    return np.random.default_rng(3).exponential(1.0, (50, streams, 100)).astype(np.float32)


CASES: dict[str, tuple[Callable[[Backend], Any], Callable[[int], Any]]] = {
    "LineField": (field, line_frames),
    "LineField, wide": (wide_field, lines_anywhere),
    "NoiseFloor": (floor, power),
    "NoiseFloor of groups": (floor_of_groups, many_powers),
    "LineMemory": (memory, power),
}


@pytest.mark.parametrize("name", CASES)
def test_same_results_and_states_that_move(name: str, device: DeviceBackend) -> None:  # noqa: F811
    make, signal = CASES[name]
    whole = signal(STREAMS)
    expected = make(CPU).process(whole)
    assert expected.any()
    received = make(device).process(moved(whole, device))
    np.testing.assert_allclose(received, expected, rtol=1e-5, atol=1e-7 * np.abs(expected).max())
    assert np.array_equal(received != 0, expected != 0)
    first, second = make(device), make(CPU)
    half = len(expected) // 2
    rows = _cut(whole, slice(half)), _cut(whole, slice(half, None))
    head = first.process(moved(rows[0], device))
    second.state = first.state
    np.testing.assert_allclose(
        np.concatenate([head, second.process(rows[1])]), expected, rtol=1e-5, atol=1e-7 * np.abs(expected).max()
    )


def _cut(value: Any, rows: slice) -> Any:
    if isinstance(value, LineFrames):
        return LineFrames(value.frequency_hz[rows], value.energy[rows], value.trust[rows])
    return value[rows]
