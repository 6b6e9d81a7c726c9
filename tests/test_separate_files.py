from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SMALL, leftovers, one_line
from mixtures import RATE, noise

from sharpear.audio import AudioFile
from sharpear.errors import InputError


def test_the_command_writes_stems_that_add_up(folder: Path, sharpear, wav) -> None:
    wav("song.flac", 0.5, channels=2)
    assert sharpear("separate", "song.flac", "-o", "stems").code == 0
    original, _ = soundfile.read("song.flac")
    stems = [soundfile.read(f"stems/song/{stem}.wav")[0] for stem in ("tonal", "transient", "residual")]
    with soundfile.SoundFile("stems/song/tonal.wav") as file:
        assert file.comment.startswith("complete = true; crc32 = ")
    assert np.abs(sum(stems) - original).max() < 1e-5
    assert leftovers(folder) == []
    again = sharpear("separate", "song.flac", "-o", "stems")
    assert again.code == 2
    assert one_line(again.err)


@pytest.mark.parametrize(
    ("words", "written"),
    [
        (("--remove", "drums"), ["residual"]),
        (("--solo", "drums"), ["transient"]),
        (("--solo", "noise"), ["noise"]),
        (("--remove", "noise"), ["residual"]),
        (("--voices", "2", "--solo", "voice 2"), ["voice2"]),
    ],
)
def test_one_stem_is_kept_or_taken_away(folder: Path, sharpear, wav, words, written) -> None:
    wav("song.wav", 0.3)
    assert sharpear("separate", "song.wav", "-o", "stems", *words).code == 0
    assert sorted(path.stem for path in Path("stems/song").iterdir()) == written


def test_ctrl_c_before_anything_is_done_leaves_no_folder(folder: Path, sharpear, wav, monkeypatch) -> None:
    def interrupted(*_) -> None:
        assert leftovers(folder)
        raise KeyboardInterrupt

    monkeypatch.setattr("sharpear.separation.separation_task.separated", interrupted)
    Path("there").mkdir()
    done = sharpear("separate", wav(), "-o", "there/made/stems")
    assert (done.code, done.err) == (1, "sharpear: tone.wav: interrupted: nothing was written\n")
    assert sorted(path.name for path in folder.rglob("*")) == ["there", "tone.wav"]


@pytest.mark.parametrize("words", [("separate",), ("sharpen", "--preset", SMALL)])
def test_an_input_that_ends_badly_leaves_no_folder(folder: Path, sharpear, wav, words, monkeypatch) -> None:
    path = wav("a.flac", 2.0)

    def has_changed(_: AudioFile) -> None:
        raise InputError("a.flac: has changed while it was read")

    monkeypatch.setattr(AudioFile, "check_unchanged", has_changed)
    done = sharpear(*words, path, "-o", "made/here")
    assert done.code == 1
    assert "has changed" in done.err
    assert [path.name for path in folder.rglob("*")] == ["a.flac"]


def test_rescaling_is_by_one_factor(folder: Path, sharpear) -> None:
    soundfile.write("loud.wav", 30 * noise(0.5), RATE, subtype="FLOAT")
    options = ("--subtype", "pcm24", "--clip", "rescale", "--output-template", "{stem}.{ext}")
    assert sharpear("separate", "loud.wav", *options).code == 0
    original, _ = soundfile.read("loud.wav")
    total = sum(soundfile.read(f"{stem}.wav")[0] for stem in ("tonal", "transient", "residual"))
    factor = (total @ original) / (original @ original)
    assert factor < 0.9
    assert np.abs(total - factor * original).max() < 1e-5


@pytest.mark.parametrize(
    "words",
    [
        ("separate", "tone.wav", "--into", "flute"),
        ("separate", "tone.wav", "--subtype", "pcm8"),
        ("separate", "tone.wav", "--clip", "hard"),
        ("separate", "tone.wav", "--output-template", "{track}.wav"),
        ("separate", "tone.wav", "--rate", "8000"),
        ("separate", "tone.wav", "--solo", "tonal", "--into", "tonal"),
        ("separate", "tone.wav", "other.wav", "--voices", "auto"),
        ("separate", "tone.wav", "--voices", "2.5"),
        ("separate", "tone.wav", "--raw-out"),
        ("learn", "residual", "tone.wav"),
        ("learn", "a", "tone.wav", "-o", "a.txt"),
        ("learn", "a", "tone.wav", "-"),
    ],
)
def test_usage_errors_are_one_line(folder: Path, sharpear, wav, words) -> None:
    wav("tone.wav")
    finished = sharpear(*words)
    assert finished.code == 2
    assert one_line(finished.err)
    assert not list(folder.rglob("*.npz"))
