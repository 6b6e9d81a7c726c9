import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SMALL, leftovers, one_line
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.separation.metrics import bss_sdr_db, si_sdr_db
from sharpear.audio import AudioFile
from sharpear.dsp import GammatoneDesign, Split, Splitter, StemMixer, SynthesisDesign
from sharpear.dsp.separation_bank import separation_bank
from sharpear.dynamics.hebbian import Learner, learn_dictionary
from sharpear.errors import InputError, UsageError
from sharpear.gpu.arguments import numbers
from sharpear.separation.dictionary import Dictionary
from sharpear.separation.learned import LearnedSources
from sharpear.separation.noise import NO_POWER, QuantileRule, SteadyNoise, follow_quantile
from sharpear.separation.separator import Separator, separate
from sharpear.separation.tonal import TonalTransient
from sharpear.separation.voice_kernel import Harmonics, explain
from sharpear.separation.voices import PitchVoices
from sharpear.separation.without import Without

RATE = 16000


def noise(seconds: float, rate: int = RATE, seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * rate)).astype(np.float32)


@pytest.mark.parametrize(
    ("spacing", "latency_s", "published_db"), [(1.0, 0.004, 21.0), (0.5, 0.008, 41.0), (0.5, 0.016, 47.0)]
)
def test_resynthesis_beats_the_published_banks(spacing: float, latency_s: float, published_db: float) -> None:
    channels = round(37 / spacing) + 1
    bank = GammatoneDesign.from_scale(44100.0, low_hz=60, high_hz=16000, channels=channels, scale="erb")
    assert SynthesisDesign.over(bank, latency_s).snr_db(200.0, 10000.0) > published_db


@pytest.mark.slow
@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 96000, 192000])
def test_resynthesis_at_every_rate(rate: int) -> None:
    bank = GammatoneDesign.from_scale(
        float(rate), low_hz=60, high_hz=min(16000, 0.46 * rate), channels=75 if rate > 40000 else 60, scale="erb"
    )
    assert SynthesisDesign.over(bank, 0.016).snr_db(200.0, min(10000.0, 0.35 * rate)) > 45
    assert separation_bank(float(rate)).snr_db(200.0, min(10000.0, 0.4 * rate)) > 60


def test_hohmanns_published_values() -> None:
    """Acta Acustica 88: 30 bands at 16276 Hz, 4 ms: the resynthesised impulse has its peak at sample 65."""
    from sharpear.dsp.scales import erb_hz, step_from_base  # noqa: PLC0415

    center_hz = step_from_base(70.0, 6700.0, base_hz=1000.0, per_erb=1.0)
    assert center_hz.size == 30
    assert center_hz[0] == pytest.approx(73.223641, abs=1e-5)
    splitter = Splitter(SynthesisDesign.over(GammatoneDesign(16276.0, center_hz, erb_hz(center_hz)), 0.004), hop=64)
    impulse = np.zeros((400, 1), np.float32)
    impulse[0] = 1
    assert int(np.abs(splitter.process(impulse).parts.sum(axis=2)).argmax()) == splitter.latency_samples == 65


def test_parts_add_up_to_the_late_sound() -> None:
    bank = GammatoneDesign.from_scale(float(RATE), low_hz=60, high_hz=7000, channels=60, scale="erb")
    splitter = Splitter(SynthesisDesign.over(bank, 0.016), hop=64)
    tone = np.cos(2 * np.pi * 440 / RATE * np.arange(RATE))[:, None].astype(np.float32)
    split = splitter.process(tone)
    late = splitter.latency_samples
    np.testing.assert_array_equal(split.sound[late:], tone[:-late])
    assert np.abs(split.parts.sum(axis=2) - split.sound)[RATE // 4 :].max() < 0.01


def test_shares_arrive_at_their_own_time() -> None:
    """A share that is 1 in one frame only lets through what was there in the middle of that frame."""
    mixer, hop, wait = StemMixer(1, 1, hop=10, wait_frames=3), 10, 3
    ones = np.ones((200, 1), np.float32)
    split = Split(ones, ones[..., None], np.zeros((20, 1, 1), np.complex64), np.zeros((20, 1, 1), np.float32))
    shares = np.zeros((20, 1, 1, 1), np.float32)
    shares[7 + wait] = 1
    stem = mixer.process(split, shares)[:, 0, 0]
    assert stem.argmax() == 7 * hop + hop // 2 + mixer.latency_samples


@settings(deadline=None, max_examples=10)
@given(rate=st.sampled_from([8000, 16000]), streams=st.integers(1, 3), linked=st.sampled_from([None, 1]))
def test_stems_add_up_to_the_sound(rate: int, streams: int, linked: int | None) -> None:
    separator = Separator(rate, streams=streams, linked=linked)
    audio = np.stack([noise(0.4, rate, seed) for seed in range(streams)], axis=1)
    stems = np.concatenate([separator.process(audio), separator.flush()])[separator.latency_samples :]
    error = np.square(stems.sum(axis=2) - audio).mean() / np.square(audio).mean()
    assert 10 * np.log10(error) < -80


def test_tones_and_clicks_part() -> None:
    time = np.arange(2 * RATE) / RATE
    tone = sum(0.1 * np.cos(2 * np.pi * f * time) for f in (330.0, 660.0, 990.0))
    clicks = np.zeros_like(time)
    clicks[np.arange(RATE // 4, 2 * RATE, RATE // 3)] = 2.0
    separator = Separator(RATE)
    mixture = (tone + clicks).astype(np.float32)
    stems = np.concatenate([separator.process(mixture), separator.flush()])[separator.latency_samples :]
    middle = slice(RATE // 2, -RATE // 4)
    assert (
        si_sdr_db(stems[middle, 0].astype(float), tone[middle])
        > si_sdr_db(mixture[middle].astype(float), tone[middle]) + 6
    )
    assert si_sdr_db(stems[middle, 1].astype(float), clicks[middle]) > 6


def test_the_image_is_kept() -> None:
    """Right is half of left in, so it is in every stem but for the residual's rounding."""
    left = noise(0.5)
    separator = Separator(RATE, streams=2)
    stems = separator.process(np.stack([left, 0.5 * left], axis=1))
    np.testing.assert_allclose(stems[:, 1], 0.5 * stems[:, 0], atol=1e-6)


def test_without_a_stem_all_the_rest_is_the_residual() -> None:
    audio = noise(0.5)
    every = separate(audio, RATE)
    removed = separate(audio, RATE, Without.of(TonalTransient, "transient"))
    assert list(removed) == ["transient", "residual"]
    np.testing.assert_array_equal(removed["transient"], every["transient"])
    np.testing.assert_allclose(removed["residual"], every["tonal"] + every["residual"], atol=1e-6)
    with pytest.raises(UsageError, match="'drums': expected tonal, transient"):
        Separator(RATE, Without.of(TonalTransient, "drums"))


@pytest.mark.parametrize("snr_db", [0.0, 15.0])
def test_steady_noise_is_taken_from_tones_that_last(snr_db: float) -> None:
    """A chord that sounds all the time is no noise, however long; of the noise a quarter is left at the most."""
    chord_alone = chord(4.0, 220.0, 330.0).sum(axis=0)
    hiss = noise(4.0).astype(float)
    hiss *= chord_alone.std() / hiss.std() * 10 ** (-snr_db / 20)
    stems = separate(chord_alone + hiss, RATE, SteadyNoise)
    assert list(stems) == ["noise", "residual"]
    late = slice(2 * RATE, -RATE // 4)
    assert si_sdr_db(stems["residual"][late].astype(float), chord_alone[late]) > snr_db + 6
    assert si_sdr_db(stems["noise"][late].astype(float), hiss[late]) > 4


def test_the_quantile_of_noise_is_found_at_every_level() -> None:
    """Of exponentially distributed power it is -ln(1 - q) of the mean; silence leaves it where it was."""
    rule = numbers(QuantileRule, quantile=0.25, pace=0.01, early=3.0, begin=5)
    power = np.random.default_rng(0).exponential(1.0, (4000, 1, 50)).astype(np.float32)
    for scale in (np.float32(1), np.float32(2.0**-30)):
        level, heard, out = np.zeros((1, 50), np.float32), np.zeros(1, np.int64), np.empty_like(power)
        follow_quantile(scale * power, rule, level, heard, out)
        assert np.exp(level.mean()) == pytest.approx(-np.log(0.75) * scale, rel=0.1)
        kept = level.copy()
        follow_quantile(np.zeros_like(power), rule, level, heard, out)
        np.testing.assert_array_equal(level, kept)
    assert np.exp(level).min() > NO_POWER


def test_gain_goes_through() -> None:
    audio = noise(3.0)
    loud, soft = Separator(RATE).process(audio), Separator(RATE).process(audio * np.float32(2.0**-8))
    # An onset out of digital silence is as large as the sound is loud, and the readout remembers it for a while.
    settled = slice(2 * RATE, None)
    difference = soft[settled] * 2.0**8 - loud[settled]
    assert np.square(difference).sum() < 1e-5 * np.square(loud[settled]).sum()


def known(seed: int, channels: np.ndarray) -> Dictionary:
    spectra = np.random.default_rng(seed).random((3, channels.size)) ** 8
    return Dictionary(f"source{seed}", spectra / np.linalg.norm(spectra, axis=1, keepdims=True), channels)


def test_learned_sources_take_what_is_theirs() -> None:
    center_hz = separation_bank(float(RATE)).bank.center_hz
    low, high = center_hz < 1000, center_hz > 2000
    sources = [
        Dictionary(name, where[None] / np.sqrt(where.sum()), center_hz)
        for name, where in (("low", low), ("high", high))
    ]
    time = np.arange(RATE) / RATE
    tones = [np.cos(2 * np.pi * f * time) for f in (400.0, 4000.0)]
    separator = Separator(RATE, LearnedSources.of(sources))
    assert separator.stems == ("low", "high", "residual")
    stems = np.concatenate([separator.process(0.1 * sum(tones)), separator.flush()])[separator.latency_samples :]
    for stem, tone in zip(stems.T, tones, strict=False):
        assert si_sdr_db(stem[RATE // 4 : -RATE // 4].astype(float), tone[RATE // 4 : -RATE // 4]) > 15


def chord(seconds: float, *fundamentals: float) -> np.ndarray:
    """One or two voices with spectra of their own, a bar each: (voices, samples)."""
    time = np.arange(round(seconds * RATE)) / RATE
    slopes = (1.0, 1.6)[: len(fundamentals)]
    return np.array(
        [
            sum(0.1 / h**slope * np.cos(2 * np.pi * f * h * time + h) for h in range(1, 9))
            for f, slope in zip(fundamentals, slopes, strict=True)
        ]
    )


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
    assert not after[separator.latency_samples + RATE // 4 :, 0].any(), "what comes after it has no voices"


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


def test_learning_finds_atoms_is_seeded_and_revives_the_dead() -> None:
    rng = np.random.default_rng(3)
    truth = np.kron(np.eye(4), np.ones(5)) / np.sqrt(5)
    examples = (truth[rng.integers(0, 4, 400)] * rng.uniform(0.5, 1, (400, 1))).astype(np.float32)
    atoms = learn_dictionary(examples, 4, epochs=5, seed=1)
    assert (atoms @ truth.T).max(axis=0) == pytest.approx(np.ones(4), abs=0.01)
    np.testing.assert_array_equal(atoms, learn_dictionary(examples, 4, epochs=5, seed=1))
    learner = Learner(20, 4, seed=0)
    learner.learn(np.tile(truth[0], (32, 1)))
    for _ in range(60):
        learner.learn(truth[rng.integers(0, 4, 32)])
    assert (learner.atoms @ truth.T).max(axis=0) == pytest.approx(np.ones(4), abs=0.05)


def test_a_dictionary_is_read_as_written(tmp_path: Path) -> None:
    dictionary = known(1, np.array([100.0, 200.0, 300.0]))
    dictionary.save(tmp_path / "a.npz", seed=0)
    again = Dictionary.load(tmp_path / "a.npz")
    assert again.name == dictionary.name
    np.testing.assert_allclose(again.atoms, dictionary.atoms, atol=1e-6)
    (tmp_path / "bad.npz").write_bytes(b"nothing")
    for path in (tmp_path / "bad.npz", tmp_path / "none.npz"):
        with pytest.raises(InputError, match=path.name):
            Dictionary.load(path)
    with pytest.raises(UsageError, match="names of their own"):
        LearnedSources.of([dictionary, dictionary])


def test_metrics_on_a_known_case() -> None:
    rng = np.random.default_rng(0)
    truth, other = rng.standard_normal((2, 20000))
    truth, other = truth - truth.mean(), other - other.mean()
    other -= truth * (other @ truth) / (truth @ truth)
    estimate = 3 * (truth + 0.1 * other * np.linalg.norm(truth) / np.linalg.norm(other))
    assert si_sdr_db(estimate, truth) == pytest.approx(20.0, abs=0.01)
    filtered = np.convolve(truth, [1.0, 0.5, 0.25])[:20000]
    assert bss_sdr_db(filtered, truth) > 35
    assert si_sdr_db(filtered, truth) < 6
    assert bss_sdr_db(estimate, truth) == pytest.approx(20.0, abs=0.3)


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


def test_voices_are_counted_that_can_be_separated(folder: Path, sharpear) -> None:
    """A whistle lies beyond where voices are sought."""
    whistle = chord(1.0, 1864.7)[0]
    soundfile.write("duet.wav", chord(1.0, 220.0, 330.0).sum(axis=0) + whistle, RATE)
    assert sharpear("separate", "duet.wav", "-o", "stems", "--voices", "auto").code == 0
    assert sorted(path.stem for path in Path("stems/duet").iterdir()) == ["residual", "voice1", "voice2"]
    soundfile.write("silent.wav", np.zeros(RATE), RATE)
    silent = sharpear("separate", "silent.wav", "-o", "stems", "--voices", "auto")
    assert (silent.code, "no voice" in silent.err) == (2, True)


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


def test_learn_then_separate(folder: Path, sharpear, wav) -> None:
    wav("a.wav", 0.5)
    soundfile.write("b.wav", noise(0.5), RATE)
    for name in ("a", "b"):
        assert sharpear("learn", name, f"{name}.wav", "--atoms", 4, "--epochs", 2).code == 0
    with np.load("a.npz") as held:
        assert json.loads(str(held["attributes"]))["name"] == "a"
    assert sharpear("separate", "a.wav", "--sources", "a.npz,b.npz", "-o", "out").code == 0
    assert {path.name for path in Path("out/a").iterdir()} == {"a.wav", "b.wav", "residual.wav"}


def test_more_atoms_than_examples_are_told(folder: Path, sharpear, wav) -> None:
    done = sharpear("learn", "a", wav("a.wav", 0.5), "--atoms", 1000, "--epochs", 1, "-q")
    assert done.code == 0
    assert one_line(done.err)
    with np.load("a.npz") as held:
        examples = len(held["atoms"])
    assert 0 < examples < 1000
    assert f"hold {examples} examples" in done.err


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
