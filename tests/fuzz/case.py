"""What is tried: one input, made from a seed and a number alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Protocol


@dataclass(frozen=True)
class Case:
    """One input.

    told: what was done to make it, in a line.  files: what lies in the folder where it is tried.  data: the rest.
    """

    told: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    data: Any = None

    def lay_out(self, folder: Path) -> None:
        """Write the files."""
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


@dataclass(frozen=True)
class Place:
    """Where a case is tried. folder: the current folder.  out, err: what its standard streams are written to."""

    folder: Path
    out: Path
    err: Path


class Target(Protocol):
    """A part of the program that is given inputs."""

    def prepare(self) -> None:
        """Whatever all cases need, kernels among it: none of this counts as a case's time."""

    def make(self, rng: Random) -> Case:
        """A case, the same for the same state of `rng`."""

    def run(self, case: Case, place: Place) -> None:
        """Try it. A `SharpearError` says that it is refused, any other exception is a failure."""


class WrongError(AssertionError):
    """The program took an input and made something of it that cannot be right."""


def case_of(target: Target, name: str, seed: int, number: int) -> Case:
    """The case of that number: a string seeds Python's generator alike on every machine."""
    return target.make(Random(f"{name}:{seed}:{number}"))
