"""The pitch layer above the partials: sharpened frames in, voices and their shares of the partials out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpear.config import PitchConfig
from sharpear.dsp import NoiseFloor
from sharpear.dsp.harmonic_fields import HarmonicFields
from sharpear.dsp.stateful import Stateful
from sharpear.dynamics.divisive import DivisiveGains
from sharpear.errors import UsageError
from sharpear.sharpening.frames import Frames
from sharpear.sharpening.line_code import NOISE_QUANTILE

from .pitch_kernels import (
    MOST_PARTIALS,
    PitchFields,
    PitchNetwork,
    PitchOut,
    PitchPlaces,
    PitchRings,
    PitchRule,
    PitchWork,
    ShareRule,
    VoiceRule,
    pitch_process,
    share_partials,
)

BELOW_HZ, ABOVE_HZ = 27.5, 4400.0
"""Pitches so far beyond the range compete too: those of a piano."""
FLOOR_S, LASTING_S = 0.1, 0.3
"""Time constants of the noise's level, and of its rise: a drum is no noise that lasts."""
LARGEST_FLOOR = 1.0
"""The noise is at most as loud as the strongest channel: here loud noise must be known for what it is."""
STAYS_DB = 8.0
"""A voice that has risen above the noise may fall so far, for a drum does not end it."""
REST = 1e-4
"""Activity of a silent pitch, of the level: from here it rises again within a step or two."""
SHARE_FLOOR = 5e-3
"""Expected amplitude, compressed and of the level, below which a voice's claim to a partial fades."""


@dataclass(frozen=True)
class PitchFrames:
    """Consecutive frames with the voices that sound in them.

    times: (frames,) s, on the input's clock.
    amplitude: (frames, streams, atoms) float32, the sharpened frames themselves, delayed as the voices are.
    instantaneous_frequency: the same, Hz.
    outside: (frames, streams, 2) bool, whether a pitch sounds that is left out because it lies below, and above,
    the range.
    f0: (frames, streams, voices) float32, fundamental of each voice, Hz; 0 where it is silent.
    strength: (frames, streams, voices) float32, its activity in the pitch layer, compressed and of the level.
    """

    times: NDArray[np.float64]
    amplitude: NDArray[np.float32]
    instantaneous_frequency: NDArray[np.float32]
    outside: NDArray[np.bool_]
    f0: NDArray[np.float32]
    strength: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, frames: slice) -> "PitchFrames":
        return PitchFrames(
            self.times[frames],
            self.amplitude[frames],
            self.instantaneous_frequency[frames],
            self.outside[frames],
            self.f0[frames],
            self.strength[frames],
        )

    @staticmethod
    def join(pieces: "list[PitchFrames]") -> "PitchFrames":
        """One after the other."""
        return PitchFrames(
            np.concatenate([piece.times for piece in pieces]),
            np.concatenate([piece.amplitude for piece in pieces]),
            np.concatenate([piece.instantaneous_frequency for piece in pieces]),
            np.concatenate([piece.outside for piece in pieces]),
            np.concatenate([piece.f0 for piece in pieces]),
            np.concatenate([piece.strength for piece in pieces]),
        )


class PitchLayer(Stateful):
    """Pitches compete for the partials of sharpened frames, and tell the partials whose they are.

    Every `step_ms` the partials y_i (compressed, relative to the level of the last seconds) drive pitches a_j through
    harmonic receptive fields w_ij. What the pitches expect of a partial together flows back down and divides it, so
    that pitches share the partials they have in common and a pitch that others explain falls silent (see
    `sharpear.dynamics.divisive`). The activities persist from step to step; a voice is a peak of their median over the
    last steps, followed from step to step in a place of its own.

    Noise has partials too. The layer measures how loud it is around every atom; a voice sounds only where its partials
    together rise above what such noise would give them. Pitches out of the range compete as well, those of a piano, so
    that none of their harmonics is taken for a pitch within it; they are left out of what is told.

    Args:
        hop_s: time between frames, s.
        atoms: atoms of the frames.
        channels: channels of their plain amplitude, which tell the noise.
        config: settings.
        streams: independent signals.

    >>> from sharpear import Sharpener
    >>> sharpener = Sharpener(44100)
    >>> layer = PitchLayer(sharpener.hop / 44100, sharpener.frequencies.size, sharpener.channel_frequencies.size)
    >>> t = np.arange(22050) / 44100
    >>> chord = sum(0.1 / h * np.cos(2 * np.pi * f * h * t) for f in (220, 330) for h in range(1, 7))
    >>> voices = layer.process(sharpener.process(chord[:, None])).f0[-1, 0]
    >>> sorted(voices[voices > 0].round().tolist())
    [220.0, 330.0]
    """

    def __init__(
        self, hop_s: float, atoms: int, channels: int, config: PitchConfig | None = None, streams: int = 1
    ) -> None:
        if not hop_s > 0 or min(atoms, channels, streams) < 1:
            raise UsageError(
                f"expected hop_s > 0, atoms >= 1, channels >= 1 and streams >= 1, "
                f"received {hop_s:g}, {atoms}, {channels} and {streams}"
            )
        self.config = config or PitchConfig()
        self.hop_s, self.atoms, self.channels, self.streams = hop_s, atoms, channels, streams
        c = self.config
        self.fields = HarmonicFields.over(
            min(c.low_hz, BELOW_HZ),
            max(c.high_hz, ABOVE_HZ),
            per_octave=c.per_octave,
            harmonics=c.harmonics,
            rolloff=c.rolloff,
            tolerance_cents=c.tolerance_cents,
        )
        units = self.fields.pitch_hz.size
        self.stride = stride = max(1, round(c.step_ms / 1e3 / hop_s))
        # A pitch above the range is not blamed for harmonics beyond those that the range asks for.
        harmonic_hz = self.fields.pitch_hz[:, None] * np.arange(1, c.harmonics + 1)
        total = (self.fields.tooth * (harmonic_hz <= c.harmonics * c.high_hz)).sum(axis=1).astype(np.float32)
        self._fields = PitchFields(self.fields.rule, total)
        self._rule, self._gains, self._voice_rule = _pitch_rule(c, stride, hop_s), _gains(c), _voice_rule(c)
        self._floor = NoiseFloor(
            channels, hop_s, tau_s=FLOOR_S, quantile=NOISE_QUANTILE, largest=LARGEST_FLOOR, streams=streams
        )
        # Atoms and channels stand on the same scale, over the same range.
        self._nearest = np.rint(np.arange(atoms) * ((channels - 1) / max(1, atoms - 1))).astype(np.int64)
        self._share_rule = ShareRule(
            expand=np.float32(1 / c.compression), epsilon=np.float32(SHARE_FLOOR ** (1 / c.compression))
        )
        self._work = _work(MOST_PARTIALS * self.fields.most_connections, units)
        # The median's middle step lies so far back, and its frame stands in the middle of the frames it decides for.
        self.latency_hops = c.median_steps // 2 * stride + stride // 2
        waiting = self.latency_hops + 1
        self._remember(
            [
                ("times", np.float64, (waiting,)),
                ("amplitude", np.float32, (streams, waiting, atoms)),
                ("frequency", np.float32, (streams, waiting, atoms)),
                ("level", np.float32, (streams,)),
                ("a", np.float32, (streams, units)),
                ("history", np.float32, (streams, c.median_steps, units)),
                ("strongest", np.float32, (streams,)),
                ("lasting", np.float32, (streams, atoms)),
                ("f0", np.float32, (streams, c.voices)),
                ("last_f0", np.float32, (streams, c.voices)),
                ("strength", np.float32, (streams, c.voices)),
                ("clear", np.float32, (streams, c.voices)),
                ("risen", np.bool_, (streams, c.voices)),
                ("count", np.int64),
            ]
        )

    @property
    def state(self) -> Any:
        """Everything that the next output depends on (copies)."""
        return {"voices": self._state.value, "floor": self._floor.state}

    @state.setter
    def state(self, value: Any) -> None:
        if not isinstance(value, Mapping) or value.keys() != {"voices", "floor"}:
            raise UsageError(f"expected a PitchLayer's state, received {type(value).__name__}")
        self._state.value, self._floor.state = value["voices"], value["floor"]

    def reset(self) -> None:
        """Forget the past: the next output is that of a new object."""
        super().reset()
        self._floor.reset()

    @property
    def latency_s(self) -> float:
        """Time by which the voices follow the sharpened frames, s."""
        return self.latency_hops * self.hop_s

    @property
    def activity(self) -> NDArray[np.float32]:
        """(streams, pitches) present activity of every pitch, of the level, compressed."""
        activity: NDArray[np.float32] = self._state["a"].copy()
        return activity

    def process(self, frames: Frames) -> PitchFrames:
        """Advance over sharpened frames (frames, streams, atoms); return those whose voices are decided.

        Raises:
            UsageError: the frames have other streams, atoms or channels.
        """
        amplitude = np.ascontiguousarray(frames.amplitude, np.float32)
        if amplitude.ndim != 3 or amplitude.shape[1:] != (self.streams, self.atoms):
            raise UsageError(
                f"expected frames of shape (frames, {self.streams}, {self.atoms}), received {amplitude.shape}"
            )
        plain = np.ascontiguousarray(frames.plain_amplitude, np.float32)
        if plain.shape != (len(frames), self.streams, self.channels):
            raise UsageError(
                f"expected plain amplitudes of shape (frames, {self.streams}, {self.channels}), received {plain.shape}"
            )
        frequency = np.ascontiguousarray(frames.instantaneous_frequency, np.float32)
        first = -int(self._state["count"]) % self.stride
        floor = self._floor.process(np.square(plain))
        noise = floor[first :: self.stride][:, :, self._nearest]
        voices = (len(frames), self.streams, self.config.voices)
        result = PitchFrames(
            np.empty(len(frames), np.float64),
            np.empty_like(amplitude),
            np.empty_like(amplitude),
            np.empty((len(frames), self.streams, 2), np.bool_),
            np.empty(voices, np.float32),
            np.empty(voices, np.float32),
        )
        state = self._state
        left = pitch_process(
            amplitude,
            frequency,
            noise,
            np.ascontiguousarray(frames.times, np.float64),
            self._fields,
            self._rule,
            self._gains,
            self._voice_rule,
            PitchRings(*(state[name] for name in PitchRings._fields)),
            PitchNetwork(*(state[name] for name in PitchNetwork._fields)),
            PitchPlaces(*(state[name] for name in PitchPlaces._fields)),
            self._work,
            int(state["count"]),
            PitchOut(
                times=result.times,
                amplitude=result.amplitude,
                frequency=result.instantaneous_frequency,
                f0=result.f0,
                strength=result.strength,
                outside=result.outside,
            ),
        )
        state["count"] += len(frames)
        return result[:left]

    def flush(self) -> PitchFrames:
        """The frames still on their way, completed by silence. Then `reset` begins the next stream."""
        last = self._state["times"][(self._state["count"] - 1) % (self.latency_hops + 1)]
        times: NDArray[np.float64] = last + self.hop_s * np.arange(1.0, self.latency_hops + 1)
        silence = np.zeros((self.latency_hops, self.streams, self.atoms), np.float32)
        return self.process(Frames(times, silence, silence, np.zeros((*silence.shape[:2], self.channels), np.float32)))

    def shares(self, frames: PitchFrames) -> NDArray[np.float32]:
        """(frames, streams, voices, atoms): each voice's share of the amplitude of each partial; sums are below 1."""
        share = np.empty((*frames.f0.shape, self.atoms), np.float32)
        share_partials(
            frames.amplitude,
            frames.instantaneous_frequency,
            frames.f0,
            frames.strength,
            self.fields.rule,
            self._share_rule,
            share,
        )
        return share


def _pitch_rule(c: PitchConfig, stride: int, hop_s: float) -> PitchRule:
    return PitchRule(
        stride=stride,
        iterations=c.iterations,
        compression=np.float32(c.compression),
        floor=np.float32(c.floor),
        decay=np.float32(np.exp(-stride * hop_s / c.level_s)),
        rise=np.float32(-np.expm1(-stride * hop_s / LASTING_S)),
    )


def _gains(c: PitchConfig) -> DivisiveGains:
    return DivisiveGains(
        feedback=np.float32(c.feedback),
        epsilon=np.float32(c.epsilon),
        rate=np.float32(c.rate),
        rest=np.float32(REST),
    )


def _voice_rule(c: PitchConfig) -> VoiceRule:
    return VoiceRule(
        onset=np.float32(c.onset),
        offset=np.float32(c.offset),
        glide_units=np.float32(c.glide_cents / 1200 * c.per_octave),
        low_hz=np.float32(c.low_hz * 2 ** (-0.5 / 12)),
        high_hz=np.float32(c.high_hz * 2 ** (0.5 / 12)),
        rises=np.float32(10 ** (c.noise_margin_db / 20 * c.compression)),
        stays=np.float32(10 ** ((c.noise_margin_db - STAYS_DB) / 20 * c.compression)),
    )


def _work(connections: int, units: int) -> PitchWork:
    return PitchWork(
        y=np.empty(MOST_PARTIALS, np.float32),
        noise_y=np.empty(MOST_PARTIALS, np.float32),
        line_hz=np.empty(MOST_PARTIALS, np.float32),
        start=np.empty(MOST_PARTIALS + 1, np.int32),
        unit=np.empty(connections, np.int32),
        weight=np.empty(connections, np.float32),
        support=np.empty(units, np.float32),
        activity=np.empty(units, np.float32),
    )
