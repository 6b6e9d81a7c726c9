"""``sharpear``, or ``python -m sharpear``: the command line, which ends well on Ctrl-C from the first import on."""

import sys
from typing import NoReturn

from .commands.standard_streams import make_ready


def main() -> NoReturn:
    """Run the command line; see `sharpear.cli.main`."""
    make_ready()
    try:
        from .interrupt import end_at_signals  # noqa: PLC0415

        end_at_signals()
        from .cli import main as run  # noqa: PLC0415

        run()
    except KeyboardInterrupt:
        print("sharpear: interrupted", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
