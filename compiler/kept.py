"""Arguments that are unpacked once, and kept as kernels hold them: a hundred arrays in one.

Python hands a kernel one array at a time, which of a named tuple of a hundred takes ten microseconds a call.
"""

import hashlib
from functools import cache
from typing import Any, Generic, TypeVar

import llvmlite.ir
import numpy as np
from numba import typeof, types
from numba.core import cgutils
from numba.core.datamodel import models, registry
from numba.core.types import BaseTuple
from numba.core.typing.templates import AttributeTemplate
from numba.extending import NativeValue, infer_getattr, lower_getattr_generic, typeof_impl, unbox
from numba.np.numpy_support import as_dtype

from .libraries import bytes_at

ir: Any = llvmlite.ir
helpers: Any = cgutils
NumbaType: Any = types.Type
PrimitiveModel: Any = models.PrimitiveModel
Native: Any = NativeValue
kind_of: Any = typeof
told: Any = typeof_impl
unboxing: Any = unbox
register: Any = registry.register_default
Attributes: Any = AttributeTemplate
resolved: Any = infer_getattr
lowered: Any = lower_getattr_generic
Values = TypeVar("Values")

ALIGNMENT = 64


class Kept(Generic[Values]):
    """A named tuple of arrays and numbers, kept for kernels, to which it is the named tuple itself.

    Args:
        values: what is kept; its arrays live as long as this does, and stay where they are.

    >>> from typing import NamedTuple
    >>> from sharpear.compiler import kernel
    >>> class Pair(NamedTuple):
    ...     x: np.ndarray
    ...     factor: float
    >>> @kernel
    ... def total(kept):
    ...     return kept.x.sum() * kept.factor
    >>> total(Kept(Pair(np.array([1.0, 2.0]), 2.0)))
    6.0
    """

    def __init__(self, values: Values) -> None:
        self.values, self.kind = values, KeptType(kind_of(values))
        layout = _layout(self.kind.inner)
        self._memory = np.zeros(layout.itemsize + ALIGNMENT, np.uint8)
        begin: int = self._memory.ctypes.data
        offset = -begin % ALIGNMENT
        self.address = begin + offset
        self._memory[offset : offset + layout.itemsize].view(layout)[0] = _as_laid_out(values)


class KeptType(NumbaType):  # type: ignore[misc]
    """Numba's type of `Kept` values of a type, with a short name, as it is in that of every function that gets one."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        told = f"{inner}, {_fields(inner)}"  # a type's name does not tell the fields of named tuples
        super().__init__(name=f"Kept({hashlib.sha256(told.encode()).hexdigest()[:16]})")


def _fields(kind: Any) -> Any:
    parts: Any = kind if isinstance(kind, BaseTuple) else ()
    return getattr(kind, "fields", ()), [_fields(part) for part in parts]


@register(KeptType)
class _KeptModel(PrimitiveModel):  # type: ignore[misc]
    """An address of so many bytes."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, bytes_at(_layout(kind.inner).itemsize))


@told.register(Kept)
def _type_of_kept(kept: Kept[Any], context: Any) -> KeptType:
    return kept.kind


@unboxing(KeptType)
def _unbox_kept(kind: Any, kept: Any, c: Any) -> Any:
    address = c.pyapi.object_getattr_string(kept, "address")
    value = c.builder.inttoptr(c.pyapi.long_as_longlong(address), c.context.get_value_type(kind))
    c.pyapi.decref(address)
    return Native(value, is_error=helpers.is_not_null(c.builder, c.pyapi.err_occurred()))


@resolved
class _KeptFields(Attributes):  # type: ignore[misc]
    """The fields of what is kept, as those of a named tuple; a named tuple within it is where it is kept, too."""

    key = KeptType

    def generic_resolve(self, kept: Any, name: str) -> Any:
        if name not in kept.inner.fields:
            return None
        field = kept.inner[kept.inner.fields.index(name)]
        return KeptType(field) if isinstance(field, BaseTuple) else field


@lowered(KeptType)
def _field(context: Any, builder: Any, kept: Any, address: Any, name: str) -> Any:
    index = kept.inner.fields.index(name)
    whole = builder.bitcast(address, context.get_value_type(kept.inner).as_pointer())
    place = helpers.gep_inbounds(builder, whole, 0, index)
    if isinstance(kept.inner[index], BaseTuple):
        return builder.bitcast(place, context.get_value_type(KeptType(kept.inner[index])))
    if not isinstance(kept.inner[index], types.Array):
        return _loaded(builder, place)
    make = context.make_array(kept.inner[index])
    stored, array = make(context, builder, ref=place), make(context, builder)
    for part in ("nitems", "itemsize", "data", "shape", "strides"):  # and no owners to count
        setattr(array, part, _loaded(builder, stored._get_ptr_by_name(part)))
    return array._getvalue()


def _loaded(builder: Any, place: Any) -> Any:
    """A number, or an array's lengths, one by one: LLVM takes loads apart, and forgets then what it is told of them."""
    if isinstance(place.type.pointee, ir.ArrayType):
        numbers = [_loaded(builder, helpers.gep(builder, place, 0, n)) for n in range(place.type.pointee.count)]
        return helpers.pack_array(builder, numbers)
    value = builder.load(place)
    value.set_metadata("invariant.load", builder.module.add_metadata([]))  # what is kept never changes
    return value


@cache
def _layout(kind: Any) -> np.dtype[Any]:
    """How kernels lay out values of a type: as C does."""
    if isinstance(kind, types.Array):
        return np.dtype((np.int64, 5 + 2 * kind.ndim))  # its owners, size, size of an item, address, shape, strides
    if isinstance(kind, BaseTuple):
        parts: Any = kind
        return np.dtype([(f"{n}", _layout(part)) for n, part in enumerate(parts)], align=True)
    return np.dtype(as_dtype(kind))


def _as_laid_out(values: Any) -> Any:
    """Those values; arrays as if nobody owned them: they are not counted, Python keeps them."""
    if isinstance(values, np.ndarray):
        return 0, 0, values.size, values.itemsize, values.ctypes.data, *values.shape, *values.strides
    return tuple(map(_as_laid_out, values)) if isinstance(values, tuple) else values
