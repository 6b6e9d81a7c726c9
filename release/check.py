"""Check that this tree can be released: `make release-check`, or `python -m release.check [--accept-api]`.

One version everywhere; sdist and wheel built apart from the tree, what is in them, their metadata; the wheel in an
empty environment outside of the tree, without extras, doing its jobs; the public API beside the last version's.
Nothing is published.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from release import api

ROOT = Path(__file__).parents[1]
DIST = ROOT / "build" / "release"
LARGEST_WHEEL = 2 * 2**20
RECORDING = ROOT / "examples" / "audio" / "bach_bwv66.6.flac"
USER = """import numpy as np

import sharpear

spec: sharpear.Spectrogram = sharpear.sharpen(np.zeros(4410), 44100)
stream = sharpear.Sharpener(44100)
frames: sharpear.Frames = stream.process(np.zeros(4410))
late: float = stream.latency_s
"""
WITHOUT_EXTRAS = {
    "sharpen sound.flac -o sound.png": "sharpear[plot]",
    "sharpen sound.flac -o - --format arrow": "sharpear[arrow]",
    "sharpen sound.flac -o sound.parquet": "sharpear[arrow]",
    "transcribe sound.flac -o notes.parquet": "sharpear[arrow]",
    "view sound.flac --no-open": "sharpear[view]",
    "live --replay sound.flac --no-view --quiet --osc localhost:9000": "sharpear[osc]",
    "live --replay sound.flac --no-view --quiet --midi x": "sharpear[midi]",
    "sharpen s3://bucket/sound.flac": "sharpear[remote]",
    "sharpen sound.flac -o new --scheduler tcp://localhost:1": "sharpear[cluster]",
    "sharpen sound.flac -o new --device gpu": "sharpear[gpu]",
}
"""Commands that want an extra, and what their one line names."""


class RefusedError(Exception):
    """Something that must be mended before the release."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all checks in their order, and say what each found; 1 at the first that fails."""
    parser = argparse.ArgumentParser(prog="python -m release.check", description=__doc__)
    parser.add_argument("--tag", help="the tag that is to be published, which names this version: v0.2.0")
    parser.add_argument("--accept-api", action="store_true", help="keep the API of this version as the last one's")
    options = parser.parse_args(arguments)
    try:
        version = same_version()
        if options.tag not in (None, f"v{version}"):
            raise RefusedError(f"--tag: expected v{version}, received {options.tag}")
        said("version", version)
        sdist, wheel = built(version)
        said("built", f"{sdist.name} {_kilobytes(sdist)}, {wheel.name} {_kilobytes(wheel)}")
        contents(wheel)
        said("contents", "the package, its licence and weights, and nothing else")
        run("check-wheel-contents", str(wheel))
        run("twine", "check", "--strict", str(sdist), str(wheel))
        # Apart: it needs an older jsonschema than what the tests need.
        run("uv", "tool", "run", "cffconvert", "--validate", cwd=ROOT)
        said("metadata", "check-wheel-contents, twine and cffconvert are content")
        with tempfile.TemporaryDirectory(prefix="sharpear-release-") as folder:
            installed(wheel, Path(folder))
            compare(_packages(Path(folder) / "environment"), options.accept_api)
    except RefusedError as refused:
        print(f"release-check: {refused}", file=sys.stderr)
        return 1
    said("done", f"{version} can be released from {DIST.relative_to(ROOT)}")
    return 0


def said(what: str, found: str) -> None:
    """A line of the report."""
    print(f"{what:<10} {found}", flush=True)


def same_version() -> str:
    """The version in pyproject.toml, which CITATION.cff and the newest entry of CHANGELOG.md have, too."""
    version: str = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    told = {
        "CITATION.cff": r"^version: (\S+)$",
        "CHANGELOG.md": r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$",
    }
    for name, form in told.items():
        found = re.search(form, (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
        if not found or found[1] != version:
            raise RefusedError(f"{name}: expected version {version}, as in pyproject.toml, found {found and found[1]}")
    return version


def built(version: str) -> tuple[Path, Path]:
    """The sdist, built from a copy of what Git knows of, and the wheel, built from the sdist."""
    shutil.rmtree(DIST, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="sharpear-source-") as folder:
        listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, Path(folder) / name)
        run(sys.executable, "-m", "build", "--outdir", str(DIST), folder)
    return DIST / f"sharpear-{version}.tar.gz", DIST / f"sharpear-{version}-py3-none-any.whl"


def contents(wheel: Path) -> None:
    """What must be in the wheel, and what must not."""
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    stray = [name for name in names if re.search(r"(^|/)(tests?|__pycache__)/|\.(nbi|nbc|pyc)$", name)]
    if tops != {"sharpear"} or stray:
        raise RefusedError(f"{wheel.name}: expected the package sharpear alone, found {sorted(tops)}, {stray[:3]}")
    wanted = [r"dist-info/licenses/LICENSE$", r"sharpear/py\.typed$", r"sharpear/configs/music\.toml$"]
    wanted += [r"dynamics/beliefs_music\.npz$", r"separation/tonal_readout\.npz$", r"view/static/.*\.js$", r"\.cu$"]
    for form in wanted:
        if not any(re.search(form, name) for name in names):
            raise RefusedError(f"{wheel.name}: expected a file like {form}, found none")
    if wheel.stat().st_size > LARGEST_WHEEL:
        raise RefusedError(f"{wheel.name}: expected at most {LARGEST_WHEEL} bytes, found {wheel.stat().st_size}")


def installed(wheel: Path, folder: Path) -> None:
    """The wheel without extras, in an empty environment and a folder of its own, does what README shows."""
    environment = folder / "environment"
    venv.create(environment, with_pip=False)
    python = str(environment / ("Scripts" if os.name == "nt" else "bin") / "python")
    run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", str(wheel))
    shutil.copy(RECORDING, folder / "sound.flac")

    def sharpear(words: str, expected: int = 0, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        command = [python, "-m", "sharpear", *words.split()]
        done = subprocess.run(command, cwd=folder, env=kept, input=data, capture_output=True, check=False)
        if done.returncode != expected:
            told = done.stderr.decode(errors="replace").strip()
            raise RefusedError(f"sharpear {words}: expected exit code {expected}, received {done.returncode}: {told}")
        return done

    jobs: dict[str, Callable[[], object]] = {
        "version": lambda: sharpear("--version"),
        "doctor": lambda: sharpear("doctor"),
        "demo": lambda: sharpear("sharpen sound.flac --format zarr,npz"),
        "verify": lambda: sharpear("verify sound.zarr sound.npz"),
        "pipe": lambda: sharpear("sharpen - --duration 1", data=RECORDING.read_bytes()),
    }
    for name, job in jobs.items():
        job()
        said(name, "runs as installed, without extras")
    for words, extra in WITHOUT_EXTRAS.items():
        told = sharpear(words, expected=2).stderr.decode().strip()
        if extra not in told or len(told.splitlines()) != 1:
            raise RefusedError(f"sharpear {words}: expected one line that names {extra}, received {told!r}")
    said("extras", f"one line names what is missing: {', '.join(dict.fromkeys(WITHOUT_EXTRAS.values()))}")
    (folder / "user.py").write_text(USER, encoding="utf-8")
    run(sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "user.py", cwd=folder)
    said("types", "a user's file is checked by mypy --strict against the installed package")


def compare(packages: Path, accept: bool) -> None:
    """Name what differs from the last version's API; what is gone or changed must stand in the changelog."""
    now = api.names(packages)
    if accept or not api.LAST.exists():
        api.LAST.write_text("\n".join(now) + "\n", encoding="utf-8")
    gone, new = api.differences(api.LAST.read_text(encoding="utf-8").splitlines(), now)
    for sign, lines in (("-", gone), ("+", new)):
        for line in lines:
            print(f"  {sign} {line}")
    said("API", f"{len(now)} public names, {len(gone)} gone or changed, {len(new)} new or changed")
    entry = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split("\n## ")[1]
    untold = [line for line in gone if line.split("(")[0].rsplit(".", 1)[-1] not in entry]
    if untold:
        raise RefusedError(f"CHANGELOG.md: expected this version's entry to name what is gone or changed: {untold}")


def run(*words: str, cwd: Path | None = None) -> str:
    """What a command prints.

    Raises:
        RefusedError: it fails.
    """
    command = shutil.which(words[0], path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if command is None:
        raise RefusedError(f"{words[0]} is not installed: pip install -e '.[release]'")
    done = subprocess.run([command, *words[1:]], cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RefusedError(f"{' '.join(words)}: {(done.stdout + done.stderr).strip()}")
    return done.stdout


def _packages(environment: Path) -> Path:
    return next(environment.glob("[Ll]ib/**/site-packages"))


def _kilobytes(path: Path) -> str:
    return f"{path.stat().st_size / 1024:.0f} kB"


if __name__ == "__main__":
    sys.exit(main())
