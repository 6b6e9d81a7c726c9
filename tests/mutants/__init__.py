"""Mistakes that tests must notice, and what makes them one at a time (`python -m mutants`)."""

import tomllib
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
LIST = Path(__file__).parent / "mutants.toml"


class Mutant(NamedTuple):
    """`old` in `file` made `new`, which one of `tests` (arguments of pytest, as in a shell) must notice."""

    subject: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.subject}: {self.old.strip()}  →  {self.new.strip() or '(nothing)'}"

    def mutated(self) -> str:
        """The file's text with the mistake.

        Raises:
            ValueError: `old` does not stand there exactly once, or is `new`.
        """
        text = (ROOT / self.file).read_text(encoding="utf-8")
        if text.count(self.old) != 1 or self.old == self.new:
            raise ValueError(
                f"{self.file}: expected exactly once, and not as the mistake reads, received {text.count(self.old)} "
                f"times: {self.old!r}; write the mistake in {LIST.name} as the code now reads"
            )
        return text.replace(self.old, self.new)


def mutants() -> list[Mutant]:
    subjects = tomllib.loads(LIST.read_text(encoding="utf-8"))
    return [
        Mutant(subject, given["file"], old, new, tuple(given["tests"]))
        for subject, given in subjects.items()
        for old, new in given["mistakes"]
    ]
