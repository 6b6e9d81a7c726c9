"""The public Python API, end to end: shapes, times, latency, and how sharp it is."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SMALL, SMALL_COMPLEX

import sharpear
from sharpear.config import load_config, preset_names
from sharpear.errors import UsageError
from sharpear.pitch import transcribe
from sharpear.separation.separator import Separator
from sharpear.sharpening.frames import Frames

RATE = 16000
BACH = Path(__file__).parent.parent / "examples" / "audio" / "bach_bwv66.6.flac"
NARROW = {"bank.low_hz": 250.0, "bank.high_hz": 1400.0, "bank.channels": 40, "atoms.count": 40}
SHRUNK = {
    **{name: (name, NARROW) for name in preset_names()},
    "small": (str(SMALL), {}),
    "small unaligned": (str(SMALL), {"frames.align_limit_ms": 0.0}),
    "small complex": (str(SMALL_COMPLEX), {}),
    "small complex unaligned": (str(SMALL_COMPLEX), {"frames.align_limit_ms": 0.0}),
}
"""Every preset and mode, over few channels."""

each = pytest.mark.parametrize("shrunk", SHRUNK.values(), ids=SHRUNK.keys())


def new(shrunk, streams: int = 1, **options) -> sharpear.Sharpener:
    preset, overrides = shrunk
    return sharpear.Sharpener(RATE, preset=preset, streams=streams, overrides=overrides, **options)


def cosine(hz: float, seconds: float, rate: int = RATE, amplitude: float = 0.3) -> np.ndarray:
    return amplitude * np.cos(2 * np.pi * hz / rate * np.arange(round(seconds * rate)))


def noise(*shape: int) -> np.ndarray:
    return 0.1 * np.random.default_rng(3).standard_normal(shape)


def assert_same(one: Frames, other: Frames) -> None:
    for name in ("times", "amplitude", "instantaneous_frequency", "plain_amplitude"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


@each
def test_shapes_of_one_and_two_dimensional_audio(shrunk):
    preset, overrides = shrunk
    audio = noise(2000, 2)
    flat = sharpear.sharpen(audio[:, 0], RATE, preset, overrides)
    both = sharpear.sharpen(audio, RATE, preset, overrides)
    frames, atoms = flat.times.size, flat.frequencies.size
    assert flat.amplitude.shape == flat.instantaneous_frequency.shape == (frames, atoms)
    assert both.amplitude.shape == both.instantaneous_frequency.shape == (frames, 2, atoms)
    assert flat.amplitude.dtype == flat.instantaneous_frequency.dtype == np.float32
    assert flat.plain_amplitude.shape == (frames, flat.channel_frequencies.size)
    assert np.array_equal(both.amplitude[:, 0], flat.amplitude)
    assert (np.diff(flat.frequencies) > 0).all()
    assert (flat.amplitude >= 0).all()


@each
@pytest.mark.parametrize("samples", [1, 5, 46, 47, 1000])
def test_frames_cover_the_input_at_multiples_of_the_hop(shrunk, samples):
    preset, overrides = shrunk
    sharpener = new(shrunk)
    hop_s = sharpener.hop / RATE
    times = sharpear.sharpen(noise(samples), RATE, preset, overrides).times
    first = round(times[0] / hop_s)
    assert first == (0 if sharpener.latency_s else 1)
    assert times == pytest.approx((first + np.arange(times.size)) * hop_s)
    assert times[-1] - hop_s < samples / RATE <= times[-1]


@each
def test_chunks_give_the_whole_bit_for_bit(shrunk):
    audio = noise(3000, 2)
    whole = new(shrunk, 2)
    expected = Frames.join([whole.process(audio), whole.flush()])
    for size in (1, 17, 1000):
        sharpener = new(shrunk, 2)
        pieces = [sharpener.process(audio[at : at + size]) for at in range(0, len(audio), size)]
        assert_same(Frames.join([*pieces, sharpener.flush()]), expected)


@each
def test_reset_replays_and_a_saved_state_resumes(shrunk):
    audio = noise(3000)
    sharpener = new(shrunk)
    first = sharpener.process(audio[:1100])
    saved = sharpener.state
    rest = sharpener.process(audio[1100:])
    resumed = new(shrunk)
    resumed.state = saved
    assert_same(resumed.process(audio[1100:]), rest)
    sharpener.reset()
    assert_same(sharpener.process(audio[:1100]), first)


@each
def test_a_frame_comes_out_when_the_latency_says(shrunk):
    sharpener = new(shrunk)
    for heard in range(1, 120):
        frames = sharpener.process(np.zeros(sharpener.hop))
        now_s = heard * sharpener.hop / RATE
        assert frames.times == pytest.approx(
            [now_s - sharpener.latency_s] if now_s >= sharpener.latency_s - 1e-9 else []
        )


@pytest.mark.parametrize("preset", ["music", "speech", "low-latency"])
def test_an_onset_stands_at_its_time_over_all_frequencies(preset):
    rate, onset_s = 44100, 0.3
    for hz in (300.0, 1000.0, 3000.0):
        audio = cosine(hz, 0.7, rate)
        audio[: round(onset_s * rate)] = 0
        spec = sharpear.sharpen(audio, rate, preset)
        energy = np.square(spec.amplitude).sum(axis=1)
        rise = spec.times[np.argmax(energy > 0.25 * energy[spec.times > 0.5].max())]
        # An aligned filter stands at its envelope's half height within about half of its own length.
        assert abs(rise - onset_s) < 0.04


def test_times_start_where_they_are_told():
    sharpener = new((str(SMALL), {}), start_s=12.5)
    frames = Frames.join([sharpener.process(noise(1000)), sharpener.flush()])
    assert frames.times[0] == 12.5


@each
def test_the_output_scales_with_the_input(shrunk):
    preset, overrides = shrunk
    audio = cosine(440, 0.5) + cosine(700, 0.5)
    loud = sharpear.sharpen(audio, RATE, preset, overrides)
    for scale in (2.0**-13, 0.125):  # powers of two change no rounding, so that no near-tie is decided otherwise
        quiet = sharpear.sharpen(scale * audio, RATE, preset, overrides)
        error = quiet.amplitude / scale - loud.amplitude
        if load_config(preset, overrides).network.mode == "beliefs":  # which compares what begins with a silent past
            assert np.square(error).sum() < 1e-3 * np.square(loud.amplitude).sum()
        else:
            assert np.abs(error).max() < 1e-3 * loud.amplitude.max()


@each
def test_an_isolated_tone_is_refined_below_the_grid(shrunk):
    preset, overrides = shrunk
    for hz in (437.0, 803.3):
        spec = sharpear.sharpen(cosine(hz, 0.8), RATE, preset, overrides)
        steady = np.abs(spec.times - 0.5) < 0.1
        loudest = spec.amplitude[steady].argmax(axis=1)
        refined = spec.instantaneous_frequency[steady][np.arange(loudest.size), loudest]
        assert np.abs(1200 * np.log2(refined / hz)).max() < 2


@each
def test_nothing_breaks_it(shrunk):
    sharpener = new(shrunk)
    audio = noise(6000)
    audio[[10, 500]] = np.nan, -np.inf
    audio[1000:2000] = 1e-42
    frames = Frames.join([sharpener.process(audio), sharpener.process(np.zeros(2000)), sharpener.flush()])
    assert np.isfinite(frames.amplitude).all()
    assert np.isfinite(frames.instantaneous_frequency).all()
    assert sharpener.replaced.tolist() == [2]


BAD_AUDIO = [
    np.zeros(0),
    np.zeros((0, 2)),
    np.zeros((2, 2, 2)),
    np.float64(3),
    np.ones(99, np.int16),
    np.ones((99, 2), int),
]


@pytest.mark.parametrize("audio", BAD_AUDIO)
def test_audio_of_no_shape_or_of_integers_is_refused(audio):
    with pytest.raises(UsageError, match="received"):
        sharpear.sharpen(audio, RATE, str(SMALL))


@pytest.mark.parametrize("kind", [np.int16, bool, complex, "U1"])
def test_what_is_no_floating_point_is_refused_everywhere(kind):
    audio = np.ones((99, 1)).astype(kind)
    hearing = [sharpear.Sharpener(RATE, str(SMALL)).process, Separator(RATE).process]
    for hear in (*hearing, lambda audio: sharpear.sharpen(audio, RATE), lambda audio: transcribe(audio, RATE)):
        with pytest.raises(UsageError, match=f"floating point.* received {np.ones(1).astype(kind).dtype}"):
            hear(audio)


def test_impossible_sharpeners_are_refused():
    for options in ({"sample_rate": 4000}, {"streams": 0}, {"overrides": {"bank.low_hz": 9000, "bank.high_hz": 9999}}):
        with pytest.raises(UsageError, match=r"received|lower it"):
            sharpear.Sharpener(**{"sample_rate": RATE, "preset": str(SMALL), **options})
    with pytest.raises(UsageError, match="samples, 2"):
        sharpear.Sharpener(RATE, str(SMALL), streams=2).process(np.zeros((100, 3)))


def transport_cents(hz: np.ndarray, energy: np.ndarray, true_hz: list[float]) -> float:
    """How far energy at `hz`, of 150 to 3600 Hz, must move on average to lie in equal parts at `true_hz`."""
    heard = (energy > 0) & (hz > 150) & (hz < 3600)
    cents = 1200 * np.log2(np.concatenate([hz[heard], true_hz]))
    weight = np.concatenate([energy[heard] / energy[heard].sum(), np.full(len(true_hz), -1 / len(true_hz))])
    order = cents.argsort()
    return float((np.abs(weight[order].cumsum())[:-1] * np.diff(cents[order])).sum())


@pytest.mark.parametrize("apart_hz", [10.0, 20.0])
def test_two_close_tones_are_told_apart(apart_hz):
    rate, true_hz = 44100, [440.0, 440.0 + apart_hz]
    audio = sum(cosine(hz, 1.2, rate) for hz in true_hz)
    audio = audio + np.random.default_rng(0).standard_normal(audio.size) * np.sqrt(np.mean(audio**2) / 1000)
    spec = sharpear.sharpen(audio, rate, preset="music")
    steady = np.flatnonzero((spec.times > 0.4) & (spec.times < 1.0))
    energy, hz = np.square(spec.amplitude, dtype=np.float64), spec.instantaneous_frequency.astype(np.float64)
    assert np.mean([transport_cents(hz[at], energy[at], true_hz) for at in steady]) <= 4


def renyi_bits(energy: np.ndarray) -> float:
    """Mean Rényi-3 entropy of the frames within 40 dB of the loudest."""
    total = energy.sum(axis=1, keepdims=True)
    share = (energy / np.maximum(total, 1e-30))[total[:, 0] > 1e-4 * total.max()]
    return float((-0.5 * np.log2((share**3).sum(axis=1))).mean())


def test_a_chorale_concentrates():
    audio, rate = soundfile.read(BACH, stop=3 * 44100)
    spec = sharpear.sharpen(audio, rate, preset="music")
    grid_hz = np.geomspace(100, 5000, 542)
    plain = np.stack([np.interp(grid_hz, spec.channel_frequencies, row) for row in np.square(spec.plain_amplitude)])
    hz, energy = spec.instantaneous_frequency, np.square(spec.amplitude)
    edges = np.geomspace(grid_hz[0], grid_hz[-1], grid_hz.size + 1)
    sharp = np.stack([np.histogram(f, edges, weights=e)[0] for f, e in zip(hz, energy, strict=True)])
    assert renyi_bits(sharp) < renyi_bits(plain) - 2


@each
def test_deciding_leaves_what_was_heard_as_it_was(shrunk) -> None:
    sharpener = new(shrunk)
    heard = sharpener.listen((cosine(440.0, 0.4) + 0.01 * noise(round(0.4 * RATE)))[:, None].astype(np.float32))
    before = replace(heard, drive=heard.drive.copy(), frequency_hz=heard.frequency_hz.copy())
    assert sharpener.resolve(heard).amplitude.any()
    np.testing.assert_array_equal(heard.drive, before.drive)
    np.testing.assert_array_equal(heard.frequency_hz, before.frequency_hz)
