"""The project's own exceptions: each reaches a person as one line, and knows its exit code."""

import errno
import os
import reprlib
from collections.abc import Mapping
from typing import Any


class SharpearError(Exception):
    """Something the user can act on; `str(error)` is one line saying what was received, expected, and what to do.

    >>> import sharpear
    >>> try:
    ...     sharpear.load("nothing.zarr")
    ... except sharpear.SharpearError as error:
    ...     print(type(error).__name__, error.exit_code)
    InputError 1
    """

    exit_code = 1
    """What a command that ends by it returns: 1 an input or output, 2 the request, 3 no audio device."""

    def __str__(self) -> str:
        return printable(super().__str__())


class InputError(SharpearError):
    """An input cannot be read as audio, or an output cannot be written; other inputs may still go on.

    >>> import sharpear
    >>> try:
    ...     sharpear.sharpen("nothing.flac")
    ... except InputError as error:
    ...     print(error)
    nothing.flac: no such file
    """


class UsageError(SharpearError, ValueError):
    """The request itself is wrong: an unknown preset, a value out of range, outputs that would collide.

    >>> import sharpear
    >>> try:
    ...     sharpear.Sharpener(44100, device="tpu")
    ... except UsageError as error:
    ...     print(error)
    expected the device cpu, gpu, gpu:1 or auto, received 'tpu'
    """

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


REMEDIES = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "make room"),
    **dict.fromkeys((errno.EACCES, errno.EPERM), "change the permissions"),
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), "allow more open files, as with `ulimit -n 1024`"),
}


def unreachable(error: OSError) -> InputError:
    """The error for what the system refused, where no more is known of it.

    >>> print(unreachable(PermissionError(errno.EACCES, "Permission denied", "a/b")))
    a/b: cannot be reached (Permission denied): change the permissions
    """
    cause, remedy = error.strerror or str(error) or type(error).__name__, REMEDIES.get(error.errno or 0)
    place = "the system" if error.filename is None else os.fsdecode(error.filename)
    return InputError(f"{place}: cannot be reached ({cause})" + (f": {remedy}" if remedy else ""))


def unwritable(place: object, error: Exception, option: str = "-o") -> InputError:
    """The error that `place` cannot be written, and what to do about it.

    error: an OSError, or what soundfile raises.  option: the one that names the place; empty where none does.

    >>> unwritable("x.npz", PermissionError(errno.EACCES, "Permission denied"))
    InputError('x.npz: cannot be written (Permission denied): change the permissions, or choose another place with -o')
    """
    if isinstance(error, OSError):
        cause, remedy = error.strerror or str(error), REMEDIES.get(error.errno or 0)
        if error.errno == errno.EEXIST:
            cause = "its folder is a file, or a link that leads nowhere"
    else:  # soundfile asserts that all was written: a full disk takes less
        cause, remedy = str(error) or "the disk is full", REMEDIES[errno.ENOSPC]
    remedies = [remedy, f"choose another place with {option}" if option else None]
    advice = ", or ".join(filter(None, remedies))
    return InputError(f"{place}: cannot be written ({cause})" + (f": {advice}" if advice else ""))


def expected_and_received(complaint: Mapping[str, Any]) -> str:
    """What Pydantic says of a value, in this project's words.

    >>> expected_and_received({"msg": "Input should be a valid number, unable to parse string", "input": "many"})
    "expected a valid number, received 'many'"
    """
    message = complaint["msg"].replace("Input should be ", "expected ", 1).partition(", unable to parse")[0]
    return f"{message[0].lower()}{message[1:]}, received {reprlib.repr(complaint['input'])}"
