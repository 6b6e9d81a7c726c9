"""The project's own exceptions: each reaches a person as one line, and knows its exit code."""

import reprlib
from collections.abc import Mapping
from typing import Any


class SharpearError(Exception):
    """Something the user can act on; `str(error)` is one line saying what was received, expected, and what to do."""

    exit_code = 1

    def __str__(self) -> str:
        return printable(super().__str__())


class InputError(SharpearError):
    """An input cannot be read as audio, or an output cannot be written; other inputs may still go on."""


class UsageError(SharpearError, ValueError):
    """The request itself is wrong: an unknown preset, a value out of range, outputs that would collide."""

    exit_code = 2


class AudioDeviceError(SharpearError):
    """There is no audio device to listen to, or none answers."""

    exit_code = 3


def printable(text: str) -> str:
    r"""`text` on one line: newlines, terminal controls and undecodable bytes of file names are escaped.

    >>> print(printable("two\nlines"))
    two\nlines
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def expected_and_received(complaint: Mapping[str, Any]) -> str:
    """What Pydantic says of a value, in this project's words.

    >>> expected_and_received({"msg": "Input should be a valid number, unable to parse string", "input": "many"})
    "expected a valid number, received 'many'"
    """
    message = complaint["msg"].replace("Input should be ", "expected ", 1).partition(", unable to parse")[0]
    return f"{message[0].lower()}{message[1:]}, received {reprlib.repr(complaint['input'])}"
