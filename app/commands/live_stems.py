"""What ``sharpear live`` separates into."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sharpear.errors import UsageError

from .separate import choose_sources, choose_stems

if TYPE_CHECKING:
    from sharpear.live.separated import StemPlan


@dataclass(frozen=True)
class LiveStemRequest:
    """What was asked for."""

    separate: str
    sources: str
    voices: int | None
    stem: str | None
    output_device: str | None
    out: Path | None
    overwrite: bool


def plan_live_stems(request: LiveStemRequest) -> "StemPlan | None":
    """Stems into the folder `out`, or one to an output device; None where nothing is to be separated.

    Raises:
        UsageError: what was asked for does not fit together, or a stem exists already.
    """
    if not (request.separate or request.sources or request.voices is not None):
        if request.stem is not None or request.output_device is not None:
            raise UsageError("--stem and --output-device play a stem: give --separate, --voices or --sources, too")
        return None
    from sharpear.live.separated import Solo, StemPlan  # noqa: PLC0415
    from sharpear.runs import Found, Kind, check_free, plan_jobs  # noqa: PLC0415

    factory, available, _ = choose_sources(request.sources, request.voices)
    stems = choose_stems(request.separate, available, "--separate")
    if request.output_device is not None and request.stem is None:
        raise UsageError("--output-device plays one stem: name it with --stem")
    if request.stem is not None and request.stem not in available:
        raise UsageError(f"--stem: unknown stem {request.stem!r}: expected {', '.join(available)}")
    if request.out == Path("-"):
        raise UsageError("-o - is for frames: give the stems a folder, or an output device with --stem")
    if request.out is None and request.stem is None:
        raise UsageError("stems need a place: give a folder with -o, or play one with --stem")
    outputs = {}
    if request.out is not None:
        kinds = [Kind("wav", stem) for stem in stems]
        (job,) = plan_jobs([Found("live")], str(request.out), kinds, "{stem}.{ext}")
        check_free([job], request.overwrite)
        outputs = dict(zip(stems, map(Path, job.outputs), strict=True))
    solo = None if request.stem is None else Solo(request.stem, request.output_device)
    return StemPlan(factory, outputs, solo=solo)
