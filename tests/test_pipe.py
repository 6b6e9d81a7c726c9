"""The program in a pipe: good manners towards what stands on either side."""

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SMALL, one_line, tone
from pipe_rig import CONFIG, RATE, command, encoded

import sharpear as api

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("compiled")]


def test_npy_of_an_unknown_length_is_a_usage_error(sharpen, folder):
    done = subprocess.run(
        command("--raw", "--rate", "16000", "--format", "npy"), input=bytes(2000), capture_output=True, check=False
    )
    assert done.returncode == 2
    assert b"f32 or arrow" in done.stderr
    assert done.stdout == b""


def test_a_closed_pipe_ends_quietly():
    data = encoded(tone(20.0))
    running = subprocess.Popen(command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    threading.Thread(target=lambda: feed_all(running, data), daemon=True).start()
    first = json.loads(running.stdout.readline())
    running.stdout.close()
    assert running.wait(60) == 0
    assert running.stderr.read() == b""
    assert first["time"] == 0.0


def feed_all(running: subprocess.Popen, data: bytes) -> None:
    with suppress(BrokenPipeError):
        running.stdin.write(data)
        running.stdin.close()


def test_a_slow_reader_loses_nothing():
    audio = tone(4.8, channels=2).astype(np.float32)
    data = encoded(audio, subtype="FLOAT")
    running = subprocess.Popen(command("--format", "f32"), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    threading.Thread(target=lambda: feed_all(running, data), daemon=True).start()
    slow = b""
    while piece := os.read(running.stdout.fileno(), 1 << 16):
        slow += piece
        time.sleep(0.02)
    assert running.wait(60) == 0
    frames = api.sharpen(audio, RATE, CONFIG)
    assert slow == np.stack([frames.amplitude, frames.instantaneous_frequency], axis=1).tobytes()


STALLED = {
    "raw": ("raw", ["--raw", "--rate", "16000"]),
    "wav": ("WAV", []),
    "flac": ("FLAC", []),
    "ogg": ("OGG", []),
    "mp3": ("MP3", []),
}


@pytest.mark.parametrize("case", STALLED)
def test_ctrl_c_while_nothing_comes_ends_with_what_was_heard(case):
    format_, words = STALLED[case]
    audio = np.random.default_rng(4).uniform(-0.5, 0.5, 8 * RATE)  # so much that Ogg and MP3 have several pages
    data = np.rint(audio * 32767).astype("<i2").tobytes() if format_ == "raw" else encoded(audio, format_)
    running = subprocess.Popen(command(*words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    fed = data[: len(data) * 2 // 3]
    threading.Thread(target=lambda: (running.stdin.write(fed), running.stdin.flush()), daemon=True).start()
    descriptor, out = running.stdout.fileno(), b""
    while select.select([descriptor], [], [], 1.0 if out else 60.0)[0] and (piece := os.read(descriptor, 1 << 16)):
        out += piece  # until all that came is out, and it waits for more
    running.send_signal(signal.SIGINT)
    rest, err = communicate_without_end(running)
    assert running.returncode == 1
    assert one_line(err.decode()), err
    assert 1.0 < json.loads((out + rest).splitlines()[-1])["time"] < 5.5


def communicate_without_end(running: subprocess.Popen) -> tuple[bytes, bytes]:
    """What is left on its outputs, while its input stays open."""
    inlet, running.stdin = running.stdin, None
    try:
        return running.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        running.kill()
        raise
    finally:
        inlet.close()


def test_stdin_to_files_and_files_to_stdout(folder):
    audio = tone().astype(np.float32)
    subprocess.run(command("--format", "npz"), input=encoded(audio, "FLAC"), check=True, capture_output=True)
    assert np.load("stdin.npz")["times"].size == api.sharpen(audio, RATE, CONFIG).times.size
    soundfile.write("tone.wav", audio, RATE)
    words = [word if word != "-" else "tone.wav" for word in command("-o")] + ["-", "--format", "f32"]
    header = [*words, "--header", "axes.json"]
    assert subprocess.run(header, stdout=subprocess.PIPE, check=True).stdout
    assert json.loads(Path("axes.json").read_text())["format"] == "f32"


USAGE = {
    "two streams": (["-", "tone.wav"], "one stream"),
    "raw files": (["tone.wav", "-o", "-", "--raw", "--rate", "8000"], "--raw"),
    "a file's format": (["tone.wav", "-o", "-", "--format", "zarr"], "zarr"),
    "two formats": (["tone.wav", "-o", "-", "--format", "f32,jsonl"], "f32,jsonl"),
    "a header without a stream": (["-", "-o", "x.npz", "--header", "json"], "--header"),
    "flushing without a stream": (["-", "-o", "x.npz", "--flush-ms", "5"], "--flush-ms"),
    "a report on a stream": (["-", "--report", "report.json"], "--report"),
    "a stream at once": (["-", "--jobs", "2"], "--jobs"),
    "a template for a stream": (["-", "--output-template", "{name}.{ext}"], "--output-template"),
}


@pytest.mark.parametrize("case", USAGE)
def test_usage_errors_are_one_line_and_exit_2(wav, sharpen, case):
    words, named = USAGE[case]
    wav()
    read_end, write_end = os.pipe()
    with open(write_end, "wb") as file:
        file.write(encoded(tone()))
    kept = os.dup(0)
    os.dup2(read_end, 0)
    try:
        done = sharpen(*words)
    finally:
        os.dup2(kept, 0)
        os.close(kept)
        os.close(read_end)
    assert done.code == 2
    assert one_line(done.err), done.err
    assert named in done.err


def tools(*names: str) -> None:
    for name in names:
        if not shutil.which(name):
            pytest.skip(f"{name} is not installed: apt-get install {name}")


def shell(line: str) -> subprocess.CompletedProcess[str]:
    sharpear = f"{sys.executable} -m sharpear sharpen --preset {SMALL}"
    line = "set -o pipefail; " + line.replace("SHARPEN", sharpear)
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, timeout=120)


def test_an_mp3_from_ffmpeg_to_jq(folder):
    tools("ffmpeg", "jq")
    made = "ffmpeg -v quiet -f lavfi -i sine=frequency=440:sample_rate=16000:duration=1 -f mp3 -"
    done = shell(f"{made} | SHARPEN - | jq -s '.[-20].peaks | max_by(.[1])[0]'")
    assert (done.returncode, done.stderr) == (0, "")
    assert float(done.stdout) == pytest.approx(440, abs=0.5)
