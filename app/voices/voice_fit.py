"""What a fit of voices works with: tables of a window, and room."""

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .voice_algebra_kernel import Matrix
from .voices_kernel import LARGEST_GROWTH, Voices

RIDGE = 3e-3
"""Added to the diagonal of the partials' products, as a share of a lone partial's."""

APART = 0.1 * RIDGE
"""Two partials are apart, and their product is taken for 0, where it is below this share of a lone one's."""

MOMENTS = 8
"""Products are weighted by so many powers of time, from 0: up to t⁶, ways of curvature by t³ each; eight are summed
up together."""

GROWTH_STEP = 10.0
GROWTHS = round(2 * LARGEST_GROWTH / GROWTH_STEP) + 1
"""How far partials see each other is tabulated for means of their growths this far apart, 1/s."""


class VoiceTables(NamedTuple):
    """What a fit needs.

    time_s: of the samples, 0 at the moment; they are `step_s` apart.
    first: of the samples, counted from the moment.
    window, window_power: weight of each, and the sum of their squares.
    carrier: what turns back by the band's middle, times the window (real, imaginary).
    top_hz: no partial is above.
    spread: how far what partials share is expected from where a fit begins (f0), or from 0.
    reach_hz: partials farther apart, by the mean of their growths, do not see each other: see `APART`.
    """

    time_s: Annotated[NDArray[np.float32], "samples"]
    first: int
    window: Annotated[NDArray[np.float32], "samples"]
    carrier_real: Annotated[NDArray[np.float32], "samples"]
    carrier_imag: Annotated[NDArray[np.float32], "samples"]
    step_s: float
    window_power: float
    top_hz: float
    spread: Annotated[NDArray[np.float64], "shared"]
    reach_hz: Annotated[NDArray[np.float64], "growths"]


class PairRoom(NamedTuple):
    """Products of partials, which are sorted by frequency.

    order: the partial at each place.  first: the lowest place that this one sees, ascending.
    lags: how many places it sees, itself among them, at most.
    thin: of so many samples one is enough to tell products.
    stays, place: where partials, and places, go when some are left out, -1 for these.
    powers_laid: so many powers of time products are laid for.
    hz, hz_slope, hz_curvature, growth: of each place's partial.
    atom_real, atom_imag: partials by place, at the samples that tell.
    powers: of time at these samples, times how many they stand for.
    real, imag: [lag, power of time, place], products with those `lag` places below.
    """

    order: Annotated[NDArray[np.int64], "all partials"]
    first: Annotated[NDArray[np.int64], "all partials"]
    lags: Annotated[NDArray[np.int64], "one"]
    thin: Annotated[NDArray[np.int64], "one"]
    stays: Annotated[NDArray[np.int64], "all partials"]
    place: Annotated[NDArray[np.int64], "all partials"]
    powers_laid: Annotated[NDArray[np.int64], "one"]
    hz: Annotated[NDArray[np.float64], "all partials"]
    hz_slope: Annotated[NDArray[np.float64], "all partials"]
    hz_curvature: Annotated[NDArray[np.float64], "all partials"]
    growth: Annotated[NDArray[np.float64], "all partials"]
    atom_real: Annotated[NDArray[np.float32], "samples", "filled partials"]
    atom_imag: Annotated[NDArray[np.float32], "samples", "filled partials"]
    powers: Annotated[NDArray[np.float32], "samples", "moments"]
    real: Annotated[NDArray[np.float32], "all partials", "moments", "filled partials"]
    imag: Annotated[NDArray[np.float32], "all partials", "moments", "filled partials"]


class StepRoom(NamedTuple):
    """A Gauss-Newton step.

    turning_real, turning_imag, stretching: how partials turn with f0, and how many times that with stiffness.
    seen, seen_by_way: how much amplitudes would follow of ways, which are how the sum changes with each shared number;
    real parts of all places and then imaginary ones, and the same by ways; taken: products of these.
    normal, slope: the step's equations; before: their right side, before they are solved.
    """

    turning_real: Annotated[NDArray[np.float64], "all partials"]
    turning_imag: Annotated[NDArray[np.float64], "all partials"]
    stretching: Annotated[NDArray[np.float64], "all partials"]
    seen: Annotated[NDArray[np.float32], "both parts", "filled ways"]
    seen_by_way: Annotated[NDArray[np.float32], "filled ways", "both parts"]
    taken: Annotated[NDArray[np.float32], "filled ways", "filled ways"]
    normal: Annotated[NDArray[np.float64], "ways", "ways"]
    slope: Annotated[NDArray[np.float64], "ways"]
    before: Annotated[NDArray[np.float64], "ways"]


class Outcome(NamedTuple):
    """What came out of a fit, put aside: see `VoiceFit`."""

    voices: Voices
    partials: Annotated[NDArray[np.int64], "one"]
    partial_voice: Annotated[NDArray[np.int64], "all partials"]
    partial_number: Annotated[NDArray[np.int64], "all partials"]
    real: Annotated[NDArray[np.float64], "all partials"]
    imag: Annotated[NDArray[np.float64], "all partials"]
    rest_real: Annotated[NDArray[np.float32], "samples"]
    rest_imag: Annotated[NDArray[np.float32], "samples"]
    energy: Annotated[NDArray[np.float64], "one"]


class VoiceFit(NamedTuple):
    """Room for a fit, and what comes out of it.

    atom_real, atom_imag: the windowed partials.  partial_voice, partial_number: of each.
    lower: triangle of their products, by places; others: without a voice's; inverse: of them, where partials see each
    other.  value_real, value_imag: a number for each place.
    real, imag: amplitude of each; variance: of it, over the noise's.  gain: what a voice explains and no other.
    rest_real, rest_imag: what is left; energy: of it.
    turn, now: how a voice's fundamental turns, and its growing window; unused: partials that are only turned on from.
    """

    voices: Voices
    partials: Annotated[NDArray[np.int64], "one"]
    partial_voice: Annotated[NDArray[np.int64], "all partials"]
    partial_number: Annotated[NDArray[np.int64], "all partials"]
    atom_real: Annotated[NDArray[np.float32], "all partials", "samples"]
    atom_imag: Annotated[NDArray[np.float32], "all partials", "samples"]
    pairs: PairRoom
    lower: Matrix
    others: Matrix
    inverse: Matrix
    value_real: Annotated[NDArray[np.float64], "all partials"]
    value_imag: Annotated[NDArray[np.float64], "all partials"]
    real: Annotated[NDArray[np.float64], "all partials"]
    imag: Annotated[NDArray[np.float64], "all partials"]
    variance: Annotated[NDArray[np.float64], "all partials"]
    gain: Annotated[NDArray[np.float64], "voices"]
    rest_real: Annotated[NDArray[np.float32], "samples"]
    rest_imag: Annotated[NDArray[np.float32], "samples"]
    energy: Annotated[NDArray[np.float64], "one"]
    step: StepRoom
    turn_real: Annotated[NDArray[np.float32], "samples"]
    turn_imag: Annotated[NDArray[np.float32], "samples"]
    now_real: Annotated[NDArray[np.float32], "samples"]
    now_imag: Annotated[NDArray[np.float32], "samples"]
    unused_real: Annotated[NDArray[np.float32], "two", "samples"]
    unused_imag: Annotated[NDArray[np.float32], "two", "samples"]
