"""A short share of `make fuzz`, the same every time; and that the conductor sees what goes wrong."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fuzz.conductor import Conductor, Tally, table
from fuzz.seeds import audio_files, with_ogg_sums
from fuzz.targets import COUNTS, NAMES

SEED = 20
SHORT = {
    "decoders": 300, "raw": 300, "settings": 30, "words": 40, "dictionaries": 60, "outputs": 60, "texts": 60,
    "states": 100, "page": 10,
}  # fmt: skip


@pytest.fixture(scope="module")
def tallies(tmp_path_factory) -> dict[str, Tally]:
    return Conductor(SEED, tmp_path_factory.mktemp("failures")).run(SHORT)


@pytest.mark.slow
@pytest.mark.parametrize("target", SHORT)
def test_every_input_is_taken_or_refused_in_one_line(target: str, tallies: dict[str, Tally]) -> None:
    found = tallies[target]
    assert found.verdicts.total() == SHORT[target]
    assert not found.failures, "\n".join(f"{each.name} {each.signature}: {each.made}" for each in found.failures)


def test_every_target_has_its_share() -> None:
    assert NAMES.keys() == COUNTS.keys() == SHORT.keys()


BROKEN = """
import os, sys, time
from fuzz.case import Case, WrongError
from sharpear.errors import InputError

class Broken:
    def prepare(self): pass
    def make(self, rng): return Case("made", {"input": b"kept"}, rng.random())
    def run(self, case, place):
        number = int(os.environ["KIND"])
        if number == 0: os.abort()
        if number == 1: raise ValueError("no error of ours")
        if number == 2: raise InputError("")
        if number == 3: raise WrongError("wrong")
        if number == 4: self.held = b"1" * 600_000_000
        if number == 5: time.sleep(60)
        if number == 6: raise InputError("one line")
"""
KINDS = ("crash", "traceback", "message", "wrong", "memory", "hang")


@pytest.mark.slow
@pytest.mark.parametrize("kind", range(len(KINDS) + 1))
def test_what_goes_wrong_is_seen_kept_and_told(kind: int, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "broken.py").write_text(BROKEN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("KIND", str(kind))
    if KINDS[kind : kind + 1] == ("hang",):  # the others may take their time on a busy machine
        monkeypatch.setattr("fuzz.conductor.LONGEST_S", 1.0)
    lines: list[str] = []
    tally = Conductor(1, tmp_path / "kept", told=lines.append).run({"broken:Broken": 1})["broken:Broken"]
    if kind == len(KINDS):
        assert tally.verdicts == {"refused": 1}
        assert not lines
        return
    (failure,) = tally.failures
    assert failure.kind == KINDS[kind]
    assert (tmp_path / "kept" / "broken-Broken-1-0" / "input").read_bytes() == b"kept"
    assert "--replay" in lines[0]
    assert table({"broken": tally}).splitlines()[1].split()[:5] == ["broken", "1", "0", "0", "1"]


def test_sums_of_ogg_pages_are_those_that_libsndfile_writes() -> None:
    held = io.BytesIO()
    soundfile.write(held, np.zeros(500), 16000, "VORBIS", format="OGG")
    assert with_ogg_sums(held.getvalue()) == held.getvalue()
    assert len(audio_files()) > 150
