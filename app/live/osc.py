"""Lines and notes as OSC messages over UDP (extra `osc`), for Max, Pure Data, SuperCollider and the like."""

import numpy as np

from sharpear.errors import InputError, UsageError
from sharpear.pitch.note_tracker import NoteEvent
from sharpear.sharpening.frames import Frames
from sharpear.sinks.stream_base import Chosen, frame_peaks

STRONGEST = Chosen(top=16)
"""The lines of a frame that are sent: a message then fits one packet of any network."""


class OscReceiver:
    """A program that listens at `place`, HOST:PORT. Numbers are float32, but for channel and voice, which are int32.

    ``/sharpear/lines`` time (s), channel, then frequency (Hz) and amplitude of the 16 strongest lines, low to high;
    for each frame. ``/sharpear/on``, ``/sharpear/move`` and ``/sharpear/off`` time (s), voice, MIDI pitch in fractions
    of a semitone, level (dB of full scale).

    Raises:
        UsageError: python-osc is not installed, or `place` is none.
        InputError: the host is not known.
    """

    def __init__(self, place: str) -> None:
        try:
            from pythonosc.udp_client import SimpleUDPClient  # noqa: PLC0415
        except ImportError as error:
            raise UsageError("--osc needs python-osc: pip install 'sharpear[osc]'") from error
        host, _, port = place.rpartition(":")
        if not host or not (port.isdecimal() and len(port) <= 5 and 0 < int(port) < 1 << 16):
            raise UsageError(f"--osc: expected HOST:PORT such as 127.0.0.1:9000, received {place!r}")
        self._place = place
        try:
            self._client = SimpleUDPClient(host.strip("[]"), int(port))
        except (OSError, UnicodeError) as error:
            raise InputError(f"--osc {place}: the host cannot be found ({error}): name another") from error

    def __str__(self) -> str:
        return f"--osc {self._place}"

    def lines(self, frames: Frames) -> None:
        """Send a message for each frame and channel."""
        for n in range(len(frames)):
            for stream in range(frames.amplitude.shape[1]):
                peaks = np.ravel(frame_peaks(frames, n, stream, STRONGEST)[:, :2]).tolist()
                self._client.send_message("/sharpear/lines", [float(frames.times[n]), stream, *peaks])

    def note(self, event: NoteEvent, time_s: float) -> None:
        """Send a message for what a voice does."""
        self._client.send_message(f"/sharpear/{event.kind}", [time_s, event.voice, event.pitch, event.level_db])

    def close(self) -> None:
        """Close the socket."""
        self._client.close()
