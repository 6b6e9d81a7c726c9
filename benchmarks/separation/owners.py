"""Whose the pitches of rendered chorales are: what the pitch layer hears of them, and how many are given rightly."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import librosa
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from sharpear.compiler import Integers, kernel
from sharpear.gpu.stateful import allocated, at_rest
from sharpear.pitch import PitchFrames, Transcriber
from sharpear.pitch.pitch_layer import PitchLayer
from sharpear.separation.pitch_readings_kernel import HARMONICS, READINGS
from sharpear.separation.voice_owners_kernel import (
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
from sharpear.separation.voice_tracks import VoiceTracks, start_voices
from sharpear.separation.voices import PITCHES

from . import speakers
from .chorales import Collection, drawn
from .instruments import RATE

NEAR_CENTS, RINGS_S = 60.0, 0.15
"""A pitch so near to a note is heard of it, for so long after its end unless its voice goes on."""


class Heard(NamedTuple):
    """A piece as the pitch layer hears it.

    steps: all of them, and silence that they look ahead to.
    written: (steps, voices) Hz of the note of each voice, 0 without one; ringing: of the one that has just ended.
    """

    name: str
    steps: HeardSteps
    step_s: float
    written: NDArray[np.float64]
    ringing: NDArray[np.float64]
    talk: bool = False
    """Whether they are speakers, who are in no order."""

    @property
    def count(self) -> int:  # type: ignore[override] # a piece's, not a tuple's
        """Steps with sound."""
        return len(self.written)

    @property
    def near(self) -> NDArray[np.bool_]:
        """(steps, places, voices): the notes of which each pitch may be heard."""
        f0 = self.steps.f0[: self.count, :, None]
        return near(f0, self.written[:, None]) | near(f0, self.ringing[:, None])


def near(f0: NDArray[np.floating], note: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Where both sound, one within `NEAR_CENTS` of the other."""
    both = (f0 > 0) & (note > 0)
    away = 1200 * np.abs(np.log2(np.where(both, f0, 1.0) / np.where(both, note, 1.0)))
    return both & (away < NEAR_CENTS)


def heard(collection: Collection, number: int, folder: Path, rate: int = RATE) -> Heard:
    """A piece of a collection at a sample rate; what was heard of it is kept in a folder."""
    kept = folder / f"{collection.number}-{number:04d}-{rate}.npz"
    if not kept.exists():
        piece = drawn(collection, number)
        mixture = librosa.resample(piece.stems.sum(axis=0), orig_sr=RATE, target_sr=rate)
        steps, times = steps_of(hearing(mixture, rate), rate)
        _keep(kept, piece.name, steps, *notes_at(piece.notes, times))
    return _kept(kept, rate)


def heard_talk(voices: Path, split: str, number: int, folder: Path) -> Heard:
    """Speakers of a folder who talk at once; what was heard of them is kept, as of a piece."""
    kept = folder / f"{split}-{number:04d}.npz"
    if not kept.exists():
        name, stems = speakers.drawn_talk(voices, split, number)
        steps, times = steps_of(hearing(stems.sum(axis=0), speakers.RATE), speakers.RATE)
        written = speakers.pitches_at(stems, times)
        _keep(kept, name, steps, written, np.zeros_like(written))
    return _kept(kept, speakers.RATE)._replace(talk=True)


def _keep(
    path: Path, name: str, steps: HeardSteps, written: NDArray[np.float64], ringing: NDArray[np.float64]
) -> None:  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, name=name, written=written, ringing=ringing, **steps._asdict())


def _kept(path: Path, rate: int) -> Heard:
    layer = pitch_layer(rate)
    with np.load(path) as file:
        steps = HeardSteps(*(file[name] for name in HeardSteps._fields))
        return Heard(str(file["name"]), steps, layer.stride * layer.hop_s, file["written"], file["ringing"])


@cache
def pitch_layer(rate: int) -> PitchLayer:
    """What tells how long its hops are, and how many are a step."""
    return Transcriber(rate, overrides=PITCHES).layer


def hearing(mixture: NDArray[np.float64], rate: int) -> PitchFrames:
    """The pitches of (samples,), those too faint to be notes among them."""
    transcriber = Transcriber(rate, overrides=PITCHES)
    return PitchFrames.join([transcriber.process(mixture.astype(np.float32)[:, None]), transcriber.flush()])


def steps_of(pitches: PitchFrames, rate: int) -> tuple[HeardSteps, NDArray[np.float64]]:
    """What `VoiceTracks` keeps of each step, as its ring is filled, and silence after the last; and their times."""
    layer = pitch_layer(rate)
    stride = layer.stride
    tracks = VoiceTracks(1, pitches.f0.shape[2], layer.hop_s, stride, weights=no_weights())
    width = tracks.state["f0"].shape[1]
    first = (stride - stride // 2) % stride
    rows: dict[str, list[NDArray[np.float32]]] = {name: [] for name in HeardSteps._fields}
    for at in range(first, len(pitches.f0), stride):
        tracks.process(pitches[max(0, at + 1 - stride) : at + 1])
        state = tracks.state
        for name, kept in rows.items():
            kept.append(state[name][0, at // stride % width])
    silence = [(0, 0)] * 2
    found = (np.array(rows[name]) for name in HeardSteps._fields)
    padded = (np.pad(part, [(0, width - 1), *silence[: part.ndim - 1]]) for part in found)
    return HeardSteps(*padded), pitches.times[first::stride]


def notes_at(
    notes: Sequence[Sequence[tuple[float, ...]]], times: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(times, voices): Hz of the notes that are written there, and of those that ended `RINGS_S` before or less.

    notes: of each voice, from and to, s, and key, whatever else is told of them.
    """
    written, ringing = np.zeros((2, len(times), len(notes)))
    for v, voice in enumerate(sorted(part) for part in notes):
        for n, (begin_s, end_s, key, *_) in enumerate(voice):
            hz = 440 * 2 ** ((key - 69) / 12)
            after_s = min(voice[n + 1][0] if n + 1 < len(voice) else np.inf, end_s + RINGS_S)
            written[(times >= begin_s) & (times < end_s), v] = hz
            ringing[(times >= end_s) & (times < after_s), v] = hz
    return written, ringing


def no_weights() -> OwnerWeights:
    """Nobody's and everybody's claims are worth nothing."""
    return OwnerWeights(
        np.zeros((1, OF_PITCH + 1), np.float32), np.zeros((1, OF_CLAIM), np.float32), np.zeros(2, np.float32),
        np.zeros((1, OF_PITCH + 1), np.float32), np.zeros(2, np.float32),
    )  # fmt: skip


def true_owners(piece: Heard) -> NDArray[np.int64]:
    """(steps, places): the voice whose note each pitch is heard of, from 1 on, 0 nobody's; each voice has one pitch."""
    owner = np.zeros(piece.steps.f0[: piece.count].shape, np.int64)
    for n, candidates in enumerate(piece.near):
        for place, voices in enumerate(candidates):
            free = [v + 1 for v in np.flatnonzero(voices) if v + 1 not in owner[n]]
            owner[n, place] = free[0] if free else 0
    return owner


Told = tuple[NDArray[np.float32], NDArray[np.float32]]
"""What the network is told of each pitch, (rows, places, numbers), and claim, (rows, places, voices, numbers)."""


def followed(
    piece: Heard, weights: OwnerWeights, rows: NDArray[np.int64], given: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], Told]:
    """The owners that are found, as of `true_owners`, and what was told at some steps. given: owners to go by."""
    voices, places = piece.written.shape[1], piece.steps.f0.shape[1]
    lengths = {
        "voices": voices, "places": places, "harmonics": HARMONICS, "readings": READINGS,
        "numbers of a pitch": OF_PITCH, "numbers of a claim": OF_CLAIM,
    }  # fmt: skip
    memory = at_rest(VoiceMemory, lengths)
    start_voices(memory.octaves, memory.register, memory.silent)
    owner = np.zeros((piece.count, places), np.int64) if given is None else given.copy()
    pitch = np.zeros((len(rows), places, OF_PITCH), np.float32)
    claim = np.zeros((len(rows), places, voices, OF_CLAIM), np.float32)
    claims, width = allocated(Claims, lengths), len(piece.steps.f0) - piece.count + 1
    follow_piece(piece.steps, width, piece.step_s, weights, memory, claims, given is None, owner, rows, pitch, claim)
    return owner, (pitch, claim)


@kernel
def follow_piece(
    steps: HeardSteps, width: int, step_s: float, weights: OwnerWeights, memory: VoiceMemory, claims: Claims,
    finding: bool, owner: Integers, rows: Integers, pitch: NDArray[np.float32], claim: NDArray[np.float32],
) -> None:  # fmt: skip
    """All steps of a piece in a row."""
    told = 0
    for n in range(owner.shape[0]):
        window = HeardSteps(
            steps.f0[n : n + width], steps.strength[n : n + width], steps.odds[n : n + width],
            steps.reading[n : n + width], steps.harmonics[n : n + width],
        )  # fmt: skip
        tell_claims(window, 0, step_s, memory, claims)
        if told < rows.size and rows[told] == n:
            pitch[told], claim[told] = claims.pitch, claims.claim
            told += 1
        if finding:
            weigh_claims(window.f0[0], weights, claims)
            match(claims.gain, owner[n])
        remember(window.f0[0], window.harmonics[0], step_s, claims, owner[n], memory)


def pitches_of(piece: Heard, owner: NDArray[np.int64]) -> NDArray[np.float64]:
    """(steps, voices) Hz of each voice, 0 where it has none."""
    found = np.zeros(piece.written.shape)
    n, place = np.nonzero(owner)
    found[n, owner[n, place] - 1] = piece.steps.f0[n, place]
    return found


def f1(piece: Heard, owner: NDArray[np.int64]) -> float:
    """Of each voice's pitch, mean over voices in their best order."""
    score = f1_of_pairs(piece, owner)
    return float(score[order_of(piece, owner), np.arange(len(score))].mean())


def order_of(piece: Heard, owner: NDArray[np.int64]) -> NDArray[np.int64]:
    """(voices,): which written voice each found one is, in their best order."""
    order: NDArray[np.int64] = linear_sum_assignment(-f1_of_pairs(piece, owner).T)[1]
    return order


def f1_of_pairs(piece: Heard, owner: NDArray[np.int64]) -> NDArray[np.float64]:
    """(written voices, found voices); the end of a note that rings on is no mistake."""
    found, voices = pitches_of(piece, owner), range(piece.written.shape[1])
    score = np.zeros((len(voices), len(voices)))
    for b in voices:
        for a in voices:
            right = near(found[:, a], piece.written[:, b])
            rings = near(found[:, a], piece.ringing[:, b]) & (piece.written[:, b] == 0)
            wrong = ((found[:, a] > 0) & ~right & ~rings).sum() + ((piece.written[:, b] > 0) & ~right).sum()
            score[b, a] = 2 * right.sum() / (2 * right.sum() + wrong + 1e-9)
    return score
