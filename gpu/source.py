"""The CUDA source of a kernel: a file beside its Numba kernel, of the same name."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

OPTIONS = ("-std=c++17", "--fmad=false")
"""The compiler's options. Products and sums are rounded apart, as Numba's are, so that both give the same results."""

HEADER = "kernel.cuh"

Constant = int | type[np.generic] | np.dtype[Any] | tuple["Constant", ...]
"""A constant that a source is compiled with: a number, the type of units, or nested tuples of numbers."""


def source_file(function: Any) -> Path:
    """The CUDA file that holds the Numba kernel `function`."""
    return Path(function.py_func.__code__.co_filename).with_suffix(".cu")


def header_text() -> str:
    """The text with which every source begins."""
    header = Path(__file__).with_name(HEADER).read_text(encoding="utf-8")
    return f'#line 1 "{HEADER}"\n{header}\n'


@lru_cache
def source_text(file: Path, constants: tuple[tuple[str, Constant], ...] = ()) -> str:
    """The whole source to compile: the header, the constants, and the file."""
    body = file.read_text(encoding="utf-8")
    defined = "".join(f"#define {name} {_initializer(value)}\n" for name, value in constants)
    return f'{header_text()}{defined}#line 1 "{file.name}"\n{body}'


def _initializer(value: Constant) -> str:
    if isinstance(value, tuple):
        return "{" + ", ".join(map(_initializer, value)) + "}"
    return str(value) if isinstance(value, int) else np.dtype(value).name
