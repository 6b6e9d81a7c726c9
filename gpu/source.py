"""The CUDA source of a kernel: a file beside its Numba kernel, of the same name.

What a source and its kernel both know by name stands in Python alone: constants, in capitals, and the named tuples that
kernels are given. A source that uses such a name gets its definition from here. Where the Numba kernel calls kernels of
other files, its source may include theirs, by ``#include "basins_kernel.cuh"`` and without a folder.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

import numpy as np

OPTIONS = ("-std=c++17", "--fmad=false")
"""The compiler's options. Products and sums are rounded apart, as Numba's are, so that both give the same results."""

HEADER = "kernel.cuh"
INCLUDE = re.compile(r'#include "(\w+\.cuh?)"')

AMBIGUOUS = object()
"""Stands for a name that means different things in different modules."""

Constant = int | type[np.generic] | np.dtype[Any] | tuple["Constant", ...]
"""A constant that a source is compiled with: a number, the type of units, or nested tuples of numbers."""

TYPES: dict[Any, str] = {
    int: "int",
    bool: "int",
    np.bool_: "bool",
    np.int32: "int",
    np.int64: "long long",
    np.float32: "float",
    np.float64: "double",
    np.complex64: "complex64",
    Any: "UNIT",
}
"""CUDA's names of types, in arrays and by themselves; an array of `Any` holds what the units of a layer are."""


def source_file(function: Any) -> Path:
    """The CUDA file that holds the Numba kernel `function`."""
    return Path(function.py_func.__code__.co_filename).with_suffix(".cu")


def header_text() -> str:
    """The text with which every source begins."""
    header = Path(__file__).with_name(HEADER).read_text(encoding="utf-8")
    return f'#line 1 "{HEADER}"\n{header}\n'


@lru_cache
def source_text(function: Any, constants: tuple[tuple[str, Constant], ...] = ()) -> str:
    """The whole source to compile: the header, the constants, what the file takes from Python, and the file."""
    modules = _modules(function, {})
    body = "".join(_lines(source_file(function), {file.stem: file for file in modules}, set()))
    compiled_for = "".join(f"#define {name} {_initializer(value)}\n" for name, value in constants)
    taken = "".join(definitions(body, _known(modules.values())))
    return f"{header_text()}{compiled_for}{taken}{body}"


def _modules(function: Any, found: dict[Path, dict[str, Any]]) -> dict[Path, dict[str, Any]]:
    """The file and the names of a kernel's module, then those of the modules whose kernels are called there."""
    file, names = Path(function.py_func.__code__.co_filename), function.py_func.__globals__
    if file not in found:
        found[file] = names
        for value in names.values():
            if hasattr(value, "py_func"):
                _modules(value, found)
    return found


def _lines(file: Path, modules: Mapping[str, Path], included: set[str]) -> Iterator[str]:
    """A source, with those that it includes in their places, each once."""
    yield f'#line 1 "{file.name}"\n'
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(keepends=True), 1):
        include = INCLUDE.match(line)
        if not include:
            yield line
        elif include[1] not in included:
            included.add(include[1])
            other = Path(include[1])
            yield from _lines(modules[other.stem].with_suffix(other.suffix), modules, included)
            yield f'#line {number + 1} "{file.name}"\n'


def definitions(body: str, known: dict[str, Any]) -> Iterator[str]:
    r"""What has to stand before a source, line by line: constants and structures of those names that it uses.

    >>> list(definitions("int f() { return LINES; }", {"LINES": 3, "ROWS": 4}))
    ['constexpr int LINES = 3;\n']
    """
    used = {name: known[name] for name in re.findall(r"[A-Za-z_]\w*", body) if name in known}
    if clashing := [name for name, value in used.items() if value is AMBIGUOUS]:
        raise ValueError(
            f"expected names with one meaning in a CUDA source, received {', '.join(clashing)}: rename one"
        )
    yield from (_constant(name, value) for name, value in used.items() if not isinstance(value, type))
    written: set[Any] = set()
    for kind in used.values():
        if isinstance(kind, type):
            yield from _structures(kind, written)


def type_name(hint: Any) -> str:
    """A field of a named tuple as CUDA names its type; an array says the type of its numbers and what its axes are.

    >>> from typing import Annotated
    >>> from numpy.typing import NDArray
    >>> type_name(Annotated[NDArray[np.float32], "frames", "streams"]), type_name(np.float64)
    ('Array<float, 2>', 'double')
    """
    if hasattr(hint, "_fields"):
        name: str = hint.__name__
        return name
    if hint in TYPES:
        return TYPES[hint]
    number, *axes = array_kind(hint)
    return f"Array<{TYPES[number]}, {len(axes)}>"


def array_kind(hint: Any) -> list[Any]:
    """The type of the numbers of an array in a named tuple, and what its axes are."""
    array, *axes = get_args(hint)
    *_, number = get_args(array)  # NDArray[x] is ndarray[shape, dtype[x]], and from NumPy 2.5 on a name with x alone
    return [*(get_args(number) or (number,)), *axes]


def _known(modules: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The constants and named tuples of a kernel's module, and of those whose kernels are called."""
    known: dict[str, Any] = {}
    for names in modules:
        for name, value in names.items():
            if _is_shared(name, value):
                known[name] = value if known.get(name, value) == value else AMBIGUOUS
    return known


def _is_shared(name: str, value: Any) -> bool:
    if isinstance(value, type):
        return issubclass(value, tuple) and hasattr(value, "_fields")
    return name.isupper() and isinstance(value, int | float | np.integer | np.float32 | tuple)


def _constant(name: str, value: Any) -> str:
    if isinstance(value, tuple):
        return f"#define {name} {_initializer(value)}\n"
    if isinstance(value, np.float32):
        return f"constexpr float {name} = {value!s}f;\n"
    if isinstance(value, int | np.integer):
        return f"constexpr int {name} = {int(value)};\n"
    return f"constexpr double {name} = {value!r};\n"


def _structures(kind: Any, written: set[Any]) -> Iterator[str]:
    """The structure of a named tuple, after those of its fields."""
    if kind in written:
        return
    written.add(kind)
    for hint in kind.__annotations__.values():
        if hasattr(hint, "_fields"):
            yield from _structures(hint, written)
    members = " ".join(f"{type_name(hint)} {name};" for name, hint in kind.__annotations__.items())
    yield f"struct {kind.__name__} {{ {members} }};\n"
    if _is_room(kind):
        parts = ", ".join(f"own_part(room.{name})" for name in kind.__annotations__)
        yield f"__device__ inline {kind.__name__} own_part({kind.__name__} room) {{ return {{{parts}}}; }}\n"


def _is_room(kind: Any) -> bool:
    """Whether a named tuple holds arrays alone, of which blocks of threads may each have their own part."""
    hints = kind.__annotations__.values()
    return all(_is_room(hint) if hasattr(hint, "_fields") else type_name(hint).startswith("Array<") for hint in hints)


def _initializer(value: Constant) -> str:
    if isinstance(value, tuple):
        return "{" + ", ".join(map(_initializer, value)) + "}"
    return str(value) if isinstance(value, int) else np.dtype(value).name
