"""Training through the fixed point: torch's equations are the kernels', its implicit gradients the unrolled ones."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sharpear.dynamics import Flow, Lca, LcAdam, Network, Wta, WtaCircuit, WtaConv, convolution

if find_spec("torch") is None:
    pytest.skip("torch is not installed: pip install -e '.[train]'", allow_module_level=True)
import torch

from sharpear.dynamics.train import TorchNetwork, implicit

INPUTS, UNITS, BATCH = 9, 6, 4
CIRCUIT = WtaCircuit(alpha=0.5, beta1=2.0, beta2=0.3, conductance=1.0)


def fields() -> np.ndarray:
    W = np.random.default_rng(1).random((INPUTS, UNITS)) ** 3
    return np.asarray(W / np.linalg.norm(W, axis=0))


def network(streams: int = 1) -> Network:
    W = fields()
    cells = {
        "lca": Lca.over(W, 0.05, tau_s=0.01, step_s=0.002, streams=streams),
        "rivals": WtaConv((2, 3), 1, tau_s=0.01, step_s=0.002, circuit=CIRCUIT, threshold=0.02, streams=streams),
        "wta": Wta(3, tau_s=0.01, step_s=0.002, circuit=WtaCircuit(0.5, 2.0, 0.3, 1.0), streams=streams),
    }
    flows = [
        Flow("y", "lca", W.T), Flow("lca.u", "rivals", gain=0.6), Flow("rivals", "lca", gain=0.3),
        Flow("lca", "wta", np.random.default_rng(2).random((3, UNITS))), Flow("wta", "wta", gain=0.1, delay=1),
        Flow("rivals", "rivals", convolution([[0.1], [0.05]], (2, 3))),
    ]  # fmt: skip
    return Network(cells, flows, read="lca")


def batch(seed: int = 3) -> dict[str, np.ndarray]:
    return {"y": np.random.default_rng(seed).random((BATCH, INPUTS))}


def test_a_step_in_torch_is_the_kernels() -> None:
    compiled = network(BATCH)
    flows = [flow if not flow.delay else Flow(flow.source, flow.target, gain=flow.gain) for flow in compiled.flows]
    compiled = Network(compiled.cells, flows, read="lca")
    ours = TorchNetwork(compiled)
    states = {name: torch.zeros((BATCH, width), dtype=torch.float64) for name, width in ours.fields.items()}
    inputs = {name: torch.tensor(value) for name, value in batch().items()}
    for _ in range(30):
        compiled(batch()["y"].astype(np.float32))
        states = ours.step(states, inputs)
        read = compiled.read()
        for name, value in states.items():
            np.testing.assert_allclose(read[name], value.numpy(), rtol=0, atol=2e-6, err_msg=name)
    assert all(value.abs().max() > 0.01 for value in states.values())


def gradients(make: Any) -> dict[str, np.ndarray]:
    ours = TorchNetwork(network())
    names = ["lca.threshold", "lca.lateral", "rivals.alpha", "rivals.beta1", "lca.u->rivals.gain", "y->lca"]
    for name in names:
        ours.params[name].requires_grad_()
    torch.square(make(ours) - 0.2).sum().backward()
    return {name: ours.params[name].grad.numpy() for name in names}


def test_implicit_gradients_are_the_unrolled_ones() -> None:
    found = gradients(lambda ours: ours.settled(batch()))
    expected = gradients(lambda ours: ours.unrolled(batch(), 1500))
    for name, gradient in expected.items():
        assert np.abs(gradient).max() > 1e-3, name
        np.testing.assert_allclose(found[name], gradient, rtol=1e-4, atol=1e-5 * np.abs(gradient).max(), err_msg=name)


def test_training_is_written_for_the_kernels(tmp_path: Path) -> None:
    """A student learns a teacher's thresholds and gain of the flow back from what the teacher reads."""
    teacher, student, other = network(BATCH), network(BATCH), network(BATCH)
    teacher.replace({"lca.threshold": np.linspace(0.05, 0.2, UNITS), "rivals->lca.gain": 0.1})
    trainer = implicit(student, torch.nn.functional.mse_loss, ["lca.threshold", "rivals->lca.gain"], rate=0.02)
    losses = []
    for seed in range(60):
        teacher.reset()
        target = teacher.settle(batch(seed), 1e-7).activity
        losses.append(trainer.learn(batch(seed), target))
    assert np.mean(losses[-10:]) < 0.05 * np.mean(losses[:10])
    student.save(tmp_path / "student.npz")
    other.load(tmp_path / "student.npz")
    student.reset()
    teacher.reset()
    settled = other.settle(batch(99), 1e-7).activity
    np.testing.assert_array_equal(settled, student.settle(batch(99), 1e-7).activity)
    np.testing.assert_allclose(settled, teacher.settle(batch(99), 1e-7).activity, rtol=0, atol=0.05)


def test_what_cannot_be_trained_is_refused() -> None:
    step = {"beta1": 0.65, "beta2": 0.75, "eta": 0.05, "epsilon": 0.2}
    adam = Network(
        {"a": LcAdam.over(fields(), 0.1, frame_s=0.003, level_tau_s=0.2, **step)}, [Flow("y", "a", fields().T)]
    )
    with pytest.raises(ValueError, match="Lca of a soft threshold, Wta or WtaConv, received 'a'"):
        TorchNetwork(adam)
    with pytest.raises(ValueError, match=r"expected names among .*received \['lca.nothing'\]"):
        implicit(network(), torch.nn.functional.mse_loss, ["lca.nothing"])
