"""The command line: gathers the commands and turns errors into exit codes."""

import errno
import sys
from typing import Annotated, NoReturn

import typer

from .commands.common import EXIT_SOME_FAILED, say
from .commands.devices import devices
from .commands.doctor import doctor
from .commands.latency_test import latency_test
from .commands.learn import learn
from .commands.live import live
from .commands.presets import presets
from .commands.separate import separate
from .commands.sharpen import sharpen
from .commands.transcribe import transcribe
from .errors import SharpearError
from .version import __version__

app = typer.Typer(
    help="Real-time streaming audio super-resolution.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (sharpen, live, separate, learn, transcribe, presets, devices, doctor, latency_test):
    app.command()(command)


def _version(show: bool) -> None:
    if show:
        typer.echo(f"sharpear {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Real-time streaming audio super-resolution."""


def main() -> NoReturn:
    """Run the command line: exit 0 all good, 1 some inputs failed, 2 usage, 3 no audio device."""
    try:
        app(prog_name="sharpear")
    except SharpearError as error:
        say(str(error))
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EPIPE):
            raise
        say(f"stdout: cannot be written ({error.strerror})")
        sys.exit(EXIT_SOME_FAILED)
    except KeyboardInterrupt:
        say("interrupted: nothing was written")
        sys.exit(EXIT_SOME_FAILED)
    sys.exit(0)
