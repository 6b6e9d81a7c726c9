"""A source's dictionary as a value and as a file."""

import hashlib
import io
import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

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


class Followed(NamedTuple):
    """How far a dictionary has come that goes on learning.

    use: (atoms,) how much each is used.
    waiting: (frames, channels) magnitudes of the frames that it has not learned from yet.
    kept: (frames, channels) a fair sample of those that it has.
    heard: () how many these were.
    """

    use: NDArray[np.float64]
    waiting: NDArray[np.float32]
    kept: NDArray[np.float32]
    heard: NDArray[np.float64]


@dataclass(frozen=True)
class Dictionary:
    """What a source sounds like: non-negative magnitude spectra over the separation bank.

    name: the source, and its stem.
    atoms: (atoms, channels), unit norm.
    center_hz: (channels,) centres on which they stand.
    followed: of one that `Follower` made.
    """

    name: str
    atoms: NDArray[np.float64]
    center_hz: NDArray[np.float64]
    followed: Followed | None = None

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
        atoms = self.atoms if self.followed else self.atoms.astype(np.float32)  # to the bit where learning goes on
        arrays: dict[str, Any] = {"atoms": atoms, "center_hz": self.center_hz}
        np.savez(held, **arrays, **(self.followed._asdict() if self.followed else {}), attributes=told)
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
                read = partial(held.read, kinds="f", largest_bytes=LARGEST_BYTES)
                atoms, center_hz = (read(name).astype(np.float64) for name in ("atoms", "center_hz"))
                followed = Followed(*map(read, Followed._fields)) if "use" in held else None
        except FileNotFoundError as error:
            raise InputError(f"{path}: no such file: `sharpear learn` makes dictionaries") from error
        except PermissionError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror}): change the permissions") from error
        except (DamageError, OSError, ValueError) as error:
            raise InputError(f"{path}: is not a dictionary that sharpear wrote ({error})") from error
        name = told.get("name")
        if not (isinstance(name, str) and _is_sound(atoms, center_hz) and _fits(followed, atoms)):
            raise InputError(f"{path}: is not a dictionary that sharpear wrote")
        return cls(source_name(name), atoms, center_hz, followed)


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


def _fits(followed: Followed | None, atoms: NDArray[np.float64]) -> bool:
    """Whether these are what the learner of such atoms would hold."""
    if followed is None:
        return True
    use, waiting, kept, heard = followed
    if use.shape != atoms.shape[:1] or heard.shape or not waiting.shape[1:] == kept.shape[1:] == atoms.shape[1:]:
        return False
    return all(bool((part >= 0).all() and np.isfinite(part).all()) for part in followed)
