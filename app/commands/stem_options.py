"""What tells stems apart, and which of them are wanted, in the words of the command line."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sharpear.errors import UsageError

from .common import names
from .completion import one_of, stems

if TYPE_CHECKING:
    from sharpear.audio import Selection
    from sharpear.gpu import Backend
    from sharpear.separation.shares import ShareFactory

AUTO = "auto"
ALSO_CALLED = {"drums": "transient"}
"""Names that people have for stems."""


@dataclass(frozen=True)
class StemOptions:
    """What the stems are, and whether one of them is wanted alone."""

    sources: Annotated[str, typer.Option(help="Dictionaries of `sharpear learn`: a.npz,b.npz.")] = ""
    voices: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="Separate into so many voices by their pitch, voice1 the lowest; auto listens how many there are.",
        ),
    ] = None
    remove: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Take this stem away, such as drums, noise or voice2: residual is then all but it.",
            autocompletion=one_of(stems),
        ),
    ] = ""
    solo: Annotated[
        str | None,
        typer.Option(
            "--solo",
            "--stem",
            metavar="NAME",
            help="Keep this stem alone, such as drums, noise or voice2: the one that is written, or played live.",
            autocompletion=one_of(stems),
        ),
    ] = None

    def apart(
        self,
        listed: Sequence[str],
        recording: str | None = None,
        selection: "Selection | None" = None,
        backend: "Backend | None" = None,
    ) -> "tuple[ShareFactory, list[str], dict[str, Any]]":
        """What tells the stems apart, their names, and what describes it: see `choose_sources`.

        listed: the stems that are named beside the one of --solo.  recording, selection: what `--voices auto` hears.
        """
        count = count_voices(self.voices, recording, selection)
        asked = [*listed, *([self.solo] if self.solo else [])]
        return choose_sources(self.sources, count, backend, remove=self.remove, asked=asked)


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
