"""Arguments that are unpacked once, and kept as kernels hold them: a hundred arrays in one.

Python hands a kernel one array at a time, which of a named tuple of a hundred takes ten microseconds a call.
"""

from typing import Any, Generic, TypeVar

import llvmlite.ir
import numpy as np
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models, registry
from numba.core.types import BaseTuple
from numba.extending import NativeValue, intrinsic, typeof_impl, unbox

from .cache import kernel

ir: Any = llvmlite.ir
helpers: Any = cgutils
NumbaType: Any = types.Type
PrimitiveModel: Any = models.PrimitiveModel
Native: Any = NativeValue
told: Any = typeof_impl
unboxing: Any = unbox
register: Any = registry.register_default
Values = TypeVar("Values")

ALIGNMENT = 64


class Kept(Generic[Values]):
    """A named tuple of arrays and numbers, kept for kernels, which get at it by `opened`.

    Args:
        values: what is kept; its arrays live as long as this does, and stay where they are.

    >>> from typing import NamedTuple
    >>> class Pair(NamedTuple):
    ...     x: np.ndarray
    ...     factor: float
    >>> @kernel
    ... def total(kept):
    ...     return opened(kept).x.sum() * opened(kept).factor
    >>> total(Kept(Pair(np.array([1.0, 2.0]), 2.0)))
    6.0
    """

    def __init__(self, values: Values) -> None:
        self.values = values
        size = _keep(values, 0)
        self._memory = np.zeros(size + ALIGNMENT, np.uint8)
        begin: int = self._memory.ctypes.data
        self.address = begin + -begin % ALIGNMENT
        _keep(values, self.address)


class KeptType(NumbaType):  # type: ignore[misc]
    """Numba's type of `Kept` values of a type; its name tells the fields of named tuples as well."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        super().__init__(name=f"Kept({inner}, {_fields(inner)})")


def _fields(kind: Any) -> Any:
    parts: Any = kind if isinstance(kind, BaseTuple) else ()
    return getattr(kind, "fields", ()), [_fields(part) for part in parts]


@register(KeptType)
class _KeptModel(PrimitiveModel):  # type: ignore[misc]
    """An address."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, ir.IntType(64))


@told.register(Kept)
def _type_of_kept(kept: Kept[Any], context: Any) -> KeptType:
    return KeptType(told(kept.values, context))


@unboxing(KeptType)
def _unbox_kept(kind: Any, kept: Any, c: Any) -> Any:
    address = c.pyapi.object_getattr_string(kept, "address")
    value = c.pyapi.long_as_longlong(address)
    c.pyapi.decref(address)
    return Native(value, is_error=helpers.is_not_null(c.builder, c.pyapi.err_occurred()))


def _opened(typing: Any, kept: Any) -> Any:
    """What is kept, in a kernel."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = context.get_value_type(kept.inner)
        return builder.load(builder.inttoptr(arguments[0], kind.as_pointer()))  # its arrays have no owners to count

    return kept.inner(kept), generate


def _stored(typing: Any, values: Any, address: Any) -> Any:
    """Store at an address, if it is not 0; how many bytes that are."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value, where = arguments
        with builder.if_then(builder.icmp_unsigned("!=", where, ir.Constant(where.type, 0))):
            place = builder.inttoptr(where, value.type.as_pointer())
            builder.store(_without_owners(context, builder, values, value), place)
        return ir.Constant(ir.IntType(64), context.get_abi_sizeof(value.type))

    return types.intp(values, types.intp), generate


def _without_owners(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """The same, its arrays as if nobody owned them: they are not counted, Python keeps them."""
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder, value)
        array.meminfo = ir.Constant(array.meminfo.type, None)
        array.parent = ir.Constant(array.parent.type, None)
        return array._getvalue()
    parts: Any = kind if isinstance(kind, BaseTuple) else ()
    for n, part in enumerate(parts):
        inner = _without_owners(context, builder, part, builder.extract_value(value, n))
        value = builder.insert_value(value, inner, n)
    return value


opened: Any = intrinsic(_opened)
_store: Any = intrinsic(_stored)


@kernel
def _keep(values: Any, address: int) -> int:
    return int(_store(values, address))
