"""Stems of files and streams: source → `Separator` → WAV files or one stream, block by block."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpear.audio import AudioFile, AudioSource, Selection
from sharpear.audio.audio_file import logger
from sharpear.audio.mono import MonoMix
from sharpear.gpu import Backend
from sharpear.interrupt import Interruption
from sharpear.runs.packs import Lane
from sharpear.runs.task import CountedBlocks, Outcome, Running, Task
from sharpear.sinks.outlet import Outlet, ending

from .separator import Separator, half_of
from .shares import ShareFactory
from .stem_files import StemFiles, StemFormat
from .stem_lane import StemLane
from .stem_stream import StemStream
from .tonal import TonalTransient

LONGEST_REHEARSED_S = 3600.0
"""Longer files are separated as streams are: what is kept of a recording that is heard before its stems grows by
0.12 MB a second, and by three times that while it is decided whose its notes are; an hour takes 1.3 GB."""


@dataclass(frozen=True)
class Separation(Task):
    """Separate into WAV files of `stems`, in the order of the outputs.

    sources: what tells the sources apart.  described: what names it and its settings; values fit JSON.
    """

    stems: tuple[str, ...]
    sources: ShareFactory = TonalTransient
    form: StemFormat = field(default_factory=StemFormat)
    selection: Selection = field(default_factory=Selection)
    described: dict[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, Any]:
        """The sources, the stems, and how they are written."""
        form = {"subtype": self.form.subtype, "clip": self.form.clip}
        return {"separation": {**self.described, "stems": list(self.stems), **form}}

    def make(self, audio: AudioSource, outputs: Sequence[Path], running: Running) -> Outcome:
        """The stems of all of `audio`, as long as it is."""
        separator = Separator(audio.sample_rate, self.sources, audio.channels)
        if separator.rehearses and isinstance(audio, AudioFile):  # a pipe is heard but once
            running = _rehearsed(separator, audio, running)
        blocks = CountedBlocks(audio, running)
        made_of = {"source": audio.name, "config_hash": self.digest}
        planned = dict(zip(self.stems, outputs, strict=True))
        mean = _Mean(separator)
        with StemFiles(planned, separator.stems, audio.sample_rate, audio.channels, self.form, made_of) as files:
            for stems in separated(mean.of(blocks), separator):
                files.write(stems)
            blocks.end()
            files.publish(blocks.complete)
        mean.tell(audio.name)
        return Outcome(tuple(outputs), blocks.done_s, int(separator.replaced.sum()), blocks.complete)

    def lane(self, source: Path, outputs: Sequence[Path], keep_partial: bool, cut: bool) -> Lane[Any]:
        """Its streams are its channels; no file is cut."""
        made_of = {"source": source.name, "config_hash": self.digest}
        planned = dict(zip(self.stems, outputs, strict=True))
        return StemLane(source, planned, self.form, self.selection, made_of, keep_partial)

    def join(self, lanes: Sequence[Lane[Any]], device: Backend) -> Separator:
        """A separator of all streams, linked as those of each file."""
        audio, streams = lanes[0].audio, sum(lane.streams for lane in lanes)
        return Separator(audio.sample_rate, self.sources, streams, linked=audio.channels, device=device)


def _rehearsed(separator: Separator, audio: AudioFile, running: Running) -> Running:
    """`running` of what is left: half of it where the file is short enough to be heard before its stems."""
    length_s = audio.samples / audio.sample_rate
    if length_s > LONGEST_REHEARSED_S:
        logger.warning(
            "%s: %.0f min of %.0f at most are heard whole before their stems: separated as a stream", audio.name,
            length_s / 60, LONGEST_REHEARSED_S / 60,
        )  # fmt: skip
        return running
    separator.rehearse(_heard_before(audio, replace(running, progress=half_of(running.progress, 0))))
    return replace(running, progress=half_of(running.progress, 1))


def _heard_before(audio: AudioFile, running: Running) -> Iterator[NDArray[np.float32]]:
    """All blocks of a file, which stays where it is.

    Raises:
        KeyboardInterrupt: somebody wants to end, and nothing is done yet.
    """
    with AudioFile(audio.path, audio.selection) as again:
        blocks = CountedBlocks(again, running)
        yield from blocks
        if not blocks.complete:
            raise KeyboardInterrupt


def separated(blocks: Iterable[NDArray[np.float32]], separator: Separator) -> Iterator[NDArray[np.float32]]:
    """Stems (samples, streams, stems) of all blocks, lined up with the input and as long.

    >>> stems = list(separated([np.zeros((3000, 1), np.float32)], Separator(16000)))
    >>> sum(map(len, stems))
    3000
    """
    late = separator.latency_samples
    for block in blocks:
        stems = separator.process(block)
        yield stems[late:]
        late = max(0, late - len(stems))
    yield separator.flush()[late:]


def separate_stream(
    audio: AudioSource, outlet: Outlet, interruption: Interruption, stem: str, stream: StemStream, sources: ShareFactory
) -> Outcome:
    """One stem as it is made, `Separator.latency_s` behind what has come; quiet when nobody reads any more.

    Raises:
        InputError, UsageError: the source ends badly, or the stream's disk is full; what has left is valid.
    """
    separator = Separator(audio.sample_rate, sources, audio.channels)
    blocks = CountedBlocks(audio, Running(interruption))
    mean = _Mean(separator)
    where, complete = separator.stems.index(stem), True  # of what is wanted, where nobody reads any more
    with ending(outlet):
        stream.begin(outlet, audio.sample_rate, audio.channels)
        for stems in separated(mean.of(blocks), separator):
            stream.write(stems[:, :, where])
        complete = blocks.complete
    mean.tell(audio.name)
    return Outcome((), blocks.done_s, int(separator.replaced.sum()), complete)


class _Mean:
    """Watches whether the channels cancel each other in their mean, where that is what a separator listens to."""

    def __init__(self, separator: Separator) -> None:
        self._mix = MonoMix() if separator.takes_mean else None

    def of(self, blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        """The blocks as they are."""
        for block in blocks:
            if self._mix:
                self._mix.mix(block)
            yield block

    def tell(self, name: str) -> None:
        """Say so, if they do."""
        if self._mix and self._mix.cancels:
            what = "its channels cancel each other in their mean, where voices are heard"
            logger.warning("%s: %s: invert one of them, or separate one alone", name, what)
