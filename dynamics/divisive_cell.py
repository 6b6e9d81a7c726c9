"""Units that share their inputs by division, as a cell of networks."""

import numpy as np
from numpy.typing import ArrayLike

from sharpear.gpu import CPU, Backend

from .cell import Params
from .flows import csr_array
from .kinds import DIVISIVE
from .solo import SoloCell


class Divisive(SoloCell):
    """Units that take their inputs from one another by what each expects of them.

    ``p_i = Σ_k w_ik a_k``,  ``a_j ← a_j ( Σ_i w_ij y_i / (ε + φ p_i + (1 − φ) w_ij a_j) / W_j )^rate``

    With φ = 1 and a rate of 1 the fixed point is the non-negative a of least ``KL(y ‖ W a)``. The state has "a",
    "support" and "expected", p, which may flow back to what the inputs come from.

    Args:
        fields: w, (inputs, units), none negative, an array or a SciPy sparse array.
        total: W_j, what a unit's weights sum to when all its inputs are there; their sum by default.
        feedback: φ, from 0, where every unit knows its own expectation alone, to 1.
        epsilon: ε, in units of the inputs.
        rate: exponent of a step, up to 1.
        rest: no activity falls below, so that each can rise again.
        iterations, streams, backend: as of `Lca`.

    Raises:
        ValueError: an argument is out of range.

    Reference: Spratling 2008, Vision Research 48; Lee & Seung 2001 for the fixed point.

    >>> fields = np.array([[0.5, 0.0], [0.5, 0.5], [0.0, 0.5]])
    >>> units = Divisive(fields, iterations=500)
    >>> units(fields @ np.array([[2.0], [1.0]])[:, 0]).round(3).tolist()
    [[2.0, 1.0]]
    """

    kind = DIVISIVE
    output = "a"

    def __init__(
        self,
        fields: ArrayLike,
        *,
        total: ArrayLike | None = None,
        feedback: float = 1.0,
        epsilon: float = 1e-6,
        rate: float = 1.0,
        rest: float = 1e-6,
        iterations: int = 1,
        streams: int = 1,
        backend: Backend = CPU,
    ) -> None:
        rows = csr_array(fields, dtype=np.float32)
        rows.sum_duplicates()
        self.inputs = int(rows.shape[0])
        sums = rows.sum(axis=0) if total is None else total
        values = {
            "weight": rows.data,
            "total": sums,
            "feedback": feedback,
            "epsilon": epsilon,
            "rate": rate,
            "rest": rest,
        }
        params: Params = {name: np.asarray(value, np.float32) for name, value in values.items()}
        params |= {"start": np.asarray(rows.indptr, np.int64), "unit": np.asarray(rows.indices, np.int64)}
        super().__init__(int(rows.shape[1]), params, iterations, streams, backend)

    @property
    def ports(self) -> dict[str, int]:
        """The inputs y."""
        return {"drive": self.inputs}

    @property
    def state_fields(self) -> dict[str, int]:
        """Activities a, their support, and what they expect of the inputs."""
        return {"a": self.units, "support": self.units, "expected": self.inputs}

    @property
    def extra(self) -> int:
        """Inputs."""
        return self.inputs

    @property
    def longest(self) -> int:
        """What is expected of each input."""
        return self.inputs

    def _check(self, params: Params) -> None:
        if not (params["weight"] >= 0).all() or not (params["total"] > 0).all():
            raise ValueError("expected weights that are not negative and positive totals, received others")
        if params["total"].shape != (self.units,):
            raise ValueError(f"expected {self.units} totals, received {params['total'].shape}")
        if "start" in params and (params["start"][-1] != params["unit"].size or (params["unit"] >= self.units).any()):
            raise ValueError("expected the connections that the cell was made with, received others")
        for name, most in (("feedback", 1.0), ("epsilon", np.inf), ("rate", 1.0), ("rest", np.inf)):
            value = float(params[name])
            if not (0 if name == "feedback" else np.finfo(np.float32).tiny) <= value <= most or np.isinf(value):
                raise ValueError(f"expected a positive {name} of at most {most:g}, received {value:g}")
