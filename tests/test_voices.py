"""Voices: what a tracker finds, and what is made of it."""

from functools import cache, partial

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

import sharpear
from sharpear.dsp.atom_grid import atom_grid
from sharpear.dsp.cues import BANDS_PER_OCTAVE, LOWEST_BAND_HZ
from sharpear.dynamics.beliefs_kernel import LARGEST_GAIN
from sharpear.dynamics.voice_beliefs import load_voice_beliefs, voice_room
from sharpear.dynamics.voice_beliefs_kernel import judge_voices, weigh_lines
from sharpear.gpu.stateful import allocated
from sharpear.sharpening.voiced_judge import name
from sharpear.voices.tracker_arrays import TOLD
from sharpear.voices.voice_cues_kernel import (
    FAINTEST_PARTIAL,
    LEAST_ENERGY,
    LEAST_SHARE,
    OWN_CUES,
    VoiceCueRoom,
    read_voice_cues,
)
from sharpear.voices.voice_tracker import DELAY_HOPS, VoiceFrames, VoiceTracker
from sharpear.voices.voice_tracker_kernel import RESTART_HOPS
from sharpear.voices.voices_kernel import MOST_PARTIALS

RATE, HOP = 44100, 128
HOP_S = HOP / RATE
BAND_HZ = LOWEST_BAND_HZ * 2 ** (np.arange(33) / BANDS_PER_OCTAVE)


def tracked(wave: np.ndarray, streams: int = 1) -> VoiceFrames:
    hops = len(wave) // HOP
    samples = wave[: hops * HOP].astype(np.float32).reshape(hops, 1, HOP)
    return VoiceTracker(RATE, HOP, BAND_HZ, streams).process(np.repeat(samples, streams, axis=1))


def partials_at(frames: VoiceFrames, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Hz and amplitudes, ascending."""
    count = int(frames.partials[n, 0])
    hz, amplitude = frames.hz[n, 0, :count], np.sqrt(frames.energy[n, 0, :count])
    some = np.argsort(hz)
    return hz[some][amplitude[some] > 0], amplitude[some][amplitude[some] > 0]


def harmonics(f0_hz: np.ndarray, levels) -> np.ndarray:
    turns = np.cumsum(f0_hz) / RATE
    return np.sum([a * np.cos(2 * np.pi * h * turns + h) for h, a in enumerate(levels, 1)], axis=0)


def seconds(duration_s: float) -> np.ndarray:
    return np.arange(int(duration_s * RATE)) / RATE


@cache
def fifth() -> VoiceFrames:
    """Two voices a tempered fifth apart: 3 x 220 and 2 x 329.63 Hz are 0.7 Hz apart, the next ones 1.5 and 2.2."""
    t = seconds(0.6)
    levels = [0.2 / h for h in range(1, 10)]
    return tracked(harmonics(np.full(t.size, 220.0), levels) + harmonics(np.full(t.size, 329.63), levels))


def test_two_voices_a_fifth_apart_keep_their_partials():
    hz, amplitude = partials_at(fifth(), -10)
    for f0 in (220.0, 329.63):
        for h in (1, 2, 4, 5) if f0 < 300 else (1, 3, 5):
            k = int(np.argmin(abs(hz - h * f0)))
            assert abs(hz[k] - h * f0) < 0.3
            assert amplitude[k] == pytest.approx(0.2 / h, rel=0.05)


def test_partials_that_said_nothing_are_tried_again():
    """The voice has four partials, and from 0.35 s on four more; all voices are found anew at 0.74 s alone."""
    t = seconds(0.7)
    f0_hz, levels = np.full(t.size, 220.0), [0.2 / h for h in range(1, 9)]
    begun = np.clip((t - 0.35) / 0.05, 0, 1)
    frames = tracked(harmonics(f0_hz, levels[:4]) + begun * harmonics(f0_hz, [0.0] * 4 + levels[4:]))
    assert frames.partials[int(0.3 / HOP_S), 0] == 4
    hz, amplitude = partials_at(frames, -1)
    for h in range(1, 9):
        k = int(np.argmin(abs(hz - h * 220)))
        assert abs(hz[k] - h * 220) < 0.3
        assert amplitude[k] == pytest.approx(0.2 / h, rel=0.05)


def test_a_vibrato_is_followed_to_the_cent():
    t = seconds(0.8)
    f0 = 262 * 2 ** (70 / 1200 * np.sin(2 * np.pi * 5.5 * t))
    frames = tracked(harmonics(f0, [0.3 / h for h in range(1, 11)]))
    errors = []
    for n in range(80, len(frames)):
        at = (n + 1 - DELAY_HOPS) * HOP
        hz, _ = partials_at(frames, n)
        errors.append(1200 * np.log2(hz[0] / f0[at]))
    assert np.sqrt(np.mean(np.square(errors))) < 2
    assert np.max(np.abs(errors)) < 8


def test_partials_that_sweep_across_each_other_are_one_line_only_where_they_meet():
    """A fifth and a fourth partial, 550 Hz/s against each other: closer than 2 Hz for 7 ms, less than a row has."""
    t, meet_s, levels = seconds(0.8), 0.45, [0.2 / h for h in range(1, 8)]
    up, down = 220 * (1 + 0.25 * (t - meet_s)), 275 * (1 - 0.25 * (t - meet_s))
    frames = tracked(harmonics(up, levels) + harmonics(down, levels))
    turns = 2 * np.pi * (5 * np.cumsum(up) - 4 * np.cumsum(down)) / RATE + 1  # partial h begins at h rad
    apart, together = 0, 0
    for n in range(round((meet_s - 0.02) / HOP_S) + DELAY_HOPS, round((meet_s + 0.02) / HOP_S) + DELAY_HOPS):
        at = (n + 1 - DELAY_HOPS) * HOP
        hz, amplitude = partials_at(frames, n)
        near = abs(hz - 1100) < 20
        if abs(5 * up[at] - 4 * down[at]) > 3:
            assert near.sum() == 2
            assert np.sort(amplitude[near]) == pytest.approx([levels[4], levels[3]], rel=0.2)
            apart += 1
        elif abs(5 * up[at] - 4 * down[at]) < 1:
            assert near.sum() == 1
            assert amplitude[near][0] == pytest.approx(abs(levels[4] * np.exp(1j * turns[at]) + levels[3]), abs=0.02)
            together += 1
    assert apart >= 8
    assert together >= 1


def test_strings_are_stretched():
    t, B = seconds(0.7), 1.5e-4
    partials = [(h * 196 * np.sqrt(1 + B * h * h), 0.3 / h) for h in range(1, 13)]
    frames = tracked(np.sum([a * np.cos(2 * np.pi * f * t) for f, a in partials], axis=0))
    hz, _ = partials_at(frames, -10)
    for f, _ in partials:
        assert abs(hz - f).min() < 0.5


def test_a_note_that_has_just_begun_is_not_smeared_over_the_one_before():
    """15 ms on either side of a change of notes, within windows of 58 ms."""
    t = seconds(0.8)
    before, after = ([0.2 / h for h in range(1, 9)] for _ in range(2))
    change = 0.4
    wave = np.where(t < change, harmonics(np.full(t.size, 262.0), before), harmonics(np.full(t.size, 330.0), after))
    frames = tracked(wave)
    for f0, moment in ((262.0, change - 0.015), (330.0, change + 0.017)):
        n = round(moment / HOP_S) - 1 + DELAY_HOPS
        hz, amplitude = partials_at(frames, n)
        mine = np.abs(hz / f0 - np.round(hz / f0)) < 0.01
        assert (amplitude[mine] ** 2).sum() > 0.9 * (amplitude**2).sum()


def test_wrong_voices_do_not_outlast_a_change_of_notes():
    """Two voices, six partials each, a new pair of notes every 0.2 s: what explained the change itself has to go."""
    pairs = ((48, 57), (44, 45), (43, 52), (43, 57), (39, 55), (39, 40), (43, 54), (42, 57))
    t, wave = seconds(1.6), np.zeros(int(1.6 * RATE))
    for n, keys in enumerate(pairs):
        sounds = np.clip(np.minimum(t - 0.2 * n, 0.2 * (n + 1) - t) / 0.005, 0, 1)
        for key in keys:
            wave += sounds * harmonics(np.full(t.size, 440 * 2 ** ((key - 57) / 12)), [0.1 / h for h in range(1, 7)])
    frames = tracked(wave + 1e-3 * np.random.default_rng(0).standard_normal(t.size))
    right = 0
    for n, keys in enumerate(pairs):
        at = round((0.2 * n + 0.13) / HOP_S) - 1 + DELAY_HOPS
        count = int(frames.partials[at, 0])
        found = set(np.rint(12 * np.log2(frames.hz[at, 0, :count] / frames.multiple[at, 0, :count] / 440)) + 57)
        right += found == set(keys)
    assert right >= 7


@pytest.mark.parametrize("seed", range(3))
def test_there_are_no_voices_in_what_is_none(seed):
    rng = np.random.default_rng(seed)
    t = seconds(1.0)
    tone = 0.3 * np.cos(2 * np.pi * rng.uniform(300, 2000) * t)
    chirp = 0.3 * np.cos(2 * np.pi * (300 * t + 900 * t**2))
    trembling = tone * (1 + 0.8 * np.sin(2 * np.pi * rng.uniform(3, 9) * t))
    bell = np.sum([0.2 * np.exp(-t) * np.cos(2 * np.pi * 311 * r * t) for r in (1, 2.76, 5.4, 8.93)], axis=0)
    for wave in (0.1 * rng.standard_normal(t.size), tone, chirp, trembling, bell, np.zeros(t.size)):
        found = tracked(wave)
        ghosts = np.where(np.arange(MOST_PARTIALS) < found.named[60:], found.energy[60:, 0], 0).sum()
        assert ghosts <= 0.02 * np.square(wave).sum() * 2 / t.size * len(found)


def test_a_second_s_past_is_forgotten_to_the_last_bit():
    """Long files are worked on in segments: what began elsewhere is the same after two restarts."""
    t = seconds(2.6)
    wave = harmonics(180 + 30 * np.sin(9 * t), [0.2 / h for h in range(1, 12)])
    wave[: RATE // 3] += 0.1 * np.random.default_rng(0).standard_normal(RATE // 3)
    whole, later = tracked(wave), tracked(wave[RESTART_HOPS * HOP :])
    for field in ("partials", "named", "hz", "energy", "precision", "beyond", "told"):
        a, b = getattr(whole, field)[3 * RESTART_HOPS :], getattr(later, field)[2 * RESTART_HOPS :]
        assert len(a) > 100
        assert np.array_equal(a, b), field


def test_what_voices_leave_is_told_in_energy():
    t = seconds(0.6)
    wave = harmonics(np.full(t.size, 200.0), [0.2 / h for h in range(1, 11)]) + 0.02 * np.cos(2 * np.pi * 1090 * t)
    frames = tracked(wave)
    band = int(np.argmin(abs(BAND_HZ - 1090)))
    around = slice(band - 2, band + 3)
    assert frames.beyond[-10, 0, around].sum() == pytest.approx(4e-4, rel=0.2)
    assert frames.beyond[-10, 0, : band - 3].sum() < 4e-5
    voice = 0.04 * sum(h**-2.0 for h in range(1, 11))
    assert np.exp(frames.told[-10, 0, 0]) == pytest.approx(4e-4 / (4e-4 + voice), rel=0.3)


def test_cues_are_those_of_their_definition():
    rng = np.random.default_rng(4)
    lines, partials, bands, units = 40, 20, BAND_HZ.size, 5
    place = rng.uniform(0, 30, lines).astype(np.float32)
    believed = rng.exponential(0.01, lines).astype(np.float32)
    hz = rng.uniform(80, 4000, partials).astype(np.float32)
    energy = rng.exponential(0.01, partials).astype(np.float32)
    energy[3] = 1e-9
    precision = rng.exponential(100, partials).astype(np.float32)
    beyond = rng.exponential(0.001, bands).astype(np.float32)
    told, second = rng.standard_normal(TOLD).astype(np.float32), rng.standard_normal((bands, units)).astype(np.float32)
    found = allocated(VoiceCueRoom, {"bands": bands, "all partials": MOST_PARTIALS})
    cues = np.zeros((OWN_CUES + TOLD + 1 + units, bands), np.float32)
    left = read_voice_cues(
        lines, place, believed, partials, hz, energy, precision, beyond, told, 3, second, found, cues
    )
    assert left == partials - 1
    assert energy[3] == 0
    assert FAINTEST_PARTIAL * believed.sum() > 1e-9

    def hats(places, values):
        near = np.maximum(1 - abs(places[:, None] - np.arange(bands)), 0)
        return near.T @ values

    at = np.log2(hz.astype(float) / LOWEST_BAND_HZ) * BANDS_PER_OCTAVE
    some = energy > 0
    W, V = hats(place.astype(float), believed.astype(float)), hats(at[some], energy[some].astype(float))
    loudest = max(W.max(), V.max())
    least = LEAST_SHARE * loudest + LEAST_ENERGY

    def ratio(a, b):
        return np.clip(np.log((a + least) / (b + least)), -6, 6) / 3

    assert cues[0] == pytest.approx(np.log((W + least) / loudest) / 4, abs=1e-4)
    assert cues[1] == pytest.approx(ratio(V, W), abs=1e-4)
    assert cues[2] == pytest.approx(ratio(beyond, W), abs=1e-4)
    assert cues[3] == pytest.approx(ratio(beyond, V), abs=1e-4)
    assert cues[4] == pytest.approx(np.minimum(hats(at[some], np.ones(some.sum())), 6) / 3, abs=1e-4)
    with np.errstate(divide="ignore", invalid="ignore"):
        sure = hats(at[some], energy[some] * np.log1p(precision[some])) / V / 5
        apart = 10 * (hats(at[some], energy[some] * at[some]) / V - hats(place, believed * place) / W)
    assert cues[5] == pytest.approx(np.where(least < V, sure, 0), abs=1e-3)
    both = (least < V) & (least < W)
    assert cues[6] == pytest.approx(np.where(both, np.clip(apart, -3, 3), 0), abs=2e-3)
    assert (cues[OWN_CUES : OWN_CUES + TOLD] == told[:, None]).all()
    assert (cues[OWN_CUES + TOLD] == 0.75).all()
    assert np.array_equal(cues[OWN_CUES + TOLD + 1 :], second.T)


def test_pictures_are_shared_as_the_equations_say():
    weights, bands = load_voice_beliefs("music"), 33
    cues = np.random.default_rng(2).standard_normal((weights.cue.shape[0], bands)).astype(np.float32)
    cues[0] = -abs(cues[0])
    found = voice_room(weights, bands)
    judge_voices(cues, 0, weights, found)

    def relu(x):
        return np.maximum(x, 0)

    x = cues.T.astype(float)
    h = relu(x @ weights.cue + weights.cue_bias)
    w = np.exp(2 * x[:, 0])
    pooled = np.stack([(w[:, None] * h).sum(0) / (w.sum() + 1e-6), h.mean(0)])
    common = weights.near_bias + np.einsum("pf,pfs->s", pooled, weights.whole.reshape(2, h.shape[1], -1))
    y = np.zeros((bands, common.size))
    for b in range(bands):
        y[b] = common
        for k in range(5):
            if 0 <= b + k - 2 < bands:
                y[b] += h[b + k - 2] @ weights.near[k]
    y = relu(y)
    z = y.copy()
    for b in range(bands):
        far = weights.far_bias.astype(float)
        for k in range(3):
            if 0 <= b + k - 1 < bands:
                far = far + y[b + k - 1] @ weights.far[k]
        z[b] += relu(far)
    told = z @ weights.told + weights.told_bias
    share = told[:, :2] - np.log(np.exp(told[:, :2]).sum(1, keepdims=True))
    expected = share + LARGEST_GAIN * np.tanh(told[:, 2:] / LARGEST_GAIN)
    assert pytest.approx(expected, abs=2e-4) == found.gain.T

    places, energy = np.array([0.0, 3.25, -1.0], np.float32), np.ones(3, np.float32)
    weigh_lines(3, places, found.gain[1], energy)
    assert energy == pytest.approx(
        [np.exp(expected[0, 1]), np.exp(0.75 * expected[3, 1] + 0.25 * expected[4, 1]), 1], rel=1e-3
    )


def test_each_line_says_whose_partial_it_is():
    t = np.arange(RATE) / RATE
    sound = sum(0.1 / h * np.cos(2 * np.pi * h * f * t) for f in (200.0, 310.0) for h in range(1, 7))
    sharpener = sharpear.Sharpener(RATE, "music")
    frames = sharpener.process(sound.astype(np.float32))
    assert frames.fundamental is not None
    middle = frames[len(frames) // 2]
    at = np.flatnonzero(middle.amplitude > 0.01)
    hz, fundamental = middle.instantaneous_frequency[at], middle.fundamental[at]
    assert set(np.rint(fundamental)) == {200.0, 310.0}
    assert abs(hz / fundamental - np.rint(hz / fundamental)).max() < 0.02
    assert not frames.fundamental[frames.amplitude == 0].any()


def test_where_voices_do_not_explain_the_sound_they_name_lines_alone():
    """A voice in noise: lines are those of windows, to the last bit, and most of their energy has a name."""
    t, rng = seconds(1.0), np.random.default_rng(1)
    sound = harmonics(np.full(t.size, 220.0), [0.1 / h for h in range(1, 9)]) + 0.06 * rng.standard_normal(t.size)
    said = tracked(sound)
    settled = slice(100, None)
    assert not said.partials[settled].any()
    assert (said.named[settled] > 0).mean() > 0.9
    named = sharpear.sharpen(sound.astype(np.float32), RATE, "music")
    plain = sharpear.sharpen(sound.astype(np.float32), RATE, "music", overrides={"voices.enabled": False})
    assert np.array_equal(named.amplitude[settled], plain.amplitude[settled])
    energy, some = np.square(named.amplitude[settled]), named.fundamental[settled] > 0
    assert energy[some].sum() > 0.7 * energy.sum()
    off = 1200 * np.log2(named.fundamental[settled][some] / 220)
    assert (energy[some] * (abs(off) < 20)).sum() > 0.95 * energy[some].sum()


def coloured(slope: float, rng: np.random.Generator) -> np.ndarray:
    """Two seconds of Gaussian noise whose power falls as 1/f^slope above 20 Hz."""
    spectrum = np.fft.rfft(rng.standard_normal(2 * RATE))
    noise = np.fft.irfft(spectrum * np.maximum(np.fft.rfftfreq(2 * RATE, 1 / RATE), 20.0) ** (-slope / 2))
    return 0.1 * noise / noise.std()


def breath(rng: np.random.Generator) -> np.ndarray:
    """Pink noise through three resonances, 20 % wide."""
    noise = coloured(1.0, rng)
    for hz in rng.uniform([300, 900, 2000], [800, 1800, 3200]):
        noise = noise + 2 * sosfilt(butter(1, [0.9 * hz, 1.1 * hz], "band", fs=RATE, output="sos"), noise)
    return noise


def rain(rng: np.random.Generator) -> np.ndarray:
    """Hiss, and 400 drops a second, each a tone of its own that dies away within milliseconds."""
    noise, t = 0.05 * rng.standard_normal(2 * RATE), np.arange(2000) / RATE
    for at in rng.integers(2 * RATE - t.size, size=800):
        fading = rng.exponential() * np.exp(-t * rng.uniform(300, 1500))
        noise[at : at + t.size] += fading * np.sin(2 * np.pi * rng.uniform(500, 6000) * t)
    return noise


def five_sines(rng: np.random.Generator) -> np.ndarray:
    t = seconds(2.0)
    return np.sum([0.1 * np.cos(2 * np.pi * hz * t) for hz in rng.uniform(100, 3000, 5)], axis=0)


NOISES = {
    "white": partial(coloured, 0.0), "pink": partial(coloured, 1.0), "brown": partial(coloured, 2.0), "breath": breath,
    "rain": rain, "five sines": five_sines,
}  # fmt: skip


@pytest.mark.parametrize("colour", NOISES)
def test_noise_has_no_voices(colour: str):
    for seed in range(4):
        wave = NOISES[colour](np.random.default_rng(seed))
        frames = tracked(wave)
        named = np.where(np.arange(MOST_PARTIALS) < frames.named, frames.energy[:, 0], 0)
        assert named.sum() <= 0.01 * len(frames) * 2 * np.square(wave).mean()


def test_a_line_is_named_by_the_partial_at_its_atom_or_else_by_the_stronger_one_beside_it():
    atom_hz = np.arange(100.0, 112.0)
    grid = atom_grid(atom_hz, "linear")
    hz, energy = np.array([102, 102, 103, 106, 108], np.float32), np.array([1, 3, 2, 2, 5], np.float32)
    strongest, whose = np.zeros(12), np.zeros(12, np.float32)
    name(5, hz, energy, np.arange(1, 6, dtype=np.float32), grid, strongest, whose)
    assert strongest.tolist() == [0, 3, 3, 2, 2, 2, 2, 5, 5, 5, 0, 0]
    partial = [1, 1, 2, 2, 3, 3, 4, 4, 4]
    assert whose[1:10] == pytest.approx([hz[k] / (k + 1) for k in partial])


def test_without_voices_no_line_has_an_owner():
    without = sharpear.Sharpener(RATE, "music", overrides={"voices.enabled": False})
    assert without.process(np.zeros(RATE // 4)).fundamental is None
