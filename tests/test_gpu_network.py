"""Networks on a GPU, which is the host: any of them against the CPU's, and all that a network can be asked."""

from typing import Any

import numpy as np
import pytest
from host_gpu import host_gpu
from hypothesis import given, settings
from hypothesis import strategies as st
from presets import ADAM, CIRCUIT, RMS
from scipy import sparse

from sharpear.dynamics import (
    BandedWeights,
    Cell,
    Divisive,
    Flow,
    HarmonicDivisive,
    HarmonicFields,
    Hebbian,
    Lca,
    LcAdam,
    LcaRms,
    Network,
    ProjectionNetwork,
    Wta,
    WtaCircuit,
    WtaConv,
    ZeroingNetwork,
    convolution,
    random_fields,
)
from sharpear.gpu import CPU, Backend

pytestmark = pytest.mark.compiler

GENTLE = WtaCircuit(alpha=0.5, beta1=1.0, beta2=0.3, conductance=1.0)
STREAMS = 2
PACE = {"tau_s": 0.01, "step_s": 0.001}


def make_cell(kind: str, units: int, backend: Backend) -> Cell:
    """A cell of a kind, gentle enough for any network."""
    rng = np.random.default_rng(units)
    lateral = BandedWeights.from_dense(0.2 * (np.eye(units, k=1) + np.eye(units, k=-1)))
    here: dict[str, Any] = {"streams": STREAMS, "backend": backend}
    match kind:
        case "Lca":
            return Lca(lateral, 0.05, retention=0.9, **PACE, **here)
        case "LcaRms":
            return LcaRms(lateral, 0.05, frame_s=0.003, level_half_width=2, **RMS, **here)
        case "LcAdam":
            return LcAdam(lateral, 0.05, frame_s=0.003, rule="hard", **ADAM, **here)
        case "Wta":
            return Wta(units, circuit=CIRCUIT, threshold=0.02, **PACE, **here)
        case "WtaConv":
            return WtaConv((units,), rng.integers(0, 3, units), circuit=GENTLE, **PACE, **here)
        case "WtaConv, centres":
            return WtaConv((units, 2), (1, 0), circuit=CIRCUIT, inhibits="centre", **PACE, **here)
        case "Divisive":
            fields = rng.random((2 * units, units)) * (rng.random((2 * units, units)) < 0.7) + 1e-3
            return Divisive(fields, epsilon=0.05, rate=0.8, **here)
        case "HarmonicDivisive":
            combs = HarmonicFields.over(
                100.0, 100.0 * 2 ** (units / 12), per_octave=12, harmonics=8, rolloff=0.7, tolerance_cents=60.0
            )
            return HarmonicDivisive(combs, 8, epsilon=0.05, **here)
        case "ProjectionNetwork":
            return ProjectionNetwork(np.eye(units) + 0.1, upper=0.6, **here)
        case "simplices":
            return ProjectionNetwork(np.eye(2 * units) + 0.1, simplex=units, tau_s=2.0, step_s=1.0, **here)
        case "ZeroingNetwork":
            return ZeroingNetwork(2, units, gamma=20.0, step_s=0.01, kappa=0.5, **here)
    raise ValueError(kind)


KINDS = [
    "Lca", "LcaRms", "LcAdam", "Wta", "WtaConv", "WtaConv, centres", "Divisive", "HarmonicDivisive",
    "ProjectionNetwork", "simplices", "ZeroingNetwork",
]  # fmt: skip


@st.composite
def random_network(draw: st.DrawFn) -> Any:
    """How to make a network of any cells on a backend, and what drives it."""
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=1, max_size=4))
    sizes = draw(st.lists(st.integers(1, 40), min_size=len(kinds), max_size=len(kinds)))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    iterations = draw(st.integers(1, 3))
    names = [f"c{n}" for n in range(len(kinds))]
    plain = {name: make_cell(kind, size, CPU) for name, kind, size in zip(names, kinds, sizes, strict=True)}
    flows = [
        Flow(f"in {name} {port}", f"{name}.{port}", None if width < 9 else rng.random((width, 5)) / 5)
        for name, cell in plain.items()
        for port, width in cell.ports.items()
    ]
    for _ in range(draw(st.integers(0, 5))):
        source, target = (names[draw(st.integers(0, len(names) - 1))] for _ in range(2))
        width, ports = plain[source].state_fields[plain[source].output], plain[target].ports
        port = "B" if "B" in ports else next(iter(ports))
        units = ports[port]
        weight: Any = rng.random((units, width)) / width
        if draw(st.booleans()):
            weight = sparse.csr_array(weight * (rng.random(weight.shape) < 0.3))
        elif units == width:
            weight = convolution([0.1, 0.3, 0.2], (units,)) if draw(st.booleans()) else None
        gain, delay = draw(st.sampled_from([-0.2, 0.1])), draw(st.integers(0, 3))
        flows.append(Flow(source, f"{target}.{port}", weight, gain, delay))
    read = draw(st.sampled_from([f"{name}.{field}" for name in names for field in plain[name].state_fields]))

    def make(backend: Backend) -> Network:
        cells = {name: make_cell(kind, size, backend) for name, kind, size in zip(names, kinds, sizes, strict=True)}
        return Network(cells, flows, read=read, iterations=iterations)

    ports = make(CPU).ports
    drive = np.abs(rng.standard_normal((12, STREAMS, sum(ports.values())))) * (rng.random((12, STREAMS, 1)) < 0.7)
    first = dict(zip(ports, np.cumsum([0, *ports.values()]), strict=False))
    for name, at in first.items():
        if name.endswith(" A"):  # a matrix that can be solved for
            drive[..., at : at + 4] += 3 * np.eye(2).ravel()
        if name.endswith(" hz"):
            drive[..., at : at + ports[name]] *= 300
    return make, drive.astype(np.float32)


@pytest.mark.filterwarnings("ignore:expected flows with a loop gain")
@given(random_network(), st.sampled_from([32, 64]), st.integers(0, 3))
@settings(deadline=None, max_examples=25)
def test_any_network(case: Any, threads: int, order: int) -> None:
    make, drive = case
    here, there = make(CPU), make(host_gpu(threads, order=order))
    received = there.process(drive)
    assert_like(received, here.process(drive))
    for name, value in here.read().items():
        assert_like(there.read()[name], value, name)


def assert_like(received: np.ndarray, expected: np.ndarray, name: str = "") -> None:
    """But for rounding, of which an integral of errors may consist altogether."""
    scale = np.abs(expected).max(initial=0)
    np.testing.assert_allclose(received, expected, rtol=0, atol=1e-4 * scale + 1e-6, err_msg=name)


def two(backend: Backend) -> Network:
    """One network in another, with a flow of every kind."""
    rng = np.random.default_rng(4)
    inner = Network(
        {"low": make_cell("LcAdam", 6, backend), "high": make_cell("WtaConv", 4, backend)},
        [Flow("y", "low", rng.random((6, 5))), Flow("low", "high", rng.random((4, 6)) / 6)],
        read="high",
    )
    flows = [
        Flow("input", "in.y"),
        Flow("in", "top", rng.random((3, 4))),
        Flow("hint", "top"),
        Flow("top", "in.y", rng.random((5, 3)), 0.1, 1),
    ]
    return Network({"in": inner, "top": make_cell("Lca", 3, backend)}, flows, read="top.u", iterations=2)


def inputs(frames: int = 30) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(6)
    return {
        name: rng.random((frames, STREAMS, width)).astype(np.float32) for name, width in (("input", 5), ("hint", 3))
    }


def test_networks_nest_and_take_inputs_by_name_from_either_place() -> None:
    device = host_gpu()
    here, there = two(CPU), two(device)
    expected = here.process(inputs())
    received = there.process(inputs())
    assert type(received) is np.ndarray
    np.testing.assert_allclose(received, expected, rtol=0, atol=1e-6)
    there.reset()
    resident = there.process({name: device.array(value) for name, value in inputs().items()})
    assert device.holds(resident)
    np.testing.assert_array_equal(device.numpy(resident), received)
    first = {name: value[0] for name, value in inputs().items()}
    np.testing.assert_allclose(there(first), here(first), rtol=0, atol=1e-6)
    there.state = here.state
    assert there.state.tobytes() == here.state.tobytes()


def test_a_network_settles_there_as_here() -> None:
    here, there = two(CPU), two(host_gpu())
    first = {name: value[0] * np.float32([[1], [0]]) for name, value in inputs().items()}
    expected, received = here.settle(first, 1e-4), there.settle(first, 1e-4)
    assert (expected.residual < 1e-4).all()
    np.testing.assert_allclose(received.activity, expected.activity, rtol=0, atol=1e-5)
    np.testing.assert_allclose(received.iterations, expected.iterations, atol=2)
    np.testing.assert_allclose(received.residual, expected.residual, rtol=0.1)
    assert received.iterations[0] > received.iterations[1]  # each stream takes its own time


def test_parameters_are_replaced_there() -> None:
    here, there = two(CPU), two(host_gpu())
    changes = {"in/low.threshold": np.full(6, 0.2), "in/high->top.gain": 0.5}
    before = there.process(inputs())
    for network in (here, there):
        network.replace(changes)
        network.reset()
    received = there.process(inputs())
    assert not np.allclose(received, before)
    np.testing.assert_allclose(received, here.process(inputs()), rtol=0, atol=1e-6)
    state = here.step(here.params, here.state, {name: value[0] for name, value in inputs().items()})
    moved = there.step(there.params, there.state, {name: value[0] for name, value in inputs().items()})
    np.testing.assert_allclose(moved["top"]["u"], state["top"]["u"], rtol=0, atol=1e-6)


def test_receptive_fields_are_learned_there() -> None:
    W = random_fields(6, 3, np.random.default_rng(0))
    heard = np.eye(6, dtype=np.float32)[np.random.default_rng(1).integers(0, 3, (200, 1))]
    learners = []
    for backend in (CPU, host_gpu()):
        layer = Lca.over(W, 0.3, tau_s=0.01, step_s=0.003, backend=backend)
        network = Network({"parts": layer}, [Flow("input", "parts", W.T)], iterations=5)
        learners.append(Hebbian(network, "input->parts"))
        learners[-1].process(backend.array(heard))
    assert not np.allclose(learners[0].fields, W)
    np.testing.assert_allclose(learners[1].fields, learners[0].fields, rtol=0, atol=1e-5)
