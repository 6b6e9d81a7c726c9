"""A kernel as Python calls it, and as kernels call it: as a part of them, or apart.

A part is made machine code with what calls it alone. Numba by itself makes machine code of a function, and a wrapper by
which Python calls it, and then once more with every function that calls it, level by level: of compiling a path that
was more than a third. A kernel apart is machine code of its own, called by a symbol. What calls it can be compiled
without it, in a process beside (`sharpear.compiler.ahead`).
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numba
import numba.core.dispatcher
from numba.core import sigutils, types
from numba.core.compiler import Compiler
from numba.core.compiler_lock import global_compiler_lock
from numba.core.event import trigger_event
from numba.core.funcdesc import FunctionDescriptor
from numba.core.registry import CPUDispatcher
from numba.core.typing import templates

from .libraries import Library, PartLibrary, bind, declare
from .once import once
from .passes import INSTEAD, INSTEAD_IN_PARTS

typing: Any = templates
unliteral: Any = types.unliteral
FunctionCompiler: Any = numba.core.dispatcher._FunctionCompiler  # type: ignore[attr-defined]

RETURNED: dict[Any, Any] = {None: types.none, bool: types.boolean, int: types.intp}
"""What kernels apart return, by what their definitions say."""

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


class Apart(CPUDispatcher):
    """A kernel as kernels call it, machine code of its own. It returns nothing, a bool or an int.

    Args:
        function: the kernel.
        options: as Numba's.
        cache: where it is kept.
    """

    def __init__(self, function: Any, options: dict[str, Any], cache: Any) -> None:
        alone = {**options, "no_cpython_wrapper": True}
        super().__init__(function, targetoptions=alone)
        self._compiler = PartCompiler(function, self.targetdescr, alone, {}, KernelPipeline)
        self._cache: Any = cache
        self._returns = _returned_by(function)
        self._keys: dict[tuple[Any, ...], object] = {}

    def get_call_template(self, given: Any, named: Any) -> Any:
        """What it returns, without compiling it."""
        signature, given = self.fold_argument_types(given, named)
        args = tuple(map(unliteral, given))
        if args not in self._keys:
            self._declare(args, tuple(signature.parameters))
        name, returned = self.py_func.__name__, typing.signature(self._returns, *args)
        return typing.make_concrete_template(name, key=name, signatures=[returned]), signature, given, {}

    def get_overload(self, signature: Any) -> Any:
        """What a kernel that calls it finds it by."""
        args, _ = sigutils.normalize_signature(signature)  # type: ignore[no-untyped-call]
        return self._keys[tuple(args)]

    def _declare(self, args: tuple[Any, ...], names: tuple[str, ...]) -> None:
        symbol, function = self._symbol(args), self.py_func
        declare(symbol, (function.__module__, function.__qualname__, args), self.compile)
        told: Any = FunctionDescriptor(  # type: ignore[no-untyped-call]
            True, function.__module__, function.__qualname__, symbol, "", None, self._returns, None, names, (),
            mangler=lambda *_, **__: symbol, argtypes=args,
        )  # fmt: skip
        target: Any = self.targetctx
        self._keys[args] = key = object()
        target.insert_user_function(key, told)

    def _symbol(self, args: tuple[Any, ...]) -> str:
        target: Any = self.targetctx
        return f"sharpear.{self._cache.name(args, target.codegen())}"

    def compile(self, signature: Any) -> Any:
        """Load or compile it."""
        with uncollected():
            return super().compile(signature)

    def add_overload(self, result: Any) -> None:
        """Callers find it by its symbol."""
        if result.signature.return_type != self._returns:
            raise TypeError(f"{self.py_func.__qualname__} returns {result.signature.return_type}, not {self._returns}")
        args = tuple(result.signature.args)
        bind(self._symbol(args), result.library.get_pointer_to_function(result.fndesc.llvm_func_name))
        self.overloads[args] = result


def _returned_by(function: Any) -> Any:
    """What a kernel apart returns, as its definition says."""
    said = function.__annotations__.get("return", "nothing")
    if said not in RETURNED:
        raise TypeError(f"{function.__qualname__}: expected a kernel apart to say -> None, bool or int, it says {said}")
    return RETURNED[said]


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
