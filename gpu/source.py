"""The CUDA source of a kernel: a file beside its Numba kernel, of the same name."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

OPTIONS = ("-std=c++17", "--fmad=false")
"""Of the compiler. Products and sums are rounded apart, as Numba's are, so that both give the same results."""

HEADER = "kernel.cuh"


def source_file(function: Any) -> Path:
    """The CUDA file that holds the Numba kernel `function`."""
    return Path(function.py_func.__code__.co_filename).with_suffix(".cu")


@lru_cache
def source_text(file: Path, unit: DTypeLike = np.float32) -> str:
    """The whole source to compile: the header, what UNIT is, and the file."""
    header = Path(__file__).with_name(HEADER).read_text(encoding="utf-8")
    body = file.read_text(encoding="utf-8")
    name = "complex64" if np.dtype(unit).kind == "c" else "float"
    return f'#line 1 "{HEADER}"\n{header}\n#define UNIT {name}\n#line 1 "{file.name}"\n{body}'
