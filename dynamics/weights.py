"""Weights that were learned and come with the package: an npz beside the module that reads it."""

from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray


def learned(package: str, name: str) -> dict[str, NDArray[Any]]:
    """The arrays of a file in a package.

    Raises:
        FileNotFoundError: there is none of that name.

    >>> sorted(learned("sharpear.pitch", "voice_readout.npz"))
    ['first', 'last', 'second']
    """
    with resources.files(package).joinpath(name).open("rb") as file, np.load(file) as arrays:
        return dict(arrays)


def layers(arrays: Mapping[str, NDArray[Any]], names: Iterable[str]) -> dict[str, NDArray[np.float32]]:
    """Those of the arrays that are layers, as kernels take them."""
    return {name: np.ascontiguousarray(arrays[name], np.float32) for name in names}
