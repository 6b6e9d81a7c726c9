"""Sharpen audio files into files: source → `Sharpener` → sinks, block by block."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .audio import AudioFile, Selection
from .config import Config
from .errors import UsageError
from .frames import Frames
from .interrupt import Interruption
from .pipeline import Sharpener
from .sinks import SINKS, Sink, SinkInfo
from .version import __version__

BLOCK_SAMPLES = 16384


@dataclass(frozen=True)
class Outcome:
    """What became of one input."""

    outputs: tuple[Path, ...]
    audio_s: float
    replaced_samples: int
    complete: bool


def plan_outputs(inputs: Sequence[Path], out: Path | None, formats: Sequence[str]) -> dict[Path, list[Path]]:
    """Name the outputs of every input.

    `out` names the file itself when there is one input and one format and its suffix is that format's; else a folder.
    Without it outputs go to the current folder as ``{stem}.{format}``.

    Raises:
        UsageError: an unknown format, an input given twice, or two inputs would write the same output.
    """
    formats = list(dict.fromkeys(formats))
    suffix = out.suffix.removeprefix(".") if out else ""
    if (out and suffix in SINKS and not out.is_dir()) or (out and out.name.endswith(".zarr")):
        if len(inputs) > 1:
            raise UsageError(f"-o {out} names one file for {len(inputs)} inputs: give a folder")
        if formats and formats != [suffix]:
            raise UsageError(f"-o {out} has the format {suffix}, --format says {','.join(formats)}: give a folder")
        return {inputs[0]: [out]}
    if out and suffix and not out.is_dir():
        raise UsageError(f"-o {out} has no format of {', '.join(SINKS)}: if it is meant as a folder, make it first")
    chosen = formats or ["zarr"]
    for name in chosen:
        if name not in SINKS:
            raise UsageError(f"unknown format {name!r}: expected {', '.join(SINKS)}")
    folder = out or Path()
    planned: dict[Path, list[Path]] = {}
    owner: dict[Path, Path] = {}
    for path in inputs:
        if path in planned:
            raise UsageError(f"{path} is given twice: name it once")
        planned[path] = [folder / f"{path.stem}.{name}" for name in chosen]
        for output in planned[path]:
            if output in owner:
                raise UsageError(f"{owner[output]} and {path} would both write {output}: rename one or run them apart")
            owner[output] = path
    return planned


def check_free(path: Path, outputs: Sequence[Path], overwrite: bool) -> None:
    """Refuse outputs that exist (unless `overwrite`) or that are the input itself.

    Raises:
        UsageError: with the path and what to do.
    """
    for output in outputs:
        if not os.path.exists(output):
            continue
        if os.path.exists(path) and (output.samefile(path) or output.resolve() in path.resolve().parents):
            raise UsageError(f"{output}: is or holds the input itself: choose another place with -o")
        if output.is_dir() and not _is_zarr(output):
            raise UsageError(f"{output}: is a folder that sharpear did not write: choose another place with -o")
        if not overwrite:
            raise UsageError(f"{output}: exists already: --overwrite replaces it, -o chooses another place")


def _is_zarr(path: Path) -> bool:
    return path.suffix == ".zarr" and (path / "zarr.json").is_file()


def sharpen_file(
    path: Path,
    outputs: Sequence[Path],
    config: Config,
    selection: Selection,
    progress: Callable[[float, float], None] | None = None,
) -> Outcome:
    """Sharpen one file into `outputs`, whose suffixes choose the formats.

    `progress` receives (seconds done, seconds in all). Outputs appear whole, and together, at the end; after Ctrl-C
    what was done is kept, marked incomplete; after an error, or before the first block is done, nothing is left.

    Raises:
        InputError, UsageError: as `AudioFile`, `Sharpener` and the sinks raise them.
        KeyboardInterrupt: nothing was done yet, or the user asked twice.
    """
    with Interruption() as interruption, AudioFile(path, selection) as audio:
        sharpener = Sharpener(audio.sample_rate, preset=config, streams=audio.channels, start_s=audio.start_s)
        info = SinkInfo(
            sharpener.frequencies,
            sharpener.channel_frequencies,
            audio.channels,
            {"source": path.name, "sharpear": __version__, **sharpener.description()},
        )
        sinks = [SINKS[output.suffix.removeprefix(".")](output, info) for output in outputs]
        done = 0
        try:
            for sink in sinks:
                sink.open()
            for block in audio.blocks(BLOCK_SAMPLES):
                _write(sinks, sharpener.process(block))
                interruption.patient = True
                done += len(block)
                if progress:
                    progress(done / audio.sample_rate, audio.samples / audio.sample_rate)
                if interruption.requested:
                    break
            _write(sinks, sharpener.flush())
            for sink in sinks:
                sink.finish(complete=done == audio.samples)
            for sink in sinks:
                sink.publish()
        finally:
            for sink in sinks:
                sink.discard()
        replaced = int(sharpener.replaced.sum())
        return Outcome(tuple(outputs), done / audio.sample_rate, replaced, complete=done == audio.samples)


def _write(sinks: Sequence[Sink], frames: Frames) -> None:
    for sink in sinks:
        sink.write(frames)
