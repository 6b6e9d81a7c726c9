"""The CUDA sources: NVIDIA's compiler takes them, they say what Numba's kernels say, and arguments reach them whole."""

import importlib
import inspect
import re
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytest
from host_gpu import KERNEL, HostDriver, host_gpu
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from nvrtc import compiled
from test_imports import PACKAGE, ROOT

from sharpear.gpu.arguments import Packer
from sharpear.gpu.device import LARGEST_BLOCK
from sharpear.gpu.source import Constant, _known, array_kind, definitions, header_text, source_text

FILES = [path for folder in PACKAGE for path in sorted((ROOT / folder).glob("*.cu"))]
CONSTANTS: dict[str, list[dict[str, Constant]]] = {
    "dsp/filterbank_kernel.cu": [{"ORDER": 1}, {"ORDER": 5}],
    "dsp/splitter_kernel.cu": [{"ORDER": 4}, {"ORDER": 5}],
    "app/sharpening/judge.cu": [{"FOURTH": 16}],
    "app/sharpening/voiced_judge.cu": [{"FOURTH": 16}],
    "dynamics/lca_kernel.cu": [{"UNIT": np.float32}, {"UNIT": np.complex64}],
    "dynamics/pair_kernel.cu": [{"UNIT": np.float32}, {"UNIT": np.complex64}],
    "dynamics/network_kernel.cu": [{"UNIT": np.float32}],
}
SOURCES = [(file, tuple(c.items())) for file in FILES for c in CONSTANTS.get(file.relative_to(ROOT).as_posix(), [{}])]
KERNELS = [(file, name) for file in FILES for name in KERNEL.findall(file.read_text(encoding="utf-8"))]

REGISTERS = 65536
"""Of a processor of any card since 2014, for all threads of a block together."""


def numba_kernel(file: Path, name: str) -> Any:
    """The kernel of that name beside a CUDA source."""
    return getattr(importlib.import_module(f"{PACKAGE[file.parent.relative_to(ROOT).as_posix()]}.{file.stem}"), name)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["sm_80", "sm_90"])
@pytest.mark.parametrize(("file", "constants"), SOURCES, ids=lambda part: getattr(part, "stem", None))
def test_the_compiler_takes_it(file: Path, constants: Any, architecture: str) -> None:
    source = source_text(numba_kernel(file, KERNEL.findall(file.read_text(encoding="utf-8"))[0]), constants)
    names = KERNEL.findall(source)
    ptx, log = compiled(source, architecture)
    assert sorted(re.findall(r"\.entry (\w+)", ptx)) == sorted(names)
    assert f".target {architecture}" in ptx
    spilled = re.findall(r"(\d+) bytes spill stores, (\d+) bytes spill loads", log)  # of functions that are called, too
    assert len(spilled) >= len(names), log
    assert set(spilled) == {("0", "0")}, log
    registers = [int(used) for used in re.findall(r"Used (\d+) registers", log)]
    assert max(registers) * LARGEST_BLOCK <= REGISTERS, log


@pytest.mark.parametrize("array", [NDArray[np.float32], np.ndarray[Any, np.dtype[np.float32]], list[np.float32]])
def test_an_arrays_numbers_are_told_however_numpy_writes_them(array: Any) -> None:
    """From NumPy 2.5 on NDArray is a name whose one argument is the numbers' type, as the list's here."""
    assert array_kind(Annotated[array, "frames", "streams"]) == [np.float32, "frames", "streams"]


def test_products_and_sums_are_rounded_apart() -> None:
    source = 'extern "C" __global__ void f(float *x) { x[0] = x[0] * x[1] + x[2]; }'
    ptx, _ = compiled(source, "sm_90")
    assert "mul" in ptx
    assert "fma" not in ptx


@pytest.mark.parametrize(("file", "name"), KERNELS, ids=[name for _, name in KERNELS])
def test_same_arguments_in_the_same_order(file: Path, name: str) -> None:
    text = file.read_text(encoding="utf-8")
    start = text.index(f"void {name}(") + len(f"void {name}(")
    declared = text[start : text.index(")", start)]
    received = re.findall(r"(\w+)(?:,\s|\s*$)", re.sub(r"<[^<>]*>", "", declared))
    expected = list(inspect.signature(numba_kernel(file, name).py_func).parameters)
    assert [word if word in expected else word.removesuffix("_state") for word in received] == expected


PLAIN = {"0.0", "0.25", "0.5", "1.0", "2.0"}
"""Numbers that mean themselves."""


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_numbers_with_a_meaning_have_a_name_in_python(file: Path) -> None:
    code = re.sub(r"//.*", "", file.read_text(encoding="utf-8"))
    assert set(re.findall(r"(?<![\w.])\d+\.\d*(?:e-?\d+)?|(?<![\w.])\d+e-?\d+", code)) <= PLAIN
    assert not re.findall(r"constexpr \w+ \w+ = -?\d[^;]*;", code)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_structures_of_arguments_come_from_python(file: Path) -> None:
    """But for a bank's order, which is a tuple of that length."""
    text = file.read_text(encoding="utf-8")
    own = set(re.findall(r"struct (\w+) \{", text))
    for declared in re.findall(r'extern "C" __global__ void \w+\(([^)]*)\)', text):
        kinds = set(re.findall(r"(?:^|,)\s*(\w+)(?:<[^>]*>)? \*?\w+", declared))
        assert not (kinds & own) - {"Order", "complex128"}


ECHO = """
struct Inner { double d; int i; };
struct Pair { float f; Inner inner; Array<float, 2> array; };
extern "C" __global__ void echo(int i, Pair pair, Array<double, 1> out) {
    double values[] = {1.0 * i, pair.f, pair.inner.d, 1.0 * pair.inner.i, 1.0 * pair.array.shape[0],
                       1.0 * pair.array.shape[1], pair.array.data[pair.array.shape[1]]};
    for (int k = 0; k < 7; ++k) out.data[k] = values[k];
}
"""


@pytest.mark.compiler
@given(
    i=st.integers(-(2**31) + 1, 2**31 - 1),
    f=st.floats(width=32, allow_nan=False, allow_subnormal=False),  # which the host flushes, as a card
    flag=st.booleans(),
    rows=st.integers(2, 5),
    columns=st.integers(1, 4),
)
@settings(deadline=None)
def test_arguments_arrive(i: int, f: float, flag: bool, rows: int, columns: int) -> None:
    driver, backend = HostDriver(), host_gpu()
    run = driver.function(header_text() + ECHO, "echo", 0)
    array = backend.array(np.arange(rows * columns, dtype=np.float32).reshape(rows, columns))
    out = backend.empty((7,), np.float64)
    arguments = (i, (np.float32(f), (np.float64(0.1), flag), array), out)
    packed = Packer(driver.address)
    packed((7, (np.float32(1), (np.float64(2), False), backend.empty((1, 1), np.float32)), out))  # the layout alone
    run(1, 1, packed(arguments))
    assert backend.numpy(out).tolist() == [i, np.float32(f), 0.1, flag, rows, columns, columns]


def test_a_name_with_two_meanings_is_refused() -> None:
    """Of two modules whose kernels a source takes together; what it does not use may mean anything."""
    modules = [{"LEAST": 1.0, "MOST": 2}, {"LEAST": 0.5, "MOST": 2}]
    assert list(definitions("f(MOST)", _known(modules))) == ["constexpr int MOST = 2;\n"]
    with pytest.raises(ValueError, match="expected names with one meaning in a CUDA source, received LEAST"):
        list(definitions("f(LEAST)", _known(modules)))


@pytest.mark.parametrize("value", [1.5, 2**31, "text", None, np.zeros(3)])
def test_what_a_kernel_cannot_take_is_refused(value: object) -> None:
    for before in ((), (1,)):
        packed = Packer(HostDriver().address)
        if before:
            packed(before)
        with pytest.raises(TypeError, match=r"expected .*received"):
            packed((value,))
