"""Voices told apart by their pitch: each has the partials that its harmonics explain."""

from functools import partial
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpear.config import load_config
from sharpear.dsp import GammatoneDesign, Split
from sharpear.dsp.splitter_kernel import usable_samples
from sharpear.errors import UsageError
from sharpear.gpu.arguments import numbers
from sharpear.pitch import Transcriber
from sharpear.sharpening.composite import Composite, Memory

from .shares import ShareFactory
from .voice_kernel import Harmonics, Listeners, VoicesRule, voices_process
from .voice_notes import VoiceNotes
from .voice_tracks import VoiceTracks

MOST_VOICES = 8
HARMONICS = 30
ENVELOPE_S, KNOWN_ENVELOPE_S = 0.5, 2.0
"""Time constants of what is remembered of a voice's spectrum: of one that comes, and one that was heard before."""

UNKNOWN_ENVELOPE = (np.arange(1.0, HARMONICS + 1) ** -2.0).astype(np.float32)
"""Power of each harmonic of a voice that was not heard yet."""

ITERATIONS = 6
NOBODYS_POWER = 1e-5
"""Power that no voice is given, as a share of the frame's strongest channel, beside what no harmonic explains."""

RANGE = {"pitch.low_hz": 55.0, "pitch.high_hz": 1050.0}
"""Where voices are sought: pitches beyond are nobody's, as are nearly all that chorales have there."""
PITCHES = {**RANGE, "pitch.onset": 0.1, "pitch.hidden": 1.0, "pitch.believed": 0.1}
"""How the pitch layer is set: pitches too uncertain to be notes still help to tell voices apart."""

OWNED_S = 0.08
"""Time constant with which it is remembered whose a channel's power was."""

HELD_FRAMES = 16
"""Frames of pitches that are kept, because the separation's own frames stand between them."""

WIDEST = 64
"""The most channels that respond to one harmonic."""


def voice_names(count: int) -> tuple[str, ...]:
    """Names of voices, from the lowest up.

    >>> voice_names(2)
    ('voice1', 'voice2')
    """
    return tuple(f"voice{v + 1}" for v in range(count))


def listeners_of(bank: GammatoneDesign) -> Listeners:
    """The bank's channels as the voices' kernels take them."""
    half_hz = bank.sample_rate * (1 - bank.damping) / (2 * np.pi * np.sqrt(bank.damping))
    return Listeners(bank.center_hz.astype(np.float32), half_hz.astype(np.float32), bank.order)


def voices_rule(hop_s: float, envelope_s: float) -> VoicesRule:
    """For frames `hop_s` apart, and envelopes that follow with this time constant."""
    pace, passing = hop_s / envelope_s, hop_s / OWNED_S
    return numbers(VoicesRule, iterations=ITERATIONS, pace=pace, nobody=NOBODYS_POWER, passing=passing)


def room_for(voices: int) -> Harmonics:
    """Room for all harmonics of so many voices."""
    most = voices * HARMONICS
    voice, number, first, last = (np.zeros(most, np.int64) for _ in range(4))
    return Harmonics(voice, number, first, last, np.zeros((most, WIDEST), np.float32), np.zeros(most, np.float32))


def envelopes_of(spectrum: NDArray[np.float64], alone: NDArray[np.float64]) -> NDArray[np.float32]:
    """Power of each harmonic, (…, `HARMONICS`), of what `VoiceNotes` heard and a step of an unknown voice.

    Beyond what was heard it is an unknown voice's, as much more or less as what was heard is in the mean.

    >>> heard = np.log10(np.arange(1.0, 13) ** -4)
    >>> envelope = envelopes_of(1e6 * heard, np.full(12, 1e6))
    >>> [float(np.round(envelope[h - 1] * h**4, 3)) for h in (1, 2, 12)]
    [1.0, 1.0, 1.0]
    """
    unknown, count = np.log10(UNKNOWN_ENVELOPE / UNKNOWN_ENVELOPE.sum()), spectrum.shape[-1]
    heard = (spectrum + unknown[:count]) / (alone + 1)
    beyond = unknown[count:] + (heard - unknown[:count]).mean(axis=-1, keepdims=True)
    envelope: NDArray[np.float32] = (10 ** np.concatenate([heard, beyond], axis=-1)).astype(np.float32)
    return envelope


class PitchVoices(Composite):
    """Shares of a number of voices, "voice1" the lowest; what no harmonic of theirs explains is the residual.

    The pitch layer finds pitches in the mean of a group's streams, and `VoiceTracks` gives them to the voices, or to
    none; those of a recording that is listened to before, `VoiceNotes`. The gains g_i of all harmonics are fitted to
    the channels' power, ``y_k ≈ Σ_i g_i |H_k(f_i)|²``, beginning with each voice's remembered spectrum, so that
    partials which coincide are divided as that spectrum says. What they do not explain is whose the channel was.

    Args:
        voices: how many.
        bank: the separation bank.
        hop_s: time between frames, s.
        groups: independent signals.
        per_group: streams in each that share one mask.
    """

    takes_mean = True

    def __init__(self, voices: int, bank: GammatoneDesign, hop_s: float, groups: int, per_group: int) -> None:
        self.names = voice_names(voices)
        self._groups, self._per_group = groups, per_group
        self._hop = round(hop_s * bank.sample_rate)
        config = load_config("music", PITCHES)
        self._transcriber = Transcriber(bank.sample_rate, config, groups)
        sharpener, layer = self._transcriber.sharpener, self._transcriber.layer
        self._pitch_hop = sharpener.hop
        pitch_hop_s = sharpener.hop / bank.sample_rate
        self._tracks = VoiceTracks(voices, layer.config.voices, pitch_hop_s, layer.stride, groups)
        self._notes = VoiceNotes(voices, layer.config.voices, pitch_hop_s, layer.stride, groups)
        late = sharpener.latency_s / pitch_hop_s + layer.latency_hops + self._tracks.latency_frames
        # A frame's middle lies at most half a pitch frame from the one it takes, which leaves within the next one.
        self.wait_frames = ceil((late + 1.5) * self._pitch_hop / self._hop - 0.5)
        self._channels, self._lines = listeners_of(bank), room_for(voices)
        self._rule = voices_rule(hop_s, ENVELOPE_S)
        self._known_rule = voices_rule(hop_s, KNOWN_ENVELOPE_S)
        channels = bank.center_hz.size
        self._memory = Memory(
            [
                ("power", np.float32, (groups, self.wait_frames, channels)),
                ("held", np.float32, (HELD_FRAMES, groups, voices, 3)),
                ("envelope", np.float32, (groups, voices, HARMONICS)),
                ("owned", np.float32, (groups, 1 + voices, channels)),
                ("found", np.int64),
                ("frame", np.int64),
            ]
        )

    @classmethod
    def of(cls, voices: int) -> ShareFactory:
        """What a `Separator` builds its shares with.

        Raises:
            UsageError: fewer than 1 voice, or more than the pitch layer follows.
        """
        if not 1 <= voices <= MOST_VOICES:
            raise UsageError(f"--voices: expected 1 to {MOST_VOICES}, received {voices}")
        return partial(cls, voices)

    def process(self, split: Split) -> NDArray[np.float32]:
        """(frames, groups, voices, channels), `wait_frames` late."""
        state, count = self._memory.fields, len(split.power)
        channels = split.power.shape[2]
        shares = np.empty((count, self._groups, len(self.names), channels), np.float32)
        tracks = self._follow(split.sound, count)
        summed = split.power.reshape(count, self._groups, self._per_group, channels).sum(axis=2)
        if not state["envelope"].any():
            state["envelope"][...] = UNKNOWN_ENVELOPE
        rule = self._known_rule if len(self._notes.tracks) else self._rule
        for group in range(self._groups):
            power = np.concatenate([state["power"][group], summed[:, group]])
            state["power"][group] = power[count:]
            envelope, owned = state["envelope"][group], state["owned"][group]
            share = np.empty_like(shares[:, group])
            here = np.ascontiguousarray(tracks[:, group])
            voices_process(power[:count], here, self._channels, rule, envelope, owned, self._lines, share)
            shares[:, group] = share
        state["frame"] += count
        return shares

    def listen(self, sound: NDArray[np.float32]) -> None:
        """Take in the next (samples, streams), as late as `Split` has them, of a recording that comes again."""
        usable = np.empty(sound.shape[::-1], np.float32)
        usable_samples(sound, np.zeros(len(usable), np.int64), usable)
        self._notes.listen(self._transcriber.process(self._mean(usable.T)))

    def decide(self) -> None:
        """All of the recording has been heard, and follows."""
        self._notes.listen(self._transcriber.flush())
        self._transcriber.reset()
        self._memory.fields["envelope"] = envelopes_of(*self._notes.decide())

    def _mean(self, sound: NDArray[np.float32]) -> NDArray[np.float32]:
        """(samples, groups)."""
        mean: NDArray[np.float32] = sound.reshape(len(sound), self._groups, self._per_group).mean(axis=2)
        return mean

    def _follow(self, sound: NDArray[np.float32], count: int) -> NDArray[np.float32]:
        """(frames, groups, voices, 3): the voices in the middle of the frames that leave now."""
        state = self._memory.fields
        known, first = self._notes.tracks, 0
        if not len(known):
            fresh = self._tracks.process(self._transcriber.process(self._mean(sound)))
            known = np.concatenate([state["held"], fresh])
            # The first frames that a chain of delays gives out belong to the time before the sound.
            first = int(state["found"]) - HELD_FRAMES - self._tracks.latency_frames
            state["found"] += len(fresh)
            state["held"] = known[len(fresh) :]
        middle = (int(state["frame"]) - self.wait_frames + np.arange(count) + 0.5) * self._hop
        nearest = np.rint(middle / self._pitch_hop).astype(np.int64) - first
        chosen: NDArray[np.float32] = known[nearest.clip(0, len(known) - 1)]
        # Beyond the last frame, or the one after it, what was heard before has ended.
        chosen[(middle < 0) | (nearest > len(known))] = 0
        return chosen

    @property
    def _parts(self) -> dict[str, Any]:
        return {
            "memory": self._memory,
            "transcriber": self._transcriber,
            "tracks": self._tracks,
            "notes": self._notes,
        }
