"""Machines without PortAudio, without devices, or with a broken sound system: one line, exit 3."""

import json
import sys
from pathlib import Path

import pytest
from conftest import one_line

from sharpear.live.audio_devices import INSTALL_PORTAUDIO

EMPTY = """
class PortAudioError(Exception): pass
class default: device = [-1, -1]
def query_devices(): return []
def query_hostapis(): return ()
def get_portaudio_version(): return 1, "PortAudio"
"""
BROKEN = {
    "PortAudio is not installed": 'raise OSError("PortAudio library not found")',
    "PortAudio cannot start": 'raise Exception("Error initializing PortAudio: Unanticipated host error")',
    "no audio input found": EMPTY,
}


@pytest.fixture(params=BROKEN)
def broken(request, folder, monkeypatch) -> str:
    """A `sounddevice` that behaves as on such a machine, also in the capture process."""
    modules = folder / "modules"
    modules.mkdir()
    (modules / "sounddevice.py").write_text(BROKEN[request.param])
    monkeypatch.syspath_prepend(str(modules))
    monkeypatch.setenv("PYTHONPATH", str(modules))
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    return request.param


@pytest.mark.parametrize("words", [["devices"], ["live", "--no-view"], ["latency-test"]])
def test_it_is_one_line_and_exit_3(sharpear, broken, words):
    done = sharpear(*words)
    assert done.code == 3
    assert one_line(done.err), done.err
    assert broken in done.err
    assert done.out == ""


def test_the_doctor_says_what_to_do(sharpear, broken):
    done = sharpear("doctor")
    assert (done.code, done.err) == (0, "")
    lines = {tuple(line.split()[:2]): line for line in done.out.splitlines()}
    if "found" in broken:
        assert ("missing", "input") in lines
    else:
        assert broken in lines["missing", "PortAudio"]
    if "installed" in broken:
        assert INSTALL_PORTAUDIO in lines["missing", "PortAudio"]
    assert any(part == "view" for _, part in lines)
    assert any(part == "GPU" for _, part in lines)


def test_no_devices_are_an_empty_list(sharpear, folder, monkeypatch):
    (folder / "sounddevice.py").write_text(EMPTY)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    done = sharpear("devices", "--json")
    assert json.loads(done.out) == []
    assert done.code == 3


def test_without_the_extra_live_says_what_to_install(sharpear, wav, monkeypatch):
    monkeypatch.setitem(sys.modules, "websockets", None)
    done = sharpear("live", "--replay", wav(), "--preset", str(Path(__file__).parent / "data" / "small.toml"))
    assert done.code == 0
    assert "pip install 'sharpear[view]'" in done.err
