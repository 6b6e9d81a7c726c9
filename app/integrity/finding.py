"""What is found when an output is checked, and how outputs are reached."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Literal

State = Literal["whole", "readable", "unfinished", "changed", "damaged", "foreign"]
"""whole: its checksums hold.  readable: it carries none, and its parts fit together.  unfinished: whole, but its making
was interrupted.  changed: sound or attributes are not those that were written, as after an edit.  damaged: a part is
missing, added or not as it was written.  foreign: nothing that sharpear wrote, or nothing at all."""


@dataclass(frozen=True)
class Finding:
    """What an output is. told: why, in a few words.  attributes: what it says of itself, where that can be read."""

    state: State
    told: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)


class DamageError(Exception):
    """A file is not what it should be; `str(error)` says in a few words why."""


@dataclass(frozen=True)
class Access:
    """How files are reached, here or in a store.

    opened: opens a place for reading.  files: the files below a folder, as (path in the folder, bytes), raising
    `DamageError` for what is no plain file.
    is_folder: whether a place is a folder.
    """

    opened: Callable[[str], BinaryIO]
    files: Callable[[str], Iterator[tuple[str, int]]]
    is_folder: Callable[[str], bool]


def of_attributes(attributes: dict[str, Any]) -> Finding:
    """The finding of an output whose checksums hold."""
    if attributes.get("complete") is False:
        return Finding("unfinished", "was interrupted: marked incomplete", attributes)
    return Finding("whole", attributes=attributes)
