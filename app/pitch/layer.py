"""The pitch layer above the partials: sharpened frames in, voices and their shares of the partials out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sharpear.config import PitchConfig
from sharpear.dsp.harmonic_fields import HarmonicFields
from sharpear.dsp.stateful import Stateful
from sharpear.errors import UsageError
from sharpear.frames import Frames

from .kernels import MOST_PARTIALS, pitch_process, share_partials

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
    f0: (frames, streams, voices) float32, fundamental of each voice, Hz; 0 where it is silent.
    strength: (frames, streams, voices) float32, its activity in the pitch layer, compressed and of the level.
    """

    times: NDArray[np.float64]
    amplitude: NDArray[np.float32]
    instantaneous_frequency: NDArray[np.float32]
    f0: NDArray[np.float32]
    strength: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, frames: slice) -> "PitchFrames":
        return PitchFrames(
            self.times[frames],
            self.amplitude[frames],
            self.instantaneous_frequency[frames],
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

    Args:
        hop_s: time between frames, s.
        atoms: atoms of the frames.
        config: settings.
        streams: independent signals.

    >>> from sharpear import Sharpener
    >>> sharpener = Sharpener(44100)
    >>> layer = PitchLayer(sharpener.hop / 44100, sharpener.frequencies.size)
    >>> t = np.arange(22050) / 44100
    >>> chord = sum(0.1 / h * np.cos(2 * np.pi * f * h * t) for f in (220, 330) for h in range(1, 7))
    >>> voices = layer.process(sharpener.process(chord[:, None])).f0[-1, 0]
    >>> sorted(voices[voices > 0].round().tolist())
    [220.0, 330.0]
    """

    def __init__(self, hop_s: float, atoms: int, config: PitchConfig | None = None, streams: int = 1) -> None:
        if not hop_s > 0 or atoms < 1 or streams < 1:
            raise UsageError(
                f"expected hop_s > 0, atoms >= 1 and streams >= 1, received {hop_s:g}, {atoms} and {streams}"
            )
        self.config = config or PitchConfig()
        self.hop_s, self.atoms, self.streams = hop_s, atoms, streams
        c = self.config
        self.fields = HarmonicFields.over(
            c.low_hz,
            c.high_hz,
            per_octave=c.per_octave,
            harmonics=c.harmonics,
            rolloff=c.rolloff,
            tolerance_cents=c.tolerance_cents,
        )
        units = self.fields.pitch_hz.size
        self.stride = stride = max(1, round(c.step_ms / 1e3 / hop_s))
        decay = np.float32(np.exp(-stride * hop_s / c.level_s))
        total = np.full(units, self.fields.tooth.sum(), np.float32)
        self._fields = self.fields.rule, total
        self._rule = stride, c.iterations, np.float32(c.compression), np.float32(c.floor), decay
        self._gains = np.float32(c.feedback), np.float32(c.epsilon), np.float32(c.rate), np.float32(REST)
        self._voice_rule = np.float32(c.onset), np.float32(c.offset), np.float32(c.glide_cents / 1200 * c.per_octave)
        self._share_rule = np.float32(1 / c.compression), np.float32(SHARE_FLOOR ** (1 / c.compression))
        connections = MOST_PARTIALS * self.fields.most_connections
        self._scratch = (
            np.empty(MOST_PARTIALS, np.float32),
            np.empty(MOST_PARTIALS, np.float32),
            np.empty(MOST_PARTIALS + 1, np.int32),
            np.empty(connections, np.int32),
            np.empty(connections, np.float32),
            np.empty(units, np.float32),
            np.empty(units, np.float32),
        )
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
                ("f0", np.float32, (streams, c.voices)),
                ("last_f0", np.float32, (streams, c.voices)),
                ("strength", np.float32, (streams, c.voices)),
                ("count", np.int64),
            ]
        )

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
            UsageError: the frames have other streams or atoms.
        """
        amplitude = np.ascontiguousarray(frames.amplitude, np.float32)
        if amplitude.ndim != 3 or amplitude.shape[1:] != (self.streams, self.atoms):
            raise UsageError(
                f"expected frames of shape (frames, {self.streams}, {self.atoms}), received {amplitude.shape}"
            )
        frequency = np.ascontiguousarray(frames.instantaneous_frequency, np.float32)
        voices = (len(frames), self.streams, self.config.voices)
        result = PitchFrames(
            np.empty(len(frames), np.float64),
            np.empty_like(amplitude),
            np.empty_like(amplitude),
            np.empty(voices, np.float32),
            np.empty(voices, np.float32),
        )
        state = self._state
        left = pitch_process(
            amplitude,
            frequency,
            np.ascontiguousarray(frames.times, np.float64),
            self._fields,
            self._rule,
            self._gains,
            self._voice_rule,
            (state["times"], state["amplitude"], state["frequency"]),
            (state["level"], state["a"], state["history"], state["strongest"]),
            (state["f0"], state["last_f0"], state["strength"]),
            self._scratch,
            int(state["count"]),
            (result.times, result.amplitude, result.instantaneous_frequency, result.f0, result.strength),
        )
        state["count"] += len(frames)
        return result[:left]

    def flush(self) -> PitchFrames:
        """The frames still on their way, completed by silence. Then `reset` begins the next stream."""
        last = self._state["times"][(self._state["count"] - 1) % (self.latency_hops + 1)]
        times: NDArray[np.float64] = last + self.hop_s * np.arange(1.0, self.latency_hops + 1)
        silence = np.zeros((self.latency_hops, self.streams, self.atoms), np.float32)
        return self.process(Frames(times, silence, silence, silence[:, :, :0]))

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
