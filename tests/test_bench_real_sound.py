"""Recorded voices in the sharpness benchmark: their truth, their splits, and the metrics that take errors apart."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.sharpness import soundfonts, sung, sung_sources
from benchmarks.sharpness.basins import basins
from benchmarks.sharpness.bundled import Bundled
from benchmarks.sharpness.details import bristles, delays_s, details
from benchmarks.sharpness.estimate import Estimate
from benchmarks.sharpness.lines import LINE_HOP, SAMPLE_RATE, Lines, Mixer
from benchmarks.sharpness.metrics import GRID_HZ, transport
from benchmarks.sharpness.partials import HOP, Partials, take_apart
from benchmarks.sharpness.report import BEST_PEER, Result, tables, with_best_peer
from benchmarks.sharpness.signals import draw, gate
from benchmarks.sharpness.singing import Voice, piece, together, transposed
from benchmarks.sharpness.sources import KINDS, SPLITS, Sources, find, listing, split_of


def perfect(lines: Lines, cents: float = 0.0, delay_s: float = 0.0) -> Estimate:
    frequencies, energy = lines.merged()
    return Estimate(lines.times_s + delay_s, frequencies * 2 ** (cents / 1200), energy, True)


def steady(lines_hz: list[float], energies: np.ndarray) -> Estimate:
    """Lines that stand still; energies (frames, lines), frames of 2.9 ms."""
    times = np.arange(len(energies)) * 128 / SAMPLE_RATE
    return Estimate(times, np.tile(lines_hz, (len(energies), 1)), energies, True)


# --- the truth of scenes


def test_the_sound_of_lines_is_that_of_their_equation() -> None:
    """Against a sum over every sample: linear frequency and amplitude between rows."""
    rows = 6
    time = np.arange(rows) * LINE_HOP / SAMPLE_RATE
    voice = Voice(np.stack([300 + 9000 * time, 2000 - 5000 * time], 1), np.stack([1 - 50 * time, 0.2 + 30 * time], 1))
    audio, lines = together([voice], np.random.default_rng(1), (rows - 1) * LINE_HOP, -200.0, 10)
    for n in range(len(audio)):
        row, inside = divmod(n, LINE_HOP)
        expected = 0.0
        for j in range(2):
            f, g = voice.frequencies_hz[row, j], voice.frequencies_hz[row + 1, j]
            turns = (f * inside + (g - f) * inside**2 / (2 * LINE_HOP)) / SAMPLE_RATE
            a, b = voice.amplitudes[row, j], voice.amplitudes[row + 1, j]
            level = a + (b - a) * inside / LINE_HOP
            expected += level * math.cos(lines.phases[row, j] + 2 * math.pi * turns)
        assert audio[n] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("family", sung.FAMILIES)
def test_what_is_no_line_is_as_weak_as_was_drawn(family: str) -> None:
    """At so little noise a scene without strokes and room is its lines: their phases fit everywhere."""
    for seed in range(8):
        audio, lines = sung.scene(seed, family, Bundled(), (60.0, 60.0))
        rows = slice(100, 110)
        at = (lines.times_s[rows] * SAMPLE_RATE).round().astype(int)
        expected = (lines.amplitudes[rows] * np.cos(lines.phases[rows])).sum(axis=1)
        loudest = math.sqrt((lines.amplitudes**2).sum(axis=1).max())
        if np.abs(audio[at] - expected).max() < 0.02 * loudest:
            break
    else:
        pytest.fail("expected one scene of eight without strokes and room")


@pytest.mark.parametrize("family", [*sung.FAMILIES, "instruments"])
def test_a_seed_is_a_scene(family: str) -> None:
    voices = Bundled()
    (audio, lines), (again, lines_again) = (sung.scene(5, family, voices) for _ in range(2))
    other, _ = sung.scene(6, family, voices)
    assert audio.dtype == np.float32
    assert audio.shape == (sung.SAMPLES,)
    assert np.array_equal(audio, again)
    assert np.array_equal(lines.phases, lines_again.phases)
    assert not np.array_equal(audio, other)
    assert lines.times_s.shape == (-(-sung.SAMPLES // LINE_HOP),)
    assert 0 < lines.amplitudes.shape[1] <= sung.MOST_LINES
    assert np.abs(audio).max() <= 1.0


def test_the_bundled_voices_need_no_praat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "parselmouth", None)
    for family in sung.FAMILIES:
        audio, _ = sung.draw(family, 0, Bundled())
        assert np.isfinite(audio).all()


def test_a_kind_without_voices_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected sources of a kind of speech in the split train, found none"):
        sung.scene(0, "speech", Sources(tmp_path, tmp_path, "train"))
    with pytest.raises(ValueError, match="received 'whistling'"):
        sung.scene(0, "whistling", Bundled())


# --- who belongs to which split


def test_splits_share_no_speaker(tmp_path: Path) -> None:
    for kind in KINDS:
        for speaker in range(40):
            for number in range(2):
                path = tmp_path / kind / f"{kind}{speaker}-{number}.flac"
                path.parent.mkdir(exist_ok=True)
                path.touch()
    (tmp_path / "speech" / "anna").mkdir()
    (tmp_path / "speech" / "anna" / "first-take.wav").touch()
    (tmp_path / "splits.csv").write_text("speaker,split\nspeech0,test\nanna,validation\n")
    splits = {split: Sources(tmp_path, tmp_path, split) for split in SPLITS}
    for kind in KINDS:
        speakers = [set(splits[split].speakers(kind)) for split in SPLITS]
        assert all(speakers)
        assert sum(map(len, speakers)) == len(set.union(*speakers)) == (41 if kind == "speech" else 40)
    assert "speech0" in splits["test"].speakers("speech")
    assert "anna" in splits["validation"].speakers("speech")
    assert {split_of(s.speaker, listing(tmp_path)) for s in find(tmp_path) if s.speaker == "strings7"} <= set(SPLITS)


def test_an_unknown_split_is_refused(tmp_path: Path) -> None:
    (tmp_path / "splits.csv").write_text("speaker,split\nanna,training\n")
    with pytest.raises(ValueError, match="received training"):
        listing(tmp_path)
    with pytest.raises(ValueError, match="received 'all'"):
        Sources(tmp_path, tmp_path, "all")


def test_languages_after_italian_are_for_testing(tmp_path: Path) -> None:
    package = tmp_path / "klettres-data"
    for language in ("de", "en_GB", "hu", "nl"):
        path = package / "usr" / "share" / "klettres" / language / "alpha" / "a.ogg"
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes(3000))
    assert sung_sources.splits_of_speakers([package]) == {
        "klettres_de": "train",
        "klettres_en": "train",
        "klettres_hu": "validation",
        "klettres_nl": "test",
    }


def test_clips_are_joined_without_their_silence() -> None:
    rate = sung_sources.RATE
    clip = np.concatenate([np.zeros(rate), 0.1 * np.ones(rate // 2), np.zeros(rate)])
    pieces = sung_sources.joined([clip, np.zeros(rate), clip] * 20)
    assert all(piece.max() == pytest.approx(0.5) for piece in pieces)
    assert [len(piece) / rate for piece in pieces] == pytest.approx([20.0, 7.8], abs=1.0)


def test_a_player_plays_one_note_at_a_time() -> None:
    player = soundfonts.PLAYERS["oboe"]
    held: set[int] = set()
    for message in soundfonts.line(player, np.random.default_rng(0)).tracks[0]:
        if message.type == "note_on":
            assert not held
            assert player.lowest <= message.note <= player.highest
            held.add(message.note)
        elif message.type == "note_off":
            held.remove(message.note)
    assert not held


# --- taking apart and moving


@pytest.mark.parametrize("stiffness", [0.0, 3e-4])
def test_partials_are_measured(stiffness: float) -> None:
    pytest.importorskip("parselmouth")
    mixer = Mixer(0.8, np.random.default_rng(0))
    f0 = 200 * 2 ** (30 / 1200 * np.sin(2 * np.pi * 5 * mixer.times_s)) if stiffness == 0 else 200.0 + 0 * mixer.times_s
    levels = np.array([1.0, 0.5, 0.3, 0.4, 0.1, 0.2])
    q = np.arange(1, 7)
    multiples = q * np.sqrt(1 + stiffness * q**2)
    for multiple, level in zip(multiples, levels, strict=True):
        mixer.add(multiple * f0, level)
    audio, _ = mixer.finish(snr_db=70)
    measured = take_apart(audio.astype(float), SAMPLE_RATE, 100, 400, stretched=stiffness > 0)
    middle = slice(60, len(measured.fundamental_hz) - 60)
    truth = f0[::HOP][middle, None] * multiples
    frequency = measured.fundamental_hz[middle, None] * q * 2 ** (measured.cents[middle, :6].astype(float) / 1200)
    assert 1200 * np.abs(np.log2(frequency / truth)).max() < 6
    level_db = measured.level_db[middle, :6].astype(float)
    assert np.abs(level_db - level_db[:, :1] - 20 * np.log10(levels)).max() < 0.6
    assert measured.level_db[middle, 6:].astype(float).max(initial=-120) < level_db.min() - 20


def test_silence_has_no_partials() -> None:
    pytest.importorskip("parselmouth")
    measured = take_apart(np.zeros(SAMPLE_RATE // 2), SAMPLE_RATE, 60, 500)
    assert not measured.fundamental_hz.any()
    assert (measured.level_db == -120).all()


def test_a_piece_is_the_recording_at_its_speed() -> None:
    frames = 600
    glide = np.linspace(200, 300, frames).astype(np.float32)
    partials = Partials(glide, np.zeros((frames, 2), np.float16), np.full((frames, 2), -20, np.float16))
    voice = piece(partials, np.random.default_rng(0), 200, 2.0)
    assert voice is not None
    slope = np.diff(voice.frequencies_hz[:, 0])[:10]
    assert slope == pytest.approx(2 * LINE_HOP / HOP * (glide[1] - glide[0]), rel=1e-3)
    assert voice.amplitudes[:10] == pytest.approx(0.1, rel=1e-3)
    quiet = Partials(glide, partials.cents, np.full((frames, 2), -120, np.float16))
    assert piece(quiet, np.random.default_rng(0), 200, 2.0) is None


def test_formants_stay_or_move() -> None:
    levels = np.array([[1.0, 0.8, 0.6, 0.4, 0.2, 0.0]])
    voice = Voice(100.0 * np.arange(1, 7)[None], levels)
    moved, kept = transposed(voice, 1.5, keep_formants=False), transposed(voice, 1.5, keep_formants=True)
    assert np.allclose(moved.amplitudes, levels)
    assert np.allclose(kept.frequencies_hz, 150 * np.arange(1, 7))
    # What was measured at 150, 300, 450, 600 Hz; nothing was measured above.
    assert np.allclose(kept.amplitudes, [[0.9, 0.6, 0.3, 0.0, 0.0, 0.0]])


# --- metrics


def test_the_truth_has_no_error_of_any_kind() -> None:
    _, lines = draw("notes", 2)
    parts = details(perfect(lines), lines, 0.0)
    assert parts.level_cents < 0.01
    assert parts.place_cents < 0.01
    assert parts.ghosts == 0
    assert max(value for value in parts.by_level_cents if math.isfinite(value)) < 0.01


def test_wrong_places_are_told_from_wrong_levels() -> None:
    mixer = Mixer(1.0, np.random.default_rng(0))
    low, high = GRID_HZ[100], GRID_HZ[196]
    mixer.add(low, 1.0)
    mixer.add(high, 1.0)
    _, lines = mixer.finish()
    misplaced = details(perfect(lines, cents=37.5), lines, 0.0)
    assert misplaced.level_cents == pytest.approx(0, abs=0.01)
    assert misplaced.place_cents == pytest.approx(37.5, abs=0.01)
    assert misplaced.ghosts == 1
    energies = np.tile([3.0, 1.0], (len(lines.times_s) // 2, 1))
    # A quarter of the energy is an octave too low; a third, smaller line at the lower one's place changes nothing.
    wrong = details(steady([low, high], energies), lines, 0.0)
    assert wrong.level_cents == pytest.approx(300, abs=0.01)
    assert wrong.place_cents == pytest.approx(0, abs=0.01)
    assert wrong.ghosts == 0
    ghost = details(steady([low, high, GRID_HZ[110]], np.tile([1.0, 1.0, 0.5], (len(energies), 1))), lines, 0.0)
    assert ghost.ghosts == pytest.approx(0.2)


def test_lines_of_consonant_voices_may_count_as_one() -> None:
    mixer = Mixer(1.0, np.random.default_rng(0))
    # 6.3 Hz apart.
    mixer.add(GRID_HZ[50], 1.0)
    mixer.add(GRID_HZ[54], 1.0)
    _, lines = mixer.finish()
    between = steady([(GRID_HZ[50] + GRID_HZ[54]) / 2], np.ones((len(lines.times_s) // 2, 1)))
    assert transport(between, lines).cents == pytest.approx(25, abs=0.5)
    assert transport(between, lines, closer_than_hz=12.0).cents < 0.01


def test_a_missed_line_goes_to_the_nearest_place() -> None:
    mixer = Mixer(1.0, np.random.default_rng(0))
    mixer.add(GRID_HZ[100], 1.0)
    mixer.add(GRID_HZ[196], 1.0)
    _, lines = mixer.finish()
    alone = details(steady([GRID_HZ[100]], np.ones((len(lines.times_s) // 2, 1))), lines, 0.0)
    assert alone.place_cents == pytest.approx(600, abs=0.01)


def test_errors_are_told_by_the_level_of_the_frame() -> None:
    mixer = Mixer(1.4, np.random.default_rng(0))
    early = mixer.times_s < 0.7
    mixer.add(GRID_HZ[100], np.where(early, 1.0, 10 ** (-25 / 20)))
    _, lines = mixer.finish()
    cents = np.where(lines.times_s < 0.7, 12.5, 50.0)
    moved = Estimate(lines.times_s, lines.frequencies_hz * 2 ** (cents[:, None] / 1200), lines.amplitudes**2, True)
    by_level = details(moved, lines, 0.0).by_level_cents
    assert by_level[0] == pytest.approx(12.5, abs=0.1)
    assert by_level[2] == pytest.approx(50, abs=0.1)
    assert math.isnan(by_level[1])
    assert math.isnan(by_level[3])


def test_bristles_are_maxima_that_stand_alone_in_time() -> None:
    energies = np.zeros((100, 3))
    energies[:, 0] = 1.0
    energies[10:90:8, 1] = 0.01
    energies[5:7, 2] = 0.01
    energies[50, 2] = 1e-8
    found = bristles(steady([440.0, 1000.0, 2000.0], energies))
    assert found == pytest.approx(10 / (100 + 10 + 2))
    glide = Estimate(
        np.arange(50) * 128 / SAMPLE_RATE, 500 * 2 ** (np.arange(50.0)[:, None] * 15 / 1200), energies[:50, :1], True
    )
    assert bristles(glide) == 0
    fast = Estimate(glide.times_s, 500 * 2 ** (np.arange(50.0)[:, None] * 40 / 1200), glide.energy, True)
    assert bristles(fast) == 1
    assert math.isnan(bristles(steady([440.0], np.full((100, 1), 1e-7))))


@pytest.mark.parametrize("delay_ms", [-3.0, 0.0, 7.0])
def test_notes_that_begin_late_are_measured(delay_ms: float) -> None:
    mixer = Mixer(1.2, np.random.default_rng(0))
    for hz, onset in ((300.0, 0.2), (500.0, 0.4), (900.0, 0.6)):
        mixer.add(hz, gate(mixer.times_s, onset, onset + 0.25))
    mixer.add(2000.0, 1.0)
    mixer.add(650 * 2 ** (3 * mixer.times_s / 12), gate(mixer.times_s, 0.4, 0.8))
    _, lines = mixer.finish()
    onsets, offsets = delays_s(perfect(lines, delay_s=delay_ms / 1000), lines)
    # The steady line neither begins nor ends, and the glide is no note: three semitones a second are 18 cents in 60 ms.
    assert len(onsets) == len(offsets) == 4
    assert 1000 * onsets == pytest.approx(delay_ms, abs=0.1)
    assert 1000 * offsets == pytest.approx(delay_ms, abs=0.1)


# --- basins, and the report


def test_basins_against_a_loop() -> None:
    audio = np.random.default_rng(0).standard_normal(3000)
    estimate = basins(audio, SAMPLE_RATE, 512)
    window = np.array([0.5 - 0.5 * math.cos(2 * math.pi * n / 512) for n in range(512)])
    frame = 10
    start = round(float(estimate.times_s[frame]) * SAMPLE_RATE) - 256
    piece_ = audio[start : start + 512]
    # The instantaneous frequency as the turn between two windows a thousandth of a sample apart.
    bins = 60
    n = np.arange(512)
    step = 1e-3
    later = 0.5 - 0.5 * np.cos(2 * np.pi * (n - step) / 512)
    kernel = np.exp(-2j * np.pi * np.outer(np.arange(bins), n) / 512)
    now, then = kernel @ (piece_ * window), kernel @ (piece_ * later)
    turn = np.angle(then * np.exp(2j * np.pi * np.arange(bins) * step / 512) * now.conj())
    frequency = turn / (2 * np.pi * step) * SAMPLE_RATE
    power = np.abs(now) ** 2
    expected, total, moment = [], power[0], power[0] * frequency[0]
    for k in range(1, bins - 1):
        if power[k] < power[k - 1] and power[k] <= power[k + 1]:
            expected.append((moment / total, total))
            total = moment = 0.0
        total += power[k]
        moment += power[k] * frequency[k]
    scale = 512 * float((window**2).sum()) / 4
    for basin, (hz, energy) in enumerate(expected[1:], start=1):
        assert estimate.energy[frame, basin] == pytest.approx(energy / scale)
        assert estimate.frequencies_hz[frame, basin] == pytest.approx(max(hz, 0), abs=2)


def test_a_tone_is_one_basin_of_its_energy() -> None:
    mixer = Mixer(0.4, np.random.default_rng(0))
    mixer.add(1234.5, 1.0)
    audio, _ = mixer.finish(snr_db=90)
    estimate = basins(audio, SAMPLE_RATE, 2048)
    middle = len(estimate.times_s) // 2
    strongest = estimate.energy[middle].argmax()
    assert estimate.energy[middle, strongest] == pytest.approx(0.25, rel=1e-3)
    assert estimate.frequencies_hz[middle, strongest] == pytest.approx(1234.5, abs=0.05)


def test_the_best_peer_is_chosen_for_each_signal() -> None:
    results = {
        "truth": Result(),
        "sharpear-music": Result(cents={"notes": [1.0, 1.0]}),
        "a": Result(cents={"notes": [2.0, 9.0]}, ghosts={"notes": [0.1, 0.2]}),
        "b": Result(cents={"notes": [5.0, 4.0]}, ghosts={"notes": [0.3, 0.4]}),
    }
    best = with_best_peer(results)[BEST_PEER]
    assert best.cents == {"notes": [2.0, 4.0]}
    assert best.ghosts == {"notes": [0.1, 0.4]}
    found = tables(results)
    assert found["cents"].told(BEST_PEER, "notes") == "3.0 ± 1.4"
    assert BEST_PEER in found["ghosts"].rows
