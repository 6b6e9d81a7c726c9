"""Voices fitted together to the waveform around a moment: amplitudes projected out, Gauss-Newton. No validation here.

A voice is ``Σ_h a_h e^{γu} exp(2πi h f (u + s u²/2 + c u³/6 + (√(1+Bh²) − 1) u))``: its partials share f (Hz), slope s
(1/s), curvature c (1/s²), growth γ (1/s) and stiffness B; their complex amplitudes a_h are free. Given what is shared,
the amplitudes of all are one linear problem (variable projection, Golub and Pereyra 1973).
"""

from sharpear.compiler import Floats, kernel
from sharpear.dynamics.unit_kernel import copy

from .voice_algebra_kernel import factor, invert, product, real_product, solve_lower, solve_upper, turn_both, turn_by
from .voice_atoms_kernel import lay_atoms
from .voice_fit import MOMENTS, RIDGE, Outcome, VoiceFit, VoiceTables
from .voice_pairs_kernel import keep_products, lay_moments, lay_products, place_products
from .voice_step_kernel import step
from .voices_kernel import copy_voices, remove

FLOOR = 1e-5
"""Noise is at least this share (-50 dB) of the energy."""


@kernel
def fit_voices(real: Floats, imag: Floats, steps: int, fit: VoiceFit, tables: VoiceTables) -> None:
    """Amplitudes, and so many times a step of what is shared and amplitudes again."""
    lay_atoms(fit, tables)
    solve_amplitudes(real, imag, steps > 0, fit, tables)
    for left in range(steps - 1, -1, -1):
        step_on(real, imag, left > 0, fit, tables)


@kernel
def step_on(real: Floats, imag: Floats, goes_on: bool, fit: VoiceFit, tables: VoiceTables) -> None:
    """A step of what is shared, and amplitudes again. goes_on: another one follows."""
    if fit.pairs.powers_laid[0] < MOMENTS:
        lay_moments(MOMENTS, fit, tables)
    step(fit, tables)
    lay_atoms(fit, tables)
    solve_amplitudes(real, imag, goes_on, fit, tables)


@kernel(apart=True)
def solve_amplitudes(real: Floats, imag: Floats, goes_on: bool, fit: VoiceFit, tables: VoiceTables) -> None:
    """Amplitudes of the partials, what they leave of the windowed samples, and its energy.

    goes_on: a step follows, which needs products weighted by time, too.
    """
    lay_products(MOMENTS if goes_on else 1, fit, tables)
    _solve(real, imag, fit, tables)


@kernel
def _solve(real: Floats, imag: Floats, fit: VoiceFit, tables: VoiceTables) -> None:
    """The same, products being laid."""
    count, samples, pairs = fit.partials[0], tables.time_s.size, fit.pairs
    place_products(fit, -1, tables, fit.lower)
    factor(fit.lower, pairs.first, count)
    for i in range(count):
        k = pairs.order[i]
        a = product(fit.atom_real[k, :samples], fit.atom_imag[k, :samples], real, imag)
        fit.value_real[i], fit.value_imag[i] = a.real, a.imag
    solve_lower(fit.lower, pairs.first, count, fit.value_real, fit.value_imag)
    solve_upper(fit.lower, pairs.first, count, fit.value_real, fit.value_imag)
    for i in range(count):
        fit.real[pairs.order[i]], fit.imag[pairs.order[i]] = fit.value_real[i], fit.value_imag[i]
    rest_real, rest_imag = fit.rest_real[:samples], fit.rest_imag[:samples]
    for n in range(samples):
        rest_real[n], rest_imag[n] = real[n], imag[n]
    for k in range(1, count, 2):
        turn_both(
            -complex(fit.real[k - 1], fit.imag[k - 1]), fit.atom_real[k - 1, :samples], fit.atom_imag[k - 1, :samples],
            -complex(fit.real[k], fit.imag[k]), fit.atom_real[k, :samples], fit.atom_imag[k, :samples],
            rest_real, rest_imag,
        )  # fmt: skip
    if count % 2:
        k = count - 1
        row_real, row_imag = fit.atom_real[k, :samples], fit.atom_imag[k, :samples]
        turn_by(-complex(fit.real[k], fit.imag[k]), row_real, row_imag, rest_real, rest_imag)
    fit.energy[0] = real_product(rest_real, rest_imag, rest_real, rest_imag)


@kernel(apart=True)
def fit_fewer(real: Floats, imag: Floats, fit: VoiceFit, tables: VoiceTables) -> None:
    """Amplitudes once more, without partials that are not used any more and voices that use none, which go.

    What is shared stays as it is, partials as they were laid, and so their products.
    """
    voices, samples, pairs, kept = fit.voices, tables.time_s.size, fit.pairs, 0
    for k in range(fit.partials[0]):
        v, h = fit.partial_voice[k], fit.partial_number[k]
        pairs.stays[k] = kept if voices.used[v, h - 1] else -1
        if voices.used[v, h - 1]:
            if kept < k:
                fit.partial_voice[kept], fit.partial_number[kept] = v, h
                copy(fit.atom_real[k, :samples], fit.atom_real[kept, :samples])
                copy(fit.atom_imag[k, :samples], fit.atom_imag[kept, :samples])
            kept += 1
    keep_products(fit.partials[0], pairs)
    fit.partials[0] = kept
    for v in range(voices.number[0] - 1, -1, -1):
        if not voices.used[v].any():
            remove(voices, v)
            for k in range(kept):
                fit.partial_voice[k] -= fit.partial_voice[k] > v
    _solve(real, imag, fit, tables)


@kernel(apart=True)
def copy_outcome(source: VoiceFit | Outcome, into: VoiceFit | Outcome) -> None:
    """Put what came out of a fit aside while others are tried, or take it back.

    Its triangles and partials sample by sample stay what they are in a fit that takes it back: the next one lays them.
    """
    copy_voices(source.voices, into.voices)
    for k in range(source.partials[0], into.real.size):  # states of the same voices are the same
        into.partial_voice[k] = into.partial_number[k] = 0
        into.real[k] = into.imag[k] = 0.0
    into.partials[0], into.energy[0] = source.partials[0], source.energy[0]
    for k in range(source.partials[0]):
        into.partial_voice[k], into.partial_number[k] = source.partial_voice[k], source.partial_number[k]
        into.real[k], into.imag[k] = source.real[k], source.imag[k]
    for n in range(source.rest_real.size):
        into.rest_real[n], into.rest_imag[n] = source.rest_real[n], source.rest_imag[n]


@kernel(apart=True)
def find_variances(fit: VoiceFit) -> None:
    """Variances of the amplitudes, over the noise's: the diagonal of G⁻¹."""
    pairs, count = fit.pairs, fit.partials[0]
    invert(fit.lower, pairs.first, count, fit.inverse)
    for i in range(count):
        fit.variance[pairs.order[i]] = fit.inverse.real[i, i]


@kernel(apart=True)
def find_gain(v: int, fit: VoiceFit, tables: VoiceTables) -> None:
    """What a voice explains alone: ``a_v* (G_vv − G_vo G_oo⁻¹ G_ov) a_v``, o all other partials."""
    pairs, count, real, imag = fit.pairs, fit.partials[0], fit.value_real, fit.value_imag
    fit.gain[v] = _share_out(v, fit, tables)
    place_products(fit, v, tables, fit.others)
    factor(fit.others, pairs.first, count)
    solve_lower(fit.others, pairs.first, count, real, imag)
    for i in range(count):
        fit.gain[v] -= real[i] ** 2 + imag[i] ** 2


@kernel
def _share_out(v: int, fit: VoiceFit, tables: VoiceTables) -> float:
    """``G_ov a_v`` by places, 0 at those of v, into the values; ``a_v* G_vv a_v`` is returned."""
    pairs, count, own = fit.pairs, fit.partials[0], 0.0
    fit.value_real[:count], fit.value_imag[:count] = 0.0, 0.0
    for i in range(count):
        above = pairs.order[i]
        a = complex(fit.real[above], fit.imag[above])
        if fit.partial_voice[above] == v:
            own += RIDGE * tables.window_power * (a * a.conjugate()).real
        for j in range(pairs.first[i], i + 1):
            below = pairs.order[j]
            b = complex(fit.real[below], fit.imag[below])
            g = complex(pairs.real[i - j, 0, i], pairs.imag[i - j, 0, i])
            if fit.partial_voice[above] == v and fit.partial_voice[below] == v:
                own += (a.conjugate() * g * b).real * (1 if i == j else 2)
            elif fit.partial_voice[below] == v:
                fit.value_real[i] += (g * b).real
                fit.value_imag[i] += (g * b).imag
            elif fit.partial_voice[above] == v:
                fit.value_real[j] += (g.conjugate() * a).real
                fit.value_imag[j] += (g.conjugate() * a).imag
    return own


@kernel
def noise_of(fit: VoiceFit, energy: float) -> float:
    """Energy a sample of what is left, and of what no fit can be trusted with."""
    return float((fit.energy[0] + FLOOR * energy) / fit.rest_real.size)
