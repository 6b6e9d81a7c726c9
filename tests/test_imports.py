"""Which folder may import which, and how."""

import ast
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT: dict[str, set[str]] = {
    "system": set(),
    "compiler": {"system"},
    "gpu": set(),
    "dsp": {"compiler", "gpu"},
    "dynamics": {"compiler", "gpu"},
    "configs": set(),
    "app": {"app/audio", "app/commands", "app/sharpening", "system"},
    "app/audio": {"app"},
    "app/integrity": {"app", "app/audio", "system"},
    "app/voices": {"compiler", "dsp", "dynamics", "gpu"},
    "app/sharpening": {"app", "app/audio", "app/voices", "compiler", "dsp", "dynamics", "gpu", "system"},
    "app/sinks": {"app", "app/audio", "app/integrity", "app/sharpening", "compiler", "system"},
    "app/runs": {"app", "app/audio", "app/integrity", "app/sharpening", "app/sinks", "dsp", "gpu", "system"},
    "app/recordings": {"app", "app/audio", "app/integrity", "app/runs", "app/sharpening", "app/sinks", "gpu"},
    "app/pitch": {
        "app",
        "app/audio",
        "app/recordings",
        "app/runs",
        "app/sharpening",
        "app/sinks",
        "compiler",
        "dsp",
        "dynamics",
        "gpu",
    },
    "app/separation": {
        *("app", "app/audio", "app/integrity", "app/pitch", "app/recordings", "app/runs"),
        *("app/sharpening", "app/sinks", "compiler", "dsp", "dynamics", "gpu"),
    },
    "app/live": {
        *("app", "app/audio", "app/integrity", "app/pitch", "app/runs", "app/separation", "app/sharpening"),
        *("app/sinks", "compiler", "gpu", "system"),
    },
    "app/view": {
        *(
            "app",
            "app/audio",
            "app/live",
            "app/pitch",
            "app/recordings",
            "app/sharpening",
            "app/sinks",
            "compiler",
            "system",
        ),
    },
    "app/commands": {
        *("app", "app/audio", "app/integrity", "app/live", "app/pitch", "app/runs", "app/separation"),
        *("app/sharpening", "app/sinks", "app/view", "compiler", "dynamics", "gpu", "system"),
    },
}
"""Folders, and the other folders of the package that each may know."""

FACE = {"__init__", "__main__", "bridges", "cli"}
"""Modules at the top of app/ that stand on the rooms; the others there are what every room stands on."""

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGE = {folder: package for package, folder in PYPROJECT["tool"]["setuptools"]["package-dir"].items()}

FILES = [path.relative_to(ROOT).as_posix() for folder in MAY_IMPORT for path in sorted((ROOT / folder).glob("*.py"))]


def folder_of(module: str) -> str:
    """The folder that an absolute `sharpear.…` import reaches."""
    reached = [f for f, package in PACKAGE.items() if module == package or module.startswith(package + ".")]
    return max(reached, key=lambda folder: len(PACKAGE[folder]))


@cache
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


def test_no_room_looks_up_to_the_face() -> None:
    face = {f"sharpear.{module}" for module in FACE}
    for file in FILES:
        if Path(file).stem not in FACE:
            assert not {module for dots, module in imports(file) if dots == 0} & face, file
    for file in FILES:
        if Path(file).parent == Path("app") and Path(file).stem not in FACE:
            reached = {folder_of(m) for dots, m in imports(file) if dots == 0 and m.startswith("sharpear.")}
            assert reached <= {"app", "configs", "system"}, f"{file} is what rooms stand on, and may not stand on one"


def test_rooms_stand_in_an_order() -> None:
    """Each folder imports only such as stand before it in the map: there are no circles."""
    order = list(MAY_IMPORT)
    for folder, others in MAY_IMPORT.items():
        later = {other for other in others if order.index(other) > order.index(folder)}
        assert folder == "app" or not later, f"{folder} imports {later}, which stand after it"


def test_a_name_is_one_module() -> None:
    stems = [Path(file).stem for file in FILES if Path(file).stem != "__init__"]
    assert not {stem for stem in stems if stems.count(stem) > 1}


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
