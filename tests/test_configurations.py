"""Every configuration is refused with one line, or runs: finite, at frequencies that exist, the same in any blocks."""

from typing import Any

import numpy as np
import pytest
from configurations import SMALL, configurations, sound
from hypothesis import given, settings
from hypothesis import strategies as st

import sharpear
from sharpear.errors import UsageError
from sharpear.pitch import PitchFrames, Transcriber
from sharpear.sharpening.frames import Frames

RATE = 16000.0


def heard(sharpener: sharpear.Sharpener, audio: np.ndarray, edges: list[int]) -> Frames:
    blocks = [audio[a:b] for a, b in zip([0, *edges], [*edges, len(audio)], strict=True)]
    frames = Frames.join([*map(sharpener.process, blocks), sharpener.flush()])
    sharpener.reset()
    return frames


def built(make: Any, rate: float, preset: str, overrides: dict[str, Any]) -> Any:
    """The object, or None where it is refused as it should be."""
    said = ""
    try:
        return make(rate, preset, overrides=overrides)
    except UsageError as error:
        said = str(error)
    assert said.isprintable()
    assert 0 < len(said) < 400
    return None


def check_runs(rate: float, preset: str, overrides: dict[str, Any], edges: list[float]) -> bool:
    """Whether it is accepted; then all must be right."""
    sharpener = built(sharpear.Sharpener, rate, preset, overrides)
    if sharpener is None:
        return False
    audio = sound(rate)
    frames = heard(sharpener, audio, [])
    assert np.isfinite(frames.times).all()
    assert np.isfinite(frames.amplitude).all()
    assert np.isfinite(frames.plain_amplitude).all()
    assert (frames.amplitude >= 0).all()
    assert ((frames.instantaneous_frequency >= 0) & (frames.instantaneous_frequency <= rate / 2)).all()
    again = heard(sharpener, audio, sorted(round(edge * len(audio)) for edge in edges))
    for name in ("times", "amplitude", "instantaneous_frequency", "plain_amplitude"):
        assert np.array_equal(getattr(again, name), getattr(frames, name)), name
    return True


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(configurations(), st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_any_configuration_runs_or_is_refused(configuration, edges):
    check_runs(*configuration, edges)


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(configurations(sections=("pitch", "frames")))
def test_any_pitch_settings_run_or_are_refused(configuration):
    rate, preset, overrides = configuration
    transcriber = built(Transcriber, rate, preset, overrides)
    if transcriber:
        frames = PitchFrames.join([transcriber.process(sound(rate)[:, None]), transcriber.flush()])
        assert all(np.isfinite(part).all() for part in (frames.f0, frames.strength, frames.amplitude))
        assert ((frames.f0 >= 0) & (frames.strength >= 0)).all()
        share = transcriber.layer.shares(frames)
        assert np.isfinite(share).all()
        assert (share.sum(axis=2) <= 1 + 1e-4).all()


BANDWIDTHS = [("beliefs", "window"), ("complex", "q"), ("complex", "hz"), ("complex", "erb")]
SCALES = ["log", "erb", "linear"]
CROSSED = [
    (mode, unit, (8000.0, 192000.0)[(i + j) % 2], scale)
    for i, (mode, unit) in enumerate(BANDWIDTHS)
    for j, scale in enumerate(SCALES)
]
"""Each bandwidth with each scale, and the lowest and the highest rate with each of either."""


@pytest.mark.parametrize(("mode", "unit", "rate", "scale"), CROSSED)
def test_modes_rates_and_scales_run(mode, unit, rate, scale):
    bandwidth = {"window": 2.5, "q": 10.0, "hz": 60.0, "erb": 0.5}[unit]
    few = {**SMALL, "bank.low_hz": 300.0, "bank.high_hz": 1200.0, "bank.scale": scale, "network.mode": mode}
    shape = {"bank.bandwidth_unit": unit, "bank.bandwidth": bandwidth, "bank.order": 5 if unit == "window" else 3}
    assert check_runs(rate, "music", few | shape, [0.1, 0.5])


FEW = {**SMALL, "bank.low_hz": 300.0, "bank.high_hz": 1200.0}
REFUSED = [
    ("music", {"bank.bandwidth": 49169.0}, "bank.bandwidth"),
    ("music", {"bank.bandwidth": 1e-6}, "bank.bandwidth"),
    ("music", {"bank.bandwidth": 1e-30}, "bank.bandwidth"),
    ("coherent", {"bank.bandwidth": 1e-6, "bank.min_bandwidth_hz": 0.0}, "bank.bandwidth"),
    ("coherent", {"bank.bandwidth": 1e6}, "bank.bandwidth"),
    ("coherent", {"bank.bandwidth": 0.01, "bank.min_bandwidth_hz": 1.0}, "bank.min_bandwidth_hz"),
    ("coherent", {"bank.bandwidth_unit": "window", "bank.bandwidth": 2.5, "bank.order": 5}, "bank.bandwidth_unit"),
    ("coherent", {"bank.channels": 4096}, "bank.channels"),
    ("coherent", {"atoms.count": 8192}, "atoms.count"),
    ("music", {"bank.high_hz": 300.0001}, "bank.channels"),
    ("music", {"bank.high_hz": 301.0, "atoms.count": 4096}, "atoms.count"),
    ("speech", {"lines.spacing_ms": 50.0}, "lines.spacing_ms"),
    ("music", {"frames.hop_ms": 5.8}, "frames.hop_ms"),
    ("music", {"beliefs.weights": "nothing"}, "beliefs.weights"),
    ("music", {"bank.low_hz": 9000.0, "bank.high_hz": 9999.0}, "bank.low_hz"),
    ("music", {"network.window_cents": 1200.0, "atoms.count": 2000}, "network.window_cents"),
    ("music", {"network.memory_ms": 5e-324}, "network.memory_ms"),
    ("music", {"network.memory_ms": 1e9}, "network.memory_ms"),
    ("music", {"network.flow": [[1.0, 0.0], [0.0, 0.0]]}, "network.flow"),
    ("music", {"network.flow": [[0.0, 2.0], [2.0, 0.0]]}, "network.flow"),
    ("music", {"network.flow": [[0.0, 0.0], [0.0, 3.0]]}, "network.flow"),
    ("music", {"network.flow": [[0.0, 1e300], [1e300, 0.0]]}, "network.flow"),
    ("music", {"network.beta1": 0.9, "network.beta2": 0.5}, "network.beta1"),
    ("music", {"network.eta": 9.0}, "network.eta"),
]


@pytest.mark.parametrize(("preset", "changed", "key"), REFUSED, ids=repr)
def test_what_cannot_run_is_refused_by_the_name_of_its_key(preset, changed, key):
    with pytest.raises(UsageError, match=key) as told:
        sharpear.Sharpener(RATE, preset, overrides=FEW | changed)
    assert str(told.value).isprintable()
    assert len(str(told.value)) < 400


def test_a_bank_beside_the_beliefs_that_takes_long_to_design_is_refused():
    with pytest.raises(UsageError, match=r"atoms\.count"):
        sharpear.Sharpener(RATE, "speech", overrides=FEW | {"bank.channels": 4096, "atoms.count": 8192}, phases=True)
