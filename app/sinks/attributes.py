"""What a finished output says of itself."""

import json
import zipfile
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np


def read_attributes(path: str, opened: Callable[[str], BinaryIO]) -> dict[str, Any] | None:
    """The attributes of a zarr, npz or png that sharpear wrote; None where it is absent, damaged or of others.

    opened: opens a path for reading, as ``open(path, "rb")`` does.
    """
    try:
        return _READERS[path.rsplit(".", 1)[-1]](path, opened)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        return None


def _zarr(path: str, opened: Callable[[str], BinaryIO]) -> dict[str, Any]:
    with opened(f"{path}/zarr.json") as file:
        return dict(json.load(file)["attributes"])


def _npz(path: str, opened: Callable[[str], BinaryIO]) -> dict[str, Any]:
    with opened(path) as file, np.load(file, allow_pickle=False) as saved:
        return dict(json.loads(str(saved["attributes"])))


def _png(path: str, opened: Callable[[str], BinaryIO]) -> dict[str, Any]:
    from PIL import Image  # noqa: PLC0415 (comes with matplotlib, an extra)

    with opened(path) as file, Image.open(file) as image:
        return dict(json.loads(image.info["attributes"]))


_READERS = {"zarr": _zarr, "npz": _npz, "png": _png}
