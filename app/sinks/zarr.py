"""Zarr: chunked, compressed, appended while running; xarray opens it with named dimensions."""

from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec

from sharpear.integrity import checksums
from sharpear.sharpening.frames import Frames

from .base import Sink, SinkInfo, hushed

CHUNK_BYTES = 1 << 23
LARGEST_CHUNK = 2048
"""The most frames in a chunk, some six seconds: each append costs some milliseconds, whatever its length."""

SPARSE = ZstdCodec(), Crc32cCodec()
"""Codecs for arrays of lines, which are mostly zeros. As with `DENSE`, each chunk ends in its checksum."""

DENSE = BloscCodec(cname="lz4", clevel=5, shuffle="shuffle"), Crc32cCodec()
"""Codecs for numbers that hardly repeat: as small as with Zstandard, in half the time."""


class ZarrSink(Sink):
    """A Zarr group with named dimensions.

    time (s), frequency (Hz), channel, band (Hz); amplitude and instantaneous_frequency over (time, channel, frequency),
    plain_amplitude over (time, channel, band). ``xarray.open_zarr(path)`` opens it.
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
        self._growing = {
            "time": self._empty("time", np.float64, (), ["time"], "s"),
            "amplitude": self._empty("amplitude", np.float32, (atoms,), ["time", "channel", "frequency"], "1"),
            "instantaneous_frequency": self._empty(
                "instantaneous_frequency", np.float32, (atoms,), ["time", "channel", "frequency"], "Hz"
            ),
            "plain_amplitude": self._empty(
                "plain_amplitude", np.float32, (channels,), ["time", "channel", "band"], "1"
            ),
        }

    def _fixed(self, name: str, values: NDArray[Any], units: str) -> None:
        self._group.create_array(
            name,
            data=values,
            compressors=SPARSE,
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
            compressors=DENSE if name == "plain_amplitude" else SPARSE,
            dimension_names=dimensions,
            attributes={"units": units},
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
        for name, array in self._growing.items():
            array.append(frames.times if name == "time" else getattr(frames, name))

    def _finish(self, partial: Path, complete: bool) -> None:
        if self._pending_frames:
            self._store(Frames.join(self._pending))
            self._pending, self._pending_frames = [], 0
        self._group.attrs["complete"] = complete
        with hushed("Consolidated metadata"):  # Zarr's own 3, which xarray looks for
            self._group = zarr.consolidate_metadata(self._group.store)
        self._group.attrs["checksums"] = checksums(partial)
