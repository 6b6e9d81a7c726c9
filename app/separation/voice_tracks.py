"""Which voice sings which pitch: the places of the pitch layer, given to a number of voices."""

import math
from functools import cache
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Floats, Integers, kernel
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

WEIGHTS = "voice_owners.npz"
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
    """Frames of a step, and its first; how frames age; by how many a voice begins early and rings on."""

    stride: int
    first: int
    aging: float
    step_s: float
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
WHO = "register", "heard", "level", "spectrum", "known"
"""What of `VoiceMemory` says who a voice is; the rest says where it is."""


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
        self._weights = weights or _weights()
        step_s, attack, release = stride * hop_s, round(ATTACK_S / hop_s), round(RELEASE_S / hop_s)
        ahead = round(DECIDE_S / step_s)
        # A step of the pitch layer decides for the frames around its own.
        first = (stride - stride // 2) % stride
        self._rule = TrackRule(stride, first, hop_s / AGE_S, step_s, attack, release)
        self.latency_frames = ahead * stride + attack
        self._lengths = {
            "streams": streams, "voices": voices, "places": places, "steps": ahead + 1, "attack + 1": attack + 1,
            "readings": READINGS, "harmonics": HARMONICS, "Hz and strength": 2, "numbers of a pitch": OF_PITCH,
            "numbers of a claim": OF_CLAIM,
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

    def begin_again(self) -> None:
        """Forget where the voices are, but not who they are."""
        state = self._state
        known = {name: state[name].copy() for name in WHO}
        self.reset()
        for name, kept in known.items():
            state[name] = kept
        state["octaves"], state["silent"] = known["register"], NEVER


def start_voices(octaves: NDArray[np.float64], register: NDArray[np.float64], silent: NDArray[np.int64]) -> None:
    """What is taken for known of voices that were never heard; (…, voices) each."""
    voices = octaves.shape[-1]
    register[...] = np.log2(LOWEST_HZ) + (np.arange(voices) + 0.5) / voices * np.log2(HIGHEST_HZ / LOWEST_HZ)
    octaves[...] = register
    silent[...] = NEVER


@cache
def _weights() -> OwnerWeights:
    weights = OwnerWeights(**layers(learned("sharpear.separation", WEIGHTS), OwnerWeights._fields))
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
        weigh_harmonics(f0[n], amplitude[n], line_hz[n], energy)
        for p in range(places):
            level[p] = level_of(energy[p])
            last_note(f0[n, p], level[p], p, notes.before, notes.age, notes.loudest)
        if (count + n) % rule.stride == rule.first:
            now = (count + n) // rule.stride % width
            steps.f0[now], steps.strength[now], steps.odds[now] = f0[n], strength[n], odds[n]
            for p in range(places):
                if f0[n, p] > 0:
                    steps.harmonics[now, p] = np.log10(energy[p])
                    describe(
                        p, f0[n], strength[n], energy, level, notes.age, notes.loudest, rule.aging,
                        steps.reading[now, p],
                    )  # fmt: skip
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
