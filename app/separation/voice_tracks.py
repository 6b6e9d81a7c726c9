"""Which voice sings which pitch: the places of the pitch layer, given to a number of voices."""

import math
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Doubles, Floats, Integers, kernel
from sharpear.gpu.stateful import Stateful

from .voice_kernel import AssignRule, assign

LOWEST_HZ, HIGHEST_HZ = 80.0, 700.0
"""Pitches between which voices are spread evenly, on a logarithmic scale, until something is known of them."""

GLIDE_OCTAVES = 0.08
"""A pitch that moves farther than this from one frame to the next is taken for another one."""

ASSIGN_RULE = AssignRule(persistence=0.02, doubt=0.5, leaving=1.0)

FOLLOW_S = 0.1
"""Time constant with which a voice's place follows the pitches that it is given, as far as they are believed in."""

DECIDE_S = 0.116
"""Time on either side of a frame from which votes on its pitches are counted."""

ATTACK_S, RELEASE_S = 0.03, 0.16
"""Time by which a voice begins before its pitch is found, and for which it rings on after it is lost."""


class TrackRule(NamedTuple):
    """How pitches go to voices, how fast these follow, and frames by which a voice begins early and rings on."""

    assign: AssignRule
    pace: float
    attack: int
    release: int


class TrackRings(NamedTuple):
    """The last frames of one stream: the places' Hz, strength and owner, from 1 on; and the voices' decided pitches."""

    f0: Annotated[NDArray[np.float32], "votes", "places"]
    strength: Annotated[NDArray[np.float32], "votes", "places"]
    owner: Annotated[NDArray[np.int64], "votes", "places"]
    decided: Annotated[NDArray[np.float32], "attack + 1", "voices", "Hz and strength"]


class TrackMemory(NamedTuple):
    """Each voice's place, octaves, its last pitch, Hz and strength, and the frames since."""

    center: Annotated[NDArray[np.float64], "voices"]
    last: Annotated[NDArray[np.float32], "voices", "Hz and strength"]
    quiet: Annotated[NDArray[np.int64], "voices"]


class VoiceTracks(Stateful):
    r"""Follow a number of voices through the pitches that sound together.

    In each frame the pitches go to the voices in their order, each near to where it was last, at the least cost (see
    `assign`); where there are more pitches than voices, those that are believed in least are left out. A pitch keeps
    one voice: the frames within `DECIDE_S` in which it sounded vote. A voice begins `ATTACK_S` early and fades over
    `RELEASE_S`.

    Args:
        voices: how many.
        places: pitches that a frame holds.
        hop_s: time between frames, s.
        streams: independent signals.

    >>> tracks = VoiceTracks(2, places=2, hop_s=0.003)
    >>> f0 = np.tile(np.float32([300, 150]), (170, 1, 1))
    >>> f0[60:] = [[0, 150]]
    >>> tracks.process(f0, np.ones_like(f0), np.ones_like(f0))[-1, 0].tolist()
    [[150.0, 1.0, 1.0], [0.0, 0.0, 0.0]]
    """

    def __init__(self, voices: int, places: int, hop_s: float, streams: int = 1) -> None:
        self.voices, self.streams = voices, streams
        self._votes, self._attack = round(DECIDE_S / hop_s), round(ATTACK_S / hop_s)
        self._release = round(RELEASE_S / hop_s)
        self._pace = hop_s / FOLLOW_S
        self.latency_frames = self._votes + self._attack
        share = (np.arange(voices) + 0.5) / voices
        self._center = np.log2(LOWEST_HZ) + share * np.log2(HIGHEST_HZ / LOWEST_HZ)
        self._remember(
            [
                ("f0", np.float32, (streams, 2 * self._votes + 1, places)),
                ("strength", np.float32, (streams, 2 * self._votes + 1, places)),
                ("owner", np.int64, (streams, 2 * self._votes + 1, places)),  # counted from 1: 0 is nobody
                ("decided", np.float32, (streams, self._attack + 1, voices, 2)),
                ("center", np.float64, (streams, voices)),
                ("last", np.float32, (streams, voices, 2)),
                ("quiet", np.int64, (streams, voices)),
                ("count", np.int64),
            ],
            below={"owner": voices + 1},
        )

    def process(
        self, f0: NDArray[np.float32], strength: NDArray[np.float32], belief: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """(frames, streams, places) each → (frames, streams, voices, 3), `latency_frames` late.

        f0, strength: of `PitchFrames`; belief: of `PitchBeliefs`.

        For each voice: Hz and strength, 0 where it is silent, and 1 where its pitch itself is found, 0 around it.
        """
        state = self._state
        tracks = np.empty((len(f0), self.streams, self.voices, 3), np.float32)
        if not state["count"]:
            state["center"][...] = self._center
        for s in range(self.streams):
            rings = TrackRings(
                f0=state["f0"][s], strength=state["strength"][s], owner=state["owner"][s], decided=state["decided"][s]
            )
            rule = TrackRule(ASSIGN_RULE, pace=self._pace, attack=self._attack, release=self._release)
            memory = TrackMemory(center=state["center"][s], last=state["last"][s], quiet=state["quiet"][s])
            count = int(state["count"])
            follow(f0[:, s], strength[:, s], belief[:, s], rule, rings, memory, count, tracks[:, s])
        state["count"] += len(f0)
        return tracks


@kernel
def follow(
    f0: Floats, strength: Floats, belief: Floats, rule: TrackRule, rings: TrackRings, memory: TrackMemory, count: int,
    out: Floats,
) -> None:  # fmt: skip
    """One stream: assign, vote, stretch; f0, strength, belief (frames, places); out (frames, voices, 3)."""
    attack, release = rule.attack, rule.release
    ring_f0, ring_strength, ring_owner, decided = rings.f0, rings.strength, rings.owner, rings.decided
    center, last, quiet = memory.center, memory.last, memory.quiet
    width, places = ring_f0.shape
    before, owner = np.empty(places, np.int64), np.empty(places, np.int64)
    votes = np.zeros(center.size + 1, np.int64)
    for n in range(f0.shape[0]):
        now = (count + n) % width
        before[:] = ring_owner[(now - 1) % width] - 1
        ring_f0[now], ring_strength[now] = f0[n], strength[n]
        assign(f0[n], belief[n], center, rule.assign, before, owner)
        move(f0[n], belief[n], owner, rule.pace, center)
        ring_owner[now] = owner + 1
        at = (count + n) % (attack + 1)
        decided[at] = 0
        middle = (now - width // 2) % width
        for place in range(places):
            if ring_f0[middle, place] > 0:
                voice = vote(ring_f0[:, place], ring_owner[:, place], middle, votes) - 1
                if voice >= 0 and ring_strength[middle, place] > decided[at, voice, 1]:
                    decided[at, voice, 0] = ring_f0[middle, place]
                    decided[at, voice, 1] = ring_strength[middle, place]
        for voice in range(center.size):
            stretch(decided[:, voice], (at + 1) % (attack + 1), release, last[voice], quiet, voice, out[n, voice])


@kernel
def move(f0: Floats, belief: Floats, owner: Integers, pace: float, center: Doubles) -> None:
    """``c_v ← c_v + pace (x − c_v) / (1 + e^−b)``: voices follow the pitches that they were given."""
    for place in range(f0.size):
        if owner[place] >= 0:
            sure = 1.0 / (1.0 + math.exp(-belief[place]))
            center[owner[place]] += pace * sure * (math.log2(f0[place]) - center[owner[place]])


@kernel
def vote(f0: Floats, owner: Integers, middle: int, votes: Integers) -> int:
    """The owner that most frames around the middle one name, as far as the same pitch sounds."""
    votes[:] = 0
    votes[owner[middle]] = 1
    width = f0.size
    for step in (-1, 1):
        at = middle
        for _ in range(width // 2):
            following = (at + step) % width
            if f0[following] <= 0 or abs(math.log2(f0[following] / f0[at])) > GLIDE_OCTAVES:
                break
            at = following
            votes[owner[at]] += 1
    return int(votes.argmax())


@kernel
def stretch(decided: Floats, oldest: int, release: int, last: Floats, quiet: Integers, voice: int, out: Floats) -> None:
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
