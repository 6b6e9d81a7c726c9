"""The kernels of the path against loops, with the presets' own numbers, on what reaches them when a preset runs.

A preset runs hop by hop; the loops begin each frame from the state that the kernel began with, so that single precision
cannot drift apart.
"""

from functools import cache
from typing import Any

import naive
import numpy as np
import pytest
from presets import CIRCUIT
from spy import Call, Spy

from sharpear.config import Config, load_config
from sharpear.dsp import Split, Splitter, StemMixer
from sharpear.dsp.separation_bank import hop_samples, separation_bank
from sharpear.sharpening.sharpener import Sharpener
from sharpear.sharpening.winners import winners_take_windows

RATE = 44100


def chord(seconds: float, seed: int) -> np.ndarray:
    """Three harmonic tones over noise, of which one begins later and one moves."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE)) / RATE
    sound = 1e-3 * rng.standard_normal(t.size)
    for n, hz in enumerate(rng.uniform(150, 600, 3)):
        turns = hz * t + (0.002 * hz * np.cos(35 * t) if n == 1 else 0)
        tone = sum(0.1 / h * np.cos(2 * np.pi * h * turns + h * h) for h in range(1, 9))
        sound += tone * (t > 0.15 * seconds) if n == 2 else tone
    return sound.astype(np.float32)


def config_of(name: str) -> Config:
    """A preset; `coherent` on fewer channels and atoms, whose design takes less time."""
    return load_config(name, {"bank.channels": 96, "atoms.count": 96} if name == "coherent" else {})


def built(preset: str, device: Any = "cpu") -> Sharpener:
    return Sharpener(RATE, config_of(preset), device=device)


@cache
def calls(preset: str, seconds: float = 0.3) -> dict[str, list[Call]]:
    spy = Spy()
    sharpener = built(preset, spy)
    sound = chord(seconds, 1)
    for start in range(0, sound.size - sharpener.hop + 1, sharpener.hop):
        sharpener.process(sound[start : start + sharpener.hop])
    return spy.calls


def some(preset: str, kernel: str, count: int) -> list[Call]:
    """Calls spread over the second half, when the sound has passed the delays."""
    made = calls(preset)[kernel]
    return [made[n] for n in np.linspace(len(made) // 2, len(made) - 1, count).astype(int)]


@cache
def sizes(preset: str) -> tuple[np.ndarray, np.ndarray]:
    """Hz of the channels and of the atoms."""
    sharpener = built(preset)
    return sharpener.channel_frequencies, sharpener.frequencies


def windows(preset: str) -> tuple[list[int], np.ndarray]:
    """Half width of every atom's window, by counting, and the atoms' Hz."""
    _, atom_hz = sizes(preset)
    cents = 1200 * np.log2(atom_hz[1:] / atom_hz[:-1])
    window = config_of(preset).network.window_cents
    return [round(window / step) for step in [*cents, cents[-1]]], atom_hz


def assert_winners(call: dict[str, Any], half_width: list[int], atom_hz: np.ndarray, run: Any) -> None:
    frames, streams, _ = call["amplitude"].shape
    begun = {name: call[name].copy() for name in ("amplitude", "frequency")}
    run(call)
    for f in range(frames):
        for s in range(streams):
            rows = (call["activation"], begun["amplitude"], begun["frequency"])
            activation, amplitude, hz = (row[f, s].astype(float).tolist() for row in rows)
            merged, mean_hz = naive.winners(activation, half_width, atom_hz.tolist(), amplitude, hz)
            np.testing.assert_allclose(call["merged"][f, s], merged, rtol=1e-5, atol=0)
            np.testing.assert_allclose(call["frequency"][f, s], mean_hz, rtol=1e-6)


def run_winners(call: dict[str, Any]) -> None:
    winners_take_windows(*call.values())


@pytest.mark.parametrize("preset", ["music", "low-latency", "speech"])
def test_winners_take_the_energy_of_their_windows(preset: str) -> None:
    half_width, atom_hz = windows(preset)
    for call in some(preset, "winners_take_windows", 10):
        assert_winners(call.before, half_width, atom_hz, run_winners)
        np.testing.assert_array_equal(call.before["merged"], call.after["merged"])


@pytest.mark.parametrize("active", [0.02, 0.2, 1.0])
@pytest.mark.parametrize("seed", range(2))
def test_winners_among_few_and_many_active_atoms(active: float, seed: int) -> None:
    """Activities of a few sizes, so that claims are often equal; energies that lie out of every window's reach."""
    half_width, atom_hz = windows("music")
    rng = np.random.default_rng(seed)
    call = dict(calls("music")["winners_take_windows"][-1].before)
    shape = (2, 2, atom_hz.size)
    call["activation"] = (rng.integers(1, 4, shape) * (rng.random(shape) < active)).astype(np.float32)
    call["amplitude"] = (rng.random(shape) * (rng.random(shape) < 0.7)).astype(np.float32)
    call["frequency"] = (atom_hz * rng.normal(1, 0.003, shape)).astype(np.float32)
    call["merged"] = np.empty(shape, np.float32)
    assert_winners(call, half_width, atom_hz, run_winners)


def rules_of(call: dict[str, Any], preset: str) -> tuple[naive.Rule, naive.Rule]:
    """The two layers' constants for the loops: the settings' own, and tables from the call, by their names."""
    network = config_of(preset).network
    hop_s = round(config_of(preset).frames.hop_ms / 1e3 * RATE) / RATE
    units, half = call["band"].shape[0], call["band"].shape[1] // 2
    G = [[0.0] * units for _ in range(units)]
    for j in range(units):
        for i in range(max(0, j - half), min(units, j + half + 1)):
            G[i][j] = call["band"][j, half + i - j].item()
    up = naive.Rule(
        G=G,
        threshold=[network.threshold] * units,
        retention=call["lca_rule"].retention.tolist(),
        beta1=network.beta1,
        beta2=network.beta2,
        eta=network.eta,
        epsilon=network.epsilon,
        level_decay=float(np.exp(-hop_s / (network.level_ms / 1e3))),
        level_half_width=call["level_rule"].half_width,
    )
    down = naive.Rule(
        threshold=[0.0] * units,
        alpha=network.wta_excitation,
        beta1=CIRCUIT.beta1,
        beta2=CIRCUIT.beta2,
        conductance=CIRCUIT.conductance,
        rate=float(-np.expm1(-hop_s / network.iterations / (network.wta_ms / 1e3))),
        half_width=windows(preset)[0],
    )
    return up, down


@pytest.mark.parametrize("preset", ["music", "low-latency", "coherent"])
def test_the_pair_of_layers(preset: str) -> None:
    network = config_of(preset).network
    made = some(preset, "pair_process", 6)
    up, down = rules_of(made[0].before, preset)
    woken = 0
    for call in made:
        state = {
            "lcadam": {name: part[0].tolist() for name, part in call.before["lca_state"]._asdict().items()},
            "wta": {name: part[0].tolist() for name, part in call.before["wta_state"]._asdict().items()},
        }
        drive = call.before["drive"][0, 0].tolist()
        expected = naive.pair_frame(up, down, network.flow, network.iterations, state, drive)
        for layer, found in (("lcadam", call.after["lca_state"]), ("wta", call.after["wta_state"])):
            for name, part in found._asdict().items():
                scale = np.abs(part).max()
                np.testing.assert_allclose(part[0], expected[layer][name], rtol=0, atol=2e-5 * scale, err_msg=name)
        read = expected["wta"]["x"] if network.readout == "wtaconv" else expected["lcadam"]["a"]
        np.testing.assert_allclose(call.after["out"][0, 0], read, rtol=0, atol=2e-5 * np.abs(read).max())
        woken += np.count_nonzero(call.after["out"])
    assert woken > 20, "the sound hardly wakes the layers"


@pytest.mark.parametrize("seed", range(2))
def test_the_splitters_channels(seed: int) -> None:
    """Some of the separation's own channels, in blocks of odd lengths."""
    design, hop = separation_bank(float(RATE)), hop_samples(RATE)
    sound = np.stack([chord(0.04, seed), chord(0.04, seed + 5)[::-1]], axis=1)
    splitter = Splitter(design, hop, 2)
    splits = [splitter.process(block) for block in np.split(sound, [1, 700, 701, 1230])]
    parts, subband, power = (
        np.concatenate([getattr(split, name) for split in splits]) for name in ("parts", "subband", "power")
    )
    bank = design.bank
    for s in range(2):
        for k in np.linspace(0, bank.channels - 1, 6).astype(int):
            expected = naive.split_channel(
                sound[:, s].tolist(), int(design.delay_samples[k]), complex(bank.pole[k]), float(bank.damping[k]),
                bank.order, complex(design.weight[k]), hop,
            )  # fmt: skip
            for found, right in zip((parts, subband, power), expected, strict=True):
                tolerance = 1e-4 * np.abs(right).max()
                np.testing.assert_allclose(found[:, s, k], right, rtol=0, atol=tolerance, err_msg=f"channel {k}")
    late = design.latency_samples
    np.testing.assert_array_equal(np.concatenate([split.sound for split in splits])[late:], sound[:-late])


@pytest.mark.parametrize(("hop", "wait"), [(10, 3), (7, 0)])
def test_the_mixers_stems(hop: int, wait: int) -> None:
    rng = np.random.default_rng(hop)
    samples, streams, sources, channels = 25 * hop + 3, 2, 3, 4
    mixer = StemMixer(channels, sources, hop, wait, streams)
    sound = rng.standard_normal((samples, streams)).astype(np.float32)
    parts = rng.standard_normal((samples, streams, channels)).astype(np.float32)
    shares = rng.random((samples // hop, streams, sources, channels)).astype(np.float32)
    stems, frame = [], 0
    for block in np.split(np.arange(samples), [3, hop, 5 * hop, 5 * hop + 1]):
        ended = (block[-1] + 1) // hop
        empty = np.zeros((ended - frame, streams, channels), np.float32)
        stems.append(mixer.process(Split(sound[block], parts[block], empty, empty), shares[frame:ended]))
        frame = ended
    for s in range(streams):
        expected = naive.mixed(sound[:, s], parts[:, s], shares[:, s], hop, wait)
        np.testing.assert_allclose(np.concatenate(stems)[:, s], expected, rtol=0, atol=1e-5)
    assert len(expected) - mixer.latency_samples > 10 * hop
