"""MIDI files: a track for each voice, whose pitch bends follow its fundamental."""

import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import mido
import numpy as np

from sharpear.config import TuningConfig
from sharpear.sinks.music import A4_HZ, A4_KEY, hertz, midi_pitch, named

from .notes import Note
from .transcriber import Transcription

TICKS_PER_S = 960
"""MIDI ticks in a second, about one a millisecond: 480 in a quarter note, of which a minute has 120."""
DRUM_CHANNEL = 9
CHANNELS = [channel for channel in range(16) if channel != DRUM_CHANNEL]
FLOOR_DB = -60.0
"""Level that becomes MIDI velocity 1; full scale becomes 127."""
BEND_SEMITONES = 2
"""How far a bend reaches on instruments that are told nothing; a voice that strays farther from its notes says so."""
FULL_BEND = 8191
BEND_NUMBER = ((101, 0), (100, 0))
"""Controllers that say that the next one sets the range of bends (registered parameter 0)."""
NO_NUMBER = ((101, 127), (100, 127))


def velocity_of(level_db: float) -> int:
    """A note's velocity, from 1 (−60 dB of full scale) to 127 (0 dB).

    >>> velocity_of(-30.0)
    64
    """
    return int(np.clip(1 + 126 * (1 - level_db / FLOOR_DB), 1, 127))


def key_of(note: Note) -> int:
    """The key that is struck, 0 to 127."""
    return min(max(note.midi, 0), 127)


def bend_of(semitones: float, reach: int = BEND_SEMITONES) -> int:
    """The pitch bend that raises a key by `semitones`, of at most `reach` either way.

    >>> bend_of(1.0), bend_of(-5.0)
    (4096, -8191)
    """
    return int(np.clip(round(semitones / reach * (FULL_BEND + 1)), -FULL_BEND, FULL_BEND))


def midi(transcription: Transcription) -> bytes:
    """A track for each voice, and a channel as long as there are some: then voices share one, unbent."""
    file = mido.MidiFile(ticks_per_beat=TICKS_PER_S // 2)
    voices = sorted({note.voice for note in transcription.notes})
    for first in range(min(len(voices), len(CHANNELS))):
        sharing = voices[first :: len(CHANNELS)]
        alone = len(sharing) == 1
        notes = [note for note in transcription.notes if note.voice in sharing]
        notes = _restruck(notes if alone else [_at_440_hz(note, transcription.tuning) for note in notes])
        for voice in sharing:
            own = [note for note in notes if note.voice == voice]
            courses = _courses(own, transcription) if alone else []
            file.tracks.append(_track(own, courses, voice, CHANNELS[first]))
    if not file.tracks:
        file.tracks.append(mido.MidiTrack())
    data = io.BytesIO()
    file.save(file=data)
    return data.getvalue()


def _at_440_hz(note: Note, tuning: TuningConfig) -> Note:
    """The same sound, named as instruments are tuned that nothing bends."""
    key, cents = named(midi_pitch(hertz(note.midi, note.cents, tuning)))
    return replace(note, midi=key, cents=cents)


def _restruck(notes: Sequence[Note]) -> list[Note]:
    """The notes of one channel, by onset, where a key is one: struck while it is down, it is let go first.

    It stays down as long as either note lasts.
    """
    latest: dict[int, Note] = {}
    done = []
    for note in notes:
        before = latest.pop(note.midi, None)
        if before and before.onset_s < note.onset_s:
            done.append(replace(before, offset_s=min(before.offset_s, note.onset_s)))
        latest[note.midi] = replace(note, offset_s=max(note.offset_s, before.offset_s)) if before else note
    return done + list(latest.values())


def _courses(notes: Sequence[Note], transcription: Transcription) -> list[list[tuple[float, float]]]:
    """For each note: times, s, and how far its voice then is above what its key sounds, semitones, in whole cents.

    Instruments are tuned to 440 Hz: in another tuning all is bent. Only changes are listed. Where the curve does not
    reach, the note's own pitch holds.
    """
    voices, courses = transcription.voices, []
    for note in notes:
        inside = (voices.times >= note.onset_s) & (voices.times < note.offset_s)
        known = voices.f0.ndim == 2 and note.voice < voices.f0.shape[1]
        hz = voices.f0[inside, note.voice] if known else np.zeros(0)
        times, hz = (voices.times[inside][hz > 0], hz[hz > 0]) if known else (hz, hz)
        cents = np.round(1200 * np.log2(hz / A4_HZ) + 100 * (A4_KEY - key_of(note)))
        changed = np.flatnonzero(np.diff(cents, prepend=np.nan))
        course = [(float(times[n]), float(cents[n]) / 100) for n in changed]
        own = midi_pitch(hertz(note.midi, note.cents, transcription.tuning)) - key_of(note)
        begins = course[0][1] if course else own
        courses.append([(note.onset_s, begins), *course[1:]])
    return courses


def _track(
    notes: Sequence[Note], courses: Sequence[Sequence[tuple[float, float]]], voice: int, channel: int
) -> mido.MidiTrack:
    farthest = max((abs(bend) for course in courses for _, bend in course), default=0.0)
    reach = max(BEND_SEMITONES, math.ceil(farthest))
    events = []
    for note in notes:
        struck = {"channel": channel, "note": key_of(note), "velocity": velocity_of(note.level_db)}
        events.append((_tick(note.offset_s), 0, mido.Message("note_off", **struck)))
        events.append((_tick(note.onset_s), 2, mido.Message("note_on", **struck)))
    for at_s, semitones in (point for course in courses for point in course):
        bend = mido.Message("pitchwheel", channel=channel, pitch=bend_of(semitones, reach))
        events.append((_tick(at_s), 1, bend))
    track = mido.MidiTrack([mido.MetaMessage("track_name", name=f"voice {voice}", time=0)])
    track += range_of_bends(channel, reach) if courses else []
    now = 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):  # a note ends, the wheel turns, a note begins
        track.append(message.copy(time=tick - now))
        now = tick
    return track


def _tick(at_s: float) -> int:
    return round(max(0.0, at_s) * TICKS_PER_S)


def range_of_bends(channel: int, semitones: int) -> Iterator[mido.Message]:
    """Messages that tell an instrument how far a full bend reaches, semitones."""
    for control, value in (*BEND_NUMBER, (6, semitones), (38, 0), *NO_NUMBER):
        yield mido.Message("control_change", channel=channel, control=control, value=value)
