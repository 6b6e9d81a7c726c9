"""The pictures in docs/architecture.md are what the code is now, and the map in CONTRIBUTING.md names every folder."""

import ast
import importlib.util
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "docs" / "draw_architecture.py"


def docstrings() -> list[tuple[str, str]]:
    """(file, text) of every docstring, of constants too."""
    found = []
    for folder in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-dir"].values():
        for path in sorted((ROOT / folder).glob("*.py")):
            nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Expr)]
            texts = [node.value.value for node in nodes if isinstance(node.value, ast.Constant)]
            found += [(str(path.relative_to(ROOT)), text) for text in texts if isinstance(text, str)]
    return found


def test_docstrings_begin_with_what_they_are_about():
    assert not [(file, text[:60]) for file, text in docstrings() if text.startswith(("Of ", "Hear"))]


def script():
    spec = importlib.util.spec_from_file_location("draw_architecture", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["rooms.svg", "signal_path.svg"])
def test_a_picture_is_what_is_drawn_now(name):
    drawn = script().PICTURES[name]()
    committed = (ROOT / "docs" / "images" / name).read_text(encoding="utf-8")
    assert committed == drawn, f"docs/images/{name} shows other code: run `python docs/draw_architecture.py`"
    assert f"images/{name}" in (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_no_room_is_drawn_above_one_that_imports_it():
    drawing = script()
    held, edges = drawing.rooms()
    level = drawing._levels(held, edges)
    assert all(level[importing] > level[imported] for importing, imported in edges)


def test_the_map_names_every_folder_and_every_module_it_names_is_there():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    folders = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-dir"].values()
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    first = {row.split("`")[1].rstrip("/") for row in rows}
    assert {*folders, "tests", "benchmarks", "examples", "docs"} <= first
    named = {word for row in rows for word in row.split("`")[1::2] if word.endswith((".py", ".toml", ".js", ".md"))}
    missing = [name for name in named if not (ROOT / name).exists()]
    assert not missing, f"CONTRIBUTING.md names what is not there: {missing}"
