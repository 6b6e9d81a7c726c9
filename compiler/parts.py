"""A kernel as Python calls it, and as kernels call it: as a part of them, which is made machine code with them alone.

Numba by itself makes machine code of a function, and a wrapper by which Python calls it, and then once more with every
function that calls it, level by level: of compiling a path that was more than a third.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import llvmlite.ir
import numba
import numba.core.dispatcher
from numba.core import sigutils
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.compiler_lock import global_compiler_lock
from numba.core.event import trigger_event
from numba.core.registry import CPUDispatcher

from .once import once
from .passes import INSTEAD, INSTEAD_IN_PARTS

ir: Any = llvmlite.ir
FunctionCompiler: Any = numba.core.dispatcher._FunctionCompiler  # type: ignore[attr-defined]

UNDERSTOOD = (0, 62) <= tuple(numba.version_info.short) <= (0, 68)
"""Whether this Numba's steps are those that are changed here. With another one it takes its own, and longer."""

if UNDERSTOOD:
    once()


@contextmanager
def uncollected() -> Iterator[None]:
    """Collect no garbage meanwhile."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def bytes_at(count: int) -> Any:
    """LLVM's type of the address of so many bytes that never change while kernels run."""
    return ir.ArrayType(ir.IntType(8), count).as_pointer()


def _promise(module: Any) -> None:
    """Tell LLVM that such addresses can be read from at any time: out of loops, and of what is done in some cases."""
    for argument in (each for function in module.functions if not function.is_declaration for each in function.args):
        kind = getattr(argument.type, "pointee", None)
        if isinstance(kind, ir.ArrayType) and kind.element == ir.IntType(8):
            argument.add_attribute("noalias")
            argument.attributes.dereferenceable = kind.count


class Library(JITCodeLibrary):
    """Code that LLVM optimises in one of Numba's two rounds, as it meets both on its way from parts to kernels."""

    may_round_otherwise = False
    """Whether LLVM may reorder or fuse its operations, and does so as it sees them: it is then shown the same."""

    def _optimize_final_module(self) -> None:
        """One round alone, unless that could change a value."""
        if self.may_round_otherwise:
            super()._optimize_final_module()  # type: ignore[no-untyped-call]
            return
        passes, builder = self._round()
        passes.run(self._final_module, builder)

    def _round(self) -> tuple[Any, Any]:
        """The second one: what is linked has been through the first."""
        passes: tuple[Any, Any] = self._codegen._module_pass_manager()  # type: ignore[no-untyped-call]
        return passes


class PartLibrary(Library):
    """Code that is linked into other code, optimised before, as loops within it are vectorised best by themselves."""

    def add_ir_module(self, module: Any) -> None:
        """As Numba's, with what it does not know."""
        _promise(module)
        super().add_ir_module(module)  # type: ignore[no-untyped-call]

    def _optimize_functions(self, module: Any) -> None:
        """Numba sets LLVM up anew for each function, those that are only named too: a seventh of compiling."""
        module.data_layout = self._codegen._data_layout
        passes, builder = self._codegen._function_pass_manager()  # type: ignore[no-untyped-call]
        for function in module.functions:
            if not function.is_declaration:
                passes.run(function, builder)

    def _round(self) -> tuple[Any, Any]:
        """The first one: the second comes where all is linked."""
        codegen = self._codegen
        passes: tuple[Any, Any] = codegen._module_pass_manager(  # type: ignore[no-untyped-call]
            loop_vectorize=codegen._loopvect, slp_vectorize=False, opt=codegen._opt_level, cost="cheap"
        )
        return passes

    def _finalize_final_module(self) -> None:
        self._finalized = True


class KernelPipeline(Compiler):
    """Numba's steps, some with what stands for them, into such a library."""

    kind: type[Library] = Library
    instead = INSTEAD

    def __init__(self, typing: Any, target: Any, library: Any, *rest: Any) -> None:
        made = self.kind(target.codegen(), "kernel")
        made.enable_object_caching()  # type: ignore[no-untyped-call]
        super().__init__(typing, target, made, *rest)  # type: ignore[no-untyped-call]
        made.may_round_otherwise = bool(self.state.flags.fastmath)

    def define_pipelines(self) -> list[Any]:
        """Their order."""
        managers: list[Any] = super().define_pipelines()  # type: ignore[no-untyped-call]
        for manager in managers:
            manager.passes = [(self.instead.get(step, step), told) for step, told in manager.passes]
        return managers


class PartPipeline(KernelPipeline):
    """The same for a part, in fewer steps."""

    kind = PartLibrary
    instead = INSTEAD_IN_PARTS


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

    def compile(self, signature: Any) -> Any:
        """As Numba's, without its clocks: each of LLVM's calls told every function that is being compiled."""
        types, result = sigutils.normalize_signature(signature)  # type: ignore[no-untyped-call]
        with global_compiler_lock:
            if tuple(types) not in self.overloads:
                with trigger_event("numba:compile", data={"dispatcher": self}):
                    self.add_overload(self._compiler.compile(types, result))
            compiled: Any = self.overloads[tuple(types)]
            return compiled.entry_point

    def add_overload(self, result: Any) -> None:
        """Callers find it by an object that stands for the function that Python cannot call."""
        key = object()
        target: Any = self.targetctx
        target.insert_user_function(key, result.fndesc, [result.library])
        self.overloads[tuple(result.signature.args)] = result._replace(entry_point=key)


class Kernel(CPUDispatcher):
    """A kernel as Python calls it."""

    def __init__(self, function: Any, options: dict[str, Any]) -> None:
        steps = KernelPipeline if UNDERSTOOD else Compiler
        super().__init__(function, targetoptions=options, pipeline_class=steps)

    def compile(self, signature: Any) -> Any:
        """Load or compile it. Garbage waits: looking for it among all that Numba makes took a tenth of compiling."""
        with uncollected():
            return super().compile(signature)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Kernel":
        """Itself, as functions are: copies of what runs it share it."""
        return self

    @cached_property
    def _part(self) -> Part:
        return Part(self.py_func, self.targetoptions)

    def get_call_template(self, *types: Any) -> Any:
        """What a kernel that calls it compiles."""
        part: Any = self._part if UNDERSTOOD else super()
        return part.get_call_template(*types)

    def get_overload(self, signature: Any) -> Any:
        """What a kernel that calls it finds it by."""
        part: Any = self._part if UNDERSTOOD else super()
        return part.get_overload(signature)
