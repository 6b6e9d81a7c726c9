"""The pipelines that README and the pages show, as they stand there, in a real shell on a short recording."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import live_rig
import numpy as np
import pytest
import soundfile
from conftest import tone
from documents import blocks, pipelines

pytestmark = pytest.mark.real_time
RATE = 44100
HZ, MIDI = 246.9, 59
"""The first of the voices that docs/tutorials/pipe.md asks for."""


def programs(line: str) -> set[str]:
    return {name for name in ("ffmpeg", "sox", "jq") if re.search(rf"\b{name}\b", line)}


def test_pages_show_files_raw_samples_and_the_microphone():
    shown = "\n".join(pipelines())
    for part in ("ffmpeg", "sox", "jq", "sharpear sharpen - --raw", "sharpear live --no-view -o -"):
        assert part in shown


@pytest.fixture
def environment(folder: Path, request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """A `sharpear` on the path, the inputs that the pages name, and a microphone where the line listens to one."""
    line = request.getfixturevalue("line")
    missing = [name for name in sorted(programs(line)) if not shutil.which(name)]
    if missing:
        pytest.skip(f"not installed: apt-get install {' '.join(missing)}")
    command = folder / "bin" / "sharpear"
    command.parent.mkdir()
    # Listening has no end of its own: here it ends after three seconds, and the default device is the virtual one.
    command.write_text(
        '#!/bin/sh\n[ "$1" = live ] && set -- "$@" --duration 3 --device vmic\n'
        f'exec "{sys.executable}" -m sharpear "$@"\n'
    )
    command.chmod(0o755)
    soundfile.write("take.flac", tone(1.0, RATE, HZ), RATE)
    if "film.mkv" in line:
        words = ["ffmpeg", "-v", "error", "-i", "take.flac", "-c:a", "flac", "film.mkv"]
        subprocess.run(words, check=True, timeout=60)
    here = {**os.environ, "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}"}
    if "sharpear live" not in line:
        yield here
        return
    soundfile.write("voice.wav", tone(20.0, 48000, HZ), 48000)
    with live_rig.sound_system() as system:
        system.microphone(folder / "voice.wav")
        yield here | system.environment


@pytest.mark.parametrize(
    "line",
    [pytest.param(line, marks=pytest.mark.sound_server if "sharpear live" in line else ()) for line in pipelines()],
)
def test_a_pipeline_runs_as_it_stands(line, environment):
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail\n{line}"],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    if "lines.arrow" in line:
        _separate()
        return
    if "tonal.flac" in line:
        tonal, rate = soundfile.read("tonal.flac")
        spectrum = np.abs(np.fft.rfft(tonal[-rate // 2 :]))  # half a second: one line every two hertz
        assert 2 * spectrum.argmax() == pytest.approx(HZ, abs=2)
        return
    told = [json.loads(each) for each in done.stdout.splitlines()]
    if "transcribe" in line:
        assert told == [MIDI]
        return
    loudest = [hz for _, hz in told if hz is not None]
    assert len(loudest) > 100
    assert np.median(loudest) == pytest.approx(HZ, abs=0.5)
    assert [time for time, _ in told] == sorted(time for time, _ in told)


def _separate() -> None:
    """The frames in another program's hands: the page's lines give the fundamental to its source, not its rival."""
    (page,) = [block for block in blocks() if block.page.name == "pipe.md" and block.language == "python"]
    names: dict[str, np.ndarray] = {}
    exec(page.text, names)  # as it stands there
    assert names["power"][0] > 100 * names["power"][1]
