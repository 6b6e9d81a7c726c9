"""What ``sharpear live`` separates into."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sharpear.errors import UsageError

from .common import names
from .completion import offer_outputs, several_of, stems
from .stem_options import StemOptions, choose_stems

if TYPE_CHECKING:
    from sharpear.live.separated import StemPlan


@dataclass(frozen=True)
class LiveStemOptions(StemOptions):
    """What the sound is separated into, and which stem of that is played."""

    separate: Annotated[
        str,
        typer.Option(
            "--separate",
            help="Separate into any of tonal,transient,residual: -o is their folder.",
            autocompletion=several_of(stems),
        ),
    ] = ""
    output_device: Annotated[
        str | None,
        typer.Option(
            "--output-device",
            help="An output's index or name, for --solo or --remove; the default one if not given.",
            autocompletion=offer_outputs,
        ),
    ] = None

    def plan(self, out: Path | None, overwrite: bool) -> "StemPlan | None":
        """Stems into the folder `out`, or one to an output device; None where nothing is to be separated.

        Raises:
            UsageError: what was asked for does not fit together, or a stem exists already.
        """
        if not (self.separate or self.sources or self.voices is not None or self.remove or self.solo):
            if self.output_device is not None:
                raise UsageError("--output-device plays one stem: name it with --solo, or give --remove")
            return None
        from sharpear.live.separated import Solo, StemPlan  # noqa: PLC0415
        from sharpear.runs import Found, Kind, check_free, plan_jobs  # noqa: PLC0415

        listed = names(self.separate)
        factory, available, _ = self.apart(listed)
        wanted = choose_stems(listed, available, "--separate")
        played = choose_stems([self.solo], available, "--solo")[0] if self.solo else None
        if played is None and self.remove and (out is None or self.output_device is not None):
            played = available[-1]
        if self.output_device is not None and played is None:
            raise UsageError("--output-device plays one stem: name it with --solo, or give --remove")
        if out == Path("-"):
            raise UsageError("-o - is for frames: give the stems a folder, or an output device with --solo")
        if out is None and played is None:
            raise UsageError("stems need a place: give a folder with -o, or play one with --solo")
        outputs = {}
        if out is not None:
            kinds = [Kind("wav", stem) for stem in wanted]
            (job,) = plan_jobs([Found("live")], str(out), kinds, "{stem}.{ext}")
            check_free([job], overwrite)
            outputs = dict(zip(wanted, map(Path, job.outputs), strict=True))
        solo = None if played is None else Solo(played, self.output_device)
        return StemPlan(factory, outputs, solo=solo)
