"""Every example in a docstring runs. Found in the sources: doctest itself does not see inside compiled functions."""

import ast
import doctest
import importlib
import tomllib
from pathlib import Path

import pytest

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


def test_both_halves_have_examples() -> None:
    folders = {module.rsplit(".", 1)[0] for module, _, _ in EXAMPLES}
    assert {"sharpear.dsp", "sharpear.dynamics"} <= folders
