"""Archives from strangers: dictionaries to separate with, and outputs that may be whole."""

import io
import json
import tempfile
import zipfile
from pathlib import Path
from random import Random

import numpy as np
import soundfile

from sharpear.audio import Selection
from sharpear.config import load_config
from sharpear.dsp.separation_bank import separation_bank
from sharpear.runs.sharpening_task import sharpen_file
from sharpear.separation.dictionary import Dictionary
from sharpear.separation.learned import LearnedSources, join

from .case import Case, Place, WrongError
from .mutations import Changer
from .odd import TEXTS, changed, integer, json_bytes
from .words import SMALL, typed

BOMB_BYTES = 800_000_000

DTYPES = ("<f4", "<f8", ">f8", "<c16", "<i8", "|b1", "|O", "<U9", "<U100000000", "|V7", "<M8[s]", "|S0", "x", "<f4,<i2")


def array_bytes(rng: Random, content: np.ndarray) -> bytes:
    """An .npy whose header says what is so, or something else."""
    held = io.BytesIO()
    np.save(held, content)
    data = held.getvalue()
    if rng.random() < 0.3:
        return data
    shape = rng.choice(
        ((), (0,), (3,), (2, 0), (10**12,), (2**40, 2**40), (-1,), (1,) * 70, content.shape, (integer(rng),), (None,))
    )
    header = repr(
        {
            "descr": rng.choice((content.dtype.str, *DTYPES)),
            "fortran_order": rng.choice((False, True, 3)),
            "shape": shape,
        }
    )
    text = rng.choice((header, header, header, "{" * 200, "[" * 9000, "x" * 70000, "1e", "")).encode() + b"\n"
    version = rng.choice((b"\1\0", b"\2\0", b"\3\0", b"\x09\0"))
    length = (
        len(text).to_bytes(2 if version[0] == 1 else 4, "little")
        if len(text) < 65536 or version[0] > 1
        else b"\xff\xff"
    )
    return b"\x93NUMPY" + version + length + text + content.tobytes()


def odd_array(rng: Random, content: np.ndarray) -> np.ndarray:
    """Other numbers, another shape."""
    copy = content.astype(np.float64).ravel().copy()
    kind = rng.randrange(8)
    if kind == 0 and copy.size:
        copy[rng.randrange(copy.size)] = rng.choice((np.nan, np.inf, -np.inf, -1.0, 1e308, 5e-324, 0.0))
    elif kind == 1:
        copy[:] = rng.choice((0.0, np.nan, 1e300, 1e-320, -1.0))
    elif kind == 2:
        return copy[::-1].reshape(content.shape)
    elif kind == 3:
        return copy
    elif kind == 4:
        return content[..., : rng.choice((0, 1, 2))]
    elif kind == 5:
        return np.repeat(content, rng.choice((2, 30)), axis=-1)
    return copy.reshape(content.shape)


def archive(rng: Random, arrays: dict[str, np.ndarray], attributes: bytes) -> bytes:
    """An .npz of these arrays, in which one thing or another is wrong."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as file:
        for name, content in arrays.items():
            if rng.random() < 0.05:
                continue
            if rng.random() < 0.0005:
                bomb(file, f"{name}.npy", content)
                continue
            wrong = rng.random()
            file.writestr(
                f"{name}.npy" if rng.random() < 0.97 else rng.choice(TEXTS).replace("\udcff", "") or "x",
                array_bytes(rng, odd_array(rng, content) if wrong < 0.3 else content)
                if wrong < 0.6
                else plain(content),
            )
        text = attributes.decode("utf-8", "replace")
        file.writestr(
            "attributes.npy", plain(np.array(text)) if rng.random() < 0.9 else array_bytes(rng, np.array(text))
        )
    return held.getvalue()


def plain(content: np.ndarray) -> bytes:
    """An .npy as it should be."""
    held = io.BytesIO()
    np.save(held, content)
    return held.getvalue()


def bomb(file: zipfile.ZipFile, name: str, content: np.ndarray) -> None:
    """Much that takes little room."""
    header = io.BytesIO()
    count = BOMB_BYTES // 8
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (1, count)})
    zipped = zipfile.ZipInfo(name)
    zipped.compress_type = zipfile.ZIP_DEFLATED
    with file.open(zipped, "w") as into:
        into.write(header.getvalue())
        for _ in range(BOMB_BYTES // 1_000_000):
            into.write(bytes(1_000_000))


class Dictionaries:
    """Dictionaries for `separate --sources`."""

    def prepare(self) -> None:
        self._bank = separation_bank(8000.0).bank.center_hz
        rng = np.random.default_rng(1)
        atoms = np.abs(rng.standard_normal((3, 40))).astype(np.float32)
        self._arrays = {
            "atoms": atoms / np.linalg.norm(atoms, axis=1, keepdims=True),
            "center_hz": np.geomspace(30, 3900, 40),
        }
        self._told = {"name": "drums", "format": 1, "sharpear": "0.1.0", "epochs": 10, "seed": 0}
        held = io.BytesIO()
        np.savez(held, **self._arrays, attributes=json.dumps(self._told))
        self._whole = held.getvalue()
        self._changer = Changer([self._whole])

    def make(self, rng: Random) -> Case:
        if rng.random() < 0.3:
            data, told = self._changer.change(rng, self._whole)
        else:
            tree = changed(rng, self._told) if rng.random() < 0.6 else self._told
            data, told = archive(rng, self._arrays, json_bytes(rng, tree)), f"{tree!r}"[:300]
        return Case(told, {"d.npz": data})

    def run(self, case: Case, place: Place) -> None:
        found = Dictionary.load(Path("d.npz"))
        LearnedSources.of([found])
        parts = join([found], self._bank)
        if not all(np.isfinite(part).all() for part in parts):
            raise WrongError("what the dictionary becomes is not finite")


class Outputs:
    """Spectrograms for `sharpear verify`, and so for `--skip-existing`."""

    def prepare(self) -> None:
        self._npz, self._zarr = made()
        self._changer = Changer(list(self._zarr.values()))

    def make(self, rng: Random) -> Case:
        if rng.random() < 0.4:
            if rng.random() < 0.4:
                data, told = self._changer.change(rng, self._npz)
            else:
                with np.load(io.BytesIO(self._npz)) as whole:
                    arrays = {name: whole[name] for name in whole.files if name != "attributes"}
                    tree = changed(rng, json.loads(str(whole["attributes"])))
                data, told = archive(rng, arrays, json_bytes(rng, tree)), f"{tree!r}"[:200]
            return Case(told, {"x.npz": data}, "x.npz")
        files = dict(self._zarr)
        told = []
        for _ in range(rng.choice((1, 1, 2, 3))):
            name = rng.choice(sorted(files))
            action = rng.random()
            if action < 0.15:
                del files[name]
                told.append(f"without {name}")
            elif name.endswith(".json") and action < 0.8:
                try:
                    files[name] = json_bytes(rng, changed(rng, json.loads(files[name])))
                except (ValueError, RecursionError):
                    files[name] = b""
                told.append(f"{name}: {files[name][:200]!r}")
            else:
                files[name], change = self._changer.change(rng, files[name])
                told.append(f"{name} {change}")
            files = files or {"zarr.json": b"{}"}
        return Case(", ".join(told), {f"x.zarr/{name}": content for name, content in files.items()}, "x.zarr")

    def run(self, case: Case, place: Place) -> None:
        typed(["verify", case.data], place)


def made() -> tuple[bytes, dict[str, bytes]]:
    """A small spectrogram: as npz, and the files of its Zarr."""
    with tempfile.TemporaryDirectory() as name:
        there = Path(name)
        soundfile.write(there / "a.wav", 0.3 * np.cos(0.3 * np.arange(1600)), 8000)
        (there / "small.toml").write_bytes(SMALL)
        outputs = [there / "x.npz", there / "x.zarr"]
        sharpen_file(there / "a.wav", outputs, load_config(there / "small.toml"), Selection())
        zarr = {str(p.relative_to(outputs[1])): p.read_bytes() for p in sorted(outputs[1].rglob("*")) if p.is_file()}
        return outputs[0].read_bytes(), zarr
