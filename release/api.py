"""The public API as text, a name and its signature a line, and how it differs from the last version's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

LAST = Path(__file__).parent / "api.txt"
"""The API of the version before this one, as `names` told it when that was released."""

PACKAGES = ("sharpear", "sharpear.bridges", "sharpear.dsp", "sharpear.dynamics", "sharpear.pitch")


def names(folder: Path) -> list[str]:
    """Every public name of the package in a folder, with its parameters."""
    return sorted({line for path, held in _exported(folder) for line in _told(path, held)})


def undocumented(folder: Path) -> list[str]:
    """Attributes of public classes of which neither they themselves nor their classes say a word."""
    silent = set[str]()
    for _, held in _exported(folder):
        if held.is_class:
            attributes = {n: m for n, m in held.all_members.items() if m.is_attribute and not n.startswith("_")}
            silent |= {m.canonical_path for n, m in attributes.items() if not _said(held, n, m)}
    return sorted(silent)


@cache
def _package(folder: Path) -> Any:
    """The package as its sources say; nothing is imported."""
    import griffe  # noqa: PLC0415  # the other half needs no package

    return griffe.load("sharpear", search_paths=[folder], resolve_aliases=True)


def _exported(folder: Path) -> Iterator[tuple[str, Any]]:
    """Every name that a package exports, and what it is."""
    package = _package(folder)
    for path in PACKAGES:
        module: Any = package if path == "sharpear" else package[path.removeprefix("sharpear.")]
        exported = module.exports or [n for n, m in module.members.items() if not n.startswith("_") and not m.is_alias]
        for name in map(str, exported):
            held = module.members[name]
            yield f"{path}.{name}", held.final_target if held.is_alias else held


def _said(held: Any, name: str, attribute: Any) -> bool:
    """Whether it has a docstring or a description, or its class or what this is made of names it in theirs."""
    if attribute.docstring or "description=" in str(attribute.value):
        return True
    for each in (held, *held.mro()):
        own = each.members.get(name)
        if own is not None and own.docstring:
            return True
        text = each.docstring.value if each.docstring else ""
        heads = re.findall(r"(?:^ *|  |\. )((?:\w+, )*\w+): ", text, re.MULTILINE)
        if f"`{name}`" in text or any(name in head.split(", ") for head in heads):
            return True
    return False


def differences(before: list[str], now: list[str]) -> tuple[list[str], list[str]]:
    """What is gone or changed, and what is new; a name that changed is in both.

    >>> differences(["f(x)", "g()"], ["f(x, y=…)", "g()"])
    (['f(x)'], ['f(x, y=…)'])
    """
    return [line for line in before if line not in now], [line for line in now if line not in before]


def _told(path: str, target: Any) -> Iterator[str]:
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
