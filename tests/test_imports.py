"""Which folder may import which, and how."""

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "compiler": set(),
    "gpu": set(),
    "dsp": {"compiler", "gpu"},
    "dynamics": {"compiler", "gpu"},
    "configs": set(),
    "app": {"compiler", "dsp", "dynamics", "gpu", "configs"},
    "app/commands": {
        "app",
        "compiler",
        "gpu",
        *(f"app/{p}" for p in ("batch", "integrity", "live", "pipe", "pitch", "separation", "sinks", "view")),
    },
    "app/pitch": {"app", "app/sinks", "compiler", "dsp", "dynamics", "gpu"},
    "app/integrity": {"app"},
    "app/sinks": {"app", "app/integrity", "compiler"},
    "app/live": {"app", "compiler", "gpu", "app/batch", "app/integrity", "app/pipe", "app/separation", "app/sinks"},
    "app/view": {"app", "app/sinks", "app/live"},
    "app/pipe": {"app", "app/sinks"},
    "app/batch": {"app", "dsp", "gpu", "app/integrity", "app/sinks"},
    "app/separation": {"app", "app/integrity", "compiler", "app/pitch", "app/sinks", "dsp", "dynamics", "gpu"},
}
"""Folders, and the other folders of the package that each may know."""

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGE = {folder: package for package, folder in PYPROJECT["tool"]["setuptools"]["package-dir"].items()}

FILES = [path.relative_to(ROOT).as_posix() for folder in MAY_IMPORT for path in sorted((ROOT / folder).glob("*.py"))]


def folder_of(module: str) -> str:
    """The folder that an absolute `sharpear.…` import reaches."""
    reached = [f for f, package in PACKAGE.items() if module == package or module.startswith(package + ".")]
    return max(reached, key=lambda folder: len(PACKAGE[folder]))


def imports(file: str) -> list[tuple[int, str]]:
    """(dots, module) of every import statement, nested ones too."""
    found = []
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, ast.Import):
            found += [(0, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "sharpear":
            found += [(0, f"sharpear.{alias.name}") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.level, node.module or ""))
    return found


def test_every_folder_has_files() -> None:
    assert {str(Path(file).parent) for file in FILES} == set(MAY_IMPORT)


@pytest.mark.parametrize("file", FILES)
def test_direction_of_imports(file: str) -> None:
    folder = str(Path(file).parent)
    for dots, module in imports(file):
        assert dots <= 1, f"{file} reaches out of its folder by {'.' * dots}{module}"
        assert module.split(".")[0] not in {"app", "dsp", "dynamics", "configs"} or dots == 1, f"{file}: {module}"
        if dots == 0 and module.split(".")[0] == "sharpear":
            assert folder_of(module) in MAY_IMPORT[folder], f"{file} imports {module}"


def test_one_dot_stays_in_the_folder() -> None:
    """``from .sinks`` is app's own sub-package; nothing else steps down."""
    for file in FILES:
        folder = ROOT / Path(file).parent
        for dots, module in imports(file):
            if dots == 1 and module:
                first = module.split(".")[0]
                inside = folder / f"{first}.py", folder / first / "__init__.py"
                assert any(path.exists() for path in inside), f"{file}: .{module}"


def test_configs_is_data() -> None:
    body = ast.parse((ROOT / "configs" / "__init__.py").read_text()).body
    assert all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body)
