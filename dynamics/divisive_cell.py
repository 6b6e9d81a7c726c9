"""Units that share their inputs by division, as cells of networks."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sharpear.compiler.entries import in_python
from sharpear.gpu import CPU, Backend

from .cell import Params, check_counts
from .flows import csr_array
from .harmonic_fields import FieldRule, HarmonicFields, most_connections
from .kinds import DIVISIVE, HARMONIC
from .layer import LARGEST_DRIVE
from .solo import SoloCell
from .unit_kernel import SMALLEST_AMPLITUDE


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
        rest: no activity falls below, so that each can rise again; at least 1e-15, below which states are zero.
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
        rows = csr_array(_real("weights", fields), dtype=np.float32)
        rows.sum_duplicates()
        self.inputs = int(rows.shape[0])
        """How many it receives."""
        sums = rows.sum(axis=0) if total is None else _real("totals", total)
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
        weight = params["weight"]
        if not ((weight >= 0) & (weight < np.inf)).all():
            raise ValueError("expected finite weights that are not negative, received others")
        if "start" in params and (params["start"][-1] != params["unit"].size or (params["unit"] >= self.units).any()):
            raise ValueError("expected the connections that the cell was made with, received others")
        _check_division(params, self.units)


class HarmonicDivisive(SoloCell):
    """Pitches that share partials wherever these stand: a `Divisive` whose fields are harmonic.

    Its inputs are partials y_i ("drive") and the frequencies f_i of these ("hz", Hz; 0 where there is none). Once a
    frame the weights are found anew: ``w_ij = h^−α exp(−½ (Δ/σ)²)``, Δ the distance of f_i from harmonic h of pitch j.
    The state has "a", "support" and "expected", what the last step divided by, which may flow back to where the
    partials come from.

    Args:
        fields: the pitches' combs over log frequency.
        partials: how many inputs there are at most.
        total: W_j, what a pitch's weights sum to when all its partials are there; that of all teeth by default.
        feedback, epsilon, rate, rest, iterations, streams, backend: as of `Divisive`.

    Raises:
        ValueError: an argument is out of range.

    >>> fields = HarmonicFields.over(110.0, 440.0, per_octave=12, harmonics=3, rolloff=1.0, tolerance_cents=30.0)
    >>> pitches = HarmonicDivisive(fields, 4, iterations=200)
    >>> a = pitches({"drive": [[1.0, 0.5, 1 / 3, 0.0]], "hz": [[220.0, 440.0, 660.0, 0.0]]})
    >>> round(float(fields.pitch_hz[a.argmax()]))
    220
    """

    kind = HARMONIC
    output = "a"

    def __init__(
        self,
        fields: HarmonicFields,
        partials: int,
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
        check_counts(partials=partials)
        self.partials, pitches = partials, fields.pitch_hz.size
        sums = np.full(pitches, fields.tooth.sum()) if total is None else _real("totals", total)
        gains = {"feedback": feedback, "epsilon": epsilon, "rate": rate, "rest": rest}
        values = fields.rule._asdict() | {"total": sums} | gains
        params: Params = {name: np.asarray(value, np.float32) for name, value in values.items()}
        super().__init__(pitches, params, iterations, streams, backend)

    @property
    def ports(self) -> dict[str, int]:
        """The partials y and their frequencies."""
        return {"drive": self.partials, "hz": self.partials}

    @property
    def state_fields(self) -> dict[str, int]:
        """Activities a, their support, and what they expected of the partials before the last step."""
        return {"a": self.units, "support": self.units, "expected": self.partials}

    @property
    def extra(self) -> int:
        """Partials."""
        return self.partials

    @property
    def links(self) -> tuple[int, int]:
        """Rows of connections that are found anew every frame, and how many connections there are at most."""
        numbers = (np.float32(self._params[name]) for name in FieldRule._fields[1:])
        rule = FieldRule(self._params["tooth"], *numbers)
        return self.partials + 1, self.partials * int(in_python(most_connections)(rule))

    def _check(self, params: Params) -> None:
        if not (params["tooth"] >= 0).all():
            raise ValueError("expected teeth that are not negative, received others")
        for name, most in (("sigma_octaves", 1.0), ("low_hz", LARGEST_DRIVE), ("per_octave", 2400.0)):
            if not 0 < params[name] <= most:
                raise ValueError(f"expected a positive {name} of at most {most:g}, received {float(params[name]):g}")
        _check_division(params, self.units)


def _real(what: str, values: Any) -> Any:
    if np.iscomplexobj(values):
        raise ValueError(f"expected real {what}, received complex ones")
    return values


def _check_division(params: Params, units: int) -> None:
    """Refuse totals and gains with which a step would divide by nothing, or never settle."""
    if params["total"].shape != (units,):
        raise ValueError(f"expected {units} totals, received {params['total'].shape}")
    if not ((params["total"] > 0) & (params["total"] < np.inf)).all():
        raise ValueError("expected positive, finite totals, received others")
    tiny = np.finfo(np.float32).tiny
    for name, least, most in (
        ("feedback", 0, 1), ("epsilon", tiny, np.inf), ("rate", tiny, 1), ("rest", SMALLEST_AMPLITUDE, np.inf),
    ):  # fmt: skip
        value = float(params[name])
        if not least <= value <= most or np.isinf(value):
            raise ValueError(f"expected {name} from {least:g} to {most:g}, received {value:g}")
