"""Voices and notes of frames that were sharpened anyway, in the place of listening to the sound once more."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sharpear.config import PitchConfig
from sharpear.errors import InputError
from sharpear.sharpening.frames import Frames
from sharpear.sinks.music import tuning_of

from .notes import Voices, notes_of
from .pitch_layer import PitchLayer
from .transcriber import Transcription
from .voice_curves import curves_of


class HeardFrames:
    """Frames in, block by block; at their end what a `Transcriber` would tell of their sound, or nearly so.

    On frames that were sharpened with voices the pitch layer hears a little else than on the transcriber's, which are
    without: its frame F1 on four recordings differs by .002.

    Args:
        atoms, channels: of the frames, which are of one stream.
        attributes: what a file says of its frames: hop, sample_rate, config.

    Raises:
        InputError: the attributes do not say it, or name a tuning that there is not.

    >>> import sharpear
    >>> t = np.arange(22050) / 44100
    >>> spec = sharpear.sharpen(sum(0.1 / h * np.cos(2 * np.pi * 220 * h * t) for h in range(1, 7)), 44100)
    >>> heard = HeardFrames(spec.frequencies.size, spec.channel_frequencies.size, spec.attributes)
    >>> heard.add(spec.with_stream())
    >>> [note.midi for note in heard.transcription().notes]
    [57]
    """

    def __init__(self, atoms: int, channels: int, attributes: Mapping[str, Any]) -> None:
        try:
            config = PitchConfig(**attributes["config"]["pitch"])
            self._rate = float(attributes["sample_rate"])
            hop_s = float(attributes["hop"]) / self._rate
            lowest_hz = float(attributes["config"]["bank"]["low_hz"])
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise InputError(
                f"expected frames that say sample_rate, hop, config.pitch and config.bank ({error})"
            ) from error
        self._tuning = tuning_of(attributes)
        self._curves = curves_of(config, hop_s, lambda: PitchLayer(hop_s, atoms, channels, config, lowest_hz=lowest_hz))
        self._any = False

    def add(self, frames: Frames) -> None:
        """Follow the voices in frames (frames, 1, atoms)."""
        self._any |= len(frames) > 0
        self._curves.hear(frames)

    def transcription(self) -> Transcription:
        """All that was heard: nothing may be added any more."""
        if self._any:
            self._curves.end()
        voices = self._curves.voices() if self._any else Voices(np.zeros(0), *np.zeros((2, 0, 1), np.float32))
        below_s, above_s = self._curves.outside_s
        notes = notes_of(voices, self._curves.begins, self._tuning)
        return Transcription(voices, notes, (below_s, above_s), 0.0, self._rate, self._tuning)
