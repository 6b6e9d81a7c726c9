"""The targets by name; each is imported when it is wanted, in the worker alone."""

from importlib import import_module

from .case import Target

NAMES = {
    "decoders": "decoders:Decoders",
    "raw": "raw:Raw",
    "settings": "settings:Settings",
    "words": "words:Words",
    "dictionaries": "archives:Dictionaries",
    "outputs": "archives:Outputs",
    "texts": "texts:Texts",
    "states": "states:States",
    "page": "page:PageMessages",
}

COUNTS = {
    "decoders": 10000,
    "raw": 1000, "settings": 2500, "words": 2000,
    "dictionaries": 1200, "outputs": 1200, "texts": 1200, "states": 1000, "page": 1000,
}  # fmt: skip
"""How many of each make a full run."""


def open_target(name: str) -> Target:
    """The target of that name, or of a module that is named instead."""
    module, kind = f".{NAMES[name]}".split(":") if name in NAMES else name.split(":")
    target: Target = getattr(import_module(module, __package__), kind)()
    return target
