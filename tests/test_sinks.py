"""Files out: whole or not at all, equal to the in-memory result, and flat in memory."""

import json
import resource
import shutil
import signal
import warnings
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import soundfile
import xarray
from conftest import SMALL, leftovers, one_line, tone
from PIL import Image

import sharpear as api
from sharpear.audio import Selection
from sharpear.config import Config, load_config
from sharpear.errors import InputError, UsageError
from sharpear.runs.sharpening_task import sharpen_file
from sharpear.sharpening.frames import Frames
from sharpear.sinks import SINKS, FileSinks, PictureStyle, SinkInfo
from sharpear.sinks.figure import VOICES

FIELDS = {
    "times": "time",
    "frequencies": "frequency",
    "amplitude": "amplitude",
    "instantaneous_frequency": "instantaneous_frequency",
    "plain_amplitude": "plain_amplitude",
}
"""Names of the API, and of the same things in a Zarr."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, api.Spectrogram]:
    """All formats of a stereo recording of several blocks and chunks, and the same from memory."""
    folder, audio = tmp_path_factory.mktemp("written"), tone(3.0, channels=2).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        soundfile.write("s.wav", audio, 16000, "FLOAT")
        outputs = [Path(f"s.{name}") for name in ("zarr", "npz", "png")]
        assert sharpen_file(Path("s.wav"), outputs, load_config(str(SMALL)), Selection()).complete
    return folder, api.sharpen(audio, 16000, str(SMALL))


@pytest.fixture
def made(written: tuple[Path, api.Spectrogram], folder: Path) -> tuple[Path, api.Spectrogram]:
    """A copy of these in the current folder."""
    shutil.copytree(written[0], folder, dirs_exist_ok=True)
    return folder, written[1]


def test_npz_loads_plainly_and_equals_memory_bit_for_bit(made):
    folder, expected = made
    saved = np.load(folder / "s.npz")
    for name in FIELDS:
        assert np.array_equal(saved[name], getattr(expected, name)), name
        assert saved[name].dtype == getattr(expected, name).dtype
    assert np.array_equal(saved["channel_frequencies"], expected.channel_frequencies)


def test_zarr_opens_in_xarray_and_is_as_near_as_it_says(made):
    folder, expected = made
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        saved = xarray.open_zarr(folder / "s.zarr")
    for name in ("times", "frequencies"):
        assert np.array_equal(saved[FIELDS[name]].values, getattr(expected, name)), name
    told = {"amplitude": (20, 0.01, "db"), "instantaneous_frequency": (1200 / np.log10(2), 0.02, "cents")}
    for name, (scale, largest, unit) in {**told, "plain_amplitude": (20, 0.1, "db")}.items():
        true, held = getattr(expected, name), saved[name].values
        assert np.array_equal(held > 0, true > 0)
        error = scale * np.abs(np.log10(held[true > 0].astype(float) / true[true > 0]))
        assert largest / 2 < error.max() <= largest == saved[name].attrs[f"largest_error_{unit}"]
    assert saved["amplitude"].dims == ("time", "channel", "frequency")
    assert saved["plain_amplitude"].dims == ("time", "channel", "band")
    assert {"time", "channel", "frequency", "band"} <= set(saved.coords)
    assert saved["frequency"].attrs["units"] == "Hz"
    assert saved["time"].attrs["units"] == "s"
    loudest = saved["amplitude"].sel(channel=0).mean("time").idxmax("frequency")
    assert float(loudest) == pytest.approx(440, rel=0.05)


def test_zarr_keeps_every_bit_where_it_is_told_to(made, sharpen):
    folder, expected = made
    assert sharpen("s.wav", "-o", "exact.zarr", "--set", "output.rounding=false").code == 0
    exact = api.load(folder / "exact.zarr")
    for name in FIELDS:
        assert np.array_equal(getattr(exact, name), getattr(expected, name)), name
    assert "largest_error_db" not in xarray.open_zarr(folder / "exact.zarr")["amplitude"].attrs
    rounded = api.load(folder / "s.zarr")
    assert api.load(rounded.save(folder / "again.zarr")) == rounded


def test_every_format_says_how_it_was_made(made):
    folder, _ = made
    told = [
        xarray.open_zarr(folder / "s.zarr").attrs,
        json.loads(str(np.load(folder / "s.npz")["attributes"])),
        json.loads(Image.open(folder / "s.png").text["attributes"]),
    ]
    for attributes in told:
        assert attributes["complete"] is True
        assert attributes["source"] == "s.wav"
        assert attributes["sharpear"] == api.__version__
        assert attributes["sample_rate"] == 16000
        assert attributes["latency_s"] > 0
        assert Config.model_validate(attributes["config"]) == load_config(str(SMALL))


def _info(atoms: int = 60) -> SinkInfo:
    hz = np.geomspace(200.0, 1600.0, atoms)
    return SinkInfo(hz, hz, 1, {"source": "made up"})


def _frames(first: int, count: int, info: SinkInfo, sounding: int) -> Frames:
    amplitude = np.full((count, 1, info.frequencies.size), 1e-5, np.float32)
    amplitude[:, :, sounding] = 0.5
    hz = np.broadcast_to(info.frequencies.astype(np.float32), amplitude.shape)
    return Frames((first + np.arange(count)) * 0.003, amplitude, hz, amplitude)


@contextmanager
def opened(format_: str, path: Path, info: SinkInfo):
    """A file of that format, which is published if all goes well."""
    files = FileSinks([path], info)
    with files:
        yield files


@pytest.mark.parametrize("format_", ["zarr", "npz"])
def test_frames_reach_the_disk_while_running(folder, format_):
    info = _info(64)
    with opened(format_, folder / f"x.{format_}", info) as sink:
        for first in range(0, 5000, 100):
            sink.write(_frames(first, 100, info, 5))
        assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) > 10_000
        assert not (folder / f"x.{format_}").exists()
    assert not list(folder.iterdir())


def test_the_picture_shows_a_tone_where_it_is_in_both_panels(folder):
    info = _info(61)
    with opened("png", folder / "x.png", info) as sink:
        sink.write(_frames(0, 300, info, 20))
        sink.publish(complete=True)
    brightness = matplotlib.image.imread(folder / "x.png")[..., :3].sum(axis=2)
    rows, columns = brightness.shape
    # Each panel is dark but for the tone, at a third of its height from below; the margins are white.
    column = brightness[:, columns // 2]
    dark = np.flatnonzero(column < 0.3)
    for half in (dark[dark < rows // 2], dark[dark > rows // 2]):
        top, bottom = half[5], half[-5]
        bright = top + column[top : bottom + 1].argmax()
        assert (bottom - bright) / (bottom - top) == pytest.approx(1 / 3, abs=0.02)


def test_the_pictures_memory_is_bounded(folder):
    info = _info()
    with opened("png", folder / "x.png", info) as sink:
        (picture,) = sink._sinks
        sizes = set()
        for first in range(0, 50_000, 130):
            sink.write(_frames(first, 130, info, 20))
            canvas = picture._canvas
            sizes.add(canvas.lines.nbytes + canvas.plain.nbytes)
        lines, plain = canvas.drawn()
    assert len(sizes) == 1
    assert 1320 <= len(lines) == len(plain) <= 2640
    assert np.ptp(plain.max(axis=1)) == 0
    drawn = lines[: len(lines) * 9 // 10].max(axis=1)
    assert np.ptp(drawn) < 1e-3, "a line stays as it is however often its columns were joined"


def test_a_picture_has_the_size_and_the_panels_that_were_asked_for(folder):
    info = _info(61)
    style = PictureStyle((640, 480), span_hz=(500, 2000), colours="ink", panels="lines", title="name")
    with opened("png", folder / "x.png", replace(info, style=style)) as sink:
        sink.write(_frames(0, 300, info, 20))
        sink.publish(complete=True)
    picture = matplotlib.image.imread(folder / "x.png")
    assert picture.shape[:2] == (480, 640)
    assert np.median(picture[..., :3]) > 0.9, "no line stands between these frequencies, and ink is dark on light"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"size_px": (10, 900)}, "10 × 900"),
        ({"span_hz": (2000.0, 500.0)}, "from low to high"),
        ({"range_db": 0.0}, "10 to 120 dB"),
        ({"colours": "jet"}, "'jet'"),
        ({"panels": "none"}, "'none'"),
    ],
)
def test_what_no_picture_can_be_is_said(wrong, told):
    with pytest.raises(UsageError, match=told):
        PictureStyle(**wrong)
    with pytest.raises(UsageError, match="nothing to show"):
        PictureStyle(span_hz=(10.0, 20.0)).shown_hz(55.0, 14080.0)


@pytest.mark.slow
@pytest.mark.parametrize("format_", ["zarr", "npz", "parquet", "png"])
def test_a_full_disk_is_one_line_and_leaves_nothing(sharpen, wav, folder, format_):
    wav("s.wav", 3.0, channels=2)
    sharpen("s.wav", "-o", "warm.npz")  # kernels are compiled, and cached on disk, before the limit holds
    (folder / "warm.npz").unlink()
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The smallest file of each is beyond this; writing on fails with EFBIG, as a full disk does with ENOSPC.
    resource.setrlimit(resource.RLIMIT_FSIZE, (8000, hard))
    try:
        done = sharpen("s.wav", "--format", format_)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert done.code == 1
    assert one_line(done.err)
    assert "cannot be written" in done.err
    assert [path.name for path in folder.iterdir()] == ["s.wav"]


@pytest.mark.parametrize("failing", ["open", "write", "finish"])
def test_one_failing_format_withdraws_the_others(wav, folder, monkeypatch, failing):
    def fail(*_: object, **__: object) -> None:
        raise InputError("no space left")

    monkeypatch.setattr(SINKS["png"], failing, fail)
    path = wav()
    with pytest.raises(InputError, match="no space left"):
        sharpen_file(
            path, [folder / "x.zarr", folder / "x.npz", folder / "x.png"], load_config(str(SMALL)), Selection()
        )
    assert [each.name for each in folder.iterdir()] == [path.name]


def test_ctrl_c_keeps_what_was_done_and_says_so(wav, folder):
    def interrupt(done_s: float, _total_s: float) -> None:
        if done_s > 2:
            signal.raise_signal(signal.SIGINT)

    outputs = [folder / "x.zarr", folder / "x.npz"]
    config = load_config(str(SMALL), {"output.rounding": False})
    outcome = sharpen_file(wav("s.wav", 9.0), outputs, config, Selection(), interrupt)
    assert not outcome.complete
    saved = np.load(folder / "x.npz")
    assert json.loads(str(saved["attributes"]))["complete"] is False
    assert saved["times"][-1] == pytest.approx(outcome.audio_s, abs=0.003)
    group = xarray.open_zarr(folder / "x.zarr")
    assert group.attrs["complete"] is False
    assert np.array_equal(group["amplitude"].values, saved["amplitude"])
    cut = soundfile.read("s.wav", dtype="float32", stop=round(outcome.audio_s * 16000))[0]
    assert np.array_equal(saved["amplitude"][:, 0], api.sharpen(cut, 16000, str(SMALL)).amplitude)
    assert not leftovers(folder)


def test_ctrl_c_twice_leaves_nothing(wav, folder):
    def insist(_done_s: float, _total_s: float) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    path = wav()
    with pytest.raises(KeyboardInterrupt):
        sharpen_file(path, [folder / "x.zarr"], load_config(str(SMALL)), Selection(), insist)
    assert [each.name for each in folder.iterdir()] == [path.name]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_picture_has_the_notes_that_are_heard_in_it(sharpen, folder):
    seconds = np.arange(16000) / 16000
    soundfile.write("a.wav", sum(0.1 / h * np.cos(2 * np.pi * 440 * h * seconds) for h in range(1, 5)), 16000)
    assert sharpen("a.wav", "--format", "svg", "--pitch").code == 0
    assert sharpen("a.wav", "-o", "without.svg").code == 0
    assert sharpen("a.wav", "-o", "doubted.svg", "--pitch", "--set", "pitch.believed=1").code == 0
    heard, doubted = (Path(name).read_text().count(VOICES[0]) for name in ("a.svg", "doubted.svg"))
    assert heard > doubted
    assert VOICES[0] not in Path("without.svg").read_text()
    assert one_line(sharpen("a.wav", "--pitch").err)


def test_silence_makes_a_picture_too(sharpen, folder):
    soundfile.write("silence.wav", np.zeros_like(tone()), 16000)
    assert sharpen("silence.wav", "--format", "png").code == 0
