"""The GPU's kernels against the CPU's: run on the host, and on a card where there is one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from host_gpu import host_gpu
from hypothesis import given, settings
from hypothesis import strategies as st
from presets import ADAM, CIRCUIT
from small_layers import LAYERS, drive, lcadam, pair, wta_conv

from sharpear.config import load_config
from sharpear.dsp import space_frequencies
from sharpear.dynamics import BandedWeights, LcAdam, LcAdamWta, Network, WtaConv
from sharpear.gpu import CPU, Backend, DeviceBackend, GpuUnavailableError, open_gpu
from sharpear.sharpening.network_design import build_pair

STREAMS = 2
LARGEST_ERROR = 1e-4
"""Of an activation, relative to the largest one."""

EQUAL_SUPPORTS = 0.999
"""Of the frames, at least."""


@pytest.fixture(scope="module", params=[pytest.param("host", marks=pytest.mark.compiler), "card"])
def device(request: pytest.FixtureRequest) -> DeviceBackend:
    """A GPU, or the host in its place."""
    if request.param == "host":
        return host_gpu()
    try:
        return open_gpu()
    except GpuUnavailableError as error:
        pytest.skip(str(error))


def assert_parity(received: np.ndarray, expected: np.ndarray) -> None:
    assert isinstance(received, np.ndarray)
    assert np.abs(received - expected).max() <= LARGEST_ERROR * np.abs(expected).max()
    same = ((received != 0) == (expected != 0)).all(axis=2)
    assert same.mean() >= EQUAL_SUPPORTS, f"supports differ in {np.count_nonzero(~same)} of {same.size} frames"


def check_parity(make: Callable[[Backend], Any], drives: np.ndarray, device: Backend) -> None:
    """Hold `device` to the CPU's results, from the start and with the state moved to and fro on the way."""
    expected = make(CPU).process(drives)
    assert expected.any()
    assert_parity(make(device).process(drives), expected)
    moved, state = [], make(CPU).state
    for number, part in enumerate(np.array_split(drives, 4)):
        stage = make(device if number % 2 else CPU)
        stage.state = state
        moved.append(stage.process(part))
        state = stage.state
    assert_parity(np.concatenate(moved), expected)


@pytest.mark.parametrize("name", LAYERS)
def test_same_results(name: str, device: DeviceBackend) -> None:
    make, signal = LAYERS[name]
    check_parity(lambda backend: make(STREAMS, backend), signal(STREAMS), device)


@pytest.mark.parametrize("readout", ["wtaconv", "lcadam"])
def test_ten_seconds_of_the_preset(readout: str, device: DeviceBackend) -> None:
    """The pair of the preset music at 44.1 kHz, driven by gliding, fading and ending lines in silence."""
    config = load_config("music", {"network.readout": readout})
    hz = space_frequencies(config.bank.low_hz, config.bank.high_hz, config.atoms.count, config.bank.scale)
    hop_s, rng = 128 / 44100, np.random.default_rng(5)
    drives = np.zeros((round(10 / hop_s), 1, hz.size), np.float32)
    time = np.arange(len(drives))
    for _ in range(25):
        atom = (rng.uniform(0, hz.size - 1) + rng.uniform(-0.01, 0.01) * time).clip(0, hz.size - 1).astype(int)
        sounding = (time + rng.integers(4000)) % rng.integers(300, 2000) < 250
        drives[time, 0, atom] += np.float32(10 ** -rng.uniform(0, 3)) * sounding
    no_rivals = BandedWeights(np.zeros((hz.size, 1), np.float32))
    make = lambda backend: build_pair(no_rivals, hz, hop_s, config.network, 1, 1.0, backend)  # noqa: E731
    assert_parity(make(device).process(drives), make(CPU).process(drives))


@pytest.mark.compiler
@pytest.mark.parametrize("name", LAYERS)
def test_the_order_of_threads_does_not_matter(name: str) -> None:
    make, signal = LAYERS[name]
    blocks = (32, 64) if name == "Network" else (1, 3, 16)  # dense flows take whole warps
    expected = make(STREAMS, host_gpu(blocks[0])).process(signal(STREAMS))
    for threads in blocks:
        received = make(STREAMS, host_gpu(threads, order=threads)).process(signal(STREAMS))
        np.testing.assert_array_equal(received, expected, f"{threads} threads")


@st.composite
def random_pair(draw: st.DrawFn) -> tuple[Callable[[Backend], LcAdamWta], np.ndarray]:
    units, complex_valued = draw(st.integers(1, 70)), draw(st.booleans())
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    reach = np.abs(np.subtract.outer(np.arange(units), np.arange(units)))
    G = 0.5 * rng.standard_normal((units, units)) * (reach > 0) * (reach <= draw(st.integers(0, 8))) / 4
    lateral = BandedWeights.from_dense(G + 0j if complex_valued else G)
    threshold, window = rng.uniform(0, 0.1, units), rng.integers(0, 2 * units, units)
    half_width, flow = draw(st.none() | st.integers(0, 80)), rng.uniform(-0.2, 0.5, (2, 2))
    rule, readout = draw(st.sampled_from(["soft", "hard"])), draw(st.sampled_from(["lcadam", "wtaconv"]))
    inhibits = draw(st.sampled_from(["window", "centre"]))

    def make(backend: Backend) -> LcAdamWta:
        lcadam = LcAdam(
            lateral,
            threshold,
            frame_s=0.003,
            level_half_width=half_width,
            rule=rule,
            streams=2,
            backend=backend,
            **ADAM,
        )
        circuit = CIRCUIT if inhibits == "centre" else replace(CIRCUIT, alpha=0.5, beta1=2.0 / units)
        wta = WtaConv(
            units, window, tau_s=0.01, step_s=0.003, circuit=circuit, inhibits=inhibits, streams=2, backend=backend
        )
        return LcAdamWta(lcadam, wta, flow, iterations=2, readout=readout)

    drives = rng.standard_normal((40, 2, units)) * (rng.random((40, 1, units)) < 0.4)
    if complex_valued:
        drives = drives * np.exp(2j * np.pi * rng.random(drives.shape))
    return make, drives.astype(np.complex64 if complex_valued else np.float32)


@pytest.mark.compiler
@given(random_pair())
@settings(deadline=None, max_examples=30)
def test_any_pair(case: tuple[Callable[[Backend], LcAdamWta], np.ndarray]) -> None:
    make, drives = case
    expected, received = make(CPU).process(drives), make(host_gpu()).process(drives)
    assert np.abs(received - expected).max() <= LARGEST_ERROR * np.abs(expected).max()


def test_arrays_of_the_device_stay_there(device: DeviceBackend) -> None:
    layer = wta_conv(STREAMS, device)
    expected = layer.process(drive(STREAMS))
    layer.reset()
    received = layer.process(device.array(drive(STREAMS)))
    assert device.holds(received)
    assert device.holds(layer.activation)
    np.testing.assert_array_equal(device.numpy(received), expected)
    layer.reset()
    out = device.empty(expected.shape, np.float32)
    assert layer.process(device.array(drive(STREAMS)), out) is out
    np.testing.assert_array_equal(device.numpy(out), expected)
    with pytest.raises(ValueError, match=r"expected out .*received"):
        layer.process(device.array(drive(STREAMS)), np.empty_like(expected))


@pytest.mark.compiler
def test_a_network_runs_in_one_place() -> None:
    device = host_gpu()
    with pytest.raises(ValueError, match="one backend"):
        LcAdamWta(lcadam(STREAMS, backend=device), wta_conv(STREAMS), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="one backend"):
        Network({"lcadam": lcadam(STREAMS), "wta": wta_conv(STREAMS, device)}, [])


def test_a_state_of_another_size_is_refused(device: DeviceBackend) -> None:
    with pytest.raises(ValueError, match=r"expected .*received"):
        pair(3, backend=device).state = pair(2).state
