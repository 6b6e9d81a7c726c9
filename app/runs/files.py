"""Sharpen audio into files: source → `Sharpener` → sinks, block by block."""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sharpear.audio import AudioFile, AudioSource, Selection
from sharpear.audio.blocks import BLOCK_SAMPLES
from sharpear.config import Config
from sharpear.errors import printable
from sharpear.interrupt import Interruption
from sharpear.sharpening.frames import Frames
from sharpear.sharpening.sharpener import Sharpener
from sharpear.sinks import SINKS, SinkInfo, Staging
from sharpear.version import __version__

from .pool import SharpenerPool

Progress = Callable[[float, float | None], None]
"""Receives seconds done, and seconds in all where that is known."""


@dataclass(frozen=True)
class Outcome:
    """What became of one input."""

    outputs: tuple[Path, ...]
    audio_s: float
    replaced_samples: int
    complete: bool


class FileSinks:
    """Several files made of the same frames, which appear together or not at all."""

    def __init__(self, outputs: Sequence[Path], info: SinkInfo) -> None:
        self.paths = list(outputs)
        self._sinks = [SINKS[output.suffix.removeprefix(".")](output, info) for output in outputs]
        self._staging: Staging | None = None

    def open(self) -> None:
        """Begin to grow, under temporary names.

        Raises:
            InputError: a place cannot be made.
        """
        self._staging = Staging(self.paths)
        try:
            for sink in self._sinks:
                sink.open(self._staging.place(sink.path))
        except BaseException:
            self.discard()
            raise

    def write(self, frames: Frames) -> None:
        """Append frames to each."""
        for sink in self._sinks:
            sink.write(frames)

    def publish(self, complete: bool) -> None:
        """Make each whole, then give each its name."""
        assert self._staging is not None, "open() comes first"
        for sink in self._sinks:
            sink.finish(complete)
        for sink in self._sinks:
            sink.close()
        self._staging.publish()

    def discard(self) -> None:
        """Remove what has not been published."""
        for sink in self._sinks:
            sink.close()
        if self._staging:
            self._staging.discard()

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()


def describe(audio: AudioSource, sharpener: Sharpener, **attributes: Any) -> SinkInfo:
    """What outputs say of their source, and of how they were made."""
    return SinkInfo(
        sharpener.frequencies,
        sharpener.channel_frequencies,
        audio.channels,
        {
            "source": printable(audio.name),
            "sharpear": __version__,
            **sharpener.description(),
            "config_hash": config_hash(sharpener.config, audio.selection),
            **attributes,
        },
    )


def config_hash(config: Config, selection: Selection) -> str:
    """Twelve hexadecimal digits that name what decides the outcome beside the input."""
    settings = {"config": config.model_dump(mode="json"), "selection": asdict(selection)}
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]


def sharpen_file(
    path: Path,
    outputs: Sequence[Path],
    config: Config,
    selection: Selection,
    progress: Progress | None = None,
) -> Outcome:
    """Sharpen one file into `outputs`, whose suffixes choose the formats.

    `progress` receives (seconds done, seconds in all). Outputs appear whole, and together, at the end; after Ctrl-C
    what was done is kept, marked incomplete; after an error, or before the first block is done, nothing is left.

    Raises:
        InputError, UsageError: as `AudioFile`, `Sharpener` and the sinks raise them.
        KeyboardInterrupt: nothing was done yet, or the user asked twice.
    """
    with Interruption() as interruption, AudioFile(path, selection) as audio:
        return sharpen_audio(audio, outputs, SharpenerPool(config), interruption, progress)


def sharpen_audio(
    audio: AudioSource,
    outputs: Sequence[Path],
    sharpeners: SharpenerPool,
    interruption: Interruption,
    progress: Progress | None = None,
    keep_partial: bool = True,
) -> Outcome:
    """As `sharpen_file`, from any source; interrupted without `keep_partial` it leaves nothing.

    Raises:
        InputError, UsageError: as the source, `Sharpener` and the sinks raise them.
        KeyboardInterrupt: interrupted, and nothing is kept.
    """
    with ExitStack() as held:
        sharpener = held.enter_context(sharpeners.lend(audio.sample_rate, audio.channels, audio.start_s))
        files = held.enter_context(FileSinks(outputs, describe(audio, sharpener)))
        done, complete = advance(audio, sharpener, files.write, interruption, progress)
        if not (complete or keep_partial):
            raise KeyboardInterrupt
        if isinstance(audio, AudioFile):
            audio.check_unchanged()
        files.publish(complete)
        return Outcome(tuple(outputs), done / audio.sample_rate, int(sharpener.replaced.sum()), complete)


def advance(
    audio: AudioSource,
    sharpener: Sharpener,
    write: Callable[[Frames], None],
    interruption: Interruption,
    progress: Progress | None = None,
) -> tuple[int, bool]:
    """Everything from `audio` through `sharpener` to `write`, until the end or an interruption.

    Returns the samples done, and whether they are all.
    """
    done, total_s = 0, None if audio.samples is None else audio.samples / audio.sample_rate
    for block in audio.blocks(BLOCK_SAMPLES):
        write(sharpener.process(block))
        interruption.patient = True
        done += len(block)
        if progress:
            progress(done / audio.sample_rate, total_s)
        if interruption.requested:
            break
    write(sharpener.flush())
    return done, not interruption.requested or done == audio.samples
