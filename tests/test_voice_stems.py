from pathlib import Path

import numpy as np
import pytest
import soundfile
from mixtures import RATE, chord

from benchmarks.separation.metrics import si_sdr_db
from sharpear.errors import UsageError
from sharpear.separation.separator import Separator, separate
from sharpear.separation.tonal import TonalTransient
from sharpear.separation.voice_kernel import Harmonics, explain
from sharpear.separation.voices import PitchVoices
from sharpear.separation.without import Without


@pytest.mark.slow
def test_voices_are_told_apart_by_their_pitch() -> None:
    """A fifth, whose partials coincide, then another interval: the lower voice stays the first."""
    voices = np.concatenate([chord(0.6, 200.0, 300.0), chord(0.6, 180.0, 337.0)], axis=1)
    separator = Separator(RATE, PitchVoices.of(2))
    assert separator.stems == ("voice1", "voice2", "residual")
    mixture = voices.sum(axis=0).astype(np.float32)
    stems = np.concatenate([separator.process(mixture), separator.flush()])[separator.latency_samples :]
    np.testing.assert_allclose(stems.sum(axis=1), mixture, atol=1e-6)
    middle = slice(RATE // 4, -RATE // 8)
    for stem, voice in zip(stems.T, voices, strict=False):
        before = si_sdr_db(mixture[middle].astype(float), voice[middle])
        assert si_sdr_db(stem[middle].astype(float), voice[middle]) > before + 8


def test_a_voice_alone_is_whole() -> None:
    (voice, _) = chord(0.8, 220.0, 300.0)
    separator = Separator(RATE, PitchVoices.of(1))
    stems = np.concatenate([separator.process(voice), separator.flush()])[separator.latency_samples :]
    middle = slice(RATE // 4, -RATE // 8)
    assert si_sdr_db(stems[middle, 0].astype(float), voice[middle]) > 20


@pytest.mark.slow
def test_a_whole_recording_tells_whose_its_beginning_is(folder: Path, sharpear) -> None:
    """The upper voice begins alone, as low as the lower one might be: what follows tells that it is the upper."""
    rest, alone = np.zeros(RATE // 5), chord(0.5, 110.0, 260.0)[1]
    duets = [part for pair in ((110, 280), (120, 250), (98, 300)) for part in (chord(0.5, *pair).sum(axis=0), rest)]
    sound = np.concatenate([alone, rest, *duets, *duets]).astype(np.float32)
    middle = slice(RATE // 10, RATE // 3)
    separator = Separator(RATE, PitchVoices.of(2))
    streamed = np.concatenate([separator.process(sound), separator.flush()])[separator.latency_samples :]
    assert np.std(streamed[middle, 1]) < 0.3 * np.std(alone[middle])
    whole = separate(sound, RATE, PitchVoices.of(2))
    assert si_sdr_db(whole["voice2"][middle].astype(float), alone[middle]) > 10
    soundfile.write("duet.wav", sound, RATE, "FLOAT")
    assert sharpear("separate", "duet.wav", "-o", "stems", "--voices", "2", "--remove", "voice2").code == 0
    residual, _ = soundfile.read("stems/duet/residual.wav", dtype="float32")
    np.testing.assert_allclose(residual, sound - whole["voice2"], atol=1e-6)


def test_a_file_of_hours_is_separated_as_a_stream(folder: Path, sharpear, monkeypatch) -> None:
    monkeypatch.setattr("sharpear.separation.separation_task.LONGEST_REHEARSED_S", 0.5)
    sound = chord(0.6, 220.0, 331.0).sum(axis=0).astype(np.float32)
    soundfile.write("long.wav", sound, RATE, "FLOAT")
    done = sharpear("separate", "long.wav", "-o", "stems", "--voices", "2")
    assert done.code == 0
    assert "long.wav: 0 min" in done.err
    streamed = Separator(RATE, PitchVoices.of(2))
    stems = np.concatenate([streamed.process(sound), streamed.flush()])[streamed.latency_samples :]
    written, _ = soundfile.read("stems/long/voice1.wav", dtype="float32")
    np.testing.assert_allclose(written, stems[:, 0], atol=1e-6)


def test_a_recording_is_heard_before_where_it_is_of_use() -> None:
    """And no sample of it that is unusable is counted twice."""

    for sources in (TonalTransient, Without.of(TonalTransient, "transient")):
        blocks = iter([np.zeros(100, np.float32)])
        separator = Separator(RATE, sources)
        assert not separator.rehearses
        separator.rehearse(blocks)
        assert len(list(blocks)) == 1
    separator = Separator(RATE, PitchVoices.of(1), 2)
    assert separator.rehearses
    sound = np.repeat(chord(0.3, 220.0).T.astype(np.float32), 2, axis=1)
    sound[RATE // 10, 1] = np.nan
    separator.rehearse([sound[:1000], sound[1000:]])
    assert separator.replaced.sum() == 0
    stems = np.concatenate([separator.process(sound), separator.flush()])[separator.latency_samples :]
    np.testing.assert_allclose(stems.sum(axis=2), np.nan_to_num(sound), atol=1e-6)
    assert np.std(stems[..., 0]) > 0.9 * np.nanstd(sound)
    assert separator.replaced.tolist() == [0, 1]
    with pytest.raises(UsageError):
        separator.rehearse([sound, np.zeros((10, 3))])
    assert not separator.process(np.zeros((separator.latency_samples, 2))).any(), "what broke off is forgotten"


def test_what_was_heard_before_stands_where_it_sounds() -> None:
    """A voice alone that glides has the same shares, whether it is followed as it comes or was heard before."""
    turns = np.cumsum(220 * 2 ** (0.1 * np.sin(2 * np.pi * 4 * np.arange(RATE) / RATE))) / RATE
    sound = sum(0.1 / h * np.cos(2 * np.pi * h * turns) for h in range(1, 9)).astype(np.float32)
    separator = Separator(RATE, PitchVoices.of(1))
    live = separator.process(sound)
    separator.rehearse([sound])
    middle = slice(separator.latency_samples + RATE // 4, None)
    assert si_sdr_db(separator.process(sound)[middle, 0].astype(float), live[middle, 0].astype(float)) > 30
    after = separator.process(np.random.default_rng(0).standard_normal(RATE).astype(np.float32))
    assert np.square(after[-RATE // 8 :, 0]).mean() < 1e-6, "what comes after it has no voices"


def test_what_was_heard_before_is_part_of_the_state() -> None:
    sound = chord(0.6, 220.0, 331.0).sum(axis=0).astype(np.float32)
    heard, other = (Separator(RATE, PitchVoices.of(2)) for _ in range(2))
    heard.rehearse([sound])
    heard.process(sound[: RATE // 4])
    other.state = heard.state
    np.testing.assert_array_equal(other.process(sound[RATE // 4 :]), heard.process(sound[RATE // 4 :]))
    three = Separator(RATE, PitchVoices.of(3))
    three.rehearse([sound])
    tracks = three.state["shares"]["notes"]
    mixed = heard.state
    mixed["shares"] = {**mixed["shares"], "notes": tracks}
    with pytest.raises(UsageError, match="expected tracks"):
        other.state = mixed


def test_progress_of_a_recording_that_is_heard_twice_is_told_once() -> None:
    told: list[tuple[float, float]] = []
    separate(np.zeros(40000), RATE, PitchVoices.of(1), progress=lambda done_s, total_s: told.append((done_s, total_s)))
    done_s, total_s = zip(*told, strict=True)
    assert set(total_s) == {2.5}
    assert list(done_s) == pytest.approx([0.512, 1.024, 1.25, 1.762, 2.274, 2.5])


@pytest.mark.slow
def test_harmonics_that_coincide_keep_the_ratio_they_began_with() -> None:
    response = np.array([[0.5, 1.0, 0.5], [0.5, 1.0, 0.5], [1.0, 0.0, 0.0]], np.float32)
    gain = np.array([3.0, 1.0, 5.0], np.float32)
    first, last = np.array([0, 0, 3]), np.array([3, 3, 4])
    power = np.array([4.0, 8.0, 4.0, 0.1], np.float32)
    expected = np.empty(4, np.float32)
    explain(power, 3, Harmonics(np.zeros(3, int), np.zeros(3, int), first, last, response, gain), 30, expected)
    np.testing.assert_allclose(gain, [6.0, 2.0, 0.1], rtol=1e-3)
    np.testing.assert_allclose(expected, power, rtol=1e-3)


@pytest.mark.parametrize("count", [0, 9])
def test_so_many_voices_are_not_followed(count: int) -> None:
    with pytest.raises(UsageError, match="1 to 8"):
        PitchVoices.of(count)


def test_voices_are_counted_that_can_be_separated(folder: Path, sharpear) -> None:
    """A whistle lies beyond where voices are sought."""
    whistle = chord(1.0, 1864.7)[0]
    soundfile.write("duet.wav", chord(1.0, 220.0, 330.0).sum(axis=0) + whistle, RATE)
    assert sharpear("separate", "duet.wav", "-o", "stems", "--voices", "auto").code == 0
    assert sorted(path.stem for path in Path("stems/duet").iterdir()) == ["residual", "voice1", "voice2"]
    soundfile.write("silent.wav", np.zeros(RATE), RATE)
    silent = sharpear("separate", "silent.wav", "-o", "stems", "--voices", "auto")
    assert (silent.code, "no voice" in silent.err) == (2, True)
