"""A source's dictionary as a value and as a file."""

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpear.errors import InputError
from sharpear.sinks import write_whole
from sharpear.version import __version__

FORMAT = 1


@dataclass(frozen=True)
class Dictionary:
    """What a source sounds like: non-negative magnitude spectra over the separation bank.

    name: the source, and its stem.
    atoms: (atoms, channels), unit norm.
    center_hz: (channels,) centres on which they stand.
    """

    name: str
    atoms: NDArray[np.float64]
    center_hz: NDArray[np.float64]

    def at(self, center_hz: NDArray[np.float64]) -> NDArray[np.float64]:
        """The atoms over other centres: nothing where the examples had no channels.

        >>> Dictionary("a", np.ones((1, 2)), np.array([100.0, 200.0])).at(np.array([100.0, 150.0, 300.0])).tolist()
        [[1.0, 1.0, 0.0]]
        """
        rows = [np.interp(center_hz, self.center_hz, row, left=0.0, right=0.0) for row in self.atoms]
        return np.array(rows)

    def save(self, path: Path, **attributes: Any) -> None:
        """Write an .npz, whole or not at all; `attributes` say how it was made.

        Raises:
            InputError: it cannot be written.
        """
        told = json.dumps({"name": self.name, "format": FORMAT, "sharpear": __version__, **attributes})
        held = io.BytesIO()
        np.savez(held, atoms=self.atoms.astype(np.float32), center_hz=self.center_hz, attributes=told)
        write_whole(path, held.getvalue())

    @classmethod
    def load(cls, path: Path) -> "Dictionary":
        """Read what `save` wrote.

        Raises:
            InputError: the file is missing or no dictionary.
        """
        try:
            with np.load(path, allow_pickle=False) as held:
                told = json.loads(str(held["attributes"]))
                atoms, center_hz = held["atoms"].astype(np.float64), held["center_hz"].astype(np.float64)
                name = str(told["name"])
        except FileNotFoundError as error:
            raise InputError(f"{path}: no such file: `sharpear learn` makes dictionaries") from error
        except PermissionError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror}): change the permissions") from error
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise InputError(f"{path}: is not a dictionary that `sharpear learn` wrote") from error
        well = atoms.ndim == 2 and atoms.size and center_hz.shape == atoms.shape[1:] and (np.diff(center_hz) > 0).all()
        if not (well and np.isfinite(atoms).all() and (atoms >= 0).all()):
            raise InputError(f"{path}: is not a dictionary that `sharpear learn` wrote")
        return cls(name, atoms, center_hz)
