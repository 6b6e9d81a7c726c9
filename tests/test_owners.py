"""Whose each pixel of a picture is."""

from pathlib import Path

import numpy as np
import pytest

import sharpear
from sharpear.errors import UsageError
from sharpear.sinks import PictureStyle
from sharpear.sinks.canvas import Canvas
from sharpear.sinks.music import NAMES
from sharpear.sinks.picture_style import BY_VOICE

BANDS_HZ = np.geomspace(100, 3200, 20)
ATOMS_HZ = np.geomspace(100, 3200, 301)


def frames(count: int, fundamental_hz: list[float], named: bool = True) -> sharpear.Frames:
    """Voices of five partials each, the second of which begins half way."""
    amplitude, hz = np.zeros((count, 1, ATOMS_HZ.size)), np.tile(ATOMS_HZ, (count, 1, 1))
    whose = np.zeros_like(amplitude)
    for voice, f0 in enumerate(fundamental_hz):
        for h in range(1, 6):
            atom = int(abs(ATOMS_HZ - h * f0).argmin())
            first = voice * count // 2
            amplitude[first:, 0, atom], hz[first:, 0, atom], whose[first:, 0, atom] = 0.1 / h, h * f0, f0
    plain = np.full((count, 1, BANDS_HZ.size), 1e-3)
    parts = (part.astype(np.float32) for part in (amplitude, hz, plain))
    return sharpear.Frames(0.003 * np.arange(count), *parts, fundamental=whose.astype(np.float32) if named else None)


@pytest.mark.parametrize("count", [300, 3000])  # a column is halved when there are more frames than columns
def test_lines_have_the_pitch_class_of_their_voice(count):
    canvas = Canvas(BANDS_HZ, (100.0, 3200.0), 600, 200, by_voice=True)
    canvas.add(frames(count, [220.0, 293.66]), last=True)
    classes = canvas.voices[: len(canvas.drawn()[0])]

    def named(hz: float, part: float) -> str:
        row = round(199 * np.log2(hz / 100) / 5)
        return NAMES[classes[int(part * len(classes)), row] - 1]

    assert named(220, 0.2) == named(660, 0.2) == named(220, 0.8) == "A"
    assert named(293.66, 0.8) == named(3 * 293.66, 0.8) == "D"
    assert classes[int(0.2 * len(classes)), round(199 * np.log2(2.9366) / 5)] == 0


def test_what_is_not_known_is_not_drawn():
    canvas = Canvas(BANDS_HZ, (100.0, 3200.0), 600, 200, by_voice=True)
    with pytest.raises(UsageError, match="colours by voice need frames that say whose"):
        canvas.add(frames(10, [220.0], named=False))


def spectrogram(lines: sharpear.Frames) -> sharpear.Spectrogram:
    return sharpear.Spectrogram(
        lines.times, lines.amplitude, lines.instantaneous_frequency, lines.plain_amplitude, ATOMS_HZ, BANDS_HZ, 0.05,
        fundamental=lines.fundamental,
    )  # fmt: skip


@pytest.mark.parametrize("ending", ["npz", "zarr"])
def test_files_keep_whose_a_line_is(tmp_path: Path, ending: str):
    lines = frames(300, [220.0, 293.66])
    again = sharpear.load(spectrogram(lines).save(tmp_path / f"voices.{ending}"))
    assert again.fundamental is not None
    assert np.array_equal(again.fundamental > 0, lines.fundamental > 0)
    owned = lines.fundamental > 0
    largest = 0.0 if ending == "npz" else 0.02
    assert np.abs(1200 * np.log2(again.fundamental[owned] / lines.fundamental[owned])).max() <= largest
    nobodys = spectrogram(frames(300, [220.0], named=False)).save(tmp_path / f"none.{ending}")
    assert sharpear.load(nobodys).fundamental is None


def test_a_table_keeps_whose_a_line_is(tmp_path: Path):
    pandas = pytest.importorskip("pandas")
    spec = spectrogram(frames(300, [220.0, 293.66]))
    kept = pandas.read_parquet(spec.save(tmp_path / "voices.parquet"))
    assert np.array_equal(kept["fundamental_hz"], spec.lines()["fundamental_hz"])


def test_a_picture_by_voice_has_hues(tmp_path: Path):
    image = pytest.importorskip("matplotlib.image")
    spec = spectrogram(frames(300, [220.0]))
    style = PictureStyle(colours=BY_VOICE, panels="lines")
    hued = image.imread(spec.save(tmp_path / "voices.png", style))[..., :3]
    grey = image.imread(spec.save(tmp_path / "grey.png", PictureStyle(colours="grey", panels="lines")))[..., :3]
    assert np.ptp(hued, axis=-1).max() > 0.5 > 1e-3 > np.ptp(grey, axis=-1).max()
