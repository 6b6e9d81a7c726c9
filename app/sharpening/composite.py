"""What is composed of parts: its state as a dict that says what it belongs to, and the one face of what takes sound."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sharpear.errors import UsageError
from sharpear.gpu import CPU, Backend, Pending, Record
from sharpear.gpu.stateful import Stateful

from .results import counted

Result = TypeVar("Result")

OWNER = "of"
"""The key of a state under which it says what it belongs to."""


class Memory(Stateful):
    """What an object remembers beside its parts: fields of a structured dtype, zeros at the start."""

    def __init__(self, fields: list[tuple[Any, ...]], backend: Backend = CPU) -> None:
        self._remember(fields, backend)

    @property
    def fields(self) -> Record:
        """The remembered fields, by name."""
        return self._state


class Composite(ABC):
    """Keeps its state in parts: `state` is a dict of theirs, and of what they belong to."""

    @property
    @abstractmethod
    def _parts(self) -> dict[str, Any]:
        """The parts that have a state of their own, by name."""

    @property
    def _owner(self) -> dict[str, Any]:
        """What a state must belong to, beside fitting the parts: values that compare and fit JSON."""
        return {}

    @property
    def state(self) -> dict[str, Any]:
        """Everything that the next output depends on (copies)."""
        own = {OWNER: self._owner} if self._owner else {}
        return own | {name: part.state for name, part in self._parts.items()}

    @state.setter
    def state(self, value: Mapping[str, Any]) -> None:
        self._check(value)
        before = {name: part.state for name, part in self._parts.items()}
        for name, part in self._parts.items():
            try:
                part.state = value[name]
            except ValueError as error:
                for known, kept in before.items():
                    self._parts[known].state = kept
                raise UsageError(f"state of {name}: {str(error).removeprefix('state of ')}") from error

    def reset(self) -> None:
        """Forget the past: the next output is that of a new object."""
        for part in self._parts.values():
            part.reset()

    def _check(self, value: object) -> None:
        kind, owner = type(self).__name__, self._owner
        names = [*([OWNER] if owner else []), *self._parts]
        if not isinstance(value, Mapping):
            raise UsageError(
                f"expected the state of a {kind}, a dict of {', '.join(names)}, received {type(value).__name__}"
            )
        if value.keys() != set(names):
            received = ", ".join(map(str, value)) or "nothing"
            raise UsageError(f"expected the state of a {kind} with {', '.join(names)}, received one with {received}")
        theirs = value[OWNER] if owner else owner
        if not isinstance(theirs, Mapping):
            raise UsageError(f"expected the state of a {kind} that says what it is of, received {theirs!r:.80}")
        for key, ours in owner.items():
            if theirs.get(key) != ours:
                raise UsageError(
                    f"expected the state of a {kind} with {key} = {ours}, received one with {key} = {theirs.get(key)}"
                )


class Streaming(Composite, Generic[Result]):
    """Sound in, a `Result` out for each block: what `Sharpener`, `Separator` and `Transcriber` have in common.

    sample_rate: Hz.  streams: independent signals, such as audio channels.  backend: where kernels run.

    However the input is split into blocks, the results, joined, are the same, bit for bit on the CPU. `reset` begins
    anew, and `state` can be saved and restored in another object that was built alike.
    """

    sample_rate: float
    streams: int
    backend: Backend

    @property
    @abstractmethod
    def latency_s(self) -> float:
        """Time from a sound to its result, s."""

    @property
    @abstractmethod
    def replaced(self) -> NDArray[np.int64]:
        """(streams,) unusable input samples (NaN, Inf, beyond 120 dBFS) taken as silence so far."""

    @abstractmethod
    def submit(self, block: ArrayLike) -> Pending[Result]:
        """`process` without waiting for its result: a GPU works on while the next block is made ready.

        Raises:
            UsageError: as `process`.
        """

    def process(self, block: ArrayLike) -> Result:
        """Advance over audio, (samples,) or (samples, streams), full scale ±1; return what is completed by it.

        Raises:
            UsageError: `block` has another number of streams or holds integers, or `flush` has ended the stream.
        """
        return self.submit(block).result()

    @abstractmethod
    def flush(self) -> Result:
        """What is still on its way, completed by silence. The stream has then ended: `reset` begins the next one."""

    @abstractmethod
    def _summary(self) -> str:
        """What `repr` says between the input and the latency."""

    def __repr__(self) -> str:
        told = f"{self.sample_rate:g} Hz, {counted(self.streams, 'stream')}, {self._summary()}"
        where = "" if self.backend is CPU else f", on {getattr(self.backend, 'name', 'a device')}"
        return f"<{type(self).__name__}: {told}, {1e3 * self.latency_s:.1f} ms late{where}>"
