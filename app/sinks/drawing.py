"""Lines and bands as rows of a picture: kernels that hold no lock, as the live picture is drawn beside the sound."""

import numba
import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import kernel
from sharpear.compiler.elementary import ln

ROWS_PER_OCTAVE = 96
LINE_WIDTH_ROWS = 0.7
"""Half-width, in rows, at which a refined frequency is drawn: a line becomes about 2 rows, and visible."""
REACH_ROWS = 2

# The kernels' types are stated, so that they are compiled on loading and no sound waits for it.
READ = numba.types.Array(numba.float32, 3, "A", readonly=True)


@kernel(types=(numba.float32[:, ::1], READ, READ, numba.float64))
def add_lines(
    picture: NDArray[np.float32], amplitude: NDArray[np.float32], frequency_hz: NDArray[np.float32], low_hz: float
) -> None:
    """Add every line's power to (frames, rows) `picture`, whose first row stands at `low_hz`."""
    frames, streams, atoms = amplitude.shape
    rows = picture.shape[1]
    for frame in range(frames):
        for stream in range(streams):
            for atom in range(atoms):
                if not (amplitude[frame, stream, atom] > 0.0 and frequency_hz[frame, stream, atom] > 0.0):
                    continue
                position = np.log2(frequency_hz[frame, stream, atom] / low_hz) * ROWS_PER_OCTAVE
                power = amplitude[frame, stream, atom] ** 2
                nearest = round(position)
                for row in range(max(0, nearest - REACH_ROWS), min(rows, nearest + REACH_ROWS + 1)):
                    picture[frame, row] += power * np.exp(-0.5 * ((row - position) / LINE_WIDTH_ROWS) ** 2)


@kernel(types=(numba.float32[:, ::1], READ, numba.int64[:], numba.float32[:]))
def add_bands(
    picture: NDArray[np.float32], amplitude: NDArray[np.float32], below: NDArray[np.int64], share: NDArray[np.float32]
) -> None:
    """Add the power of (frames, streams, channels) to (frames, rows) `picture`, interpolated between channels.

    Row `row` stands the `share[row]` part of the way from channel `below[row]` to the next.
    """
    frames, streams, _ = amplitude.shape
    for frame in range(frames):
        for row in range(picture.shape[1]):
            low, high = np.float32(0.0), np.float32(0.0)
            for stream in range(streams):
                low += amplitude[frame, stream, below[row]] ** 2
                high += amplitude[frame, stream, below[row] + 1] ** 2
            picture[frame, row] += low + share[row] * (high - low)


@kernel(types=(numba.uint8[:, :], numba.float32[:, ::1], numba.float64, numba.float64))
def encode_levels(
    columns: NDArray[np.uint8], power: NDArray[np.float32], lowest_db: float, steps_per_db: float
) -> None:
    """Power, pooled over frames → ``1 + steps_per_db (dB − lowest_db)`` within 1 to 255.

    columns: (columns, rows) of bytes; power: (columns · pool, rows), of which the largest of each pool counts.
    """
    pool = power.shape[0] // columns.shape[0]
    faintest, steps = np.float32(10.0 ** (lowest_db / 10.0)), np.float32(10.0 / np.log(10.0) * steps_per_db)
    lowest = np.float32(1.0 - steps_per_db * lowest_db)
    level = np.empty(columns.shape[1], np.float32)
    for column in range(columns.shape[0]):
        level[:] = faintest
        for frame in range(column * pool, (column + 1) * pool):
            for row in range(level.size):
                level[row] = max(level[row], power[frame, row])
        for row in range(level.size):
            level[row] = min(np.float32(255), max(np.float32(1), np.rint(lowest + steps * ln(level[row]))))
        for row in range(level.size):
            columns[column, row] = np.uint8(level[row])
