"""Audio files in, good and bad: what is read, from where to where, and what is said of what cannot be."""

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SMALL, leftovers, one_line, tone

from sharpear.audio import AudioFile, Selection
from sharpear.config import load_config
from sharpear.errors import InputError, UsageError
from sharpear.runs.sharpening_task import sharpen_file

FORMATS = ["wav", "flac", "ogg", "mp3", "aiff", "au", "w64", "rf64", "caf"]


def read(path: Path, selection: Selection | None = None) -> np.ndarray:
    with AudioFile(path, selection) as audio:
        return np.concatenate(list(audio.blocks(1000)))


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_format_is_read_whole(wav, suffix, channels):
    path = wav(f"tone.{suffix}", 0.2, 44100, channels)
    assert np.array_equal(read(path), soundfile.read(path, dtype="float32", always_2d=True)[0])


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW"])
def test_every_depth_is_read(wav, subtype):
    assert np.allclose(read(wav(subtype=subtype))[:, 0], tone(), atol=0.02)


@pytest.mark.parametrize("rate", [8000, 11025, 48000, 192000])
def test_rates_from_8_to_192_khz(sharpen, wav, folder, rate):
    assert sharpen(wav(seconds=0.05, rate=rate), "--format", "npz").code == 0
    saved = np.load(folder / "tone.npz")
    assert np.diff(saved["times"]) == pytest.approx(round(0.0029 * rate) / rate)


@pytest.mark.parametrize("rate", [4000, 7999, 192001])
def test_other_rates_are_refused(sharpen, wav, rate):
    done = sharpen(wav(rate=rate))
    assert done.code == 1
    assert one_line(done.err)
    assert str(rate) in done.err


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_each_channel_is_a_stream(sharpen, wav, folder, channels):
    assert sharpen(wav(channels=channels), "--format", "npz").code == 0
    amplitude = np.load(folder / "tone.npz")["amplitude"]
    assert amplitude.shape[1] == channels
    loudness = amplitude.max(axis=(0, 2))
    assert loudness == pytest.approx(loudness[0] / (1 + np.arange(channels)), rel=0.02)


def test_mono_mixes_down(wav):
    path = wav(channels=2)
    assert np.allclose(read(path, Selection(mono=True)), read(path).mean(axis=1, keepdims=True), atol=1e-7)


def test_a_selection_is_exact(wav):
    path = wav(seconds=0.5, rate=16000)
    picked = read(path, Selection(0.1, 0.2))
    assert np.array_equal(picked, read(path)[1600:4800])
    assert len(read(path, Selection(0.4, 9.0))) == 1600


def test_times_stand_on_the_inputs_clock(sharpen, wav, folder):
    sharpen(wav(seconds=0.5), "--format", "npz", "--start", "0.2", "--duration", "0.1")
    times = np.load(folder / "tone.npz")["times"]
    hop_s = 46 / 16000
    assert times[0] == pytest.approx(0.2)
    assert 0.3 <= times[-1] < 0.3 + hop_s


@pytest.mark.parametrize(
    ("start", "duration"),
    [(-1.0, None), (np.nan, None), (np.inf, None), (0.0, 0.0), (0.0, -1.0), (0.0, np.nan), (1e308, None), (0.0, 1e308)],
)
def test_impossible_selections_are_refused(start, duration):
    with pytest.raises(UsageError, match="received"):
        Selection(start, duration)


def test_five_samples_are_enough(sharpen, folder):
    soundfile.write("five.wav", tone()[:5], 16000)
    assert sharpen("five.wav", "--format", "zarr,npz,png").code == 0
    assert np.load(folder / "five.npz")["times"].tolist() == pytest.approx([0.0, 46 / 16000])


def test_unusable_samples_are_counted_and_said(sharpen, folder):
    wave = np.stack([tone(), tone()], axis=1)
    wave[[5, 100], 0] = np.nan
    wave[7, 1] = np.inf
    soundfile.write("nan.wav", wave, 16000, subtype="FLOAT")
    done = sharpen("nan.wav", "--format", "npz")
    assert done.code == 0
    assert "3 samples" in done.err
    assert np.isfinite(np.load(folder / "nan.npz")["amplitude"]).all()


def test_opposite_infinities_mix_down_without_a_warning(sharpen, folder, recwarn):
    wave = np.stack([tone(), tone()], axis=1)
    wave[9] = np.inf, -np.inf
    soundfile.write("inf.wav", wave, 16000, subtype="FLOAT")
    assert "1 samples" in sharpen("inf.wav", "--mono", "--format", "npz").err
    assert not recwarn.list


def _missing(folder: Path) -> None: ...


def _folder(folder: Path) -> None:
    (folder / "bad.wav").mkdir()


def _empty(folder: Path) -> None:
    (folder / "bad.wav").touch()


def _text(folder: Path) -> None:
    (folder / "bad.wav").write_text("hello world\n" * 100)


def _no_samples(folder: Path) -> None:
    soundfile.write("bad.wav", np.zeros(0), 16000)


def _pipe(folder: Path) -> None:
    os.mkfifo("bad.wav")


def _loop(folder: Path) -> None:
    (folder / "bad.wav").symlink_to("bad.wav")


BAD = [_missing, _folder, _empty, _text, _no_samples, _pipe, _loop]


@pytest.mark.parametrize("make", BAD)
def test_what_is_not_audio_is_one_line(sharpen, folder, make):
    make(folder)
    done = sharpen("bad.wav")
    assert done.code == 1
    assert one_line(done.err)
    assert "bad.wav" in done.err
    assert not (folder / "bad.zarr").exists()
    assert not leftovers(folder)


def test_an_mp3_of_zeros_is_one_line(folder, compiled):
    (folder / "bad.mp3").write_bytes(bytes(100_000))
    command = [sys.executable, "-m", "sharpear", "sharpen", "bad.mp3", "--preset", str(SMALL)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = "sharpear: bad.mp3: is not audio that libsndfile reads, or is damaged (Format not recognised)\n"
    assert (done.returncode, done.stderr) == (1, told)


def test_headerless_audio_and_overlong_names_are_one_line(sharpen, folder):
    (folder / "bad.raw").write_bytes(b"\x01\x02" * 1000)
    for name in ("bad.raw", "x" * 300 + ".wav"):
        done = sharpen(name)
        assert done.code == 1
        assert one_line(done.err)


@pytest.mark.parametrize("suffix", ["wav", "flac", "aiff", "au", "w64", "rf64"])
@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_what_is_left_of_a_truncated_file_is_heard_and_one_line_says_so(sharpen, wav, folder, suffix, kept):
    path = wav(f"cut.{suffix}", 1.0)
    whole, expected = path.read_bytes(), read(path)
    path.write_bytes(whole[: int(len(whole) * kept)])
    done = sharpen(path, "--format", "npz", "-q")
    assert done.code == 0
    assert one_line(done.err)
    assert "read to there" in done.err
    left = read(path)
    assert 0 < len(left) < len(expected)
    assert np.array_equal(left, expected[: len(left)])


def test_an_mp3s_decoder_adds_no_lines_of_its_own(wav, folder, compiled):
    """Libmpg123 writes to the descriptor itself, several lines for each fault."""
    path = wav("tone.mp3", 3.0)
    held = bytearray(path.read_bytes())
    held[len(held) // 2 : len(held) // 2 + 300] = b"\x55" * 300
    path.write_bytes(held)
    for words, data in ((["tone.mp3", "-o", "tone.npz"], b""), (["-", "-o", "-"], bytes(held))):
        command = [sys.executable, "-m", "sharpear", "sharpen", *words, "-q", "--preset", str(SMALL)]
        done = subprocess.run(command, input=data, capture_output=True, check=True)
        assert one_line(done.stderr.decode())
        assert b"is damaged" in done.stderr


def test_what_follows_an_ogg_stream_is_told_of(sharpen, wav):
    """As a radio's recordings have it: libsndfile reads the first and says nothing."""
    path = wav("song.ogg", 1.0)
    alone = path.read_bytes()
    path.write_bytes(alone + alone)
    done = sharpen(path, "-q")
    assert done.code == 0
    assert one_line(done.err)
    assert f"another Ogg stream from byte {len(alone)} on" in done.err


def test_a_wav_of_unstated_length_is_read(wav):
    path = wav()
    held = bytearray(path.read_bytes())
    size = held.find(b"data") + 4
    held[4:8] = held[size : size + 4] = b"\xff" * 4
    path.write_bytes(held)
    assert len(read(path)) == 4800


def test_an_input_that_shrinks_meanwhile_is_an_error_that_leaves_nothing(wav, folder):
    path = wav(seconds=10.0)

    def shrink(_done: float, _total: float) -> None:
        os.truncate(path, 1000)

    with pytest.raises(InputError, match="ends after"):
        sharpen_file(path, [folder / "out.npz"], load_config(str(SMALL)), Selection(), shrink)
    assert [each.name for each in folder.iterdir()] == [path.name]


def test_an_input_that_is_deleted_meanwhile_is_read_to_its_end(wav, folder):
    path = wav(seconds=3.0)

    def delete(_done: float, _total: float) -> None:
        path.unlink(missing_ok=True)

    outcome = sharpen_file(path, [folder / "out.npz"], load_config(str(SMALL)), Selection(), delete)
    assert outcome.complete
    assert outcome.audio_s == pytest.approx(3.0)


def test_a_file_is_opened_where_there_is_no_stderr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As under pythonw, or ``2>&-``."""
    soundfile.write(tmp_path / "a.wav", np.zeros(100), 8000)
    for stderr in (None, io.StringIO()):
        if stderr is not None:
            stderr.close()
        monkeypatch.setattr(sys, "stderr", stderr)
        with AudioFile(tmp_path / "a.wav") as audio:
            assert audio.sample_rate == 8000
