"""Make one mistake at a time in a copy of the package, and run the tests that must notice it.

A mistake in a kernel is compiled anew, which takes most of the time; what it leaves alone is compiled once, at first,
when the tests run on the copy without a mistake and must pass.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import sharpear.compiler

from . import ROOT, Mutant, mutants

LONGEST_S = 600.0
"""A mistake that makes a test run for longer has been noticed."""

MAY_SURVIVE = 1
KERNELS = "*.kernel"


def copy_package(target: Path, kernels: Path) -> None:
    """The package as it is installed, with the kernels that are compiled so far."""
    folders = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-dir"]
    for name, folder in folders.items():
        place = target.joinpath(*name.split("."))
        shutil.copytree(ROOT / folder, place, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    keep_kernels(kernels, target / "sharpear" / "compiler" / "__pycache__")


def keep_kernels(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for kernel in source.glob(KERNELS):
        shutil.copy(kernel, target)


def notice(package: Path, tests: Iterable[str]) -> str:
    """Run tests on a copy of the package; what they say where they fail, nothing where all pass.

    Raises:
        RuntimeError: they could not be run.
    """
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    environment |= {"PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1"}
    for test in tests:
        words = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *shlex.split(test)]
        try:
            done = subprocess.run(
                words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LONGEST_S, check=False
            )
        except subprocess.TimeoutExpired:
            return f"{test} did not end"
        if done.returncode == 1:
            failed = [line for line in done.stdout.splitlines() if line.startswith("FAILED")]
            return failed[0] if failed else done.stdout[-500:]
        # Killed by a signal: a mistake that reads beyond an array.
        if done.returncode < 0:
            return f"{test} crashed"
        if done.returncode:
            raise RuntimeError(
                f"pytest {test} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
            )
    return ""


def try_one(mutant: Mutant, kernels: Path) -> tuple[str, float]:
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        package = Path(folder)
        copy_package(package, kernels)
        place = package / "sharpear" / mutant.file.removeprefix("app/")
        place.write_text(mutant.mutated(), encoding="utf-8")
        return notice(package, mutant.tests), time.monotonic() - begun


def main() -> int:
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="subjects that begin so, as in mutants.toml")
    parser.add_argument("--jobs", type=int, default=1, help="mistakes at a time")
    options = parser.parse_args()
    chosen = [mutant for mutant in mutants() if mutant.subject.startswith(options.only)]
    for mutant in chosen:
        mutant.mutated()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        kernels, package = Path(folder, "kernels"), Path(folder, "package")
        copy_package(package, Path(sharpear.compiler.__file__).parent / "__pycache__")
        named = dict.fromkeys(test for mutant in chosen for test in mutant.tests)
        if failed := notice(package, named):
            print(f"without a mistake: {failed}", file=sys.stderr)
            return 2
        keep_kernels(package / "sharpear" / "compiler" / "__pycache__", kernels)
        survived = 0
        with ThreadPoolExecutor(options.jobs) as pool:
            for mutant, (noticed, seconds) in zip(
                chosen, pool.map(lambda one: try_one(one, kernels), chosen), strict=True
            ):
                survived += not noticed
                print(f"{'caught' if noticed else 'SURVIVED':8} {seconds:4.0f} s  {mutant}", flush=True)
    print(f"{len(chosen) - survived} of {len(chosen)} mistakes caught; {MAY_SURVIVE} may survive")
    return int(survived > MAY_SURVIVE)


if __name__ == "__main__":
    sys.exit(main())
