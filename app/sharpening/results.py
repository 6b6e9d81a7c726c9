"""Results as values: arrays that belong together, and compare, slice and print as a person expects."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

Index = int | slice | NDArray[Any]


class ArrayResult:
    """A frozen dataclass, some of whose fields are arrays.

    Two results are equal if they are of one class and all their fields are equal: arrays in shape and every value,
    where NaN equals NaN. As arrays, results cannot be hashed. Subclasses are made with
    ``@dataclass(frozen=True, eq=False, repr=False)``, so that all this is inherited.
    """

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        mine, theirs = (_values(result) for result in (self, other))
        return all(_are_equal(mine[name], theirs[name]) for name in mine)

    __array_ufunc__ = None  # beside an array, too, what is above decides
    __hash__ = None  # type: ignore[assignment]  # what is compared by its contents is not told apart by its identity

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {', '.join(self._summary())}>"

    def _summary(self) -> list[str]:
        """What `repr` says, in a few words each."""
        raise NotImplementedError


class FrameResult(ArrayResult):
    """Consecutive frames: the first axis of every array counts them, except in the fields named by `FIXED`.

    ``frames[a:b]``, ``frames[mask]`` and ``frames[n]`` choose as in NumPy: a single frame has no frames' axis.
    """

    FIXED: ClassVar[frozenset[str]] = frozenset()
    """Fields that are the same for all frames, such as the axis of frequencies."""

    def __len__(self) -> int:
        return len(next(iter(self._by_frame().values())))

    def __getitem__(self, frames: Index) -> Self:
        return self._with({name: part[frames] for name, part in self._by_frame().items()})

    def single_stream(self) -> Self:
        """The same frames of the first stream, without the streams' axis."""
        return self._with({name: part[:, 0] for name, part in self._by_frame().items() if np.ndim(part) > 1})

    def with_stream(self) -> Self:
        """Frames that have no streams' axis, with one: the inverse of `single_stream`."""
        return self._with({name: part[:, None] for name, part in self._by_frame().items() if np.ndim(part) > 1})

    @classmethod
    def join(cls, pieces: Sequence[Self]) -> Self:
        """The frames of all pieces, one after the other."""
        parts = {name: [getattr(piece, name) for piece in pieces] for name in pieces[0]._by_frame()}
        return pieces[0]._with({name: _joined(same) for name, same in parts.items()})

    def _by_frame(self) -> dict[str, Any]:
        return {n: part for n, part in _values(self).items() if n not in self.FIXED and part is not None}

    def _with(self, parts: dict[str, Any]) -> Self:
        return replace(self, **parts)  # type: ignore[type-var]  # subclasses are dataclasses

    def _span(self, times: NDArray[np.float64]) -> str:
        if not np.ndim(times):
            return f"1 frame at {times:.3f} s"
        lasting = f", {times[0]:.3f} to {times[-1]:.3f} s" if len(times) else ""
        return counted(len(times), "frame") + lasting


def counted(number: int, name: str) -> str:
    """A number of things in words.

    >>> counted(1, "frame"), counted(2, "frame")
    ('1 frame', '2 frames')
    """
    return f"{number} {name}" + ("s" if number != 1 else "")


def _values(result: Any) -> dict[str, Any]:
    return {field.name: getattr(result, field.name) for field in fields(result)}


def _are_equal(one: Any, other: Any) -> bool:
    if hasattr(one, "dtype") and hasattr(other, "dtype"):
        return bool(np.array_equal(one, other, equal_nan=True))
    return type(one) is type(other) and bool(one == other)


def _joined(parts: list[Any]) -> Any:
    return parts[0].join(parts) if isinstance(parts[0], FrameResult) else np.concatenate(parts)
