"""What is too much at once, said to the user."""

from collections.abc import Iterator
from contextlib import contextmanager

from sharpear.errors import UsageError
from sharpear.gpu import LayerTooLargeError
from sharpear.gpu.stateful import StateTooLargeError
from sharpear.system import most_open_files

OTHER_DESCRIPTORS = 128
"""File descriptors left for what is neither input nor output: libraries, the terminal, folders that are searched."""


class TooManyStreamsError(UsageError):
    """The states of so many streams are too large; fewer may fit."""


@contextmanager
def so_many_streams(streams: int) -> Iterator[None]:
    """Turn errors about what grows too large into this project's own.

    Raises:
        TooManyStreamsError: states, with the number of streams.
        UsageError: a layer for a GPU.
    """
    try:
        yield
    except StateTooLargeError as error:
        raise TooManyStreamsError(
            f"{streams} channels at once are too many ({error}): mix them down, or split them"
        ) from error
    except LayerTooLargeError as error:
        raise UsageError(f"{error}, or take --device cpu") from error


def descriptors_to_use() -> int:
    """How many files may be kept open at once.

    >>> descriptors_to_use() > 0
    True
    """
    most = most_open_files()
    return 2**31 if most is None else max(1, most - OTHER_DESCRIPTORS)
