"""Nothing that is there is lost by a name that was chosen badly."""

import json

import numpy as np
import pytest
import soundfile
from conftest import SMALL, one_line
from small_parts import audio

import sharpear as library
from sharpear.errors import UsageError
from sharpear.separation.separator import Separator


@pytest.fixture
def song(folder):
    soundfile.write("song.wav", audio(1, 16000), 16000)
    np.savez("piano.npz", x=1)
    (folder / "keep.txt").write_text("mine")
    (folder / "stems").mkdir()
    soundfile.write("stems/tonal.wav", audio(1, 1600), 16000)
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


CASES = [
    "live --replay song.wav --no-view --record song.wav --overwrite",
    "live --replay stems/tonal.wav --no-view --separate tonal -o stems --overwrite",
    "live --replay song.wav --no-view --separate tonal -o new --record new/tonal.wav",
    "sharpen song.wav -o out.npz --report song.wav --overwrite",
    "sharpen song.wav -o out.npz --report out.npz",
    "sharpen song.wav -o out.npz --report keep.txt",
    "sharpen song.wav -o - --format f32 --header keep.txt",
    "sharpen song.wav -o - --format f32 --header song.wav --overwrite",
    "learn piano song.wav piano.npz -o piano.npz --overwrite",
    "separate song.wav -o stems --output-template {stem}.flac",
]


@pytest.mark.parametrize("words", CASES)
def test_what_is_there_stays(words, song, folder, sharpear):
    done = sharpear(*words.split())
    assert done.code == 2
    assert one_line(done.err)
    assert {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()} == song


def test_a_report_replaces_an_earlier_one(song, sharpear):
    for _ in range(2):
        words = ("song.wav", "--preset", SMALL, "-o", "out.npz", "--overwrite", "--report", "r.json", "-q")
        assert sharpear("sharpen", *words).code == 0
    assert sharpear("sharpen", *words[:5], "--skip-existing", "--report", "r.json", "-q").code == 0
    with open("r.json") as report:
        assert json.load(report)["files"][0]["status"] == "skipped"


def test_more_channels_than_a_state_holds_are_one_line():
    with pytest.raises(UsageError, match="1000000 channels at once are too many"):
        library.Sharpener(44100, streams=1_000_000)
    with pytest.raises(UsageError, match="100000 channels at once are too many"):
        Separator(44100, streams=100_000)
