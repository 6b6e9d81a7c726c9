"""What is too much at once, said to the user."""

from collections.abc import Iterator
from contextlib import contextmanager

from sharpear.dsp.stateful import StateTooLargeError

from .errors import UsageError


@contextmanager
def so_many_streams(streams: int) -> Iterator[None]:
    """Report states that grow too large.

    Raises:
        UsageError: with the number of streams.
    """
    try:
        yield
    except StateTooLargeError as error:
        raise UsageError(f"{streams} channels at once are too many ({error}): mix them down, or split them") from error
