"""Sinks: where sharpened frames go. Each appears whole under its name or not at all."""

from collections.abc import Callable
from pathlib import Path

from .base import Sink, SinkInfo
from .npz import NpzSink
from .png import PngSink
from .zarr import ZarrSink

SINKS: dict[str, Callable[[Path, SinkInfo], Sink]] = {"zarr": ZarrSink, "npz": NpzSink, "png": PngSink}
"""File formats by the suffix that names them."""

__all__ = ["SINKS", "NpzSink", "PngSink", "Sink", "SinkInfo", "ZarrSink"]
