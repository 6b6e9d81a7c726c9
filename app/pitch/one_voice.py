"""One voice: its fundamental, and whether it sounds, of frames that hold nothing else, such as speech."""

import numpy as np
from numpy.typing import NDArray

from sharpear.config import PitchConfig
from sharpear.sharpening.frames import Frames

from .notes import Voices
from .one_voice_kernel import PeriodRule, Periods, best_path, find_periods
from .onsets import Onsets

CANDIDATES = 8
OCTAVE, JUMP, CHANGE = 0.01, 0.35, 0.14
"""Costs of a longer period, an octave's jump and a change of voicing, of the strength: Praat's, each 10 ms."""
COSTS_EVERY_S = 0.01
VOICED = 0.65
"""Strength from which a voice sounds: the least, of 0.45, 0.55 and so on, at which noise of six kinds has no note."""
SILENT = 0.01
"""Level, of the loudest, below which a voice needs more: of 0.03, 0.015 and this, fewest steps are told wrongly so."""
LAGS_HZ, LAGS_A_PERIOD = 16_000.0, 4
"""Lags a second, and at least so many in the shortest period."""


class OneVoice:
    r"""Collects the periods of the lines of the first stream, and finds the voice's path through all of them.

    A voice's lines repeat together. How much do they, after τ, is their normalised autocorrelation, which sharpened
    frames give without a window, ``r(τ) = Σ_i A_i cos(2π f_i τ) / Σ_i A_i`` (Wiener and Khinchin, with amplitudes in
    the place of powers, so that weak partials tell an octave, and noise of some hundred lines has no period). Peaks
    compete along the path that costs least (Boersma 1993, Proc. Institute of Phonetic Sciences 17), and each period is
    that at which the powers' r is largest.

    Args:
        config: the range, low_hz to high_hz, and the steps' length.
        hop_s: time between frames, s.

    >>> import sharpear
    >>> t = np.arange(16000) / 16000
    >>> tone = sum(0.1 / h * np.cos(2 * np.pi * 150 * h * t) for h in range(1, 9)) * (t > 0.5)
    >>> spec = sharpear.sharpen(tone, 16000, "speech")
    >>> one = OneVoice(PitchConfig(low_hz=60, high_hz=600), spec.attributes["hop"] / 16000)
    >>> one.hear(spec.with_stream())
    >>> one.voices().f0[[10, -10], 0].round().tolist()
    [0.0, 150.0]
    """

    def __init__(self, config: PitchConfig, hop_s: float) -> None:
        lags_hz = max(LAGS_HZ, LAGS_A_PERIOD * config.high_hz)
        self._rule = PeriodRule(config.low_hz, config.high_hz, lags_hz, OCTAVE)
        self._stride = max(1, round(config.step_ms / 1e3 / hop_s))
        self._step_s, self._next = self._stride * hop_s, 0
        self._onsets = Onsets(hop_s)
        self._times: list[NDArray[np.float64]] = []
        self._periods: list[Periods] = []

    def hear(self, frames: Frames) -> None:
        """Append consecutive frames."""
        self._onsets.add(frames)
        chosen = frames[self._next :: self._stride]
        self._next = (self._next - len(frames)) % self._stride
        shape = len(chosen), CANDIDATES
        found = Periods(np.empty(shape), np.empty(shape), np.empty(shape), np.empty(len(chosen)))
        amplitude, frequency = (
            np.ascontiguousarray(part[:, 0]) for part in (chosen.amplitude, chosen.instantaneous_frequency)
        )
        find_periods(amplitude, frequency, self._rule, found)
        self._times.append(chosen.times)
        self._periods.append(found)

    def end(self) -> None:
        """All frames have come."""

    @property
    def begins(self) -> NDArray[np.float64]:
        """Moments at which much begins, s."""
        return self._onsets.times()

    @property
    def outside_s(self) -> tuple[float, float]:
        """No time is told of pitches out of the range: none are sought."""
        return 0.0, 0.0

    def voices(self) -> Voices:
        """The one voice, with its strength."""
        periods = Periods(*(np.concatenate(part) for part in zip(*self._periods, strict=True)))
        louder = periods.level / max(float(periods.level.max(initial=0.0)), np.finfo(float).tiny)
        unvoiced = VOICED + np.maximum(0.0, 2 - louder * (1 + VOICED) / SILENT)
        path, cost = np.zeros(len(louder), np.int64), COSTS_EVERY_S / self._step_s
        best_path(periods, unvoiced, JUMP * cost, CHANGE * cost, path)
        sounds = path < CANDIDATES
        steps, taken = np.flatnonzero(sounds), path[sounds]
        f0, amplitude, strength = np.zeros((3, len(louder), 1), np.float32)
        f0[steps, 0] = 2 ** periods.pitch[steps, taken]
        amplitude[steps, 0], strength[steps, 0] = periods.level[steps], periods.strength[steps, taken]
        return Voices(np.concatenate(self._times), f0, amplitude, strength=strength)
