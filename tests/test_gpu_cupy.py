"""The CuPy driver, over a stand-in for CuPy that computes on the host: that it asks CuPy for what it means to."""

import itertools
import sys
import threading
import time
import weakref
from functools import lru_cache
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from host_gpu import HostArray, HostDriver
from presets import CIRCUIT
from small_layers import complex_drive, pair
from small_parts import audio
from test_gpu_parity import LARGEST_ERROR
from test_gpu_sharpener import assert_same, small

from sharpear.dynamics import WtaConv
from sharpear.gpu import CPU, CupyDriver, GpuUnavailableError, LayerTooLargeError, open_gpu
from sharpear.gpu.source import OPTIONS
from sharpear.sharpening.frames import Frames
from sharpear.sharpening.processor import backend_of


class CupyArray(HostArray):
    """Knows its address as CuPy's arrays do, and travels on streams."""

    def set(self, arr: np.ndarray, stream: "Stream") -> None:
        assert type(arr) is Pinned
        np.copyto(self.view(np.ndarray), arr)
        stream.card.calls.append((stream.name, "copies"))

    def get(self, stream: "Stream", out: np.ndarray, blocking: bool) -> np.ndarray:
        assert type(out) is Pinned
        assert not blocking
        np.copyto(out, self.view(np.ndarray))
        stream.card.calls.append((stream.name, "copies"))
        return out

    @property
    def data(self) -> SimpleNamespace:  # type: ignore[override]
        return SimpleNamespace(ptr=self.ctypes.data)


class Error(RuntimeError):
    """CUDA's, with its number."""

    def __init__(self, text: str, status: int = 2) -> None:
        super().__init__(text)
        self.status = status


class CompileException(Exception):  # noqa: N818 (CuPy's name)
    pass


class Pinned(np.ndarray):
    """Of page-locked memory."""


class Card:
    """What was asked of it, in the order of asking: (stream, what, …); waiting for an event brings all before it."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.events: list[Event] = []
        names = itertools.cycle(("up", "down"))
        self.computing = Stream(self, "computing")
        self.new_stream = lambda non_blocking: Stream(self, next(names), non_blocking)


class Event:
    def __init__(self, block: bool, disable_timing: bool) -> None:
        assert block
        self.done = False
        self.stream: Stream | None = None

    def synchronize(self) -> None:
        assert self.stream
        card = self.stream.card
        card.calls.append(("host", "waits for", self.stream.name))
        for event in card.events[: card.events.index(self) + 1]:
            event.done = True


class Stream:
    def __init__(self, card: Card, name: str, non_blocking: bool = True) -> None:
        assert non_blocking, "CUDA's plain streams wait for each other"
        self.card, self.name = card, name

    def record(self, event: Event) -> None:
        event.stream = self
        self.card.events.append(event)

    def wait_event(self, event: Event) -> None:
        assert event.stream
        self.card.calls.append((self.name, "waits for", event.stream.name))

    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


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

        @lru_cache  # noqa: B019 (the driver has one function of a name, and it the attributes)
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
            card.calls.append(("computing", self.name))
            if launches is not None:
                launches.append((self.name, grid, block, shared_mem))

    card = Card()

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
        "cuda": SimpleNamespace(
            runtime=runtime,
            Device=Device,
            Event=Event,
            Stream=card.new_stream,
            get_current_stream=lambda: card.computing,
            compiler=SimpleNamespace(CompileException=CompileException),
        ),
        "card": card,
        "RawModule": RawModule,
        "asarray": lambda value, dtype=None: here(HostDriver().array(value, dtype)),
        "ascontiguousarray": lambda value: here(HostDriver().array(value, None)),
        "ones": lambda shape: np.ones(shape).view(CupyArray),
        "empty": lambda shape, dtype: here(HostDriver().empty(shape, dtype)),
        "asnumpy": HostDriver().numpy,
    }.items():
        setattr(module, name, value)
    return module


class Without:
    """Finds no module of that name."""

    def __init__(self, name: str, error: ImportError) -> None:
        self._name, self._error = name, error

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name == self._name:
            raise self._error


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


@pytest.mark.compiler
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


@pytest.mark.compiler
def test_more_working_memory_is_asked_for_up_to_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    launches: list[Any] = []
    monkeypatch.setitem(sys.modules, "cupy", stand_in(launches=launches))
    gpu = open_gpu()
    options = {"tau_s": 0.01, "step_s": 0.003, "circuit": CIRCUIT, "inhibits": "centre", "backend": gpu}
    layers = {units: WtaConv(units, 1, **options) for units in (2200, 2000)}
    for units, layer in layers.items():  # the later one, of fewer units, leaves the earlier one what it needs
        layer.process(np.ones((1, 1, units), np.float32))
    assert launches[0][-1] > launches[1][-1] > 48 * 1024
    with pytest.raises(LayerTooLargeError, match=r"expected .* at most 100000 bytes .*received wtaconv_process with"):
        WtaConv(9000, 1, **options)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    cupy = stand_in()
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    page_locked = ModuleType("cupyx")
    page_locked.empty_pinned = lambda shape, dtype: np.full(shape, 99, dtype).view(Pinned)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cupyx", page_locked)
    found: Card = cupy.card
    return found


@pytest.mark.compiler
def test_blocks_travel_while_others_are_computed(card: Card) -> None:
    sharpener, on_cpu = small(open_gpu()), small("cpu")
    card.calls.clear()
    sound = audio(2)
    pending = [sharpener.submit(part) for part in (sound[:2000], sound[2000:])]
    asked = list(card.calls)
    assert not any(call[0] == "host" for call in asked), "nobody has asked for results yet"
    assert not any(call[:2] == ("up", "waits for") for call in asked), "sound must not wait for what is computed"
    # A block: sound goes up, kernels wait for it, and what they give goes down when they are done.
    steps = [
        ("up", "copies"),
        ("computing", "waits for", "up"),
        ("computing", "hann_process"),
        ("computing", "winners_take_windows"),
        ("down", "waits for", "computing"),
        *[("down", "copies")] * 3,
    ]
    assert [call for call in asked if call in steps] == 2 * steps
    frames = Frames.join([each.result() for each in pending])
    assert card.calls[len(asked) :] == 2 * [("host", "waits for", "down")]
    assert_same(frames, on_cpu.process(sound))


def memory_of(array: Any) -> np.ndarray:
    return array if array.base is None else memory_of(array.base)


@pytest.mark.compiler
def test_memory_stays_its_own_until_the_card_is_done_with_it(card: Card) -> None:
    sharpener = small(open_gpu())
    for _ in range(2):
        sharpener.process(audio(2))
    pending = sharpener.submit(audio(2))
    lent = pending.lent()
    assert type(lent.amplitude) is Pinned
    assert type(pending.result().amplitude) is not Pinned, "what is kept is in common memory"
    watched = weakref.ref(memory_of(lent.amplitude))
    del lent, pending
    assert watched() is not None, "nothing has told Python that it is done yet"
    dropped = sharpener.submit(audio(2))  # here it is told
    assert watched() is None
    travelling = weakref.ref(memory_of(dropped.lent().amplitude))
    del dropped
    assert travelling() is not None, "what nobody waits for any more travels all the same"


def test_what_is_missing_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.meta_path", [Without("cupy", ModuleNotFoundError("No module named 'cupy'", name="cupy"))])
    with pytest.raises(GpuUnavailableError, match=r"^no CuPy: pip install 'sharpear\[gpu\]'$"):
        open_gpu()
    monkeypatch.setattr("sys.meta_path", [Without("cupy", ImportError("libcudart.so.12: cannot open shared object"))])
    with pytest.raises(GpuUnavailableError, match=r"^CuPy cannot be loaded: libcudart"):
        open_gpu()
    monkeypatch.setitem(sys.modules, "cupy", stand_in(0))
    with pytest.raises(GpuUnavailableError, match="no CUDA GPU: cudaErrorNoDevice"):
        open_gpu()
    monkeypatch.setitem(sys.modules, "cupy", stand_in(2))
    with pytest.raises(GpuUnavailableError, match="expected a GPU from 0 to 1, received 2"):
        open_gpu(2)


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("Stream", Error("cudaErrorDevicesUnavailable: all CUDA-capable devices are busy or unavailable", 46)),
        ("ones", PermissionError(13, "Permission denied", "/root/.cupy")),
        ("ones", RuntimeError("CuPy failed to load libnvrtc.so.12")),
        ("ones", MemoryError("Out of memory allocating 512 bytes")),
        ("ones", CompileException("cannot open source file cuda_fp16.h\n1 error detected")),
    ],
)
def test_a_card_that_cannot_be_used_is_none(monkeypatch: pytest.MonkeyPatch, what: str, error: Exception) -> None:
    def failing(*_: Any, **__: Any) -> None:
        raise error

    cupy = stand_in()
    monkeypatch.setattr(cupy.cuda if what == "Stream" else cupy, what, failing)
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    with pytest.raises(GpuUnavailableError) as told:
        open_gpu()
    assert str(told.value) == f"GPU 0 cannot be used: {str(error).splitlines()[0]}"
    assert backend_of("auto") is CPU


def test_a_kernels_failure_is_not_taken_for_a_lack_of_memory(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    """CUDA tells of it in whatever call comes next, such as one for page-locked memory."""
    driver, errors = CupyDriver(), [Error("cudaErrorIllegalAddress", 700), Error("cudaErrorMemoryAllocation", 2)]

    def failing(*_: Any) -> None:
        raise errors.pop(0)

    monkeypatch.setattr(sys.modules["cupyx"], "empty_pinned", failing)
    for expected in (Error, MemoryError):
        with pytest.raises(expected):
            driver.fetch((driver.empty((2,), np.float32),))


class Slow:
    """An event that two threads can ask at the same time."""

    def __init__(self, done: bool) -> None:
        self._done = done

    @property
    def done(self) -> bool:
        time.sleep(0.05)
        return self._done


def test_two_threads_give_back_only_what_is_done(card: Card) -> None:
    driver = CupyDriver()
    first, second = Slow(done=True), Slow(done=False)
    for event in (first, second):
        driver._keep(event)
    threads = [threading.Thread(target=driver._keep, args=(Slow(done=False),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert driver._travelling[0][0] is second
    assert len(driver._travelling) == 3
