"""A picture: the plain filterbank above, the sharpened frames below, on the same axes, or one of them."""

import json
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np

from sharpear.errors import InputError, UsageError, printable
from sharpear.integrity.vectors import seal_vector
from sharpear.sharpening.frames import Frames

from .base import Sink, SinkInfo
from .melody import Hearing
from .music import tuning_of
from .one_stream import added_up
from .picture_style import BY_VOICE

DRAWING = threading.Lock()
"""Held while a picture is drawn, because Matplotlib draws in one thread at a time."""


class PictureSink(Sink):
    """A PNG, SVG or PDF, as the path ends: time in s, frequency in Hz and notes C, level in dB; streams added up.

    Everything is drawn as it comes, on a `Canvas` of so many pixels, so memory stays flat. The attributes are in a
    PNG's text chunk of that name, as JSON, and in a comment at the end of the others.

    Raises:
        UsageError: Matplotlib is not installed, or the style shows no frequency that there is.
    """

    needs = "matplotlib", "plot"

    def __init__(self, path: Path, info: SinkInfo) -> None:
        self.check_installed(path.suffix[1:])
        try:
            import matplotlib  # noqa: F401, PLC0415
        except ImportError as error:
            cause = printable(str(error))
            raise UsageError(f"format {path.suffix[1:]}: matplotlib cannot be imported ({cause})") from error
        except OSError as error:
            cause = "matplotlib finds no folder that it may write its list of fonts to"
            raise InputError(f"{path}: cannot be drawn ({cause}): set MPLCONFIGDIR to one") from error
        super().__init__(path, info)
        self._span_hz = info.style.shown_hz(float(info.frequencies[0]), float(info.frequencies[-1]))
        self._times = [np.inf, -np.inf]
        self._hearing: Hearing | None = None

    def _start(self, folder: Path) -> None:
        # Loading it may compile: who makes no picture, or has no place for one, does not wait for that.
        from .canvas import Canvas  # noqa: PLC0415

        style = self.info.style
        width, height = style.size_px
        rows = height // (2 if style.panels == "both" else 1)
        by_voice = style.colours == BY_VOICE
        vectors_db = None if self.path.suffix == ".png" else style.range_db
        bands_hz, self._tuning = self.info.channel_frequencies, tuning_of(self.info.attributes)
        self._canvas = Canvas(bands_hz, self._span_hz, 2 * width, rows, by_voice, vectors_db, self._tuning)
        if callable(style.pitch):
            axes = self.info.frequencies.size, self.info.channel_frequencies.size
            self._hearing = style.pitch(*axes, self.info.attributes)

    def _append(self, frames: Frames) -> None:
        if not len(frames):
            return
        self._times = [min(self._times[0], frames.times[0]), max(self._times[1], frames.times[-1])]
        self._canvas.add(frames)
        if self._hearing:
            self._hearing.add(added_up(frames))

    def _finish(self, partial: Path, complete: bool) -> None:
        from .figure import save_picture  # noqa: PLC0415 (matplotlib is an extra)

        info = self.info
        nothing = np.zeros((0, 1, info.frequencies.size), np.float32)
        bands = np.zeros((0, 1, info.channel_frequencies.size), np.float32)
        self._canvas.add(Frames(np.zeros(0), nothing, nothing, bands), last=True)
        attributes = {**info.attributes, "complete": complete}
        title = printable(str(info.attributes.get("source", "")))
        text = {"attributes": json.dumps(attributes)}
        with DRAWING:
            times_s = self._times[0], self._times[1]
            style = replace(info.style, pitch=self._hearing.transcription()) if self._hearing else info.style
            save_picture(partial, self._canvas, times_s, self._span_hz, style, title, text, self._tuning)
        if partial.suffix != ".png":
            seal_vector(partial, attributes)
