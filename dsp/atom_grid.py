"""Where atoms stand that are even on a scale."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler.entries import in_python
from sharpear.gpu.arguments import numbers

from .scales import SCALE_CODE, Scale, scale_position


class AtomGrid(NamedTuple):
    """Where atoms stand: atom j at ``low + j / per_unit`` on the scale of that code."""

    scale_code: int
    low: np.float64
    per_unit: np.float64


def atom_grid(atom_hz: NDArray[np.float64], scale: Scale) -> AtomGrid:
    """Where atoms stand that are even on a scale."""
    low, high = (in_python(scale_position)(hz, SCALE_CODE[scale]) for hz in (atom_hz[0], atom_hz[-1]))
    return numbers(AtomGrid, scale_code=SCALE_CODE[scale], low=low, per_unit=(atom_hz.size - 1) / (high - low))
