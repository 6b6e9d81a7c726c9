"""The pitch layer above the partials: sharpened frames in, voices and their shares of the partials out."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler.ahead import compile_ahead
from sharpear.config import PitchConfig
from sharpear.dsp import NoiseFloor
from sharpear.dynamics import Flow, HarmonicDivisive, Network
from sharpear.dynamics.harmonic_fields import HarmonicFields
from sharpear.dynamics.weights import layers, learned
from sharpear.errors import UsageError
from sharpear.gpu.arguments import numbers
from sharpear.gpu.stateful import allocated, fields_of, named
from sharpear.sharpening.composite import Composite, Memory
from sharpear.sharpening.cores import cores
from sharpear.sharpening.frames import Frames
from sharpear.sharpening.results import FrameResult, counted
from sharpear.sharpening.sharpener import Sharpener

from .evidence_kernel import EVIDENCE, ReadoutLayers
from .hidden_voices_kernel import HiddenRule
from .partial_shares import ShareRule, share_partials
from .pitch_kernels import (
    MOST_PARTIALS,
    PartialsState,
    PitchHistory,
    PitchOut,
    PitchPlaces,
    PitchRings,
    PitchRule,
    PitchSteps,
    PitchWork,
    VoiceRule,
    partials_process,
    pitch_process,
)

BELOW_HZ, ABOVE_HZ = 27.5 * 2 ** (-1 / 6), 8372.0
"""Lowest and highest pitch that compete beyond the configured range: a whole tone below a piano's lowest string, and an
octave above its highest."""
ASKED_HZ = 12_600.0
"""Up to here a pitch is blamed for harmonics that are missing, whether frames reach so far or not: where it were not,
each partial near the frames' upper end would be a pitch that lacks nothing."""
NOISE_QUANTILE = 0.15
"""Quantile of the power of neighbouring channels that is taken for noise: so few lie between a chord's partials."""
FLOOR_S, LASTING_S = 0.1, 0.3
"""Time constants of the noise's level and, longer, of its rise, for a drum is no noise that lasts."""
LARGEST_FLOOR = 1.0
"""The noise is at most as loud as the strongest channel: here loud noise must be known for what it is."""
READOUT = "voice_readout.npz"
REST = 1e-4
"""Activity of a silent pitch, as a share of the level, from which it can rise again within a step or two."""
SHARE_FLOOR = 5e-3
"""Expected amplitude (compressed, as a share of the level) below which a voice's claim to a partial fades."""


@dataclass(frozen=True, eq=False, repr=False)
class PitchFrames(FrameResult):
    """Consecutive frames with the voices that sound in them.

    times: (frames,) s, on the input's clock.
    amplitude: (frames, streams, atoms) float32, the sharpened frames themselves, delayed as the voices are.
    instantaneous_frequency: the same, Hz.
    outside: (frames, streams, 2) bool, whether a pitch sounds that is left out because it lies below, and above,
    the range.
    faint_f0, faint_strength: as `f0` and `strength`, of voices that are followed and not believed in; those whose
    partials others explain have a strength of 0.
    belief: (frames, streams, voices) float32, probability that a voice sounds, of those of `f0` and `faint_f0`.
    f0: (frames, streams, voices) float32, fundamental of each voice, Hz; 0 where it is silent.
    strength: (frames, streams, voices) float32, its activity in the pitch layer, compressed and of the level.

    The streams' axis is absent where the audio was one-dimensional.

    >>> from sharpear import Transcriber
    >>> tone = 0.5 * np.cos(2 * np.pi * 440 / 16000 * np.arange(16000))
    >>> frames = Transcriber(16000, "low-latency").process(tone)
    >>> float(frames.f0[-1].max().round())
    440.0
    """

    times: NDArray[np.float64]
    amplitude: NDArray[np.float32]
    instantaneous_frequency: NDArray[np.float32]
    outside: NDArray[np.bool_]
    faint_f0: NDArray[np.float32]
    faint_strength: NDArray[np.float32]
    belief: NDArray[np.float32]
    f0: NDArray[np.float32]
    strength: NDArray[np.float32]

    def _summary(self) -> list[str]:
        *leading, voices = np.shape(self.f0)
        streams = leading[np.ndim(self.times) :]
        return [self._span(self.times), *(counted(n, "stream") for n in streams), counted(voices, "voice")]

    def with_faint(self) -> "PitchFrames":
        """The same, with all voices that are followed in `f0` and `strength`, believed in or not."""
        return replace(self, f0=self.f0 + self.faint_f0, strength=self.strength + self.faint_strength)


class PitchLayer(Composite):
    """Pitches compete for the partials of sharpened frames, and tell the partials whose they are.

    Every `step_ms` the partials y_i (compressed, relative to the level of the last seconds) drive pitches a_j through
    harmonic receptive fields w_ij. What the pitches expect of a partial together flows back down and divides it, so
    that pitches share the partials they have in common and a pitch that others explain falls silent: `network`, a
    `HarmonicDivisive` (see `sharpear.dynamics`). The activities persist from step to step; a voice is a peak of their
    median over the last steps, followed from step to step in a place of its own. Places that are left go to partials
    that may be fundamentals though others explain them, as an octave's (`follow_hidden`).

    Noise, drums and partials that nobody claims wake pitches too. What speaks for each voice and against it (how far
    its partials rise above the noise around them, which ones it has and shares, how steady it is; see
    `weigh_evidence`) is weighed by a small readout, learned from rendered pieces: a voice is told where it believes in
    it. Pitches out of the range compete as well, a piano's and more, so that none of their harmonics is taken for a
    pitch within it; they are left out of what is told.

    Args:
        hop_s: time between frames, s.
        atoms: atoms of the frames.
        channels: channels of their plain amplitude, which tell the noise.
        config: settings.
        streams: independent signals.
        lowest_hz: lowest frequency that the frames hold, Hz: no pitch is blamed for harmonics below.

    >>> from sharpear import Sharpener
    >>> sharpener = Sharpener(44100)
    >>> layer = PitchLayer.over(sharpener)
    >>> t = np.arange(22050) / 44100
    >>> chord = sum(0.1 / h * np.cos(2 * np.pi * f * h * t) for f in (220, 330) for h in range(1, 7))
    >>> voices = layer.process(sharpener.process(chord[:, None])).f0[-1, 0]
    >>> sorted(voices[voices > 0].round().tolist())
    [220.0, 330.0]
    """

    def __init__(
        self, hop_s: float, atoms: int, channels: int, config: PitchConfig | None = None, streams: int = 1,
        lowest_hz: float = 0.0,
    ) -> None:  # fmt: skip
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
        """The pitches, and their combs over log frequency."""
        self.stride = stride = max(1, round(c.step_ms / 1e3 / hop_s))
        """Frames from one step of the pitches to the next."""
        harmonic_hz = self.fields.pitch_hz[:, None] * np.arange(1, c.harmonics + 1)
        asked = harmonic_hz >= np.minimum(lowest_hz, harmonic_hz[:, -1:])
        asked &= harmonic_hz <= np.maximum(ASKED_HZ, harmonic_hz[:, :1])
        total = (self.fields.tooth * asked).sum(axis=1)
        pitches = HarmonicDivisive(
            self.fields, MOST_PARTIALS, total=total, feedback=c.feedback, epsilon=c.epsilon, rate=c.rate, rest=REST
        )
        flows = [Flow("partials", "pitches"), Flow("hz", "pitches.hz")]
        self.network = Network({"pitches": pitches}, flows, iterations=c.iterations, streams=streams)
        self._rule, self._voice_rule, self._hidden_rule, self._share_rule = _rules(c, stride, hop_s)
        self._floor = NoiseFloor(
            channels, hop_s, tau_s=FLOOR_S, quantile=NOISE_QUANTILE, largest=LARGEST_FLOOR, streams=streams
        )
        # Atoms and channels stand on the same scale, over the same range.
        self._nearest = np.rint(np.arange(atoms) * ((channels - 1) / max(1, atoms - 1))).astype(np.int64)
        # The median's middle step lies so far back, and its frame stands in the middle of the frames it decides for.
        self.latency_hops = c.median_steps // 2 * stride + stride // 2
        """Frames by which what is told of a frame follows it."""
        self._lengths = {
            "streams": streams, "atoms": atoms, "voices": c.voices, "pitches": total.size, "steps": c.median_steps,
            "waiting": self.latency_hops + 1, "partials": MOST_PARTIALS, "below and above": 2, "evidence": EVIDENCE,
        }  # fmt: skip
        self._work = allocated(PitchWork, self._lengths)
        self._compiled = False
        kinds = (PartialsState, PitchRings, PitchHistory, PitchPlaces)
        fields = [field for kind in kinds for field in fields_of(kind, self._lengths)]
        self._memory = Memory([*fields, ("count", np.int64)])

    @classmethod
    def over(cls, sharpener: Sharpener, config: PitchConfig | None = None, streams: int = 1) -> "PitchLayer":
        """A layer that reads what a sharpener gives; streams: of the frames that it is to read."""
        hop_s, hz = sharpener.hop / sharpener.sample_rate, sharpener.frequencies
        return cls(hop_s, hz.size, sharpener.channel_frequencies.size, config, streams, lowest_hz=float(hz[0]))

    @property
    def _parts(self) -> dict[str, Any]:
        return {"voices": self._memory, "floor": self._floor, "network": self.network}

    @property
    def latency_s(self) -> float:
        """Time by which the voices follow the sharpened frames, s."""
        return self.latency_hops * self.hop_s

    @property
    def activity(self) -> NDArray[np.float32]:
        """(streams, pitches) present activity of every pitch, of the level, compressed."""
        return self.network.read()["pitches.a"]

    def known(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The last stream's pitches (voices,), Hz, and the evidence (voices, numbers) of each, after the last step."""
        return self._memory.fields["f0"][-1].copy(), self._work.evidence.copy()

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
        state = self._memory.fields
        first = -int(state["count"]) % self.stride
        floor = self._floor.process(np.square(plain))
        noise = floor[first :: self.stride][:, :, self._nearest]
        steps = allocated(PitchSteps, {"taken": len(noise), **self._lengths})
        out = allocated(PitchOut, {"frames": len(frames), **self._lengths})
        kinds = PartialsState, PitchRings, PitchHistory, PitchPlaces
        levels, rings, pitches, places = (named(kind, state) for kind in kinds)
        count, rule, work = int(state["count"]), self._rule, self._work
        sharpened = amplitude, frequency, np.ascontiguousarray(frames.times, np.float64)
        driving = amplitude, frequency, noise, rule, count, levels, work, steps
        rules = self.fields.rule, rule, self._voice_rule, self._hidden_rule, _readout()
        deciding = *rules, rings, pitches, places, work, count, out
        if not self._compiled:
            a = np.empty((0, self.streams, self.network.units), np.float32)
            calls = [self.network.call, (pitch_process, (*sharpened, steps, a, *deciding)), (partials_process, driving)]
            compile_ahead(calls, cores())
            self._compiled = True
        partials_process(*driving)
        a = self.network.process({"partials": steps.y, "hz": steps.line_hz})
        left = pitch_process(*sharpened, steps, a, *deciding)
        state["count"] += len(frames)
        told = (out.outside, out.faint_f0, out.faint_strength, out.belief, out.f0, out.strength)
        return PitchFrames(out.times, out.amplitude, out.frequency, *told)[:left]

    def flush(self) -> PitchFrames:
        """The frames still on their way, completed by silence. Then `reset` begins the next stream."""
        state = self._memory.fields
        last = state["times"][(state["count"] - 1) % (self.latency_hops + 1)]
        times: NDArray[np.float64] = last + self.hop_s * np.arange(1.0, self.latency_hops + 1)
        silence = np.zeros((self.latency_hops, self.streams, self.atoms), np.float32)
        return self.process(Frames(times, silence, silence, np.zeros((*silence.shape[:2], self.channels), np.float32)))

    def shares(self, frames: PitchFrames) -> NDArray[np.float32]:
        """(frames, streams, voices, atoms): each voice's share of the amplitude of each partial; sums are below 1.

        The streams' axis is absent where it is in `frames`.
        """
        if frames.f0.ndim == 2:
            return self.shares(frames.with_stream())[:, 0]
        share = np.empty((*frames.f0.shape, self.atoms), np.float32)
        share_partials(
            frames.amplitude, frames.instantaneous_frequency, frames.f0, frames.strength, self.fields.rule,
            self._share_rule, share,
        )  # fmt: skip
        return share

    def amplitudes(self, frames: PitchFrames) -> NDArray[np.float32]:
        """(frames, streams, voices): of each voice's shares together, as the root of their power."""
        own = self.shares(frames) * frames.amplitude[..., None, :]
        power: NDArray[np.float32] = np.square(own).sum(axis=-1)
        return np.sqrt(power)


@cache
def _readout() -> ReadoutLayers:
    """What `benchmarks.transcription.fit_readout` learned."""
    return ReadoutLayers(**layers(learned("sharpear.pitch", READOUT), ReadoutLayers._fields))


def _rules(config: PitchConfig, stride: int, hop_s: float) -> tuple[PitchRule, VoiceRule, HiddenRule, ShareRule]:
    """The settings as the kernels take them."""
    c, compression = config, config.compression
    rule = numbers(
        PitchRule, stride=stride, compression=compression, floor=c.floor,
        decay=np.exp(-stride * hop_s / c.level_s), rise=-np.expm1(-stride * hop_s / LASTING_S),
    )  # fmt: skip
    low_hz, high_hz = c.low_hz * 2 ** (-0.5 / 12), c.high_hz * 2 ** (0.5 / 12)
    voice_rule = numbers(
        VoiceRule,
        onset=c.onset,
        offset=c.offset,
        glide_units=c.glide_cents / 1200 * c.per_octave,
        low_hz=low_hz,
        high_hz=high_hz,
        believed=c.believed,
    )
    hidden_rule = numbers(
        HiddenRule, least=c.hidden, low_hz=low_hz, high_hz=high_hz, glide_octaves=c.glide_cents / 1200
    )
    share_rule = numbers(ShareRule, expand=1 / compression, epsilon=SHARE_FLOOR ** (1 / compression))
    return rule, voice_rule, hidden_rule, share_rule
