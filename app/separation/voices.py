"""Voices as sources: each pitch track's share of the partials becomes its share of the channels."""

from collections import deque
from collections.abc import Mapping
from functools import partial
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from sharpear.dsp import GammatoneDesign, Split
from sharpear.dsp.stateful import Stateful
from sharpear.errors import UsageError
from sharpear.pitch import PitchFrames, Transcriber

from .shares import ShareFactory
from .voice_kernel import expected_levels

MOST_VOICES = 16
UNEXPECTED = 0.03
"""Of a channel's level, that no voice expects: where voices are expected to be fainter, the residual takes over."""


class VoiceTracks(Stateful):
    """Which of N voices each sounding pitch belongs to, frame by frame.

    A pitch of m semitones costs voice v ``|m − m̄_v|``, less up to `loyalty` semitones where it was that voice's
    before; pitches and voices are matched at the least cost, and louder pitches come first where there are more than
    voices. m̄_v follows what the voice sings within `memory_s`; at the start the voices stand evenly from E3 to A♯4.

    Args:
        voices: how many.
        places: pitches that may sound at once.
        frame_s: time between frames, s.
        groups: independent signals.

    >>> tracks = VoiceTracks(2, 3, 0.01)
    >>> low_and_high = np.array([[440.0, 0.0, 220.0]], np.float32)
    >>> tracks.process(low_and_high, np.ones((1, 3), np.float32)).tolist()
    [[1, -1, 0]]
    """

    loyalty, loyal_after_s, memory_s = 5.0, 0.2, 8.0
    lowest, highest = 52.0, 70.0
    worth = 30.0
    """What it is worth to give a pitch a voice, semitones, by the root of its strength."""

    def __init__(self, voices: int, places: int, frame_s: float, groups: int = 1) -> None:
        self.frame_s = frame_s
        self._start = np.linspace(self.lowest, self.highest, voices) if voices > 1 else np.array([61.0])
        self._rate, self._age = frame_s / self.memory_s, frame_s / self.loyal_after_s
        fields = [
            ("moved", np.float64, (groups, voices)),
            ("semitone", np.float64, (groups, places)),
            ("owner", np.int64, (groups, places)),
            ("age", np.float64, (groups, places)),
        ]
        self._remember(fields)

    def process(self, f0_hz: NDArray[np.float32], strength: NDArray[np.float32]) -> NDArray[np.int64]:
        """The next frame's (groups, places) fundamentals, 0 where silent, → the voice of each, -1 for none."""
        owners = np.full(f0_hz.shape, -1, np.int64)
        for group in range(len(f0_hz)):
            self._match(group, f0_hz[group], strength[group], owners[group])
        return owners

    def _match(
        self, group: int, f0_hz: NDArray[np.float32], strength: NDArray[np.float32], owners: NDArray[np.int64]
    ) -> None:
        moved, semitone, owner, age = (self._state[name][group] for name in ("moved", "semitone", "owner", "age"))
        on = np.flatnonzero(f0_hz > 0)
        age[f0_hz <= 0] = 0
        if not on.size:
            return
        now = 69 + 12 * np.log2(f0_hz[on] / np.float64(440))
        age[on[np.abs(now - semitone[on]) > 0.8]] = 0
        cost = np.abs(now[:, None] - (self._start + moved))
        known = age[on] > 0
        cost[known, owner[on[known]]] -= self.loyalty * np.minimum(1, age[on[known]])
        worth = self.worth * np.sqrt(strength[on] / max(float(strength[on].max()), 1e-20))
        pitch, voice = linear_sum_assignment(np.minimum(cost - worth[:, None], 0))
        matched = cost[pitch, voice] < worth[pitch]
        pitch, voice = pitch[matched], voice[matched]
        semitone[on] = now
        grown = age[on] + self._age
        age[on] = 0
        age[on[pitch]], owner[on[pitch]], owners[on[pitch]] = grown[pitch], voice, voice
        moved[voice] += self._rate * (now[pitch] - (self._start + moved)[voice])


class HarmonicVoices:
    """Shares of N voices, told apart by the pitch layer, named voice1 (lowest) to voiceN.

    A `Transcriber` hears the sound; every voice's share of the sharpened partials, through the channels' responses, is
    what it is expected to give each channel, and the channel is shared accordingly.

    Args:
        voices: how many.
        bank: the separation bank.
        hop: samples between its frames.
        groups: independent signals.
        per_group: streams in each that share one mask.
        preset: how the pitch layer hears.

    Raises:
        UsageError: a number of voices out of range.
    """

    def __init__(
        self, voices: int, bank: GammatoneDesign, hop: int, groups: int, per_group: int, preset: str = "music"
    ) -> None:
        if not 1 <= voices <= MOST_VOICES:
            raise UsageError(f"expected 1 to {MOST_VOICES} voices, received {voices}")
        self.names = tuple(f"voice{number}" for number in range(1, voices + 1))
        self._groups, self._per_group = groups, per_group
        self._transcriber = Transcriber(bank.sample_rate, preset, groups, {"pitch.voices": max(8, 2 * voices)})
        places, frame = self._transcriber.layer.config.voices, self._transcriber.sharpener.hop
        self.frame_s = frame / bank.sample_rate
        self._tracks = VoiceTracks(voices, places, self.frame_s, groups)
        self._bank = bank.center_hz, bank.bandwidth_hz, bank.damping, bank.order, bank.sample_rate
        self._hop, self._frame = hop, frame
        late = self._transcriber.latency_s * bank.sample_rate + frame + hop
        self.wait_frames = ceil(late / hop)
        self._silent = np.zeros((groups, voices, bank.channels), np.float32)
        self._began()

    def _began(self) -> None:
        self._heard = self._pitch_frames = 0
        self._powers: deque[NDArray[np.float32]] = deque()
        self._expected: deque[NDArray[np.float32]] = deque()

    @classmethod
    def of(cls, voices: int, preset: str = "music") -> ShareFactory:
        """What a `Separator` builds its shares with."""
        return partial(cls, voices, preset=preset)

    def process(self, split: Split) -> NDArray[np.float32]:
        """(frames, groups, voices, channels), `wait_frames` late."""
        samples, count = len(split.sound), len(split.power)
        mixed = split.sound.reshape(samples, self._groups, self._per_group).mean(axis=2)
        self._expect(self._transcriber.process(mixed))
        channels = self._silent.shape[2]
        power = split.power.reshape(count, self._groups, self._per_group, channels).mean(axis=2)
        shares = np.empty((count, *self._silent.shape), np.float32)
        for n in range(count):
            self._powers.append(power[n])
            due = len(self._powers) > self.wait_frames
            shares[n] = self._share(self._powers.popleft(), self._expected.popleft()) if due else self._silent
        self._heard += count
        return shares

    def _nearest(self, frame: int) -> int:
        """The pitch frame nearest to the middle of a frame of the bank."""
        return round((frame + 0.5) * self._hop / self._frame)

    def _expect(self, frames: PitchFrames) -> None:
        share = self._transcriber.layer.shares(frames)
        first = self._heard - len(self._powers) + len(self._expected)
        for n in range(len(frames)):
            owners = self._tracks.process(frames.f0[n], frames.strength[n])
            while self._nearest(first) <= self._pitch_frames:
                levels = np.empty_like(self._silent)
                for group in range(self._groups):
                    expected_levels(
                        frames.amplitude[n, group],
                        frames.instantaneous_frequency[n, group],
                        share[n, group],
                        owners[group],
                        self._bank,
                        levels[group],
                    )
                self._expected.append(levels)
                first += 1
            self._pitch_frames += 1

    @staticmethod
    def _share(power: NDArray[np.float32], expected: NDArray[np.float32]) -> NDArray[np.float32]:
        rest = np.float32(UNEXPECTED) * np.sqrt(power) + np.float32(1e-20)
        shares: NDArray[np.float32] = expected / (expected.sum(axis=1) + rest)[:, None]
        return shares

    def reset(self) -> None:
        """Forget the past."""
        self._transcriber.reset()
        self._tracks.reset()
        self._began()

    @property
    def state(self) -> dict[str, Any]:
        """Everything that the next output depends on (copies)."""
        return {
            "transcriber": self._transcriber.state,
            "tracks": self._tracks.state,
            "heard": self._heard,
            "pitch_frames": self._pitch_frames,
            "powers": [each.copy() for each in self._powers],
            "expected": [each.copy() for each in self._expected],
        }

    @state.setter
    def state(self, value: Mapping[str, Any]) -> None:
        if not isinstance(value, Mapping) or value.keys() != self.state.keys():
            raise UsageError(f"expected the state of HarmonicVoices, received {type(value).__name__}")
        self._transcriber.state, self._tracks.state = value["transcriber"], value["tracks"]
        self._heard, self._pitch_frames = value["heard"], value["pitch_frames"]
        self._powers = deque(each.copy() for each in value["powers"])
        self._expected = deque(each.copy() for each in value["expected"])
