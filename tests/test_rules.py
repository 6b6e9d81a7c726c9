"""What the kernels are given: every number of a rule is the one that its setting or its meaning asks for."""

from collections.abc import Iterator
from math import exp, log, pi, tau
from typing import Any

import numpy as np
import pytest
from spy import Spy

import sharpear.dsp.noise_floor as noise_floor
import sharpear.pitch.pitch_layer as pitch_layer
import sharpear.separation.voices as voices
from sharpear.config import load_config
from sharpear.gpu.arguments import check_fields
from sharpear.pitch import PitchLayer, Transcriber
from sharpear.separation.separator import Separator
from sharpear.separation.tonal import TonalTransient
from sharpear.separation.voices import PitchVoices
from sharpear.sharpening.front import SubbandFront
from sharpear.sharpening.sharpener import Sharpener

RATE, HOP_S = 44100, 128 / 44100
SOUND = 0.1 * np.random.default_rng(0).standard_normal((12000, 1)).astype(np.float32)
MUSIC, COHERENT = load_config("music"), load_config("coherent")


@pytest.fixture(scope="module")
def given() -> Iterator[dict[str, dict[str, Any]]]:
    """Of `music`, with the tables of its judge as `judge`, and the bank of its phases, `coherent` with its pair as
    `coherent`, a transcriber, and separators.
    """
    spy = Spy()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pitch_layer, "pitch_process", spy.watch(pitch_layer.pitch_process))
        patch.setattr(noise_floor, "noise_floor_process", spy.watch(noise_floor.noise_floor_process))
        patch.setattr(voices, "voices_process", spy.watch(voices.voices_process))
        Separator(RATE, PitchVoices.of(2)).process(SOUND)
        Transcriber(RATE).process(SOUND)
        Separator(RATE, TonalTransient.on(spy), device=spy).process(SOUND)
        Sharpener(RATE, "coherent", device=spy).process(SOUND)
        pair = spy.given["pair_process"]
        Sharpener(RATE, "music", overrides={"voices.enabled": False}, device=spy).process(SOUND)
        SubbandFront(RATE, 128, MUSIC, 1, spy).process(SOUND)
        judge = spy.given["judge_process"]["judge"]._asdict()
        yield spy.given | {"coherent": pair, "judge": judge}


def numbers(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Those of a named tuple and of the ones in it, by name."""
    for name, field in zip(value._fields, value, strict=True):
        if hasattr(field, "_fields"):
            yield from numbers(field, f"{path}{name}.")
        elif not isinstance(field, np.ndarray):
            yield f"{path}{name}", field


def moments(network: Any) -> dict[str, float]:
    return {f"moments.{name}": getattr(network, name) for name in ("beta1", "beta2", "eta", "epsilon")}


def follows(tau_s: float, step_s: float = HOP_S) -> float:
    """What of a change is followed in a step."""
    return 1 - exp(-step_s / tau_s)


LINES, PITCH = MUSIC.lines, MUSIC.pitch
STEP_S = 4 * HOP_S
CIRCUIT = {"circuit.beta1": 3.0, "circuit.beta2": 0.25, "circuit.conductance": 1.0, "inhibition_threshold": 0.0}
EXPECTED: dict[tuple[str, str], dict[str, float]] = {
    ("lines_process", "rule"): {
        "memory": exp(-HOP_S / (LINES.memory_ms / 1e3)),
        "neighbors": LINES.neighbors,
        "residual": LINES.residual,
        "drift": LINES.drift,
        "change": LINES.change,
        "rad_to_hz": 1 / (tau * 2 * HOP_S),
    },
    ("noise_floor_process", "rule"): {
        "quantile": 0.15,
        "per_quantile": -1 / log(1 - 0.15),
        "largest": 1.0,
        "pace": follows(0.1),
    },
    ("pair_process", "lca_rule"): {"hard": 0, **moments(MUSIC.network)},
    ("coherent", "lca_rule"): {"hard": 0, **moments(COHERENT.network)},
    ("pair_process", "wta_rule"): {
        "circuit.alpha": MUSIC.network.wta_excitation,
        "rate": follows(MUSIC.network.wta_ms / 1e3, HOP_S / MUSIC.network.iterations),
        "whole_window": 0,
        **CIRCUIT,
    },
    ("coherent", "wta_rule"): {
        "circuit.alpha": COHERENT.network.wta_excitation,
        "rate": follows(COHERENT.network.wta_ms / 1e3, HOP_S / COHERENT.network.iterations),
        "whole_window": 0,
        **CIRCUIT,
    },
    ("pair_process", "level_rule"): {"half_width": 17, "decay": exp(-HOP_S / (MUSIC.network.level_ms / 1e3))},
    ("coherent", "level_rule"): {"half_width": 384, "decay": exp(-HOP_S / (COHERENT.network.level_ms / 1e3))},
    ("pitch_process", "rule"): {
        "stride": 4,
        "compression": PITCH.compression,
        "floor": PITCH.floor,
        "decay": exp(-STEP_S / PITCH.level_s),
        "rise": follows(0.3, STEP_S),
    },
    ("pitch_process", "voice_rule"): {
        "onset": PITCH.onset,
        "offset": PITCH.offset,
        "glide_units": PITCH.glide_cents / 20,
        "low_hz": PITCH.low_hz * 2 ** (-1 / 24),
        "high_hz": PITCH.high_hz * 2 ** (1 / 24),
        "believed": PITCH.believed,
    },
    ("judge", "rule"): {"level_cue": 47, "missing_cue": 61},
    ("voices_process", "rule"): {
        "iterations": 6,
        "pace": 176 / 44100 / 0.5,
        "nobody": 1e-5,
        "passing": 176 / 44100 / 0.08,
    },
}


def test_the_network_of_pitches_holds_its_settings() -> None:
    network = PitchLayer(HOP_S, 12, 12, PITCH).network
    gains = {"feedback": PITCH.feedback, "epsilon": PITCH.epsilon, "rate": PITCH.rate, "rest": 1e-4}
    received = {name: float(network.params[f"pitches.{name}"]) for name in gains}
    assert received == pytest.approx(gains, rel=1e-6)
    assert network.iterations == PITCH.iterations


@pytest.mark.parametrize(("kernel", "argument"), EXPECTED, ids=str)
def test_a_rule_holds_its_settings(kernel: str, argument: str, given: Any) -> None:
    received, expected = dict(numbers(given[kernel][argument])), EXPECTED[kernel, argument]
    assert received.keys() == expected.keys()
    assert {name: float(number) for name, number in received.items()} == pytest.approx(expected, rel=1e-5)


def test_the_grid_of_atoms_is_the_scales(given: Any) -> None:
    grid, atom_hz = given["judge"]["grid"], given["judge"]["atom_hz"]
    ends = [log(1 + 0.00437 * float(hz)) for hz in (atom_hz[0], atom_hz[-1])]
    assert grid.scale_code == 1
    assert (grid.low, grid.per_unit) == pytest.approx((ends[0], (atom_hz.size - 1) / (ends[1] - ends[0])), rel=1e-5)


def test_a_window_tells_frequencies_by_its_length(given: Any) -> None:
    call = given["window_process"]
    tuning, length_s = call["tuning"], call["length_hops"] * HOP_S
    np.testing.assert_allclose(tuning.rad_to_hz, 1 / (2 * pi * length_s), rtol=1e-5)
    np.testing.assert_allclose(tuning.limit_hz, 4.2 / length_s, rtol=1e-5)
    assert (np.diff(tuning.center_hz) > 0).all()


def test_pairs_are_sought_in_the_longest_windows_channels(given: Any) -> None:
    tables, bin_hz = given["lines_process"]["tables"], 1 / (32 * HOP_S)
    np.testing.assert_allclose(np.diff(tables.center_hz), bin_hz / 2, rtol=1e-5)
    np.testing.assert_allclose(tables.reach_hz, 2 * bin_hz, rtol=1e-5)


def test_kernels_are_given_what_their_named_tuples_say(given: Any) -> None:
    """On a GPU that is checked at the first launch."""
    checked = set()
    for arguments in given.values():
        for value in arguments.values():
            if hasattr(value, "_fields"):
                check_fields(value)
                checked.add(type(value).__name__)
    assert len(checked) > 20
