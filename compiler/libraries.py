"""LLVM's code of kernels: what it is told of them, how often it optimises them, and what they need to be loaded."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import llvmlite.binding
import llvmlite.ir
from numba.core.codegen import JITCodeLibrary

binding: Any = llvmlite.binding
ir: Any = llvmlite.ir

Need = tuple[str, str, tuple[Any, ...]]
"""A kernel apart, by its module, its name and the types of its arguments."""

needed: dict[str, Need] = {}
"""Kernels apart that are called by what is compiled here, by the symbol by which they are."""

_load: dict[str, Callable[[Any], Any]] = {}
_bound: set[str] = set()
_runs = True


def has_name(need: Need) -> bool:
    """Whether another process finds it by its name: within a function none is."""
    return "<" not in need[1]


def only_compile() -> None:
    """Nothing runs in this process from now on: what is called need not be there."""
    global _runs
    _runs = False


def bind(symbol: str, address: int) -> None:
    """What calls the symbol finds it there."""
    _bound.add(symbol)
    binding.add_symbol(symbol, address)


def declare(symbol: str, need: Need, load: Callable[[Any], Any]) -> None:
    """Something calls a kernel apart, which that function loads or compiles."""
    needed[symbol], _load[symbol] = need, load


def provide(symbol: str, need: Need) -> None:
    """Load or compile a kernel apart, so that what calls it can be loaded."""
    if symbol in _bound:
        return
    if not _runs:
        bind(symbol, 1)
        return
    module, name, types = need
    load = _load.get(symbol) or getattr(import_module(module), name)._part.compile
    load(types)
    if symbol not in _bound:  # LLVM would end the process
        raise LookupError(f"{name} is not what was called")


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

    needs: dict[str, Need]
    """Kernels apart that it calls."""

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

    def _finalize_final_module(self) -> None:
        called = (function.name for function in self._final_module.functions if function.is_declaration)
        self.needs = {symbol: needed[symbol] for symbol in called if symbol in needed}
        for symbol, need in self.needs.items():
            provide(symbol, need)
        super()._finalize_final_module()  # type: ignore[no-untyped-call]


class PartLibrary(Library):
    """Code that is linked into other code, optimised before, as loops within it are vectorised best by themselves."""

    def _round(self) -> tuple[Any, Any]:
        """The first one: the second comes where all is linked."""
        codegen = self._codegen
        passes: tuple[Any, Any] = codegen._module_pass_manager(  # type: ignore[no-untyped-call]
            loop_vectorize=codegen._loopvect, slp_vectorize=False, opt=codegen._opt_level, cost="cheap"
        )
        return passes

    def _finalize_final_module(self) -> None:
        self._finalized = True
