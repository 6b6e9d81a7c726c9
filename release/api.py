"""The public API as text, a name and its signature a line, and how it differs from the last version's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

LAST = Path(__file__).parent / "api.txt"
"""The API of the version before this one, as `names` told it when that was released."""

PACKAGES = ("sharpear", "sharpear.bridges", "sharpear.dsp", "sharpear.dynamics", "sharpear.pitch")


def names(folder: Path) -> list[str]:
    """Every public name of the package in a folder, with its parameters; read from the sources, nothing is imported."""
    import griffe  # noqa: PLC0415  # the other half needs no package

    package = griffe.load("sharpear", search_paths=[folder], resolve_aliases=True)
    told = set[str]()
    for path in PACKAGES:
        module: Any = package if path == "sharpear" else package[path.removeprefix("sharpear.")]
        exported = module.exports or [n for n, m in module.members.items() if not n.startswith("_") and not m.is_alias]
        for name in exported:
            told |= set(_told(f"{path}.{name}", module.members[str(name)]))
    return sorted(told)


def differences(before: list[str], now: list[str]) -> tuple[list[str], list[str]]:
    """What is gone or changed, and what is new; a name that changed is in both.

    >>> differences(["f(x)", "g()"], ["f(x, y=…)", "g()"])
    (['f(x)'], ['f(x, y=…)'])
    """
    return [line for line in before if line not in now], [line for line in now if line not in before]


def _told(path: str, held: Any) -> Iterator[str]:
    target = held.final_target if held.is_alias else held
    if target.is_function:
        yield path + _parameters(target)
    elif target.is_class:
        yield path + _parameters(target)
        for name, member in target.all_members.items():
            if not name.startswith("_"):
                reached = member.final_target if member.is_alias else member
                yield f"{path}.{name}" + (_parameters(reached) if reached.is_function else "")
    else:
        yield path


def _parameters(called: Any) -> str:
    told, keyword = [], False
    for each in called.parameters:
        kind = str(each.kind.value) if each.kind else ""
        if each.name == "self":
            continue
        if kind == "keyword-only" and not keyword:
            told.append("*")
        keyword = keyword or kind in ("keyword-only", "variadic positional")
        stars = {"variadic positional": "*", "variadic keyword": "**"}.get(kind, "")
        told.append(stars + each.name + ("=…" if each.default is not None and not stars else ""))
    return f"({', '.join(told)})"
