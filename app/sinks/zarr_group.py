"""A Zarr group that grows: its arrays, and how they are compressed."""

from pathlib import Path
from typing import Any

import zarr
from numpy.typing import DTypeLike, NDArray
from zarr.codecs import BloscCodec, Crc32cCodec, TransposeCodec, ZstdCodec
from zarr.core.array_spec import ArrayConfigParams

from .base import hushed

AXIS = ZstdCodec(), Crc32cCodec()
"""Codecs for axes. As with `GRID`, each chunk ends in its checksum."""

GRID = BloscCodec(cname="zstd", clevel=3, shuffle="shuffle", typesize=4, blocksize=1 << 20), Crc32cCodec()
"""Codecs for what stands on a grid of frequencies: the first bytes of many numbers together, then the second."""

TIME_INNERMOST = TransposeCodec(order=(1, 2, 0))
"""A line stays at its atom from frame to frame, so that a chunk holds the course of each atom in one piece."""

WHOLE: ArrayConfigParams = {"write_empty_chunks": True}
"""To look whether a chunk is empty takes longer than to write it."""


class ZarrGroup:
    """A new group at `path`, with attributes that fit JSON."""

    def __init__(self, path: Path, attributes: dict[str, Any]) -> None:
        self._group = zarr.open_group(path, mode="w", attributes=attributes)
        self._growing: dict[str, Any] = {}

    def add(self, name: str, values: NDArray[Any], units: str) -> None:
        """An axis, of the dimension of its name."""
        self._group.create_array(
            name,
            data=values,
            compressors=AXIS,
            config=WHOLE,
            dimension_names=[name],
            attributes={"units": units},
        )

    def grow(
        self, name: str, dtype: DTypeLike, chunk: tuple[int, ...], dimensions: list[str], **attributes: Any
    ) -> None:
        """An array that begins without frames, and is stored in chunks of that shape."""
        self._growing[name] = self._group.create_array(
            name,
            shape=(0, *chunk[1:]),
            chunks=chunk,
            dtype=dtype,
            config=WHOLE,
            filters=[TIME_INNERMOST] if chunk[1:] else None,
            compressors=GRID if chunk[1:] else AXIS,
            dimension_names=dimensions,
            attributes=attributes,
        )

    def __contains__(self, name: str) -> bool:
        """Whether such an array grows."""
        return name in self._growing

    def append(self, name: str, values: NDArray[Any]) -> None:
        """Further frames of a growing array."""
        self._growing[name].append(values)

    def tell(self, **attributes: Any) -> None:
        """Further attributes."""
        self._group.attrs.update(attributes)

    def finish(self, **attributes: Any) -> None:
        """Further attributes, and all that is told of the arrays in one place, too, which xarray looks for."""
        self.tell(**attributes)
        with hushed("Consolidated metadata"):  # Zarr's own 3
            self._group = zarr.consolidate_metadata(self._group.store)
