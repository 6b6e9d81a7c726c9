"""Inner loops of `LineFinder`. No validation here."""

import math
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from numpy.typing import NDArray

from sharpear.compiler import Complexes, Doubles, Floats, LongComplexes, kernel

MOMENTS = 9
UNPREDICTABLE_POWER = 1e-32
"""Powers of a channel and its neighbours below this (-320 dBFS) are too small to predict anything from."""

FAINTEST_LINE = 1e-28
"""Energy (-280 dBFS) up to which one of the pair is no line."""

SMALLEST_MOMENT = np.float32(1e-35)
"""Moments up to this are zero, before they become slow denormal numbers."""

NO_LINE = 1e-30
"""Added to the modulus of a root, and to the energy of a pair, that something is divided by."""

OWN_MATCH = 3 * (1 + 1e-4)
"""The match of a turn with itself, over three values; a little more, so that equal turns leave equations solvable."""

MOST_OF_POWER = 2.0 / 3.0
"""The pair's energy is at most this part of the three values' power: twice their mean."""

SMALLEST_DISTANCE = 1e-9
"""Added to the distance of the two lines, rad over the spacing."""

REGULARIZATION = 1e-5
"""Share of the moments' diagonal that is added to it: -50 dB, below which no prediction gets."""


LANES = 64
"""Channels whose pairs are solved together: many, as constants are loaded anew each time, and still in a near cache."""

BEFORE, TURN, Z0, Z1, Z2 = (LANES * (MOMENTS + 2 * n) for n in range(5))
"""Where the lanes of complex values begin behind those of the moments: real parts, then imaginary parts."""

GIVEN_ROWS = MOMENTS + 2 * 5

ANGLE, ENERGY, CENTRE, DISTANCE, TRUST = 0, 2 * LANES, 4 * LANES, 5 * LANES, 6 * LANES
"""Where the lanes of what is found begin: two angles, two energies, their centre and distance, the trust."""

FOUND_ROWS = 7


def _arctan(terms: int) -> tuple[float, ...]:
    """Coefficients of ``atan(x) / x`` in x², for x from 0 to 1."""
    nodes = np.cos(np.pi * (np.arange(8 * terms) + 0.5) / (8 * terms))
    squares = 0.5 + 0.5 * nodes
    fitted = Chebyshev.fit(squares, np.arctan(np.sqrt(squares)) / np.sqrt(squares), terms - 1, domain=[0.0, 1.0])
    return tuple(float(c) for c in fitted.convert(kind=Polynomial).coef)


ARCTAN = _arctan(13)
"""So many that angles are right to 1e-10, which is less than single precision keeps of a frequency."""


class Lanes(NamedTuple):
    """What `LANES` channels are given and what is found of them, row after row."""

    given: Annotated[NDArray[np.float64], "given values"]
    found: Annotated[NDArray[np.float64], "found values"]


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


class FinderParts(NamedTuple):
    """A `LineFinder` as its kernels take it."""

    turn: Annotated[NDArray[np.complex128], "channels"]
    tables: LineTables
    rule: FinderRule
    state: FinderState


class LinesOut(NamedTuple):
    """The fields of `LineFrames`."""

    hz: Annotated[NDArray[np.float32], "frames", "streams", "lines", "channels"]
    energy: Annotated[NDArray[np.float32], "frames", "streams", "lines", "channels"]
    trust: Annotated[NDArray[np.float32], "frames", "streams", "channels"]


@kernel
def lanes_room() -> Lanes:
    """Room for one frame after the other."""
    return Lanes(np.ones(GIVEN_ROWS * LANES, np.float64), np.empty(FOUND_ROWS * LANES, np.float64))


@kernel(apart=True)
def lines_frame(
    subband: Complexes, instantaneous_hz: Floats, turn: LongComplexes, tables: LineTables, rule: FinderRule,
    state: FinderState, frame: int, s: int, lanes: Lanes, hz: Floats, energy: Floats, trust: Floats,
) -> None:  # fmt: skip
    """One- and two-line evidence of every channel of a stream, after its frame of that number."""
    ring, ring_hz, moments = state.z[s], state.hz[s], state.moments[s]
    depth = ring.shape[0]
    D, newest = depth // 2, frame % depth
    middle, oldest = (newest - D) % depth, (newest - 2 * D) % depth
    z0, z1, z2, newest_hz = ring[newest], ring[middle], ring[oldest], ring_hz[newest]
    for k in range(z0.size):
        z0[k] = subband[k]
        newest_hz[k] = instantaneous_hz[k]
    _update_moments(z0, z1, z2, rule.memory, moments)
    _flush_denormals(moments)
    _one_line(z1, ring_hz[middle], hz[0], energy[0])
    roots = state.roots[s, frame % state.roots.shape[1]]
    _two_lines(z0, z1, z2, moments, turn, tables, rule, roots, lanes, trust, hz, energy)


@kernel
def lines_process(
    subband: Complexes, instantaneous_hz: Floats, turn: LongComplexes, tables: LineTables, rule: FinderRule,
    state: FinderState, frame: int, out: LinesOut,
) -> None:  # fmt: skip
    """One- and two-line evidence of every frame, stream and channel."""
    lanes = lanes_room()
    for f in range(subband.shape[0]):
        for s in range(subband.shape[1]):
            lines_frame(
                subband[f, s], instantaneous_hz[f, s], turn, tables, rule, state, frame + f, s, lanes, out.hz[f, s],
                out.energy[f, s], out.trust[f, s],
            )  # fmt: skip


@kernel
def _one_line(z1: Complexes, z1_hz: Floats, hz: Floats, energy: Floats) -> None:
    for k in range(z1.size):
        hz[k] = z1_hz[k]
        energy[k] = z1[k].real * z1[k].real + z1[k].imag * z1[k].imag


@kernel(fastmath={"contract"})
def _update_moments(z0: Complexes, z1: Complexes, z2: Complexes, memory: np.float32, moments: Floats) -> None:
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
def _flush_denormals(moments: Floats) -> None:
    for m in range(MOMENTS):
        row = moments[m]
        for k in range(row.size):
            row[k] *= np.float32(abs(row[k]) > SMALLEST_MOMENT)  # a choice would be a branch


@kernel
def _two_lines(
    z0: Complexes, z1: Complexes, z2: Complexes, moments: Floats, turn: LongComplexes, tables: LineTables,
    rule: FinderRule, roots: Floats, lanes: Lanes, trust: Floats, hz: Floats, energy: Floats,
) -> None:  # fmt: skip
    """Two lines of every channel and how far to trust them."""
    given, found = lanes.given, lanes.found
    for a in range(0, z0.size, LANES):
        b = min(a + LANES, z0.size)
        for m in range(MOMENTS):
            _pool(moments[m], a, rule.neighbors, given[m * LANES : m * LANES + b - a])
        _lay(roots[0, a:b], given[BEFORE:])
        _lay(roots[1, a:b], given[BEFORE + LANES :])
        _lay_parts(turn[a:b], given[TURN:])
        _lay_parts(z0[a:b], given[Z0:])
        _lay_parts(z1[a:b], given[Z1:])
        _lay_parts(z2[a:b], given[Z2:])
        _solve(given, rule.residual, rule.drift, rule.change, found)
        _tell(found[TRUST:], trust[a:b])
        _tell(found[CENTRE:], roots[0, a:b])
        _tell(found[DISTANCE:], roots[1, a:b])
        for line in range(2):
            _tell_line(
                found[ANGLE + line * LANES :], found[ENERGY + line * LANES :], rule.rad_to_hz, tables.center_hz[a:b],
                tables.reach_hz[a:b], hz[line + 1, a:b], energy[line + 1, a:b],
            )  # fmt: skip


@kernel
def _pool(moment: Floats, begin: int, neighbors: int, pooled: Doubles) -> None:
    """Sum a moment over each of the channels from `begin` on and its neighbours."""
    end = begin + pooled.size
    _lay(moment[begin:end], pooled)
    for distance in range(1, neighbors + 1):
        _add(moment[max(begin - distance, 0) : max(end - distance, 0)], pooled[max(distance - begin, 0) :])
        _add(moment[begin + distance : end + distance], pooled)


@kernel
def _add(values: Floats, lanes: Doubles) -> None:
    for i in range(values.size):
        lanes[i] += values[i]


@kernel
def _lay(values: Any, lanes: Doubles) -> None:
    for i in range(values.size):
        lanes[i] = values[i]


@kernel
def _lay_parts(values: Any, lanes: Doubles) -> None:
    """Real parts, and behind them imaginary parts."""
    for i in range(values.size):
        lanes[i], lanes[LANES + i] = values[i].real, values[i].imag


@kernel
def _tell(lanes: Doubles, values: Floats) -> None:
    for i in range(values.size):
        values[i] = lanes[i]


@kernel(fastmath={"contract"})
def _tell_line(
    angle: Doubles, size: Doubles, rad_to_hz: float, center_hz: Doubles, reach_hz: Doubles, hz: Floats, energy: Floats
) -> None:
    """Where one of the pair is, and its energy, if it is there."""
    for k in range(hz.size):
        away_hz = angle[k] * rad_to_hz
        there = (size[k] > FAINTEST_LINE) & (abs(away_hz) < reach_hz[k])
        hz[k] = center_hz[k] + (away_hz if there else 0.0)
        energy[k] = size[k] if there else 0.0


@kernel(fastmath={"contract"})
def _solve(given: Doubles, rule_residual: float, rule_drift: float, rule_change: float, found: Doubles) -> None:
    """Angles, energies, distance and trust in every lane, without a branch, so that several run at once.

    With z demodulated by the channel's centre: least squares for c₁, c₂; roots of r² = c₁r + c₂ set on the unit circle;
    amplitudes by least squares of the three values on the two turns.
    """
    per_drift, per_change = 1.0 / rule_drift, 1.0 / rule_change
    for i in range(LANES):
        r00, r11, r22 = given[i], given[LANES + i], given[2 * LANES + i]
        turn_1 = complex(given[TURN + i], given[TURN + LANES + i])
        back = turn_1.conjugate()
        r01 = complex(given[3 * LANES + i], given[4 * LANES + i]) * back
        r12 = complex(given[5 * LANES + i], given[6 * LANES + i]) * back
        r02 = complex(given[7 * LANES + i], given[8 * LANES + i]) * back * back
        floor = REGULARIZATION * 0.5 * (r11 + r22)
        a11, a22 = r11 + floor, r22 + floor
        inverse = 1.0 / (a11 * a22 - _power(r12))  # dividing complex by real numbers is several times slower
        c1 = _scaled(inverse, _scaled(a22, r01) - r02 * r12.conjugate())
        c2 = _scaled(inverse, _scaled(a11, r02) - r12 * r01)
        residual = r00 - 2 * (_inner(c1, r01) + _inner(c2, r02)) + _power(c1) * r11 + _power(c2) * r22
        residual = max(residual + 2 * (c1 * c2.conjugate() * r12).real, 0.0) / (r00 * rule_residual)
        root = _square_root(c1 * c1 + _scaled(4.0, c2))
        root_a, root_b = _scaled(0.5, c1 + root), _scaled(0.5, c1 - root)
        size_a, size_b = _power(root_a), _power(root_b)
        modulus_a, modulus_b = math.sqrt(size_a) + NO_LINE, math.sqrt(size_b) + NO_LINE
        inverse = 1.0 / (modulus_a * modulus_b)  # one division for both, as that is what takes longest here
        turn_a, turn_b = _scaled(inverse * modulus_b, root_a), _scaled(inverse * modulus_a, root_b)
        angle_a, angle_b = _angle(turn_a), _angle(turn_b)
        between = turn_a * turn_b.conjugate()
        y0 = complex(given[Z0 + i], given[Z0 + LANES + i])
        y1 = complex(given[Z1 + i], given[Z1 + LANES + i]) * turn_1
        y2 = complex(given[Z2 + i], given[Z2 + LANES + i]) * turn_1 * turn_1
        match_a, match_b = y0 + turn_a * (y1 + turn_a * y2), y0 + turn_b * (y1 + turn_b * y2)
        cross = complex(1.0, 0.0) + between + between * between
        inverse = 1.0 / (OWN_MATCH * OWN_MATCH - _power(cross)) ** 2
        energy_a = inverse * _power(_scaled(OWN_MATCH, match_a) - cross * match_b)
        energy_b = inverse * _power(_scaled(OWN_MATCH, match_b) - cross.conjugate() * match_a)
        # Two nearly equal turns can have huge, opposite amplitudes: no more than twice the power that is there.
        ceiling = MOST_OF_POWER * (_power(y0) + _power(y1) + _power(y2))
        share = min(1.0, ceiling / (energy_a + energy_b + NO_LINE))
        distance = abs(_wrapped(angle_a - angle_b)) + SMALLEST_DISTANCE
        inverse = 1.0 / distance
        drift, change = inverse * per_drift * _wrapped(angle_a + angle_b - given[BEFORE + i]), inverse * per_change
        widened = (distance - given[BEFORE + LANES + i]) * change
        # ln|r|² of each root, to first order: it matters only near the unit circle.
        grown = 0.25 * ((size_a - 1) ** 2 + (size_b - 1) ** 2) * change * change
        trust = 1.0 / (1.0 + residual + drift * drift + widened * widened + grown)
        predictable = min(r00, r11, r22) >= UNPREDICTABLE_POWER
        found[ANGLE + i], found[ANGLE + LANES + i] = angle_a, angle_b
        found[ENERGY + i] = energy_a * share if predictable else 0.0
        found[ENERGY + LANES + i] = energy_b * share if predictable else 0.0
        found[CENTRE + i] = angle_a + angle_b if predictable else 0.0
        found[DISTANCE + i] = distance if predictable else 0.0
        found[TRUST + i] = trust if predictable else 0.0


@kernel
def _wrapped(angle: float) -> float:
    """The same angle within ±π."""
    return float(angle - 2 * math.pi * np.floor(angle * (0.5 / math.pi) + 0.5))


@kernel
def _scaled(factor: float, z: complex) -> complex:
    """A real multiple: half of the products of a complex one."""
    return complex(factor * z.real, factor * z.imag)


@kernel(fastmath={"contract"})
def _angle(z: complex) -> float:
    """atan2, without its branches."""
    across, along = abs(z.imag), abs(z.real)
    steep = across > along
    slope = min(across, along) / max(across, along, NO_LINE)
    square = slope * slope
    angle = ARCTAN[-1]
    for n in range(len(ARCTAN) - 2, -1, -1):
        angle = angle * square + ARCTAN[n]
    angle *= slope
    angle = 0.5 * math.pi - angle if steep else angle
    angle = math.pi - angle if z.real < 0 else angle
    return -angle if z.imag < 0 else angle


@kernel
def _power(z: complex) -> float:
    return z.real * z.real + z.imag * z.imag


@kernel
def _inner(a: complex, b: complex) -> float:
    """Re(a b*)."""
    return a.real * b.real + a.imag * b.imag


@kernel
def _square_root(z: complex) -> complex:
    size = math.sqrt(_power(z))
    re, im = math.sqrt(max(0.5 * (size + z.real), 0.0)), math.sqrt(max(0.5 * (size - z.real), 0.0))
    return complex(re, -im if z.imag < 0 else im)
