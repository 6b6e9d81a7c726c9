"""What decides how a kernel is compiled, in a few digits: what is kept under others is not found."""

import hashlib
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import FunctionType

import numba
import numpy as np
from numba.core.dispatcher import Dispatcher


@cache
def stamp(function: FunctionType) -> str:
    """Sixteen digits that change with the sources of a kernel and of what it calls, with how they are compiled."""
    found = hashlib.sha256(f"{sys.version} {numba.__version__}".encode())
    for decides in ("libraries.py", "parts.py", "passes.py"):
        found.update(read(str(Path(__file__).with_name(decides))))
    for part in _decides(function, set()):
        found.update(hashlib.sha256(part).digest())
    return found.hexdigest()[:16]


def _decides(function: FunctionType, seen: set[object]) -> Iterator[bytes]:
    """The sources of `function` and of the kernels that it calls, and the values that it takes from elsewhere."""
    seen.add(function)
    file = inspect.getfile(function)
    if file not in seen:
        seen.add(file)
        yield read(file)
    used = inspect.getclosurevars(function)
    for name, value in sorted({**used.globals, **used.nonlocals}.items()):
        called = value.py_func if isinstance(value, Dispatcher) else value
        if isinstance(called, FunctionType):
            yield f"{name}={called.__qualname__}".encode()
            if called not in seen:
                yield from _decides(called, seen)
        elif isinstance(value, bool | int | float | complex | str | tuple | np.generic):
            yield f"{name}={value!r}".encode()


@cache
def read(file: str) -> bytes:
    """A source, as it was when this was first asked."""
    try:
        return Path(file).read_bytes()
    except OSError:  # typed at a prompt
        return file.encode(errors="surrogateescape")
