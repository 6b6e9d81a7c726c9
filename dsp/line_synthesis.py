"""Lines back into sound: every line a cosine, its phase continuous from frame to frame."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import kernel

from .stateful import Stateful

NEAREST_ATOMS = 2
"""Atoms on either side in which a line may go on in the next frame."""

SAME_LINE_CENTS = 60.0
"""A line farther than this from one of the frame before is another line."""


class LineSynthesizer(Stateful):
    r"""Sum the lines of frames as cosines: ``x(t) = Σ_n w(t − t_n) Σ_i A_ni cos(2π f_ni (t − t_n) + φ_ni)``.

    w is a Hann window of two hops, so that neighbouring frames add up to one. Where a line's phase is known it is
    taken; where it is NaN, the line goes on from the frame before by the mean of both frequencies,
    ``φ_n = φ_n−1 + π (f_n−1 + f_n) hop``, and begins at zero if there was none.

    Args:
        atoms: atoms of the frames.
        hop: samples between frames.
        sample_rate: Hz.
        streams: independent signals.

    Reference: McAulay & Quatieri 1986, IEEE Trans. ASSP 34 (cosines matched from frame to frame).

    >>> synthesizer = LineSynthesizer(atoms=1, hop=40, sample_rate=8000.0)
    >>> amplitude, hz = np.full((50, 1, 1), 0.5, np.float32), np.full((50, 1, 1), 400.0, np.float32)
    >>> sound = synthesizer.process(amplitude, hz, np.full((50, 1, 1), np.nan, np.float32))
    >>> t = np.arange(sound.size - 40) / 8000  # the first hop fades in, and is the latency
    >>> bool(np.abs(sound[40:, 0] - 0.5 * np.cos(2 * np.pi * 400 * t)).max() < 1e-4)
    True
    """

    def __init__(self, atoms: int, hop: int, sample_rate: float, streams: int = 1) -> None:
        if atoms < 1 or hop < 1 or streams < 1 or not sample_rate > 0:
            received = f"{atoms}, {hop}, {streams} and {sample_rate:g}"
            raise ValueError(f"expected atoms, hop, streams and a sample rate above 0, received {received}")
        self.atoms, self.hop, self.streams = atoms, hop, streams
        self.sample_rate = sample_rate
        self.latency_samples = hop
        self._window = np.square(np.sin(np.pi * np.arange(2 * hop) / (2 * hop))).astype(np.float32)
        self._remember(
            [
                ("hz", np.float64, (streams, atoms)),
                ("phase", np.float64, (streams, atoms)),
                ("tail", np.float32, (hop, streams)),
            ]
        )

    def process(
        self, amplitude: NDArray[np.float32], frequency: NDArray[np.float32], phase: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """(frames, streams, atoms) each: amplitude of the cosine, Hz, rad → (frames · hop, streams).

        The sample at a frame's time leaves first of its hop, `latency_samples` after that time.

        Raises:
            ValueError: the frames have other streams or atoms.
        """
        shape = (len(amplitude), self.streams, self.atoms)
        if not amplitude.shape == frequency.shape == phase.shape == shape:
            received = f"{amplitude.shape}, {frequency.shape} and {phase.shape}"
            raise ValueError(f"expected frames of shape (frames, {self.streams}, {self.atoms}), received {received}")
        state = self._state
        sound = np.zeros(((len(amplitude) + 1) * self.hop, self.streams), np.float32)
        sound[: self.hop] = state["tail"]
        memory = state["hz"], state["phase"]
        synthesize(amplitude, frequency, phase, self._window, self.hop / self.sample_rate, memory, sound)
        state["tail"] = sound[len(amplitude) * self.hop :]
        return sound[: len(amplitude) * self.hop]


@kernel
def synthesize(amplitude: Any, frequency: Any, phase: Any, window: Any, hop_s: float, memory: Any, sound: Any) -> None:
    """Add every frame's lines to two hops of `sound`; memory: (Hz, phase) of the frame before, Hz 0 without a line."""
    last_hz, last_phase = memory
    atoms, hop = amplitude.shape[2], window.size // 2
    hz, turned = np.zeros(atoms, np.float64), np.zeros(atoms, np.float64)
    for n in range(amplitude.shape[0]):
        for s in range(amplitude.shape[1]):
            for i in range(atoms):
                hz[i] = turned[i] = 0.0
                if amplitude[n, s, i] <= 0 or frequency[n, s, i] <= 0:
                    continue
                hz[i] = frequency[n, s, i]
                turned[i] = phase[n, s, i]
                if math.isnan(turned[i]):
                    turned[i] = continued(hz[i], i, last_hz[s], last_phase[s], hop_s)
                add_cosine(amplitude[n, s, i], hz[i], turned[i], window, hop_s / hop, n * hop, sound[:, s])
            last_hz[s], last_phase[s] = hz, turned


@kernel
def continued(hz: float, atom: int, last_hz: Any, last_phase: Any, hop_s: float) -> float:
    """The phase of a line that goes on from the nearest line of the frame before; 0 where there is none."""
    nearest, phase = SAME_LINE_CENTS / 1200, 0.0
    for j in range(max(0, atom - NEAREST_ATOMS), min(last_hz.size, atom + NEAREST_ATOMS + 1)):
        if last_hz[j] > 0:
            distance = abs(math.log2(hz / last_hz[j]))
            if distance < nearest:
                nearest = distance
                phase = (last_phase[j] + math.pi * (last_hz[j] + hz) * hop_s) % (2 * math.pi)
    return phase


@kernel
def add_cosine(amplitude: Any, hz: float, phase: float, window: Any, period_s: float, start: int, sound: Any) -> None:
    """A windowed cosine whose phase holds in the window's middle, by a turning pointer in double precision."""
    step = 2 * math.pi * hz * period_s
    turn = complex(math.cos(step), math.sin(step))
    begin = phase - step * (window.size // 2)
    pointer = complex(math.cos(begin), math.sin(begin)) * amplitude
    for k in range(window.size):
        sound[start + k] += np.float32(window[k] * pointer.real)
        pointer *= turn
