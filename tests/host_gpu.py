"""A GPU that is none: the CUDA sources compiled as C++ for the host, behind the same backend as a card.

It shows on every machine that the kernels compute what they should, but not how quick a card is. As a program,
``python tests/host_gpu.py FILE …``, it compares ten seconds of preset music, which is the table of docs/trials/gpu.md.
"""

import ctypes
import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from sharpear.gpu import DeviceBackend

SHIM = Path(__file__).with_name("host_gpu.hpp")
WATCH = Path(__file__).with_name("host_watch.cpp")
LIBRARIES = Path(__file__).parent.parent / "build" / "host-gpu"
COMPILER = shutil.which("g++")
UNWRITTEN = 0xFFF5A5A5
"""Of each four bytes of new memory: no number, as a float or as half of a double, and none that an integer has."""

OPTIONS = (
    f"-DUNWRITTEN={UNWRITTEN}u",
    "-std=c++17",
    "-O2",
    "-march=native",
    "-ffp-contract=off",
    "-U_FORTIFY_SOURCE",
    "-fno-strict-aliasing",
    "-fPIC",
    "-w",
)
WATCHED = ("-O1", "-g1", "-DWATCHED", "-fsanitize=thread")
"""With these the compiler tells of every access to memory; its own library, which would be told, is not linked."""

WATCH_FOUND = 3
FAULTS = {
    -1: "the arguments do not match the kernel's",
    1: "threads of a block wait at different barriers",
    2: "a block writes beyond its working memory",
    WATCH_FOUND: "what its threads do depends on which of them is first, or on what was there before",
}


def missing() -> str:
    """Why nothing can be compiled for the host; empty if it can."""
    return "" if COMPILER else "g++ is not installed: apt-get install g++"


KERNEL = re.compile(r'extern "C" __global__ void (\w+)\(')


@lru_cache
def _compiler() -> str:
    """Which compiler for which processor."""
    words = [COMPILER or "", *OPTIONS, "-Q", "--help=target"]
    return subprocess.run([COMPILER or "", "--version"], capture_output=True, text=True, check=True).stdout + (
        subprocess.run(words, capture_output=True, text=True, check=True).stdout
    )


@lru_cache
def compiled(source: str, watched: bool = False) -> Path:
    """The library of a CUDA source, with a function ``host_<kernel>`` for each kernel in it."""
    entries = "".join(
        f'extern "C" int host_{name}(void **a, const long long *s, int c, int b, int t, size_t m, int o) '
        f"{{ return host::launch({name}, a, s, c, b, t, m, o); }}\n"
        for name in KERNEL.findall(source)
    )
    text = f'#include "{SHIM}"\n{source}\n{entries}'
    options = (*OPTIONS, *(WATCHED if watched else ()))
    known = f"{_compiler()} {options} {SHIM.read_text()} {text} {WATCH.read_text() if watched else ''}"
    library = LIBRARIES / f"{hashlib.sha256(known.encode()).hexdigest()[:16]}.so"
    if not library.exists():  # by another test process or an earlier run
        LIBRARIES.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=LIBRARIES) as folder:
            part, made = Path(folder, "source.o"), Path(folder, "source.so")
            _run(*options, "-x", "c++", "-c", "-", "-o", part, given=text)
            _run(*OPTIONS, "-shared", part, *([WATCH] if watched else ()), "-o", made)
            made.replace(library)
    return library


def _run(*words: Any, given: str = "") -> None:
    done = subprocess.run([COMPILER or "", *words], input=given.encode(), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


@lru_cache
def loaded(library: Path) -> ctypes.CDLL:
    return ctypes.CDLL(str(library))


def what_was_seen(library: Path) -> str:
    """What a watched library noticed, and in which line."""
    tell = loaded(library).watch_found
    tell.restype = ctypes.c_char_p
    place, _, what = tell().decode().partition(" ")
    words = ["addr2line", "-e", library, "-i", place]
    lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    return f"{what}: {', in '.join(Path(line.partition(' ')[0]).name for line in lines)}"


class HostArray(np.ndarray):
    """An array of the host GPU: it works with its like and with numbers only, as CuPy's arrays do."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        _refuse_others([*inputs, *options.get("out", ())])
        if "out" in options:
            options["out"] = tuple(_plain(part) for part in options["out"])
        return self._ours(getattr(ufunc, method)(*map(_plain, inputs), **options))

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Any:
        _refuse_others([*inputs, *options.values()])
        return self._ours(super().__array_function__(function, types, inputs, options))

    def __setitem__(self, place: Any, value: Any) -> None:
        _refuse_others([value])
        super().__setitem__(place, value)

    def _ours(self, result: Any) -> Any:
        return result.view(type(self)) if isinstance(result, np.ndarray) else result


def _refuse_others(values: Any) -> None:
    for value in values:
        if isinstance(value, list | tuple):
            _refuse_others(value)
        if isinstance(value, np.ndarray) and not isinstance(value, HostArray):
            raise TypeError(f"expected arrays of the GPU, received one of the host of shape {value.shape}")


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, HostArray) else value


class HostDriver:
    """The driver over such libraries.

    threads: of a block, at most.  order: 0 if the first one of a block runs first, else the seed of an order that is
    drawn anew at every barrier; results must not depend on it.  watched: whether each access of theirs is looked at.
    """

    name = "the host"

    def __init__(self, threads: int = 32, *, order: int = 0, watched: bool = False) -> None:
        self._threads, self._order, self._watched = threads, order, watched

    def use(self) -> None: ...

    def array(self, value: Any, dtype: DTypeLike | None) -> HostArray:
        if isinstance(value, HostArray):
            return np.ascontiguousarray(value, dtype).view(type(value))
        return np.array(value, dtype, order="C").view(HostArray)

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> HostArray:
        array: np.ndarray = np.empty(shape, dtype)
        size = array.nbytes
        array.reshape(-1).view(np.uint8)[...] = np.full(size // 4 + 1, UNWRITTEN, np.uint32).view(np.uint8)[:size]
        return array.view(HostArray)

    def numpy(self, array: HostArray) -> np.ndarray:
        return np.array(array, subok=False)

    @contextmanager
    def sent(self, block: np.ndarray) -> Iterator[HostArray]:
        """Who reads it later than allowed reads what is no number."""
        ours = self.array(block, None)
        try:
            yield ours
        finally:
            ours[...] = self.empty(ours.shape, ours.dtype)

    def fetch(self, arrays: tuple[Any, ...]) -> Callable[[], tuple[np.ndarray, ...]]:
        """Who reads copies before waiting for them reads what is no number, too."""
        ready = [self.numpy(array) for array in arrays]
        copies = tuple(np.full_like(array, np.nan) for array in ready)

        def wait() -> tuple[np.ndarray, ...]:
            for copy, array in zip(copies, ready, strict=True):
                copy[...] = array
            return copies

        return wait

    def address(self, array: Any) -> int | None:
        if not isinstance(array, HostArray):
            return None
        assert array.flags.c_contiguous
        return array.ctypes.data

    def function(self, source: str, name: str, shared_bytes: int) -> Any:
        library = compiled(source, self._watched)
        entry = getattr(loaded(library), f"host_{name}")
        entry.argtypes = [ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int] * 3, ctypes.c_size_t, ctypes.c_int]

        def run(blocks: int, threads: int, arguments: list[np.ndarray]) -> None:
            count = len(arguments)
            pointers = (ctypes.c_void_p * count)(*[argument.ctypes.data for argument in arguments])
            sizes = (ctypes.c_longlong * count)(*[argument.itemsize for argument in arguments])
            threads = min(threads, self._threads)
            outcome = entry(pointers, sizes, count, blocks, threads, shared_bytes, self._order)
            assert outcome == 0, f"{name}: {FAULTS[outcome]} {what_was_seen(library) if outcome == WATCH_FOUND else ''}"

        return run


def host_gpu(threads: int = 32, *, order: int = 0, watched: bool = False) -> DeviceBackend:
    """A backend whose GPU is the host."""
    return DeviceBackend(HostDriver(threads, order=order, watched=watched))


def compare(path: Path, seconds: float = 10.0) -> str:
    """A row of the table: largest errors, relative to the largest value, and in how many frames lines are the same."""
    import soundfile  # noqa: PLC0415 (tests that compile do not read files)

    from sharpear.sharpening.frames import Frames  # noqa: PLC0415
    from sharpear.sharpening.sharpener import Sharpener  # noqa: PLC0415

    rate = soundfile.info(path).samplerate
    sound = soundfile.read(path, frames=round(seconds * rate), dtype="float32", always_2d=True)[0][:, :1]
    runs = []
    for device in ("cpu", host_gpu()):
        sharpener = Sharpener(rate, "music", device=device)
        runs.append(Frames.join([sharpener.process(sound), sharpener.flush()]))
    expected, received = runs
    pairs = [(getattr(received, name), getattr(expected, name)) for name in ("amplitude", "instantaneous_frequency")]
    errors = [float(np.abs(ours - theirs).max() / np.abs(theirs).max()) for ours, theirs in pairs]
    support = ((received.amplitude != 0) == (expected.amplitude != 0)).all(axis=-1).mean()
    assert expected.fundamental is not None
    assert received.fundamental is not None
    owned = expected.fundamental > 0
    apart = ~np.isclose(received.fundamental, expected.fundamental, rtol=2 ** (1 / 1200) - 1)
    others = f"{np.count_nonzero(apart)} of {np.count_nonzero(owned)}"
    return f"| {path} | {errors[0]:.1e} | {errors[1]:.1e} | {support:.2%} | {others} |"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(compare(Path(name)), flush=True)
