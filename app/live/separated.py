"""Stems of a live session: separated beside the sharpening, into files, and one of them to an output device."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sharpear.errors import InputError
from sharpear.separation.separation_task import separated
from sharpear.separation.separator import Separator
from sharpear.separation.shares import ShareFactory
from sharpear.separation.stem_files import StemFiles, StemFormat
from sharpear.system import hurried

from .child import DeviceProcess
from .playback import PlayRequest
from .ring import PLAYED, WRITTEN, XRUNS, Reader, Ring

PERIOD_S = 0.005
BLOCK = 4096
PLAYED_RING_S = 2.0
HEADROOM_S = 0.03
"""Sound kept waiting before an output device, because the separation's blocks come unevenly."""


@dataclass(frozen=True)
class Solo:
    """One stem to an output device; device: its index or name, the default one where None."""

    stem: str
    device: str | None = None


@dataclass(frozen=True)
class StemPlan:
    """What a live session separates into. outputs: stem → file."""

    sources: ShareFactory
    outputs: Mapping[str, Path] = field(default_factory=dict)
    form: StemFormat = field(default_factory=StemFormat)
    solo: Solo | None = None

    def open(self, reader: Reader, rate_hz: int, channels: int, until: int | None) -> "LiveStems":
        """Everything that may fail, before the sound begins.

        Raises:
            InputError: a file cannot be made.
            AudioDeviceError: there is no such output.
        """
        separator = warmed_up(rate_hz, self.sources, channels)
        with ExitStack() as opening:
            files = None
            if self.outputs:
                files = StemFiles(self.outputs, separator.stems, rate_hz, channels, self.form)
                opening.callback(files.close)
            player = Player(self.solo.device, rate_hz, channels) if self.solo else None
            stem = separator.stems.index(self.solo.stem) if self.solo else 0
            opening.pop_all()
        return LiveStems(reader, separator, files, player, stem, until)


def warmed_up(rate_hz: int, sources: ShareFactory, channels: int) -> Separator:
    """A separator whose kernels are compiled."""
    separator = Separator(rate_hz, sources, channels)
    separator.process(np.zeros((separator.latency_samples + BLOCK, channels), np.float32))
    separator.reset()
    return separator


class Player:
    """An output device that plays what is written, in a process of its own.

    Raises:
        AudioDeviceError: there is no such output.
    """

    def __init__(self, device: str | None, rate_hz: int, channels: int) -> None:
        self._rate_hz = rate_hz
        self._ring = Ring.create(round(PLAYED_RING_S * rate_hz), channels)
        request = PlayRequest(device, rate_hz, channels, round(HEADROOM_S * rate_hz))
        self._process = DeviceProcess(request, lambda: None)
        try:
            self.name = self._process.expect("ready")["device"]
            self._process.send(str(self._ring.path))
            self._process.expect("opened")
        except BaseException:
            self._ring.remove()
            raise

    @property
    def alive(self) -> bool:
        """Whether the output still plays."""
        return self._process.alive

    @property
    def xruns(self) -> int:
        """How often it had nothing to play, or too much."""
        return int(self._ring.header[XRUNS])

    def write(self, samples: NDArray[np.float32]) -> None:
        """Append (samples, channels)."""
        self._ring.write(samples)

    def finish(self) -> None:
        """Play what waits, and end."""
        header = self._ring.header
        deadline = time.monotonic() + (int(header[WRITTEN]) - int(header[PLAYED])) / self._rate_hz + 0.2
        while self.alive and header[PLAYED] < header[WRITTEN] and time.monotonic() < deadline:
            time.sleep(PERIOD_S)
        self._process.end()
        self._ring.remove()


class LiveStems(threading.Thread):
    """Separate a reader's samples in a thread beside the worker's; lost time counts as silence, as in a recording.

    Args:
        reader: the ring's samples.
        separator: warmed up.
        files, player: where stems go; stem: the one that is played.
        until: samples at which to end.
    """

    def __init__(
        self, reader: Reader, separator: Separator, files: StemFiles | None, player: Player | None, stem: int,
        until: int | None,
    ) -> None:  # fmt: skip
        super().__init__(daemon=True, name="stems")
        self.separator, self.player = separator, player
        self.fault = ""
        self.written: list[Path] = []
        self._reader, self._files, self._stem, self._until = reader, files, stem, until
        self._ending = threading.Event()
        self._heard = 0

    def run(self) -> None:
        """Until `finish`, or until no more can be written."""
        with hurried() if self.player else nullcontext():  # files can wait
            try:
                for stems in separated(self._blocks(), self.separator):
                    if self._files:
                        self._files.write(stems)
                    if self.player:
                        self.player.write(stems[:, :, self._stem])
            except InputError as error:
                self.fault = f"{error}; the stems end after {self._heard / self.separator.sample_rate:.1f} s"
        self._publish()

    def _blocks(self) -> Iterator[NDArray[np.float32]]:
        while self._until is None or self._heard < self._until:
            ending = self._ending.is_set()
            chunk = self._reader.read(BLOCK)
            if chunk is None:
                if ending:
                    return
                self._ending.wait(PERIOD_S)
                continue
            for lost in range(0, chunk.lost, BLOCK):
                silence = np.zeros((min(BLOCK, chunk.lost - lost), self.separator.streams), np.float32)
                yield from self._up_to_the_end(silence)
            yield from self._up_to_the_end(chunk.samples)

    def _up_to_the_end(self, samples: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        samples = samples if self._until is None else samples[: max(0, self._until - self._heard)]
        self._heard += len(samples)
        yield samples

    def _publish(self) -> None:
        if not self._files:
            return
        try:
            if self._heard:
                self._files.publish()
                self.written = self._files.paths
        except InputError as error:
            self.fault = (
                self.fault or f"{error}; `sharpear recover {self._files.paths[0].parent}` publishes what is there"
            )
            self._files.leave()
        self._files.close()

    def finish(self) -> None:
        """Separate what waits, make the files whole, and play to the end."""
        self._ending.set()
        if self.ident:
            self.join()
        elif self._files:
            self._files.close()
        if self.player:
            self.player.finish()
