"""What callers hand over: audio, rates, times and counts that are none meet one line that says what was expected."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import SMALL
from hypothesis import given
from hypothesis import strategies as st

import sharpear
from sharpear.audio import Selection
from sharpear.bridges import BandStream, StftMasks, by_harmonics
from sharpear.dynamics.hebbian import Learner
from sharpear.errors import UsageError
from sharpear.pitch import Transcriber, transcribe
from sharpear.separation.learning import learn_files
from sharpear.separation.separator import Separator

RATE = 16000
WHOLE: dict[str, Callable[[Any, Any], Any]] = {
    "sharpen": lambda audio, rate: sharpear.sharpen(audio, rate, str(SMALL)),
    "transcribe": transcribe,
}
STREAMS: dict[str, Callable[..., Any]] = {
    "Sharpener": lambda rate, streams=1: sharpear.Sharpener(rate, str(SMALL), streams).process,
    "Separator": lambda rate, streams=1: Separator(rate, streams=streams).process,
    "Transcriber": lambda rate, streams=1: Transcriber(rate, "low-latency", streams).process,
    "BandStream": lambda rate, streams=1: BandStream(rate, "low-latency", streams).push,
    "StftMasks": lambda rate, streams=1: StftMasks(by_harmonics([220]), 512, 128, rate, "low-latency", streams).push,
}
RATES = ["16000", None, True, np.nan, np.inf, -np.inf, 0, -44100, 7999.9, 192001, 1j, [16000], np.array([16000.0])]
AUDIO = {
    "integers": np.ones((99, 1), np.int16),
    "bools": np.ones((99, 1), bool),
    "complex": np.ones((99, 1), complex),
    "objects": np.array([[None]] * 9),
    "text": np.array([["a"]] * 9),
    "ragged": [[0.0], [0.0, 1.0]],
    "a number": 0.5,
    "three axes": np.zeros((9, 1, 1)),
    "nothing": None,
}

whole = pytest.mark.parametrize("hear", WHOLE.values(), ids=WHOLE)
streaming = pytest.mark.parametrize("begin", STREAMS.values(), ids=STREAMS)


def refused(call: Callable[[], Any], *words: str) -> None:
    with pytest.raises(UsageError, match=r"^expected .*received") as told:
        call()
    assert len(str(told.value)) < 300
    assert all(word in str(told.value) for word in words), str(told.value)


@streaming
@pytest.mark.parametrize("rate", RATES, ids=repr)
def test_a_rate_that_is_none_is_refused(begin, rate):
    refused(lambda: begin(rate), "sample rate of 8000 to 192000 Hz")


@whole
def test_a_rate_in_words_is_refused(hear):
    refused(lambda: hear(np.zeros(99), "16000"), "8000 to 192000 Hz", "'16000'")


@streaming
@pytest.mark.parametrize("rate", [RATE, 16000.0, np.int32(RATE), np.float32(RATE)], ids=repr)
def test_any_kind_of_number_is_a_rate(begin, rate):
    begin(rate)(np.zeros((9, 1)))


@streaming
@pytest.mark.parametrize("streams", [0, -1, 1.5, "2", None, True, np.nan], ids=repr)
def test_a_count_that_is_none_is_refused(begin, streams):
    refused(lambda: begin(RATE, streams), "at least 1 stream")


@streaming
@pytest.mark.parametrize("audio", AUDIO.values(), ids=AUDIO)
def test_what_is_no_audio_is_refused_by_streams(begin, audio):
    refused(lambda: begin(RATE)(audio), "audio")


@whole
@pytest.mark.parametrize("audio", [*AUDIO.values(), np.zeros(0), np.zeros((0, 2)), []], ids=[*AUDIO, "0", "0×2", "[]"])
def test_what_is_no_recording_is_refused(hear, audio):
    refused(lambda: hear(audio, RATE), "audio")


@whole
@given(channels=st.integers(1, 8), samples=st.integers(1, 8))
def test_a_recording_on_its_side_is_told_to_turn(hear, channels, samples):
    def call() -> None:
        hear(np.zeros((channels, samples + max(channels, 2))), RATE)

    refused(call, "time comes first", "audio.T")


@streaming
@pytest.mark.parametrize("streams", [1, 2])
def test_a_block_on_its_side_is_told_to_turn(begin, streams):
    refused(lambda: begin(RATE, streams)(np.zeros((streams, 99))), f"(samples, {streams})", "audio.T")


@streaming
def test_an_empty_block_is_no_end(begin):
    push = begin(RATE, 2)
    push(np.zeros((0, 2)))
    push(np.zeros((9, 2)))


@pytest.mark.parametrize("time_s", [np.nan, np.inf, -np.inf, "0", None, 1j, False], ids=repr)
def test_a_time_that_is_none_is_refused(time_s):
    refused(lambda: sharpear.Sharpener(RATE, str(SMALL), start_s=time_s), "start_s")
    refused(lambda: Transcriber(RATE, "low-latency", start_s=time_s), "start_s")
    if time_s is not None:
        refused(lambda: sharpear.Sharpener(RATE, str(SMALL)).reset(time_s), "start_s")


@pytest.mark.parametrize("linked", [0, 3, 2.0, "all"], ids=repr)
def test_streams_are_linked_in_equal_groups(linked):
    refused(lambda: Separator(RATE, streams=4, linked=linked), "linked")


@pytest.mark.parametrize(("atoms", "epochs"), [("48", 1), (0, 1), (4.0, 1), (4, 0), (4, None), (10**9, 1)], ids=repr)
def test_what_is_no_number_of_atoms_or_epochs_is_refused(atoms, epochs):
    refused(lambda: learn_files("a", [], atoms, epochs, 0, Selection()), "atom" if epochs == 1 else "epoch")


@pytest.mark.parametrize("frames", [np.full((9, 3), np.nan), np.full((9, 3), np.inf), np.ones((9, 4)), np.ones(3)])
def test_a_learner_follows_finite_frames_of_its_channels(frames):
    with pytest.raises(ValueError, match=r"expected finite frames of shape \(batch, 3\), received"):
        Learner(channels=3, atoms=2).learn(frames)


@pytest.mark.parametrize("f0_hz", [[], [0.0], [np.nan], [-3.0], ["a"], [1j], [[220.0]], None], ids=repr)
def test_fundamentals_are_positive_numbers(f0_hz):
    refused(lambda: by_harmonics(f0_hz), "fundamental")


@pytest.mark.parametrize(("n_fft", "hop"), [(0, 128), (512, 0), (512.0, 128), ("512", 128), (1, 128)], ids=repr)
def test_the_grid_of_masks_is_of_whole_numbers(n_fft, hop):
    refused(lambda: StftMasks(by_harmonics([220.0]), n_fft, hop, RATE, "low-latency"))
