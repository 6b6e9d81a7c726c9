"""``sharpear separate``: audio in, from files, folders, URLs or a pipe; stems out."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sharpear.errors import UsageError

from .common import names, refuse
from .completion import clips, one_of, several_of, stems, subtypes
from .options import DASH, FOR_STREAMS, InputOptions, InputsArgument, MonoOption, RunOptions

if TYPE_CHECKING:
    from sharpear.audio import Selection
    from sharpear.gpu import Backend
    from sharpear.separation.shares import ShareFactory
    from sharpear.separation.stem_files import StemFormat

    from .pipe import Stream

STEMS_TEMPLATE = "{track}/{stem}.{ext}"

SourcesOption = Annotated[str, typer.Option("--sources", help="Dictionaries of `sharpear learn`: a.npz,b.npz.")]
VoicesOption = Annotated[
    str | None,
    typer.Option(
        "--voices",
        metavar="N",
        help="Separate into so many voices by their pitch, voice1 the lowest; auto listens how many there are.",
    ),
]
RemoveOption = Annotated[
    str,
    typer.Option(
        "--remove",
        metavar="NAME",
        help="Take this stem away, such as drums, noise or voice2: residual is then all but it.",
        autocompletion=one_of(stems),
    ),
]
SoloOption = Annotated[
    str | None,
    typer.Option(
        "--solo",
        "--stem",
        metavar="NAME",
        help="Keep this stem alone, such as drums, noise or voice2: the one that is written, or played live.",
        autocompletion=one_of(stems),
    ),
]

AUTO = "auto"
ALSO_CALLED = {"drums": "transient"}
"""Names that people have for stems."""


def separate(
    inputs: InputsArgument,
    source: InputOptions,
    run: RunOptions,
    out: Annotated[
        str | None, typer.Option("-o", "--out", help="Folder of the stems; - writes the one of --solo to stdout.")
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
    solo: SoloOption = None,
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
    selection = source.selection(mono)
    if solo and into:
        raise UsageError(f"--solo {solo} is the one stem that is written: leave --into out")
    asked = [*names(into), *([solo] if solo else [])]
    recording = inputs[0] if len(inputs) == 1 else None
    count = count_voices(voices, recording, selection)
    factory, available, described = choose_sources(sources, count, backend, remove=remove, asked=asked)
    if out and out != DASH and Path(out).suffix in (".wav", ".flac") and not Path(out).is_dir():
        raise UsageError(
            f"-o {out}: stems go to a folder: expected the name of one, or --output-template for their names"
        )
    kept_one = solo or (available[-1] if remove and not into else None)
    wanted = choose_stems(asked or ([kept_one] if kept_one else []), available, "--solo" if solo else "--into")
    form = StemFormat(subtype, clip)
    task = Separation(tuple(wanted), factory, form, selection, described)
    template = run.output_template or STEMS_TEMPLATE
    plan = partial(plan_jobs, out=out, kinds=[Kind("wav", each) for each in wanted], template=template)
    kept = [Path(each) for each in names(sources)]
    if piped:
        stream = _stream(out, wanted if kept_one else [], raw_out, factory, form)
        run_pipe(Pipe(task, inputs, plan, stream, run, raw, kept))
    else:
        refuse({"--raw-out": raw_out}, FOR_STREAMS)
        run_batch(Batch(task, plan(find_inputs(inputs, run.recursive, out)), run, backend, kept=kept))


def _stream(
    out: str | None, alone: list[str], raw_out: bool, factory: "ShareFactory", form: "StemFormat"
) -> "Stream | None":
    """What goes to stdout, the stem that is kept alone; None where files are to be made of stdin."""
    from sharpear.separation.separation_task import separate_stream  # noqa: PLC0415
    from sharpear.separation.stem_stream import StemStream  # noqa: PLC0415

    if out != DASH:
        refuse({"--raw-out": raw_out}, FOR_STREAMS)
        return None
    if not alone:
        raise UsageError("stdout takes one stem: expected -o - with --solo or --remove, received -o - alone")
    return partial(separate_stream, stem=alone[0], stream=StemStream(form, raw_out), sources=factory)


def choose_stems(asked: Sequence[str], available: list[str], option: str = "--into") -> list[str]:
    """The stems asked for, all if none is named.

    Raises:
        UsageError: there is no such stem.
    """
    return list(dict.fromkeys(named_stem(name, available, option) for name in asked)) or available


def named_stem(name: str, available: list[str], option: str) -> str:
    """The stem that a name is meant for: `voice 2` is voice2, and drums are what is transient.

    Raises:
        UsageError: there is no such stem.

    >>> named_stem("drums", ["tonal", "transient", "residual"], "--solo")
    'transient'
    """
    plain = name.replace(" ", "")
    for stem in (name, plain, ALSO_CALLED.get(plain)):
        if stem in available:
            return stem
    raise UsageError(f"{option}: unknown stem {name!r}: expected {', '.join(available)}")


def count_voices(given: str | None, recording: str | None, selection: "Selection | None" = None) -> int | None:
    """How many voices `--voices` asks for; auto: as many as mostly sound together in `recording`.

    Raises:
        UsageError: it is no number, or there is no recording to listen to, or no voice in it.
    """
    if given is None:
        return None
    if given != AUTO:
        try:
            return int(given)
        except ValueError:
            raise UsageError(f"--voices: expected a number or {AUTO}, received {given!r}") from None
    if recording is None or not Path(recording).is_file():
        raise UsageError(f"--voices {AUTO} listens to one whole file first: expected one, or a number of voices")
    from sharpear.audio import AudioFile, Selection  # noqa: PLC0415
    from sharpear.pitch.transcriber import Transcriber, transcribed  # noqa: PLC0415
    from sharpear.separation.voices import MOST_VOICES, RANGE  # noqa: PLC0415

    part = replace(selection or Selection(), mono=True, keep=True)
    with AudioFile(Path(recording), part) as audio:
        count = transcribed(Transcriber(audio.sample_rate, overrides=RANGE), audio.blocks()).voices.together
    if not count:
        raise UsageError(f"--voices {AUTO}: {recording} has no voice that could be followed: leave --voices out")
    return min(count, MOST_VOICES)


def choose_sources(
    listed: str, voices: int | None, backend: "Backend | None" = None, *, remove: str = "", asked: Sequence[str] = ()
) -> "tuple[ShareFactory, list[str], dict[str, Any]]":
    """What tells the sources apart, on `backend` if it can, the stems that it gives, and what describes it.

    asked: stems that are wanted, which may tell what must tell them apart.

    Raises:
        UsageError: both dictionaries and voices are asked for, something is wrong with them, or there is no `remove`.
    """
    factory, available, described = _all_sources(listed, voices, backend, [remove, *asked])
    if not remove:
        return factory, available, described
    from sharpear.separation.without import Without  # noqa: PLC0415

    *sources, rest = available
    away = named_stem(remove, sources, "--remove")
    return Without.of(factory, away), [away, rest], described | {"remove": away}


def _all_sources(
    listed: str, voices: int | None, backend: "Backend | None", asked: Sequence[str]
) -> "tuple[ShareFactory, list[str], dict[str, Any]]":
    from sharpear.gpu import CPU  # noqa: PLC0415
    from sharpear.separation.dictionary import Dictionary  # noqa: PLC0415
    from sharpear.separation.learned import LearnedSources  # noqa: PLC0415
    from sharpear.separation.noise import SteadyNoise  # noqa: PLC0415
    from sharpear.separation.separator import RESIDUAL  # noqa: PLC0415
    from sharpear.separation.tonal import TonalTransient  # noqa: PLC0415

    if voices is not None:
        if listed:
            raise UsageError("--voices and --sources are two ways to separate: leave one out")
        from sharpear.separation.voices import PitchVoices, voice_names  # noqa: PLC0415

        return PitchVoices.of(voices), [*voice_names(voices), RESIDUAL], {"by": "voices", "voices": voices}
    backend = backend or CPU
    if listed:
        dictionaries = [Dictionary.load(Path(path)) for path in names(listed)]
        described = {"by": "dictionaries", "dictionaries": [each.digest for each in dictionaries]}
        factory = LearnedSources.of(dictionaries, backend)
        return factory, [*(dictionary.name for dictionary in dictionaries), RESIDUAL], described
    if set(SteadyNoise.names) & set(asked):
        return SteadyNoise, [*SteadyNoise.names, RESIDUAL], {"by": "steady noise"}
    return TonalTransient.on(backend), [*TonalTransient.names, RESIDUAL], {"by": "tonal and transient"}
