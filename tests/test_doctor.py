"""What ``sharpear doctor`` says of compiled kernels."""

import subprocess
import sys
from pathlib import Path

import pytest

from sharpear.compiler.cache_places import Place
from sharpear.live import checkup


def kernels_told() -> list[checkup.Finding]:
    return [finding for finding in checkup.examine() if finding.part == "kernels"]


def test_it_says_where_kernels_are_kept_and_how_many(monkeypatch, tmp_path):
    place = Place(tmp_path)
    place.write("a.kernel", b"")
    monkeypatch.setattr(checkup, "usual_places", lambda: (place,))
    monkeypatch.setattr(checkup, "first_writable", lambda: (place, {}))
    (found,) = kernels_told()
    assert found.good
    assert found.told == f"{tmp_path}: 1 compiled, new ones are kept here"


def test_it_says_that_they_can_be_kept_nowhere(monkeypatch):
    place = Place(Path("/nowhere"))
    monkeypatch.setattr(checkup, "usual_places", lambda: (place,))
    monkeypatch.setattr(checkup, "first_writable", lambda: (None, {place: OSError(30, "Read-only file system")}))
    (found,) = kernels_told()
    assert not found.good
    assert "/nowhere: Read-only file system" in found.told


NAMED = """
import sys
from sharpear.compiler.cache import KernelCache

asked, load = set(), KernelCache.load_overload

def noted(self, sig, context):
    asked.add(self.name(sig, context.codegen()))
    return load(self, sig, context)

KernelCache.load_overload = noted
"""
PREPARED = """
from sharpear.commands.prepare import prepare_kernels
prepare_kernels()
"""
RUN = """
from sharpear.cli import main
for words in ("sharpen --format zarr,png", "separate --voices 2", "transcribe"):
    sys.argv = ["sharpear", *words.split(), "tone.wav", "-o", "out", "-q", "--jobs", "1"]
    try:
        main()
    except SystemExit as end:
        assert not end.code, end.code
"""


@pytest.mark.slow
def test_what_commands_call_is_prepared(wav) -> None:
    pytest.importorskip("matplotlib")
    wav(seconds=1.0, rate=44100)
    asked = []
    for what in (PREPARED, RUN):
        words = [sys.executable, "-c", NAMED + what + "print(*sorted(asked))"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        asked.append(set(done.stdout.splitlines()[-1].split()))
    assert len(asked[1]) > 20
    assert asked[1] <= asked[0]
