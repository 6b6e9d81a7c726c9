"""Every example in a docstring runs. Found in the sources: doctest itself does not see inside compiled functions."""

import ast
import doctest
import importlib
import inspect
import tomllib
from pathlib import Path

import pytest

from release.api import PACKAGES as PACKAGES_OF_NAMES

ROOT = Path(__file__).parents[1]
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
PACKAGES = {folder: package for package, folder in SETUPTOOLS["package-dir"].items()}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def examples() -> list[tuple[str, str, str]]:
    """(module, object, docstring) of every docstring with an example."""
    found = []
    for folder, package in PACKAGES.items():
        for path in sorted((ROOT / folder).glob("*.py")):
            module = package if path.stem == "__init__" else f"{package}.{path.stem}"
            for node in ast.walk(ast.parse(path.read_text())):
                text = ast.get_docstring(node) if isinstance(node, DOCUMENTED) else None
                if text and ">>>" in text:
                    found.append((module, getattr(node, "name", "(module)"), text))
    return found


EXAMPLES = examples()


@pytest.mark.parametrize(("module", "name", "text"), EXAMPLES, ids=[f"{module}.{name}" for module, name, _ in EXAMPLES])
def test_example(module: str, name: str, text: str) -> None:
    names = vars(importlib.import_module(module))
    test = doctest.DocTestParser().get_doctest(text, names, f"{module}.{name}", None, 0)
    assert test.examples
    report: list[str] = []
    doctest.DocTestRunner(verbose=False).run(test, out=report.append)
    assert not report, "".join(report)


def public() -> dict[str, object]:
    """Every public function and class by its name: what its package exports or, if it does not say, makes itself."""
    found: dict[str, object] = {}
    for package in PACKAGES_OF_NAMES:
        module = importlib.import_module(package)
        own = [name for name, held in vars(module).items() if getattr(held, "__module__", "") == package]
        names = getattr(module, "__all__", own)
        found |= {f"{package}.{name}": getattr(module, name) for name in names if not name.startswith("_")}
    return {name: held for name, held in found.items() if inspect.isclass(held) or inspect.isroutine(held)}


def members(held: object) -> dict[str, object]:
    """The public methods and properties that a class defines itself."""
    own = vars(held) if inspect.isclass(held) else {}
    told = {name: value.fget if isinstance(value, property) else value for name, value in own.items()}
    return {name: value for name, value in told.items() if inspect.isroutine(value) and not name.startswith("_")}


def test_every_public_name_is_documented_and_nearly_every_one_shows_an_example() -> None:
    names = public()
    assert len(set(names.values())) > 70
    whole = names | {f"{name}.{own}": held for name, of in names.items() for own, held in members(of).items()}
    assert [name for name, held in whole.items() if not held.__doc__] == []
    without = {held for held in names.values() if ">>>" not in (held.__doc__ or "")}
    assert len(without) <= 0.1 * len(set(names.values())), without
