"""Separate audio files into stems, and learn dictionaries from files, block by block."""

import os
import shutil
import string
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from sharpear.audio import AudioFile, Selection
from sharpear.dsp import Splitter
from sharpear.errors import InputError, UsageError
from sharpear.interrupt import Interruption

from .bank import hop_samples, separation_bank
from .dictionary import Dictionary
from .learned import POOLED_FRAMES
from .learning import RESERVOIR_FRAMES, Reservoir, learn_dictionary
from .separator import Separator
from .shares import ShareFactory

BLOCK_SAMPLES = 16384
LARGEST_WAV = 4_000_000_000
SUBTYPES = {"float32": "FLOAT", "pcm24": "PCM_24", "pcm16": "PCM_16"}
CLIPS = ("none", "clamp", "rescale")
Progress = Callable[[float, float], None] | None


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

    def path(self, folder: Path, track: str, stem: str) -> Path:
        """Where a stem goes.

        >>> StemFormat().path(Path("out"), "song", "tonal").as_posix()
        'out/song/tonal.wav'
        """
        return folder / self.filename.format(track=track, stem=stem, ext="wav")


def plan_stems(
    inputs: Sequence[Path], folder: Path, stems: Sequence[str], form: StemFormat, overwrite: bool
) -> dict[Path, list[Path]]:
    """Name the stems of every input.

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
            if output.exists() and path.exists() and output.samefile(path):
                raise UsageError(f"{output}: is the input itself: choose another place with -o")
            if output.exists() and not overwrite:
                raise UsageError(f"{output}: exists already: --overwrite replaces it, -o chooses another place")
            taken.add(output)
    return planned


def separate_file(
    path: Path,
    outputs: dict[str, Path],
    sources: ShareFactory,
    form: StemFormat,
    selection: Selection,
    progress: Progress = None,
) -> tuple[float, bool]:
    """Separate one file into `outputs` (stem → path); return (seconds done, whether all of it).

    Stems appear whole, and together, at the end; after Ctrl-C what was done is kept.

    Raises:
        InputError, UsageError: the input cannot be read, an output not be written.
    """
    with Interruption() as interruption, AudioFile(path, selection) as audio, ExitStack() as stack:
        separator = Separator(audio.sample_rate, sources, audio.channels)
        where = [separator.stems.index(stem) for stem in outputs]
        partial = [stack.enter_context(_temporary(output)) for output in outputs.values()]
        done, late = 0, separator.latency_samples
        with ExitStack() as writing:
            files = [
                writing.enter_context(_wav(held, audio.sample_rate, audio.channels, "FLOAT", audio.samples))
                for held in partial
            ]
            for block in _blocks(audio, separator, interruption, progress):
                heard = block[late:]
                late = max(0, late - len(block))
                done += len(heard)
                for file, stem in zip(files, where, strict=True):
                    file.write(heard[:, :, stem])
        _finish(partial, form)
        for held, output in zip(partial, outputs.values(), strict=True):
            os.replace(held, output)
        return done / audio.sample_rate, done == audio.samples


def _blocks(
    audio: AudioFile, separator: Separator, interruption: Interruption, progress: Progress
) -> Iterator[NDArray[np.float32]]:
    done = 0
    for block in audio.blocks(BLOCK_SAMPLES):
        yield separator.process(block)
        interruption.patient = True
        done += len(block)
        if progress:
            progress(done / audio.sample_rate, audio.samples / audio.sample_rate)
        if interruption.requested:
            break
    yield separator.flush()


@contextmanager
def _temporary(output: Path) -> Iterator[Path]:
    """A place beside `output`, gone at the end."""
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".sharpear.", suffix=".part", dir=output.parent))
    except OSError as error:
        raise InputError(f"{output}: cannot be written ({error.strerror}): choose another place with -o") from error
    try:
        yield folder / "stem.wav"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _wav(path: Path, sample_rate: int, channels: int, subtype: str, samples: int) -> Iterator[soundfile.SoundFile]:
    """A WAV to write to; RF64 where it would grow beyond 4 GiB."""
    kind = "RF64" if samples * channels * 4 > LARGEST_WAV else "WAV"
    try:
        with soundfile.SoundFile(path, "w", sample_rate, channels, subtype, format=kind) as file:
            yield file
    except (OSError, soundfile.LibsndfileError) as error:
        raise InputError(f"{path.parent.parent}: cannot be written ({error}): make room, or choose another") from error


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
        with soundfile.SoundFile(path) as file, _wav(
            changed, file.samplerate, file.channels, SUBTYPES[form.subtype], file.frames
        ) as out:  # fmt: skip
            for block in file.blocks(BLOCK_SAMPLES, dtype="float32"):
                scaled = block / max(peak, 1.0)
                out.write(scaled if form.clip == "none" else np.clip(scaled, -1.0, 1.0))
        os.replace(changed, path)


def learn_files(
    name: str, inputs: Sequence[Path], atoms: int, epochs: int, seed: int, selection: Selection
) -> Dictionary:
    """Learn the dictionary of a source from recordings of it alone; memory is bounded by a fair sample of frames.

    Raises:
        InputError: an input cannot be read, the rates differ, or nothing is loud enough to learn from.
        UsageError: a number out of range.
    """
    if atoms < 1 or epochs < 1 or not name or name == "residual" or "/" in name:
        raise UsageError(f"expected a name, at least 1 atom and 1 epoch, received {name!r}, {atoms=}, {epochs=}")
    reservoir = Reservoir(RESERVOIR_FRAMES, np.random.default_rng(seed))
    center_hz: NDArray[np.float64] | None = None
    for path in inputs:
        with AudioFile(path, Selection(selection.start_s, selection.duration_s, mono=True)) as audio:
            design = separation_bank(audio.sample_rate)
            if center_hz is not None and center_hz.size != design.bank.channels:
                raise InputError(f"{path}: has another sample rate than {inputs[0]}: resample one of them")
            center_hz = design.bank.center_hz
            splitter = Splitter(design, hop_samples(audio.sample_rate))
            held = np.zeros((0, design.bank.channels), np.float32)
            for block in audio.blocks(BLOCK_SAMPLES):
                held = np.concatenate([held, splitter.process(block).power[:, 0]])
                whole = len(held) // POOLED_FRAMES * POOLED_FRAMES
                pooled = held[:whole].reshape(-1, POOLED_FRAMES, held.shape[1]).mean(axis=1)
                reservoir.add(np.sqrt(pooled))
                held = held[whole:]
    examples = reservoir.frames()
    if center_hz is None or not examples.size or not examples.any():
        raise InputError(f"{', '.join(map(str, inputs))}: silent or too short to learn from")
    return Dictionary(name, learn_dictionary(examples, atoms, epochs, seed), center_hz)
