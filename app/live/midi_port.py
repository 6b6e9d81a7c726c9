"""Notes of a live session to a MIDI port (extra `midi`): a channel for each voice, bent as the voice bends."""

import math
from typing import Any

import mido

from sharpear.config import TuningConfig
from sharpear.errors import AudioDeviceError, UsageError
from sharpear.pitch.midi_file import BEND_SEMITONES, CHANNELS, bend_of, range_of_bends, velocity_of
from sharpear.pitch.note_tracker import NoteEvent
from sharpear.sharpening.frames import Frames
from sharpear.sinks.music import A4_KEY, hertz, midi_pitch


def bends_reach(tuning: TuningConfig) -> int:
    """Semitones: the note of a tuning that is farthest from its key, and a glide of `BEND_SEMITONES` from it.

    >>> bends_reach(TuningConfig()), bends_reach(TuningConfig(temperament="just")), bends_reach(TuningConfig(a4_hz=380))
    (2, 3, 5)
    """
    farthest = max(abs(midi_pitch(hertz(key, tuning=tuning)) - key) for key in range(A4_KEY, A4_KEY + 12))
    return math.ceil(round(farthest, 6)) + BEND_SEMITONES


class MidiReceiver:
    """The MIDI output called `name`; where there is none, one of that name is made, which others can listen to.

    Of more than 15 voices the first 15 are played. Bends reach as far as the tuning asks for.

    Raises:
        UsageError: python-rtmidi is not installed.
        AudioDeviceError: the system has no MIDI, or the port cannot be opened.
    """

    def __init__(self, name: str, tuning: TuningConfig) -> None:
        self._name, self._reach = name, bends_reach(tuning)
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
            for message in range_of_bends(channel, self._reach):
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
        bend = bend_of(round(event.pitch - key, 2), self._reach)  # in whole cents: fewer messages
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
