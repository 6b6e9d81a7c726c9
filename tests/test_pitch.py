"""The pitch layer and its parts, on sounds whose pitches are known."""

import io
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharpear.config import PitchConfig
from sharpear.dynamics.divisive import DivisiveGains, divisive_step
from sharpear.dynamics.harmonic_fields import HarmonicFields, connect
from sharpear.errors import UsageError
from sharpear.pitch import Note, PitchFrames, PitchLayer, Transcriber, Transcription, Voices, notes_of, transcribe
from sharpear.pitch.note_files import FORMATS
from sharpear.pitch.notes import BEGINS_AFTER_S, FOUND_AFTER_S
from sharpear.pitch.onsets import Onsets
from sharpear.sharpening.frames import Frames

RATE = 16000
PRESET = {"bank.high_hz": 5000.0, "bank.channels": 220, "atoms.count": 500}


def tone(
    hz: float | np.ndarray, seconds: float = 0.7, turn: float = 0.0, partials: int = 10, level: float = 0.1
) -> np.ndarray:
    """A harmonic tone with partials 1/h, all turned by `turn` radians; `hz` may move, one value a sample."""
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hz, round(seconds * RATE))) / RATE
    return level * sum(np.cos(h * phase + turn) / h for h in range(1, partials + 1))


def voices(audio: np.ndarray, **settings: float) -> PitchFrames:
    overrides = PRESET | {f"pitch.{name}": value for name, value in settings.items()}
    transcriber = Transcriber(RATE, overrides=overrides)
    return PitchFrames.join([transcriber.process(audio[:, None]), transcriber.flush()])


def middle(frames: PitchFrames) -> np.ndarray:
    """(frames, voices) fundamentals of the middle half."""
    n = len(frames)
    return frames.f0[n // 4 : 3 * n // 4, 0]


@pytest.mark.parametrize(
    "chord",
    [[110.0], [220.0, 330.0], [196.0, 392.0], [130.8, 164.8, 196.0, 261.6], [220.0, 293.7]],
    ids=["one", "fifth", "octave", "four", "fourth"],
)
def test_a_chord_of_harmonic_tones_is_heard(chord: list[float]) -> None:
    heard = middle(voices(sum(tone(hz) for hz in chord)))
    for row in heard:
        assert np.sort(row[row > 0]) == pytest.approx(chord, rel=0.012), "20 cents"


def test_a_loud_and_a_faint_recording_have_the_same_voices() -> None:
    sound = tone(220.0) + tone(277.2)
    loud, faint = middle(voices(sound)), middle(voices(1e-3 * sound))
    assert faint == pytest.approx(loud, rel=1e-3)


def test_vibrato_is_followed_in_one_place_and_stays_one_note() -> None:
    t = np.arange(round(1.2 * RATE)) / RATE
    hz = 300.0 * 2 ** (0.4 / 12 * np.sin(2 * np.pi * 5.5 * t))
    frames = voices(tone(hz, 1.2))
    n = slice(len(frames) // 4, 3 * len(frames) // 4)
    place = int((frames.f0[n, 0] > 0).sum(axis=0).argmax())
    true = 300.0 * 2 ** (0.4 / 12 * np.sin(2 * np.pi * 5.5 * frames.times[n]))
    cents = 1200 * np.log2(frames.f0[n, 0, place] / true)
    assert np.sqrt(np.mean(cents**2)) < 12
    assert [note.midi for note in transcribe(tone(hz, 1.2), RATE, overrides=PRESET).notes] == [62]


def test_the_voices_of_a_glide_keep_their_places() -> None:
    t = np.arange(RATE) / RATE
    frames = voices(tone(200.0 * 2 ** (t / 2), 1.0) + tone(500.0, 1.0))
    used = (middle(frames) > 0).mean(axis=0)
    assert np.sort(used)[-2:] == pytest.approx([1.0, 1.0])
    assert (used > 0).sum() == 2


@pytest.mark.parametrize("audio", [np.zeros(RATE), np.full(RATE, 0.5)], ids=["silence", "DC"])
def test_where_nothing_sounds_there_is_no_voice(audio: np.ndarray) -> None:
    assert not middle(voices(audio)).any()


def test_a_tone_in_noise_is_the_only_long_note() -> None:
    noise = 0.006 * np.random.default_rng(0).standard_normal(round(1.5 * RATE))
    notes = transcribe(tone(220.0, 1.5) + noise, RATE, overrides=PRESET).notes
    assert [note.midi for note in notes if note.offset_s - note.onset_s > 0.3] == [57]


@pytest.mark.slow
@pytest.mark.parametrize("rate", [16000, 44100])
@pytest.mark.parametrize("slope", [0.0, -0.5, -1.0], ids=["white", "pink", "brown"])
def test_noise_has_no_notes_at_any_level(slope: float, rate: int) -> None:
    """None begins once its level is known, 0.3 s after it began; at 44.1 kHz none at all."""
    n = 2 * rate
    spectrum = np.fft.rfft(np.random.default_rng(5).standard_normal(n))
    noise = np.fft.irfft(spectrum * np.maximum(np.fft.rfftfreq(n, 1 / rate), 20.0) ** slope)
    for level in (1e-3, 0.3):
        heard = transcribe(noise * level / noise.std(), rate)
        notes = heard.notes
        assert max(heard.outside_s) < 0.3
        assert [note for note in notes if rate == 44100 or note.onset_s > 0.3] == []


def held(midi: int, seconds: float, rate: int) -> np.ndarray:
    """Partials at levels 1/h, up to 14 kHz."""
    t, hz = np.arange(round(seconds * rate)) / rate, 440 * 2 ** ((midi - 69) / 12)
    below = (h for h in range(1, 31) if h * hz < min(14000.0, 0.45 * rate))
    return np.sum([0.1 / h * np.cos(2 * np.pi * h * hz * t + h * h) for h in below], axis=0)


@pytest.mark.parametrize("rate", [16000, 44100])
def test_notes_from_a_piano_s_upper_octaves_are_heard_in_their_own(rate: int) -> None:
    keys = [76, 85, 88, 93, 96, 103, 108] if rate == 44100 else [76, 85, 88, 93, 96, 100, 103]
    notes = transcribe(np.concatenate([held(key, 0.35, rate) for key in keys]), rate).notes
    assert [note.midi for note in notes] == keys
    assert [note.onset_s for note in notes] == pytest.approx([0.35 * n for n in range(7)], abs=0.05)


def test_a_pitch_above_the_range_is_left_out_not_folded() -> None:
    for midi, overrides in ((111, {}), (90, {"pitch.high_hz": 1050.0})):
        result = transcribe(held(midi, 0.6, 44100), 44100, overrides=overrides)
        assert result.notes == []
        assert result.outside_s == (0.0, pytest.approx(0.6, abs=0.1))


@pytest.mark.parametrize("midi", [21, 24, 28, 30, 32])
def test_a_bass_is_heard_in_its_octave_and_below_the_range_in_none(midi: int) -> None:
    sound = held(midi, 0.7, 44100)
    assert [note.midi for note in transcribe(sound, 44100).notes] == [midi]
    left_out = transcribe(sound, 44100, overrides={"pitch.low_hz": 55.0})
    assert left_out.notes == []
    assert left_out.outside_s == (pytest.approx(0.7, abs=0.15), 0.0)


@pytest.mark.parametrize(("rate", "hz"), [(16000, 440.0), (22050, 110.0), (44100, 220.0), (44100, 987.8)])
@pytest.mark.parametrize(("apart_s", "fallen_db"), [(0.3, 8.0), (0.2, 12.0)])
def test_a_pitch_struck_again_ends_where_it_begins_again(
    rate: int, hz: float, apart_s: float, fallen_db: float
) -> None:
    """Strokes stand at many places between the layer's steps: each comes 3.7 ms later than the one before would."""
    t, at_s = np.arange(round(2.6 * rate)) / rate, 0.5 + (apart_s + 0.0037) * np.arange(5)
    since = t - at_s[np.maximum(np.searchsorted(at_s, t, side="right") - 1, 0)]
    level = np.where((since >= 0) & (t < at_s[-1] + apart_s), 10 ** (-fallen_db / 20 * since / apart_s), 0.0)
    notes = transcribe(level * sum(0.1 / h * np.cos(2 * np.pi * h * hz * t) for h in range(1, 7)), rate).notes
    assert [note.midi for note in notes] == [round(69 + 12 * np.log2(hz / 440))] * 5
    assert [note.onset_s for note in notes] == pytest.approx(at_s.tolist(), abs=0.05)
    assert all(a.offset_s <= b.onset_s for a, b in pairwise(notes))


def test_voices_that_share_a_midi_channel_do_not_cut_each_other() -> None:
    notes = [Note(0.1 * v, 4.0 - 0.1 * v, 60, 0.0, -20.0, v) for v in range(17)]
    file = mido.MidiFile(file=io.BytesIO(FORMATS["mid"](Transcription(Voices(*[np.zeros(0)] * 3), notes))))
    down: dict[tuple[int, int], float] = {}
    now, released = 0.0, {}
    for message in file:
        now += message.time
        if message.type == "note_on":
            assert (message.channel, message.note) not in down
            down[message.channel, message.note] = now
        elif message.type == "note_off":
            del down[message.channel, message.note]
            released[message.channel] = now
    assert not down
    assert sorted(released.values())[-2:] == pytest.approx([3.9, 4.0], abs=0.01)


def test_shares_follow_the_levels_of_two_tones_an_octave_apart() -> None:
    sound = tone(200.0) + tone(400.0, turn=np.pi / 2)
    transcriber = Transcriber(RATE, overrides=PRESET)
    frames = transcriber.process(sound[:, None])
    share = transcriber.layer.shares(frames)
    assert share.shape == (*frames.f0.shape, frames.amplitude.shape[2])
    assert share.min() >= 0
    assert share.sum(axis=2).max() <= 1 + 1e-6

    def share_at(hz: float) -> tuple[float, float]:
        """Medians of the shares of the two voices in the partial at `hz`, over the middle of the sound."""
        found = []
        for n in range(len(frames) // 3, 2 * len(frames) // 3):
            low, high = (int(np.abs(frames.f0[n, 0] - f0).argmin()) for f0 in (200.0, 400.0))
            near = np.abs(frames.instantaneous_frequency[n, 0] / hz - 1) < 0.01
            atom = int(np.where(near, frames.amplitude[n, 0], 0).argmax())
            found.append(share[n, 0, [low, high], atom])
        low_share, high_share = np.median(found, axis=0)
        return float(low_share), float(high_share)

    own_low, own_high = share_at(600.0)  # the third partial of the lower alone
    assert own_low > 0.9 > 0.1 > own_high
    both_low, both_high = share_at(400.0)  # amplitudes 0.05 and 0.1
    assert 0.1 < both_low < both_high


def test_without_feedback_a_tone_has_ghosts() -> None:
    sound = tone(220.0) + tone(330.0)
    heard, alone = (
        (middle(voices(sound, **settings)) > 0).sum(axis=1).mean() for settings in ({}, {"feedback": 0.0, "onset": 0.4})
    )
    assert heard == pytest.approx(2.0)
    assert alone > 2.1


def test_latency_is_stated() -> None:
    """A tone burst of 0.2 s stands where its sound stands, to within the layer's step and the windows' half."""
    audio = np.concatenate([np.zeros(RATE // 2), tone(440.0, 0.2), np.zeros(RATE // 2)])
    frames = voices(audio)
    sounding = frames.times[(frames.f0[:, 0] > 0).any(axis=1)]
    assert sounding.mean() == pytest.approx(0.6, abs=0.03)
    transcriber = Transcriber(RATE, overrides=PRESET)
    early = transcriber.process(np.zeros((RATE, 1)))
    assert early.times[-1] == pytest.approx(1.0 - transcriber.latency_s, abs=2 * transcriber.layer.hop_s)


@lru_cache
def fields() -> HarmonicFields:
    return HarmonicFields.over(100.0, 400.0, per_octave=60, harmonics=5, rolloff=0.5, tolerance_cents=20.0)


def test_connections_are_the_fields_weights() -> None:
    partial_hz = np.array([123.4, 250.0, 401.0, 999.0, 4000.0], np.float32)
    room = partial_hz.size * fields().most_connections
    start, unit, weight = np.empty(6, np.int32), np.empty(room, np.int32), np.empty(room, np.float32)
    pitches = fields().pitch_hz.size
    connect(partial_hz, partial_hz.size, pitches, fields().rule, start, unit, weight)
    for i, hz in enumerate(partial_hz):
        dense = np.zeros(pitches)
        np.add.at(dense, unit[start[i] : start[i + 1]], weight[start[i] : start[i + 1]])
        expected = [fields().weight(float(hz), f0) for f0 in fields().pitch_hz]
        assert dense == pytest.approx(expected, abs=2e-3)
    assert start[-1] == start[-2], "4 kHz is beyond the last harmonic of 400 Hz"


def test_divisive_steps_find_a_mixture_of_overlapping_causes() -> None:
    rng = np.random.default_rng(3)
    W = rng.random((12, 4)).astype(np.float32)
    true = np.array([0.8, 0.0, 0.3, 0.0], np.float32)
    y = W @ true
    start = np.arange(0, 49, 4, dtype=np.int32)
    unit = np.tile(np.arange(4, dtype=np.int32), 12)
    a, support = np.full(4, 0.1, np.float32), np.empty(4, np.float32)
    gains = DivisiveGains(*(np.float32(gain) for gain in (1.0, 1e-6, 1.0, 1e-8)))
    for _ in range(3000):
        divisive_step(y, 12, start, unit, W.ravel(), W.sum(axis=0), gains, a, support)
    assert a == pytest.approx(true, abs=0.02)


def test_a_struck_string_is_a_new_note_and_a_blip_is_none() -> None:
    step = 0.0116
    times = step * np.arange(100)
    decay = np.exp(-(np.arange(100) % 50) / 15)
    f0 = np.zeros((100, 2))
    f0[:, 0] = 220.0
    f0[40:44, 1] = 330.0
    notes = notes_of(Voices(times, f0, 0.1 * np.stack([decay, decay], axis=1)))
    struck = [(note.midi, note.onset_s) for note in notes]
    assert struck == [(57, 0.0), (57, pytest.approx(50 * step - FOUND_AFTER_S, abs=2 * step))]


def begun(*at: int, frames: int = 500, level: float = 0.1) -> PitchFrames:
    """Lines that begin at frames, each among its own atoms; 2.9 ms a frame."""
    amplitude = np.zeros((frames, 1, 300))
    for place, frame in enumerate(at):
        amplitude[frame:, 0, 10 + 50 * place : 50 + 50 * place : 8] += 1.0
    spectra = (level * amplitude).astype(np.float32)
    return PitchFrames(0.0029 * np.arange(frames), spectra, spectra, *[np.zeros((frames, 1, 2))] * 6)


@pytest.mark.parametrize("level", [1.0, 2.0**-10])
@pytest.mark.parametrize("size", [500, 7])
def test_moments_are_found_at_every_level_and_in_blocks_of_any_length(level: float, size: int) -> None:
    frames, onsets = begun(60, 200, 330, level=level), Onsets(0.0029)
    for first in range(0, len(frames), size):
        onsets.add(frames[first : first + size])
    np.testing.assert_allclose(onsets.times(), 0.0029 * np.array([60, 200, 330]), atol=0.0121)


def test_what_goes_on_begins_once() -> None:
    onsets = Onsets(0.0029)
    assert onsets.times().size == 0
    onsets.add(begun(0)[:0])
    onsets.add(begun(0))
    assert onsets.times().tolist() == [0.0]


def test_an_onset_is_where_much_begins() -> None:
    f0 = np.repeat([0.0, 440.0, 0.0], 30)[:, None]
    curves = Voices(0.01 * np.arange(90), f0, np.where(f0 > 0, 0.1, 0.0))
    assert [note.onset_s for note in notes_of(curves)] == [pytest.approx(0.3 - FOUND_AFTER_S)]
    near, far = 0.32, 0.6
    assert [note.onset_s for note in notes_of(curves, [near, far])] == [pytest.approx(near - BEGINS_AFTER_S)]
    assert [note.onset_s for note in notes_of(curves, [far])] == [pytest.approx(0.3 - FOUND_AFTER_S)]


def test_a_voice_that_falls_by_40_semitones_a_second_is_followed_all_the_way() -> None:
    t = np.arange(11200) / 16000
    hz = 220 * 2 ** (-7 / 12 * np.clip((t - 0.3) / 0.175, 0, 1))
    phase = 2 * np.pi * np.cumsum(hz) / 16000
    sung = transcribe(sum(0.1 / h * np.cos(h * phase) for h in range(1, 9)), 16000).voices
    falls = (sung.times > 0.3) & (sung.times < 0.475)
    cents = 1200 * np.log2(np.maximum(sung.f0[falls].max(axis=1), 1) / np.interp(sung.times[falls], t, hz))
    assert falls.sum() >= 15
    assert np.abs(cents).max() < 30


def test_a_curve_goes_on_where_its_voice_is_followed_and_not_believed_in() -> None:
    told, faint = np.zeros((2, 12, 1), np.float32)
    told[4:6], faint[2:4], faint[6:8] = 220, 200, 240
    curves = Voices(0.0116 * np.arange(12), told, told / 1000, faint)
    assert curves.continued()[:, 0].tolist() == [200, 200, 200, 200, 220, 220, 240, 240, 240, 240, 0, 0]
    alone = replace(curves, faint_f0=None)
    assert alone.continued()[:, 0].tolist() == [0, 0, 220, 220, 220, 220, 220, 220, 0, 0, 0, 0]
    assert notes_of(curves) == notes_of(alone)


@settings(deadline=None, max_examples=50)
@given(begins=st.lists(st.floats(0, 1.6), max_size=30), lengths=st.lists(st.integers(1, 25), min_size=2, max_size=20))
def test_notes_of_a_voice_never_overlap_wherever_much_begins(begins: list[float], lengths: list[int]) -> None:
    keys = [60 + 2 * (n % 5) if n % 3 else 0 for n in range(len(lengths))]
    f0 = np.repeat([440 * 2 ** ((key - 69) / 12) if key else 0.0 for key in keys], lengths)[:, None]
    notes = notes_of(Voices(0.01 * np.arange(len(f0)), f0, np.where(f0 > 0, 0.1, 0.0)), sorted(begins))
    assert all(note.offset_s > note.onset_s >= 0 for note in notes)
    assert all(after.onset_s >= note.offset_s for note, after in pairwise(notes))


def test_no_voices_give_no_notes() -> None:
    assert notes_of(Voices(np.arange(9.0), np.zeros((9, 2)), np.zeros((9, 2)))) == []
    assert notes_of(Voices(np.zeros(0), np.zeros((0, 2)), np.zeros((0, 2)))) == []


def test_notes_know_their_cents() -> None:
    f0 = np.full((30, 1), 440.0 * 2 ** (0.3 / 12))
    (note,) = notes_of(Voices(0.01 * np.arange(30), f0, np.full((30, 1), 0.1)))
    assert note == Note(0.0, pytest.approx(0.3), 69, pytest.approx(30.0, abs=0.01), pytest.approx(-20.0), 0)


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(UsageError, match="hop_s"):
        PitchLayer(0.0, 10, 10)
    with pytest.raises(UsageError, match=r"received \(3, 2, 10\)"):
        PitchLayer(0.003, 10, 10).process(Frames(np.zeros(3), *[np.zeros((3, 2, 10), np.float32)] * 3))
    with pytest.raises(UsageError, match="samples"):
        transcribe(np.zeros(0), RATE)
    with pytest.raises(UsageError, match="low_hz below high_hz"):
        transcribe(np.zeros(100), RATE, overrides={"pitch.low_hz": 5000.0})
    with pytest.raises(ValueError, match="low_hz"):
        HarmonicFields.over(400.0, 100.0, per_octave=60, harmonics=5, rolloff=0.5, tolerance_cents=20.0)
    with pytest.raises(ValueError, match="harmonics"):
        HarmonicFields.over(100.0, 400.0, per_octave=60, harmonics=0, rolloff=0.5, tolerance_cents=20.0)
    assert PitchConfig().feedback == 1.0


def test_pitches_may_have_one_harmonic_alone() -> None:
    """Those above the range, too, have their first: with none a network would divide by nothing."""
    layer = PitchLayer(0.003, 40, 24, PitchConfig(harmonics=1))
    assert layer.fields.pitch_hz.max() > layer.config.high_hz
