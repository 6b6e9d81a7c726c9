"""What the words on the command line name: files, what folders hold, what globs match, here or behind URLs."""

import glob
import os
import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile

from sharpear.audio.media import MEDIA_SUFFIXES
from sharpear.errors import InputError, UsageError

from .places import filesystem, is_url, reached

GLOB_CHARACTERS = "*?["


@dataclass(frozen=True)
class Found:
    """An input, and the folder that it stands in below what was named; None for what was named itself."""

    place: str
    below: str | None = None


def find_inputs(words: Sequence[str], recursive: bool, outputs: str | None = None) -> list[Found]:
    """The inputs that `words` name, each word's in order of their names.

    outputs: the folder of outputs. Where it lies in a folder that is named, what is in it is no input.

    Files are taken as they are, folders for the audio files in them (and, `recursive`, below them); what does not
    exist and holds * ? or [ is a glob, in which ** reaches below.

    Raises:
        InputError: a folder or glob that yields nothing.
        UsageError: an input named twice.
    """
    found: dict[str, Found] = {}
    for word in words:
        if is_url(word):
            with reached(word):
                matches = list(_remote(word, recursive))
        else:
            matches = list(_local(word, recursive))
            if own := _outputs_within(word, outputs):
                matches = [match for match in matches if own not in Path(os.path.realpath(match.place)).parents]
        if not matches:
            deeper = "; --recursive looks below it" if os.path.isdir(word) and not recursive else ""
            raise InputError(f"{word}: no audio files there{deeper}")
        for match in matches:
            if match.place in found:
                raise UsageError(f"{match.place} is given twice: name it once")
            found[match.place] = match
    return list(found.values())


def _outputs_within(word: str, outputs: str | None) -> Path | None:
    """The folder of outputs, unless `word` names it or something in it."""
    if outputs is None or is_url(outputs):
        return None
    folder, named = Path(os.path.realpath(outputs)), Path(os.path.realpath(word))
    return None if folder in (named, *named.parents) else folder


def is_audio(name: str) -> bool:
    """Whether a file of this name is taken from a folder: it has a suffix of sound, and is not hidden.

    >>> is_audio("song.flac"), is_audio("notes.txt"), is_audio(".song.flac")
    (True, False, False)
    """
    return not name.startswith(".") and name.rpartition(".")[2].lower() in AUDIO_SUFFIXES


AUDIO_SUFFIXES = {name.lower() for name in soundfile.available_formats() if name not in ("RAW", "TXT")} | {
    "aif", "aifc", "oga", "opus", "snd", "wave", *MEDIA_SUFFIXES,
}  # fmt: skip


def _local(word: str, recursive: bool) -> Iterator[Found]:
    path = Path(word)
    if os.path.isdir(word):
        yield from _in_folder(path, recursive)
    elif not os.path.exists(word) and any(c in word for c in GLOB_CHARACTERS):
        base = Path(*_before_glob(path.parts))
        for match in sorted(glob.glob(word, recursive=True)):
            if _is_or_was_a_file(Path(match)) and not _is_passed_over(Path(match).relative_to(base)):
                yield Found(match, _below(Path(match).parent, base))
    else:
        yield Found(str(path))


def _in_folder(folder: Path, recursive: bool) -> Iterator[Found]:
    for path in sorted(folder.rglob("*") if recursive else folder.iterdir()):
        below = path.relative_to(folder)
        if is_audio(path.name) and not _is_passed_over(below) and _is_or_was_a_file(path):
            yield Found(str(path), _below(path.parent, folder))


def _is_or_was_a_file(path: Path) -> bool:
    """Also a link to what is gone: it is an input that fails, where nobody would miss it if it were left out."""
    return path.is_file() or not path.exists()


def _is_passed_over(below: Path) -> bool:
    """Whether a file stands in a hidden folder, or in what sharpear itself has written."""
    return any(part.startswith(".") or part.endswith(".zarr") for part in below.parts[:-1])


def _remote(url: str, recursive: bool) -> Iterator[Found]:
    fs, path = filesystem(url)
    fs.invalidate_cache()
    if any(c in path for c in GLOB_CHARACTERS):
        base = posixpath.join("/" if path.startswith("/") else "", *_before_glob(path.split("/")))
        matches = [match for match in sorted(fs.glob(path)) if is_audio(posixpath.basename(match))]
    elif fs.isdir(path):
        base = path
        listed = fs.find(path, maxdepth=None if recursive else 1)
        matches = [match for match in sorted(listed) if is_audio(posixpath.basename(match))]
    else:
        yield Found(url)
        return
    for match in matches:
        below = posixpath.relpath(posixpath.dirname(match), base.rstrip("/") or "/")
        yield Found(fs.unstrip_protocol(match), "" if below == "." else below)


def _before_glob(parts: Sequence[str]) -> list[str]:
    first = next(i for i, part in enumerate(parts) if any(c in part for c in GLOB_CHARACTERS))
    return list(parts[:first])


def _below(folder: Path, base: Path) -> str:
    below = folder.relative_to(base).as_posix()
    return "" if below == "." else below
