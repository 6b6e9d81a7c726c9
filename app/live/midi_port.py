"""Notes of a live session to a MIDI port (extra `midi`): a channel for each voice, bent as the voice bends."""

import math
from typing import Any

import mido
import numpy as np

from sharpear.config import HIGHEST_A4_HZ, LOWEST_A4_HZ
from sharpear.errors import AudioDeviceError, UsageError
from sharpear.pitch.midi_file import BEND_SEMITONES, CHANNELS, bend_of, range_of_bends, velocity_of
from sharpear.pitch.note_tracker import NoteEvent
from sharpear.sharpening.frames import Frames
from sharpear.sinks.music import A4_KEY, TEMPERED_CENTS, midi_pitch

FARTHEST_A4 = max(abs(midi_pitch(a4_hz) - A4_KEY) for a4_hz in (LOWEST_A4_HZ, HIGHEST_A4_HZ))
FARTHEST_TEMPERED = max(float(np.abs(cents).max()) / 100 for cents in TEMPERED_CENTS.values())
REACH_SEMITONES = math.ceil(FARTHEST_A4 + FARTHEST_TEMPERED + BEND_SEMITONES)
"""How far bends reach, 5: the farthest note of any tuning, and a glide of `BEND_SEMITONES` from it."""


class MidiReceiver:
    """The MIDI output called `name`; where there is none, one of that name is made, which others can listen to.

    Of more than 15 voices the first 15 are played.

    Raises:
        UsageError: python-rtmidi is not installed.
        AudioDeviceError: the system has no MIDI, or the port cannot be opened.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        try:
            self._port = _opened(name)
        except ImportError as error:
            raise UsageError("--midi needs python-rtmidi: pip install 'sharpear[midi]'") from error
        except Exception as error:  # drivers raise errors of their own
            remedy = "load the system's MIDI, on Linux by `modprobe snd-seq`"
            raise AudioDeviceError(f"--midi {name}: cannot be opened ({error}): {remedy}") from error
        self._keys: dict[int, int] = {}
        self._bends: dict[int, int] = {}
        for channel in CHANNELS:
            for message in range_of_bends(channel, REACH_SEMITONES):
                self._port.send(message)

    def __str__(self) -> str:
        return f"--midi {self._name}"

    def lines(self, frames: Frames) -> None:
        """Nothing: MIDI knows notes alone."""

    def note(self, event: NoteEvent, time_s: float) -> None:
        """Turn the wheel, strike a key or let it go."""
        if event.voice >= len(CHANNELS):
            return
        channel = CHANNELS[event.voice]
        if event.kind == "off":
            self._port.send(mido.Message("note_off", channel=channel, note=self._keys.pop(event.voice)))
            return
        key = self._keys.setdefault(event.voice, min(max(event.key, 0), 127))
        bend = bend_of(round(event.pitch - key, 2), REACH_SEMITONES)  # in whole cents: fewer messages
        if bend != self._bends.get(channel):
            self._bends[channel] = bend
            self._port.send(mido.Message("pitchwheel", channel=channel, pitch=bend))
        if event.kind == "on":
            velocity = velocity_of(event.level_db)
            self._port.send(mido.Message("note_on", channel=channel, note=key, velocity=velocity))

    def close(self) -> None:
        """Close the port."""
        self._port.close()


def _opened(name: str) -> Any:
    there = mido.get_output_names()
    fitting = [each for each in there if name.lower() in each.lower()]
    return mido.open_output(fitting[0]) if fitting else mido.open_output(name, virtual=True)
