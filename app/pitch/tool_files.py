"""Notes and curves as other tools read them: Audacity's labels, Praat's objects, Sonic Visualiser's layers, JAMS."""

import json
from collections.abc import Callable, Sequence
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from sharpear.sinks.music import hertz, key_name, midi_pitch
from sharpear.version import __version__

from .notes import Note
from .transcriber import Transcription

Floats = NDArray[np.floating]

SHORTEST_GRID_S = 1e-3
LEVEL_FLOOR_DB = -60.0
"""Level that becomes 0 in Sonic Visualiser, where full scale is 1."""


def label(note: Note) -> str:
    """A note's name, and how many cents it is off.

    >>> label(Note(0.0, 1.0, 70, -12.3, -20.0, 0))
    'A#4 -12'
    """
    name = key_name(note.midi).replace("♯", "#")  # as programs read it that know no other signs
    return f"{name} {round(note.cents):+d}"


def frequencies(transcription: Transcription) -> list[float]:
    """Frequencies of its notes, Hz."""
    return [hertz(note.midi, note.cents, transcription.tuning) for note in transcription.notes]


def sounding_voices(transcription: Transcription) -> list[tuple[int, Floats, Floats]]:
    """Each voice that sounds at all: its number, and the times, s, and fundamentals, Hz, at which it does."""
    times, f0 = transcription.voices.times, transcription.voices.f0
    sounding = [(voice, np.flatnonzero(f0[:, voice] > 0)) for voice in range(f0.shape[1] if f0.ndim > 1 else 0)]
    return [(voice, times[steps], f0[steps, voice]) for voice, steps in sounding if steps.size]


def labels(transcription: Transcription) -> bytes:
    """Audacity's labels: a line a note, its onset and offset, s, and its name, between tabs."""
    notes = transcription.notes
    return "".join(f"{n.onset_s:.6f}\t{n.offset_s:.6f}\t{label(n)}\n" for n in notes).encode()


def text_grid(transcription: Transcription) -> bytes:
    """Praat's TextGrid: a tier of intervals for each voice; those between its notes are empty."""
    end_s = _end_s(transcription)
    voices = sorted({note.voice for note in transcription.notes}) or [0]
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {end_s:.6f}"]
    lines += ["tiers? <exists>", f"size = {len(voices)}", "item []:"]
    for number, voice in enumerate(voices, 1):
        intervals, now_s = [], 0.0
        for note in (note for note in transcription.notes if note.voice == voice):
            if round(note.onset_s - now_s, 6) > 0:
                intervals.append((now_s, note.onset_s, ""))
            intervals.append((note.onset_s, note.offset_s, label(note)))
            now_s = note.offset_s
        if round(end_s - now_s, 6) > 0:
            intervals.append((now_s, end_s, ""))
        lines += [f"    item [{number}]:", '        class = "IntervalTier"', f'        name = "voice {voice}"']
        lines += ["        xmin = 0", f"        xmax = {end_s:.6f}", f"        intervals: size = {len(intervals)}"]
        for n, (begin_s, until_s, text) in enumerate(intervals, 1):
            lines += [f"        intervals [{n}]:", f"            xmin = {begin_s:.6f}"]
            lines += [f"            xmax = {until_s:.6f}", f'            text = "{text}"']
    return ("\n".join(lines) + "\n").encode()


def pitch_tier(transcription: Transcription) -> bytes:
    """Praat's PitchTier: the fundamental of a voice, Hz, at each step at which it sounds.

    Several voices are a Collection of them, which Praat opens as one object each.
    """
    end_s, voices = _end_s(transcription), sounding_voices(transcription)
    lines = ['File type = "ooTextFile"']
    if len(voices) == 1:
        lines += ['Object class = "PitchTier"', "", *_points(*voices[0][1:], end_s, "")]
    else:
        lines += ['Object class = "Collection"', "", f"size = {len(voices)}", "item []:"]
    for number, (voice, times, hz) in enumerate(voices if len(voices) > 1 else [], 1):
        lines += [f"    item [{number}]:", '        class = "PitchTier"', f'        name = "voice_{voice}"']
        lines += _points(times, hz, end_s, "        ")
    return ("\n".join(lines) + "\n").encode()


def _points(times: Floats, hz: Floats, end_s: float, indent: str) -> list[str]:
    lines = ["xmin = 0", f"xmax = {end_s:.6f}", f"points: size = {len(times)}"]
    for n, (time_s, value) in enumerate(zip(times, hz, strict=True), 1):
        lines += [f"points [{n}]:", f"    number = {time_s:.6f}", f"    value = {value:.4f}"]
    return [indent + line for line in lines]


def layer(transcription: Transcription) -> bytes:
    """A layer of notes for Sonic Visualiser: frames of the recording, Hz, levels from 0 to 1, names."""
    rate, notes = round(transcription.sample_rate), transcription.notes
    hz = frequencies(transcription)
    lowest, highest = min(hz, default=0.0), max(hz, default=0.0)
    model = {
        **{
            "id": 1,
            "name": "sharpear notes",
            "sampleRate": rate,
            "start": 0,
            "end": round(_end_s(transcription) * rate),
        },
        **{"type": "sparse", "dimensions": 3, "resolution": 1, "notifyOnAdd": "true", "dataset": 0, "subtype": "note"},
        **{"valueQuantization": 0, "minimum": f"{lowest:.4f}", "maximum": f"{highest:.4f}", "units": "Hz"},
    }
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<!DOCTYPE sonic-visualiser>", "<sv>", "  <data>"]
    lines += [f"    <model {_attributes(model)}/>", '    <dataset id="0" dimensions="3">']
    for note, value in zip(notes, hz, strict=True):
        point = {
            "frame": round(note.onset_s * rate),
            "value": f"{value:.4f}",
            "duration": round((note.offset_s - note.onset_s) * rate),
            "level": f"{_level(note):.4f}",
            "label": label(note),
        }
        lines.append(f"      <point {_attributes(point)}/>")
    shown = {"id": 2, "type": "notes", "name": "Notes", "model": 1, "verticalScale": 1, "scaleUnits": "Hz"}
    lines += [
        "    </dataset>",
        "  </data>",
        "  <display>",
        f"    <layer {_attributes(shown)}/>",
        "  </display>",
        "</sv>",
    ]
    return ("\n".join(lines) + "\n").encode()


def notes_layer_csv(transcription: Transcription) -> bytes:
    """A layer of notes as Sonic Visualiser imports it: time, s; Hz; duration, s; level from 0 to 1; name."""
    rows = (
        f"{n.onset_s:.6f},{hz:.4f},{n.offset_s - n.onset_s:.6f},{_level(n):.4f},{label(n)}\n"
        for n, hz in zip(transcription.notes, frequencies(transcription), strict=True)
    )
    return "".join(rows).encode()


def curves_layer_csv(transcription: Transcription) -> bytes:
    """A layer of time values as Sonic Visualiser imports it: time, s, and Hz of each voice that then sounds."""
    points = [
        (time_s, value)
        for _, times, hz in sounding_voices(transcription)
        for time_s, value in zip(times, hz, strict=True)
    ]
    return "".join(f"{time_s:.6f},{value:.4f}\n" for time_s, value in sorted(points)).encode()


def jams(transcription: Transcription) -> bytes:
    """JAMS: notes as note_midi, in fractions of a semitone, and the curve of each voice as pitch_contour.

    Confidence is the strength of one voice that was sought alone; of several voices it is not told.
    """
    end_s, strength = _end_s(transcription), transcription.voices.strength
    notes = [
        {
            "time": round(n.onset_s, 6),
            "duration": round(n.offset_s - n.onset_s, 6),
            "value": round(midi_pitch(hz), 4),
            "confidence": None,
        }
        for n, hz in zip(transcription.notes, frequencies(transcription), strict=True)
    ]
    annotations = [_annotation("note_midi", notes, end_s)]
    for voice, times, hz in sounding_voices(transcription):
        sounds = transcription.voices.f0[:, voice] > 0
        sure = np.full(len(hz), None) if strength is None else strength[sounds, voice].astype(float).round(4)
        points = [
            {
                "time": round(float(time_s), 6),
                "duration": 0.0,
                "value": {"index": voice, "frequency": round(float(value), 3), "voiced": True},
                "confidence": confidence,
            }
            for time_s, value, confidence in zip(times, hz, sure.tolist(), strict=True)
        ]
        annotations.append(_annotation("pitch_contour", points, end_s))
    about = {"title": "", "artist": "", "release": "", "duration": round(end_s, 6), "identifiers": {}}
    told = {"annotations": annotations, "file_metadata": {**about, "jams_version": "0.3.5"}, "sandbox": {}}
    return json.dumps(told).encode() + b"\n"


def _level(note: Note) -> float:
    return float(np.clip(1 - note.level_db / LEVEL_FLOOR_DB, 0, 1))


def _annotation(namespace: str, data: Sequence[object], end_s: float) -> dict[str, object]:
    made = {
        **dict.fromkeys(["corpus", "annotation_rules", "validation"], ""),
        "version": __version__,
        "data_source": "program",
        "annotation_tools": "sharpear",
        "curator": {"name": "", "email": ""},
        "annotator": {},
    }
    span = {"time": 0, "duration": round(end_s, 6), "sandbox": {}}
    return {"namespace": namespace, "data": data, "annotation_metadata": made, **span}


def _end_s(transcription: Transcription) -> float:
    """Where the last note, and the last curve, have ended."""
    times = transcription.voices.times
    ends = [note.offset_s for note in transcription.notes]
    return max(SHORTEST_GRID_S, *ends, *(float(t) for t in times[-1:]))


def _attributes(values: dict[str, object]) -> str:
    return " ".join(f"{name}={quoteattr(str(value))}" for name, value in values.items())


TOOL_FORMATS: dict[str, Callable[[Transcription], bytes]] = {
    "txt": labels,
    "TextGrid": text_grid,
    "PitchTier": pitch_tier,
    "svl": layer,
    "f0.sv.csv": curves_layer_csv,
    "sv.csv": notes_layer_csv,
    "jams": jams,
}
"""What is written, by how a file's name ends."""
