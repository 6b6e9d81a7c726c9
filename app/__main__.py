"""``python -m sharpear`` is the command line."""

from .cli import main

main()
