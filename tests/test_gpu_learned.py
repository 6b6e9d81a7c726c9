"""Learned sources on a GPU against the CPU."""

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import one_line
from host_gpu import host_gpu
from hypothesis import given, settings
from hypothesis import strategies as st
from test_gpu_cupy import stand_in
from test_gpu_parity import LARGEST_ERROR, device  # noqa: F401 (device is a fixture)

from sharpear.dsp import GammatoneDesign, Split, Splitter, StemMixer
from sharpear.dsp.separation_bank import hop_samples, separation_bank
from sharpear.gpu import CPU, Backend, DeviceBackend
from sharpear.separation.dictionary import Dictionary
from sharpear.separation.learned import POOLED_FRAMES, LearnedSources
from sharpear.separation.separator import Separator

RATE = 8000
PITCHES_HZ = 110 * 2 ** (np.array([0, 3, 7, 12, 15, 19]) / 12)


def note(hz: float, slope: float, seconds: float) -> np.ndarray:
    """A string that was plucked: its harmonics h have the amplitude h^-slope."""
    time, h = np.arange(round(seconds * RATE)) / RATE, np.arange(1, int(0.45 * RATE / hz))[:, None]
    return np.exp(-4 * time) * (0.1 / h**slope * np.cos(2 * np.pi * hz * h * time + h)).sum(axis=0)


def duet(seconds: float = 2.0) -> np.ndarray:
    """Notes of two instruments, one nearer to the left, a rest of digital silence, and notes again (samples, 2)."""
    rng, sound = np.random.default_rng(7), np.zeros((round(seconds * RATE), 2))
    for slope, image in ((0.7, (1.0, 0.5)), (2.0, (0.3, 1.0))):
        for start in np.arange(0, seconds - 0.5, 0.25):
            heard = note(rng.choice(PITCHES_HZ), slope, 0.4) * 10 ** -rng.uniform(0, 2)
            begin = round((start + rng.uniform(0, 0.1)) * RATE)
            sound[begin : begin + heard.size] += heard[:, None] * image
    sound[round(seconds / 2 * RATE) :][: RATE // 2] = 0
    return sound.astype(np.float32)


@pytest.fixture(scope="module")
def known() -> list[Dictionary]:
    """What the two instruments sound like."""
    design, dictionaries = separation_bank(RATE), []
    for name, slope in (("bright", 0.7), ("dark", 2.0)):
        notes = np.stack([note(hz, slope, 0.2) for hz in PITCHES_HZ], axis=1).astype(np.float32)
        power = Splitter(design, hop_samples(RATE), len(PITCHES_HZ)).process(notes).power
        dictionaries.append(Dictionary(name, np.sqrt(power.mean(axis=0)), design.bank.center_hz))
    return dictionaries


def sources(known: list[Dictionary], backend: Backend) -> LearnedSources:
    return LearnedSources(known, separation_bank(RATE).bank, hop_samples(RATE) / RATE, 1, 2, backend)


def shares_of(source: LearnedSources, power: np.ndarray) -> np.ndarray:
    heard = source.backend.array(power)
    return source.backend.numpy(source.process(Split(heard, heard, heard, heard)))


def powers(seconds: float) -> list[np.ndarray]:
    """Of the duet, a look at the dictionaries each."""
    power = Splitter(separation_bank(RATE), hop_samples(RATE), 2).process(duet(seconds)).power
    return np.split(power, range(POOLED_FRAMES, len(power), POOLED_FRAMES))


def test_the_same_shares_of_notes(known: list[Dictionary], device: DeviceBackend) -> None:  # noqa: F811
    """And the same activations, of which all but a few are pruned."""
    ours, theirs, same = sources(known, device), sources(known, CPU), []
    for power in powers(2.0):
        assert np.abs(shares_of(ours, power) - shares_of(theirs, power)).max() <= LARGEST_ERROR
        received, expected = ours.state["activation"], theirs.state["activation"]
        assert np.abs(received - expected).max() <= LARGEST_ERROR * expected.max()
        same.append(np.array_equal(received > 0, expected > 0))
    assert np.mean(same) > 0.99
    assert 0 < np.count_nonzero(expected) < expected.size / 2


def test_the_state_moves_between_devices(known: list[Dictionary], device: DeviceBackend) -> None:  # noqa: F811
    unbroken, places = sources(known, CPU), [sources(known, CPU), sources(known, device)]
    state = unbroken.state
    for number, power in enumerate(powers(0.7)):
        moved = places[number % 2]
        moved.state = state
        assert np.abs(shares_of(moved, power) - shares_of(unbroken, power)).max() <= LARGEST_ERROR
        state = moved.state


def test_the_same_stems_of_notes(known: list[Dictionary], device: DeviceBackend, monkeypatch) -> None:  # noqa: F811
    """Nothing but sound goes up to the device, and nothing but stems comes down."""
    sound, there = duet(1.0), []
    expected = Separator(RATE, LearnedSources.of(known), 2).process(sound)
    separator = Separator(RATE, LearnedSources.of(known, device), 2, device=device)
    mix = StemMixer.process

    def mixed(self: StemMixer, split: Split, shares: np.ndarray) -> np.ndarray:
        there.append(device.holds(shares))
        return mix(self, split, shares)

    monkeypatch.setattr(Split, "on_host", None)
    monkeypatch.setattr(StemMixer, "process", mixed)
    received = separator.process(sound)
    assert there
    assert all(there)
    assert np.abs(received - expected).max() <= LARGEST_ERROR * np.abs(expected).max()
    assert np.abs(expected[:, :, :2]).max(axis=(0, 1)).min() > 0.01


@st.composite
def any_sources(draw: st.DrawFn) -> tuple[list[Dictionary], np.ndarray, int]:
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    channels, per_group = draw(st.integers(2, 70)), draw(st.integers(1, 3))
    center_hz = 100.0 * 2 ** (np.arange(channels) / 6)
    sizes = draw(st.lists(st.integers(1, 6), min_size=1, max_size=3))
    known = [Dictionary(f"{n}", rng.random((n_atoms, channels)) ** 4, center_hz) for n, n_atoms in enumerate(sizes)]
    level = np.exp(3 * rng.standard_normal((6, 2 * per_group, 1))) * (rng.random((6, 1, 1)) < 0.8)
    return known, (rng.random((6, 2 * per_group, channels)) ** 3 * level).astype(np.float32), per_group


@pytest.mark.compiler
@given(any_sources())
@settings(deadline=None, max_examples=12)
def test_any_dictionaries_and_the_order_of_threads(case: tuple[list[Dictionary], np.ndarray, int]) -> None:
    known, power, per_group = case
    center_hz = known[0].center_hz
    bank = GammatoneDesign(16 * center_hz[-1], center_hz, 0.1 * center_hz)

    def heard(backend: Backend) -> list[np.ndarray]:
        source = LearnedSources(known, bank, 0.004, 2, per_group, backend)
        return [shares_of(source, power), source.state["activation"]]

    expected = heard(host_gpu(32))
    for received, of_cpu in zip(expected, heard(CPU), strict=True):
        assert np.abs(received - of_cpu).max() <= LARGEST_ERROR * of_cpu.max()
    for other in (host_gpu(32, order=1), host_gpu(64), host_gpu(64, order=2)):
        for received, same in zip(heard(other), expected, strict=True):
            np.testing.assert_array_equal(received, same)


def test_the_command_separates_on_a_gpu(known, folder, sharpear, device, monkeypatch) -> None:  # noqa: F811
    monkeypatch.setattr("sharpear.sharpening.processor.open_gpu", lambda index: device)
    soundfile.write("song.wav", duet(1.0), RATE)
    for dictionary in known:
        dictionary.save(Path(f"{dictionary.name}.npz"))
    for name in ("cpu", "gpu"):
        words = ("song.wav", "--sources", "bright.npz,dark.npz", "-o", name, "--device", name, "-q")
        assert sharpear("separate", *words).code == 0
    for stem in ("bright", "dark", "residual"):
        expected, received = (soundfile.read(f"{name}/song/{stem}.wav")[0] for name in ("cpu", "gpu"))
        assert np.abs(received - expected).max() <= LARGEST_ERROR * np.abs(expected).max()


def test_too_many_atoms_for_a_card_are_one_line(known, folder, sharpear, monkeypatch) -> None:
    card = stand_in()
    card.cuda.Device.attributes = {"MaxSharedMemoryPerBlockOptin": 1000}
    monkeypatch.setitem(sys.modules, "cupy", card)
    known[0].save(Path("bright.npz"))
    soundfile.write("song.wav", duet(1.0), RATE)
    done = sharpear("separate", "song.wav", "--sources", "bright.npz", "-o", "stems", "--device", "gpu", "-q")
    assert done.code == 2
    assert one_line(done.err)
    assert "received 42 atoms with their transpositions: learn fewer (--atoms), or take --device cpu" in done.err
    assert not list(folder.rglob("stems/**/*.wav"))
