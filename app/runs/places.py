"""Local paths and URLs alike: what a batch needs of either. URLs go through fsspec (extra `remote`)."""

import os
import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from sharpear.errors import InputError, SharpearError, UsageError
from sharpear.integrity import LOCAL, Access


def is_url(place: str) -> bool:
    """Whether a place is a URL such as s3://bucket/key.

    >>> is_url("memory://song.wav"), is_url("a/song.wav")
    (True, False)
    """
    return "://" in place


def filesystem(url: str) -> tuple[Any, str]:
    """Fsspec's filesystem of a URL, and the path in it.

    Raises:
        UsageError: fsspec, or what it needs for this kind of URL, is not installed.
    """
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415
    except ImportError as error:
        raise UsageError(f"{url}: URLs need fsspec: pip install 'sharpear[remote]'") from error
    try:
        return cast(tuple[Any, str], url_to_fs(url))
    except (ImportError, ValueError) as error:
        raise UsageError(f"{url}: cannot be reached ({error}): install what it asks for, or correct the URL") from error


@contextmanager
def reporting(place: str, what: str) -> Iterator[None]:
    """Errors of a remote store as one line. Where the store is out of reach, OSError passes: it may come back."""
    try:
        yield
    except (FileNotFoundError, PermissionError) as error:
        cause = "no such file" if isinstance(error, FileNotFoundError) else f"{what} ({error})"
        raise InputError(f"{place}: {cause}") from error


@contextmanager
def reached(url: str) -> Iterator[None]:
    """Whatever goes wrong on the way to a store as one line, while nothing has begun and no second try would help."""
    try:
        yield
    except SharpearError:
        raise
    except Exception as error:  # stores have errors of their own: no credentials, no such host…
        raise InputError(f"{url}: cannot be reached ({error}): check the address, and your access to it") from error


def name_of(place: str) -> str:
    """The last part of a place."""
    return posixpath.basename(place) if is_url(place) else Path(place).name


def exists(place: str) -> bool:
    """Whether something is there."""
    if not is_url(place):
        return os.path.lexists(place)
    fs, path = filesystem(place)
    fs.invalidate_cache()
    return bool(fs.exists(path))


def access(place: str) -> Access:
    """How `place` and what is below it are read."""
    return REMOTE if is_url(place) else LOCAL


def _opened(url: str) -> BinaryIO:
    fs, path = filesystem(url)
    return cast(BinaryIO, fs.open(path, "rb"))


def _files(url: str) -> Iterator[tuple[str, int]]:
    fs, path = filesystem(url)
    fs.invalidate_cache()
    for found, told in fs.find(path, detail=True).items():
        yield posixpath.relpath(found, path), int(told["size"])


def _is_folder(url: str) -> bool:
    fs, path = filesystem(url)
    return bool(fs.isdir(path))


REMOTE = Access(_opened, _files, _is_folder)


def version(place: str) -> str:
    """What changes when a URL's content does."""
    fs, path = filesystem(place)
    fs.invalidate_cache()
    return str(fs.ukey(path))


def download(url: str, folder: Path) -> Path:
    """A local copy in `folder`.

    Raises:
        InputError: it is not there, or may not be read.
    """
    fs, path = filesystem(url)
    copy = folder / name_of(url)
    with reporting(url, "cannot be read"):
        fs.get_file(path, str(copy))
    return copy


def upload(local: Path, url: str) -> None:
    """Put a file or a Zarr to its URL. A Zarr's root goes last: without it there is no Zarr.

    Raises:
        InputError: it may not be written.
    """
    fs, path = filesystem(url)
    with reporting(url, "cannot be written"):
        if not local.is_dir():
            fs.makedirs(posixpath.dirname(path), exist_ok=True)
            fs.put_file(str(local), path)
            return
        fs.invalidate_cache()
        if fs.exists(path):
            fs.rm(path, recursive=True)
        files = sorted(file for file in local.rglob("*") if file.is_file())
        for file in sorted(files, key=lambda file: file == local / "zarr.json"):
            target = posixpath.join(path, file.relative_to(local).as_posix())
            fs.makedirs(posixpath.dirname(target), exist_ok=True)
            fs.put_file(str(file), target)
