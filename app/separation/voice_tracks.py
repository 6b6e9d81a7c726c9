"""Which voice sings which pitch: the places of the pitch layer, given to a number of voices."""

import math
from functools import cache
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Doubles, Floats, Integers, kernel
from sharpear.dynamics.weights import layers, learned
from sharpear.gpu.stateful import Stateful, allocated, fields_of
from sharpear.pitch import PitchFrames
from sharpear.pitch.notes import log_odds

from .pitch_readings_kernel import HARMONICS, READINGS, NoteMemory, describe, last_note, level_of, weigh_harmonics
from .voice_owners_kernel import (
    OF_CLAIM,
    OF_PITCH,
    Claims,
    HeardSteps,
    OwnerWeights,
    VoiceMemory,
    match,
    remember,
    tell_claims,
    weigh_claims,
)

LOWEST_HZ, HIGHEST_HZ = 80.0, 700.0
"""Pitches between which voices are spread evenly, on a logarithmic scale, until something is known of them."""

NEVER = 100_000
"""Steps for which a voice has been silent before it is heard first."""

DECIDE_S = 0.116
"""Time for which is waited to see how a pitch goes on, before it is decided whose it is."""

AGE_S = 0.05
"""Unit in which a note's age is told to the network."""

ATTACK_S, RELEASE_S = 0.03, 0.16
"""Time by which a voice begins before its pitch is found, and for which it rings on after it is lost."""


class TrackRule(NamedTuple):
    """Frames of a step, and its first; how frames age; steps ahead; frames by which a voice begins early, rings on."""

    stride: int
    first: int
    aging: float
    step_s: float
    ahead: int
    attack: int
    release: int


class TrackRings(NamedTuple):
    """Each voice's decided pitch, Hz and strength: of this step, and of the last frames."""

    chosen: Annotated[NDArray[np.float32], "voices", "Hz and strength"]
    decided: Annotated[NDArray[np.float32], "attack + 1", "voices", "Hz and strength"]
    last: Annotated[NDArray[np.float32], "voices", "Hz and strength"]
    """The last one found."""

    quiet: Annotated[NDArray[np.int64], "voices"]
    """Frames since then."""


PARTS = NoteMemory, HeardSteps, VoiceMemory, TrackRings


class VoiceTracks(Stateful):
    r"""Follow a number of voices through the pitches that sound together.

    At each step of the pitch layer every pitch p may be a voice's, or nobody's: an octave above another pitch, or an
    end that rings on. A network tells the log odds g(p, v) of voice v against nobody, of what is read of the pitch in
    the `DECIDE_S` that follow, and how it fits to what is remembered of the voice; pitches go to voices, each at most
    one, so that ``Σ g`` is greatest. A voice begins `ATTACK_S` early and fades over `RELEASE_S`. The network was fitted
    to rendered chorales by ``python -m benchmarks.separation.fit_voice_owners``.

    Args:
        voices: how many.
        places: pitches that a frame holds.
        hop_s: time between frames, s.
        stride: frames of a step of the pitch layer.
        streams: independent signals.
        weights: of another network.

    >>> from sharpear.pitch import Transcriber
    >>> t = np.arange(16000) / 16000
    >>> chord = sum(0.1 / h * np.sin(2 * np.pi * f * h * t) for f in (220, 330) for h in range(1, 8))
    >>> frames = Transcriber(16000).process(chord[:, None])
    >>> tracks = VoiceTracks(2, places=8, hop_s=frames.times[1] - frames.times[0], stride=4)
    >>> tracks.process(frames)[-1, 0, :, 0].round().tolist()
    [220.0, 330.0]
    """

    def __init__(
        self, voices: int, places: int, hop_s: float, stride: int, streams: int = 1,
        weights: OwnerWeights | None = None,
    ) -> None:  # fmt: skip
        self.voices, self.streams = voices, streams
        self._weights = weights or owner_weights()
        self._rule = rule = track_rule(hop_s, stride)
        self.latency_frames = rule.ahead * stride + rule.attack
        self._lengths = {
            "streams": streams, "attack + 1": rule.attack + 1, "Hz and strength": 2,
            **lengths_of_claims(voices, places, rule.ahead + 1),
        }  # fmt: skip
        each = [field for part in PARTS for field in fields_of(part, self._lengths)]
        fields = [(name, kind, (streams, *shape)) for name, kind, shape in each]
        self._remember([*fields, ("count", np.int64)], below={"owner": voices + 1, "held": places + 1})

    def process(self, pitches: PitchFrames) -> NDArray[np.float32]:
        """Frames with streams → (frames, streams, voices, 3), `latency_frames` late.

        For each voice: Hz and strength, 0 where it is silent, and 1 where its pitch itself is found, 0 around it.
        """
        state = self._state
        tracks = np.empty((len(pitches.f0), self.streams, self.voices, 3), np.float32)
        if not state["register"].any():
            start_voices(state["octaves"], state["register"], state["silent"])
        claims, odds = allocated(Claims, self._lengths), log_odds(pitches.belief).astype(np.float32)
        for s in range(self.streams):
            notes, steps, memory, rings = (part(*(state[name][s] for name in part._fields)) for part in PARTS)
            follow(
                pitches.f0[:, s], pitches.strength[:, s], odds[:, s], pitches.amplitude[:, s],
                pitches.instantaneous_frequency[:, s], self._rule, self._weights, int(state["count"]), notes, steps,
                memory, rings, claims, tracks[:, s],
            )  # fmt: skip
        state["count"] += len(pitches.f0)
        return tracks


def track_rule(hop_s: float, stride: int) -> TrackRule:
    """How frames of `hop_s` are followed in steps of so many."""
    step_s = stride * hop_s
    # A step of the pitch layer decides for the frames around its own.
    first = (stride - stride // 2) % stride
    ahead, attack, release = round(DECIDE_S / step_s), round(ATTACK_S / hop_s), round(RELEASE_S / hop_s)
    return TrackRule(stride, first, hop_s / AGE_S, step_s, ahead, attack, release)


def lengths_of_claims(voices: int, places: int, steps: int) -> dict[str, int]:
    """How long the axes are of what is heard, remembered and claimed."""
    return {
        "voices": voices, "places": places, "steps": steps, "readings": READINGS, "harmonics": HARMONICS,
        "numbers of a pitch": OF_PITCH, "numbers of a claim": OF_CLAIM,
    }  # fmt: skip


def start_voices(octaves: NDArray[np.float64], register: NDArray[np.float64], silent: NDArray[np.int64]) -> None:
    """What is taken for known of voices that were never heard; (…, voices) each."""
    voices = octaves.shape[-1]
    register[...] = np.log2(LOWEST_HZ) + (np.arange(voices) + 0.5) / voices * np.log2(HIGHEST_HZ / LOWEST_HZ)
    octaves[...] = register
    silent[...] = NEVER


@cache
def owner_weights() -> OwnerWeights:
    """The network that was fitted."""
    weights = OwnerWeights(**layers(learned("sharpear.separation", "voice_owners.npz"), OwnerWeights._fields))
    assert weights.pitch.shape[1] == OF_PITCH + 1, "the network was fitted to other readings"
    return weights


@kernel
def follow(
    f0: Floats, strength: Floats, odds: Floats, amplitude: Floats, line_hz: Floats, rule: TrackRule,
    weights: OwnerWeights, count: int, notes: NoteMemory, steps: HeardSteps, memory: VoiceMemory, rings: TrackRings,
    claims: Claims, out: Floats,
) -> None:  # fmt: skip
    """One stream: read, decide, stretch; f0, strength, odds (frames, places); out (frames, voices, 3)."""
    width, places = steps.f0.shape
    owner, energy, level = np.empty(places, np.int64), np.empty((places, HARMONICS), np.float64), np.empty(places)
    for n in range(f0.shape[0]):
        now = (count + n) // rule.stride % width if (count + n) % rule.stride == rule.first else -1
        read(f0[n], strength[n], odds[n], amplitude[n], line_hz[n], rule.aging, now, notes, steps, energy, level)
        if now >= 0:
            at = (now + 1) % width
            tell_claims(steps, at, rule.step_s, memory, claims)
            weigh_claims(steps.f0[at], weights, claims)
            match(claims.gain, owner)
            remember(steps.f0[at], steps.harmonics[at], rule.step_s, claims, owner, memory)
            rings.chosen[:] = 0
            for p in range(places):
                if owner[p] > 0:
                    rings.chosen[owner[p] - 1, 0] = steps.f0[at, p]
                    rings.chosen[owner[p] - 1, 1] = steps.strength[at, p]
        oldest = (count + n) % rings.decided.shape[0]
        rings.decided[oldest] = rings.chosen
        oldest = (oldest + 1) % rings.decided.shape[0]
        for voice in range(rings.quiet.size):
            stretch(rings.decided[:, voice], oldest, rule.release, rings.last[voice], rings.quiet, voice, out[n, voice])


@kernel
def read(
    f0: Floats, strength: Floats, odds: Floats, amplitude: Floats, line_hz: Floats, aging: float, at: int,
    notes: NoteMemory, steps: HeardSteps, energy: Doubles, level: Doubles,
) -> None:  # fmt: skip
    """Take in a frame, which is the step `at`, or none of them where that is negative; energy, level: room."""
    weigh_harmonics(f0, amplitude, line_hz, energy)
    for p in range(f0.size):
        level[p] = level_of(energy[p])
        last_note(f0[p], level[p], p, notes.before, notes.age, notes.loudest)
    if at < 0:
        return
    steps.f0[at], steps.strength[at], steps.odds[at] = f0, strength, odds
    for p in range(f0.size):
        if f0[p] > 0:
            steps.harmonics[at, p] = np.log10(energy[p])
            describe(p, f0, strength, energy, level, notes.age, notes.loudest, aging, steps.reading[at, p])


@kernel
def stretch(
    decided: Floats, oldest: int, release: int, last: Floats, quiet: Integers, voice: int, out: Floats
) -> None:  # fmt: skip
    """The oldest frame of a voice; without a pitch its next one, should that come soon, else its last one, fading."""
    depth = decided.shape[0]
    out[:] = 0
    if decided[oldest, 0] > 0:
        out[0], out[1], out[2] = decided[oldest, 0], decided[oldest, 1], 1
        last[:] = decided[oldest]
        quiet[voice] = 0
        return
    quiet[voice] = min(quiet[voice] + 1, release + 1)
    for ahead in range(1, depth):
        following = decided[(oldest + ahead) % depth]
        if following[0] > 0:
            out[0], out[1] = following[0], following[1]
            return
    if last[0] > 0 and quiet[voice] <= release:
        out[0] = last[0]
        out[1] = last[1] * math.exp(-2.0 * quiet[voice] / release)
