"""``sharpear live``: a microphone, or a file as if it were one, sharpened as it sounds."""

import sys
import time
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sharpear.errors import UsageError

from .common import (
    CHECKED_LATER,
    EXIT_SOME_FAILED,
    has_screen,
    names,
    outputs_made,
    refuse,
    refuse_stdin,
    say,
)
from .completion import frame_formats, offer_inputs, several_of
from .live_sent import SentOptions
from .live_stems import LiveStemOptions
from .options import OverwriteOption, QuietOption, SettingOptions

if TYPE_CHECKING:
    from sharpear.config import Config
    from sharpear.live.learner import LearningPlan
    from sharpear.live.separated import StemPlan
    from sharpear.live.sources import Source
    from sharpear.live.status import Status
    from sharpear.live.worker import Listener
    from sharpear.view.view import View

JSON_PERIOD_S = 1.0


@dataclass(frozen=True)
class SourceOptions:
    """What is listened to."""

    device: Annotated[
        str | None,
        typer.Option(
            help="An input's index or name, see `sharpear devices`; the default one if not given.",
            autocompletion=offer_inputs,
        ),
    ] = None
    rate: Annotated[int | None, typer.Option(help="Sample rate, Hz; the device's own if not given.")] = None
    channels: Annotated[
        int | None, typer.Option(min=1, help="Take this many channels, each sharpened on its own; 1 if not given.")
    ] = None
    block: Annotated[int, typer.Option(min=16, max=16384, help="Samples between callbacks.")] = 256
    replay: Annotated[
        Path | None,
        typer.Option(**CHECKED_LATER, metavar="FILE", help="Play a file in real time as if it were a microphone."),
    ] = None

    def open(self) -> "Source":
        """The source.

        Raises:
            UsageError: options of a device are given for a file.
            SharpearError: there is none, or it cannot be read.
        """
        from sharpear.live.microphone import Microphone  # noqa: PLC0415
        from sharpear.live.sources import Replay  # noqa: PLC0415

        if self.replay is None:
            return Microphone(self.device, self.rate, self.channels or 1, self.block)
        of_devices = {"--device": self.device, "--rate": self.rate, "--channels": self.channels}
        refuse(of_devices, "is the file's own with --replay: leave it out")
        return Replay(self.replay, self.block)


@dataclass(frozen=True)
class DisplayOptions:
    """What is to be seen meanwhile."""

    view: Annotated[bool, typer.Option("--view/--no-view", help="Serve the page.")] = True
    view_port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port of the page.")] = None
    host: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Serve the page to others, too: on this address; 0.0.0.0 is all of them."),
    ] = None
    status_json: Annotated[
        bool, typer.Option("--status-json", help="Print the status as JSON lines, one a second.")
    ] = False
    quiet: QuietOption = False

    def page(self) -> "View":
        """The page, which is served while it is entered."""
        from sharpear.view.view import LOCAL, View  # noqa: PLC0415 (websockets is an extra)

        return View(self.view_port, self.host or LOCAL)

    def say(self, line: str) -> None:
        """A line, unless there are to be none."""
        if not self.quiet:
            say(line)


@dataclass(frozen=True)
class KeptOptions:
    """What stays of the sound."""

    record: Annotated[Path | None, typer.Option(metavar="FILE", help="Record what comes in: .wav, .w64 or .flac.")] = (
        None
    )
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", **CHECKED_LATER, help="Write frames to this folder or file; - is stdout."),
    ] = None
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            help="Any of zarr,npz,parquet,png,svg,pdf; jsonl, f32 or arrow for stdout.",
            autocompletion=several_of(frame_formats),
        ),
    ] = ""
    learn: Annotated[
        Path | None,
        typer.Option(
            metavar="NAME.npz",
            help="Learn what is heard into this dictionary, for `--sources`; one that exists goes on from what it has.",
        ),
    ] = None
    overwrite: OverwriteOption = False

    def plan(self, stems: "StemPlan | None", status_json: bool) -> "_Kept":
        """What is written where.

        Raises:
            UsageError: what was asked for does not fit together, or an output exists already.
        """
        from sharpear.live.file_outputs import name_outputs  # noqa: PLC0415
        from sharpear.live.learner import LearningPlan  # noqa: PLC0415
        from sharpear.live.recorder import check_recording  # noqa: PLC0415

        formats = names(self.format_)
        stream = _stream_format(self.out, formats, status_json)
        frames_out = None if stems and not formats else self.out
        files = [] if stream else name_outputs(frames_out, formats, self.overwrite)
        if self.record:
            check_recording(self.record, self.overwrite)
        return _Kept(stream, files, self.record, stems, LearningPlan.of(self.learn) if self.learn else None)


def live(
    source: SourceOptions,
    settings: SettingOptions,
    kept: KeptOptions,
    display: DisplayOptions,
    separation: LiveStemOptions,
    sent: SentOptions,
    duration: Annotated[float | None, typer.Option(help="End after this long, s.")] = None,
) -> None:
    """Listen, and show the sharpened spectrogram in the browser."""
    from sharpear.sinks.harmless import check_apart  # noqa: PLC0415

    if duration is not None and not 0 < duration < float("inf"):
        raise UsageError(f"--duration: expected more than 0 s, received {duration:g}")
    replayed = [source.replay] if source.replay else []
    refuse_stdin(replayed, "write the stream to a file for --replay, or give it to `sharpen -`")
    if not display.view:
        refuse({"--view-port": display.view_port, "--host": display.host}, "is for the page: leave --no-view out")
    config = settings.config(pitch=sent.wanted)
    written = kept.plan(separation.plan(kept.out, kept.overwrite), display.status_json)
    check_apart(written.paths, [*replayed, *map(Path, names(separation.sources))])
    display = replace(display, view=display.view and _page_is_installed(display))
    with outputs_made(written.paths):
        good = _listen(source, _Request(config, settings.preset, written, sent, duration), display)
    if not good:
        raise typer.Exit(EXIT_SOME_FAILED)


@dataclass(frozen=True)
class _Kept:
    """What is written. stream: the format of stdout, empty where nothing goes there."""

    stream: str
    files: Sequence[Path]
    record: Path | None
    stems: "StemPlan | None"
    learned: "LearningPlan | None"

    @property
    def paths(self) -> list[Path]:
        """All places."""
        stems = self.stems.outputs.values() if self.stems else []
        learned = [self.learned.path] if self.learned else []
        return [*self.files, *stems, *([self.record] if self.record else []), *learned]


@dataclass(frozen=True)
class _Request:
    """What is to come of the sound."""

    config: "Config"
    preset: str
    kept: _Kept
    sent: SentOptions
    duration_s: float | None


def _listen(chosen: SourceOptions, what: _Request, how: DisplayOptions) -> bool:
    """Listen until the end; whether nothing failed."""
    from sharpear.interrupt import Interruption  # noqa: PLC0415
    from sharpear.live.file_outputs import FileOutputs  # noqa: PLC0415
    from sharpear.live.meter import TerminalMeter  # noqa: PLC0415
    from sharpear.live.session import Session  # noqa: PLC0415
    from sharpear.live.stream_output import StreamOutput  # noqa: PLC0415

    kept = what.kept
    with Interruption() as interruption, ExitStack() as stack:
        source = chosen.open()
        stack.callback(source.stop)
        page = stack.enter_context(how.page()) if how.view else None
        meter = None if page or how.quiet or not sys.stderr.isatty() else TerminalMeter(what.config.tuning)
        how.say(f"{source.name}: preparing {what.preset} at {source.rate_hz} Hz")
        listeners: list[Listener] = [*([page.picture] if page else []), *([meter] if meter else [])]
        if what.sent.wanted:
            listeners.append(stack.enter_context(what.sent.open(what.config, say)))
        watchers: list[Callable[[Status], None]] = [each.status for each in (page, meter) if each]
        if how.status_json:
            watchers.append(_json_lines())
        session = Session(
            source,
            what.config,
            what.preset,
            outputs=StreamOutput(kept.stream, source.name) if kept.stream else FileOutputs(kept.files, source.name),
            record=kept.record,
            stems=kept.stems,
            learned=kept.learned,
            remembers=page is not None,
            duration_s=what.duration_s,
            listeners=listeners,
            watchers=watchers,
            report=say,
        )
        if page:
            page.choose_preset, page.keep, page.report = session.choose_preset, session.keep, session.say
            if how.host:
                say(f"--host {how.host}: everyone in that network who has the page's address can see the picture")
        how.say(f"listening to {source.name}: Ctrl-C ends" + (f", the page is at {page.url}" if page else ""))
        if page and has_screen():
            webbrowser.open(page.url)
        if meter:
            stack.enter_context(meter)
        interruption.patient = True
        good = session.run(lambda: interruption.requested)
    how.say(session.status().summary())
    for path in session.written:
        how.say(f"{source.name} → {path}")
    return good


def _stream_format(out: Path | None, formats: list[str], status_json: bool) -> str:
    """The one format that goes to stdout; empty where none does."""
    if out != Path("-"):
        return ""
    if status_json:
        raise UsageError("-o - and --status-json both want stdout: leave one out")
    if len(formats) > 1:
        raise UsageError(f"-o - is one stream: expected one format, received {', '.join(formats)}")
    return formats[0] if formats else "jsonl"


def _page_is_installed(display: DisplayOptions) -> bool:
    try:
        import websockets  # noqa: F401, PLC0415
    except ImportError:
        display.say("the page needs pip install 'sharpear[view]': until then there is the terminal meter (--no-view)")
        return False
    return True


def _json_lines() -> "Callable[[Status], None]":
    due_s = 0.0

    def write(status: "Status") -> None:
        nonlocal due_s
        if time.monotonic() >= due_s:
            due_s = time.monotonic() + JSON_PERIOD_S
            typer.echo(status.to_json())

    return write
