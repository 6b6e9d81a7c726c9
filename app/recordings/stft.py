"""Lines on the grid of a short-time Fourier transform, for tools that expect one."""

import numpy as np
from numpy.typing import NDArray


def stft_magnitudes(
    times: NDArray[np.float64],
    amplitude: NDArray[np.float32],
    hz: NDArray[np.float32],
    sample_rate: float,
    n_fft: int,
    hop: int,
) -> NDArray[np.float32]:
    """(1 + n_fft/2, columns) of lines (frames, atoms); column m stands m·hop samples after the first frame.

        S[k, m] = n_fft/4 · √( Σ_n Σ_j A_j(n)² / N_m ),   rint(f_j(n) n_fft / sample_rate) = k

    over the N_m frames n within half a hop of the column; where there is none, the nearest frame's.
    """
    columns = 1 + int((times[-1] - times[0]) * sample_rate / hop + 1e-6)
    nearest = np.floor((times - times[0]) * sample_rate / hop + 0.5).astype(np.int64)
    frame, atom = np.nonzero((amplitude > 0) & (hz >= 0) & (hz <= sample_rate / 2) & (nearest < columns)[:, None])
    bins = np.rint(hz[frame, atom].astype(np.float64) * n_fft / sample_rate).astype(np.int64)
    rows = 1 + n_fft // 2
    inside = bins < rows
    frame, atom, bins = frame[inside], atom[inside], bins[inside]
    cells = bins * columns + nearest[frame]
    energy = np.bincount(cells, np.square(amplitude[frame, atom].astype(np.float64)), rows * columns)
    frames = np.bincount(nearest[nearest < columns], minlength=columns)
    power = energy.reshape(rows, columns) / np.maximum(frames, 1)
    filled = np.flatnonzero(frames)
    after = np.searchsorted(filled, np.arange(columns)).clip(0, filled.size - 1)
    before = (after - 1).clip(0)
    closer = np.arange(columns) - filled[before] < filled[after] - np.arange(columns)
    chosen = power[:, np.where(closer, filled[before], filled[after])]
    return (n_fft / 4 * np.sqrt(chosen)).astype(np.float32)
