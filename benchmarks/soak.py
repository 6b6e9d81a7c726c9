"""A day of live sound at high speed: ``python -m benchmarks.soak --hours 24`` (make soak).

A simulated source feeds the live path (ring, worker, frames to a stream, picture, recording) as fast as its slowest
reader follows, without a sound server, and loses two seconds now and then, as a device does that goes away. Memory,
descriptors and threads must stay as many, and the clock right: frames' times against their number and the samples fed,
the recording's length. What is not flat is said, and the exit code is then 1.

The default is a small preset at 8 kHz, because a day must fit into minutes: what could leak is the same code with every
preset. ``--preset music --rate 44100`` soaks the real thing, in about a tenth of the time of its sound. A day's
recording at 8 kHz takes 2.8 GB of the temporary folder until the end.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

import sharpear
from sharpear.config import load_config
from sharpear.live.clock import now_ns
from sharpear.live.ring import Ring
from sharpear.live.session import Session
from sharpear.live.stream_output import StreamOutput
from sharpear.live.worker import Gap
from sharpear.sharpening.frames import Frames
from sharpear.sinks.outlet import Outlet
from sharpear.view.picture import Picture

SMALL = Path(__file__).parent.parent / "tests" / "data" / "small.toml"
ROWS = 24
SETTLED = 2
"""Rows until everything has been used once: memory and descriptors are compared from there on."""
MEMORY_MB = 8.0
CLOCK_S = 1e-6
GAP_S = 2.0
GAP_EVERY_S = 3600.0
"""Or a quarter of what is fed, where that is shorter."""


@dataclass(frozen=True)
class Row:
    """What is there after so much sound."""

    fed_s: float
    wall_s: float
    memory_mb: float
    descriptors: int
    threads: int
    frames: int
    clock_error_s: float
    recorded_s: float


def main() -> None:
    """Soak, and say what is not flat."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=24.0, help="of sound")
    parser.add_argument("--preset", default=str(SMALL), help="name or file; a cheap one by default")
    parser.add_argument("--rate", type=int, default=8000, help="Hz")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        faults = soak(3600 * arguments.hours, arguments.preset, arguments.rate, Path(folder))
    for fault in faults:
        print(f"soak: {fault}", file=sys.stderr)
    sys.exit(1 if faults else 0)


def soak(seconds: float, preset: str, rate_hz: int, folder: Path) -> list[str]:
    """Print a row now and then; what was not as it must be."""
    source, timekeeper = Simulated(rate_hz, round(seconds * rate_hz)), Timekeeper()
    recording = folder / "soak.w64"
    lines: list[str] = []
    rows: list[Row] = []
    started_s = time.monotonic()
    with open(os.devnull, "wb") as nowhere:
        session = Session(
            source,
            load_config(preset),
            Path(preset).stem,
            outputs=StreamOutput("f32", source.name, Outlet(nowhere.fileno())),
            record=recording,
            listeners=[Picture(Nobody()), timekeeper],
            report=lines.append,
        )
        recorder, worker = session._recorder, session.worker
        assert recorder is not None

        def note() -> None:
            rows.append(
                Row(
                    source.fed / rate_hz,
                    time.monotonic() - started_s,
                    resident_mb(),
                    len(os.listdir("/proc/self/fd")),
                    threading.active_count(),
                    worker.frames,
                    timekeeper.error_s,
                    recorder.samples / rate_hz,
                )
            )
            show(rows[-1], len(rows) == 1)

        source.read = lambda: min(worker.clock, recorder.samples)
        source.note = note
        good = session.run()
    recorded = soundfile.info(recording).frames
    status = session.status()
    faults = [] if good else ["something failed"]
    for what, is_, must_be in (
        ("samples sharpened and lost", worker.clock, source.fed),
        ("samples recorded", recorded, source.fed),
        ("gaps", status.gaps, source.gaps),
        ("drops", status.drops, 0),
        ("lines said", len(lines), source.gaps),
    ):
        faults += [f"{what}: {is_}, expected {must_be}"] if is_ != must_be else []
    end_s = timekeeper.last_s + sharpear.Sharpener(rate_hz, preset).hop / rate_hz
    if not abs(end_s - source.fed / rate_hz) < 0.1:
        faults.append(f"the last frame ends at {end_s:.3f} s, expected {source.fed / rate_hz:.3f} s")
    return faults + uneven(rows)


def uneven(rows: list[Row]) -> list[str]:
    """What has grown or drifted since everything was used once."""
    first, faults = rows[min(SETTLED, len(rows) - 1)], []
    for row in rows[SETTLED:]:
        if row.memory_mb > first.memory_mb + MEMORY_MB:
            faults.append(f"memory: {row.memory_mb:.1f} MB, {first.memory_mb:.1f} MB before, at {row.fed_s:.0f} s")
        for what in ("descriptors", "threads"):
            if getattr(row, what) != getattr(first, what):
                faults.append(f"{what}: {getattr(row, what)}, {getattr(first, what)} before, at {row.fed_s:.0f} s")
        if row.clock_error_s > CLOCK_S:
            faults.append(f"clock: frames' times are wrong by {row.clock_error_s:.2g} s at {row.fed_s:.0f} s")
    return faults


def show(row: Row, heading: bool) -> None:
    """As a line of the table."""
    if heading:
        print("  sound h   wall s    MB  descriptors  threads       frames  clock error s  recorded h")
    print(
        f"{row.fed_s / 3600:9.3f} {row.wall_s:8.1f} {row.memory_mb:5.0f} {row.descriptors:12} {row.threads:8} "
        f"{row.frames:12} {row.clock_error_s:14.1e} {row.recorded_s / 3600:11.3f}",
        flush=True,
    )


def resident_mb() -> float:
    """Of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


class Simulated:
    """A source as fast as its readers: a minute of quiet notes in noise, again and again, with gaps.

    Args:
        rate_hz: of the samples.
        total: samples of time to feed.
    """

    def __init__(self, rate_hz: int, total: int) -> None:
        self.name, self.channels, self.block = "simulated", 1, 1024
        self.rate_hz, self.state, self.fed, self.gaps = rate_hz, "listening", 0, 0
        self.latency_s: float | None = 0.0
        self.read: Callable[[], int] = lambda: self.fed
        self.note: Callable[[], None] = lambda: None
        self._total = total
        self._stopping = threading.Event()
        seconds = np.arange(60 * rate_hz) / rate_hz
        hz = 330.0 * 2 ** (np.floor(2 * seconds) % 18 / 12)
        notes = 0.2 * np.sin(2 * np.pi * hz * seconds) * np.exp(-3 * (2 * seconds % 1))
        noise = 0.01 * np.random.default_rng(8).standard_normal(seconds.size)
        self._minute = (notes + noise).astype(np.float32)[:, None]

    def start(self, ring: Ring, wake: Callable[[], None]) -> None:
        """Begin to feed."""
        self._thread = threading.Thread(target=self._feed, args=(ring, wake), daemon=True)
        self._thread.start()

    def _feed(self, ring: Ring, wake: Callable[[], None]) -> None:
        rows, place = 0, 0
        every = min(GAP_EVERY_S * self.rate_hz, self._total / 4)
        while self.fed < self._total and not self._stopping.is_set():
            while self.fed - self.read() > ring.capacity // 2 and not self._stopping.wait(0.001):
                pass
            if self.fed >= (self.gaps + 0.5) * every:
                ring.mark_gap(round(GAP_S * self.rate_hz))
                self.fed, self.gaps = self.fed + round(GAP_S * self.rate_hz), self.gaps + 1
            block = self._minute[place : place + self.block]
            place = (place + len(block)) % len(self._minute)
            ring.write(block, now_ns())
            self.fed += len(block)
            wake()
            if self.fed >= (rows + 1) * self._total / ROWS:
                rows += 1
                self.note()
        self.state = "ended"
        wake()

    def watch(self) -> list[str]:
        """Nothing goes wrong."""
        return []

    def stop(self) -> None:
        """Stop feeding."""
        self._stopping.set()
        self._thread.join()


class Timekeeper:
    """A listener that counts frames, and by their number knows their time.

    error_s: the largest difference so far.  last_s: time of the last frame.
    """

    def __init__(self) -> None:
        self.error_s = self.last_s = 0.0

    def begin(self, sharpener: sharpear.Sharpener, preset: str) -> None:
        """A stream of frames."""
        self._hop_s, self._offset_s = sharpener.hop / sharpener.sample_rate, float("nan")
        self._begin_s, self._count = 0.0, 0

    def frames(self, frames: Frames) -> None:
        """Compare."""
        if np.isnan(self._offset_s):
            self._offset_s = float(frames.times[0])  # of every stream's first frame to its first sample
        expected_s = self._begin_s + self._offset_s + self._hop_s * (self._count + np.arange(len(frames)))
        self.error_s = max(self.error_s, float(np.abs(frames.times - expected_s).max()))
        self._count += len(frames)
        self.last_s = float(frames.times[-1])

    def gap(self, gap: Gap) -> None:
        """The next stream begins after it."""
        self._begin_s, self._count = gap.start_s + gap.length_s, 0


class Nobody:
    """Takes a picture and keeps nothing."""

    def columns(self, batch: bytes) -> None:
        """A batch."""

    def message(self, text: str) -> None:
        """A gap."""

    axes = message


if __name__ == "__main__":
    main()
