"""Separate files and streams into stems, and learn dictionaries from files, block by block."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sharpear.audio import AudioFile, AudioSource, Selection
from sharpear.audio.blocks import BLOCK_SAMPLES, as_count
from sharpear.dsp import Splitter
from sharpear.dsp.separation_bank import hop_samples, separation_bank
from sharpear.dynamics.hebbian import RESERVOIR_FRAMES, Reservoir, learn_dictionary
from sharpear.errors import InputError, UsageError, unwritable
from sharpear.interrupt import Interruption

from .dictionary import LARGEST_ATOMS, Dictionary, source_name
from .learned import POOLED_FRAMES
from .separator import RESIDUAL, Separator
from .shares import ShareFactory
from .stem_files import StemFiles, StemFormat
from .stem_stream import StemStream

Progress = Callable[[float, float], None] | None
"""Receives seconds done, and seconds in all, where these are known."""


@dataclass(frozen=True)
class Separated:
    """What became of one input: seconds done, unusable samples taken as silence, and whether it is all of it."""

    audio_s: float
    replaced_samples: int
    complete: bool


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


def separate_file(
    path: Path,
    outputs: dict[str, Path],
    sources: ShareFactory,
    form: StemFormat,
    selection: Selection,
    progress: Progress = None,
) -> Separated:
    """Separate one file into `outputs` (stem → path).

    Raises:
        InputError, UsageError: the input cannot be read, an output not be written.
    """
    with Interruption() as interruption, AudioFile(path, selection) as audio:
        return separate_to_files(audio, outputs, sources, form, interruption, progress)


def separate_to_files(
    audio: AudioSource,
    outputs: dict[str, Path],
    sources: ShareFactory,
    form: StemFormat,
    interruption: Interruption,
    progress: Progress = None,
) -> Separated:
    """From any source; stems appear whole, and together, at the end; after Ctrl-C what was done is kept, marked so.

    Raises:
        InputError, UsageError: the source ends badly, an output cannot be written.
    """
    separator = Separator(audio.sample_rate, sources, audio.channels)
    counted = _Counted(audio, interruption, progress)
    with StemFiles(outputs, separator.stems, audio.sample_rate, audio.channels, form) as files:
        for stems in separated(counted, separator):
            files.write(stems)
        if isinstance(audio, AudioFile):
            audio.check_unchanged()
        files.publish(complete=not counted.interrupted)
    return counted.outcome(separator)


def separate_to_stream(
    audio: AudioSource,
    stem: str,
    stream: StemStream,
    sources: ShareFactory,
    interruption: Interruption,
) -> Separated:
    """One stem as it is made, `Separator.latency_s` behind what has come; quiet when nobody reads any more.

    Raises:
        InputError, UsageError: the source ends badly, or the stream's disk is full; what has left is valid.
    """
    separator = Separator(audio.sample_rate, sources, audio.channels)
    counted = _Counted(audio, interruption, None)
    where = separator.stems.index(stem)
    try:
        stream.begin(audio.sample_rate, audio.channels)
        for stems in separated(counted, separator):
            stream.write(stems[:, :, where])
    except BrokenPipeError:
        counted.interrupted = False
    except OSError as error:
        raise unwritable("stdout", error, option="") from error
    return counted.outcome(separator)


class _Counted:
    """The blocks of a source, until its end or an interruption."""

    def __init__(self, audio: AudioSource, interruption: Interruption, progress: Progress) -> None:
        self._audio, self._interruption, self._progress = audio, interruption, progress
        self._done = 0
        self.interrupted = False

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        audio = self._audio
        for block in audio.blocks(BLOCK_SAMPLES):
            yield block
            self._interruption.patient = True
            self._done += len(block)
            if self._progress and audio.samples is not None:
                self._progress(self._done / audio.sample_rate, audio.samples / audio.sample_rate)
            if self._interruption.requested:
                break
        self.interrupted = self._interruption.requested and self._done != audio.samples

    def outcome(self, separator: Separator) -> Separated:
        """What became of it."""
        return Separated(self._done / self._audio.sample_rate, int(separator.replaced.sum()), not self.interrupted)


def learn_files(
    name: str, inputs: Sequence[Path], atoms: int, epochs: int, seed: int, selection: Selection
) -> Dictionary:
    """Learn the dictionary of a source from recordings of it alone; memory is bounded by a fair sample of frames.

    Raises:
        InputError: an input cannot be read, the rates differ, or nothing is loud enough to learn from.
        UsageError: a number out of range.
    """
    atoms, epochs = as_count(atoms, "atom"), as_count(epochs, "epoch")
    if atoms > LARGEST_ATOMS or name == RESIDUAL:
        raise UsageError(f"expected a name of its own and at most {LARGEST_ATOMS} atoms, received {name!r} and {atoms}")
    if name != source_name(name):
        expected = f"a name that can stand in a file's name, such as {source_name(name)!r}"
        raise UsageError(f"expected {expected}, received {name!r}")
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
