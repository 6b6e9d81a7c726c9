"""Where little is allowed: few open files, no temporary folder, no shared memory, nothing that can be written."""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from conftest import SMALL, Finished, leftovers

from sharpear.sinks.staging_folder import StagingFolder
from sharpear.system import SHARED_MEMORY

PRESET = ("--preset", str(SMALL), "-q")
COMMANDS = {
    "sharpen": ("sharpen", "a.wav", "--format", "npz,png", *PRESET),
    "separate": ("separate", "a.wav", "-q"),
    "transcribe": ("transcribe", "a.wav", "-o", "n.csv", *PRESET),
    "learn": ("learn", "piano", "a.wav", "--atoms", "8", "-q"),
    "verify": ("verify", "a.wav"),
    "doctor": ("doctor",),
    "devices": ("devices",),
    "live": ("live", "--replay", "a.wav", "--record", "take.wav", "--format", "npz", "--no-view", *PRESET),
    "batch": ("sharpen", "in", "-o", "out", "--format", "zarr,npz", "--jobs", "8", *PRESET),
}
FEW_FILES = 64

IN_TURN = """
import contextlib, io, json, sys
from sharpear.__main__ import main
done = {}
for name, words in json.loads(sys.argv[1]).items():
    sys.argv = ["sharpear", *words]
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        try:
            main()
        except SystemExit as ended:
            done[name] = [int(ended.code or 0), out.getvalue(), err.getvalue()]
print(json.dumps(done))
"""


def run(*names: str, around: Sequence[str] = (), few_files: bool = False, **variables: str) -> Mapping[str, Finished]:
    """Commands one after the other, in a process of their own. around: a command that runs it."""
    limit = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (FEW_FILES, FEW_FILES))) if few_files else None
    words = json.dumps({name: COMMANDS[name] for name in names})
    ran = subprocess.run(
        [*around, sys.executable, "-c", IN_TURN, words], preexec_fn=limit, capture_output=True, text=True,
        timeout=240, check=False, env={**os.environ, **variables},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert not ran.stderr
    return {name: Finished(*done) for name, done in json.loads(ran.stdout).items()}


def assert_ours(err: str) -> None:
    assert all(line.startswith("sharpear: ") for line in err.splitlines()), err


@pytest.mark.slow
def test_few_open_files_and_no_temporary_folder_suffice(wav, folder):
    wav("a.wav", 0.5)
    (folder / "in").mkdir()
    for n in range(20):
        wav(f"in/{n}.wav", 0.1)
    names = [name for name in COMMANDS if name != "devices"]
    for name, ran in run(*names, few_files=True, TMPDIR="/nonexistent").items():
        assert ran.code == 0, (name, ran.err)
        assert_ours(ran.err)
    assert len(list((folder / "out").rglob("*.npz"))) == 20
    assert not leftovers(folder)


@pytest.fixture(scope="session")
def mounted() -> Callable[[str], list[str]]:
    """What runs a command where something else is mounted, which only this command and its children see."""
    unshare = shutil.which("unshare") or ""
    words = [unshare, "-m", *([] if os.geteuid() == 0 else ["-r"]), "sh", "-c"]
    if not unshare or subprocess.run([*words, "mount -t tmpfs none /tmp"], capture_output=True, check=False).returncode:
        pytest.skip("no mount namespace can be made here")
    return lambda mounting: [*words, f'{mounting} && exec "$@"', "sh"]


@pytest.mark.slow
def test_full_shared_memory_is_told_by_its_name(wav, folder, mounted):
    """The ring goes elsewhere, and the sound system's libraries, which would end the process, are not asked."""
    wav("a.wav", 0.5)
    ran = run("live", "doctor", "devices", around=mounted("mount -t tmpfs -o size=64k none /dev/shm"))
    assert ran["live"].code == 0
    (line,) = ran["live"].err.splitlines()
    assert line.startswith("sharpear: /dev/shm (No space left on device) takes no sound")
    assert (folder / "take.wav").exists()
    assert ran["doctor"].code == 0
    assert "/dev/shm is full" in ran["doctor"].out
    assert ran["devices"].code == 3
    assert ran["devices"].err == "sharpear: /dev/shm is full, and the sound system needs some of it: make room\n"


@pytest.fixture
def others_memory() -> Iterator[None]:
    """The memory of a live session that goes on, and of one that was killed."""
    alive, dead = (StagingFolder.make(Path(SHARED_MEMORY), ["sound.ring"], audio=False) for _ in range(2))
    dead.leave()
    yield
    alive.remove()
    shutil.rmtree(dead.path, ignore_errors=True)  # any session that begins meanwhile removes it


@pytest.mark.slow
def test_where_nothing_can_be_written_one_line_says_so(wav, folder, mounted, others_memory, compiled):
    wav("a.wav", 0.5)
    places = dict.fromkeys((str(folder), "/tmp", "/var/tmp", "/dev/shm"))
    read_only = " && ".join(f"mount --bind {place} {place} && mount -o remount,ro,bind {place}" for place in places)
    reading = ("verify", "doctor")
    writing = ("sharpen", "separate", "transcribe", "learn", "live")
    ran = run(*reading, *writing, around=mounted(f"{read_only} && cd {folder}"), MPLCONFIGDIR="/proc")
    for name in reading:
        assert ran[name].code == 0, ran[name].err
        assert_ours(ran[name].err)
    for name in writing:
        assert ran[name].code == 1, name
        (line,) = ran[name].err.splitlines()
        assert line.startswith("sharpear: ")
        assert "cannot be" in line
