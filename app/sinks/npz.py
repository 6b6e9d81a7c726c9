"""NumPy's .npz, written through raw files on disk so that memory stays flat however long the recording."""

import json
import shutil
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sharpear.integrity import seal
from sharpear.sharpening.frames import Frames

from .base import Sink, SinkInfo


class NpzSink(Sink):
    """An .npz with times, frequencies, amplitude, instantaneous_frequency, plain_amplitude and attributes (JSON).

    And fundamental, where voices are looked for.
    """

    descriptors = 5

    def __init__(self, path: Path, info: SinkInfo) -> None:
        super().__init__(path, info)
        atoms, channels, streams = info.frequencies.size, info.channel_frequencies.size, info.streams
        self._rows: dict[str, tuple[Any, tuple[int, ...]]] = {
            "times": (np.float64, ()),
            "amplitude": (np.float32, (streams, atoms)),
            "instantaneous_frequency": (np.float32, (streams, atoms)),
            "plain_amplitude": (np.float32, (streams, channels)),
            "fundamental": (np.float32, (streams, atoms)),
        }
        self._raw: dict[str, BinaryIO] = {}
        self._frames = 0

    def _start(self, folder: Path) -> None:
        for name in self._rows:
            self._raw[name] = (folder / f"{name}.raw").open("w+b")

    def _append(self, frames: Frames) -> None:
        if frames.fundamental is None and "fundamental" in self._raw:
            self._raw.pop("fundamental").close()
        for name, file in self._raw.items():
            file.write(np.ascontiguousarray(getattr(frames, name)).data)
        self._frames += len(frames)

    def _finish(self, partial: Path, complete: bool) -> None:
        attributes = json.dumps({**self.info.attributes, "complete": complete})
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            _add(archive, "frequencies", self.info.frequencies)
            _add(archive, "channel_frequencies", self.info.channel_frequencies)
            _add(archive, "attributes", np.array(attributes))
            for name, raw in self._raw.items():
                dtype, row = self._rows[name]
                raw.seek(0)
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    header = {
                        "descr": np.lib.format.dtype_to_descr(np.dtype(dtype)),
                        "fortran_order": False,
                        "shape": (self._frames, *row),
                    }
                    np.lib.format.write_array_header_2_0(member, header)
                    shutil.copyfileobj(raw, member, 1 << 20)
        with partial.open("r+b") as file:
            seal(file)

    def close(self) -> None:
        """Close the raw files."""
        for file in self._raw.values():
            with suppress(OSError):  # closing writes what is buffered, and the disk may be full
                file.close()


def _add(archive: zipfile.ZipFile, name: str, array: NDArray[Any]) -> None:
    with archive.open(f"{name}.npy", "w") as member:
        np.lib.format.write_array(member, array)
