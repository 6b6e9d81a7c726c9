"""Names from strangers become names of files that stay where outputs go."""

import json
import random
import shutil

import numpy as np
import pytest
from conftest import one_line
from hypothesis import given
from hypothesis import strategies as st

from sharpear.sinks.names import LARGEST_BYTES, safe_name


@pytest.mark.parametrize(
    "name", ["../../escaped", "a\0b", "\udce9", "", "..", "CON", "a" * 300, "\\\\host\\x", "\n", "a,b"]
)
def test_a_dictionarys_name_stays_in_the_folder(folder, sharpear, wav, name):
    wav("tone.wav")
    attributes = json.dumps({"name": name, "format": 1})
    np.savez(
        folder / "d.npz",
        atoms=np.ones((1, 20)) / np.sqrt(20),
        center_hz=np.geomspace(100, 7000, 20),
        attributes=attributes,
    )
    before = {path for path in folder.parent.rglob("*") if folder not in path.parents}
    done = sharpear("separate", "tone.wav", "--sources", "d.npz", "-o", "out")
    assert done.code == 0, done.err
    assert len(list((folder / "out/tone").iterdir())) == 2
    assert {path for path in folder.parent.rglob("*") if folder not in path.parents} == before


@pytest.mark.parametrize("name", ["../x", "", "a,b", "con", "a" * 300, "a\nb", " a"])
def test_learn_refuses_names_that_could_not_be_used(folder, sharpear, wav, name):
    done = sharpear("learn", "--epochs", 1, "-o", "d.npz", "--", name, wav("tone.wav", 0.5))
    assert (done.code, one_line(done.err)) == (2, True)
    assert not (folder / "d.npz").exists()


@given(st.text(st.characters(exclude_categories=())))
def test_a_safe_name_is_one_part_of_a_path_and_stays_as_it_is(name):
    safe = safe_name(name)
    assert safe
    assert safe == safe_name(safe)
    assert not set(safe) & set("/\\\0\n")
    assert not safe.startswith(".")
    assert ".." not in safe
    assert len(safe.encode()) <= LARGEST_BYTES


def test_long_names_stay_different():
    chance = random.Random(3)
    names = {"ä" * 200 + str(chance.random()) for _ in range(50)}
    assert len({safe_name(name) for name in names}) == len(names)


def test_an_input_called_like_the_folder_above_stays_below(folder, sharpen, wav):
    shutil.copy(wav("x.wav"), "...wav")
    assert sharpen("...wav", "-o", "out", "--format", "npz", "--output-template", "{stem}/x.{ext}").code == 0
    assert not (folder / "x.npz").exists()
    assert len(list((folder / "out").rglob("x.npz"))) == 1
