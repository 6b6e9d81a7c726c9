"""Outputs that are no longer as they were written are found; files of strangers do no harm."""

import json
import os
import shutil
import struct
import zipfile
import zlib
from pathlib import Path

import fsspec
import numpy as np
import pytest
import soundfile
import xarray
import zarr
from conftest import one_line, tone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sharpear.errors import InputError
from sharpear.integrity import KINDS, Arrays, DamageError, examine
from sharpear.runs.places import access
from sharpear.separation.dictionary import Dictionary
from sharpear.separation.stem_files import StemFormat


@pytest.fixture(scope="module")
def outputs(tmp_path_factory) -> Path:
    """One output of every kind that carries a checksum."""
    from sharpear.audio import Selection  # noqa: PLC0415
    from sharpear.config import load_config  # noqa: PLC0415
    from sharpear.runs import make_of_file  # noqa: PLC0415
    from sharpear.runs.sharpening_task import sharpen_file  # noqa: PLC0415
    from sharpear.separation.separation_task import Separation  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("outputs")
    soundfile.write(folder / "x.wav", tone(0.5, channels=2), 16000)
    config = load_config(str(Path(__file__).parent / "data" / "small.toml"))
    sharpen_file(folder / "x.wav", [folder / f"x.{end}" for end in ("zarr", "npz", "png")], config, Selection())
    for subtype in ("float32", "pcm16"):
        task = Separation(("tonal",), form=StemFormat(subtype=subtype))
        make_of_file(task, folder / "x.wav", [folder / f"{subtype}.wav"])
    Dictionary("drums", np.eye(3), np.array([100.0, 200.0, 300.0])).save(folder / "d.npz")
    (folder / "x.wav").unlink()
    return folder


@pytest.fixture
def copied(outputs, folder) -> Path:
    """Copies of them, in the current folder."""
    shutil.copytree(outputs, folder / "made")
    return folder / "made"


FILES = ("x.npz", "x.png", "float32.wav", "pcm16.wav", "d.npz")


@pytest.mark.parametrize("name", ["x.zarr", *FILES])
def test_what_was_just_written_is_whole(outputs, name):
    assert examine(str(outputs / name)).state == "whole"


@pytest.mark.parametrize("name", ["x.npz", "x.png", "d.npz"])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(chance=st.randoms(use_true_random=False))
def test_a_flipped_byte_anywhere_is_found(outputs, tmp_path, name, chance):
    data = bytearray((outputs / name).read_bytes())
    ends = [*range(min(64, len(data))), *range(max(0, len(data) - 400), len(data))]  # headers and directories
    at = chance.choice([chance.randrange(len(data)), chance.choice(ends)])
    data[at] ^= chance.randrange(1, 256)
    damaged = tmp_path / name
    damaged.write_bytes(data)
    assert examine(str(damaged)).state in ("damaged", "foreign"), at


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_cut_or_empty_is_not_whole(copied, name):
    data = (copied / name).read_bytes()
    for length in (0, 1, 30, len(data) // 2, len(data) - 1):
        (copied / name).write_bytes(data[:length])
        assert examine(str(copied / name)).state in ("damaged", "foreign", "changed"), length
    (copied / name).write_bytes(bytes(len(data)))
    assert examine(str(copied / name)).state == "damaged"


def _lose(root: Path) -> None:
    (root / "amplitude/c/0/0/0").unlink()


def _cut(root: Path) -> None:
    chunk = root / "time/c/0"
    chunk.write_bytes(chunk.read_bytes()[:-1])


def _flip(root: Path) -> None:
    chunk = root / "plain_amplitude/c/0/0/0"
    data = bytearray(chunk.read_bytes())
    data[len(data) // 2] ^= 1
    chunk.write_bytes(data)


def _exchange(root: Path) -> None:
    one, other = root / "amplitude/c/0/0/0", root / "instantaneous_frequency/c/0/0/0"
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def _add(root: Path) -> None:
    shutil.copy(root / "time/c/0", root / "time/c/1")


def _describe_otherwise(root: Path) -> None:
    told = json.loads((root / "amplitude/zarr.json").read_text())
    told["fill_value"] = 1.0
    (root / "amplitude/zarr.json").write_text(json.dumps(told))


def _lose_array(root: Path) -> None:
    shutil.rmtree(root / "band")


def _link(root: Path) -> None:
    chunk = root / "time/c/0"
    outside = root.parent / "outside"
    chunk.rename(outside)
    chunk.symlink_to(outside)


def _pipe(root: Path) -> None:
    (root / "time/c/0").unlink()
    os.mkfifo(root / "time/c/0")


@pytest.mark.parametrize(
    "harm",
    [_lose, _cut, _flip, _exchange, _add, _describe_otherwise, _lose_array, _link, _pipe],
    ids=lambda f: f.__name__,
)
def test_a_zarr_that_is_not_as_it_was_written_is_damaged(copied, harm):
    harm(copied / "x.zarr")
    found = examine(str(copied / "x.zarr"))
    assert found.state == "damaged"
    assert found.told


@pytest.mark.parametrize("harm", [_lose, _cut, _add])
def test_behind_a_url_what_is_missing_cut_or_added_is_found(copied, harm):
    memory = fsspec.filesystem("memory")
    for n, expected in enumerate(("whole", "damaged")):
        memory.put(str(copied / "x.zarr"), f"/verify/{harm.__name__}{n}/x.zarr", recursive=True)
        place = f"memory://verify/{harm.__name__}{n}/x.zarr"
        for thorough in (True, False):
            assert examine(place, access(place), thorough).state == expected
        if not n:
            harm(copied / "x.zarr")


def test_a_damaged_chunk_is_no_number_to_any_reader(copied):
    _flip(copied / "x.zarr")
    with pytest.raises(ValueError, match="checksum"):
        xarray.open_zarr(copied / "x.zarr", consolidated=False)["plain_amplitude"].load()


def test_other_attributes_are_a_change(copied):
    zarr.open_group(copied / "x.zarr").attrs["remark"] = "bar 17"
    assert examine(str(copied / "x.zarr")).state == "changed"


@pytest.mark.parametrize("name", ["float32.wav", "pcm16.wav"])
def test_an_edited_stem_is_changed_and_not_damaged(copied, name):
    path = copied / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    found = examine(str(path))
    assert (found.state, "edited" in found.told) == ("changed", True)


HOSTILE_ZARR = {
    "10^15 chunks": lambda told: told.update(shape=[10**15]),
    "a negative shape": lambda told: told.update(shape=[-1]),
    "a chunk of nothing": lambda told: told["chunk_grid"]["configuration"].update(chunk_shape=[0]),
    "a shape of words": lambda told: told.update(shape=["many"]),
    "no grid": lambda told: told.pop("chunk_grid"),
    "no end of dimensions": lambda told: told.update(shape=[1] * 5000),
}


@pytest.mark.parametrize("harm", HOSTILE_ZARR.values(), ids=HOSTILE_ZARR)
def test_a_zarr_of_a_stranger_is_not_believed(copied, harm):
    path = copied / "x.zarr/time/zarr.json"
    told = json.loads(path.read_text())
    harm(told)
    path.write_text(json.dumps(told))
    root = zarr.open_group(copied / "x.zarr")
    del root.attrs["checksums"]
    assert examine(str(copied / "x.zarr")).state == "damaged"


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "[]", "{", '{"attributes": 3}', "\ud800", '{"attributes": {"a": NaN}}']
)
def test_a_root_that_makes_no_sense_is_a_finding(copied, text):
    (copied / "x.zarr/zarr.json").write_text(text, errors="surrogatepass")
    assert examine(str(copied / "x.zarr")).state in ("damaged", "foreign")


def _npy(descr: str, shape: str, data: bytes = b"") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + data


HOSTILE_ARRAYS = {
    "10^15 elements": _npy("'<f4'", "(1000000000000000,)"),
    "a negative shape": _npy("'<f4'", "(-4, -1)", bytes(16)),
    "a pickle": _npy("'|O'", "()", b"cos\nsystem\n(S'true'\ntR."),
    "complex numbers": _npy("'<c16'", "(1,)", bytes(16)),
    "nothing, often": _npy("'<U0'", "(1000000000000000,)"),
    "less than it states": _npy("'<f4'", "(4,)", bytes(15)),
    "more than it states": _npy("'<f4'", "(4,)", bytes(17)),
    "deep brackets": _npy("'<f4'", "(" * 3000),
    "a header of 4 GB": b"\x93NUMPY\2\0\xff\xff\xff\xff{",
    "no array": b"hello",
    "a bomb": _npy("'<f4'", "(16777216,)", bytes(1 << 26)),
}


@pytest.mark.parametrize("member", HOSTILE_ARRAYS.values(), ids=HOSTILE_ARRAYS)
@pytest.mark.parametrize("named", ["atoms", "attributes"])
def test_an_npz_of_a_stranger_is_one_line(folder, member, named):
    attributes = np.array(json.dumps({"name": "a", "sharpear": "1"}))
    np.savez(
        folder / "a.npz", center_hz=np.arange(1.0, 3.0), **({} if named == "attributes" else {"attributes": attributes})
    )
    with zipfile.ZipFile(folder / "a.npz", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{named}.npy", member)
    with pytest.raises(InputError, match="is not a dictionary that") as refused:
        Dictionary.load(folder / "a.npz")
    assert "\n" not in str(refused.value)
    assert examine(str(folder / "a.npz")).state in ("foreign", "damaged", "readable")


def test_a_directory_of_absurd_size_is_not_read(folder):
    with zipfile.ZipFile(folder / "a.npz", "w") as archive:
        archive.writestr("attributes.npy", b"")
    data = bytearray((folder / "a.npz").read_bytes())
    struct.pack_into("<I", data, len(data) - 10, 1 << 30)  # the size of the directory
    (folder / "a.npz").write_bytes(bytes(1 << 23) + data)
    with (folder / "a.npz").open("rb") as file, pytest.raises(DamageError):
        Arrays(file)


@pytest.mark.parametrize("told", ["[" * 50_000, "3", '{"name": NaN}', "{}", '{"name": ["a"]}'])
def test_a_dictionary_that_says_nonsense_of_itself_is_one_line(folder, told):
    np.savez(folder / "a.npz", atoms=np.eye(2), center_hz=np.arange(1.0, 3.0), attributes=told)
    with pytest.raises(InputError, match="is not a dictionary"):
        Dictionary.load(folder / "a.npz")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0, 1e38, 0.0])
def test_a_dictionary_with_impossible_atoms_is_refused(folder, bad):
    attributes = json.dumps({"name": "a"})
    for atoms, hz in ((np.diag([1.0, bad]), [1.0, 2.0]), (np.eye(2), [1.0, bad])):
        if (bad, hz[1]) == (1e38, bad):
            continue  # a very high centre is only of no use
        np.savez(folder / "a.npz", atoms=atoms, center_hz=np.array(hz), attributes=attributes)
        with pytest.raises(InputError, match="is not a dictionary"):
            Dictionary.load(folder / "a.npz")


def test_a_picture_that_unpacks_to_more_than_it_states_is_damaged(folder):
    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = part(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 6, 0, 0, 0))
    picture = part(b"IDAT", zlib.compress(bytes(1 << 24)))
    (folder / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + picture + part(b"IEND", b""))
    found = examine(str(folder / "x.png"))
    assert (found.state, "more than" in found.told) == ("damaged", True)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    data=st.binary(max_size=300),
    suffix=st.sampled_from([kind for kind in KINDS if kind != "zarr"]),
)
def test_no_content_raises(tmp_path, data, suffix):
    path = tmp_path / f"x.{suffix}"
    path.write_bytes(data)
    assert examine(str(path)).state != "whole"


def test_notes_are_read_to_their_end(folder):
    head = "onset_s,offset_s,midi,cents,level_db,voice\n"
    for text, state in (
        (head + "0.1,0.2,69,1.0,-3.0,0\n", "readable"),
        (head + "0.1,0.2,6", "damaged"),
        ("a,b\n", "foreign"),
    ):
        (folder / "notes.csv").write_text(text)
        assert examine("notes.csv").state == state


def test_verify_says_which_are_not_whole(copied, sharpear):
    assert sharpear("verify", copied).code == 0
    assert sharpear("verify", "made/x.zarr", "made/x.npz").code == 0
    _lose(copied / "x.zarr")
    done = sharpear("verify", copied, "-q")
    assert done.code == 1
    assert one_line(done.err)
    assert "x.zarr: damaged: amplitude" in done.err
    told = [json.loads(line) for line in sharpear("verify", ".", "-r", "--json", "-q").out.splitlines()]
    assert {Path(each["path"]).name: each["state"] for each in told} == {
        **dict.fromkeys(FILES, "whole"),
        "x.zarr": "damaged",
    }
    (folder := copied.parent / "other").mkdir()
    (folder / "holiday.png").write_bytes(b"GIF89a")
    assert sharpear("verify", folder).code == 0
    assert sharpear("verify", folder / "holiday.png").code == 1
    for name in "none.npz", "nowhere":
        done = sharpear("verify", name)
        assert done.code == 1
        assert f"{name}: foreign: no such file" in done.err
    assert sharpear("verify").code == 2


def test_skip_existing_redoes_what_is_damaged_and_says_so(sharpen, wav, folder):
    words = (wav("x.wav"), "--format", "zarr,npz", "--skip-existing")
    assert sharpen(*words).code == 0
    assert "whole already" in sharpen(*words).err
    for harm in (_lose, _flip):
        harm(folder / "x.zarr")
        done = sharpen(*words)
        assert (done.code, done.err.count("made again")) == (0, 1)
        assert examine("x.zarr").state == "whole"
    data = bytearray((folder / "x.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "x.npz").write_bytes(data)
    assert "x.npz: its checksum does not hold: made again" in sharpen(*words).err
    zarr.open_group(folder / "x.zarr").attrs["remark"] = "bar 17"
    done = sharpen(*words)
    assert (done.code, one_line(done.err)) == (1, True)
    assert zarr.open_group(folder / "x.zarr").attrs["remark"] == "bar 17"
