"""What ``sharpear live`` separates into."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sharpear.errors import UsageError

from .completion import offer_outputs, one_of, several_of, stems
from .separate import RemoveOption, SourcesOption, VoicesOption, choose_sources, choose_stems

if TYPE_CHECKING:
    from sharpear.live.separated import StemPlan


@dataclass(frozen=True)
class LiveStemOptions:
    """What the sound is separated into, and which stem of that is played."""

    separate: Annotated[
        str,
        typer.Option(
            "--separate",
            help="Separate into any of tonal,transient,residual: -o is their folder.",
            autocompletion=several_of(stems),
        ),
    ] = ""
    sources: SourcesOption = ""
    voices: VoicesOption = None
    remove: RemoveOption = ""
    stem: Annotated[
        str | None,
        typer.Option("--stem", help="Play this stem alone on --output-device.", autocompletion=one_of(stems)),
    ] = None
    output_device: Annotated[
        str | None,
        typer.Option(
            "--output-device",
            help="An output's index or name, for --stem; the default one if not given.",
            autocompletion=offer_outputs,
        ),
    ] = None

    def plan(self, out: Path | None, overwrite: bool) -> "StemPlan | None":
        """Stems into the folder `out`, or one to an output device; None where nothing is to be separated.

        Raises:
            UsageError: what was asked for does not fit together, or a stem exists already.
        """
        if not (self.separate or self.sources or self.voices is not None or self.remove):
            if self.stem is not None or self.output_device is not None:
                raise UsageError("--stem and --output-device play a stem: give --separate, --voices or --sources, too")
            return None
        from sharpear.live.separated import Solo, StemPlan  # noqa: PLC0415
        from sharpear.runs import Found, Kind, check_free, plan_jobs  # noqa: PLC0415

        factory, available, _ = choose_sources(self.sources, self.voices, remove=self.remove)
        wanted = choose_stems(self.separate, available, "--separate")
        if self.output_device is not None and self.stem is None:
            raise UsageError("--output-device plays one stem: name it with --stem")
        if self.stem is not None and self.stem not in available:
            raise UsageError(f"--stem: unknown stem {self.stem!r}: expected {', '.join(available)}")
        if out == Path("-"):
            raise UsageError("-o - is for frames: give the stems a folder, or an output device with --stem")
        if out is None and self.stem is None:
            raise UsageError("stems need a place: give a folder with -o, or play one with --stem")
        outputs = {}
        if out is not None:
            kinds = [Kind("wav", stem) for stem in wanted]
            (job,) = plan_jobs([Found("live")], str(out), kinds, "{stem}.{ext}")
            check_free([job], overwrite)
            outputs = dict(zip(wanted, map(Path, job.outputs), strict=True))
        solo = None if self.stem is None else Solo(self.stem, self.output_device)
        return StemPlan(factory, outputs, solo=solo)
