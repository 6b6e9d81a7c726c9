"""Frames as columns of a picture, small enough to be sent sixty times a second."""

import json
import struct
import time
from typing import Any, Protocol

import numpy as np

from sharpear.config import TuningConfig, preset_names
from sharpear.live.worker import Gap
from sharpear.sharpening.frames import Frames
from sharpear.sharpening.sharpener import Sharpener
from sharpear.sinks.drawing import ROWS_PER_OCTAVE, add_lines, encode_levels
from sharpear.sinks.music import TEMPERED_CENTS
from sharpear.sinks.rows import Rows

LARGEST_RATE_HZ = 200.0
"""The most columns a second: more cannot be told apart on a screen."""
PERIOD_S = 0.005
LOWEST_DB = -120.0
STEPS_PER_DB = 2.0
HEADER = struct.Struct("<IIdII")
"""Header of a batch: its epoch, which tells its axes; 0; the time of its first column, s; columns; rows."""


def as_page_reads(tuning: TuningConfig) -> dict[str, Any]:
    """A tuning, and all that a page may choose instead: cents of each temperament's pitch classes, C to B."""
    temperaments = {name: cents.round(4).tolist() for name, cents in TEMPERED_CENTS.items()}
    return {"a4": tuning.a4_hz, "temperament": tuning.temperament, "temperaments": temperaments}


class Audience(Protocol):
    """Who looks at a picture."""

    def columns(self, batch: bytes) -> None:
        """Send a batch to every page."""

    def message(self, text: str) -> None:
        """Send a message to every page that is open."""

    def axes(self, text: str) -> None:
        """Send new axes to every page, and to those that open later."""


class Picture:
    """A listener that draws frames and publishes them in batches.

    A batch is `HEADER` and then, column by column and row by row from low to high, two bytes: the level of the
    sharpened and of the plain spectrogram, ``1 + 2 (dB + 120)``; 0 is kept for what is missing. Streams are
    added up, and frames pooled (largest power) to at most 200 columns a second.

    Args:
        audience: receives the batches and, as JSON, the axes whenever they change, and gaps.
    """

    def __init__(self, audience: Audience) -> None:
        self._audience = audience
        self._epoch = 0
        self._sent_s = 0.0
        self._pending: list[Frames] = []

    def begin(self, sharpener: Sharpener, preset: str) -> None:
        """Begin a picture with new axes."""
        low, high = sharpener.frequencies[0], sharpener.frequencies[-1]
        self._rows = Rows(low, high, sharpener.channel_frequencies)
        self._hop_s = sharpener.hop / sharpener.sample_rate
        self._pool = int(np.ceil(1 / self._hop_s / LARGEST_RATE_HZ))
        self._epoch += 1
        self._pending = []
        axes = {
            "type": "axes",
            "epoch": self._epoch,
            "low_hz": float(low),
            "rows": self._rows.count,
            "rows_per_octave": ROWS_PER_OCTAVE,
            "column_s": self._pool * self._hop_s,
            "lowest_db": LOWEST_DB,
            "steps_per_db": STEPS_PER_DB,
            "preset": preset,
            "presets": preset_names(),
            "tuning": as_page_reads(sharpener.config.tuning),
        }
        self._audience.axes(json.dumps(axes))

    def frames(self, frames: Frames) -> None:
        """Draw, once there are enough and the last batch is old enough."""
        self._pending.append(frames)
        now_s = time.monotonic()
        if now_s - self._sent_s < PERIOD_S or sum(map(len, self._pending)) < self._pool:
            return
        self._sent_s = now_s
        joined = Frames.join(self._pending) if len(self._pending) > 1 else frames
        whole = len(joined) - len(joined) % self._pool
        self._pending = [joined[whole:]] if whole < len(joined) else []
        self._send(joined[:whole])

    def _send(self, frames: Frames) -> None:
        sharp = np.zeros((len(frames), self._rows.count), np.float32)
        add_lines(sharp, frames.amplitude, frames.instantaneous_frequency, self._rows.low_hz)
        columns = np.empty((len(frames) // self._pool, self._rows.count, 2), np.uint8)
        encode_levels(columns[:, :, 0], sharp, LOWEST_DB, STEPS_PER_DB)
        encode_levels(columns[:, :, 1], self._rows.bands(frames.plain_amplitude), LOWEST_DB, STEPS_PER_DB)
        middle_s = frames.times[0] + (self._pool - 1) / 2 * self._hop_s
        header = HEADER.pack(self._epoch, 0, middle_s, len(columns), self._rows.count)
        self._audience.columns(header + columns.tobytes())

    def gap(self, gap: Gap) -> None:
        """What waited for its pool is shown no more, and the page is told why nothing follows."""
        self._pending = []
        cause = "dropped" if gap.dropped_s else "not heard"
        told = {"type": "gap", "start_s": gap.start_s, "length_s": gap.length_s, "cause": cause}
        self._audience.message(json.dumps(told))
