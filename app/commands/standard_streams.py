"""Standard streams that serve whatever the process was started with: closed, full, or unable to spell."""

import io
import os
import select
import sys
from contextlib import suppress
from typing import Any

from sharpear.errors import unwritable

STDIN, STDOUT, STDERR = 0, 1, 2
USELESS = {STDIN: os.O_WRONLY, STDOUT: os.O_RDONLY, STDERR: os.O_RDONLY}
"""How to open what stands in for a closed stream, so that using it fails as using the closed one would."""


class _Results(io.FileIO):
    """Stdout: its first failure is raised as one of ours, after which nothing is written any more."""

    _failed = False

    def write(self, data: Any) -> int:
        """As ``io.FileIO``.

        Raises:
            InputError: it cannot be written.
            SystemExit: nobody reads it any more.
        """
        try:
            while not self._failed:
                written = super().write(data)
                if written is not None:
                    return written
                select.select([], [self], [])  # it does not wait by itself
        except BrokenPipeError as error:
            self._failed = True
            raise SystemExit(1) from error  # nobody reads any more, as under `| head`: nobody wants to be told of it
        except OSError as error:
            self._failed = True
            raise unwritable("stdout", error, option="") from error
        return len(data)


class _Messages(io.FileIO):
    """Stderr: what cannot be written is dropped, because no message is worth the work that it speaks of."""

    def write(self, data: Any) -> int:
        """As ``io.FileIO``, or as if."""
        with suppress(OSError):
            return super().write(data) or len(data)  # None where a terminal does not take it now
        return len(data)


def make_ready() -> None:
    """Give this process three standard streams; to be called before any other file is opened."""
    for number, flags in USELESS.items():
        _fill(number, flags)
    if sys.stdin is None:
        sys.stdin = open(STDIN, encoding="utf-8", closefd=False)  # noqa: SIM115 (lives as long as we)
    sys.stdout = _rebuilt(sys.stdout, _Results, STDOUT)
    sys.stderr = _rebuilt(sys.stderr, _Messages, os.dup(STDERR))  # ours alone: `quiet_decoder` silences the other


def _fill(number: int, flags: int) -> None:
    """Let `number` be an open descriptor: what is opened next would get it, and with it all that is printed."""
    try:
        os.fstat(number)
    except OSError:
        opened = os.open(os.devnull, flags)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)
        os.set_inheritable(number, True)


def _rebuilt(stream: Any, kind: type[io.FileIO], number: int) -> Any:
    """`stream` over a raw file of `kind`, which escapes what its encoding lacks; another's is left as it is."""
    buffer = getattr(stream, "buffer", None)
    if stream is not None and type(getattr(buffer, "raw", buffer)) is not io.FileIO:
        return stream  # Windows' console, which takes all letters, or who calls us listens
    encoding = "utf-8" if stream is None else stream.encoding
    raw = io.BufferedWriter(kind(number, "wb", closefd=False))
    # line by line: at the interpreter's end, nobody could be told any more that the rest cannot be written
    return io.TextIOWrapper(raw, encoding=encoding, errors="backslashreplace", line_buffering=True)
