"""A source's dictionary as a value and as a file."""

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpear.errors import InputError
from sharpear.integrity import LOCAL, Arrays, DamageError, seal
from sharpear.sinks import write_whole
from sharpear.sinks.names import safe_name
from sharpear.version import __version__

FORMAT = 1
LARGEST_ATOMS = 1000
"""The most atoms of a source: inference compares each with every other, in seven transpositions, which takes 400 MB."""

LARGEST_BYTES = 1 << 24
SMALLEST_NORM = 1e-6
"""The smallest norm of an atom, and the inverse of the largest: atoms are scaled to one sum when they are joined."""


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

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits that name what it holds."""
        held = hashlib.sha256(self.name.encode())
        for array in (self.atoms, self.center_hz):
            held.update(np.ascontiguousarray(array, np.float32).tobytes())
        return held.hexdigest()[:12]

    def save(self, path: Path, **attributes: Any) -> None:
        """Write an .npz, whole or not at all; `attributes` say how it was made.

        Raises:
            InputError: it cannot be written.
        """
        told = json.dumps({"name": self.name, "format": FORMAT, "sharpear": __version__, **attributes})
        held = io.BytesIO()
        np.savez(held, atoms=self.atoms.astype(np.float32), center_hz=self.center_hz, attributes=told)
        seal(held)
        write_whole(path, held.getvalue())

    @classmethod
    def load(cls, path: Path) -> "Dictionary":
        """Read what `save` wrote.

        Raises:
            InputError: the file is missing or no dictionary.
        """
        try:
            with LOCAL.opened(str(path)) as file:
                held = Arrays(file)
                told = held.attributes()
                atoms, center_hz = (
                    held.read(name, "f", LARGEST_BYTES).astype(np.float64) for name in ("atoms", "center_hz")
                )
        except FileNotFoundError as error:
            raise InputError(f"{path}: no such file: `sharpear learn` makes dictionaries") from error
        except PermissionError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror}): change the permissions") from error
        except (DamageError, OSError, ValueError) as error:
            raise InputError(f"{path}: is not a dictionary that `sharpear learn` wrote ({error})") from error
        name = told.get("name")
        if not (isinstance(name, str) and _is_sound(atoms, center_hz)):
            raise InputError(f"{path}: is not a dictionary that `sharpear learn` wrote")
        return cls(source_name(name), atoms, center_hz)


def source_name(name: str) -> str:
    """A name for a source that can stand in a path, and in a list with commas.

    >>> source_name("drums"), source_name("kick, snare/top")
    ('drums', 'kick_ snare_top')
    """
    return safe_name(name.strip().replace(",", "_"))


def _is_sound(atoms: NDArray[np.float64], center_hz: NDArray[np.float64]) -> bool:
    """Whether these are up to `LARGEST_ATOMS` non-negative atoms of reasonable norm over rising centres."""
    if atoms.ndim != 2 or not 0 < len(atoms) <= LARGEST_ATOMS or center_hz.shape != atoms.shape[1:]:
        return False
    if not (center_hz.size and np.isfinite(center_hz).all() and (np.diff(center_hz, prepend=0.0) > 0).all()):
        return False
    with np.errstate(over="ignore"):
        norms = np.linalg.norm(atoms, axis=1)
    return bool((atoms >= 0).all() and ((norms > SMALLEST_NORM) & (norms < 1.0 / SMALLEST_NORM)).all())
