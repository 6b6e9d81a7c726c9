"""Standard streams that are closed, full or cannot spell: a line or silence, never a traceback, and no file is hit."""

import os
import subprocess
import sys

import numpy as np
import pytest
from conftest import SMALL

from sharpear.integrity import examine
from sharpear.sinks.names import safe_name

pytestmark = pytest.mark.slow


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line in which $S is ``sharpear``; how it ended is the shell's exit code."""
    run = {**os.environ, "S": f"{sys.executable} -m sharpear", **environment}
    return subprocess.run(["bash", "-c", line], env=run, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("to", [">&-", ">/dev/full"])
@pytest.mark.parametrize("words", ["presets music", "--help"])
def test_results_that_cannot_be_written_are_one_line(to, words):
    done = shell(f"$S {words} {to}")
    assert done.returncode == 1
    assert done.stderr.startswith("sharpear: stdout: cannot be written (")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("to", ["2>&-", "2>/dev/full"])
def test_messages_that_cannot_be_written_change_nothing(to):
    assert shell(f"$S presets {to}").returncode == 0
    assert shell(f"$S presets nope {to}").returncode == 2


def test_nobody_hears_that_a_reader_had_enough():
    done = shell("$S presets | true")
    assert done.stderr == ""


def test_no_output_gets_the_descriptor_of_a_closed_stream(wav, folder):
    done = shell(f"$S sharpen --preset '{SMALL}' {wav()} -o made.npz <&- >&- 2>&-")
    assert done.returncode == 0
    assert [path.name for path in folder.glob("*.npz")] == ["made.npz"]
    assert np.load(folder / "made.npz")["amplitude"].size


def test_a_closed_stdin_is_no_audio(folder):
    done = shell("$S sharpen - -o made.npz <&-")
    assert done.returncode == 1
    assert done.stderr.startswith("sharpear: stdin: cannot be read (")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("alphabet", ["ascii", "cp1252"])
def test_what_an_alphabet_lacks_is_escaped(alphabet):
    done = shell("$S presets music && $S presets $'čaj\\xff'", PYTHONIOENCODING=alphabet)
    assert done.returncode == 2
    assert "[bank]" in done.stdout
    assert done.stderr.startswith("sharpear: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux")
def test_a_name_that_is_no_text_is_read_and_told(sharpen, wav, folder):
    name = os.fsdecode(b"\xe9t\xe9.wav")
    os.rename(wav(), name)
    done = sharpen(name, "--format", "zarr,npz,png")
    assert (done.code, done.err.count("\n")) == (0, 1)
    for ending in ("zarr", "npz", "png"):
        told = examine(f"{safe_name(name[:-4])}.{ending}").attributes
        assert told
        assert told["source"] == "\\udce9t\\udce9.wav"
    assert sharpen(name, "--format", "npz", "--skip-existing").code == 0
