"""Kernels called for arguments of one kind only, so that these are not looked at anew in every call."""

from collections.abc import Callable, Mapping
from typing import Any

from numba import typeof
from numba.core.dispatcher import Dispatcher

from .ahead import Call, compile_ahead


def entry(kernel: Any, *arguments: Any) -> Callable[..., Any]:
    """What runs `kernel` on arguments of the types that these have, and on no others; it compiles now, if it has to.

    Numba's own call looks at the type of every array of every named tuple, which of a hundred takes as long as a hop's
    work does. Arrays of another type are not noticed, or raise: what calls this makes its arrays itself.

    >>> from sharpear.compiler import kernel
    >>> @kernel
    ... def total(x):
    ...     return x.sum()
    >>> import numpy as np
    >>> entry(total, np.zeros(1))(np.array([1.0, 2.0]))
    3.0
    """
    if not isinstance(kernel, Dispatcher):  # Numba is switched off
        return kernel  # type: ignore[no-any-return]
    compiled: Any = kernel
    types = tuple(map(typeof, arguments))
    compiled.compile(types)
    run: Callable[..., Any] = compiled.overloads[types].entry_point
    return run


def in_python(kernel: Any) -> Callable[..., Any]:
    """The function that `kernel` is compiled of, which Python runs as it stands: for what is done once.

    >>> from sharpear.compiler import kernel
    >>> @kernel
    ... def room(units):
    ...     return np.empty(units, np.float32)
    >>> import numpy as np
    >>> in_python(room)(3).shape
    (3,)
    """
    function: Callable[..., Any] = kernel.py_func if isinstance(kernel, Dispatcher) else kernel
    return function


def entries(calls: Mapping[str, Call], processes: int) -> dict[str, Callable[..., Any]]:
    """`entry` of each call by its name, those that are not kept compiled together, as `compile_ahead` does."""
    compile_ahead(list(calls.values()), processes)
    return {name: entry(kernel, *given) for name, (kernel, given) in calls.items()}
