"""Separation in a pipe: the stems of the file mode, as they are made, through real pipes."""

import io
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import leftovers, one_line, tone

from sharpear.audio import AudioFile, AudioPipe, Feed, RawFormat
from sharpear.audio.blocks import BLOCK_SAMPLES
from sharpear.interrupt import Interruption
from sharpear.runs import Running
from sharpear.separation.separation_task import Separation, separate_stream
from sharpear.separation.separator import Separator
from sharpear.separation.stem_files import StemFormat
from sharpear.separation.stem_stream import StemStream
from sharpear.separation.tonal import TonalTransient
from sharpear.separation.voices import PitchVoices
from sharpear.sinks.outlet import Outlet

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("compiled")]

RATE = 16000
SOX_ROUNDS = 1e-6  # its samples are integers of 32 bits, on the way in and out


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "sharpear", "separate", *words]


@pytest.fixture
def music(folder: Path) -> np.ndarray:
    """Half a second of two channels: a tone, clicks and noise, in music.wav and as the stems of the file mode."""
    rng = np.random.default_rng(0)
    audio = tone(0.5, RATE, channels=2) + 0.05 * rng.standard_normal((RATE // 2, 2))
    audio[:: RATE // 8] = 0.9
    soundfile.write("music.wav", audio, RATE, "FLOAT")
    return audio


@pytest.mark.parametrize("subtype", ["float32", "pcm16", "pcm24"])
def test_a_stream_holds_the_samples_of_the_file(folder, sharpear, music, subtype):
    options = ("--subtype", subtype, "--clip", "clamp")
    assert sharpear("separate", "music.wav", "-o", "stems", *options).code == 0
    done = subprocess.run(
        command("-", "-o", "-", "--solo", "transient", *options),
        input=Path("music.wav").read_bytes(), capture_output=True, check=True,
    )  # fmt: skip
    assert done.stderr == b""
    expected, _ = soundfile.read("stems/music/transient.wav", dtype="int32" if "pcm" in subtype else "float32")
    kind = {"float32": "FLOAT", "pcm16": "PCM_16", "pcm24": "PCM_24"}[subtype]
    with soundfile.SoundFile(io.BytesIO(done.stdout)) as file:
        assert (file.samplerate, file.channels, file.subtype) == (RATE, 2, kind)
    got = np.concatenate(list(AudioPipe(Feed(_pipe_of(done.stdout))).blocks(1000)))
    assert np.array_equal(got, expected / 2.0**31 if "pcm" in subtype else expected)


def _pipe_of(data: bytes) -> int:
    outlet, inlet = os.pipe()

    def write() -> None:
        with open(inlet, "wb") as file:
            file.write(data)

    threading.Thread(target=write, daemon=True).start()
    return outlet


@pytest.mark.skipif(not (shutil.which("sox") and shutil.which("ffmpeg")), reason="sox or ffmpeg is not installed")
def test_between_ffmpeg_and_sox(folder, sharpear, music):
    assert sharpear("separate", "music.wav", "-o", "stems").code == 0
    ours = "- -o - --solo tonal"
    line = (
        f"ffmpeg -v error -i music.wav -f wav -c:a pcm_f32le - | {' '.join(command(ours))}"
        " | sox -t wav - -t wav -e floating-point -b 32 tonal.wav"
    )
    assert subprocess.run(line, shell=True, check=False).returncode == 0
    piped, expected = soundfile.read("tonal.wav")[0], soundfile.read("stems/music/tonal.wav")[0]
    assert np.abs(piped - expected).max() < SOX_ROUNDS


@pytest.mark.skipif(not shutil.which("sox"), reason="sox is not installed")
def test_raw_in_and_raw_out(folder, sharpear, music):
    assert sharpear("separate", "music.wav", "-o", "stems").code == 0
    ours = "- --raw --rate 16000 --channels 2 --encoding f32le -o - --raw-out --solo residual"
    line = (
        f"sox music.wav -t raw -e floating-point -b 32 - | {' '.join(command(ours))}"
        " | sox -t raw -r 16000 -c 2 -e floating-point -b 32 - -e floating-point -b 32 residual.wav"
    )
    assert subprocess.run(line, shell=True, check=False).returncode == 0
    piped, expected = soundfile.read("residual.wav")[0], soundfile.read("stems/music/residual.wav")[0]
    assert np.abs(piped - expected).max() < SOX_ROUNDS


def test_stdin_to_files_of_an_unstated_length(folder, sharpear, music):
    assert sharpear("separate", "music.wav", "-o", "stems").code == 0
    held = bytearray(Path("music.wav").read_bytes())
    size = held.find(b"data") + 4
    held[size : size + 4] = held[4:8] = b"\xff" * 4
    done = subprocess.run(command("-", "-o", "piped"), input=bytes(held), capture_output=True, check=True)
    assert one_line(done.stderr.decode())
    for stem in ("tonal", "transient", "residual"):
        assert soundfile.info(f"piped/stdin/{stem}.wav").format in ("WAV", "WAVEX")
        assert np.array_equal(*(soundfile.read(f"{place}/{stem}.wav")[0] for place in ("stems/music", "piped/stdin")))
    assert not leftovers(folder)


@pytest.mark.parametrize("subtype", ["float32", "pcm24"])
@pytest.mark.parametrize("stated", [True, False])
def test_stems_cut_short_are_marked(folder, subtype, stated):
    """Interrupted after a block, from a file and from a pipe of an unstated length."""
    sound = 0.1 * np.random.default_rng(1).standard_normal((2 * BLOCK_SAMPLES, 2)).astype(np.float32)
    soundfile.write("long.wav", sound, RATE, "FLOAT")
    raw = RawFormat(RATE, 2, "f32le")
    source = AudioFile(Path("long.wav")) if stated else AudioPipe(Feed(_pipe_of(sound.tobytes())), raw=raw)
    outputs = {stem: folder / f"{stem}.wav" for stem in ("tonal", "transient", "residual")}
    interruption = Interruption()
    interruption.requested = True
    task = Separation(tuple(outputs), form=StemFormat(subtype=subtype))
    outcome = task.make(source, list(outputs.values()), Running(interruption))
    assert not outcome.complete
    total = 0
    for path in outputs.values():
        with soundfile.SoundFile(path) as file:
            assert file.comment.startswith("complete = false; crc32 = ")
            assert file.format in ("WAV", "WAVEX")
            total += file.read(dtype="float32")
    assert 0 < len(total) < len(sound)
    assert np.abs(total - sound[: len(total)]).max() < 1e-6


def test_ctrl_c_is_heard_while_a_file_is_heard_before(folder):
    """Not at its end: nothing is done yet, so that nothing is kept."""
    soundfile.write("long.wav", np.zeros(2 * BLOCK_SAMPLES), RATE, "FLOAT")
    interruption = Interruption()
    interruption.requested = True
    with AudioFile(Path("long.wav")) as audio, pytest.raises(KeyboardInterrupt):
        Separation(("voice1",), PitchVoices.of(1)).make(audio, [folder / "voice1.wav"], Running(interruption))
    assert not leftovers(folder)


def test_samples_leave_as_soon_as_theirs_have_come():
    """What has been given, less the latency, is out without more input; then the rest."""
    samples_in, samples_out = os.pipe()
    stem_in, stem_out = os.pipe()
    source = AudioPipe(Feed(samples_in), raw=RawFormat(RATE, 1, "f32le"))
    stream = StemStream(StemFormat(), raw=True)
    arguments = source, Outlet(stem_out), Interruption(), "tonal", stream, TonalTransient
    worker = threading.Thread(target=separate_stream, args=arguments, daemon=True)
    worker.start()
    late, block = Separator(RATE).latency_samples, 256
    audio = tone(1.0).astype("<f4")
    with open(samples_out, "wb", buffering=0) as into, open(stem_in, "rb", buffering=0) as out:
        got = 0
        for given in range(block, late + 8 * block, block):
            into.write(audio[given - block : given].tobytes())
            due = 4 * max(0, given - late)
            while got < due:
                got += len(out.read(due - got))
        into.close()
        worker.join(20)
        os.close(stem_out)
        got += len(out.read())
    assert got == 4 * given


def test_a_closed_pipe_ends_quietly(music):
    running = subprocess.Popen(
        command("-", "-o", "-", "--raw-out", "--solo", "tonal", "--raw", "--rate", "16000"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    with running:
        running.stdin.write(bytes(2 * RATE))
        running.stdin.flush()
        assert running.stdout.read(100) == bytes(100)
        running.stdout.close()
        running.stdin.write(bytes(2 * RATE))
        running.stdin.close()
        assert running.wait(20) == 0
        assert running.stderr.read() == b""


def test_ctrl_c_ends_with_what_has_come():
    running = subprocess.Popen(
        command("-", "-o", "-", "--solo", "tonal", "--raw", "--rate", "16000"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    with running:
        running.stdin.write(bytes(2 * RATE))
        running.stdin.flush()
        head = running.stdout.read(44 + 1000)  # now it listens
        running.send_signal(signal.SIGINT)
        rest = running.stdout.read()
        assert running.wait(20) == 1
        assert b"interrupted after 1.0 s" in running.stderr.read()
    with soundfile.SoundFile(io.BytesIO(head + rest)) as file:
        assert len(file.read()) == RATE


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("-", "-o", "-"), "--solo"),
        (("-", "-o", "-", "--into", "tonal"), "--solo"),
        (("-", "-o", "-", "--into", "tonal", "--solo", "tonal"), "--into"),
        (("-", "-o", "-", "--voices", "auto", "--solo", "voice1"), "one whole file"),
        (("-", "-o", "-", "--solo", "flute"), "expected tonal, transient, residual"),
        (("-", "-o", "-", "--solo", "tonal", "--clip", "rescale"), "clamp"),
        (("-", "a.wav", "-o", "-", "--solo", "tonal"), "one input"),
        (("a.wav", "-o", "-", "--solo", "tonal", "--raw", "--rate", "8000"), "stdin"),
        (("-", "-o", "-", "--solo", "tonal", "--rate", "8000"), "--raw"),
        (("-", "-o", "stems", "--raw-out"), "-o -"),
    ],
)
def test_what_does_not_fit_a_pipe_is_one_line(sharpear, words, told):
    done = sharpear("separate", *words)
    assert done.code == 2
    assert one_line(done.err)
    assert told in done.err
