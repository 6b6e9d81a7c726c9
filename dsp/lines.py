"""Line evidence: what one channel's recent past says about the partials inside it.

One line: all of the channel's power at its instantaneous frequency. Exact and prompt where one partial rules a channel.
Two lines: two partials that beat within a channel obey ``z(t) = c₁ z(t−D) + c₂ z(t−2D)`` whatever their phases; the
roots of ``r² = c₁ r + c₂`` are their turns per D (Prony 1795, in its least-squares form over a leaky memory and a few
neighbouring channels). How well that predicts, and how steadily the roots stand, says how far to trust it.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import kernel
from sharpear.gpu import CPU, Backend
from sharpear.gpu.arguments import numbers
from sharpear.gpu.stateful import Stateful, fields_of, named

from .filterbank import SubbandFrames

MOMENTS = 9
UNPREDICTABLE_POWER = 1e-32
"""Where a channel and its neighbours have less (-320 dBFS), there is nothing to predict."""

FAINTEST_LINE = 1e-28
"""Energy (-280 dBFS) up to which one of the pair is no line."""

SMALLEST_MOMENT = np.float32(1e-35)
"""Moments up to this are zero, before they become slow denormal numbers."""

NO_LINE = 1e-30
"""Added to the modulus of a root, and to the energy of a pair, that something is divided by."""

OWN_MATCH = 3 * (1 + 1e-4)
"""What a turn matches itself by, over three values: a little more, so that equal turns can be told apart at all."""

MOST_OF_POWER = 2.0 / 3.0
"""The pair's energy is at most this part of the three values' power: twice their mean."""

SMALLEST_DISTANCE = 1e-9
"""Added to the distance of the two lines, rad over the spacing."""

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

    spacing_hops: int
    neighbors: int
    memory_s: float
    residual: float
    drift: float
    drift_s: float
    change: float


class LineTables(NamedTuple):
    """Where channels stand, and how far from there they may place a line."""

    center_hz: Annotated[NDArray[np.float64], "channels"]
    reach_hz: Annotated[NDArray[np.float64], "channels"]


class FinderRule(NamedTuple):
    """A `LineRule` as the kernel takes it."""

    memory: np.float32
    """Factor on the moments a frame."""

    neighbors: int
    """Channels on either side whose moments are pooled."""

    residual: np.float64
    drift: np.float64
    change: np.float64
    """What each of the three may be where it alone halves the trust: see `LineRule`."""

    rad_to_hz: np.float64
    """Hz for each radian that a line turns over the spacing."""


class FinderState(NamedTuple):
    """Rings of the channels' values and frequencies, the leaky moments, and a ring of the pairs' places."""

    z: Annotated[NDArray[np.complex64], "streams", "depth", "channels"]
    hz: Annotated[NDArray[np.float32], "streams", "depth", "channels"]
    moments: Annotated[NDArray[np.float32], "streams", "moments", "channels"]
    roots: Annotated[NDArray[np.float32], "streams", "drift frames", "centre and distance", "channels"]


class LinesOut(NamedTuple):
    """The fields of `LineFrames`."""

    hz: Annotated[NDArray[np.float32], "frames", "streams", "lines", "channels"]
    energy: Annotated[NDArray[np.float32], "frames", "streams", "lines", "channels"]
    trust: Annotated[NDArray[np.float32], "frames", "streams", "channels"]


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
        self, center_hz: NDArray[np.float64], reach_hz: NDArray[np.float64], frame_s: float, rule: LineRule,
        streams: int = 1, backend: Backend = CPU,
    ) -> None:  # fmt: skip
        if rule.spacing_hops < 1 or rule.neighbors < 0:
            raise ValueError(f"expected spacing_hops >= 1 and neighbors >= 0, received {rule}")
        K = center_hz.size
        D = rule.spacing_hops
        turn = np.exp(2j * np.pi * center_hz * D * frame_s)
        self.latency_hops = D
        self._channels = K
        self._turn = backend.array(turn, np.complex128)
        self._tables = LineTables(
            center_hz=backend.array(center_hz, np.float64), reach_hz=backend.array(reach_hz, np.float64)
        )
        self._rule = numbers(
            FinderRule, memory=math.exp(-frame_s / rule.memory_s), neighbors=rule.neighbors, residual=rule.residual,
            drift=rule.drift, change=rule.change, rad_to_hz=1.0 / (2 * np.pi * D * frame_s),
        )  # fmt: skip
        drift_frames = max(1, round(rule.drift_s / frame_s))
        lengths = {"streams": streams, "channels": K, "depth": 2 * D + 1, "moments": MOMENTS}
        lengths |= {"drift frames": drift_frames, "centre and distance": 2}
        self._remember([*fields_of(FinderState, lengths), ("frame", np.int64)], backend)
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
            self.backend.array(frames.subband), frames.instantaneous_hz, self._turn, self._tables, self._rule,
            named(FinderState, state), int(state["frame"]),
            LinesOut(hz=lines.frequency_hz, energy=lines.energy, trust=lines.trust),
        )  # fmt: skip
        state["frame"] += count
        return lines


@kernel
def lines_process(
    subband: Any, instantaneous_hz: Any, turn: Any, tables: LineTables, rule: FinderRule, state: FinderState,
    frame: int, out: LinesOut,
) -> None:  # fmt: skip
    """One- and two-line evidence of every frame, stream and channel."""
    ring, ring_hz, moments, roots = state.z, state.hz, state.moments, state.roots
    hz, energy, trust = out.hz, out.energy, out.trust
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
            _update_moments(z0, z1, z2, rule.memory, moments[s])
            _flush_denormals(moments[s])
            _pool(moments[s], rule.neighbors, pooled)
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
            moments[m, k] = moments[m, k] if abs(moments[m, k]) > SMALLEST_MOMENT else np.float32(0)


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
    z0: Any, z1: Any, z2: Any, pooled: Any, turn: Any, tables: LineTables, rule: FinderRule, roots: Any, trust: Any,
    hz: Any, energy: Any,
) -> None:  # fmt: skip
    """Two lines of every channel and how far to trust them.

    With z demodulated by the channel's centre: least squares for c₁, c₂; roots of r² = c₁r + c₂ set on the unit circle;
    amplitudes by least squares of the three values on the two turns.
    """
    center_hz, reach_hz, rad_to_hz = tables.center_hz, tables.reach_hz, rule.rad_to_hz
    for k in range(z0.size):
        hz[1, k] = hz[2, k] = center_hz[k]
        energy[1, k] = energy[2, k] = 0.0
        center_before, distance_before = roots[0, k], roots[1, k]
        roots[0, k] = roots[1, k] = trust[k] = 0.0
        r00, r11, r22 = pooled[0, k], pooled[1, k], pooled[2, k]
        if min(r00, r11, r22) < UNPREDICTABLE_POWER:
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
        turn_a = root_a * (1.0 / (math.sqrt(size_a) + NO_LINE))
        turn_b = root_b * (1.0 / (math.sqrt(size_b) + NO_LINE))
        angle_a, angle_b = math.atan2(turn_a.imag, turn_a.real), math.atan2(turn_b.imag, turn_b.real)
        between = turn_a * turn_b.conjugate()
        turn_1 = turn[k]
        y0, y1, y2 = complex(z0[k]), z1[k] * turn_1, z2[k] * turn_1 * turn_1
        match_a, match_b = y0 + turn_a * (y1 + turn_a * y2), y0 + turn_b * (y1 + turn_b * y2)
        cross = 1 + between + between * between
        normal = (OWN_MATCH * OWN_MATCH - _power(cross)) ** 2
        energy_a = _power(OWN_MATCH * match_a - cross * match_b) / normal
        energy_b = _power(OWN_MATCH * match_b - cross.conjugate() * match_a) / normal
        # Two nearly equal turns can have huge, opposite amplitudes: no more than twice the power that is there.
        ceiling = MOST_OF_POWER * (_power(y0) + _power(y1) + _power(y2))
        share = min(1.0, ceiling / (energy_a + energy_b + NO_LINE))
        energy_a, energy_b = energy_a * share, energy_b * share
        if energy_a > FAINTEST_LINE and abs(angle_a) * rad_to_hz < reach_hz[k]:
            hz[1, k], energy[1, k] = center_hz[k] + angle_a * rad_to_hz, energy_a
        if energy_b > FAINTEST_LINE and abs(angle_b) * rad_to_hz < reach_hz[k]:
            hz[2, k], energy[2, k] = center_hz[k] + angle_b * rad_to_hz, energy_b
        distance = abs(_wrapped(angle_a - angle_b)) + SMALLEST_DISTANCE
        drift = _wrapped(angle_a + angle_b - center_before) / (rule.drift * distance)
        change = 1.0 / (rule.change * distance)
        widened = (distance - distance_before) * change
        # ln|r|² of each root, to first order: it matters only near the unit circle.
        grown = 0.25 * ((size_a - 1) ** 2 + (size_b - 1) ** 2) * change * change
        trust[k] = 1.0 / (1.0 + residual / rule.residual + drift * drift + widened * widened + grown)
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
