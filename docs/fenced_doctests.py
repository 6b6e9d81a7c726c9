"""An extension of griffe: examples in docstrings, which stand there without a heading, become blocks of code."""

import re
from typing import Any

import griffe

EXAMPLE = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)


class FencedDoctests(griffe.Extension):
    """Puts each example of a docstring, up to the next empty line, into a fence."""

    def on_instance(self, *, obj: Any, **_: Any) -> None:
        """Change the docstring of what was just read from the source."""
        if obj.docstring:
            obj.docstring.value = EXAMPLE.sub(lambda found: f"```pycon\n{found[0]}\n```", obj.docstring.value)
