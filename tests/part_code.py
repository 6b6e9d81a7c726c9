"""What LLVM makes of a kernel that kernels call."""

from typing import Any

from numba import typeof
from numba.core.compiler_lock import global_compiler_lock


def code_of_part(kernel: Any, *given: Any) -> str:
    """The part's code, compiled for these arguments here and now: kernels that call it may be kept, and not compile."""
    part, types = kernel._part, tuple(map(typeof, given))
    part.compile(types)
    library = part.overloads[types].library
    if not library._finalized:  # by a kernel that it was linked into
        with global_compiler_lock:
            library.finalize()
    return str(library._final_module)
