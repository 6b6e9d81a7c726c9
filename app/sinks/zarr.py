"""Zarr: chunked, rounded, compressed, appended while running; xarray opens it with named dimensions."""

from pathlib import Path

import numpy as np

from sharpear.integrity import checksums
from sharpear.sharpening.frames import Frames

from .base import Sink, SinkInfo
from .rounding import relative_of_cents, relative_of_db, rounded

CHUNK_BYTES = 1 << 23
LARGEST_CHUNK = 2048
"""The most frames in a chunk, some six seconds: each append costs some milliseconds, whatever its length."""

AMPLITUDE_DB, FREQUENCY_CENTS, PLAIN_DB = 0.01, 0.02, 0.1
"""The most by which rounding may move a line's level, its frequency, and a level of the filterbank."""

ERRORS = {
    "amplitude": {"largest_error_db": AMPLITUDE_DB},
    "instantaneous_frequency": {"largest_error_cents": FREQUENCY_CENTS},
    "plain_amplitude": {"largest_error_db": PLAIN_DB},
    "fundamental": {"largest_error_cents": FREQUENCY_CENTS},
}
"""What an array says of its rounding, among its attributes."""

RELATIVE = {
    "amplitude": relative_of_db(AMPLITUDE_DB),
    "instantaneous_frequency": relative_of_cents(FREQUENCY_CENTS),
    "plain_amplitude": relative_of_db(PLAIN_DB),
    "fundamental": relative_of_cents(FREQUENCY_CENTS),
}
"""The same as relative errors."""


class ZarrSink(Sink):
    """A Zarr group with named dimensions.

    time (s), frequency (Hz), channel, band (Hz); amplitude and instantaneous_frequency over (time, channel, frequency),
    plain_amplitude over (time, channel, band); where voices are looked for, fundamental as amplitude. Lines are rounded
    by at most 0.01 dB and 0.02 cents, plain_amplitude by 0.1 dB, as attributes of the arrays say; with the setting
    ``output.rounding`` false by nothing.
    ``xarray.open_zarr(path)`` opens it.
    """

    def __init__(self, path: Path, info: SinkInfo) -> None:
        super().__init__(path, info)
        self._pending: list[Frames] = []
        self._pending_frames = 0
        row_bytes = 4 * info.streams * max(info.frequencies.size, info.channel_frequencies.size)
        self._chunk = min(LARGEST_CHUNK, max(1, CHUNK_BYTES // row_bytes))

    def _start(self, folder: Path) -> None:
        from .zarr_group import ZarrGroup  # noqa: PLC0415 (other formats do not wait for zarr)

        info = self.info
        self._group = group = ZarrGroup(folder / self.path.name, info.attributes)
        group.add("frequency", info.frequencies, "Hz")
        group.add("channel", np.arange(info.streams), "1")
        group.add("band", info.channel_frequencies, "Hz")
        group.grow("time", np.float64, (self._chunk,), ["time"], units="s")
        atom = self._chunk, info.streams, info.frequencies.size
        band = self._chunk, info.streams, info.channel_frequencies.size
        self._grow("amplitude", atom, "frequency", "1")
        self._grow("instantaneous_frequency", atom, "frequency", "Hz")
        self._grow("plain_amplitude", band, "band", "1")

    def _grow(self, name: str, chunk: tuple[int, ...], axis: str, units: str) -> None:
        rounding = ERRORS[name] if self.info.rounding else {}
        self._group.grow(name, np.float32, chunk, ["time", "channel", axis], units=units, **rounding)

    def _append(self, frames: Frames) -> None:
        """Write whole chunks to the disk; the rest waits."""
        self._pending.append(frames)
        self._pending_frames += len(frames)
        if self._pending_frames >= self._chunk:
            joined = Frames.join(self._pending)
            whole = len(joined) - len(joined) % self._chunk
            self._store(joined[:whole])
            self._pending = [joined[whole:]]
            self._pending_frames = len(joined) - whole

    def _store(self, frames: Frames) -> None:
        if frames.fundamental is not None and "fundamental" not in self._group:
            self._grow("fundamental", (self._chunk, *frames.fundamental.shape[1:]), "frequency", "Hz")
        self._group.append("time", frames.times)
        for name, relative in RELATIVE.items():
            if name in self._group:
                values = getattr(frames, name)
                self._group.append(name, rounded(values, relative) if self.info.rounding else values)

    def _finish(self, partial: Path, complete: bool) -> None:
        if self._pending_frames:
            self._store(Frames.join(self._pending))
            self._pending, self._pending_frames = [], 0
        self._group.finish(complete=complete)
        self._group.tell(checksums=checksums(partial))
