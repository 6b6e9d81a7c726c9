"""What ``sharpear doctor`` says of compiled kernels."""

from pathlib import Path

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
