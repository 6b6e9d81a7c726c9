"""The wheel, installed where no source tree is in sight."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from conftest import SMALL, tone
from soundfile import write
from test_imports import PACKAGE

from sharpear.compiler.cache_places import SUFFIX, usual_places

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from the source tree as it is."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in (
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "app",
        "dsp",
        "dynamics",
        "compiler",
        "gpu",
        "system",
        "configs",
        "tests",
    ):
        if (ROOT / name).exists():
            (source / name).symlink_to(ROOT / name)
    words = [sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(source)]
    built = subprocess.run(words, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return next(folder.glob("*.whl"))


def test_the_cuda_sources_are_in_it(wheel: Path) -> None:
    sources = [path for folder in PACKAGE for path in (ROOT / folder).glob("*.cu*")]
    packed = {f"{PACKAGE[path.parent.relative_to(ROOT).as_posix()].replace('.', '/')}/{path.name}" for path in sources}
    assert len(packed) > 5
    assert packed <= set(zipfile.ZipFile(wheel).namelist())


@pytest.fixture(scope="module")
def clean(wheel, tmp_path_factory) -> Path:
    """A virtual environment that holds the wheel; the dependencies, and only they, come from this one."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=False, symlinks=True)
    paths = sysconfig.get_paths(vars={"base": str(folder), "platbase": str(folder)})
    words = [sys.executable, "-m", "pip", "--python", str(folder), "install", "--quiet", "--no-deps", str(wheel)]
    subprocess.run(words, check=True, capture_output=True)
    # Appended after the environment's own packages; .pth files there, editable installs among them, are not read.
    Path(paths["purelib"], "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    kept = Path(paths["purelib"], "sharpear", "compiler", "__pycache__")  # of the same sources, for half a minute less
    kept.mkdir(exist_ok=True)
    for compiled in usual_places()[0].path.glob(f"*{SUFFIX}"):
        shutil.copy(compiled, kept)
    return folder


def run(clean: Path, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"sharpear"}
    assert {"sharpear/py.typed", "sharpear/configs/music.toml", "sharpear/sinks/zarr.py"} <= set(names)
    for folder, package in PACKAGE.items():
        for source in (ROOT / folder).glob("*.py"):
            assert f"{package.replace('.', '/')}/{source.name}" in names


@pytest.mark.parametrize("entry", ["script", "module"])
def test_both_entries_work_outside_the_source_tree(clean, tmp_path, entry):
    command = {"script": [str(clean / "bin" / "sharpear")], "module": [str(clean / "bin" / "python"), "-m", "sharpear"]}
    listed = run(clean, *command[entry], "presets", cwd=tmp_path)
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "music" in listed.stdout
    assert run(clean, *command[entry], "--version", cwd=tmp_path).stdout.startswith("sharpear ")


def test_it_is_the_wheel_that_runs_and_it_sharpens(clean, tmp_path):
    python = str(clean / "bin" / "python")
    where = run(clean, python, "-c", "import sharpear; print(sharpear.__file__)", cwd=tmp_path).stdout
    assert where.startswith(str(clean))
    write(tmp_path / "tone.wav", tone(), 16000)
    words = ["sharpen", "tone.wav", "--preset", str(SMALL), "--set", "network.iterations=2"]
    done = run(clean, str(clean / "bin" / "sharpear"), *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "tone.zarr" / "zarr.json").is_file()


def test_the_installed_command_fails_well(clean, tmp_path):
    done = run(clean, str(clean / "bin" / "sharpear"), "sharpen", "missing.wav", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "sharpear: missing.wav: no such file\n"
