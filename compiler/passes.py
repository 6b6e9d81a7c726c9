"""Numba's steps for kernels and their parts: indices are never negative, and no step is done that has nothing to do.

Of each index Numba asks whether it counts from an array's end. That is asked in every turn of a loop, and where what is
asked for depends on the answer, a loop does not run in lanes. Other steps go over a whole function, also where it holds
nothing that they are for: to leave these out is a tenth of compiling.
"""

from collections.abc import Iterator
from types import CodeType
from typing import Any

from numba import types
from numba.core import lowering, typed_passes, untyped_passes
from numba.core.compiler_machinery import register_pass
from numba.core.types import BaseTuple

typed: Any = typed_passes
untyped: Any = untyped_passes
registered: Any = register_pass
Lower: Any = lowering.Lower
Tuple: Any = types.Tuple

NEIGHBOURS: Any = types.Integer, types.SliceType, types.EllipsisType, types.NoneType
"""Indices by which neighbours are taken."""

MAKERS = frozenset({"binop", "inplace_binop", "unary", "call"})
"""Expressions that may make an array."""

LOOKS_ALONE = frozenset({"getitem", "static_getitem", "getattr"})
"""Expressions that look into what there is, or at a part of it."""


@registered(mutates_CFG=True, analysis_only=False)
class Closures(untyped.InlineClosureLikes):  # type: ignore[misc]
    """Put functions within a function where they are called, if there are any: lambdas, comprehensions."""

    _name = "closures"

    def run_pass(self, state: Any) -> bool:
        """Whether it changed something."""
        within = any(isinstance(held, CodeType) for held in state.func_id.code.co_consts)
        return within and bool(super().run_pass(state))


@registered(mutates_CFG=True, analysis_only=False)
class Rewrites(typed.NopythonRewrites):  # type: ignore[misc]
    """Make loops of whole arrays' expressions, and places of fields' names, if there are any."""

    _name = "rewrites"

    def run_pass(self, state: Any) -> bool:
        """Whether it changed something."""
        return _rewrites(state) and bool(super().run_pass(state))


class FromTheStart(Lower):  # type: ignore[misc]
    """Makes LLVM's code, in which indices count from the start, but for those that are written as negative numbers."""

    def lower_getitem(self, resty: Any, expr: Any, value: Any, index: Any, signature: Any) -> Any:
        """An element, or a part, of what `value` names."""
        return super().lower_getitem(resty, expr, value, index, self._from_the_start(signature, index))

    def lower_setitem(self, target: Any, index: Any, value: Any, signature: Any) -> Any:
        """An element, or a part, of what `target` names is set."""
        return super().lower_setitem(target, index, value, self._from_the_start(signature, index))

    def _from_the_start(self, signature: Any, index: Any) -> Any:
        array, _, *value = signature.args
        if not isinstance(array, types.Array):
            return signature
        return signature.replace(args=(array, _unsigned(self.typeof(index.name)), *value))


def _unsigned(index: Any) -> Any:
    if isinstance(index, BaseTuple):
        parts: Any = index
        return Tuple([_unsigned(part) for part in parts])
    negative = isinstance(index, types.IntegerLiteral) and index.literal_value < 0
    return types.uintp if isinstance(index, types.Integer) and not negative else index


@registered(mutates_CFG=True, analysis_only=False)
class Lowering(typed.NativeLowering):  # type: ignore[misc]
    """Make LLVM's code by `FromTheStart`."""

    _name = "native_lowering_of_a_kernel"

    @property
    def lowering_class(self) -> Any:
        """What makes it."""
        return FromTheStart


@registered(mutates_CFG=True, analysis_only=False)
class PartLowering(Lowering):
    """Make a part's code; where all arrays are lent by the caller, without counting who holds them."""

    _name = "native_lowering_of_a_part"

    def run_pass(self, state: Any) -> bool:
        """Whether it changed something."""
        state.targetctx.enable_nrt = state.targetctx.enable_nrt and not _only_borrows(state)
        return bool(super().run_pass(state))


INSTEAD: dict[Any, Any] = {typed.NativeLowering: Lowering}
"""What kernels take for some of Numba's steps."""

INSTEAD_IN_PARTS: dict[Any, Any] = {
    untyped.InlineClosureLikes: Closures,
    typed.NopythonRewrites: Rewrites,
    typed.NativeLowering: PartLowering,
}
"""What parts take."""


def _expressions(state: Any) -> Iterator[tuple[Any, Any]]:
    """Each expression, and the type of its value."""
    for block in state.func_ir.blocks.values():
        for statement in block.find_insts(untyped.ir.Assign):
            if isinstance(statement.value, untyped.ir.Expr):
                yield statement.value, state.typemap[statement.target.name]


def _assignments(state: Any) -> Iterator[Any]:
    """Statements that assign to elements: of arrays to arrays Numba makes a copy first, where they may overlap."""
    for block in state.func_ir.blocks.values():
        yield from block.find_insts((untyped.ir.SetItem, untyped.ir.StaticSetItem))


def _rewrites(state: Any) -> bool:
    """Whether an operator or a call makes an array, or there are names, as of fields."""
    if any(isinstance(kind, types.StringLiteral) for kind in state.typemap.values()):
        return True
    makers = (made for expression, made in _expressions(state) if expression.op in MAKERS)
    return any(isinstance(made, types.Array) for made in makers)


def _only_borrows(state: Any) -> bool:
    """Whether nothing that is counted is made or returned: arrays are then arguments, or views of these."""
    models, typemap = state.targetctx.data_model_manager, state.typemap

    def counts(kind: Any) -> bool:
        return bool(models[kind].contains_nrt_meminfo())

    if counts(state.return_type) or any(counts(typemap[given.value.name]) for given in _assignments(state)):
        return False
    for expression, made in _expressions(state):
        if not counts(made):
            continue
        if expression.op not in LOOKS_ALONE:
            return False
        looked_into = typemap[expression.value.name]
        if isinstance(looked_into, types.Array) and not _is_view(expression, typemap):
            return False
    return True


def _is_view(expression: Any, typemap: Any) -> bool:
    """Whether what is taken of an array are neighbours in it, not a copy of elements here and there."""
    if expression.op == "getattr":
        return False  # of a complex array a view, of a real one a copy
    if expression.op == "static_getitem":
        return isinstance(expression.index, int | slice)
    kind = typemap[expression.index.name]
    parts: Any = kind if isinstance(kind, BaseTuple) else (kind,)
    return all(isinstance(part, NEIGHBOURS) for part in parts)
