"""Notes of files and streams: source → `Transcriber` → notes and curves."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from sharpear.audio import AudioSource, Selection
from sharpear.config import Config
from sharpear.errors import UsageError, unwritable
from sharpear.interrupt import Interruption
from sharpear.runs.inputs import Found
from sharpear.runs.jobs import Job
from sharpear.runs.plan import Kind, known, plan_jobs, plan_named
from sharpear.runs.task import CountedBlocks, Outcome, Running, Task
from sharpear.sharpening.results import counted
from sharpear.sinks import Staging
from sharpear.sinks.outlet import Outlet, ending

from .note_files import NOTE_KINDS, format_of, writer_of
from .notes import SHORTEST_S
from .transcriber import Transcriber, Transcription, transcribed


@dataclass(frozen=True)
class Transcribing(Task):
    """Transcribe into files whose names choose the formats; the channels are averaged, none cancelling another."""

    config: Config
    selection: Selection = field(default_factory=Selection)
    seals: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "selection", replace(self.selection, mono=True, keep=True))

    @property
    def settings(self) -> dict[str, Any]:
        """The configuration."""
        return {"config": self.config.model_dump(mode="json")}

    def make(self, audio: AudioSource, outputs: Sequence[Path], running: Running) -> Outcome:
        """The notes of all of `audio`."""
        writers = [writer_of(format_of(path)) for path in outputs]
        with Staging(outputs) as staging:
            result, outcome = self._transcribe(audio, running)
            for path, write in zip(outputs, writers, strict=True):
                try:
                    staging.place(path).write_bytes(write(result))
                except OSError as error:
                    raise unwritable(path, error) from error
            staging.publish()
        return replace(outcome, outputs=tuple(outputs))

    def stream(self, audio: AudioSource, outlet: Outlet, interruption: Interruption, format_: str) -> Outcome:
        """The notes, when all of `audio` has come, as bytes of one format.

        Raises:
            InputError: the source ends badly, or the outlet's disk is full.
        """
        write = writer_of(format_)
        result, outcome = self._transcribe(audio, Running(interruption))
        with ending(outlet):
            outlet.write(write(result))
            outlet.flush()
        return outcome

    def _transcribe(self, audio: AudioSource, running: Running) -> tuple[Transcription, Outcome]:
        transcriber = Transcriber(audio.sample_rate, self.config, start_s=audio.start_s)
        blocks = CountedBlocks(audio, running)
        result = transcribed(transcriber, blocks)
        blocks.end()
        replaced = int(transcriber.sharpener.replaced.sum())
        made = counted(len(result.notes), "note")
        return result, Outcome((), blocks.done_s, replaced, blocks.complete, made, self._left_out(result))

    def _left_out(self, result: Transcription) -> tuple[str, ...]:
        pitch, (below_s, above_s) = self.config.pitch, result.outside_s
        lines = []
        if below_s >= SHORTEST_S:
            where, remedy = "", "--set pitch.low_hz=… hears them"
            if result.lowest_hz:
                where, remedy = f", down to {result.lowest_hz:.0f} Hz,", "they are too low to be told apart"
            lines.append(f"{below_s:.1f} s of pitches below {pitch.low_hz:g} Hz{where} were left out: {remedy}")
        if above_s >= SHORTEST_S:
            remedy = "--set pitch.high_hz=… hears them"
            lines.append(f"{above_s:.1f} s of pitches above {pitch.high_hz:g} Hz were left out: {remedy}")
        return tuple(lines)


def plan_notes(found: Sequence[Found], outs: Sequence[str], formats: Sequence[str], template: str) -> list[Job]:
    """Name what is written of every input: files that `outs` names, for one input; else files in a folder.

    Raises:
        UsageError: an unknown format, or `outs` names both; as `plan_jobs`.
    """
    named = [out for out in outs if not Path(out).is_dir() and Path(out).suffix]
    if named:
        if formats or len(named) < len(outs):
            raise UsageError(f"-o {named[0]} names a file: expected files alone, or a folder and --format")
        for out in named:
            format_of(Path(out))
        return [plan_named(found, named, template)]
    if len(outs) > 1:
        raise UsageError(f"-o: expected one folder, received {', '.join(outs)}")
    kinds = [Kind(each) for each in known(formats, NOTE_KINDS) or NOTE_KINDS[:1]]
    return plan_jobs(found, outs[0] if outs else None, kinds, template)
