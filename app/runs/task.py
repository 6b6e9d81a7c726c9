"""What a run makes of each input, and what it gives each to work with."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sharpear.audio import AudioFile, AudioSource, Selection
from sharpear.audio.blocks import BLOCK_SAMPLES
from sharpear.errors import UsageError
from sharpear.gpu import Backend
from sharpear.interrupt import Interruption

from .packs import Lane

Progress = Callable[[float, float | None], None]
"""Receives seconds done, and seconds in all where that is known."""


@dataclass(frozen=True)
class Outcome:
    """What became of one input.

    replaced_samples: NaN, Inf and the like that were taken as silence.
    made: what is in the outputs, in a few words.  remarks: what a person should know of them, a line each.
    """

    outputs: tuple[Path, ...]
    audio_s: float
    replaced_samples: int
    complete: bool
    made: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """How much sound was worked on, and what was made of it."""
        return f"{self.audio_s:.1f} s" + (f", {self.made}" if self.made else "")


@dataclass(frozen=True)
class Running:
    """What a run gives each input.

    interruption: somebody wants to end.  progress: is told how far it is.
    keep_partial: interrupted, what is done is kept and marked incomplete; otherwise nothing is left.
    at_once: how many stretches of a long file may be worked on side by side.
    """

    interruption: Interruption
    progress: Progress | None = None
    keep_partial: bool = True
    at_once: int = 1


class Task(ABC):
    """What is made of every input: settings alone, so that it can be sent to the workers of a cluster.

    selection: which part of an input is taken.
    seals: outputs carry a checksum, and say what they were made of.
    """

    selection: Selection
    seals: ClassVar[bool] = True

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """What decides the outputs beside the input and the selection; values fit JSON."""

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that name the settings and the selection."""
        return digest(self.settings, self.selection)

    @abstractmethod
    def make(self, audio: AudioSource, outputs: Sequence[Path], running: Running) -> Outcome:
        """Make the outputs of one source, which appear whole, and together, at the end.

        Raises:
            InputError, UsageError: the source ends badly, its rate does not suit, or an output cannot be written.
            KeyboardInterrupt: interrupted, and nothing is kept.
        """

    def lane(self, source: Path, outputs: Sequence[Path], keep_partial: bool, cut: bool) -> Lane[Any]:
        """One file among those that a GPU works on side by side; cut: a long one may take several streams.

        Raises:
            UsageError: this task does not run on a GPU.  InputError: the file cannot be read.
        """
        raise UsageError("--device gpu: this command runs on the CPU: leave --device out")

    def join(self, lanes: Sequence[Lane[Any]], device: Backend) -> Any:
        """What works on the streams of all `lanes` at once, on a GPU."""
        raise NotImplementedError


def digest(settings: dict[str, Any], selection: Selection) -> str:
    """Twelve hexadecimal digits that name what decides an outcome beside the input."""
    named = {**settings, "selection": asdict(selection)}
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()[:12]


def make_of_file(task: Task, path: Path, outputs: Sequence[Path], progress: Progress | None = None) -> Outcome:
    """Do `task` for one file, here and now; after Ctrl-C what was done is kept, marked incomplete.

    Raises:
        InputError, UsageError: as `AudioFile` and the task raise them.
        KeyboardInterrupt: nothing was done yet, or the user asked twice.
    """
    with Interruption() as interruption, AudioFile(path, task.selection) as audio:
        return task.make(audio, outputs, Running(interruption, progress))


class CountedBlocks:
    """The blocks of a source until its end or an interruption.

    done: samples so far.  complete: whether they are all.
    """

    def __init__(self, audio: AudioSource, running: Running) -> None:
        self._audio, self._running = audio, running
        self.done = 0
        self.complete = False

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        audio, running = self._audio, self._running
        total_s = None if audio.samples is None else audio.samples / audio.sample_rate
        for block in audio.blocks(BLOCK_SAMPLES):
            yield block
            running.interruption.patient = True
            self.done += len(block)
            if running.progress:
                running.progress(self.done_s, total_s)
            if running.interruption.requested:
                break
        self.complete = not running.interruption.requested or self.done == audio.samples

    @property
    def done_s(self) -> float:
        """Seconds so far."""
        return self.done / self._audio.sample_rate

    def end(self) -> None:
        """All blocks have been worked on: whether the outputs may get their names.

        Raises:
            InputError: the file has changed while it was read.
            KeyboardInterrupt: it was interrupted, and what is done is not to be kept.
        """
        if not (self.complete or self._running.keep_partial):
            raise KeyboardInterrupt
        if isinstance(self._audio, AudioFile):
            self._audio.check_unchanged()
