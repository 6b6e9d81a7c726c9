"""What every command that runs over inputs can do, whatever it makes of them."""

import io
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SMALL, Finished, leftovers, one_line

from sharpear.commands.stem_options import choose_sources
from sharpear.config import load_config
from sharpear.pitch.transcription_task import Transcribing
from sharpear.runs import Task, make_of_file
from sharpear.runs.sharpening_task import Sharpening
from sharpear.separation.separation_task import Separation

RATE = 16000
COMMANDS = {
    "sharpen": (("--preset", str(SMALL), "--format", "npz"), ("{}.npz",)),
    "separate": (("--into", "tonal,residual"), ("{}/tonal.wav", "{}/residual.wav")),
    "transcribe": (("--preset", str(SMALL), "--format", "notes.csv,f0.csv"), ("{}.notes.csv", "{}.f0.csv")),
}
"""Options that keep it short, and what an input called {} gets."""


@pytest.fixture(params=COMMANDS)
def command(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def run(sharpear, command: str) -> Callable[..., Finished]:
    return lambda *words: sharpear(command, *COMMANDS[command][0], *words)


@pytest.fixture
def made(command: str) -> Callable[[str], list[str]]:
    return lambda name: [pattern.format(name) for pattern in COMMANDS[command][1]]


def song(path: Path, hz: float = 440.0, seconds: float = 0.25) -> Path:
    t = np.arange(round(seconds * RATE)) / RATE
    wave = sum(0.1 / h * np.cos(2 * np.pi * hz * h * t) for h in range(1, 6))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wave, RATE)
    return path


@pytest.fixture
def corpus(folder: Path) -> Path:
    """Two songs, one of them below, and a text beside them."""
    song(Path("c/a.wav"))
    song(Path("c/deep/b.flac"), 523.0)
    Path("c/notes.txt").write_text("no audio")
    return Path("c")


def files_below(folder: str) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file()}


def test_a_folder_is_every_audio_file_in_it(run, made, corpus: Path, folder: Path) -> None:
    done = run(corpus, "-r", "-o", "out", "--jobs", "2", "--report", "report.json", "-q")
    assert (done.code, done.err) == (0, "")
    assert files_below("out") == {*made("a"), *made("b")}
    report = json.loads(Path("report.json").read_text())
    assert [each["status"] for each in report["files"]] == ["done", "done"]
    assert report["config_hash"]
    assert not leftovers(folder)


def test_what_is_whole_is_skipped_and_what_is_not_is_made_again(run, made, corpus: Path) -> None:
    assert run(corpus, "-r", "-o", "out", "-q").code == 0
    damaged, kept = Path("out", made("a")[0]), Path("out", made("b")[0])
    expected, before_ns = damaged.read_bytes(), kept.stat().st_mtime_ns
    damaged.write_bytes(expected[:-4])
    done = run(corpus, "-r", "-o", "out", "--skip-existing")
    assert done.code == 0, done.err
    assert f"{damaged}: " in done.err
    assert "made again" in done.err
    assert "1 done, 1 skipped" in " ".join(done.err.split())
    assert damaged.read_bytes() == expected
    assert kept.stat().st_mtime_ns == before_ns


def test_outputs_of_other_settings_are_not_taken_for_done(run, command: str, made) -> None:
    song(Path("a.wav"))
    assert run("a.wav", "-o", "out", "-q").code == 0
    done = run("a.wav", "-o", "out", "--start", "0.05", "--skip-existing", "-q")
    if command == "transcribe":  # notes do not say what they were made with
        assert done.code == 0
        return
    assert done.code == 1
    assert one_line(done.err)
    assert "other settings" in done.err


def test_a_template_names_outputs(run, command: str, corpus: Path) -> None:
    template = {"separate": "{parent}/{stem} of {track}.{ext}"}.get(command, "{parent}/{track} in {name}.{ext}")
    assert run(corpus, "-r", "-o", "out", "--output-template", template, "-q").code == 0
    expected = {
        "sharpen": {"a in a.wav.npz", "deep/b in b.flac.npz"},
        "separate": {f"{folder}{stem} of {name}.wav" for folder, name in (("", "a"), ("deep/", "b"))
                     for stem in ("tonal", "residual")},
        "transcribe": {f"{name}.{ext}" for name in ("a in a.wav", "deep/b in b.flac")
                       for ext in ("notes.csv", "f0.csv")},
    }  # fmt: skip
    assert files_below("out") == expected[command]


def test_one_that_fails_is_a_line_and_the_rest_is_done(run, made, corpus: Path) -> None:
    Path("c/bad.wav").write_text("no audio")
    done = run(corpus, "-o", "out", "-q")
    assert done.code == 1
    assert done.err.startswith("sharpear: c/bad.wav: ")
    assert done.err.endswith("sharpear: 1 of 2 inputs failed\n")
    assert files_below("out") == {*made("a")}


def test_inputs_are_never_outputs(run, command: str) -> None:
    template = {"separate": "{track}.wav", "sharpen": "{track}.{ext}", "transcribe": "{track}.{ext}"}[command]
    if command == "separate":
        song(Path("a.wav"))
        before = Path("a.wav").read_bytes()
        done = run("a.wav", "--into", "tonal", "--output-template", template, "--overwrite")
        assert done.code == 2
        assert one_line(done.err)
        assert Path("a.wav").read_bytes() == before
    assert run("missing.wav", "-o", "out").code == 1
    assert not Path("out").exists()


@pytest.mark.slow
def test_stdin_gives_what_the_file_gives(command: str, run, made, folder: Path) -> None:
    song(Path("stdin.wav"))
    by_name = run("stdin.wav", "-o", "named")
    words = [sys.executable, "-m", "sharpear", command, *COMMANDS[command][0], "-", "-o", "piped"]
    through = subprocess.run(words, input=Path("stdin.wav").read_bytes(), capture_output=True, check=True)
    assert by_name.code == 0
    assert by_name.err.count("\n") == through.stderr.count(b"\n") == 1
    for name in made("stdin"):
        if not name.endswith(".npz"):
            one, other = (Path(place, name).read_bytes() for place in ("named", "piped"))
            assert len(one) == pytest.approx(len(other), abs=8)  # the source's name differs
        if name.endswith("wav"):
            sounds = [soundfile.read(Path(place, name))[0] for place in ("named", "piped")]
            assert np.array_equal(*sounds)
        elif name.endswith("csv"):
            assert one == other
        else:
            arrays = [np.load(Path(place, name)) for place in ("named", "piped")]
            assert np.array_equal(*(each["amplitude"] for each in arrays))


@pytest.mark.slow
def test_notes_go_to_stdout(folder: Path, sharpear) -> None:
    song(Path("a.wav"))
    words = [sys.executable, "-m", "sharpear", "transcribe", "--preset", str(SMALL)]
    shown = subprocess.run([*words, "-"], input=Path("a.wav").read_bytes(), capture_output=True, check=True)
    notes = [json.loads(line) for line in io.BytesIO(shown.stdout)]
    assert [note["midi"] for note in notes] == [69]
    named = subprocess.run([*words, "a.wav", "-o", "-", "--format", "f0.csv"], capture_output=True, check=True)
    assert named.stdout.startswith(b"time_s,voice0_hz")
    assert sharpear("transcribe", "a.wav", "-o", "-", "-o", "x.csv").code == 2
    assert sharpear("transcribe", "a.wav", "-o", "x.csv", "--format", "notes.mid").code == 2
    assert sharpear("transcribe", "a.wav", "--format", "notes.doc").code == 2


@pytest.mark.parametrize("words", [("-r",), ("--jobs", "2"), ("--skip-existing",), ("--report", "r.json")])
def test_what_is_for_files_is_refused_in_a_pipe(run, words: tuple[str, ...]) -> None:
    done = run("-", *words)
    assert done.code == 2
    assert one_line(done.err)
    assert words[0].strip("-") in done.err


def tasks() -> list[Task]:
    config = load_config(str(SMALL))
    voices, names, described = choose_sources("", 2)
    return [
        Sharpening(config),
        Separation(("tonal",)),
        Separation(tuple(names), voices, described=described),
        Transcribing(config),
    ]


@pytest.mark.parametrize("task", tasks(), ids=lambda task: type(task).__name__)
def test_a_task_that_was_sent_elsewhere_makes_the_same(task: Task, folder: Path) -> None:
    song(Path("a.wav"))
    sent = pickle.loads(pickle.dumps(task))
    assert sent.digest == task.digest
    outputs = {Sharpening: ["x.npz"], Transcribing: ["x.csv"]}.get(type(task)) or [
        f"{stem}.wav" for stem in getattr(task, "stems", ())
    ]
    for place, each in (("here", task), ("there", sent)):
        os.mkdir(place)
        assert make_of_file(each, Path("a.wav"), [Path(place, output) for output in outputs]).complete
    for output in outputs:
        assert Path("here", output).read_bytes() == Path("there", output).read_bytes()


def test_outputs_in_the_folder_of_inputs_are_no_inputs(sharpear, folder: Path) -> None:
    song(Path("c/a.wav"))
    for _ in range(2):
        done = sharpear("separate", "c", "-r", "-o", "c/stems", "--into", "tonal", "--skip-existing", "-q")
        assert (done.code, done.err) == (0, "")
    assert files_below("c") == {"a.wav", "stems/a/tonal.wav"}
    assert sharpear("separate", "c/stems", "-r", "-o", "c/stems", "--into", "tonal", "-q").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("sharpen", "c", "-r", "-o", "out"), 'suffixes with --output-template "{name}.{ext}"'),
        (("sharpen", "c", "-r", "-o", "out", "--output-template", "{name}.{ext}"), '"{parent}/{name}.{ext}"'),
        (("sharpen", "c/a.wav", "-o", "x.npz", "--output-template", "{name}.{ext}"), "leave one out"),
        (("transcribe", "c/a.wav", "-o", "x.csv", "--output-template", "{name}.{ext}"), "leave one out"),
        (("sharpen", "c/a.wav", "-o", "out", "--output-template", "../{track}.{ext}"), "no .. in it"),
        (("sharpen", "c/a.wav", "-o", "out", "--skip-existing", "--overwrite"), "leave one of them out"),
        (("sharpen", "c/a.wav", "-o", "out", "--report", "c"), "is a folder"),
        (("separate", "c/a.wav", "-o", "stems.wav"), "stems go to a folder"),
        (("transcribe", "c/a.wav", "--device", "gpu"), "this command runs on the CPU"),
    ],
)
def test_what_does_not_fit_together_is_one_line(sharpear, folder: Path, words: tuple[str, ...], said: str) -> None:
    song(Path("c/a.wav"))
    song(Path("c/a.flac") if "{name}.{ext}" not in words else Path("c/below/a.wav"))
    done = sharpear(*words)
    assert done.code == 2
    assert one_line(done.err)
    assert said in done.err
    assert not Path("out").exists()


@pytest.mark.parametrize(
    "words", [("nothing*.wav",), ("text.mp3",), ("memory://nothing/there",), ("http://127.0.0.1:9/a.wav",)]
)
def test_what_cannot_be_had_is_one_line(sharpear, folder: Path, words: tuple[str, ...]) -> None:
    Path("text.mp3").write_text("Dear listener,\n" * 20)
    done = sharpear("sharpen", *words, "-r")
    assert done.code in (1, 2)
    assert one_line(done.err), done.err
    assert "recursive" not in done.err
    assert words[0].rstrip("/") in done.err
