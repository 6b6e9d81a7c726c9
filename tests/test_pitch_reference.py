"""The kernels of pitch and of voices against loops, with the presets' own numbers, one frame at a time."""

from functools import cache
from math import exp, log, log10
from typing import Any

import naive_owners
import naive_pitch
import naive_voices
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from spy import Call, Spy
from test_kernels_reference import RATE, chord

import sharpear.pitch.pitch_layer as pitch_layer
import sharpear.separation.voices as voices_module
from sharpear.config import load_config
from sharpear.dsp.separation_bank import HOP_S, hop_samples, separation_bank
from sharpear.pitch import PitchFrames, Transcriber
from sharpear.pitch.pitch_kernels import follow, strongest_partials
from sharpear.separation.separator import Separator
from sharpear.separation.voice_kernel import voices_process
from sharpear.separation.voice_notes import OWN, ROUNDS, VoiceNotes
from sharpear.separation.voice_owners_kernel import OF_CLAIM, OF_PITCH, OwnerWeights, match
from sharpear.separation.voice_tracks import VoiceTracks
from sharpear.separation.voices import PitchVoices
from sharpear.sharpening.sharpener import Sharpener

PITCH = load_config("music").pitch
HOP = round(2.9e-3 * RATE)
STEP_S = 4 * HOP / RATE
SETTINGS = naive_pitch.Settings(
    **{name: getattr(PITCH, name) for name in naive_pitch.Settings.__annotations__ if hasattr(PITCH, name)},
    level_decay=exp(-STEP_S / PITCH.level_s),
    noise_rise=1 - exp(-STEP_S / 0.3),
    held_hz=Sharpener(RATE).frequencies[0],
)


def duet() -> np.ndarray:
    """Two low tones and one far above the range, then others, over noise that grows; and an end in silence."""
    rng, t = np.random.default_rng(4), np.arange(round(0.5 * RATE)) / RATE
    first, second = t < 0.2, (t >= 0.2) & (t < 0.38)
    sound = 3e-4 * rng.standard_normal(t.size) * (1 + 8 * (t > 0.25)) * (t < 0.45)
    for hz, when in ((220.0, first | second), (331.0, first), (2500.0, first), (277.0, second)):
        swaying = hz * t + 0.0015 * hz * np.sin(40 * t) if hz == 220.0 else hz * t
        sound += sum(0.1 / h * np.cos(2 * np.pi * h * swaying + h * h) for h in range(1, 11) if h * hz < 14e3) * when
    return sound.astype(np.float32)


@cache
def heard() -> tuple[list[tuple[Call, Call]], PitchFrames, Transcriber]:
    """The pitch layer's calls below and above its network, frame by frame; all that it told; and who heard it."""
    spy, sound, told = Spy(), duet(), []
    with pytest.MonkeyPatch.context() as patch:
        for name in ("partials_process", "pitch_process"):
            patch.setattr(pitch_layer, name, spy.watch(getattr(pitch_layer, name)))
        transcriber = Transcriber(RATE)
        for start in range(0, sound.size - HOP + 1, HOP):
            told.append(transcriber.process(sound[start : start + HOP, None]))
    calls = zip(spy.calls["partials_process"], spy.calls["pitch_process"], strict=True)
    return [pair for pair in calls if len(pair[1].before["times"])], PitchFrames.join(told), transcriber


def lists(state: Any) -> dict[str, Any]:
    """The first stream's part of a kernel's state."""
    return {name: part[0].tolist() for name, part in state._asdict().items() if name != "times"}


def test_a_step_of_the_pitch_layer() -> None:
    """Level, noise, competition, median, voices, what speaks for them and the belief, each from the state before."""
    s, steps, sounded, glided, hid, activities = SETTINGS, 0, 0, 0, 0, [0.0] * heard()[2].layer.fields.pitch_hz.size
    for levels, call in heard()[0]:
        count = call.before["count"]
        if count % 4:
            assert lists(levels.before["state"]) == lists(levels.after["state"]), "between steps nothing changes"
            for name in ("pitches", "voices"):
                assert lists(call.before[name]) == lists(call.after[name]), "between steps nothing changes"
            continue
        step, width = count // 4, PITCH.median_steps
        before = lists(levels.before["state"]) | lists(call.before["pitches"])
        after = lists(levels.after["state"]) | lists(call.after["pitches"])
        places, found = lists(call.before["voices"]), lists(call.after["voices"])
        rings = lists(call.after["rings"])
        amplitude = call.before["amplitude"][0, 0].astype(float)
        frequency = call.before["frequency"][0, 0].astype(float)
        noise = levels.before["noise"][0, 0].tolist()
        lasting = [
            now if step == 0 or now < was else was + s.noise_rise * (now - was)
            for was, now in zip(before["lasting"], noise, strict=True)
        ]
        np.testing.assert_allclose(after["lasting"], lasting, rtol=1e-5)
        level = max(before["level"] * s.level_decay, amplitude.max(), 1e-20)
        assert after["level"] == pytest.approx(level, rel=1e-6)
        partials = naive_pitch.partials(amplitude, frequency, lasting, level, s)
        rested, activities = activities, call.before["a"][0, 0].tolist()
        if step % 3 == 0:  # the slowest of the loops
            expected = naive_pitch.compete(partials, rested, s)
            np.testing.assert_allclose(activities, expected, rtol=1e-3, atol=2e-4)  # at a tooth's end rounding decides
        history = before["history"]
        history[step % width] = activities
        assert after["history"] == history
        # Where neighbours are equal, their last bit is the peak.
        steady, activity = (getattr(call.after["work"], name).tolist() for name in ("steady", "activity"))
        np.testing.assert_allclose(steady, naive_pitch.middle_of(history), rtol=1e-6)
        shown = [0.0 if hidden else hz for hz, hidden in zip(places["f0"], places["hidden"], strict=True)]
        np.testing.assert_allclose(activity, naive_pitch.gliding(history, step, shown, s), rtol=1e-6)
        glided += activity != steady
        strongest = max(before["strongest"] * s.level_decay, max(steady), 0.1)
        assert after["strongest"] == pytest.approx(strongest, rel=1e-6)
        before_hz = list(places["f0"])
        kept = ("f0", "last_f0", "strength", "clear", "hidden")
        voices = naive_pitch.Voices(*(places[name] for name in kept))
        naive_pitch.follow(activity, steady, strongest, voices, s)
        middle = (count - width // 2 * 4) % (width // 2 * 4 + 3)
        there = naive_pitch.partials(rings["amplitude"][middle], rings["frequency"][middle], lasting, level, s)
        naive_pitch.follow_hidden(there, strongest, before_hz, voices, s)
        naive_pitch.refine(there, voices, s)
        assert found["hidden"] == voices.hidden
        hid += sum(voices.hidden)
        for name in ("f0", "last_f0", "strength", "clear"):
            np.testing.assert_allclose(found[name], getattr(voices, name), rtol=2e-5, err_msg=name)
        known = naive_pitch.evidence(there, voices, places["age"], strongest, history, step, s)
        np.testing.assert_allclose(call.after["work"].evidence, known, rtol=2e-3, atol=2e-3)
        layers = [weights.tolist() for weights in call.before["readout"]]
        for v, hz in enumerate(found["f0"]):
            believed = naive_pitch.belief(known[v], layers) if hz > 0 else 0.0
            assert found["belief"][v] == pytest.approx(believed, abs=0.02)
            assert found["age"][v] == (places["age"][v] + 1 if hz > 0 else 0)
        steps, sounded = steps + 1, sounded + sum(f0 > 0 for f0 in found["f0"])
    assert steps > 30
    assert glided > 5, "no voice glides"
    assert hid > 30, "no voice is explained by others"
    assert sounded > 60, "the sound hardly wakes the layer"


def test_what_leaves_the_pitch_layer() -> None:
    """Voices in the range that are believed in; the others apart; and whether any sounds out of the range."""
    s = SETTINGS
    low_hz, high_hz = s.low_hz * 2 ** (-0.5 / 12), s.high_hz * 2 ** (0.5 / 12)
    frames, latency = heard()[0], PITCH.median_steps // 2 * 4 + 2
    kinds = dict.fromkeys(("told", "faint", "below", "above", "silent", "unlikely"), 0)
    for n, (_, call) in enumerate(frames):
        assert call.result == (n >= latency)
        if not call.result:
            continue
        out = call.after["out"]
        entered = frames[n - latency][1].before
        assert out.times[0] == entered["times"][0]
        np.testing.assert_array_equal(out.amplitude[0], entered["amplitude"][0])
        np.testing.assert_array_equal(out.frequency[0], entered["frequency"][0])
        places, outside = lists(call.after["voices"]), [False, False]
        for v, hz in enumerate(places["f0"]):
            kind = "silent" if hz == 0 else "below" if hz < low_hz else "above" if hz > high_hz else "told"
            if kind in ("below", "above"):
                outside[kind == "above"] |= places["belief"][v] > PITCH.believed
            elif kind == "told" and not places["belief"][v] > PITCH.believed:
                kind = "unlikely" if places["hidden"][v] and places["belief"][v] < 0.02 else "faint"
            kinds[kind] += 1
            for name, known in (("", "told"), ("faint_", "faint")):
                got = getattr(out, f"{name}f0")[0, 0, v], getattr(out, f"{name}strength")[0, 0, v]
                unclaimed = known == "faint" and places["hidden"][v]
                strength = 0 if unclaimed else np.float32(places["strength"][v])
                assert got == ((np.float32(hz), strength) if kind == known else (0, 0))
            assert out.belief[0, 0, v] == np.float32(places["belief"][v] if kind in ("told", "faint") else 0)
        assert out.outside[0, 0].tolist() == outside
    assert all(kinds[kind] for kind in ("told", "above", "silent", "unlikely")), kinds


@pytest.mark.parametrize("count", [100, 161, 700])
def test_of_many_partials_the_strongest_are_taken(count: int) -> None:
    call, rng = heard()[0][-1][1].before, np.random.default_rng(count)
    atoms, level = call["amplitude"].shape[2], np.float32(0.3)
    amplitude = np.zeros(atoms, np.float32)
    amplitude[rng.permutation(atoms)[:count]] = 0.3 * rng.random(count) ** 3
    frequency = (rng.uniform(50, 5000, atoms) * (rng.random(atoms) < 0.98)).astype(np.float32)
    noise = rng.exponential(1e-4, atoms).astype(np.float32)
    there = call["work"].partials
    found = strongest_partials(amplitude, frequency, noise, level, call["rule"], there)
    expected = naive_pitch.partials(amplitude.tolist(), frequency.tolist(), noise.tolist(), 0.3, SETTINGS)
    rows = np.stack([there.y[:found], there.noise_y[:found], there.line_hz[:found]], axis=1)
    assert 50 < found <= 160
    np.testing.assert_allclose(rows, expected, rtol=1e-5)


def test_a_voice_goes_on_along_a_glide_and_none_begins_on_one() -> None:
    layer = heard()[2].layer
    fields, activity, steady = layer.fields, *np.zeros((2, layer.fields.pitch_hz.size), np.float32)
    activity[[100, 200, 300]], steady[100] = 0.9, 0.9
    f0, last_f0, strength = np.zeros((3, 8), np.float32)
    f0[2] = last_f0[2] = fields.pitch_hz[202]
    follow(activity, steady, np.float32(1), layer._voice_rule, fields.rule, f0, last_f0, strength, np.zeros(8, bool))
    np.testing.assert_allclose(np.sort(f0)[-3:], [0, *fields.pitch_hz[[100, 200]]], rtol=1e-5)
    assert f0[2] == pytest.approx(fields.pitch_hz[200])


def test_shares_of_the_partials() -> None:
    _, frames, transcriber = heard()
    share = transcriber.layer.shares(frames)
    for n in np.linspace(0, len(frames) - 1, 6).astype(int):
        f0, strength = frames.f0[n, 0].astype(float), frames.strength[n, 0].astype(float)
        hz, amplitude = frames.instantaneous_frequency[n, 0].astype(float), frames.amplitude[n, 0]
        expected = naive_pitch.shares(hz.tolist(), amplitude.tolist(), f0.tolist(), strength.tolist(), SETTINGS)
        np.testing.assert_allclose(share[n, 0], expected, rtol=1e-3, atol=1e-5)
    assert share.max() > 0.9


def random_weights(rng: np.random.Generator) -> OwnerWeights:
    """A network whose claims are worth about as much as nobody's."""
    shapes = (5, OF_PITCH + 1), (5, OF_CLAIM), (6,), (3, OF_PITCH + 1), (4,)
    scales = 0.2, 0.5, 1.0, 0.2, 1.0
    return OwnerWeights(*(rng.normal(0, s, shape).astype(np.float32) for s, shape in zip(scales, shapes, strict=True)))


def pitches_and_partials(f0: np.ndarray, rng: np.random.Generator) -> PitchFrames:
    """Of (frames, places) Hz: twelve partials of each pitch, nearly harmonic, of random amplitudes that fall."""
    frames = len(f0)
    line_hz = (f0[:, :, None] * np.arange(1, 13)).reshape(frames, 1, -1)
    line_hz *= 2 ** rng.uniform(-0.005, 0.005, line_hz.shape)
    amplitude = rng.uniform(0.01, 1, line_hz.shape) * 0.9 ** np.arange(frames)[:, None, None] * (line_hz > 0)
    strength, belief = rng.uniform(0.1, 1, f0.shape) * (f0 > 0), rng.uniform(0.02, 0.98, f0.shape)
    parts = amplitude, line_hz, *[np.zeros((frames, 1, 2))] * 3, belief[:, None], f0[:, None], strength[:, None]
    return PitchFrames(np.zeros(frames), *(part.astype(np.float32) for part in parts))


@pytest.mark.parametrize("seed", range(4))
def test_pitches_go_to_voices_for_the_greatest_gain(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for places, count in ((5, 2), (4, 3), (6, 4), (3, 5), (1, 1)):
        gain, owner = rng.normal(0.5, 1, (places, count)), np.empty(places, np.int64)
        match(gain, owner)
        given = [(place, owner[place] - 1) for place in range(places) if owner[place]]
        assert len({voice for _, voice in given}) == len(given)
        assert all(gain[at] > 0 for at in given)
        worth = np.maximum(gain, 0)
        assert sum(gain[at] for at in given) == pytest.approx(worth[linear_sum_assignment(-worth)].sum())


@pytest.mark.parametrize(
    ("count", "places", "stride", "seed"), [(2, 3, 1, 3), (3, 3, 4, 2), (4, 6, 4, 4), (1, 3, 3, 0)]
)
def test_voices_are_followed(count: int, places: int, stride: int, seed: int) -> None:
    """Pitches that come, go, glide a little within and beyond what is one pitch, and change places."""
    rng, steps, hop_s = np.random.default_rng(seed), 150, 0.0116 / stride
    walk = np.cumsum(rng.normal(0, 0.02, (steps, places)), axis=0)
    leap = np.repeat(rng.normal(0, 0.5, (steps // 25, places)), 25, axis=0)
    sounding = np.repeat(rng.random((steps // 10, places)) < 0.7, 10, axis=0) & (rng.random((steps, places)) < 0.97)
    first = -(stride // 2) % stride
    f0 = np.repeat(2 ** (np.linspace(7, 9, places) + walk + leap) * sounding, stride, axis=0)
    frames, weights = pitches_and_partials(np.roll(f0, first, axis=0).astype(np.float32), rng), random_weights(rng)
    tracks, kept = VoiceTracks(count, places, hop_s, stride, weights=weights), {"reading": [], "harmonics": []}
    found = []
    for n in range(len(frames)):
        found.append(tracks.process(frames[n : n + 1])[:, 0])
        for name, rows in kept.items() if n % stride == first else ():
            rows.append(tracks.state[name][0, n // stride % 11])
    at = frames[first::stride]
    odds = np.log(at.belief[:, 0].astype(float) / (1 - at.belief[:, 0]))
    wide = OwnerWeights(*(part.astype(float) for part in weights))
    told = (at.f0[:, 0].astype(float), odds, *(np.array(rows, float) for rows in kept.values()))
    attack, release = round(0.03 / hop_s), round(0.16 / hop_s)

    def expected(owner: list[list[int | None]]) -> np.ndarray:
        assert 0.05 < np.mean([voice is not None for row in owner for voice in row]) < 0.9
        held = [[None] * places] * first + [row for row in owner for _ in range(stride)]
        steady = [np.pad(part[:, 0].repeat(stride, axis=0), [(first, 0), (0, 0)]) for part in (at.f0, at.strength)]
        return np.array(naive_owners.tracks(*steady, held, count, attack, release)[: len(frames)])

    late = tracks.latency_frames
    assert late == 10 * stride + attack
    owner = naive_owners.owners(*told, count, stride * hop_s, 10, wide)
    np.testing.assert_allclose(np.concatenate(found)[late:], expected(owner)[: len(frames) - late], rtol=1e-5)
    notes = VoiceNotes(count, places, hop_s, stride, weights=weights)
    for block in (frames[:7], frames[7:]):
        notes.listen(block)
    spectrum, alone = notes.decide()
    whole = naive_owners.of_notes(*told, count, stride * hop_s, 10, wide, OWN, ROUNDS)
    assert whole != owner
    np.testing.assert_allclose(notes.tracks[:, 0], expected(whole), rtol=1e-5)
    of_voices = naive_owners.spectra(told[0], told[1], told[3], whole, count, 10)
    np.testing.assert_allclose((spectrum[0], alone[0]), of_voices, rtol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_read_of_pitches(seed: int) -> None:
    """Three pitches, one a whole multiple of another, that begin one after another and grow fainter."""
    rng, frames, hop_s = np.random.default_rng(seed), 5, 0.003
    f0 = np.tile(np.float32([110 * 2 ** rng.uniform(0, 1), 0, 0, 320]), (frames, 1))
    f0[:, 1], f0[0, 2], f0[1:, 2] = 2.002 * f0[:, 0], 0, f0[1:, 0] * (3 if seed else 4)
    pitches = pitches_and_partials(f0, rng)
    tracks, loudest = VoiceTracks(1, 4, hop_s, 1, weights=random_weights(rng)), [-np.inf] * 4
    for n in range(frames):
        tracks.process(pitches[n : n + 1])
        here = [p for p in range(4) if f0[n, p] > 0]
        age = [log(1 + (n - (p == 2)) * hop_s / 0.05) for p in here]
        energy = []
        line_hz, squares = pitches.instantaneous_frequency[n, 0], np.square(pitches.amplitude[n, 0].astype(float))
        for p in here:
            with np.errstate(divide="ignore"):
                near = [abs(np.log2(line_hz / (h * f0[n, p]))) < 0.03 for h in range(1, 13)]
            energy.append([squares[at].sum() + 1e-6 * squares.sum() for at in near])
            loudest[p] = max(loudest[p], log10(sum(energy[-1])))
        for i, p in enumerate(here):
            read = naive_voices.pitch_features(i, f0[n, here], pitches.strength[n, 0, here], age, energy, loudest[p])
            np.testing.assert_allclose(tracks.state["reading"][0, n, p], read, atol=1e-4)
            np.testing.assert_allclose(tracks.state["harmonics"][0, n, p], np.log10(energy[i]), atol=1e-5)


@cache
def fitting() -> dict[str, Any]:
    """What the kernel of voices is given."""
    spy = Spy()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(voices_module, "voices_process", spy.watch(voices_module.voices_process))
        Separator(RATE, PitchVoices.of(2)).process(chord(0.02, 0))
    return spy.calls["voices_process"][0].before


@pytest.mark.parametrize("seed", range(3))
def test_the_power_of_channels_divides_among_voices(seed: int) -> None:
    """Two voices that meet, go silent and ring on, and sound that is neither's; the envelopes learn on the way."""
    bank, given, rng = separation_bank(float(RATE)).bank, fitting(), np.random.default_rng(seed)
    frames, channels = 8, bank.channels
    base = rng.uniform(90, 400)
    tracks = np.zeros((frames, 2, 3), np.float32)
    tracks[:, 0] = [[base * 2 ** rng.normal(0, 0.01), rng.uniform(0.2, 1), n % 3 > 0] for n in range(frames)]
    tracks[:, 1] = [[base * 1.5, rng.uniform(0.2, 1) * (n not in (3, 4)), 1] for n in range(frames)]
    tracks[4, 0, 1] = 0
    power = (1e-3 * rng.exponential(1.0, (frames, channels))).astype(np.float32)
    for hz in (base, 1.5 * base, 3 * base, 4200.0):
        power += np.square(np.abs(bank.response(np.array([hz])))).astype(np.float32)
    half_hz = RATE * (1 - bank.damping) / (2 * np.pi * np.sqrt(bank.damping))
    envelope = np.tile(np.arange(1.0, 31) ** -2, (2, 1)).astype(np.float32)
    owned = np.zeros((3, channels), np.float32)
    for n in range(frames):
        known, whose = envelope.astype(float).tolist(), owned.astype(float).tolist()
        expected = naive_voices.frame(
            power[n].astype(float).tolist(), tracks[n].astype(float).tolist(), known, whose, bank.center_hz.tolist(),
            half_hz.tolist(), bank.order, iterations=6, pace=hop_samples(RATE) / RATE / 0.5, nobody=1e-5,
            passing=hop_samples(RATE) / RATE / 0.08,
        )  # fmt: skip
        share = np.empty((1, 2, channels), np.float32)
        rule, lines = given["rule"], given["lines"]
        voices_process(power[n : n + 1], tracks[n : n + 1], given["channels"], rule, envelope, owned, lines, share)
        np.testing.assert_allclose(share[0], expected, rtol=2e-3, atol=1e-5, err_msg=f"frame {n}")
        np.testing.assert_allclose(envelope, known, rtol=1e-4, err_msg=f"frame {n}")
        np.testing.assert_allclose(owned, whose, rtol=2e-3, atol=1e-12, err_msg=f"frame {n}")
    assert pytest.approx(hop_samples(RATE) / RATE, rel=0.01) == HOP_S
