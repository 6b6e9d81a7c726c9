"""The GPU's kernels against the CPU's, run on the host; on a card too, where there is one."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from host_gpu import COMPILER, host_gpu
from test_stream_contract import LAYERS

from sharpear.gpu import CPU, Backend, DeviceBackend, GpuUnavailableError, open_gpu

STREAMS = 2
LARGEST_ERROR = 1e-4
"""Of an activation, relative to the largest one."""

EQUAL_SUPPORTS = 0.999
"""Of the frames, at least."""


@pytest.fixture(params=["host", "card"])
def device(request: pytest.FixtureRequest) -> DeviceBackend:
    """A GPU, or the host in its place."""
    if request.param == "host":
        if not COMPILER:
            pytest.skip("no g++ to run the CUDA source on the host")
        return host_gpu(64)
    try:
        return open_gpu()
    except GpuUnavailableError as error:
        pytest.skip(str(error))


def check_parity(make: Callable[[Backend], Any], drive: np.ndarray, device: Backend) -> float:
    """Hold `device` to the CPU's results; the largest error that it had, relative to the largest activation."""
    expected, received = make(CPU).process(drive), make(device).process(drive)
    assert isinstance(received, np.ndarray)
    assert expected.any()
    error = float(np.abs(received - expected).max() / np.abs(expected).max())
    assert error <= LARGEST_ERROR
    same = ((received != 0) == (expected != 0)).all(axis=2)
    assert same.mean() >= EQUAL_SUPPORTS, f"supports differ in {np.count_nonzero(~same)} of {same.size} frames"
    return error


@pytest.mark.parametrize("name", LAYERS)
def test_same_results(name: str, device: DeviceBackend) -> None:
    make, signal = LAYERS[name]
    check_parity(lambda backend: make(STREAMS, backend), signal(STREAMS), device)
