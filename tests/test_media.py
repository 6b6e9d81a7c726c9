"""What only FFmpeg decodes, with less of it; and channels that cancel each other, on the command line."""

import csv
import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SMALL, one_line, tone
from pipe_rig import RATE, encode_media, heard

from sharpear.audio import AudioFile
from sharpear.errors import InputError
from sharpear.pitch import transcribe

INSTALL = "pip install 'sharpear[media]', or put ffmpeg on the PATH"


def read(path: Path) -> np.ndarray:
    with AudioFile(path) as audio:
        return np.concatenate(list(audio.blocks()))


@pytest.fixture
def memo(folder: Path) -> Path:
    """A tone as a phone records one, in a folder that holds nothing else."""
    Path("memos").mkdir()
    encode_media(path := Path("memos/memo.m4a"), "ipod", "aac", RATE, 4801)
    return path


@pytest.fixture
def without_pyav(monkeypatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="the program ffmpeg is not installed")
def test_without_pyav_the_program_decodes_the_same(memo, monkeypatch):
    encode_media(exact := Path("exact.mka"), "matroska", "flac", RATE, 4801)
    by_pyav = [read(memo), read(exact)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert np.array_equal(read(exact), by_pyav[1])
    # Two builds of FFmpeg may differ in the last bits of what AAC stands for.
    assert read(memo) == pytest.approx(by_pyav[0], abs=1e-5)
    for path in (memo, exact):
        assert np.array_equal(heard(path.read_bytes()), read(path))


def test_without_any_decoder_one_line_says_what_to_install(memo, without_pyav, monkeypatch, sharpen):
    data = memo.read_bytes()
    monkeypatch.setenv("PATH", "")
    done = sharpen(memo)
    assert done.code == 1
    assert one_line(done.err)
    assert INSTALL in done.err
    with pytest.raises(InputError, match="to decode it, pip install") as refused:
        heard(data)
    assert INSTALL in str(refused.value)


def test_a_folder_of_m4a_is_a_folder_of_audio(memo, folder, sharpen):
    done = sharpen("memos", "--format", "npz", "-o", "out")
    assert done.code == 0, done.err
    assert np.load(folder / "out" / "memo.npz")["amplitude"].max() > 0.2


@pytest.fixture
def inverted(folder: Path) -> Path:
    """A harmonic tone whose right channel is its left one turned over."""
    sound = sum(tone(0.4, hz=220.0 * h) / (2 * h) for h in range(1, 6))
    soundfile.write("inverted.wav", np.stack([sound, -sound], axis=1), RATE, subtype="FLOAT")
    return Path("inverted.wav")


def test_a_mix_in_which_channels_cancel_is_one_line(inverted, folder, sharpen):
    done = sharpen(inverted, "--mono", "--format", "npz", "-q")
    assert done.code == 0
    assert one_line(done.err)
    assert "cancel each other" in done.err
    assert not np.load(folder / "inverted.npz")["amplitude"].any()


def test_channels_that_cancel_are_transcribed_nevertheless(inverted, folder, sharpear):
    done = sharpear("transcribe", "--preset", SMALL, inverted, "-q")
    assert done.code == 0
    assert one_line(done.err)
    assert "turned over" in done.err
    assert [int(row["midi"]) for row in csv.DictReader((folder / "inverted.notes.csv").open())] == [57]
    assert [note.midi for note in transcribe(soundfile.read(inverted)[0], RATE, str(SMALL)).notes] == [57]


def test_voices_that_cancel_in_the_mean_are_one_line(inverted, folder, sharpear):
    done = sharpear("separate", "--voices", "1", inverted, "-o", "stems", "-q")
    assert done.code == 0
    assert one_line(done.err)
    assert "inverted.wav: its channels cancel each other in their mean, where voices are heard" in done.err
