"""Networks trained through their fixed point, in torch: extra `train`.

The equations of the compiled step stand here a second time, for torch to differentiate; a test holds the two together.
Parameters go back into the network, whose kernels run with them, and into npz (`Network.save`). PyTorch, because the
project's own training uses it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from .kinds import LCA, WTA, WTACONV
from .network import Network

States = dict[str, Tensor]
"""By "cell.field", (batch, units)."""

LEAST = 1e-6
"""The least gain: they are positive."""

POLISH = 20
"""Steps in double precision after the kernel's, which are in single precision."""


class TorchNetwork:
    """A `Network` of Lca (soft threshold), Wta and WtaConv, as functions that torch differentiates.

    Args:
        network: its parameters are copied, in double precision.

    Raises:
        ValueError: the network has other cells.
    """

    def __init__(self, network: Network) -> None:
        for name, cell in network.cells.items():
            if cell.kind not in (LCA, WTA, WTACONV) or (cell.kind == LCA and cell.params["hard"]):
                raise ValueError(f"expected cells Lca of a soft threshold, Wta or WtaConv, received {name!r}")
        self.network = network
        self.params = {name: torch.tensor(value.astype(np.float64)) for name, value in network.params.items()}
        fields = {LCA: ("u",), WTA: ("x", "x_n"), WTACONV: ("x", "x_n")}
        self.fields = {
            f"{name}.{field}": cell.state_fields[field]
            for name, cell in network.cells.items()
            for field in fields[cell.kind]
        }
        self._windows = {
            name: torch.tensor(_window_matrix(cell)) for name, cell in network.cells.items() if cell.kind == WTACONV
        }
        self._flows = list(zip(network.flow_labels(), network.present_flows(), strict=True))

    def step(self, states: States, inputs: Mapping[str, Tensor]) -> States:
        """The states after one step of all cells."""
        received = {name: torch.zeros(1, dtype=torch.float64) for name in self.network.cells}
        for label, flow in self._flows:
            source = inputs[flow.source] if flow.source in inputs else self.activity(states, flow.source)
            target = flow.target.partition(".")[0]
            received[target] = received[target] + self.params[f"{label}.gain"] * self._carried(
                label, flow.weight, source
            )
        after: States = {}
        for name, cell in self.network.cells.items():
            after |= (self._step_lca if cell.kind == LCA else self._step_wta)(name, states, received[name])
        return after

    def activity(self, states: States, name: str) -> Tensor:
        """What "cell" or "cell.field" reads as."""
        cell, _, field = name.partition(".")
        field = field or self.network.cells[cell].output
        if field == "a":
            return torch.relu(states[f"{cell}.u"] - self.params[f"{cell}.threshold"])
        return states[f"{cell}.{field}"]

    def settled(self, inputs: Mapping[str, ArrayLike], tolerance: float = 1e-7, limit: int = 20_000) -> Tensor:
        """What the network reads at its fixed point, (batch, units), differentiable by the parameters.

        The kernel finds the fixed point z = f(z); a step of it is then differentiated, and what flows back into it is
        multiplied by ``(I − ∂f/∂z)⁻ᵀ``, as the implicit function theorem says.

        Reference: Bai, Kolter, Koltun 2019 (arXiv 1909.01377).
        """
        given = {name: torch.tensor(np.asarray(value, np.float64)) for name, value in inputs.items()}
        z = self._found(inputs, tolerance, limit)
        with torch.no_grad():
            for _ in range(POLISH):
                z = self._joined(self.step(self._split(z), given))
        jacobian = torch.func.vmap(torch.func.jacrev(self._flat_step))(z, given)
        once = self._joined(self.step(self._split(z), given))
        if once.requires_grad:
            back = torch.eye(z.shape[1], dtype=torch.float64) - jacobian.detach().transpose(1, 2)
            once.register_hook(lambda gradient: torch.linalg.solve(back, gradient[..., None])[..., 0])
        return self.activity(self._split(once), self.network.reading)

    def unrolled(self, inputs: Mapping[str, ArrayLike], steps: int) -> Tensor:
        """What the network reads after so many steps from rest, differentiated through all of them."""
        given = {name: torch.tensor(np.asarray(value, np.float64)) for name, value in inputs.items()}
        batch = len(next(iter(given.values())))
        states = {name: torch.zeros((batch, width), dtype=torch.float64) for name, width in self.fields.items()}
        for _ in range(steps):
            states = self.step(states, given)
        return self.activity(states, self.network.reading)

    def _found(self, inputs: Mapping[str, ArrayLike], tolerance: float, limit: int) -> Tensor:
        batch = len(np.asarray(next(iter(inputs.values()))))
        kernel = Network(
            self.network.cells, self.network.present_flows(), read=self.network.reading, streams=batch
        )  # fmt: skip
        kernel.settle({name: np.asarray(value) for name, value in inputs.items()}, tolerance, limit)
        read = kernel.read()
        return torch.tensor(np.concatenate([read[name] for name in self.fields], axis=1).astype(np.float64))

    def _flat_step(self, z: Tensor, inputs: Mapping[str, Tensor]) -> Tensor:
        """A step of one stream's states side by side."""
        return self._joined(self.step(self._split(z[None]), {name: x[None] for name, x in inputs.items()}))[0]

    def _split(self, z: Tensor) -> States:
        return dict(zip(self.fields, torch.split(z, list(self.fields.values()), dim=1), strict=True))

    def _joined(self, states: States) -> Tensor:
        return torch.cat([states[name] for name in self.fields], dim=1)

    def _carried(self, label: str, weight: Any, source: Tensor) -> Tensor:
        if weight is None:
            return source
        values = self.params[label]
        if values.ndim == 2:
            return source @ values.T
        rows, columns = weight.tocoo().coords
        dense = torch.zeros(weight.shape, dtype=torch.float64)
        return source @ dense.index_put((torch.tensor(rows), torch.tensor(columns)), values).T

    def _step_lca(self, name: str, states: States, drive: Tensor) -> States:
        """``u ← u + rate (b − u − G a)``."""
        u, a = states[f"{name}.u"], self.activity(states, f"{name}.a")
        inhibition = a @ _dense(self.params[f"{name}.lateral"]).T
        return {f"{name}.u": u + self.params[f"{name}.rate"] * (drive - u - inhibition)}

    def _step_wta(self, name: str, states: States, drive: Tensor) -> States:
        """``x ← x + rate (f(I + αx − β₁ W x_N − T) − G x)``, ``x_N ← x_N + rate (f(β₂ W x − T_N) − G x_N)``."""
        p = {key.rpartition(".")[2]: value for key, value in self.params.items() if key.startswith(f"{name}.")}
        x, x_n = states[f"{name}.x"], states[f"{name}.x_n"]
        if name in self._windows:
            fed = x @ self._windows[name].T
            back = x_n @ self._windows[name].T if bool(p["whole_window"]) else x_n
        else:
            fed, back = x.sum(dim=1, keepdim=True), x_n
        excited = torch.relu(drive + p["alpha"] * x - p["beta1"] * back - p["threshold"])
        inhibited = torch.relu(p["beta2"] * fed - p["inhibition_threshold"])
        return {
            f"{name}.x": x + p["rate"] * (excited - p["conductance"] * x),
            f"{name}.x_n": x_n + p["rate"] * (inhibited - p["conductance"] * x_n),
        }


class Implicit:
    """Trains a network's parameters on what it reads at rest, by Adam on implicit gradients.

    Args:
        network: changed in place after every step.
        loss: of what the network reads (batch, units) and a target, a tensor to lessen.
        trained: names among `network.params`.
        rate: of Adam.

    Raises:
        ValueError: there is no parameter of that name, or the network has other cells than `TorchNetwork` knows.
    """

    def __init__(
        self, network: Network, loss: Callable[[Tensor, Tensor], Tensor], trained: Sequence[str], rate: float = 1e-2
    ) -> None:
        self._torch = TorchNetwork(network)
        unknown = set(trained) - set(self._torch.params)
        if unknown or not trained:
            raise ValueError(f"expected names among {', '.join(self._torch.params)}, received {sorted(unknown)}")
        self._loss, self._names = loss, list(trained)
        for name in trained:
            self._torch.params[name].requires_grad_()
        self._adam = torch.optim.Adam([self._torch.params[name] for name in trained], lr=rate)

    def learn(self, inputs: Mapping[str, ArrayLike], target: ArrayLike) -> float:
        """One step on a batch; the loss before it. Thresholds and gains that must be positive are kept so."""
        self._adam.zero_grad()
        loss = self._loss(self._torch.settled(inputs), torch.tensor(np.asarray(target, np.float64)))
        loss.backward()
        self._adam.step()
        with torch.no_grad():
            for name in self._names:
                if name.rpartition(".")[2] in ("threshold", "alpha", "beta1", "beta2", "conductance"):
                    self._torch.params[name].clamp_(min=LEAST)
        self._torch.network.replace({name: self._torch.params[name].detach().numpy() for name in self._names})
        return float(loss.detach())


def implicit(
    network: Network, loss: Callable[[Tensor, Tensor], Tensor], trained: Sequence[str], rate: float = 1e-2
) -> Implicit:
    """A trainer of a network through its fixed point; see `Implicit`."""
    return Implicit(network, loss, trained, rate)


def _dense(band: Tensor) -> Tensor:
    """``G[j + d, j] = band[j, half + d]``."""
    units, width = band.shape
    column, offset = torch.meshgrid(torch.arange(units), torch.arange(width) - width // 2, indexing="ij")
    inside = (column + offset >= 0) & (column + offset < units)
    empty = torch.zeros((units, units), dtype=band.dtype)
    return empty.index_put(((column + offset)[inside], column[inside]), band[inside])


def _window_matrix(cell: Any) -> Any:
    """W of a WtaConv: 1 where a unit is in another's window."""
    places = np.indices(cell.shape).reshape(len(cell.shape), -1)
    half = np.stack([row[place] for row, place in zip(cell.half_width, places, strict=True)])
    apart = np.abs(places[:, :, None] - places[:, None])
    return (apart <= half[:, :, None]).all(axis=0).astype(np.float64)
