"""Networks that solve: ProjectionNetwork for constrained least squares, ZeroingNetwork for systems that change."""

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sharpear.gpu import CPU, Backend

from .cell import Params, check_counts
from .kinds import PROJECTION, ZEROING
from .layer import rate_per_step
from .solo import SoloCell
from .solvers_kernel import LINEAR, SIGN_BI_POWER


class ProjectionNetwork(SoloCell):
    """Flows to the least ``E(x) = ½ xᵀQx − cᵀx`` over a box, a cone or simplices.

    ``τẋ = P_Ω(x − α ∇E(x)) − x``,  ``∇E(x) = Qx − c``

    Its input is c. The fixed points are the minima, for any α > 0; ``α = 1/λmax(Q)`` by default, with which every step
    up to a whole one (a rate of 1 is projected gradient descent) lessens E.

    Args:
        Q: (units, units), symmetric, no negative eigenvalue.
        lower, upper: the box, one value or one per unit; 0 and infinity, the cone of what is not negative, by default.
        simplex: units of each simplex ``x ≥ 0, Σx = total`` that units are divided into, in place of the box.
        total: what a simplex sums to.
        alpha: α.
        tau_s, step_s: time constant and the time of a step, s; whole steps by default.
        iterations, streams, backend: as of `Lca`.

    Raises:
        ValueError: an argument is out of range.

    Reference: Xia & Wang 2000, IEEE Transactions on Neural Networks 11 (projection networks).

    >>> network = ProjectionNetwork.over(np.array([[1.0, 0.5], [0.0, 1.0]]), iterations=200)
    >>> network(np.array([[1.0, -1.0]]) @ network.fields).round(4).tolist()
    [[1.0, 0.0]]
    """

    kind = PROJECTION
    output = "x"

    fields: NDArray[np.float64]
    """A, of a network made by `over`."""

    def __init__(
        self,
        Q: ArrayLike,
        *,
        lower: ArrayLike = 0.0,
        upper: ArrayLike = np.inf,
        simplex: int = 0,
        total: float = 1.0,
        alpha: float | None = None,
        tau_s: float = 1.0,
        step_s: float = np.inf,
        iterations: int = 1,
        streams: int = 1,
        backend: Backend = CPU,
    ) -> None:
        matrix = np.asarray(Q, np.float64)
        largest = _largest_eigenvalue(matrix)
        units = len(matrix)
        if simplex and (simplex < 0 or units % simplex):
            raise ValueError(f"expected simplices of as many units that together are {units}, received {simplex}")
        self.simplex = int(simplex)
        box = {"lower": np.broadcast_to(lower, units), "upper": np.broadcast_to(upper, units)}
        step = 1 / max(largest, 1e-30) if alpha is None else alpha
        constants = {"total": total, "alpha": step, "rate": rate_per_step(step_s, tau_s)}
        params = {name: np.array(value, np.float32) for name, value in ({"Q": matrix} | box | constants).items()}
        super().__init__(units, params, iterations, streams, backend)

    @classmethod
    def over(cls, A: ArrayLike, **options: Any) -> Self:
        """The network of ``min ½‖b − Ax‖²``: Q = AᵀA, and its input c = Aᵀb; A is kept as `fields`."""
        fields = np.asarray(A, np.float64)
        network = cls(fields.T @ fields, **options)
        network.fields = fields
        return network

    @property
    def state_fields(self) -> dict[str, int]:
        """The solution x."""
        return {"x": self.units}

    @property
    def extra(self) -> int:
        """Units of a simplex, 0 for the box."""
        return self.simplex

    def _check(self, params: Params) -> None:
        _largest_eigenvalue(params["Q"])
        if not (params["lower"] <= params["upper"]).all():
            raise ValueError("expected lower <= upper, received a box without inside")
        for name in ("total", "alpha", "rate"):
            if not 0 < params[name] < np.inf:
                raise ValueError(f"expected a positive {name}, received {params[name]:g}")


class ZeroingNetwork(SoloCell):
    """Follows the solution of ``A(t) X(t) = B(t)`` by forcing the error to zero at its own pace.

    ``E = AX − B``,  ``Ė = −γ Φ(E) − κ ∫E``

    in Euler's steps of h, each with A as it is now: ``A X ← B + E − h (γ Φ(E) + κ ∫E)``, E being the error that the
    step before left. Each step solves one system with A, so that a matrix known exactly is solved exactly; what the
    dynamics add is how errors vanish that come from elsewhere: from a start far off, or a time when A was singular.
    Inverses are followed with B = I.

    Args:
        size: rows of A.
        columns: of B; the units are size × columns, row by row.
        gamma: γ, 1/s.
        step_s: h, s. γ h = 1 of the linear activation is the direct solution.
        activation: Φ(e): "linear", e; or "sign-bi-power", ``½ sign(e)(|e|^r + |e|^(1/r))``, gone after a finite time.
        power: r, from 0 to 1.
        kappa: κ, 1/s²: the integral takes away constant disturbances.
        iterations, streams, backend: as of `Lca`.

    Raises:
        ValueError: an argument is out of range.

    Reference: Zhang, Jiang, Wang 2002, IEEE Transactions on Neural Networks 13; Li, Chen, Liu 2013, Neural Processing
    Letters 37 (sign-bi-power); Jin, Zhang, Li 2016, IEEE Transactions on Neural Networks and Learning Systems 27
    (integral).

    >>> network = ZeroingNetwork(2, gamma=100.0, step_s=0.01)
    >>> network({"A": np.array([[2.0, 1.0, 0.0, 4.0]]), "B": np.array([[4.0, 8.0]])}).tolist()
    [[1.0, 2.0]]
    """

    kind = ZEROING
    output = "x"

    def __init__(
        self,
        size: int,
        columns: int = 1,
        *,
        gamma: float,
        step_s: float,
        activation: Literal["linear", "sign-bi-power"] = "linear",
        power: float = 0.5,
        kappa: float = 0.0,
        iterations: int = 1,
        streams: int = 1,
        backend: Backend = CPU,
    ) -> None:
        kinds = {"linear": LINEAR, "sign-bi-power": SIGN_BI_POWER}
        check_counts(size=size, columns=columns)
        if activation not in kinds:
            raise ValueError(f"expected an activation of {', '.join(kinds)}, received {activation!r}")
        self.size, self.columns = size, columns
        constants = {"gamma": gamma, "kappa": kappa, "step_s": step_s, "activation": kinds[activation], "power": power}
        params = {name: np.array(value, np.float32) for name, value in constants.items()}
        super().__init__(size * columns, params, iterations, streams, backend)

    @property
    def ports(self) -> dict[str, int]:
        """A and B, row by row."""
        return {"A": self.size**2, "B": self.units}

    @property
    def state_fields(self) -> dict[str, int]:
        """X, the integral of E, and A and B of the step before."""
        return {"x": self.units, "integral": self.units, "A": self.size**2, "B": self.units}

    @property
    def extra(self) -> int:
        """Columns of B."""
        return self.columns

    @property
    def longest(self) -> int:
        """A and B, which a step works on."""
        return self.size**2 + self.units

    def _check(self, params: Params) -> None:
        for name in ("gamma", "step_s"):
            if not 0 < params[name] < np.inf:
                raise ValueError(f"expected a positive {name}, received {params[name]:g}")
        if params["activation"] not in (LINEAR, SIGN_BI_POWER):
            raise ValueError(f"expected an activation {LINEAR} or {SIGN_BI_POWER}, received {params['activation']:g}")
        if not 0 < params["power"] <= 1 or not 0 <= params["kappa"] < np.inf:
            raise ValueError(
                f"expected a power from 0 to 1 and kappa of 0 or more, received {params['power']:g} and "
                f"{params['kappa']:g}"
            )
        if not params["gamma"] * params["step_s"] < 2:
            raise ValueError(
                f"expected gamma * step_s below 2, where errors vanish, received {params['gamma'] * params['step_s']:g}"
            )


def _largest_eigenvalue(Q: NDArray[Any]) -> float:
    """The largest eigenvalue of a quadratic energy's matrix.

    Raises:
        ValueError: the energy has no least value.
    """
    if Q.ndim != 2 or not Q.size or Q.shape[0] != Q.shape[1] or not np.allclose(Q, Q.T):
        raise ValueError(f"expected a symmetric Q, received shape {Q.shape}")
    eigenvalues = np.linalg.eigvalsh(Q.astype(np.float64))
    if eigenvalues[0] < -1e-6 * eigenvalues[-1]:
        raise ValueError(f"expected Q without negative eigenvalues, received {eigenvalues[0]:g}")
    return float(eigenvalues[-1])
