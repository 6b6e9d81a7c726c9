"""Line evidence: what one channel's recent past says about the partials inside it.

One line: all of the channel's power at its instantaneous frequency. Exact and prompt where one partial rules a channel.
Two lines: two partials that beat within a channel obey ``z(t) = c₁ z(t−D) + c₂ z(t−2D)`` whatever their phases; the
roots of ``r² = c₁ r + c₂`` are their turns per D (Prony 1795, in its least-squares form over a leaky memory and a few
neighbouring channels). How well that predicts, and how steadily the roots stand, says how far to trust it.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import kernel
from sharpear.gpu import CPU, Backend

from .filterbank import SubbandFrames
from .stateful import Stateful

MOMENTS = 9
SMALLEST_POWER = 1e-32
"""Powers below this (-320 dBFS) are too small to predict anything from."""

SMALLEST_ENERGY = 1e-28
"""Lines of less energy than this (-280 dBFS) are none."""

REGULARIZATION = 1e-5
"""Share of the moments' diagonal that is added to it: -50 dB, below which no prediction gets."""


@dataclass(frozen=True)
class LineFrames:
    """Lines that the channels see, one and two at a time.

    frequency_hz: (frames, streams, 3, channels) float32: the one line, then the two of the pair.
    energy: like it; squared amplitudes in the channel.
    trust: (frames, streams, channels) float32, 0 to 1: how far the pair predicts the channel.
    """

    frequency_hz: NDArray[np.float32]
    energy: NDArray[np.float32]
    trust: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.trust)


@dataclass(frozen=True)
class LineRule:
    """What the two-line evidence is drawn from, and when it is trusted.

    spacing_hops: D, hops between the three values that are compared.
    neighbors: channels on either side whose moments are pooled.
    memory_s: time constant of the moments.
    residual: relative residual of the prediction at which trust is halved.
    drift: movement of the pair's centre, over `drift_s` and relative to the pair's distance, that halves trust.
    drift_s: time over which movement is measured.
    change: how much the two lines swell, fade or move apart, relative to their distance, until trust is halved: the
        departure of the roots from the unit circle, and the change of their distance over `drift_s`.
    """

    spacing_hops: int = 2
    neighbors: int = 1
    memory_s: float = 0.018
    residual: float = 0.01
    drift: float = 0.06
    drift_s: float = 0.035
    change: float = 0.05


class LineFinder(Stateful):
    """One- and two-line evidence from aligned subband frames, streaming.

    Args:
        center_hz: (channels,) centres of the channels.
        reach_hz: (channels,) how far from its centre a channel may place a line.
        frame_s: time between frames, s.
        rule: how the two-line evidence is drawn.
        streams: number of streams.
        backend: where it runs, and where its input is.

    Lines are late by `latency_hops` against the frames that come in.
    """

    def __init__(
        self,
        center_hz: NDArray[np.float64],
        reach_hz: NDArray[np.float64],
        frame_s: float,
        rule: LineRule | None = None,
        streams: int = 1,
        backend: Backend = CPU,
    ) -> None:
        rule = rule or LineRule()
        if rule.spacing_hops < 1 or rule.neighbors < 0:
            raise ValueError(f"expected spacing_hops >= 1 and neighbors >= 0, received {rule}")
        K = center_hz.size
        D = rule.spacing_hops
        turn = np.exp(2j * np.pi * center_hz * D * frame_s)
        self.latency_hops = D
        self._channels = K
        self._turn = backend.array(turn, np.complex128)
        self._tables = backend.array(center_hz, np.float64), backend.array(reach_hz, np.float64)
        memory = np.float32(math.exp(-frame_s / rule.memory_s))
        scales = np.float64(rule.residual), np.float64(rule.drift), np.float64(rule.change)
        self._rule = memory, rule.neighbors, scales, np.float64(1.0 / (2 * np.pi * D * frame_s))
        drift_frames = max(1, round(rule.drift_s / frame_s))
        self._remember(
            [
                ("z", np.complex64, (streams, 2 * D + 1, K)),
                ("hz", np.float32, (streams, 2 * D + 1, K)),
                ("moments", np.float32, (streams, MOMENTS, K)),
                ("roots", np.float32, (streams, drift_frames, 2, K)),
                ("frame", np.int64),
            ],
            backend,
        )
        self._run = backend.kernel(lines_process, blocks=streams, threads=K)

    def process(self, frames: SubbandFrames) -> LineFrames:
        """Aligned frames in, as many line frames out."""
        count, streams = frames.power.shape[:2]
        shape = (count, streams, 3, self._channels)
        lines = LineFrames(
            self.backend.empty(shape, np.float32),
            self.backend.empty(shape, np.float32),
            self.backend.empty((count, streams, self._channels), np.float32),
        )
        state = self._state
        self._run(
            self.backend.array(frames.subband),
            frames.instantaneous_hz,
            self._turn,
            self._tables,
            self._rule,
            (state["z"], state["hz"], state["moments"], state["roots"]),
            int(state["frame"]),
            (lines.frequency_hz, lines.energy, lines.trust),
        )
        state["frame"] += count
        return lines


@kernel
def lines_process(
    subband: Any, instantaneous_hz: Any, turn: Any, tables: Any, rule: Any, state: Any, frame: int, out: Any
) -> None:
    """One- and two-line evidence of every frame, stream and channel."""
    memory, neighbors = rule[0], rule[1]
    ring, ring_hz, moments, roots = state
    hz, energy, trust = out
    depth, channels = ring.shape[1], ring.shape[2]
    D = depth // 2
    pooled = np.empty((MOMENTS, channels), np.float64)
    for f in range(subband.shape[0]):
        newest = (frame + f) % depth
        middle, oldest = (newest - D) % depth, (newest - 2 * D) % depth
        drift_row = (frame + f) % roots.shape[1]
        for s in range(subband.shape[1]):
            for k in range(channels):
                ring[s, newest, k] = subband[f, s, k]
                ring_hz[s, newest, k] = instantaneous_hz[f, s, k]
            z0, z1, z2 = ring[s, newest], ring[s, middle], ring[s, oldest]
            _update_moments(z0, z1, z2, memory, moments[s])
            _flush_denormals(moments[s])
            _pool(moments[s], neighbors, pooled)
            _one_line(z1, ring_hz[s, middle], hz[f, s, 0], energy[f, s, 0])
            _two_lines(
                z0, z1, z2, pooled, turn, tables, rule, roots[s, drift_row], trust[f, s], hz[f, s], energy[f, s]
            )  # fmt: skip


@kernel
def _one_line(z1: Any, z1_hz: Any, hz: Any, energy: Any) -> None:
    for k in range(z1.size):
        hz[k] = z1_hz[k]
        energy[k] = z1[k].real * z1[k].real + z1[k].imag * z1[k].imag


@kernel(fastmath={"contract"})
def _update_moments(z0: Any, z1: Any, z2: Any, memory: Any, moments: Any) -> None:
    r"""Leaky means of \|z0\|², \|z1\|², \|z2\|², z0 z1*, z1 z2*, z0 z2* (real and imaginary parts apart)."""
    new = np.float32(1) - memory
    for k in range(z0.size):
        a, b, c, d, e, g = z0[k].real, z0[k].imag, z1[k].real, z1[k].imag, z2[k].real, z2[k].imag
        moments[0, k] = memory * moments[0, k] + new * (a * a + b * b)
        moments[1, k] = memory * moments[1, k] + new * (c * c + d * d)
        moments[2, k] = memory * moments[2, k] + new * (e * e + g * g)
        moments[3, k] = memory * moments[3, k] + new * (a * c + b * d)
        moments[4, k] = memory * moments[4, k] + new * (b * c - a * d)
        moments[5, k] = memory * moments[5, k] + new * (c * e + d * g)
        moments[6, k] = memory * moments[6, k] + new * (d * e - c * g)
        moments[7, k] = memory * moments[7, k] + new * (a * e + b * g)
        moments[8, k] = memory * moments[8, k] + new * (b * e - a * g)


@kernel
def _flush_denormals(moments: Any) -> None:
    for m in range(MOMENTS):
        for k in range(moments.shape[1]):
            moments[m, k] = moments[m, k] if abs(moments[m, k]) > np.float32(1e-35) else np.float32(0)


@kernel
def _pool(moments: Any, neighbors: int, pooled: Any) -> None:
    """Sum each moment over the channel and its neighbours."""
    channels = moments.shape[1]
    for m in range(MOMENTS):
        for k in range(channels):
            pooled[m, k] = moments[m, k]
    for distance in range(1, neighbors + 1):
        for m in range(MOMENTS):
            for k in range(channels - distance):
                pooled[m, k] += moments[m, k + distance]
                pooled[m, k + distance] += moments[m, k]


@kernel(fastmath={"contract"})
def _two_lines(
    z0: Any, z1: Any, z2: Any, pooled: Any, turn: Any, tables: Any, rule: Any, roots: Any, trust: Any, hz: Any,
    energy: Any,
) -> None:  # fmt: skip
    """Two lines of every channel and how far to trust them.

    With z demodulated by the channel's centre: least squares for c₁, c₂; roots of r² = c₁r + c₂ set on the unit circle;
    amplitudes by least squares of the three values on the two turns.
    """
    center_hz, reach_hz = tables
    (residual_scale, drift_scale, change_scale), rad_to_hz = rule[2], rule[3]
    for k in range(z0.size):
        hz[1, k] = hz[2, k] = center_hz[k]
        energy[1, k] = energy[2, k] = 0.0
        center_before, distance_before = roots[0, k], roots[1, k]
        roots[0, k] = roots[1, k] = trust[k] = 0.0
        r00, r11, r22 = pooled[0, k], pooled[1, k], pooled[2, k]
        if min(r00, r11, r22) < SMALLEST_POWER:
            continue
        back = turn[k].conjugate()
        r01 = complex(pooled[3, k], pooled[4, k]) * back
        r12 = complex(pooled[5, k], pooled[6, k]) * back
        r02 = complex(pooled[7, k], pooled[8, k]) * back * back
        floor = REGULARIZATION * 0.5 * (r11 + r22)
        a11, a22 = r11 + floor, r22 + floor
        inverse = 1.0 / (a11 * a22 - _power(r12))  # dividing complex by real numbers is several times slower
        c1 = (r01 * a22 - r02 * r12.conjugate()) * inverse
        c2 = (a11 * r02 - r12 * r01) * inverse
        residual = r00 - 2 * (_inner(c1, r01) + _inner(c2, r02)) + _power(c1) * r11 + _power(c2) * r22
        residual = max(residual + 2 * (c1 * c2.conjugate() * r12).real, 0.0) / r00
        root = _square_root(c1 * c1 + 4 * c2)
        root_a, root_b = 0.5 * (c1 + root), 0.5 * (c1 - root)
        size_a, size_b = _power(root_a), _power(root_b)
        turn_a = root_a * (1.0 / (math.sqrt(size_a) + 1e-30))
        turn_b = root_b * (1.0 / (math.sqrt(size_b) + 1e-30))
        angle_a, angle_b = math.atan2(turn_a.imag, turn_a.real), math.atan2(turn_b.imag, turn_b.real)
        between = turn_a * turn_b.conjugate()
        turn_1 = turn[k]
        y0, y1, y2 = complex(z0[k]), z1[k] * turn_1, z2[k] * turn_1 * turn_1
        match_a, match_b = y0 + turn_a * (y1 + turn_a * y2), y0 + turn_b * (y1 + turn_b * y2)
        cross = 1 + between + between * between
        own = 3 * (1 + 1e-4)
        normal = (own * own - _power(cross)) ** 2
        energy_a = _power(own * match_a - cross * match_b) / normal
        energy_b = _power(own * match_b - cross.conjugate() * match_a) / normal
        # Two nearly equal turns can have huge, opposite amplitudes: no more than twice the power that is there.
        ceiling = 2.0 / 3.0 * (_power(y0) + _power(y1) + _power(y2))
        share = min(1.0, ceiling / (energy_a + energy_b + 1e-30))
        energy_a, energy_b = energy_a * share, energy_b * share
        if energy_a > SMALLEST_ENERGY and abs(angle_a) * rad_to_hz < reach_hz[k]:
            hz[1, k], energy[1, k] = center_hz[k] + angle_a * rad_to_hz, energy_a
        if energy_b > SMALLEST_ENERGY and abs(angle_b) * rad_to_hz < reach_hz[k]:
            hz[2, k], energy[2, k] = center_hz[k] + angle_b * rad_to_hz, energy_b
        distance = abs(_wrapped(angle_a - angle_b)) + 1e-9
        drift = _wrapped(angle_a + angle_b - center_before) / (drift_scale * distance)
        change = 1.0 / (change_scale * distance)
        widened = (distance - distance_before) * change
        # ln|r|² of each root, to first order: it matters only near the unit circle.
        grown = 0.25 * ((size_a - 1) ** 2 + (size_b - 1) ** 2) * change * change
        trust[k] = 1.0 / (1.0 + residual / residual_scale + drift * drift + widened * widened + grown)
        roots[0, k], roots[1, k] = angle_a + angle_b, distance


@kernel
def _wrapped(angle: Any) -> Any:
    """The angle brought within ±π."""
    return angle - 2 * math.pi * math.floor(angle / (2 * math.pi) + 0.5)


@kernel
def _power(z: Any) -> Any:
    return z.real * z.real + z.imag * z.imag


@kernel
def _inner(a: Any, b: Any) -> Any:
    """Re(a b*)."""
    return a.real * b.real + a.imag * b.imag


@kernel
def _square_root(z: Any) -> Any:
    size = math.sqrt(_power(z))
    re, im = math.sqrt(max(0.5 * (size + z.real), 0.0)), math.sqrt(max(0.5 * (size - z.real), 0.0))
    return complex(re, -im if z.imag < 0 else im)
