"""Audio from a pipe: any format, raw samples, and what ends badly."""

import os
import threading
from pathlib import Path

import numpy as np
import pytest
from conftest import one_line, tone
from hypothesis import given, settings
from hypothesis import strategies as st
from pipe_rig import RATE, encoded, piped

from sharpear.audio import AudioFile, AudioPipe, Feed, RawFormat, Selection
from sharpear.audio.raw import ENCODINGS
from sharpear.errors import InputError, UsageError

FORMATS = ["wav", "flac", "ogg", "mp3", "aiff", "au", "w64", "rf64", "caf"]


def read(source: AudioPipe) -> np.ndarray:
    return np.concatenate(list(source.blocks(1000)))


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_format_is_read_from_a_pipe_as_from_a_file(folder, suffix, channels):
    data = encoded(tone(1.0, 44100, channels=channels), suffix.upper(), 44100)
    Path(f"tone.{suffix}").write_bytes(data)
    with AudioFile(Path(f"tone.{suffix}")) as file:
        expected = np.concatenate(list(file.blocks(1000)))
    source = piped(data)
    assert (source.sample_rate, source.channels) == (44100, channels)
    assert np.array_equal(read(source), expected)


def test_an_opus_stream_is_read_to_its_end():
    assert len(read(piped(encoded(tone(1.0, 48000), "OGG", 48000, subtype="OPUS")))) == 48000


@pytest.mark.parametrize("stated", [0, 0xFFFFFFFF, 0x7FFFFFFF - 36])
@pytest.mark.parametrize("riff", [0, 36, 0xFFFFFFFF])
def test_a_wav_of_unstated_length_is_read_to_its_end(folder, stated, riff):
    held = bytearray(encoded(tone()))
    size = held.find(b"data") + 4
    held[size : size + 4] = stated.to_bytes(4, "little")
    held[4:8] = riff.to_bytes(4, "little")
    source = piped(bytes(held))
    assert source.samples is None
    assert len(read(source)) == len(tone())
    Path("tone.wav").write_bytes(held)
    with AudioFile(Path("tone.wav")) as file:
        assert sum(map(len, file.blocks())) == len(tone())


def test_a_wav_without_samples_stays_one_even_if_tags_follow(folder):
    held = encoded(np.zeros(0)) + b"LIST\x04\0\0\0INFO"
    Path("none.wav").write_bytes(held)
    for make in (lambda: read(piped(held)), lambda: AudioFile(Path("none.wav"))):
        with pytest.raises(InputError, match="holds no audio"):
            make()


def test_what_follows_the_samples_is_not_sound():
    assert len(read(piped(encoded(tone()) + b"LIST\x04\0\0\0INFO" * 20))) == len(tone())


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(ENCODINGS),
    st.integers(1, 3),
    st.lists(st.floats(-0.9990234375, 0.9990234375, width=16), max_size=40),
)
def test_raw_samples_of_every_encoding(encoding, channels, values):
    values = np.array(values[: len(values) // channels * channels], np.float64)
    kind, bits, order = encoding[0], int("".join(filter(str.isdigit, encoding))), ">" if "be" in encoding else "<"
    if kind == "f":
        data = values.astype(f"{order}f{bits // 8}").tobytes()
    else:
        largest = 2 ** (bits - 1) - 1
        whole = np.rint(values * (largest + 1)).clip(max=largest).astype(np.int64) + (128 if kind == "u" else 0)
        each = [int(v).to_bytes(bits // 8, "big" if order == ">" else "little", signed=kind == "s") for v in whole]
        data = b"".join(each)
    decoded = RawFormat(RATE, channels, encoding).decode(data)
    assert decoded.dtype == np.float32
    assert decoded.shape == (len(values) // channels, channels)
    assert decoded.ravel() == pytest.approx(values, abs=2.0 ** (1 - min(bits, 16)))


@pytest.mark.parametrize("rate", ["0", "-1", "7999", "192001"])
def test_raw_rates_that_cannot_be(sharpen, rate):
    done = sharpen("-", "--raw", "--rate", rate)
    told = f"sharpear: --rate: expected a rate of 8000 to 192000 Hz, received {rate}\n"
    assert (done.code, done.err) == (2, told)


WRONG = (["--encoding", "s12"], ["--encoding", ""], ["--channels", "0"])


def test_raw_descriptions_that_cannot_be(sharpen):
    raw = ["--raw", "--rate", "8000"]
    for words in (["--raw"], ["--rate", "8000"], *([*raw, *more] for more in WRONG)):
        done = sharpen("-", *words)
        assert done.code == 2
        assert one_line(done.err), done.err


def test_a_selection_of_a_pipe_is_exact():
    audio = tone(0.5).astype(np.float32)
    data = encoded(audio, subtype="FLOAT")
    assert np.array_equal(read(piped(data, selection=Selection(0.1, 0.2)))[:, 0], audio[1600:4800])
    with pytest.raises(UsageError, match="beyond its end"):
        read(piped(data, selection=Selection(0.6)))


@pytest.mark.parametrize("data", [b"", b"hello world\n" * 100, b"RIFF\0\0\0\0WAVE", b"OggS" + bytes(100), b"\xff\xfb"])
def test_what_is_not_audio_is_an_input_error(data):
    with pytest.raises(InputError, match="stdin"):
        read(piped(data))


@pytest.mark.parametrize("suffix", ["wav", "flac", "aiff"])
def test_a_stream_that_ends_before_its_header_says_is_heard_and_said(suffix, caplog):
    whole = encoded(tone(1.0), suffix.upper())
    assert 0 < len(read(piped(whole[: len(whole) // 2]))) < RATE
    assert [record.getMessage().partition(" after")[0] for record in caplog.records] == ["stdin: ends"]


def test_what_follows_an_ogg_stream_is_told_of(caplog):
    alone = encoded(tone(1.0), "OGG")
    assert len(read(piped(alone + alone))) == RATE
    (told,) = [record.getMessage() for record in caplog.records]
    assert f"stdin: holds another Ogg stream from byte {len(alone)} on" in told


@pytest.mark.parametrize("format_", ["WAV", "OGG", "MP3"])
@pytest.mark.parametrize("come", [0, 20])
def test_a_feed_that_is_stopped_before_a_header_is_whole_is_no_fault_of_the_input(format_, come):
    fed, feeding = os.pipe()
    os.write(feeding, encoded(tone(), format_)[:come])
    stop = threading.Event()
    threading.Timer(0.2, stop.set).start()
    with pytest.raises(KeyboardInterrupt):
        AudioPipe(Feed(fed, stop.is_set))
    os.close(feeding)


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_header_that_points_before_the_beginning_is_refused_without_a_traceback():
    cut_in_a_size = encoded(tone(0.1), "W64", subtype="GSM610")[:139]
    with pytest.raises(InputError, match="0 samples"):
        read(piped(cut_in_a_size))


def test_more_channels_than_any_header_states_are_refused():
    with pytest.raises(UsageError, match="expected 1 to 65535, received 18446744073709551616"):
        RawFormat(RATE, 2**64, "f32le")


@pytest.mark.parametrize("left", [b"", b"\xff", b"\xff\xfb"])
def test_hardly_anything_after_a_tag_is_refused(left):
    with pytest.raises(InputError):
        read(piped(b"ID3\x04\0\0\0\0\0\x05" + bytes(5) + left))


@pytest.mark.parametrize("samples", [RATE, RATE + 1])
def test_another_wav_behind_the_first_is_told_of(folder, samples, caplog):
    """As `cat a.wav b.wav` makes; an odd number of bytes is followed by one of padding."""
    alone = encoded(np.zeros(samples), subtype="PCM_U8")
    joined = alone + alone
    assert len(read(piped(joined))) == samples
    assert len(caplog.messages) == 1
    assert "another WAV" in caplog.text
    Path("joined.wav").write_bytes(joined)
    with pytest.raises(InputError, match=f"another WAV from byte {len(alone)} on"):
        AudioFile(Path("joined.wav"))


def test_a_part_of_a_pipe_is_not_told_of_what_follows(caplog):
    read(piped(encoded(tone()) * 2, selection=Selection(duration_s=0.1)))
    assert not caplog.messages


def test_a_writer_that_keeps_the_pipe_open_is_not_waited_for():
    outlet, inlet = os.pipe()
    os.write(inlet, encoded(tone(0.5)))
    assert len(read(AudioPipe(Feed(outlet)))) == RATE // 2
    os.close(inlet)


@pytest.mark.parametrize("subtype", ["IMA_ADPCM", "PCM_24"])
def test_every_lost_byte_is_told_of(folder, subtype, caplog):
    held = encoded(tone(), subtype=subtype)[:-1]
    Path("cut.wav").write_bytes(held)
    for source in (piped(held), AudioFile(Path("cut.wav"))):
        read(source)
    assert ["before the end that its header states" in told for told in caplog.messages] == [True, True]
