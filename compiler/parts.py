"""A kernel as Python calls it, and as kernels call it: as a part of them, which is made machine code with them alone.

Numba by itself makes machine code of a function, and a wrapper by which Python calls it, and then once more with every
function that calls it, level by level: of compiling a path that was more than a third.
"""

from functools import cached_property
from typing import Any

import numba.core.dispatcher
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.registry import CPUDispatcher

FunctionCompiler: Any = numba.core.dispatcher._FunctionCompiler  # type: ignore[attr-defined]


class PartLibrary(JITCodeLibrary):
    """Code that is linked into other code, optimised before, as loops within it are vectorised best by themselves."""

    def _finalize_final_module(self) -> None:
        self._finalized = True


class PartPipeline(Compiler):
    """Numba's steps, into such a library."""

    def __init__(self, typing: Any, target: Any, library: Any, *rest: Any) -> None:
        part = PartLibrary(target.codegen(), "part")  # type: ignore[no-untyped-call]
        super().__init__(typing, target, part, *rest)  # type: ignore[no-untyped-call]


class PartCompiler(FunctionCompiler):  # type: ignore[misc]
    """Stops before there is anything that Python could call."""

    def _customize_flags(self, flags: Any) -> Any:
        flags.no_compile = True
        return flags


class Part(CPUDispatcher):
    """A kernel as kernels call it.

    Args:
        function: the kernel.
        options: as Numba's.
    """

    def __init__(self, function: Any, options: dict[str, Any]) -> None:
        alone = {**options, "no_cpython_wrapper": True}
        super().__init__(function, targetoptions=alone)
        self._compiler = PartCompiler(function, self.targetdescr, alone, {}, PartPipeline)

    def add_overload(self, result: Any) -> None:
        """Callers find it by an object that stands for the function that Python cannot call."""
        key = object()
        target: Any = self.targetctx
        target.insert_user_function(key, result.fndesc, [result.library])
        self.overloads[tuple(result.signature.args)] = result._replace(entry_point=key)


class Kernel(CPUDispatcher):
    """A kernel as Python calls it."""

    @cached_property
    def _part(self) -> Part:
        return Part(self.py_func, self.targetoptions)

    def get_call_template(self, *types: Any) -> Any:
        """What a kernel that calls it compiles."""
        part: Any = self._part
        return part.get_call_template(*types)

    def get_overload(self, signature: Any) -> Any:
        """What a kernel that calls it finds it by."""
        part: Any = self._part
        return part.get_overload(signature)
