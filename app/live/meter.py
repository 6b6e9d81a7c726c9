"""The terminal meter: level, the strongest lines as notes, and the status, where no page is shown."""

import math
from collections.abc import Sequence

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from sharpear.config import TuningConfig
from sharpear.sharpening.frames import Frames
from sharpear.sharpening.sharpener import Sharpener
from sharpear.sinks.music import STANDARD, note_name

from .status import Status, decibels
from .worker import Gap

LINES = 6
BAR = 40
FLOOR_DB = -60.0
QUIETEST = 1e-4


class TerminalMeter:
    """A listener that draws a few lines on stderr, in place, notes named in a tuning."""

    def __init__(self, tuning: TuningConfig) -> None:
        self._tuning = tuning
        self._newest: Frames | None = None
        self._live = Live(console=Console(stderr=True), refresh_per_second=10, transient=True)

    def __enter__(self) -> "TerminalMeter":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def begin(self, sharpener: Sharpener, preset: str) -> None:
        """Nothing: the status names the preset."""

    def frames(self, frames: Frames) -> None:
        """Keep the frames until they are drawn."""
        self._newest = frames

    def gap(self, gap: Gap) -> None:
        """Do nothing: the status counts gaps."""

    def status(self, status: Status) -> None:
        """Draw the meter."""
        lines = strongest_lines(self._newest) if self._newest else []
        self._live.update(Group(*map(Text, describe(status, lines, self._tuning))))


def strongest_lines(frames: Frames) -> list[tuple[float, float]]:
    """(frequency Hz, level dB) of the strongest lines of the last frame, low to high.

    >>> one = np.array([[[0.0, 0.5]]], np.float32)
    >>> [(round(hz), round(db)) for hz, db in strongest_lines(Frames(np.zeros(1), one, one * 880, one))]
    [(440, -6)]
    """
    amplitude, frequency = frames.amplitude[-1].ravel(), frames.instantaneous_frequency[-1].ravel()
    loudest = np.argsort(amplitude)[::-1][:LINES]
    found = [(float(frequency[i]), decibels(float(amplitude[i]))) for i in loudest if amplitude[i] > QUIETEST]
    return sorted(found)


def describe(status: Status, lines: Sequence[tuple[float, float]], tuning: TuningConfig = STANDARD) -> list[str]:
    """The lines of the meter."""
    full = 0 if math.isinf(status.rms_db) else round(BAR * min(1.0, max(0.0, 1 - status.rms_db / FLOOR_DB)))
    notes = "   ".join(f"{note_name(hz, tuning)} {hz:.1f} Hz {db:.0f} dB" for hz, db in lines) or "–"
    device = "unknown" if status.latency_device_ms is None else f"{status.latency_device_ms:.1f}"
    faults = f"xruns {status.xruns}   drops {status.drops}   gaps {status.gaps}"
    recording = f"   recording {status.recording} {status.recorded_s:.1f} s" if status.recording else ""
    return [
        f"{status.state:<10} {status.device}, {status.sample_rate} Hz, {status.preset}   {status.time_s:.1f} s",
        f"level {'█' * full}{'░' * (BAR - full)} {status.rms_db:6.1f} dB, peak {status.peak_db:.1f} dB",
        notes,
        f"load {status.load:.0%}   latency device {device} + queue {status.latency_queue_ms:.1f} + "
        f"algorithm {status.latency_algorithm_ms:.1f} ms   {faults}{recording}",
        *([status.message] if status.message else []),
    ]
