"""Stems as files: their names, how they are written, and how they appear whole and together."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import soundfile
from numpy.typing import NDArray

from sharpear.audio.blocks import BLOCK_SAMPLES
from sharpear.errors import InputError, UsageError, unwritable
from sharpear.integrity import SampleDigest, read_back
from sharpear.sinks.sound import FAILURES, GrowingSound
from sharpear.sinks.staging import Staging

SUBTYPES = {"float32": "FLOAT", "pcm24": "PCM_24", "pcm16": "PCM_16"}
CLIPS = ("none", "clamp", "rescale")


@dataclass(frozen=True)
class StemFormat:
    """The encoding in which stems are written, and what happens to samples beyond full scale.

    subtype: float32, pcm24 or pcm16.
    clip: what happens beyond full scale: "none" leaves it (integer formats then saturate), "clamp" cuts it off,
    "rescale" makes all stems quieter by one factor, so that they still add up, to that factor, to the original.
    """

    subtype: str = "float32"
    clip: str = "none"

    def __post_init__(self) -> None:
        if self.subtype not in SUBTYPES:
            raise UsageError(f"--subtype: expected {', '.join(SUBTYPES)}, received {self.subtype!r}")
        if self.clip not in CLIPS:
            raise UsageError(f"--clip: expected {', '.join(CLIPS)}, received {self.clip!r}")


class StemFiles:
    """WAV files of stems, under temporary names until `publish` gives them theirs, all at once.

    Args:
        outputs: stem → path.
        stems: the stems of the blocks that will come, in order.
        sample_rate, channels: of each.
        form: how they are written.
        made_of: what they say of their source and settings.

    Raises:
        InputError: from any method, when a file cannot be written.
    """

    def __init__(
        self,
        outputs: Mapping[str, Path],
        stems: Sequence[str],
        sample_rate: int,
        channels: int,
        form: StemFormat,
        made_of: Mapping[str, str] | None = None,
    ) -> None:
        self.paths = list(outputs.values())
        self._where = [stems.index(stem) for stem in outputs]
        self._form, self._made_of = form, made_of or {}
        self._writing = ExitStack()
        self._staging = Staging(self.paths, audio=True)
        self._places = [self._staging.place(path) for path in self.paths]
        self._digests = [SampleDigest(sample_rate, channels) for _ in self.paths]
        self._files: list[GrowingSound] = []
        try:
            for path, place in zip(self.paths, self._places, strict=True):
                with _reporting(path):
                    self._files.append(self._writing.enter_context(GrowingSound(place, sample_rate, channels)))
        except InputError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, block: NDArray[np.float32]) -> None:
        """Append (samples, channels, stems)."""
        for file, digest, stem, path in zip(self._files, self._digests, self._where, self.paths, strict=True):
            with _reporting(path):
                file.write(block[:, :, stem])
                digest.add(block[:, :, stem])

    def publish(self, complete: bool = True) -> None:
        """Bring them to their subtype, and give each its name; `complete` False marks them as cut short."""
        with _reporting(self.paths[0].parent):
            for file, digest in zip(self._files, self._digests, strict=True):
                file.comment(digest.comment(complete, self._made_of))
            self._writing.close()
            _finish(self._places, self._form, complete, self._made_of)
        self._staging.publish()

    def close(self) -> None:
        """Remove what has not been published."""
        self._let_go()
        self._staging.discard()

    def leave(self) -> None:
        """Leave what could not be published where it is: the next command that sees it publishes it as recovered."""
        self._let_go()
        self._staging.leave()

    def _let_go(self) -> None:
        with suppress(*FAILURES):  # closing writes what is buffered, and the disk may be full
            self._writing.close()


@contextmanager
def _reporting(place: Path) -> Iterator[None]:
    try:
        yield
    except FAILURES as error:
        raise unwritable(place, error) from error


def _finish(places: Sequence[Path], form: StemFormat, complete: bool, made_of: Mapping[str, str]) -> None:
    """Bring floating-point stems to their subtype and below full scale, all by the same factor."""
    if form.subtype == "float32" and form.clip == "none":
        return
    peak = 0.0
    if form.clip == "rescale":
        for path in places:
            for block in soundfile.blocks(path, BLOCK_SAMPLES, dtype="float32"):
                peak = max(peak, float(np.abs(block).max(initial=0.0)))
    for path in places:
        changed = path.with_name(".changed.wav")
        with ExitStack() as held:
            file = held.enter_context(soundfile.SoundFile(os.fsencode(path)))
            out = held.enter_context(GrowingSound(changed, file.samplerate, file.channels, SUBTYPES[form.subtype]))
            for block in file.blocks(BLOCK_SAMPLES, dtype="float32"):
                scaled = block / max(peak, 1.0)
                out.write(scaled if form.clip == "none" else np.clip(scaled, -1.0, 1.0))
            out.sync()
            rounded = held.enter_context(soundfile.SoundFile(changed))
            out.comment(read_back(rounded).comment(complete, made_of))
        os.replace(changed, path)
