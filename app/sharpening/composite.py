"""States of what is composed of parts: dicts that say what they belong to, refused where that is another."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from sharpear.dsp.stateful import Stateful
from sharpear.errors import UsageError
from sharpear.gpu import CPU, Backend, Record

OWNER = "of"
"""Key of the state under which stands what it belongs to."""


class Memory(Stateful):
    """What an object remembers beside its parts: fields of a structured dtype, zeros at the start."""

    def __init__(self, fields: list[tuple[Any, ...]], backend: Backend = CPU) -> None:
        self._remember(fields, backend)

    @property
    def fields(self) -> Record:
        """The fields, by name."""
        return self._state


class Composite(ABC):
    """Keeps its state in parts: `state` is a dict of theirs, and of what they belong to."""

    @property
    @abstractmethod
    def _parts(self) -> dict[str, Any]:
        """What has a state of its own, by name."""

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
