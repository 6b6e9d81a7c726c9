"""The command line: words in, exit codes and one clear line out."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import SMALL, leftovers, one_line


def test_writes_zarr_by_default_and_says_so(sharpen, wav, folder):
    done = sharpen(wav())
    assert done.code == 0
    assert done.out == ""
    assert one_line(done.err)
    assert (folder / "tone.zarr" / "zarr.json").is_file()
    assert not leftovers(folder)


def test_formats_go_to_the_folder_that_is_named(sharpen, wav, folder):
    assert sharpen(wav(), "-o", "made/here", "--format", "zarr,npz,png").code == 0
    assert sorted(path.name for path in (folder / "made/here").iterdir()) == ["tone.npz", "tone.png", "tone.zarr"]


def test_an_output_file_can_be_named(sharpen, wav, folder):
    assert sharpen(wav(), "-o", "that.npz").code == 0
    assert (folder / "that.npz").is_file()


def test_quiet_says_nothing(sharpen, wav):
    done = sharpen(wav(), "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_the_input_is_not_touched(sharpen, wav, folder):
    before = (folder / wav()).read_bytes()
    sharpen("tone.wav", "--format", "zarr,npz")
    assert (folder / "tone.wav").read_bytes() == before


@pytest.mark.parametrize("name", ["two words.wav", "čaj 茶.wav", "a[red]b[x].wav", "p$b_{$.wav", "two\nlines.wav"])
def test_odd_names(sharpen, wav, folder, name):
    done = sharpen(wav(name), "--format", "npz,png")
    assert done.code == 0
    assert one_line(done.err)
    assert (folder / name.replace("\n", "_")).with_suffix(".png").is_file()


def test_a_name_with_a_leading_dash(sharpen, wav, folder):
    wav("-dash.wav")
    assert sharpen("--format", "npz", "--", "-dash.wav").code == 0
    assert (folder / "-dash.npz").is_file()


def test_a_bad_input_does_not_stop_the_good_ones(sharpen, wav, folder):
    done = sharpen(wav("a.wav"), "missing.wav", wav("b.wav"), "--format", "npz")
    assert done.code == 1
    assert "missing.wav: no such file" in done.err
    assert "1 of 3 inputs failed" in done.err
    assert (folder / "a.npz").is_file()
    assert (folder / "b.npz").is_file()


USAGE = {
    "unknown preset": (["--preset", "nope"], "'nope'"),
    "missing preset file": (["--preset", "nope.toml"], "nope.toml"),
    "unknown setting": (["--set", "bank.lowest=3"], "'bank.lowest'"),
    "unknown section": (["--set", "banc.low_hz=3"], "'banc'"),
    "a section for a value": (["--set", "bank=3"], "bank"),
    "a value below a value": (["--set", "description.x=3"], "description"),
    "value of another type": (["--set", "bank.channels=many"], "'many'"),
    "value out of range": (["--set", "bank.channels=1"], "received 1"),
    "a hop below any sample": (["--set", "frames.hop_ms=0.001"], "0.125, received 0.001"),
    "NaN": (["--set", "bank.low_hz=nan"], "received nan"),
    "infinite": (["--set", "bank.high_hz=inf"], "received inf"),
    "no value": (["--set", "bank.low_hz"], "KEY=VALUE"),
    "low above high": (["--set", "bank.low_hz=5000"], "5000"),
    "low above half of the rate": (["--set", "bank.high_hz=3e4", "--set", "bank.low_hz=2e4"], "20000 Hz"),
    "negative start": (["--start", "-1"], "received -1"),
    "start is NaN": (["--start", "nan"], "received nan"),
    "start is infinite": (["--start", "inf"], "received inf"),
    "more seconds than a minute has": (["--start", "1:99:99"], "--start: expected minutes and seconds below 60"),
    "a part of a time below 0": (["--start", "1:-30"], "received '1:-30'"),
    "more than hours": (["--duration", "0:0:0:1"], "--duration: expected minutes and seconds below 60"),
    "start beyond the end": (["--start", "9"], "beyond its end"),
    "no duration": (["--duration", "0"], "received 0"),
    "unknown format": (["--format", "mp4"], "'mp4'"),
    "output without a name": (["-o", ""], "received an empty one"),
    "output of unknown format": (["-o", "x.h5"], "x.h5"),
    "output says one format, option another": (["-o", "x.npz", "--format", "png"], "png"),
    "the same input twice": (["tone.wav"], "given twice"),
    "a setting that is not read": (
        ["--set", "pitch.voices=9"],
        "=9: only `sharpear transcribe`, `view`, `sharpen --pitch`",
    ),
    "a rate beside a header": (["--rate", "8000"], "--rate: describes raw samples"),
    "channels beside a header": (["--channels", "2"], "--channels: describes raw samples"),
    "an encoding beside a header": (["--encoding", "f32le"], "--encoding: describes raw samples"),
    "raw files": (["--raw", "--rate", "8000"], "--raw"),
    "flushing no stream": (["--flush-ms", "5"], "--flush-ms: is for a stream"),
    "flushing before now": (["--flush-ms", "-1"], "received '-1'"),
    "flushing at no time": (["--flush-ms", "nan"], "received 'nan'"),
    "axes of no stream": (["--header", "json"], "--header: is for a stream"),
}


@pytest.mark.parametrize("case", USAGE)
def test_usage_errors_are_one_line_and_exit_2(sharpen, wav, folder, case):
    words, named = USAGE[case]
    done = sharpen(wav(), *words)
    assert done.code == 2
    assert one_line(done.err), done.err
    assert named in done.err
    assert [path.name for path in folder.iterdir()] == ["tone.wav"]


def test_presets_are_told_as_json_too(sharpear):
    told = json.loads(sharpear("presets", "--json").out)
    assert {"music", "speech"} <= {each["name"] for each in told}
    assert json.loads(sharpear("presets", "music", "--json").out) in told


WORDS = {
    "unknown command": (["shrpen"], "'shrpen'"),
    "unknown option": (["sharpen", "a.wav", "--bogus"], "--bogus"),
    "unknown option of two lines": (["sharpen", "a.wav", "--bo\ngus"], "--bo"),
    "no input": (["sharpen"], "inputs"),
    "one argument too many": (["presets", "music", "speech"], "speech"),
    "option without its value": (["sharpen", "a.wav", "--start"], "--start"),
    "no number": (["sharpen", "a.wav", "--start", "soon"], "--start: expected a valid number, received 'soon'"),
    "no time": (["sharpen", "a.wav", "--start", "1:x"], "--start: expected a valid number, received '1:x', or a time"),
    "out of range": (["live", "--block", "3"], "--block: expected greater than or equal to 16, received '3'"),
}


@pytest.mark.parametrize("case", WORDS)
def test_words_that_are_not_understood_are_one_line_and_exit_2(sharpear, case):
    words, named = WORDS[case]
    done = sharpear(*words)
    assert (done.code, done.out) == (2, "")
    assert one_line(done.err), done.err
    assert named in done.err
    assert "--help`" in done.err


def test_without_a_word_the_help_is_shown_and_exit_2(sharpear):
    done = sharpear()
    assert (done.code, done.out) == (2, "")
    assert "transcribe" in done.err


def test_two_inputs_of_one_name_would_collide(sharpen, wav, folder):
    done = sharpen(wav("a.wav"), wav("a.flac"))
    assert done.code == 2
    assert one_line(done.err)
    assert not (folder / "a.zarr").exists()


def test_what_exists_is_kept_unless_told(sharpen, wav, folder):
    (folder / "tone.npz").write_text("precious")
    done = sharpen(wav(), "--format", "npz")
    assert done.code == 2
    assert "--overwrite" in done.err
    assert (folder / "tone.npz").read_text() == "precious"
    assert sharpen("tone.wav", "--format", "npz", "--overwrite").code == 0
    assert np.load(folder / "tone.npz")["times"].size


def test_a_zarr_is_replaced_whole(sharpen, wav, folder):
    wav()
    sharpen("tone.wav")
    (folder / "tone.zarr" / "stale").write_text("old")
    assert sharpen("tone.wav").code == 2
    assert sharpen("tone.wav", "--overwrite").code == 0
    assert not (folder / "tone.zarr" / "stale").exists()
    assert not leftovers(folder)


@pytest.mark.parametrize("format_", ["zarr", "npz", "png"])
def test_a_folder_of_the_users_is_never_replaced(sharpen, wav, folder, format_):
    kept = folder / f"tone.{format_}" / "thesis.txt"
    kept.parent.mkdir()
    kept.write_text("precious")
    done = sharpen(wav(), "--format", format_, "--overwrite")
    assert done.code == 2
    assert one_line(done.err)
    assert kept.read_text() == "precious"


def test_the_input_is_never_an_output(sharpen, wav, folder):
    before = (folder / wav("tone.npz", format="WAV")).read_bytes()
    done = sharpen("tone.npz", "--format", "npz", "--overwrite")
    assert done.code == 2
    assert one_line(done.err)
    assert (folder / "tone.npz").read_bytes() == before


def test_an_output_place_that_cannot_be(sharpen, wav, folder):
    (folder / "blocker").write_text("a file")
    done = sharpen(wav(), "-o", "blocker/deep/out.npz")
    assert done.code == 1
    assert one_line(done.err)
    assert (folder / "blocker").read_text() == "a file"


@pytest.mark.parametrize("aim", ["nothing", "loop"])
def test_an_output_below_a_link_that_leads_nowhere(sharpen, wav, folder, aim):
    (folder / "loop").symlink_to(aim)
    done = sharpen(wav(), "-o", "loop/out.npz")
    assert done.code == 1
    assert "loop/out.npz: cannot be written (its folder is a file, or a link that leads nowhere): choose" in done.err
    assert sorted(path.name for path in folder.iterdir()) == ["loop", "tone.wav"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that the system fills itself")
def test_a_folder_of_the_systems_own_takes_no_files(sharpen, wav):
    done = sharpen(wav(), "-o", "/proc/tone.npz")
    assert done.code == 1
    assert done.err.startswith("sharpear: /proc/tone.npz: cannot be written (its folder takes no new files): choose")


COMMANDS = {
    "sharpen": ["sharpen", "tone.wav", "--preset", SMALL],
    "separate": ["separate", "tone.wav"],
    "transcribe": ["transcribe", "tone.wav", "--preset", SMALL],
    "learn": ["learn", "tone", "tone.wav", "--atoms", "2", "--epochs", "1"],
    "live": ["live", "--replay", "tone.wav", "--no-view", "-q", "--record", "take.wav", "--preset", SMALL],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_an_input_that_may_not_be_read_is_exit_1(sharpear, wav, monkeypatch, command):
    denied = wav()
    opened, access = Path.open, os.access

    def refuse(path, *modes, **options):
        if path == denied:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return opened(path, *modes, **options)

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(os, "access", lambda path, mode, **options: path != denied and access(path, mode, **options))
    done = sharpear(*COMMANDS[command])
    told = "sharpear: tone.wav: cannot be read (Permission denied): change the permissions\n"
    assert (done.code, done.err) == (1, told)


REMEDIES = {
    errno.ENOSPC: "make room, or choose another place with -",
    errno.EACCES: "change the permissions, or choose another place with -",
    errno.EROFS: "): choose another place with -",
}


@pytest.mark.slow
@pytest.mark.parametrize("number", REMEDIES)
@pytest.mark.parametrize("command", COMMANDS)
def test_an_output_that_cannot_be_written_says_what_helps(sharpear, wav, folder, monkeypatch, command, number):
    wav()

    mkdir = Path.mkdir

    def refuse(path, *words, **options):
        if not path.resolve().is_relative_to(folder):  # memory that is shared with a process
            return mkdir(path, *words, **options)
        raise OSError(number, os.strerror(number), str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    done = sharpear(*COMMANDS[command])
    assert done.code == 1
    assert one_line(done.err), done.err
    assert f"cannot be written ({os.strerror(number)})" in done.err
    assert REMEDIES[number] in done.err
    assert [path.name for path in folder.iterdir()] == ["tone.wav"]


def test_a_place_that_may_not_even_be_looked_at_is_exit_1(sharpear, wav, monkeypatch):
    def refuse(path, **_):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", refuse)
    done = sharpear("learn", "tone", wav(), "-o", "secret/tone.npz")
    told = "sharpear: secret/tone.npz: cannot be reached (Permission denied): change the permissions\n"
    assert (done.code, done.err) == (1, told)


def test_presets_are_listed_and_shown(sharpear):
    listed = sharpear("presets")
    assert listed.code == 0
    assert {"music", "speech", "low-latency"} <= {line.split()[0] for line in listed.out.splitlines()}
    shown = sharpear("presets", "music")
    assert "low_hz = " in shown.out
    assert sharpear("presets", "nope").code == 2


def test_settings_reach_the_output(sharpen, wav, folder):
    sharpen(wav(), "--format", "npz", "--set", "bank.low_hz=350")
    assert np.load(folder / "tone.npz")["frequencies"][0] == pytest.approx(350)


def _command(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "sharpear", *map(str, words)]


@pytest.mark.slow
def test_a_terminal_gets_a_progress_bar_and_a_pipe_none(wav, folder, compiled):
    pty = pytest.importorskip("pty")
    words = _command("sharpen", wav("[b]tone[/x.wav".replace("/", "")), "--preset", SMALL, "--format", "npz")
    piped = subprocess.run(words, capture_output=True, text=True, cwd=folder, check=True)
    assert piped.stdout == ""
    assert one_line(piped.stderr)
    ours, theirs = pty.openpty()
    shown = subprocess.run([*words, "--overwrite"], stdout=subprocess.PIPE, stderr=theirs, cwd=folder, check=True)
    os.close(theirs)
    assert shown.stdout == b""
    screen = os.read(ours, 1 << 16)
    os.close(ours)
    assert b"Traceback" not in screen
    assert b"\x1b[" in screen


@pytest.mark.parametrize("module", ["typer", "numba"])
def test_ctrl_c_while_modules_are_loaded_is_one_line(wav, folder, module):
    """Modules of the command line itself, and of a command."""
    (folder / f"{module}.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\n")
    done = subprocess.run(_command("sharpen", wav()), capture_output=True, text=True, cwd=folder, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "sharpear: interrupted\n"


@pytest.mark.slow
def test_ctrl_c_leaves_no_leftovers(wav, folder, compiled):
    running = subprocess.Popen(
        _command("sharpen", wav("long.wav", 1200.0, 8000), "--preset", SMALL, "--format", "npz"),
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )
    while not leftovers(folder) and running.poll() is None:
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate()
    assert running.returncode == 1
    assert one_line(err)
    assert "interrupted" in err
    assert not leftovers(folder)
    if (folder / "long.npz").exists():
        assert '"complete": false' in str(np.load(folder / "long.npz")["attributes"])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--size", "900x600"), "--size: is for pictures"),
        (("--format", "png", "--size", "900"), "--size: expected two numbers with a x between them, received '900'"),
        (("--format", "png", "--hz", "9:3"), "expected Hz from low to high, received 9 to 3"),
        (("--format", "svg", "--colours", "jet"), "received 'jet'"),
    ],
)
def test_pictures_that_cannot_be_are_refused_before_anything_is_read(sharpear, words, told):
    refused = sharpear("sharpen", "missing.wav", *words)
    assert refused.code == 2
    assert told in refused.err
