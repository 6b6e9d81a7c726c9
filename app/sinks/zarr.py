"""Zarr: chunked, rounded, compressed, appended while running; xarray opens it with named dimensions."""

from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import BloscCodec, Crc32cCodec, TransposeCodec, ZstdCodec

from sharpear.integrity import checksums
from sharpear.sharpening.frames import Frames

from .base import Sink, SinkInfo, hushed
from .rounding import relative_of_cents, relative_of_db, rounded

CHUNK_BYTES = 1 << 23
LARGEST_CHUNK = 2048
"""The most frames in a chunk, some six seconds: each append costs some milliseconds, whatever its length."""

AXIS = ZstdCodec(), Crc32cCodec()
"""Codecs for axes. As with `GRID`, each chunk ends in its checksum."""

GRID = BloscCodec(cname="zstd", clevel=3, shuffle="shuffle", typesize=4, blocksize=1 << 20), Crc32cCodec()
"""Codecs for what stands on a grid of frequencies: the first bytes of many numbers together, then the second."""

TIME_INNERMOST = TransposeCodec(order=(1, 2, 0))
"""A line stays at its atom from frame to frame, so that a chunk holds the course of each atom in one piece."""

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
        info = self.info
        self._group = zarr.open_group(folder / self.path.name, mode="w", attributes=info.attributes)
        atoms, channels = info.frequencies.size, info.channel_frequencies.size
        self._fixed("frequency", info.frequencies, "Hz")
        self._fixed("channel", np.arange(info.streams), "1")
        self._fixed("band", info.channel_frequencies, "Hz")
        atom, band = ["time", "channel", "frequency"], ["time", "channel", "band"]
        self._growing = {
            "time": self._empty("time", np.float64, (), ["time"], "s"),
            "amplitude": self._empty("amplitude", np.float32, (atoms,), atom, "1"),
            "instantaneous_frequency": self._empty("instantaneous_frequency", np.float32, (atoms,), atom, "Hz"),
            "plain_amplitude": self._empty("plain_amplitude", np.float32, (channels,), band, "1"),
        }

    def _fixed(self, name: str, values: NDArray[Any], units: str) -> None:
        self._group.create_array(
            name,
            data=values,
            compressors=AXIS,
            config={"write_empty_chunks": True},
            dimension_names=[name],
            attributes={"units": units},
        )

    def _empty(self, name: str, dtype: Any, columns: tuple[int, ...], dimensions: list[str], units: str) -> Any:
        row = (self.info.streams, *columns) if columns else ()
        return self._group.create_array(
            name,
            shape=(0, *row),
            chunks=(self._chunk, *row),
            dtype=dtype,
            config={"write_empty_chunks": True},  # to look whether a chunk is empty takes longer than to write it
            filters=[TIME_INNERMOST] if columns else None,
            compressors=GRID if columns else AXIS,
            dimension_names=dimensions,
            attributes={"units": units, **(ERRORS.get(name, {}) if self.info.rounding else {})},
        )

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
        if frames.fundamental is not None and "fundamental" not in self._growing:
            columns, along = (self.info.frequencies.size,), ["time", "channel", "frequency"]
            self._growing["fundamental"] = self._empty("fundamental", np.float32, columns, along, "Hz")
        self._growing["time"].append(frames.times)
        for name in [name for name in RELATIVE if name in self._growing]:
            values = getattr(frames, name)
            self._growing[name].append(rounded(values, RELATIVE[name]) if self.info.rounding else values)

    def _finish(self, partial: Path, complete: bool) -> None:
        if self._pending_frames:
            self._store(Frames.join(self._pending))
            self._pending, self._pending_frames = [], 0
        self._group.attrs["complete"] = complete
        with hushed("Consolidated metadata"):  # Zarr's own 3, which xarray looks for
            self._group = zarr.consolidate_metadata(self._group.store)
        self._group.attrs["checksums"] = checksums(partial)
