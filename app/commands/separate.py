"""``sharpear separate``: audio in, from files, folders, URLs or a pipe; stems out."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sharpear.errors import UsageError

from .common import names, refuse
from .completion import clips, one_of, several_of, stems, subtypes
from .options import DASH, InputOptions, InputsArgument, MonoOption, RunOptions

if TYPE_CHECKING:
    from sharpear.gpu import Backend
    from sharpear.separation.shares import ShareFactory
    from sharpear.separation.stem_files import StemFormat

    from .pipe import Stream

STEMS_TEMPLATE = "{track}/{stem}.{ext}"

SourcesOption = Annotated[str, typer.Option("--sources", help="Dictionaries of `sharpear learn`: a.npz,b.npz.")]
VoicesOption = Annotated[
    int | None, typer.Option("--voices", help="Separate into so many voices by their pitch, voice1 the lowest.")
]
RemoveOption = Annotated[
    str, typer.Option("--remove", help="Take this stem away, such as voice2: residual is then all but it.")
]


def separate(
    inputs: InputsArgument,
    source: InputOptions,
    run: RunOptions,
    out: Annotated[
        str | None, typer.Option("-o", "--out", help="Folder of the stems; - writes the one of --stem to stdout.")
    ] = None,
    into: Annotated[
        str,
        typer.Option(
            "--into",
            help="Write only these stems: any of tonal,transient,residual; all of them if not given.",
            autocompletion=several_of(stems),
        ),
    ] = "",
    sources: SourcesOption = "",
    voices: VoicesOption = None,
    remove: RemoveOption = "",
    stem: Annotated[
        str | None, typer.Option("--stem", help="With -o -: the stem to write.", autocompletion=one_of(stems))
    ] = None,
    subtype: Annotated[
        str,
        typer.Option(
            "--subtype",
            help="Write samples as float32, pcm24 or pcm16.",
            autocompletion=one_of(subtypes),
        ),
    ] = "float32",
    clip: Annotated[
        str,
        typer.Option(
            "--clip",
            help="What becomes of samples beyond full scale: none, clamp or rescale.",
            autocompletion=one_of(clips),
        ),
    ] = "none",
    mono: MonoOption = False,
    raw_out: Annotated[
        bool, typer.Option("--raw-out", help="With -o -: samples without a header, of --subtype, little-endian.")
    ] = False,
) -> None:
    """Write stems that add up to the original."""
    from sharpear.gpu import CPU  # noqa: PLC0415
    from sharpear.runs import Kind, find_inputs, plan_jobs  # noqa: PLC0415
    from sharpear.separation.separation_task import Separation  # noqa: PLC0415
    from sharpear.separation.stem_files import StemFormat  # noqa: PLC0415

    from .batch import Batch, backend_for, run_batch  # noqa: PLC0415
    from .pipe import Pipe, run_pipe  # noqa: PLC0415

    piped = DASH in (*inputs, out)
    raw = source.raw_format(DASH in inputs)
    backend = CPU if piped else backend_for(run)
    factory, available, described = choose_sources(sources, voices, backend, remove=remove)
    if out and out != DASH and Path(out).suffix in (".wav", ".flac") and not Path(out).is_dir():
        raise UsageError(
            f"-o {out}: stems go to a folder: expected the name of one, or --output-template for their names"
        )
    form, wanted = StemFormat(subtype, clip), choose_stems(into or (available[-1] if remove else ""), available)
    task = Separation(tuple(wanted), factory, form, source.selection(mono), described)
    template = run.output_template or STEMS_TEMPLATE
    plan = partial(plan_jobs, out=out, kinds=[Kind("wav", each) for each in wanted], template=template)
    kept = [Path(each) for each in names(sources)]
    if piped:
        stream = _stream(out, stem, raw_out, available, factory, form)
        run_pipe(Pipe(task, inputs, plan, stream, run, raw, kept))
    else:
        refuse({"--stem": stem, "--raw-out": raw_out}, "is for a stream on stdout: give -o -; --into chooses stems")
        run_batch(Batch(task, plan(find_inputs(inputs, run.recursive, out)), run, backend, kept=kept))


def _stream(
    out: str | None, stem: str | None, raw_out: bool, available: list[str], factory: "ShareFactory", form: "StemFormat"
) -> "Stream | None":
    """What goes to stdout; None where files are to be made of stdin."""
    from sharpear.separation.separation_task import separate_stream  # noqa: PLC0415
    from sharpear.separation.stem_stream import StemStream  # noqa: PLC0415

    if (out == DASH) != (stem is not None):
        given = f"--stem {stem} without -o -" if stem else "-o - without --stem"
        raise UsageError(f"stdout takes one stem: expected -o - with --stem, received {given}")
    if stem is None:
        refuse({"--raw-out": raw_out}, "is for a stream on stdout: give -o -")
        return None
    if stem not in available:
        raise UsageError(f"--stem: unknown stem {stem!r}: expected {', '.join(available)}")
    return partial(separate_stream, stem=stem, stream=StemStream(form, raw_out), sources=factory)


def choose_stems(listed: str, available: list[str], option: str = "--into") -> list[str]:
    """The stems asked for, all if none is named.

    Raises:
        UsageError: there is no such stem.
    """
    wanted = list(dict.fromkeys(names(listed))) or available
    for stem in wanted:
        if stem not in available:
            raise UsageError(f"{option}: unknown stem {stem!r}: expected {', '.join(available)}")
    return wanted


def choose_sources(
    listed: str, voices: int | None, backend: "Backend | None" = None, *, remove: str = ""
) -> "tuple[ShareFactory, list[str], dict[str, Any]]":
    """What tells the sources apart, on `backend` if it can, the stems that it gives, and what describes it.

    Raises:
        UsageError: both dictionaries and voices are asked for, something is wrong with them, or there is no `remove`.
    """
    factory, available, described = _all_sources(listed, voices, backend)
    if not remove:
        return factory, available, described
    from sharpear.separation.without import Without  # noqa: PLC0415

    *sources, rest = available
    if remove not in sources:
        raise UsageError(f"--remove: unknown stem {remove!r}: expected {', '.join(sources)}")
    return Without.of(factory, remove), [remove, rest], described | {"remove": remove}


def _all_sources(
    listed: str, voices: int | None, backend: "Backend | None"
) -> "tuple[ShareFactory, list[str], dict[str, Any]]":
    from sharpear.gpu import CPU  # noqa: PLC0415
    from sharpear.separation.dictionary import Dictionary  # noqa: PLC0415
    from sharpear.separation.learned import LearnedSources  # noqa: PLC0415
    from sharpear.separation.separator import RESIDUAL  # noqa: PLC0415
    from sharpear.separation.tonal import TonalTransient  # noqa: PLC0415

    if voices is not None:
        if listed:
            raise UsageError("--voices and --sources are two ways to separate: leave one out")
        from sharpear.separation.voices import PitchVoices, voice_names  # noqa: PLC0415

        return PitchVoices.of(voices), [*voice_names(voices), RESIDUAL], {"by": "voices", "voices": voices}
    backend = backend or CPU
    if not listed:
        return TonalTransient.on(backend), [*TonalTransient.names, RESIDUAL], {"by": "tonal and transient"}
    dictionaries = [Dictionary.load(Path(path)) for path in names(listed)]
    described = {"by": "dictionaries", "dictionaries": [each.digest for each in dictionaries]}
    factory = LearnedSources.of(dictionaries, backend)
    return factory, [*(dictionary.name for dictionary in dictionaries), RESIDUAL], described
