"""The windowed partials of voices, sample by sample. No validation here."""

import math

import numpy as np

from sharpear.compiler import Floats, kernel
from sharpear.compiler.elementary import exp, turned

from .voice_fit import VoiceFit, VoiceTables
from .voices_kernel import PARTIALS


@kernel(apart=True)
def lay_atoms(fit: VoiceFit, tables: VoiceTables) -> None:
    """Those in use: each the one before times how its voice turns, or, where they are stretched, by itself."""
    samples, k = tables.time_s.size, 0
    turn_real, turn_imag = fit.turn_real[:samples], fit.turn_imag[:samples]
    now_real, now_imag = fit.now_real[:samples], fit.now_imag[:samples]
    for v in range(fit.voices.number[0]):
        hz, slope, curvature, growth, stiffness = fit.voices.shared[v]
        last = 0
        for h in range(PARTIALS):
            if fit.voices.used[v, h]:
                last = h + 1
        _grow(growth, tables, now_real, now_imag)
        before_real, before_imag = now_real, now_imag
        if stiffness == 0:
            _turn(hz, hz * slope / 2, hz * curvature / 6, tables, turn_real, turn_imag)
        for h in range(last):
            into_real, into_imag = fit.atom_real[k, :samples], fit.atom_imag[k, :samples]
            if stiffness == 0:
                if not fit.voices.used[v, h]:
                    into_real, into_imag = fit.unused_real[h % 2, :samples], fit.unused_imag[h % 2, :samples]
                _multiply(turn_real, turn_imag, before_real, before_imag, into_real, into_imag)
                before_real, before_imag = into_real, into_imag
            elif fit.voices.used[v, h]:
                own_hz = (h + 1) * hz
                stretched = own_hz * math.sqrt(1 + stiffness * (h + 1) ** 2)
                _turn(stretched, own_hz * slope / 2, own_hz * curvature / 6, tables, turn_real, turn_imag)
                _multiply(turn_real, turn_imag, now_real, now_imag, into_real, into_imag)
            if fit.voices.used[v, h]:
                fit.partial_voice[k], fit.partial_number[k] = v, h + 1
                k += 1
    fit.partials[0] = k


@kernel
def _grow(growth: float, tables: VoiceTables, real: Floats, imag: Floats) -> None:
    """The window, turned back by the band's middle, times ``e^{γt}``."""
    rate = np.float32(growth)
    for n in range(real.size):
        level = exp(rate * tables.time_s[n])
        real[n], imag[n] = level * tables.carrier_real[n], level * tables.carrier_imag[n]


@kernel
def _turn(hz: float, second: float, third: float, tables: VoiceTables, real: Floats, imag: Floats) -> None:
    """``exp(2πi (hz t + second t² + third t³))``."""
    begin_s, step_s = tables.first * tables.step_s, tables.step_s
    for n in range(real.size):
        t = begin_s + n * step_s
        real[n], imag[n] = turned(t * (hz + t * (second + t * third)))


@kernel(fastmath={"contract"})
def _multiply(a: Floats, b: Floats, c: Floats, d: Floats, into_real: Floats, into_imag: Floats) -> None:
    """``into = (a + ib)(c + id)``."""
    for n in range(a.size):
        into_real[n] = a[n] * c[n] - b[n] * d[n]
        into_imag[n] = a[n] * d[n] + b[n] * c[n]
