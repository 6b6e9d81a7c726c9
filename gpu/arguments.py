"""Arguments of a Numba kernel as the CUDA kernel of that name takes them: structures by value."""

import struct
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .source import TYPES, type_name

LARGEST_INT = 2**31 - 1
LETTERS = {"i4": "i", "i8": "q", "u8": "Q", "f4": "f", "f8": "d"}
"""Letters by which Python's `struct` knows NumPy's kinds of numbers."""

Rule = TypeVar("Rule")

Address = Callable[[Any], int | None]
"""Gives an array's address, or None for what is no array of the device."""


class Packer:
    """Packs the arguments of one kernel, whose layout it learns from the first ones.

    An array becomes ``Array<T, N>``: its address and its shape. A tuple becomes a structure of its members, in order;
    a named tuple's must be of the types that it says. A float must say its precision. Each argument becomes an array of
    one element, whose bytes the kernel reads.

    Raises:
        TypeError: the kernels have no such argument, or a named tuple holds something else than it says.

    >>> Packer(lambda value: None)((3, (True, np.float32(0.5))))[1].dtype
    dtype([('f0', '<i4'), ('f1', '<f4')], align=True)
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._layout: list[tuple[struct.Struct, np.dtype[Any]]] = []

    def __call__(self, arguments: tuple[Any, ...]) -> list[NDArray[Any]]:
        """Pack the arguments of a launch."""
        self._layout = self._layout or [
            (struct.Struct("=" + _letters(kind)), kind)
            for kind in (_kind_of(value, self._address) for value in arguments)
        ]
        try:
            return [
                np.frombuffer(layout.pack(*self._numbers(value)), kind)
                for (layout, kind), value in zip(self._layout, arguments, strict=True)
            ]
        except struct.error as error:
            raise TypeError(f"expected arguments like the first ones, received others: {error}") from error

    def _numbers(self, value: Any) -> Iterator[Any]:
        if isinstance(value, tuple):
            for part in value:
                yield from self._numbers(part)
        elif isinstance(value, bool | int | np.integer | np.floating):
            yield value
        else:
            place = self._address(value)
            if place is None:
                raise _unknown(value)
            yield place
            yield from value.shape


def numbers(kind: Callable[..., Rule], **values: float) -> Rule:
    """A named tuple of numbers, each made the type that it says.

    >>> from typing import NamedTuple
    >>> numbers(NamedTuple("Pace", [("steps", int), ("rate", np.float32)]), steps=3, rate=0.5)
    Pace(steps=3, rate=np.float32(0.5))
    """
    return kind(**{name: kind.__annotations__[name](value) for name, value in values.items()})


def check_audio(audio: Any, streams: int) -> None:
    """Sound is an array (samples, streams).

    Raises:
        ValueError: it is of another shape.
    """
    if audio.ndim != 2 or audio.shape[1] != streams:
        raise ValueError(f"expected audio of shape (samples, {streams}), received {audio.shape}")


def check_fields(value: Any) -> None:
    """A named tuple holds what it says: kernels of both kinds are compiled for that.

    Raises:
        TypeError: it does not; the message names the field.
    """
    for name, hint in type(value).__annotations__.items():
        field = getattr(value, name)
        expected, received = type_name(hint), _type_of(field)
        if expected.replace("UNIT", received.removeprefix("Array<").split(",")[0]) != received:
            raise TypeError(f"expected {type(value).__name__}.{name} to be {expected}, received {received}")


def _type_of(value: Any) -> str:
    if hasattr(value, "ndim") and hasattr(value, "shape") and value.ndim:
        return f"Array<{TYPES.get(value.dtype.type, value.dtype)}, {value.ndim}>"
    return TYPES.get(type(value), type(value).__name__)


def _kind_of(value: Any, address: Address) -> np.dtype[Any]:
    if isinstance(value, tuple):
        if hasattr(value, "_fields"):
            check_fields(value)
        return np.dtype([(f"f{i}", _kind_of(part, address)) for i, part in enumerate(value)], align=True)
    if isinstance(value, bool | int | np.integer) and abs(int(value)) <= LARGEST_INT:
        return np.dtype(np.int32)
    if isinstance(value, np.float32 | np.float64):
        return value.dtype
    if address(value) is None:
        raise _unknown(value)
    return np.dtype([("data", np.uint64), ("shape", np.int64, (value.ndim,))], align=True)


def _unknown(value: Any) -> TypeError:
    return TypeError(f"expected an array of the GPU or a number with a precision, received {type(value).__name__}")


def _letters(kind: np.dtype[Any]) -> str:
    """The layout in the letters of `struct`, gaps included."""
    if kind.fields is None:
        letter = LETTERS[kind.base.str[1:]]
        return letter * int(np.prod(kind.shape, dtype=int))
    letters, end = "", 0
    for part, offset, *_ in kind.fields.values():
        letters += "x" * (offset - end) + _letters(part)
        end = offset + part.itemsize
    return letters + "x" * (kind.itemsize - end)
