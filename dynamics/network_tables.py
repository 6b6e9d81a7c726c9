"""A network as its kernel takes it: tables of its cells and flows, their numbers, and room to work in."""

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Plan(NamedTuple):
    """A network as the kernel takes it."""

    cells: Annotated[NDArray[np.int64], "cells", "columns"]
    flows: Annotated[NDArray[np.int64], "flows", "columns"]
    delays: Annotated[NDArray[np.int64], "delays", "from, to, frames, width"]
    reads: Annotated[NDArray[np.int64], "reads", "from, to, width"]
    parameters: Annotated[NDArray[np.float32], "parameters"]
    numbers: Annotated[NDArray[np.int64], "numbers"]


class Links(NamedTuple):
    """Connections of cells to inputs that stand elsewhere every frame, one cell's behind another's."""

    start: Annotated[NDArray[np.int32], "starts"]
    unit: Annotated[NDArray[np.int32], "links"]
    weight: Annotated[NDArray[np.float32], "links"]
    own: Annotated[NDArray[np.float32], "links"]


class Room(NamedTuple):
    """What a stream's step works on: inputs of all cells, from outside alone and all, and rows for a cell at a time."""

    fixed: Annotated[NDArray[np.float32], "inputs"]
    inputs: Annotated[NDArray[np.float32], "inputs"]
    row: Annotated[NDArray[np.float32], "longest"]
    other_row: Annotated[NDArray[np.float32], "longest"]
    sums: Annotated[NDArray[np.float64], "sums"]
    links: Links
