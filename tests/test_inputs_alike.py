"""Every container and subtype that libsndfile writes: the same samples by name, through stdin and in pieces."""

import os
from pathlib import Path

import numpy as np
import pipe_rig
import pytest
import soundfile
from conftest import tone
from pipe_rig import RATE, encode_media, heard, piped

from sharpear.audio import AudioFile, Selection
from sharpear.errors import InputError

HEADERLESS = {"RAW", "SD2"}  # nothing at all, and a second file that a pipe does not have
UNREAD_BLOCK = {("PAF", "PCM_24"), ("SDS", "PCM_S8"), ("SDS", "PCM_16"), ("SDS", "PCM_24")}
"""Where libsndfile reads nothing of a file that holds one block (up to 60 samples)."""

LARGEST_CODED_BLOCK = 2048
"""Samples that a codec may add at the end, to fill its last block."""

KINDS = [
    (kind, subtype)
    for kind in soundfile.available_formats()
    for subtype in soundfile.available_subtypes(kind)
    if kind not in HEADERLESS and soundfile.check_format(kind, subtype)
]


SIZES = (0, 1, 4801, 70001)
"""Samples: none, one, an odd number, and some blocks of every kind."""


def read(path: Path, selection: Selection | None = None) -> np.ndarray:
    with AudioFile(path, selection) as audio:
        return np.concatenate(list(audio.blocks(1000)))


def assert_alike(path: Path, samples: int) -> np.ndarray | None:
    """What is heard by name, through stdin and in pieces of both; None where all say that there is nothing."""
    data = path.read_bytes()
    try:
        whole = read(path)
    except InputError:
        with pytest.raises(InputError):
            heard(data)
        return None
    assert np.array_equal(heard(data), whole), samples
    if samples > 1:
        with AudioFile(path) as opened:
            cut_s = len(whole) // 3 / opened.sample_rate
        first, rest = Selection(0, cut_s), Selection(cut_s)
        assert np.array_equal(np.concatenate([read(path, first), read(path, rest)]), whole), samples
        assert np.array_equal(np.concatenate([heard(data, selection=each) for each in (first, rest)]), whole), samples
    return whole


@pytest.mark.parametrize(("kind", "subtype"), KINDS)
def test_a_file_a_pipe_and_pieces_give_the_same_samples(folder, kind, subtype):
    path = Path("tone")
    for samples in SIZES:
        sound = np.resize(tone(), samples) * np.linspace(-1, 1, samples)
        try:
            soundfile.write(path, sound, RATE, subtype, format=kind)
        except soundfile.LibsndfileError as error:
            pytest.skip(f"libsndfile does not write it: {error.error_string}")
        whole = assert_alike(path, samples)
        if samples == 1 and (kind, subtype) in UNREAD_BLOCK:
            assert whole is None
        elif samples:
            assert whole is not None
            assert samples <= len(whole) < samples + LARGEST_CODED_BLOCK


# What FFmpeg writes: format, codec, sample rate, Hz.
MEDIA = [
    ("ipod", "aac", 16000),
    ("adts", "aac", 16000),
    ("mp4", "aac", 16000),
    ("mov", "pcm_s16le", 16000),
    ("matroska", "aac", 16000),
    ("matroska", "flac", 16000),
    ("webm", "libopus", 48000),
    ("asf", "wmav2", 44100),
    ("mp2", "mp2", 16000),
    ("ac3", "ac3", 32000),
    ("eac3", "eac3", 32000),
    ("mpegts", "aac", 16000),
    ("avi", "pcm_s16le", 16000),
    ("tta", "tta", 16000),
    ("wv", "wavpack", 16000),
    ("wav", "adpcm_yamaha", 16000),
    ("wav", "g722", 16000),
    ("wav", "mp2", 16000),
    ("ogg", "flac", 16000),
    ("ogg", "libspeex", 16000),
    ("flac", "flac", 16000),
    ("mp3", "libmp3lame", 44100),
    ("aiff", "pcm_s16be", 16000),
    ("caf", "pcm_s16le", 16000),
    ("flv", "libmp3lame", 44100),
    ("mpeg", "mp2", 16000),
]


@pytest.mark.parametrize(("kind", "codec", "rate"), MEDIA)
def test_what_ffmpeg_writes_is_the_same_by_name_through_a_pipe_and_in_pieces(folder, kind, codec, rate):
    path = Path("tone")
    # FFmpeg's encoders abort the process when they get nothing, this one at a single sample, too.
    for samples in SIZES[2:] if codec == "tta" else SIZES[1:]:
        encode_media(path, kind, codec, rate, samples)
        whole = assert_alike(path, samples)
        if samples > 1:
            assert whole is not None
            assert len(whole) > samples - 2048  # FFmpeg's wma encoder keeps its last frame to itself
            assert 0.3 < np.abs(whole).max() < 0.7


def test_a_name_that_is_not_utf_8_is_read(folder):
    path = Path(os.fsdecode(b"caf\xe9.wav"))
    Path("plain.wav").write_bytes(written := pipe_rig.encoded(tone()))
    path.write_bytes(written)
    assert np.array_equal(read(path), read(Path("plain.wav")))
    with pytest.raises(InputError, match="caf") as refused:
        read(Path(os.fsdecode(b"caf\xe9.flac")))
    assert str(refused.value).isascii()


def test_channels_that_cancel_are_said_to_and_kept_where_that_is_asked_for(folder, caplog):
    sound = tone() + 1e-3
    written = pipe_rig.encoded(np.stack([sound, -sound], axis=1), subtype="FLOAT")
    (path := Path("inverted.wav")).write_bytes(written)
    kept = read(path, Selection(mono=True, keep=True))
    assert np.array_equal(np.abs(kept), np.abs(read(path)[:, :1]))
    caplog.clear()
    assert not read(path, Selection(mono=True)).any()
    list(piped(written, selection=Selection(mono=True)).blocks(1000))
    assert ["cancel each other" in line for line in caplog.messages] == [True, True]


def test_channels_that_do_not_cancel_are_averaged_without_a_word(folder, caplog):
    path = Path("apart.wav")
    both = np.stack([tone(), np.zeros_like(tone())], axis=1)
    path.write_bytes(pipe_rig.encoded(both, subtype="FLOAT"))
    for keep in (False, True):
        assert np.array_equal(read(path, Selection(mono=True, keep=keep))[:, 0], both.mean(axis=1).astype(np.float32))
    assert not caplog.messages


def heard_by_name_and_through_a_pipe(data: bytes) -> list[np.ndarray]:
    (path := Path("damaged")).write_bytes(data)
    return [read(path), np.concatenate(list(piped(data).blocks(1000)))]


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_half_an_ogg_is_heard_and_said(folder, caplog, subtype):
    noise = 0.3 * np.random.default_rng(1).standard_normal(4 * RATE)
    whole = pipe_rig.encoded(noise, "ogg", subtype=subtype)
    heard_by_name_and_through_a_pipe(whole)
    assert not caplog.messages
    assert all(len(heard) for heard in heard_by_name_and_through_a_pipe(whole[: len(whole) * 3 // 4]))
    assert ["cut" in line for line in caplog.messages] == [True, True]


def test_a_broken_mp3_frame_is_said_and_the_rest_heard(folder, caplog):
    whole = pipe_rig.encoded(np.tile(tone(), 8), "mp3", subtype="MPEG_LAYER_III")
    heard_by_name_and_through_a_pipe(whole + b"TAG".ljust(128, b"\0"))
    assert not caplog.messages
    middle = len(whole) // 2
    damaged = whole[:middle] + bytes(600) + whole[middle + 600 :]
    assert all(len(heard) > 4 * len(tone()) for heard in heard_by_name_and_through_a_pipe(damaged))
    assert ["damaged at byte" in line for line in caplog.messages] == [True, True]
