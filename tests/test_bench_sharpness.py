"""The sharpness benchmark against closed forms: a wrong ruler measures nothing."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import lfilter

from benchmarks.sharpness import gammatone
from benchmarks.sharpness.basins import basins
from benchmarks.sharpness.bundled import Bundled
from benchmarks.sharpness.estimate import Audio, Estimate, Method, coherent_energy
from benchmarks.sharpness.lines import SAMPLE_RATE, Lines, Mixer
from benchmarks.sharpness.metrics import GRID_BINS, GRID_HZ, distances, normalise, place, renyi3, transport
from benchmarks.sharpness.pitch import multi_pitch
from benchmarks.sharpness.precision import cramer_rao_hz
from benchmarks.sharpness.report import Result, tables
from benchmarks.sharpness.resolution import resolved_share
from benchmarks.sharpness.run import METHODS, key_of, run_families
from benchmarks.sharpness.signals import FAMILIES, draw


def perfect(lines: Lines, cents: float = 0.0, delay_s: float = 0.0, latency_s: float = 0.0) -> Estimate:
    frequencies, energy = lines.merged()
    return Estimate(lines.times_s + delay_s, frequencies * 2 ** (cents / 1200), energy, True, latency_s)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_truth_scores_zero(family: str) -> None:
    _, lines = draw(family, 3)
    score = transport(perfect(lines), lines)
    assert score.cents < 0.01
    assert score.lag_s == 0
    assert score.renyi_bits == pytest.approx(score.renyi_true_bits, abs=0.01)


@pytest.mark.parametrize("cents", [-50.0, -3.3, 7.0, 50.0, 431.0])
def test_a_constant_shift_scores_itself(cents: float) -> None:
    _, lines = draw("two_tones_20", 1)
    assert transport(perfect(lines, cents), lines).cents == pytest.approx(abs(cents), abs=0.01)


def test_split_energy_scores_its_mean_distance() -> None:
    # On a grid point: a tone shared by two points is known to a fraction of a cent only.
    tone = place(GRID_HZ[[150]], np.ones((1, 1)))
    apart = 2 ** (np.array([-100.0, 0.0, 300.0]) / 1200)
    split = place(GRID_HZ[150] * apart, np.array([[1.0, 2.0, 1.0]]))
    assert distances(split, tone)[0] == pytest.approx(0.25 * 100 + 0.25 * 300)
    assert distances(3 * split, 5 * split)[0] == pytest.approx(0, abs=1e-9)


def test_silence_is_no_good_guess() -> None:
    _, lines = draw("two_tones_10", 0)
    silent = Estimate(lines.times_s, np.array([440.0]), np.zeros((len(lines.times_s), 1)), True)
    uniform = distances(np.ones((1, GRID_BINS)), place(np.array([445.0]), np.ones((1, 1))))[0]
    assert transport(silent, lines).cents == pytest.approx(uniform, rel=0.02)


@pytest.mark.parametrize("delay_ms", [-20.0, 0.0, 30.0, 90.0])
def test_the_lag_is_found_and_latency_added(delay_ms: float) -> None:
    _, lines = draw("chirps_design", 0)
    score = transport(perfect(lines, delay_s=delay_ms / 1000, latency_s=0.02), lines)
    assert score.cents < 2
    assert 1000 * score.lag_s == pytest.approx(delay_ms + 20, abs=1.5)
    # Each chirp moves by 333 Hz/s, so an undiscounted delay must show.
    assert abs(delay_ms) < 1 or score.at_zero_lag > 10


def test_placing_keeps_energy_and_mean_position() -> None:
    grid = place(np.array([[200.0, 1234.5, 100.0, 5000.0]]), np.array([[1.0, 2.0, 7.0, 7.0]]))
    assert grid.sum() == pytest.approx(3.0)
    position = (normalise(grid) @ np.log2(GRID_HZ))[0]
    assert position == pytest.approx((np.log2(200) + 2 * np.log2(1234.5)) / 3)


@pytest.mark.parametrize("bins", [1, 2, 7, 64])
def test_renyi3_of_equal_bins(bins: int) -> None:
    row = np.zeros((1, GRID_BINS))
    row[0, :bins] = 0.3
    assert renyi3(row)[0] == pytest.approx(math.log2(bins))


def test_close_lines_are_one_with_coherent_energy() -> None:
    times = np.arange(3) * 0.001
    frequencies = np.tile([500.0, 501.0, 600.0, 500.5], (3, 1))
    amplitudes = np.tile([1.0, 1.0, 2.0, 0.0], (3, 1))
    phases = np.zeros((3, 4))
    phases[:, 1] = [0, np.pi / 2, np.pi]
    merged_hz, energy = Lines(times, frequencies, amplitudes, phases).merged()
    assert np.allclose(energy.sum(axis=1), [8, 6, 4])
    assert np.allclose(merged_hz[:, 0], 500.5)
    assert np.allclose(energy[:, 1], 4)
    assert np.allclose(Lines(times, frequencies, amplitudes, phases).merged(0.5)[1].sum(axis=1), 6)


@pytest.mark.parametrize("family", FAMILIES)
def test_signals_follow_their_seed(family: str) -> None:
    audio, lines = draw(family, 5)
    again, _ = draw(family, 5)
    other, _ = draw(family, 6)
    assert audio.dtype == np.float32
    assert np.array_equal(audio, again)
    assert len(audio) != len(other) or not np.array_equal(audio, other)
    assert np.abs(audio).max() < 1
    assert lines.duration_s == pytest.approx(len(audio) / SAMPLE_RATE, abs=0.002)
    sounding = lines.amplitudes > 0
    assert lines.frequencies_hz[sounding].max() < SAMPLE_RATE / 2


def test_an_unknown_family_is_named() -> None:
    with pytest.raises(ValueError, match="received 'whistle'"):
        draw("whistle", 0)


@pytest.mark.parametrize("family", ["two_tones", "vibrato_design", "chirps_linear", "notes", "pluck", "glides"])
def test_the_lines_explain_the_audio(family: str) -> None:
    """Cosines rebuilt from the truth alone leave only the noise, 30 dB below."""
    audio, lines = draw(family, 2)
    rows = np.arange(len(lines.times_s)) * 64
    rebuilt = (lines.amplitudes * np.cos(lines.phases)).sum(axis=1)
    residue = audio[rows] - rebuilt
    power = (lines.amplitudes**2).sum(axis=1) / 2
    expected = power[power > 1e-4 * power.max()].mean() * 1e-3
    assert np.mean(residue**2) == pytest.approx(expected, rel=0.25)
    turn = np.diff(np.unwrap(lines.phases, axis=0), axis=0) * SAMPLE_RATE / (2 * np.pi * 64)
    slow = lines.frequencies_hz[:-1] < SAMPLE_RATE / 128
    error = (turn - lines.frequencies_hz[1:])[slow]
    assert error.size == 0 or np.abs(error).max() < 30


def test_the_reference_bank_is_the_recursive_filter() -> None:
    audio = np.random.default_rng(0).standard_normal(8000)
    bank = gammatone.design(SAMPLE_RATE, 0.5)
    bands, _ = gammatone.subbands(audio, SAMPLE_RATE, 0.5)
    for channel in (0, 150, 290):
        decay, center = bank.decay[channel], bank.centers_hz[channel]
        pole = decay * np.exp(2j * np.pi * center / SAMPLE_RATE)
        expected = audio.astype(complex)
        for _ in range(4):
            expected = lfilter([1 - decay], [1, -pole], expected)
        times = np.arange(len(audio)) / SAMPLE_RATE - bank.delays_s[channel]
        wanted = np.arange(10, 20) * 128 / SAMPLE_RATE
        modulus = np.interp(wanted, times, np.abs(2 * expected))
        # The recursive filter also hears negative frequencies, faintly.
        assert np.allclose(np.abs(bands[10:20, channel]), modulus, rtol=0.02, atol=0.02 * modulus.max())


def test_calibrated_energy_is_that_of_the_tone() -> None:
    mixer = Mixer(0.6, np.random.default_rng(1))
    mixer.add(700.0, 1.0)
    audio, _ = mixer.finish(snr_db=80)
    for run in (gammatone.plain, gammatone.moved):
        estimate = run(audio, SAMPLE_RATE, 0.25)
        assert estimate.energy[120].sum() == pytest.approx(0.25, rel=0.02)


def test_two_peaks_are_resolved_and_one_is_not() -> None:
    lines_hz, energy = np.tile([995.0, 1005.0], (20, 1)), np.tile([1.0, 1.0], (20, 1))
    times = np.arange(20) / 100
    assert resolved_share(Estimate(times, lines_hz, energy, True), 995, 1005, 1.0) == 1
    assert resolved_share(Estimate(times, lines_hz, energy, True), 995, 1005, 10.0) == 0
    merged = Estimate(times, np.full((20, 1), 1000.0), 2 * energy[:, :1], True)
    assert resolved_share(merged, 995, 1005, 1.0) == 0
    bins = np.arange(900.0, 1100.0, 2.5)
    shape = np.exp(-0.5 * ((bins - 995) / 2) ** 2) + np.exp(-0.5 * ((bins - 1005) / 2) ** 2)
    assert resolved_share(Estimate(times, bins, np.tile(shape, (20, 1)), True), 995, 1005, 1.0) == 1


def test_cramer_rao_against_least_squares() -> None:
    """The periodogram's maximum attains the bound: its error over many draws is close to it."""
    rng, n, rate = np.random.default_rng(0), 512, 8000.0
    axis = np.arange(n) / rate
    candidates = np.linspace(998.5, 1001.5, 601)
    kernel = np.exp(-2j * np.pi * np.outer(axis, candidates))
    noise = rng.standard_normal((300, n)) * np.sqrt(0.5e-2)
    phases = rng.uniform(0, 2 * np.pi, (300, 1))
    found = candidates[np.abs((np.cos(2 * np.pi * 1000 * axis + phases) + noise) @ kernel).argmax(axis=1)]
    assert np.std(found - 1000) == pytest.approx(cramer_rao_hz(n / rate, 20.0, rate), rel=0.2)


def test_multi_pitch_finds_two_harmonic_sounds() -> None:
    partials = np.concatenate([220 * np.arange(1, 9), 277.18 * np.arange(1, 9)])
    energy = np.tile(1 / np.concatenate([np.arange(1, 9), np.arange(1, 9)]) ** 2.0, (5, 1))
    for frame in multi_pitch(partials, energy):
        assert np.allclose(np.sort(frame), [220, 277.18], rtol=0.02)


@pytest.mark.parametrize("shares", [[1.0], [0.5, 0.5], [0.2, 0.7, 0.1]])
def test_a_shared_tone_keeps_its_energy(shares: list[float]) -> None:
    amplitudes = np.zeros((2, 30), complex)
    amplitudes[:, 10 : 10 + len(shares)] = 2 * np.array(shares) * np.exp(0.7j)
    amplitudes[:, 25] = 1j
    energy = coherent_energy(amplitudes, 3)
    assert np.allclose(energy[:, :20].sum(axis=1), 4)
    assert np.allclose(energy[:, 20:].sum(axis=1), 1)


def test_an_estimate_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"received \(5,\)"):
        Estimate(np.zeros(4), np.zeros(5), np.zeros((4, 3)), True)


def test_late_causal_methods_are_listed_apart() -> None:
    measured = {"cents": {"notes": [1.0, 3.0]}, "renyi_bits": {"notes": [1.0, 1.0]}}
    late = Result(causal=True, lag_ms={"notes": [80.0, 90.0]}, **measured)
    offline = Result(causal=False, lag_ms={"notes": [80.0, 90.0]}, **measured)
    found = tables({"late": late, "offline": offline})
    assert late.apart
    assert not offline.apart
    assert "offline" in found["cents"].rows
    assert list(found["cents_late"].rows) == ["late"]
    assert found["cents"].told("offline", "notes") == "2.0 ± 1.4"


def test_a_method_is_measured_on_a_family_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.results.WRITTEN", tmp_path)
    runs: list[float] = []

    def counted(audio: Audio, sample_rate: float) -> Estimate:
        runs.append(sample_rate)
        return basins(audio, sample_rate, 512)

    method = Method("counted", counted)
    first, again = (
        run_families([method], ["two_tones_20"], [0], Bundled(), "bundled", lambda _: None) for _ in range(2)
    )
    assert len(runs) == 1
    assert first["counted"].cents == again["counted"].cents
    assert first["truth"].renyi_bits["two_tones_20"][0] > 0
    run_families([method], ["two_tones_20"], [1], Bundled(), "bundled", lambda _: None)
    assert len(runs) == 2


def test_what_ours_scores_depends_on_the_program_and_what_peers_score_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, peer = METHODS["sharpear-music"], METHODS["reassigned-4096"]
    asked: list[object] = []
    monkeypatch.setattr("benchmarks.sharpness.run.code", lambda *which: asked.append(which) or "digest")
    assert key_of(ours) == "digest"
    assert "librosa" in key_of(peer)
    assert asked[0] == ()
    assert asked[1][0] == ("benchmarks/sharpness",)
