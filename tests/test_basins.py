"""Basins against loops, on sounds whose lines are known, and what must hold for any power."""

from itertools import pairwise

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharpear.dsp import BasinLines, Basins, HannBank, HannDesign, HannFrames, HannWindow
from sharpear.dsp.basins_kernel import MOST_LINES

RATE = 44100.0
DESIGN = HannDesign(RATE, 128)
SMALL = HannDesign(8000.0, 20, (HannWindow(4, 1, 1000.0), HannWindow(16, 2, 500.0)))
"""11 and 41 channels, 100 and 12.5 Hz apart."""


def lines_of(sound: np.ndarray) -> BasinLines:
    return Basins(DESIGN).process(HannBank(DESIGN).process(np.asarray(sound, np.float32)[:, None]))


def cosine(hz: float, amplitude: float = 1.0, seconds: float = 0.3) -> np.ndarray:
    return amplitude * np.cos(2 * np.pi * hz / RATE * np.arange(round(seconds * RATE)))


def frames_of(design: HannDesign, power: np.ndarray, off_hz: np.ndarray) -> HannFrames:
    """Frames (frames, streams, channels) of that power, whose frequencies are so far from the channels' centres."""
    moment = power * (design.center_hz + off_hz)
    subband = np.zeros((*power.shape[:2], int(design.counts[-1])), np.complex64)
    nothing = np.empty((*power.shape[:2], 0), np.float32)
    return HannFrames(power.astype(np.float32), moment.astype(np.float32), subband, nothing)


def assert_as_loops(design: HannDesign, frames: HannFrames) -> None:
    lines = Basins(design).process(frames)
    for place in np.ndindex(*frames.power.shape[:2]):
        for w, window in enumerate(design.windows):
            channels = design.channels_of(w)
            power, moment = (part[place][channels].tolist() for part in (frames.power, frames.moment))
            top_hz = float(design.center_hz[channels][-1])
            expected = naive.basins(power, moment, top_hz, window.points)
            count = lines.count[place][w]
            assert count == len(expected)
            assert lines.peak[place][w, :count].tolist() == [line.peak for line in expected]
            for name in ("hz", "energy", "concentration", "spread_hz"):
                found = getattr(lines, name)[place][w]
                right = [getattr(line, name) for line in expected]
                np.testing.assert_allclose(found[:count], right, rtol=1e-5, atol=1e-4 if name == "spread_hz" else 0)
                assert not found[count:].any()


LEVELS = st.one_of(
    st.just(0.0), st.sampled_from([1.0, 0.5, 1e-6, 1e-19]), st.floats(-200, 20).map(lambda d: 10 ** (d / 10))
)


@st.composite
def powers(draw: st.DrawFn, frames: int = 1, streams: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Any powers, with plateaus and zeros, and frequencies within a channel or two."""
    shape = (frames, streams, SMALL.channels)
    count = int(np.prod(shape))
    power = np.array(draw(st.lists(LEVELS, min_size=count, max_size=count)), np.float32).reshape(shape)
    seed = draw(st.integers(0, 2**32 - 1))
    return power, np.random.default_rng(seed).uniform(-40, 40, shape)


@given(powers())
@settings(max_examples=150, deadline=None)
def test_any_power_gives_what_loops_give(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    assert_as_loops(SMALL, frames_of(SMALL, *drawn))


def test_sound_gives_what_loops_give() -> None:
    rng = np.random.default_rng(3)
    sound = sum(cosine(hz, a) for hz, a in [(220, 0.5), (231, 0.2), (660, 1e-3), (5000, 0.01)])
    sound = np.stack([sound + 1e-4 * rng.standard_normal(sound.size), 0.3 * rng.standard_normal(sound.size)], axis=1)
    frames = HannBank(DESIGN, 2).process(sound.astype(np.float32))
    assert_as_loops(DESIGN, frames[len(frames) - 2 :])


def sounding(design: HannDesign, seed: int, streams: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Powers within 40 dB, and frequencies within half a channel of the centres."""
    rng = np.random.default_rng(seed)
    shape = (2, streams, design.channels)
    width = np.concatenate([np.full(n, d) for n, d in zip(design.counts, design.spacing_hz, strict=True)])
    return 10 ** rng.uniform(-4, 0, shape), rng.uniform(-0.49, 0.0, shape) * width * (design.center_hz > 0)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_all_power_is_in_lines_and_lines_are_in_their_basins(seed: int) -> None:
    """Where no line is faint or beyond the window; the lowest channel's frequency is 0 and its basin has others."""
    frames = frames_of(SMALL, *sounding(SMALL, seed))
    frames.power[:, :, [0, SMALL.counts[0]]] = 0.0
    frames.moment[:, :, [0, SMALL.counts[0]]] = 0.0
    lines = Basins(SMALL).process(frames)
    for w, spacing_hz in enumerate(SMALL.spacing_hz):
        channels = SMALL.channels_of(w)
        total = frames.power[:, :, channels].sum(axis=2, dtype=np.float64)
        np.testing.assert_allclose(lines.energy[:, :, w].sum(axis=2), total, rtol=1e-5)
        for place in np.ndindex(2, 1):
            edges = [0, *naive.valleys(frames.power[place][channels].tolist()), int(SMALL.counts[w])]
            count = int(lines.count[place][w])
            assert count == len(edges) - 1
            hz, peak = lines.hz[place][w, :count], lines.peak[place][w, :count]
            for line, (begin, end) in enumerate(pairwise(edges)):
                assert begin <= peak[line] < end
                assert (begin - 0.5) * spacing_hz <= hz[line] <= (end - 1) * spacing_hz
            assert (np.diff(hz) >= 0).all()
            assert (lines.spread_hz[place][w, :count] <= np.diff(edges) * spacing_hz).all()


@given(st.permutations(range(4)), st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_streams_do_not_mix(order: list[int], seed: int) -> None:
    frames = frames_of(SMALL, *sounding(SMALL, seed, 4))
    moved = HannFrames(
        frames.power[:, order], frames.moment[:, order], frames.subband[:, order], frames.samples[:, order]
    )
    as_they_were, now = Basins(SMALL).process(frames), Basins(SMALL).process(moved)
    for name in ("count", "hz", "energy", "concentration", "spread_hz", "peak"):
        np.testing.assert_array_equal(getattr(now, name), getattr(as_they_were, name)[:, order])


@pytest.mark.parametrize("amplitude", [1.0, 1e-3])
@pytest.mark.parametrize("hz", [35.0, 441.3, 1237.0, 3999.0])
def test_a_lone_tone_is_one_line_of_its_energy_in_every_window(hz: float, amplitude: float) -> None:
    lines = lines_of(cosine(hz, amplitude))
    for w in range(len(DESIGN.windows)):
        if hz < 3 * RATE / DESIGN.length_samples[w]:
            continue  # it would meet its mirror image below 0 Hz
        strongest = int(lines.energy[-1, 0, w].argmax())
        assert lines.hz[-1, 0, w, strongest] == pytest.approx(hz, abs=0.05)
        assert np.sqrt(lines.energy[-1, 0, w, strongest]) == pytest.approx(amplitude, rel=3e-3)
        least = 0.7 if DESIGN.windows[w].points == 1 else 0.9
        assert least < lines.concentration[-1, 0, w, strongest] < 1.01
        assert lines.spread_hz[-1, 0, w, strongest] < 0.5
        others = np.delete(lines.energy[-1, 0, w], strongest)
        assert others.max() < 3e-3 * amplitude**2


def test_a_moving_tone_is_less_concentrated_and_spread_as_far_as_it_moves() -> None:
    seconds = np.arange(round(0.4 * RATE)) / RATE
    lines = lines_of(np.cos(2 * np.pi * (800 * seconds + 500 * seconds**2)))
    strongest = int(lines.energy[-1, 0, 3].argmax())
    assert lines.concentration[-1, 0, 3, strongest] < 0.5
    deviation_hz = 1000 * DESIGN.length_samples[3] / RATE * 0.1414  # of a place under a squared Hann window: 0.1414 N
    assert lines.spread_hz[-1, 0, 3, strongest] == pytest.approx(deviation_hz, rel=0.2)


def test_the_lowest_basin_counts_where_nothing_is_below_it() -> None:
    power = np.zeros((1, 1, SMALL.channels))
    power[0, 0, :3] = [1.0, 0.5, 0.1]
    lines = Basins(SMALL).process(frames_of(SMALL, power, np.zeros_like(power)))
    assert lines.count[0, 0].tolist() == [1, 0]
    assert lines.hz[0, 0, 0, 0] == pytest.approx(70 / 1.6)
    assert lines.energy[0, 0, 0, 0] == pytest.approx(1.6)


def test_faint_lines_are_left_out_beside_strong_ones_and_kept_beyond_an_octave() -> None:
    power = np.zeros((1, 1, SMALL.channels))
    for channel, energy in ((1, 1.0), (3, 2e-6), (5, 0.9e-6), (7, 3e-11), (9, 0.9e-16)):
        power[0, 0, channel] = energy
    lines = Basins(SMALL).process(frames_of(SMALL, power, np.zeros_like(power)))
    assert lines.hz[0, 0, 0, :4].tolist() == [100.0, 300.0, 500.0, 700.0]
    assert lines.count[0, 0, 0] == 4
    power[0, 0, 3] = 1.0
    lines = Basins(SMALL).process(frames_of(SMALL, power, np.zeros_like(power)))
    assert lines.hz[0, 0, 0, : lines.count[0, 0, 0]].tolist() == [100.0, 300.0, 700.0]


def test_of_more_lines_than_there_is_room_for_the_strongest_are_kept_and_of_equal_ones_the_lower() -> None:
    design = HannDesign(44100.0, 128, (HannWindow(32, 2, 4200.0),))
    power = np.zeros((1, 1, design.channels))
    power[0, 0, 1::2] = 1.0
    power[0, 0, 11::20] = 2.0
    lines = Basins(design).process(frames_of(design, power, np.zeros_like(power)))
    assert lines.count[0, 0, 0] == MOST_LINES
    assert (lines.energy[0, 0, 0] == 2).sum() == len(range(11, design.channels, 20))
    assert lines.peak[0, 0, 0, :4].tolist() == [1, 3, 5, 7]
    ones = lines.peak[0, 0, 0][lines.energy[0, 0, 0] == 1]
    assert np.diff(ones).max() <= 4
    assert_as_loops(design, frames_of(design, power, np.zeros_like(power)))


def test_frames_of_another_design_are_refused() -> None:
    with pytest.raises(ValueError, match="channels"):
        Basins(DESIGN).process(HannBank(SMALL).process(np.zeros((100, 1), np.float32)))
