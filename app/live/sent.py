"""Notes and lines of a live session, sent to instruments and programs while they sound."""

import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from queue import SimpleQueue
from typing import Protocol, Self

import numpy as np

from sharpear.config import Config, PitchConfig
from sharpear.pitch.note_tracker import NoteEvent, NoteTracker
from sharpear.pitch.pitch_layer import PitchLayer
from sharpear.sharpening.frames import Frames
from sharpear.sharpening.sharpener import Sharpener
from sharpear.system import hurried

from .worker import Gap

MOST_WAITING = 256
"""Pieces of frames that wait, a second or so; later ones are left out until there is room."""


class Receiver(Protocol):
    """Is sent what sounds, in a thread that may wait for it."""

    def lines(self, frames: Frames) -> None:
        """Be given frames of shape (frames, streams, atoms), as soon as there are any."""

    def note(self, event: NoteEvent, time_s: float) -> None:
        """Be told what a voice does, at a time of the stream, s; later than its lines by the pitch layer's latency."""

    def close(self) -> None:
        """Let go of it: all notes have ended."""


def compile_layer(config: PitchConfig) -> None:
    """Compile what follows voices."""
    silence = np.zeros((2, 1, 2), np.float32)
    layer = PitchLayer(0.003, 2, 2, config)
    layer.amplitudes(layer.process(Frames(np.zeros(2), silence, silence, silence)))


class Sent:
    """A listener that finds notes in the frames of the first channel, in a thread, and sends both to receivers.

    Args:
        config: of the session; its section `pitch` says which voices are followed, and `tuning` which keys they strike.
        receivers: where things go; closed at the end.
        report: is told, in a line, what cannot be sent any more.
    """

    def __init__(self, config: Config, receivers: Sequence[Receiver], report: Callable[[str], None]) -> None:
        self._config, self._receivers, self._report = config, list(receivers), report
        self._waiting: SimpleQueue[Sharpener | Frames | Gap | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, daemon=True, name="sent")
        self._layer: PitchLayer | None = None
        self._tracker = NoteTracker(0, 1.0, 0.5)
        self._next = 0
        self._now_s = 0.0
        self._left_out = 0

    def __enter__(self) -> Self:
        compile_layer(self._config.pitch)  # now, not when the sound has begun
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting.put(None)
        self._thread.join()
        with ExitStack() as closing:
            for receiver in self._receivers:
                closing.callback(receiver.close)
        if self._left_out:
            self._report(f"{self._left_out} frames were not sent as MIDI or OSC: sending fell behind")

    def begin(self, sharpener: Sharpener, preset: str) -> None:
        """Follow the voices of another sharpener's frames."""
        self._put(sharpener)

    def frames(self, frames: Frames) -> None:
        """Let frames wait for the thread."""
        self._put(frames)

    def gap(self, gap: Gap) -> None:
        """End all notes: nobody knows what sounds meanwhile."""
        self._put(gap)

    def _put(self, piece: Sharpener | Frames | Gap) -> None:
        if isinstance(piece, Frames) and self._waiting.qsize() >= MOST_WAITING:
            self._left_out += len(piece)
        else:
            self._waiting.put(piece)

    def _work(self) -> None:
        with hurried():
            self._send_all()

    def _send_all(self) -> None:
        while (piece := self._waiting.get()) is not None:
            if isinstance(piece, Frames):
                self._send("lines", piece)
                if self._layer:
                    self._follow(piece, self._layer)
                continue
            self._tell(self._tracker.end())
            if isinstance(piece, Sharpener):
                pitch = self._config.pitch
                self._layer = PitchLayer.over(piece, pitch)
                step_s = self._layer.stride * self._layer.hop_s
                self._tracker = NoteTracker(pitch.voices, step_s, pitch.believed, self._config.tuning)
            elif self._layer:
                self._layer.reset()
            self._next = 0
        self._tell(self._tracker.end())

    def _follow(self, frames: Frames, layer: PitchLayer) -> None:
        first = Frames(
            frames.times, frames.amplitude[:, :1], frames.instantaneous_frequency[:, :1], frames.plain_amplitude[:, :1]
        )
        found = layer.process(first)
        steps = found[self._next :: layer.stride].with_faint()
        self._next = (self._next - len(found)) % layer.stride
        amplitude = layer.amplitudes(steps)[:, 0]
        for n, time_s in enumerate(steps.times):
            self._now_s = float(time_s)
            self._tell(self._tracker.step(steps.f0[n, 0], amplitude[n], steps.belief[n, 0]))

    def _tell(self, events: Sequence[NoteEvent]) -> None:
        for event in events:
            self._send("note", event, self._now_s)

    def _send(self, what: str, *told: object) -> None:
        """Send to every receiver; one that fails is told of and left out."""
        for receiver in list(self._receivers):
            try:
                getattr(receiver, what)(*told)
            except Exception as error:  # whatever a driver of MIDI or a network raises
                self._receivers.remove(receiver)
                self._report(f"{receiver}: nothing is sent any more ({error})")
                with suppress(Exception):
                    receiver.close()
