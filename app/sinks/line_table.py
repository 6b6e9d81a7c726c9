"""Lines as a tidy table: a row for each line of each frame."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpear.sharpening.frames import Frames

COLUMNS = ("time_s", "channel", "frequency_hz", "amplitude", "level_db")


def line_rows(frames: Frames, floor_db: float | None) -> NDArray[Any]:
    """A structured array of `COLUMNS`, and fundamental_hz and phase_rad if known, of (frames, streams, atoms).

    floor_db: dB of full scale below which lines are left out.
    """
    least = 0.0 if floor_db is None else 10 ** (floor_db / 20)
    n, stream, atom = np.nonzero((frames.amplitude > 0) & (frames.amplitude >= least))
    amplitude = frames.amplitude[n, stream, atom]
    columns: dict[str, NDArray[Any]] = {
        "time_s": frames.times[n],
        "channel": stream.astype(np.int32),
        "frequency_hz": frames.instantaneous_frequency[n, stream, atom],
        "amplitude": amplitude,
        "level_db": 20 * np.log10(amplitude),
    }
    if frames.fundamental is not None:
        columns["fundamental_hz"] = frames.fundamental[n, stream, atom]
    if frames.phase is not None:
        columns["phase_rad"] = frames.phase[n, stream, atom]
    rows = np.empty(amplitude.size, [(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        rows[name] = column
    return rows
