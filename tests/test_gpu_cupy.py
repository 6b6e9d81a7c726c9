"""The CuPy driver, over a stand-in for CuPy that computes on the host: that it asks CuPy for what it means to."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from host_gpu import HostArray, HostDriver
from test_gpu_parity import LARGEST_ERROR, needs_compiler
from test_stream_contract import complex_drive, pair

from sharpear.dynamics import WtaConv
from sharpear.gpu import GpuUnavailableError, open_gpu
from sharpear.gpu.source import OPTIONS


class CupyArray(HostArray):
    """Knows its address as CuPy's arrays do."""

    @property
    def data(self) -> SimpleNamespace:  # type: ignore[override]
        return SimpleNamespace(ptr=self.ctypes.data)


class Error(RuntimeError):
    pass


def stand_in(cards: int = 1, launches: list[Any] | None = None) -> ModuleType:
    class Device:
        attributes = {"MaxSharedMemoryPerBlockOptin": 100_000}  # noqa: RUF012

        def __init__(self, index: int) -> None:
            assert index < cards

        def use(self) -> None: ...
        def __enter__(self) -> None: ...
        def __exit__(self, *_: object) -> None: ...

    class RawModule:
        def __init__(self, code: str, options: tuple[str, ...]) -> None:
            assert options == OPTIONS
            self.code = code

        def get_function(self, name: str) -> "Kernel":
            return Kernel(self.code, name)

    class Kernel:
        max_dynamic_shared_size_bytes = 48 * 1024

        def __init__(self, code: str, name: str) -> None:
            self.code, self.name = code, name

        def __call__(self, grid: tuple[int], block: tuple[int], args: tuple[Any, ...], shared_mem: int) -> None:
            assert shared_mem <= self.max_dynamic_shared_size_bytes
            assert all(type(argument) is np.ndarray and argument.size == 1 for argument in args)
            HostDriver().function(self.code, self.name, shared_mem)(*grid, *block, list(args))
            if launches is not None:
                launches.append((self.name, grid, block, shared_mem))

    def count() -> int:
        if not cards:
            raise Error("cudaErrorNoDevice: no CUDA-capable device is detected")
        return cards

    def here(array: Any) -> CupyArray:
        return array.view(CupyArray)

    module = ModuleType("cupy")
    runtime = SimpleNamespace(
        getDeviceCount=count, CUDARuntimeError=Error, getDeviceProperties=lambda index: {"name": b"Card"}
    )
    for name, value in {
        "__version__": "0",
        "ndarray": CupyArray,
        "cuda": SimpleNamespace(runtime=runtime, Device=Device),
        "RawModule": RawModule,
        "asarray": lambda value, dtype=None: here(HostDriver().array(value, dtype)),
        "ascontiguousarray": lambda value: here(HostDriver().array(value, None)),
        "empty": lambda shape, dtype: here(HostDriver().empty(shape, dtype)),
        "asnumpy": HostDriver().numpy,
    }.items():
        setattr(module, name, value)
    return module


def test_the_host_stands_in_for_cupy_in_what_it_refuses() -> None:
    ours, other = HostDriver().array([1.0, 2.0], np.float32), np.ones(2, np.float32)
    for mixed in (
        lambda: ours + other,
        lambda: other * ours,
        lambda: np.add(ours, 1, out=other),
        lambda: np.concatenate([ours, other]),
        lambda: np.where(ours > 1, ours, other),
        lambda: ours.__setitem__(slice(None), other),
    ):
        with pytest.raises(TypeError, match=r"received one of the host of shape \(2,\)"):
            mixed()
    result = np.float32(2) * ours + np.concatenate([ours, ours])[1:3]
    assert type(result) is HostArray
    assert list(result) == [4.0, 5.0]


@needs_compiler
def test_a_layer_runs_through_it(monkeypatch: pytest.MonkeyPatch) -> None:
    launches: list[Any] = []
    monkeypatch.setitem(sys.modules, "cupy", stand_in(launches=launches))
    gpu = open_gpu()
    assert gpu.name == "Card (CuPy 0)"
    layer = pair(2, True, backend=gpu)
    received, expected = layer.process(complex_drive(2)), pair(2, True).process(complex_drive(2))
    assert np.abs(received - expected).max() <= LARGEST_ERROR * np.abs(expected).max()
    ((name, grid, block, shared_bytes),) = launches
    assert (name, grid, block) == ("pair_process", (2,), (32,))
    assert shared_bytes > 0


@needs_compiler
def test_more_working_memory_is_asked_for_up_to_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    launches: list[Any] = []
    monkeypatch.setitem(sys.modules, "cupy", stand_in(launches=launches))
    WtaConv(2000, 1, tau_s=0.01, step_s=0.003, backend=open_gpu()).process(np.ones((1, 1, 2000), np.float32))
    assert launches[0][-1] > 48 * 1024
    with pytest.raises(ValueError, match=r"expected .* at most 100000 bytes .*received wtaconv_process with"):
        WtaConv(9000, 1, tau_s=0.01, step_s=0.003, backend=open_gpu())


def test_what_is_missing_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(GpuUnavailableError, match=r"pip install 'sharpear\[gpu\]'"):
        open_gpu()
    monkeypatch.setitem(sys.modules, "cupy", stand_in(0))
    with pytest.raises(GpuUnavailableError, match="no CUDA GPU: cudaErrorNoDevice"):
        open_gpu()
    monkeypatch.setitem(sys.modules, "cupy", stand_in(2))
    with pytest.raises(GpuUnavailableError, match="expected a GPU from 0 to 1, received 2"):
        open_gpu(2)
