"""Damaged audio, by its name and through stdin."""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from random import Random
from typing import Any

import numpy as np

from sharpear.audio import AudioPipe, Feed, RawFormat
from sharpear.audio.audio_file import AudioFile, Selection, logger
from sharpear.errors import SharpearError

from .case import Case, Place, WrongError
from .mutations import Changer
from .seeds import audio_files

BLOCK = 4096


class Told(logging.Handler):
    """Keeps what is said of inputs that are heard in part."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.lines.append(record.getMessage())


told = Told()
logger.addHandler(told)
logger.propagate = False


class Decoders:
    """Both decoders on the same bytes."""

    def prepare(self) -> None:
        self._seeds = audio_files()
        self._changer = Changer([content for _, content in self._seeds])

    def make(self, rng: Random) -> Case:
        suffix, content = rng.choice(self._seeds)
        data, told = self._changer.change(rng, content)
        name = "input" + (rng.choice(self._seeds)[0] if rng.random() < 0.1 else suffix)
        start, duration = (0.0, None) if rng.random() < 0.7 else (rng.choice((0.0, 0.01, 1.0)), rng.choice((0.02, 1e6)))
        selection = Selection(start, duration, rng.random() < 0.2)
        return Case(f"{suffix[1:]}: {told}, {len(data)} bytes, {selection}", {name: data}, (name, data, selection))

    def run(self, case: Case, place: Place) -> None:
        name, data, selection = case.data
        refused = [consume(lambda: by_name(place.folder / name, selection)), consume(lambda: by_stdin(data, selection))]
        for error in refused:
            if error and (not str(error) or "\n" in str(error)):
                raise error
        if all(refused):
            raise refused[0]


def by_name(path: Any, selection: Selection) -> Iterator[Any]:
    """What a file of that name holds: its source, then its blocks."""
    with AudioFile(path, selection) as audio:
        yield audio
        yield from audio.blocks(BLOCK)


def by_stdin(data: bytes, selection: Selection, raw: RawFormat | None = None) -> Iterator[Any]:
    """The same of what comes through a pipe."""
    with piped(data) as descriptor:
        audio = AudioPipe(Feed(descriptor), selection, raw)
        try:
            yield audio
            yield from audio.blocks(BLOCK)
        finally:
            audio.close()


@contextmanager
def piped(data: bytes) -> Iterator[int]:
    """A descriptor from which `data` comes, and then its end."""
    outlet, inlet = os.pipe()

    def pour() -> None:
        with suppress(OSError), os.fdopen(inlet, "wb", buffering=0) as file:
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]

    pouring = threading.Thread(target=pour, daemon=True)
    pouring.start()
    try:
        yield outlet
    finally:
        os.close(outlet)
        pouring.join()


def consume(opened: Callable[[], Iterator[Any]]) -> SharpearError | None:
    """Read to the end; what it was refused with.

    Raises:
        WrongError: blocks are not what they are said to be, or some are missing without a word.
    """
    total = 0
    told.lines.clear()
    try:
        parts = opened()
        audio = next(parts)
        for block in parts:
            if block.dtype != np.float32 or block.ndim != 2 or block.shape[1] != audio.channels or not len(block):
                raise WrongError(f"a block of {block.dtype} {block.shape} for {audio.channels} channels")
            total += len(block)
    except SharpearError as error:
        return error
    if audio.samples is not None and total != audio.samples:
        if total < audio.samples and told.lines:
            return None
        raise WrongError(f"{total} samples came of {audio.samples} that were promised")
    return None
