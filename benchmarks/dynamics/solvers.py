"""Who solves it: the layers behind one interface, FISTA, and LARS."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.dynamics.problem import ATOMS, PENALTY, Floats, Frame, Problem
from sharpear.dynamics import BandedWeights, Lca, LcAdam, LcAdamWta, LcaRms, WtaCircuit, WtaConv

FRAME_S, LEVEL_TAU_S = 1.0, 1e-3
"""The level then follows each frame at once."""

BETA1, BETA2 = 0.65, 0.75


class Solver(Protocol):
    """An iteration with a state that frames can inherit from one another."""

    def load(self, frame: Frame) -> None:
        """Take the drive and λ of `frame`; the state stays."""

    def advance(self, steps: int) -> Floats:
        """Iterate, and return the activation."""

    def reset(self) -> None:
        """Forget everything."""


@dataclass(frozen=True)
class Setting:
    """Constants of one rule. `rate` is Lca's step; `eta`, `epsilon` are in units of the level; the rest is the pair's.

    back: flow from WtaConv to LcAdam; forth: flow from LcAdam to WtaConv; half_width: of WtaConv, atoms.
    """

    rule: str
    rate: float = 0.0
    eta: float = 0.0
    epsilon: float = 0.0
    back: float = 0.0
    forth: float = 0.1
    half_width: int = 0

    def __str__(self) -> str:
        if self.rule == "Lca":
            return f"rate {self.rate:g}"
        if self.rule == "FISTA":
            return "step 1/λmax"
        pair = f", flows {self.forth:g}/{self.back:+g}, h {self.half_width}" if self.half_width else ""
        return f"η {self.eta:g}, ε {self.epsilon:g}{pair}"


class LayerSolver:
    """A layer under a constant drive."""

    def __init__(self, layer: Lca | LcaRms | LcAdam | LcAdamWta) -> None:
        self._layer = layer
        self._drive: NDArray[np.float32] = np.zeros((1, 1, layer.units), np.float32)

    def load(self, frame: Frame) -> None:
        """Take the drive and λ of `frame`; the state stays."""
        self._drive = frame.drive.astype(np.float32)[None, None]
        if isinstance(self._layer, Lca):
            self._layer.threshold = frame.penalty

    def advance(self, steps: int) -> Floats:
        """Iterate, and return the activation."""
        self._layer.iterations = steps
        return np.asarray(self._layer.process(self._drive)[0, 0], np.float64)

    def reset(self) -> None:
        """Forget everything."""
        self._layer.reset()


class Fista:
    """``a⁺ = T(z − ∇(z)/L)``, ``z⁺ = a⁺ + (t − 1)/t⁺ (a⁺ − a)``.

    Reference: Beck & Teboulle 2009, SIAM Journal on Imaging Sciences 2.
    """

    def __init__(self, problem: Problem) -> None:
        self._gram = problem.gram
        self._step = 1.0 / problem.largest_eigenvalue
        self._a: Floats = np.zeros(len(problem.gram))
        self._z: Floats = self._a
        self._t = 1.0

    def load(self, frame: Frame) -> None:
        """Take the drive and λ of `frame`; the activation stays, the momentum begins anew."""
        self._offset = frame.drive - frame.penalty
        self._z, self._t = self._a.copy(), 1.0

    def advance(self, steps: int) -> Floats:
        """Iterate, and return the activation."""
        a: Floats
        a, z, t = self._a, self._z, self._t
        for _ in range(steps):
            new = np.maximum(z + self._step * (self._offset - self._gram @ z), 0.0)
            after = (1 + (1 + 4 * t * t) ** 0.5) / 2
            z = new + ((t - 1) / after) * (new - a)
            a, t = new, after
        self._a, self._z, self._t = a, z, t
        return a

    def reset(self) -> None:
        """Forget everything."""
        self._a = np.zeros(len(self._gram))
        self._z, self._t = self._a, 1.0


def lars(problem: Problem, frame: Frame) -> tuple[Floats, int]:
    """The exact optimum by homotopy in λ, and the number of its steps."""
    a, steps = importlib.import_module("sklearn.linear_model").lars_path_gram(
        Xy=frame.drive,
        Gram=problem.gram,
        n_samples=1,
        alpha_min=frame.penalty,
        method="lasso",
        positive=True,
        return_path=False,
        return_n_iter=True,
    )[2:]
    return np.asarray(a), int(steps)


def build(setting: Setting, problem: Problem) -> Solver:
    """The solver that `setting` names."""
    if setting.rule == "FISTA":
        return Fista(problem)
    lateral = BandedWeights.from_receptive_fields(problem.fields)
    if setting.rule == "Lca":
        return LayerSolver(Lca(lateral, 1.0, tau_s=1.0, step_s=-np.log1p(-setting.rate)))
    if setting.rule == "LcaRms":
        return LayerSolver(
            LcaRms(
                lateral,
                PENALTY,
                frame_s=FRAME_S,
                level_tau_s=LEVEL_TAU_S,
                beta2=BETA2,
                eta=setting.eta,
                epsilon=setting.epsilon,
            )
        )
    lcadam = LcAdam(
        lateral,
        PENALTY,
        frame_s=FRAME_S,
        level_tau_s=LEVEL_TAU_S,
        beta1=BETA1,
        beta2=BETA2,
        eta=setting.eta,
        epsilon=setting.epsilon,
    )
    if setting.rule.startswith("LcAdam + WtaConv"):
        circuit = WtaCircuit(alpha=1.2, beta1=3.0, beta2=0.25, conductance=1.0)
        wta = WtaConv(
            ATOMS, setting.half_width, tau_s=1.0, step_s=1.0, circuit=circuit, inhibits="centre"
        )  # fmt: skip
        return LayerSolver(LcAdamWta(lcadam, wta, [[0.0, setting.back], [setting.forth, -0.1]]))
    return LayerSolver(lcadam)
