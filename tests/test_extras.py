"""Without an extra, what needs it is refused in one line that names it; all else works."""

import sys
from pathlib import Path

import pytest
import soundfile
from conftest import SMALL, one_line, tone

from release.check import WITHOUT_EXTRAS
from sharpear.runs import sharpening_task

PACKAGES = {
    "plot": "matplotlib", "view": "websockets", "arrow": "pyarrow", "osc": "pythonosc", "midi": "rtmidi",
    "remote": "fsspec", "cluster": "distributed", "gpu": "cupy",
}  # fmt: skip


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch):
    """Hide a package, as if it were not installed."""

    def hide(package: str) -> None:
        for name in [name for name in sys.modules if name.split(".")[0] == package]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, package, None)

    return hide


@pytest.mark.parametrize(("words", "named"), WITHOUT_EXTRAS.items(), ids=WITHOUT_EXTRAS.values())
def test_what_is_missing_is_one_line(words: str, named: str, without, folder: Path, sharpear) -> None:
    soundfile.write("sound.flac", tone(), 16000)
    without(PACKAGES[named.removeprefix("sharpear[").rstrip("]")])
    done = sharpear(*words.split())
    assert (done.code, done.out) == (2, "")
    assert one_line(done.err)
    assert named in done.err


@pytest.mark.parametrize("words", ["-o sound.png", "--format zarr,png"])
def test_what_a_file_needs_is_known_before_anything_is_compiled(
    words: str, without, folder: Path, sharpear, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write("sound.flac", tone(), 16000)
    without("matplotlib")
    monkeypatch.setattr(sharpening_task, "_pool", lambda _: pytest.fail("a sharpener is made"))
    done = sharpear("sharpen", "sound.flac", *words.split())
    assert done.code == 2
    assert "sharpear[plot]" in done.err


def test_files_need_no_extra_at_all(without, folder: Path, sharpear) -> None:
    soundfile.write("sound.flac", tone(), 16000)
    for package in (*PACKAGES.values(), "av"):
        without(package)
    assert sharpear("sharpen", "sound.flac", "--preset", SMALL, "--format", "zarr,npz").code == 0
    assert sharpear("separate", "sound.flac", "-o", "stems").code == 0
    assert sharpear("doctor").code == 0
