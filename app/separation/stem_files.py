"""Stems as files: their names, how they are written, and how they appear whole and together."""

import os
import shutil
import string
import struct
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import soundfile
from numpy.typing import NDArray

from sharpear.errors import UsageError, unwritable
from sharpear.harmless import check_apart
from sharpear.wav_header import find_data

BLOCK_SAMPLES = 16384
LARGEST_WAV = 4_000_000_000
SUBTYPES = {"float32": "FLOAT", "pcm24": "PCM_24", "pcm16": "PCM_16"}
INCOMPLETE = "complete = false"
"""The comment of stems that were cut short."""

CLIPS = ("none", "clamp", "rescale")


@dataclass(frozen=True)
class StemFormat:
    """How stems are written.

    filename: template with {track}, {stem} and {ext}.  subtype: float32, pcm24 or pcm16.
    clip: what happens beyond full scale: "none" leaves it (integer formats then saturate), "clamp" cuts it off,
    "rescale" makes all stems quieter by one factor, so that they still add up, to that factor, to the original.
    """

    filename: str = "{track}/{stem}.{ext}"
    subtype: str = "float32"
    clip: str = "none"

    def __post_init__(self) -> None:
        if self.subtype not in SUBTYPES:
            raise UsageError(f"--subtype: expected {', '.join(SUBTYPES)}, received {self.subtype!r}")
        if self.clip not in CLIPS:
            raise UsageError(f"--clip: expected {', '.join(CLIPS)}, received {self.clip!r}")
        try:
            fields = {field for _, field, _, _ in string.Formatter().parse(self.filename) if field is not None}
        except ValueError as error:
            raise UsageError(f"--filename: {self.filename!r} is no template ({error})") from error
        if "stem" not in fields or not fields <= {"track", "stem", "ext"}:
            raise UsageError(f"--filename: expected {{stem}}, and {{track}} and {{ext}}, received {self.filename!r}")
        if not self.filename.endswith((".{ext}", ".wav")):
            raise UsageError(f"--filename: stems are WAV: expected it to end in .{{ext}}, received {self.filename!r}")

    def path(self, folder: Path, track: str, stem: str) -> Path:
        """Where a stem goes.

        >>> StemFormat().path(Path("out"), "song", "tonal").as_posix()
        'out/song/tonal.wav'
        """
        return folder / self.filename.format(track=track, stem=stem, ext="wav")


def plan_stems(
    inputs: Sequence[Path],
    folder: Path,
    stems: Sequence[str],
    form: StemFormat,
    overwrite: bool,
    kept: Sequence[Path] = (),
) -> dict[Path, list[Path]]:
    """Name the stems of every input. kept: other files that none may replace.

    Raises:
        UsageError: two outputs would be one, or one exists already.
    """
    planned: dict[Path, list[Path]] = {}
    taken: set[Path] = set()
    for path in inputs:
        if path in planned:
            raise UsageError(f"{path} is given twice: name it once")
        planned[path] = [form.path(folder, path.stem, stem) for stem in stems]
        for output in planned[path]:
            if output in taken:
                raise UsageError(f"{output} would be written twice: use {{track}} in --filename, or run inputs apart")
            check_apart([output], [*inputs, *kept])
            if output.exists() and not overwrite:
                raise UsageError(f"{output}: exists already: --overwrite replaces it, -o chooses another place")
            taken.add(output)
    return planned


class StemFiles:
    """WAV files of stems, under temporary names until `publish` gives them theirs, all at once.

    Args:
        outputs: stem → path.
        stems: the stems of the blocks that will come, in order.
        sample_rate, channels: of each.
        form: how they are written.
        samples: how many will come, where that is known.

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
        samples: int | None = None,
    ) -> None:
        self.paths = list(outputs.values())
        self._where = [stems.index(stem) for stem in outputs]
        self._form, self._open_ended = form, samples is None
        self._kept, self._writing = ExitStack(), ExitStack()
        # What may grow beyond 4 GB is written as RF64, and becomes a plain WAV at the end if it is small enough.
        kind = "RF64" if samples is None or samples * channels * 4 > LARGEST_WAV else "WAV"
        with ExitStack() as opening:
            opening.callback(self.close)
            self._partial = [self._kept.enter_context(_temporary(path)) for path in self.paths]
            self._files = [
                self._writing.enter_context(_wav(partial, sample_rate, channels, "FLOAT", kind))
                for partial in self._partial
            ]
            opening.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def write(self, block: NDArray[np.float32]) -> None:
        """Append (samples, channels, stems)."""
        for file, stem, path in zip(self._files, self._where, self.paths, strict=True):
            with _reporting(path):
                file.write(block[:, :, stem])

    def publish(self, complete: bool = True) -> None:
        """Bring them to their subtype, and give each its name; `complete` False marks them as cut short."""
        for file in () if complete else self._files:
            file.comment = INCOMPLETE
        self._writing.close()
        with _reporting(self.paths[0].parent):
            _finish(self._partial, self._form)
            for partial in self._partial:
                if self._open_ended and partial.stat().st_size < LARGEST_WAV:
                    _become_wav(partial)
        for partial, path in zip(self._partial, self.paths, strict=True):
            with _reporting(path):
                os.replace(partial, path)

    def close(self) -> None:
        """Remove what has not been published."""
        self._writing.close()
        self._kept.close()


@contextmanager
def _reporting(place: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, AssertionError, soundfile.LibsndfileError) as error:
        raise unwritable(place, error) from error


@contextmanager
def _temporary(output: Path) -> Iterator[Path]:
    """A place beside `output`, gone at the end."""
    with _reporting(output):
        output.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".sharpear.", suffix=".part", dir=output.parent))
    try:
        yield folder / "stem.wav"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _wav(path: Path, sample_rate: int, channels: int, subtype: str, kind: str) -> Iterator[soundfile.SoundFile]:
    """A WAV, or RF64, to write to."""
    with (
        _reporting(path.parent.parent),
        soundfile.SoundFile(path, "w", sample_rate, channels, subtype, format=kind) as file,
    ):
        yield file


def _finish(partial: Sequence[Path], form: StemFormat) -> None:
    """Bring floating-point stems to their subtype and below full scale, all by the same factor."""
    if form.subtype == "float32" and form.clip == "none":
        return
    peak = 0.0
    if form.clip == "rescale":
        for path in partial:
            for block in soundfile.blocks(path, BLOCK_SAMPLES, dtype="float32"):
                peak = max(peak, float(np.abs(block).max(initial=0.0)))
    for path in partial:
        changed = path.with_name("changed.wav")
        with ExitStack() as held:
            file = held.enter_context(soundfile.SoundFile(path))
            kind = "RF64" if file.frames * file.channels * 4 > LARGEST_WAV else "WAV"
            out = held.enter_context(_wav(changed, file.samplerate, file.channels, SUBTYPES[form.subtype], kind))
            if file.comment:
                out.comment = file.comment
            for block in file.blocks(BLOCK_SAMPLES, dtype="float32"):
                scaled = block / max(peak, 1.0)
                out.write(scaled if form.clip == "none" else np.clip(scaled, -1.0, 1.0))
        os.replace(changed, path)


def _become_wav(path: Path) -> None:
    """Make a small RF64 a WAV, in place: the chunk that holds the lengths of 64 bits becomes one to be skipped."""
    with path.open("r+b") as file:
        head = file.read(4096)
        found = find_data(head)
        if head[:4] != b"RF64" or head[12:16] != b"ds64" or found is None:
            return
        size, samples_size = path.stat().st_size, struct.unpack_from("<Q", head, 28)[0]
        file.seek(0)
        file.write(b"RIFF" + struct.pack("<I", size - 8) + b"WAVEJUNK")
        file.seek(found[0] - 4)
        file.write(struct.pack("<I", samples_size))
