"""Recordings: what a kill costs them, what they prove, and what is told where the disk does not take them."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sharpear.live.recorder import Recorder
from sharpear.live.ring import Reader, Ring
from sharpear.sinks import tidy
from sharpear.sinks.sound import FORMATS

RATE = 16000


def sound(seconds: float) -> np.ndarray:
    return np.random.default_rng(3).uniform(-0.5, 0.5, (round(seconds * RATE), 1)).astype(np.float32)


RUNNING = """
import sys, time
import numpy as np
from pathlib import Path
from sharpear.live.recorder import Recorder
from sharpear.live.ring import Reader, Ring
ring = Ring.create(16000, 1)
recorder = Recorder(Path(sys.argv[1]), Reader(ring, ring.capacity), 16000, 1)
recorder.start()
rng = np.random.default_rng(0)
for n in range(2000):
    ring.write(rng.uniform(-1, 1, (160, 1)).astype(np.float32))
    print(160 * (n + 1), flush=True)
    time.sleep(0.01)
"""


@pytest.mark.slow
def test_a_killed_recorder_loses_no_more_than_half_a_second(folder):
    running = subprocess.Popen([sys.executable, "-c", RUNNING, str(folder / "take.wav")], stdout=subprocess.PIPE)
    assert running.stdout is not None
    for line in running.stdout:
        if int(line) >= RATE:
            break
    running.kill()
    written = max([int(line), *map(int, running.stdout.read().split())])
    running.wait()
    assert len(tidy(folder).lines) == 1
    read, _ = soundfile.read(folder / "take.recovered.wav", dtype="float32", always_2d=True)
    assert len(read) > written - RATE // 2
    expected = np.random.default_rng(0).uniform(-1, 1, (len(read), 1)).astype(np.float32)
    assert np.array_equal(read, expected)


def recorded(path: Path, samples: np.ndarray) -> Recorder:
    ring = Ring.create(RATE, 1)
    recorder = Recorder(path, Reader(ring, RATE), RATE, 1)
    ring.write(samples)
    recorder.start()
    recorder.finish()
    ring.remove()
    return recorder


def test_a_recording_is_published_even_where_the_disk_does_not_confirm_it(folder, monkeypatch):
    ring = Ring.create(RATE, 1)
    recorder = Recorder(folder / "take.wav", Reader(ring, RATE), RATE, 1)
    ring.write(sound(0.5))
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(5, "Input/output error")))
    recorder.start()
    recorder.finish()
    ring.remove()
    assert recorder.published
    assert soundfile.info(folder / "take.wav").frames == RATE // 2


def test_a_recording_proves_its_samples(sharpear, folder):
    assert not recorded(folder / "take.wav", sound(0.5)).fault
    assert np.array_equal(soundfile.read("take.wav", dtype="float32", always_2d=True)[0], sound(0.5))
    assert "1 whole" in sharpear("verify", "take.wav").err
    held = bytearray((folder / "take.wav").read_bytes())
    held[len(held) // 2] ^= 1
    (folder / "take.wav").write_bytes(held)
    assert "not those that were written" in sharpear("verify", "take.wav").err


@pytest.mark.parametrize("suffix", FORMATS)
def test_an_end_that_cannot_be_written_is_told(folder, suffix, monkeypatch):
    """libsndfile says nothing when what it holds back until a file is closed is not taken."""
    closed = soundfile.SoundFile.close

    def cut(self: soundfile.SoundFile) -> None:
        closed(self)
        if self.mode == "w":
            path = Path(os.fsdecode(self.name))
            os.truncate(path, path.stat().st_size - 4000)

    monkeypatch.setattr(soundfile.SoundFile, "close", cut)
    recorder = recorded(folder / f"take{suffix}", sound(0.5))
    monkeypatch.undo()
    assert "its end cannot be written" in recorder.fault
    assert recorder.published
    assert soundfile.info(folder / f"take{suffix}").frames > RATE // 2 - 4097
