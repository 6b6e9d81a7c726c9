"""What the documents say is so: links lead somewhere, commands and Python run as they stand, figures are measured."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from conftest import SMALL, tone
from documents import PAGES, ROOT, Block, blocks, shell_lines, tables_by_hand

import sharpear as library
from benchmarks.document import filled, kept, pages
from sharpear.cli import app

COMMANDS = typer.main.get_command(app).commands
MAKE = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.M))
EXTRAS = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
RATE = 16000
ELSEWHERE = {"bridges.md": "test_bridges", "pipe.md": "test_documented_pipelines"}
"""Pages whose Python another module of tests runs."""

NEEDS_MORE = re.compile(r"sharpear (live|view|devices|latency-test)\b|s3://|--scheduler|--device gpu|\| ")
"""Lines that need a device, a cluster, a card or a shell: only their options are checked here."""


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    """The anchors that headings make, as GitHub and the site name them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    heads = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_and_anchors_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", text)):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        made = there.stem in ("gallery",) or there.parent.name in ("reference", "notebooks") or there.suffix == ".ogg"
        assert made or there.exists(), f"{name(page)}: {target} is not there"
        if anchor and not made:
            assert anchor in anchors(there), f"{name(page)}: {target} has no such heading"


def test_the_readme_is_read_in_two_minutes() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


@pytest.mark.parametrize("page", pages(), ids=name)
def test_figures_are_those_that_are_kept(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert filled(text, kept()) == text, "run `make figures`"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_table_of_numbers_is_filled_or_says_why_it_is_not(page: Path) -> None:
    told = tables_by_hand(page.read_text(encoding="utf-8"))
    assert [table for table, reason in told if not reason] == []
    assert page.name != "README.md" or not told


def test_a_table_of_numbers_without_a_mark_is_found() -> None:
    table = "| method | dB |\n|---|---|\n| a | 1.5 |\n| b | −2 |\n"
    words = "| method | what |\n|---|---|\n| a | 1 |\n| b | nothing |\n| c | all |\n"
    assert tables_by_hand(f"text\n\n{table}\n{words}") == [(table, "")]
    assert tables_by_hand(f"<!-- by hand: so -->\n\n{table}") == [(table, "so")]
    assert tables_by_hand(f"<!-- measured: a/b -->\n{table}<!-- end -->\n") == []


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "docs" / "index.md"], ids=name)
def test_latencies_are_those_of_the_code(page: Path) -> None:
    told = re.search(r"(\d+) ms late \((\d+) ms with the preset `low-latency`\)", page.read_text(encoding="utf-8"))
    assert told
    for preset, milliseconds in zip(("music", "low-latency"), told.groups(), strict=True):
        assert round(1000 * library.Sharpener(44100, preset).latency_s) == int(milliseconds)


SHELL = [(block, line) for block in blocks() for line in shell_lines(block)]


@pytest.mark.parametrize("line", list(dict.fromkeys(line for _, line in SHELL)))
def test_a_command_has_the_options_and_targets_that_are_shown(line: str) -> None:
    for words in _commands(line):
        if words[0] == "sharpear" and len(words) > 1:
            COMMANDS[words[1]].make_context(words[1], words[2:])
        elif words[0] == "make":
            assert {word for word in words[1:] if "=" not in word} <= MAKE, line
        elif words[0] == "pip":
            for extras in re.findall(r"\[([a-z,]+)\]", line):
                assert set(extras.split(",")) <= EXTRAS, line


def test_every_extra_is_told_of() -> None:
    table = (ROOT / "docs" / "how-to" / "troubleshooting.md").read_text(encoding="utf-8").split("## Extras")[1]
    named = {extra for row in re.findall(r"^\| (`.*?) \|", table, re.M) for extra in re.findall(r"`(\w+)`", row)}
    assert named == EXTRAS


def _commands(line: str) -> list[list[str]]:
    """The words of each command of a pipeline, without comments and redirections."""
    words = shlex.split(line, comments=True)
    found: list[list[str]] = [[]]
    for word in words:
        if word in ("|", "&&"):
            found.append([])
        elif word == ">":
            break
        else:
            found[-1].append(word)
    return found


@pytest.fixture
def inputs(folder: Path) -> Path:
    """A current folder with all that the pages name."""
    sound = tone(1.3, RATE) + 1e-4 * np.random.default_rng(3).normal(size=round(1.3 * RATE))
    names = (
        "song.flac",
        "take.flac",
        "choir.flac",
        "voice.wav",
        "solo-drums.wav",
        "solo-piano/1.wav",
        "takes/1.wav",
        "corpus/1.wav",
    )
    for each in names:
        (folder / each).parent.mkdir(exist_ok=True)
        soundfile.write(folder / each, sound, RATE)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("page", list(dict.fromkeys(block.page for block, _ in SHELL)), ids=name)
def test_commands_on_files_run_in_their_order(page: Path, inputs: Path, sharpear) -> None:
    for line in [line for block, line in SHELL if block.page == page and block.reason is None]:
        if not line.startswith("sharpear ") or NEEDS_MORE.search(line.partition("#")[0]):
            continue
        words = _commands(line)[0][1:]
        words = [each for word in words for each in (sorted(map(str, Path().glob(word))) if "*" in word else [word])]
        done = sharpear(*words)
        assert done.code == 0, f"{line}: {done.err}"
        if " > " in line:
            Path(line.split(" > ")[1].split()[0]).write_text(done.out, encoding="utf-8")


@pytest.mark.skipif(sys.platform != "linux", reason="xargs -d is GNU's")
def test_tasks_of_an_array_take_every_file_once(folder: Path, sharpear) -> None:
    (script,) = [block.text for block in blocks() if "#SBATCH" in block.text]
    words = folder / "bin" / "sharpear"
    words.parent.mkdir()
    words.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    words.chmod(0o700)
    names = {f"corpus/{number} of 3.flac" for number in (1, 2, 3)}
    (folder / "corpus").mkdir()
    for name in names:
        soundfile.write(folder / name, tone(0.3, RATE), RATE)
    taken = []
    for task in ("0", "1"):
        given = {"SLURM_ARRAY_TASK_COUNT": "2", "SLURM_ARRAY_TASK_ID": task, "SLURM_CPUS_PER_TASK": "1"}
        path = {"PATH": f"{words.parent}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(["sh", "-c", script], env=given | path, capture_output=True, text=True, check=True)
        asked = done.stdout.splitlines()
        taken += [word for word in asked if word in names]
        assert sharpear(*asked, "--preset", SMALL).code == 0
    assert sorted(taken) == sorted(names)
    assert len(list((folder / "out").glob("*.zarr"))) == len(names)


PYTHON = [block for block in blocks() if block.language == "python"]


@pytest.mark.slow
@pytest.mark.parametrize("page", list(dict.fromkeys(block.page for block in PYTHON)), ids=name)
def test_python_runs_as_it_stands(page: Path, inputs: Path, sharpear) -> None:
    if page.name in ELSEWHERE:
        assert (ROOT / "tests" / f"{ELSEWHERE[page.name]}.py").exists()
        return
    channels = 2 if any("streams=2" in block.text for block in PYTHON if block.page == page) else 1
    audio = tone(0.4, RATE, channels=channels)
    made = {"audio": audio, "sample_rate": RATE, "blocks": np.array_split(audio, 3)}
    if any("song.zarr" in block.text for block in PYTHON if block.page == page):
        assert sharpear("sharpen", "song.flac").code == 0
    run = [block for block in PYTHON if block.page == page and block.reason is None]
    for block in run:
        _execute(block, made)


def _execute(block: Block, names: dict[str, object]) -> None:
    exec(compile(block.text, name(block.page), "exec"), names)  # the page as it stands
