"""What a network is driven by: its inputs side by side, checked."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sharpear.gpu import Backend

from .layer import usable


def side_by_side(
    inputs: Mapping[str, ArrayLike] | ArrayLike, ports: Mapping[str, int], before: tuple[Any, ...], backend: Backend
) -> Any:
    """Inputs as the kernel takes them: by name, each as wide as its port, or all of them side by side already.

    before: axes before the width: "frames", or nothing for a single one, and how many streams. A single stream's frame
    may come without any.

    Raises:
        ValueError: a shape or name is wrong, or an input is not real.
    """
    if not isinstance(inputs, Mapping):
        several = f", or inputs by name: {', '.join(ports)}" if len(ports) > 1 else ""
        return _usable(inputs, (*before, sum(ports.values())), several, backend)
    if set(inputs) != set(ports):
        raise ValueError(f"expected inputs {', '.join(ports)}, received {', '.join(map(str, inputs))}")
    parts = [_usable(inputs[name], (*before, width), f" as {name!r}", backend) for name, width in ports.items()]
    if len({len(part) for part in parts}) > 1:
        raise ValueError(f"expected inputs of as many frames, received {[len(part) for part in parts]}")
    return np.concatenate(parts, axis=-1)


def _usable(given: ArrayLike, wanted: tuple[Any, ...], which: str, backend: Backend) -> Any:
    values = backend.view(given)
    if values.ndim == 1 and len(wanted) == 2 and wanted[0] == 1:
        values = values[None]
    if values.ndim != len(wanted) or values.shape[-2:] != wanted[-2:] or values.dtype.kind not in "biuf":
        shape = ", ".join(map(str, wanted))
        raise ValueError(f"expected a drive of floats, ({shape}){which}, received {values.dtype} {values.shape}")
    return usable(values, np.float32, backend)
