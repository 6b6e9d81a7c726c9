"""The project's own exceptions: each reaches a person as one line, and knows its exit code."""


class SharpearError(Exception):
    """Something the user can act on; `str(error)` is one line saying what was received, expected, and what to do."""

    exit_code = 1


class InputError(SharpearError):
    """An input cannot be read as audio, or an output cannot be written; other inputs may still go on."""


class UsageError(SharpearError, ValueError):
    """The request itself is wrong: an unknown preset, a value out of range, outputs that would collide."""

    exit_code = 2
