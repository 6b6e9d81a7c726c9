"""Sharpen audio files into files: source → `Sharpener` → sinks, block by block."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .audio import AudioFile
from .config import Config
from .errors import UsageError
from .pipeline import Sharpener
from .sinks import SINKS, Sink, SinkInfo
from .version import __version__

BLOCK_SAMPLES = 16384


@dataclass(frozen=True)
class Selection:
    """Which part of an input to take."""

    start_s: float = 0.0
    duration_s: float | None = None
    mono: bool = False


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
        UsageError: an unknown format, or two inputs would write the same output.
    """
    suffix = out.suffix.removeprefix(".") if out else ""
    if (out and suffix in SINKS and not out.is_dir()) or (out and out.name.endswith(".zarr")):
        if len(inputs) > 1:
            raise UsageError(f"-o {out} names one file for {len(inputs)} inputs: give a folder")
        if formats and list(formats) != [suffix]:
            raise UsageError(f"-o {out} has the format {suffix}, --format says {','.join(formats)}: give a folder")
        return {inputs[0]: [out]}
    chosen = list(dict.fromkeys(formats)) or ["zarr"]
    for name in chosen:
        if name not in SINKS:
            raise UsageError(f"unknown format {name!r}: expected {', '.join(SINKS)}")
    folder = out or Path()
    planned: dict[Path, list[Path]] = {}
    owner: dict[Path, Path] = {}
    for path in inputs:
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
        if output.exists() and path.exists() and output.samefile(path):
            raise UsageError(f"{output}: is the input itself: choose another place with -o")
        if output.exists() and not overwrite:
            raise UsageError(f"{output}: exists already: --overwrite replaces it, -o chooses another place")


def sharpen_file(
    path: Path,
    outputs: Sequence[Path],
    config: Config,
    selection: Selection,
    progress: Callable[[float, float], None] | None = None,
) -> Outcome:
    """Sharpen one file into `outputs`, whose suffixes choose the formats.

    `progress` receives (seconds done, seconds in all). Outputs appear whole at the end; after an interruption by the
    user what was done is kept, marked incomplete; after an error nothing is left.

    Raises:
        InputError, UsageError: as `AudioFile`, `Sharpener` and the sinks raise them.
    """
    with AudioFile(path, start_s=selection.start_s, duration_s=selection.duration_s, mono=selection.mono) as audio:
        sharpener = Sharpener(audio.sample_rate, preset=config, streams=audio.channels, start_s=audio.start_s)
        info = SinkInfo(
            sharpener.frequencies,
            sharpener.channel_frequencies,
            audio.channels,
            {"source": path.name, "sharpear": __version__, **sharpener.description()},
        )
        total_s = audio.samples / audio.sample_rate
        done_s = 0.0
        sinks: list[Sink] = []
        complete = False
        try:
            sinks += [SINKS[output.suffix.removeprefix(".")](output, info) for output in outputs]
            try:
                for block in audio.blocks(BLOCK_SAMPLES):
                    frames = sharpener.process(block)
                    for sink in sinks:
                        sink.write(frames)
                    done_s += len(block) / audio.sample_rate
                    if progress:
                        progress(done_s, total_s)
                complete = True
            except KeyboardInterrupt:
                if not done_s:
                    raise
            tail = sharpener.flush()
            for sink in sinks:
                sink.write(tail)
                sink.close(complete)
        finally:
            for sink in sinks:
                sink.discard()
        return Outcome(tuple(outputs), done_s, int(sharpener.replaced.sum()), complete)
