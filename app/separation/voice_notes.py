"""Whose the notes of a whole recording are, which is heard to its end before anything is decided."""

import numpy as np
from numpy.typing import NDArray

from sharpear.gpu.stateful import allocated, at_rest
from sharpear.pitch import PitchFrames
from sharpear.pitch.notes import log_odds

from .pitch_readings_kernel import HARMONICS, NoteMemory
from .voice_notes_kernel import follow_steps, give_notes, hear_spectra, lay_tracks, number_notes, read_frames
from .voice_owners_kernel import Claims, HeardSteps, OwnerWeights, VoiceMemory
from .voice_tracks import NEVER, lengths_of_claims, owner_weights, start_voices, track_rule

OWN = 0.5
"""How much a step's own log odds count beside the mean of its note's, of 1."""

ROUNDS = 2
"""So often all is followed again with the owners that were found: from then on the F1 of 40 chorales stays."""


class VoiceNotes:
    """Give each note of a whole recording to one voice.

    A note is a pitch for as long as its place holds it. `VoiceTracks`' network says the log odds of each claim step by
    step, from the beginning to the end and from the end to the beginning, where what is known of the voices, their
    registers, levels and spectra, stays known. What both say is summed, and counts half for the step and half, as its
    mean, for all the note; at each step each voice then has at most one pitch, for the greatest sum. The same is done
    `ROUNDS` times more where pitches go to the owners found, not to those that each step would choose.

    Args: those of `VoiceTracks`.

    >>> from sharpear.pitch import Transcriber
    >>> t = np.arange(16000) / 16000
    >>> chord = sum(0.1 / h * np.sin(2 * np.pi * f * h * t) for f in (220, 330) for h in range(1, 8))
    >>> transcriber = Transcriber(16000)
    >>> notes = VoiceNotes(2, places=8, hop_s=transcriber.layer.hop_s, stride=4)
    >>> notes.listen(transcriber.process(chord[:, None]))
    >>> spectrum, alone = notes.decide()
    >>> notes.tracks[len(notes.tracks) // 2, 0, :, 0].round().tolist()
    [220.0, 330.0]
    """

    def __init__(
        self, voices: int, places: int, hop_s: float, stride: int, streams: int = 1,
        weights: OwnerWeights | None = None,
    ) -> None:  # fmt: skip
        self._rule, self._weights = track_rule(hop_s, stride), weights or owner_weights()
        self._shape = streams, voices, 3
        self._places = places
        self.reset()

    def reset(self) -> None:
        """Forget what was heard, and whose it is."""
        streams, lengths = self._shape[0], {"places": self._places}
        self._notes = [at_rest(NoteMemory, lengths) for _ in range(streams)]
        self._heard: list[list[HeardSteps]] = [[] for _ in range(streams)]
        self._frames = 0
        self.tracks = np.zeros((0, *self._shape), np.float32)

    def listen(self, pitches: PitchFrames) -> None:
        """Take in the next frames, with streams."""
        rule, count = self._rule, len(pitches.f0)
        odds = log_odds(pitches.belief).astype(np.float32)
        steps = int(np.count_nonzero((self._frames + np.arange(count)) % rule.stride == rule.first))
        for s, (notes, heard) in enumerate(zip(self._notes, self._heard, strict=True)):
            fresh = at_rest(HeardSteps, lengths_of_claims(self._shape[1], self._places, steps))
            read_frames(
                pitches.f0[:, s], pitches.strength[:, s], odds[:, s], pitches.amplitude[:, s],
                pitches.instantaneous_frequency[:, s], rule, self._frames, notes, fresh,
            )  # fmt: skip
            heard.append(fresh)
        self._frames += count

    def decide(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """All has been heard: `tracks` are then those of `VoiceTracks`, (frames, streams, voices, 3), not late.

        Returns: sums of log10 of each harmonic's part of its voice's power over the steps in which it was heard alone,
        and how many these are, (streams, voices, harmonics) each.
        """
        rule, (streams, voices, _) = self._rule, self._shape
        tracks = np.zeros((self._frames, *self._shape), np.float32)
        spectrum, alone = np.zeros((2, streams, voices, HARMONICS))
        lengths = lengths_of_claims(voices, self._places, rule.ahead)
        claims, silence = allocated(Claims, lengths), at_rest(HeardSteps, lengths)
        for s, heard in enumerate(self._heard):
            steps = HeardSteps(*map(np.concatenate, zip(*heard, silence, strict=True)))
            owner, track = self._owners(steps, claims), np.empty_like(tracks[:, s])
            lay_tracks(steps.f0, steps.strength, owner, rule, track)
            tracks[:, s] = track
            hear_spectra(steps, rule.ahead, rule.step_s, owner, claims, spectrum[s], alone[s])
        self.reset()
        self.tracks = tracks
        return spectrum, alone

    def _owners(self, onward: HeardSteps, claims: Claims) -> NDArray[np.int64]:
        """(steps, places): the voice that has each pitch, from 1 on, 0 nobody's."""
        rule, voices, count = self._rule, self._shape[1], len(onward.f0) - self._rule.ahead
        memory = at_rest(VoiceMemory, lengths_of_claims(voices, self._places, 0))
        start_voices(memory.octaves, memory.register, memory.silent)
        owner, note = np.zeros((2, count, self._places), np.int64)
        gain, back = np.empty((2, count, self._places, voices), np.float32)
        mean = np.empty((1 + number_notes(onward.f0[:count], note), voices))
        turned = HeardSteps(*(np.concatenate([part[:count][::-1], part[count:]]) for part in onward))
        for n in range(1 + ROUNDS):
            ways = (onward, owner, gain), (turned, owner[::-1].copy(), back)
            for followed, given, odds in ways:
                follow_steps(followed, rule.ahead, rule.step_s, self._weights, n > 0, memory, claims, given, odds)
                _begin_again(memory)
            gain += back[::-1]
            give_notes(note, gain, mean, OWN, owner)
        return owner

    @property
    def state(self) -> NDArray[np.float32]:
        """The tracks that were decided (a copy)."""
        return self.tracks.copy()

    @state.setter
    def state(self, value: NDArray[np.float32]) -> None:
        if not isinstance(value, np.ndarray) or value.dtype != np.float32 or value.shape[1:] != self._shape:
            raise ValueError(f"expected tracks (frames, {', '.join(map(str, self._shape))}), received {value!r:.80}")
        self.reset()
        # Not `value.copy()`: an unpickled array has a dtype object of its own, which a copy keeps, and equal states
        # would be pickled to different bytes.
        self.tracks = np.empty(value.shape, np.float32)
        self.tracks[...] = value


def _begin_again(memory: VoiceMemory) -> None:
    """Forget where the voices are, but not who they are."""
    memory.octaves[:], memory.silent[:] = memory.register, NEVER
    for where in (memory.held, memory.owner, memory.owned, memory.sounding):
        where[:] = 0
