"""The command line: gathers the commands and turns errors into exit codes."""

import functools
import sys
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

import typer

from .commands.common import EXIT_SOME_FAILED, check_numba, say, say_what_is_logged
from .commands.devices import devices
from .commands.doctor import doctor
from .commands.examples import epilog
from .commands.latency_test import latency_test
from .commands.learn import learn
from .commands.live import live
from .commands.options import with_options
from .commands.presets import presets
from .commands.recover import recover
from .commands.separate import separate
from .commands.sharpen import sharpen
from .commands.transcribe import transcribe
from .commands.verify import verify
from .commands.view_files import view
from .errors import SharpearError, UsageError, expected_and_received, unreachable

INTERRUPTED = 130
"""The exit code that Typer makes of ``KeyboardInterrupt``."""

WIDEST = 100
"""Columns that help takes where the terminal is wider."""

app = typer.Typer(
    help="Real-time streaming audio super-resolution.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": WIDEST},
)


def _speaking(command: Callable[..., None]) -> Callable[..., None]:
    """Run `command`, and show on stderr what is logged meanwhile."""

    @functools.wraps(command)
    def run(**options: Any) -> None:
        say_what_is_logged(quiet=options.get("quiet", False))
        check_numba()
        command(**options)

    return run


for command in (
    sharpen,
    live,
    view,
    separate,
    learn,
    transcribe,
    recover,
    verify,
    presets,
    devices,
    doctor,
    latency_test,
):
    shown = command.__name__.replace("_", "-")
    # What stands beside the command in the list of them is its whole sentence, whatever the width.
    app.command(shown, short_help=command.__doc__, epilog=epilog(shown))(_speaking(with_options(command)))


def _version(show: bool) -> None:
    if show:
        from .version import __version__  # noqa: PLC0415

        typer.echo(f"sharpear {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Real-time streaming audio super-resolution."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(UsageError.exit_code)


def _in_one_line(error: typer.TyperException) -> str:
    """What Typer says of the words on the command line, in the form of this project's own errors."""
    told = error.format_message().rstrip(".?")
    if isinstance(error, typer.BadParameter) and error.param and error.__cause__:
        from pydantic import ValidationError  # noqa: PLC0415  # --help does not wait for it

        if isinstance(error.__cause__, ValidationError):
            told = f"{error.param.opts[0]}: {expected_and_received(error.__cause__.errors()[0])}"
    elif isinstance(error, typer.BadParameter) and error.param and error.message.startswith("expected "):
        told = f"{error.param.opts[0]}: {error.message}"  # of a parser of ours
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "sharpear"
    return f"{told[0].lower()}{told[1:]}: see `{command} --help`"


def main() -> NoReturn:
    """Run the command line: exit 0 all good, 1 some inputs failed, 2 usage, 3 no audio device.

    Raises:
        KeyboardInterrupt: it was interrupted where nothing is left to be ended well.
    """
    try:
        code = app(prog_name="sharpear", standalone_mode=False)
    except typer.TyperException as error:
        say(_in_one_line(error))
        sys.exit(error.exit_code)
    except SharpearError as error:
        say(str(error))
        sys.exit(error.exit_code)
    except OSError as error:
        say(str(unreachable(error)))
        sys.exit(EXIT_SOME_FAILED)
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    sys.exit(code)
