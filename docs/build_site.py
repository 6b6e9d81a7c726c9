"""Build the site: `make docs`, or `python docs/build_site.py [--output FOLDER] [--no-media]`.

The pages are docs/*.md and its folders, with CHANGELOG and CONTRIBUTING; the reference, the gallery and the sounds are
made from the code. All is gathered in a folder and given to Zensical, which refuses links that lead nowhere. What
examples and notebooks show is kept for as long as nothing changes that it depends on.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import hashlib
import importlib
import io
import json
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import Future, ProcessPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

import landing_sounds
import notebook_pages
import numpy as np
import reference_pages

import sharpear

DOCS = Path(__file__).parent
ROOT = DOCS.parent
GROUPS: dict[str, list[str]] = {
    "Start": ["index.md"],
    "Tutorials": [f"tutorials/{name}.md" for name in ("first-look", "microphone", "corpus", "pipe")],
    "How-to": ["how-to/*.md", "view.md", "batch.md", "bridges.md", "gpu.md", "systems.md"],
    "Gallery": ["gallery.md", "notebooks/*.md"],
    "Explanation": [
        *("how-it-works.md", "architecture.md", "windows.md", "beliefs.md", "voices.md", "dynamics.md"),
        *("live.md", "viewer.md", "compiling.md", "reliability.md"),
    ],
    "Measured": ["sharpness.md", "separation.md", "pitch.md", "speed.md", "benchmarks.md", "*-tables.md"],
    "What was tried": ["trials/*.md"],
    "Reference": [
        "reference/python.md",
        "reference/commands.md",
        "reference/settings.md",
        "formats.md",
        "reference/*.md",
    ],
    "Project": ["CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"],
}
"""The navigation. A pattern takes what no entry before it has; a page of docs/ that nobody names joins Explanation."""

SCRIPTS = [
    path
    for path in sorted((ROOT / "examples").glob("*.py"))
    if re.search(r"^ +(save|soundfile\.write)\(", path.read_text("utf-8"), re.MULTILINE)
]
"""Examples that write pictures or sounds into a folder."""

BOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))

HEARD = ("mixture", "without-drum")
"""Their sounds that are shown."""

DECIDE = ("app", "compiler", "configs", "dsp", "dynamics", "examples", "system", "docs")
SOURCES = (".py", ".toml", ".npz", ".ipynb", ".flac")
"""What examples and notebooks show depends on the files in these folders that end so, and on all that is installed."""

FROM_OUTSIDE = "https://unpkg.com/iframe-worker/shim"
"""What the search would load from elsewhere; docs/assets has it."""

OUTSIDE = {"README.md": "index.md", "examples/audio/README.md": "example-recording.md"}
"""Pages outside of docs/ that pages link to, and what stands for them on the site."""


def gather(pages: Path, media: bool = True) -> None:
    """Put all pages, pictures and sounds of the site into a folder."""
    shutil.rmtree(pages, ignore_errors=True)
    shutil.copytree(DOCS, pages, ignore=shutil.ignore_patterns("*.py", "*.json", "__pycache__"))
    for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"):
        (pages / name).write_text((ROOT / name).read_text(encoding="utf-8").replace("](docs/", "]("), encoding="utf-8")
    shutil.copy(ROOT / "examples" / "audio" / "README.md", pages / OUTSIDE["examples/audio/README.md"])
    reference = pages / "reference"
    reference.mkdir()
    made = {
        "commands.md": reference_pages.commands(),
        "settings.md": reference_pages.settings(),
        "files.md": reference_pages.files(),
    }
    for name, text in (made | reference_pages.python()).items():
        (reference / name).write_text(text, encoding="utf-8")
    if media:
        shutil.copytree(made_once(pages.parent / "made"), pages, dirs_exist_ok=True)
    else:
        notebooks_run(pages / "notebooks", run=False)
    (pages / "gallery.md").write_text(gallery(pages / "gallery"), encoding="utf-8")
    for page in pages.rglob("*.md"):
        up = "../" * (len(page.relative_to(pages).parts) - 1)
        page.write_text(_with_links_of_the_site(page.read_text(encoding="utf-8"), up), encoding="utf-8")


def made_once(folder: Path) -> Path:
    """Where in a folder the sounds are, and what notebooks and examples show; what was made of other sources goes."""
    made = folder / _digest()
    if not made.exists():
        shutil.rmtree(folder, ignore_errors=True)
        _run_all(folder / "growing")
        (folder / "growing").rename(made)
    return made


def _digest() -> str:
    found = hashlib.sha256(repr(sorted((each.name, each.version) for each in metadata.distributions())).encode())
    paths = [path for name in DECIDE for path in (ROOT / name).rglob("*") if path.suffix in SOURCES]
    for path in sorted(paths):
        found.update(path.relative_to(ROOT).as_posix().encode() + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()[:16]


def _run_all(made: Path) -> None:
    """Run the notebooks and the examples, and make the sounds, two at a time, each in a process without other threads.

    Most of it is compiling, by helpers, which are copies of such a process. What nearly all need is compiled before,
    on all cores; what takes longest, the notebooks, is begun first.
    """
    sys.path.insert(0, str(ROOT / "examples"))
    sharpear.sharpen(np.zeros(4410), 44100, preset="music")
    with ProcessPoolExecutor(2) as beside:
        runs: list[Future[Any]] = [beside.submit(notebooks_run, made / "notebooks", run=True)]
        runs += [beside.submit(_example_run, script, made / "gallery" / script.stem) for script in SCRIPTS]
        runs += [beside.submit(landing_sounds.write, made / "sounds")]
        for run in runs:
            run.result()


def notebooks_run(folder: Path, run: bool) -> None:
    """A page for each notebook."""
    folder.mkdir(parents=True)
    notebook_pages.write(BOOKS, folder, run)


def _example_run(path: Path, folder: Path) -> None:
    """What an example writes and the site shows, put into a folder."""
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as own, contextlib.redirect_stdout(io.StringIO()):
        importlib.import_module(path.stem).main(Path(own))
        for made in Path(own).iterdir():
            if made.suffix == ".png" or made.stem in HEARD:
                shutil.move(made, folder / made.name)


def gallery(made: Path) -> str:
    """Each script of examples/ with the question that it answers, what it put into its folder, and its code."""
    told = "Short scripts that each answer a question. They run on the bundled recording (`python examples/NAME.py`),"
    lines = ["# Gallery", "", f"{told} write into `demo/`, and are run by the tests.", ""]
    for folder, title in ((ROOT / "examples", "Sound"), (ROOT / "examples" / "dynamics", "Dynamics")):
        lines += [f"## {title}", ""]
        for path in [path for path in sorted(folder.glob("*.py")) if path.stem not in ("shared", "pictures", "demo")]:
            source = path.read_text(encoding="utf-8")
            told = (ast.get_docstring(ast.parse(source)) or "").split("\n\n")
            lines += [f"### {path.stem.replace('_', ' ')}", "", *told, ""]
            lines += [*map(_player, sorted((made / path.stem).glob("*"))), ""]
            lines += [f'??? example "{path.relative_to(ROOT).as_posix()}"', "", "    ```python"]
            lines += [f"    {line}".rstrip() for line in source.splitlines()] + ["    ```", ""]
    return "\n".join(lines)


def _player(made: Path) -> str:
    """What shows a picture, or plays a sound."""
    address = f"gallery/{made.parent.name}/{made.name}"
    if made.suffix == ".png":
        return f"![What it draws]({address})"
    return f'{made.stem}: <audio controls src="{address}"></audio>'


def navigation(pages: Path) -> list[dict[str, list[str]]]:
    """Zensical's `nav`: every page of the folder stands in one group."""
    there = sorted(page.relative_to(pages).as_posix() for page in pages.rglob("*.md"))
    taken: dict[str, list[str]] = {group: [] for group in GROUPS}
    for group, patterns in GROUPS.items():
        for pattern in patterns:
            form = re.compile(re.escape(pattern).replace(r"\*", "[^/]*"))
            placed = {page for found in taken.values() for page in found}
            taken[group] += [page for page in there if form.fullmatch(page) and page not in placed]
    placed = {page for found in taken.values() for page in found}
    taken["Explanation"] += [page for page in there if page not in placed]
    return [{group: found} for group, found in taken.items()]


def build(output: Path, media: bool = True) -> int:
    """Gather and build; Zensical's exit code, which is not 0 where it has anything to warn of."""
    pages = output / "pages"
    gather(pages, media)
    settings = (DOCS / "site.json").read_text(encoding="utf-8")
    config = json.loads(settings.replace("EXTENSION", (DOCS / "fenced_doctests.py").as_posix()))
    # JSON is YAML, and this the configuration that MkDocs' kin know. Addresses end in .html: no server is needed.
    (output / "mkdocs.yml").write_text(json.dumps(config | {"nav": navigation(pages)}), encoding="utf-8")
    words = [sys.executable, "-m", "zensical", "build", "--clean", "--strict", "-f", str(output / "mkdocs.yml")]
    code = subprocess.run(words, check=False).returncode
    for page in (output / "html").rglob("*.html"):
        up = "../" * (len(page.relative_to(output / "html").parts) - 1)
        told = page.read_text(encoding="utf-8").replace(FROM_OUTSIDE, f"{up}assets/iframe-worker.js")
        page.write_text(told, encoding="utf-8")
    return code


def _with_links_of_the_site(text: str, up: str) -> str:
    """Links out of docs/ lead to the pages that stand for them, `up` from here; those to source files become names."""
    for path, page in OUTSIDE.items():
        text = re.sub(rf"\]\((\.\./)*{re.escape(path)}", f"]({up}{page}", text)
    text = re.sub(r"\]\((?:\.\./)+(CONTRIBUTING|CHANGELOG|SECURITY)\.md", rf"]({up}\1.md", text)
    return re.sub(r"\[([^\]]+)\]\((?:\.\./)+[a-z_/]+\.(?:py|toml|cu|json)\)", r"`\1`", text)


def main() -> int:
    """Build the site; 0 if nothing was to be warned of."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "site", help="html/ and pages/ go below it")
    parser.add_argument("--no-media", action="store_true", help="make no sounds and run no examples: pages alone")
    options = parser.parse_args()
    code = build(options.output.resolve(), media=not options.no_media)
    print(f"{options.output / 'html' / 'index.html'}" if code == 0 else "the site was not built: see above")
    return code


if __name__ == "__main__":
    sys.exit(main())
