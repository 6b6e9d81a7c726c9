"""Outputs appear whole or not at all, whoever is killed; what was recorded is never removed."""

import json
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import leftovers, one_line

from sharpear.errors import InputError
from sharpear.interrupt import undisturbed
from sharpear.separation.dictionary import Dictionary
from sharpear.sinks import Staging, tidy, write_whole
from sharpear.sinks.sound import FORMATS, GrowingSound
from sharpear.sinks.staging_folder import COMMIT, MARK

RATE = 16000


def sound(seconds: float) -> np.ndarray:
    return np.random.default_rng(3).uniform(-0.5, 0.5, (round(seconds * RATE), 1)).astype(np.float32)


def abandoned(*targets: Path, audio: bool = False) -> Staging:
    """What stays of a process that was killed: nobody holds the lock."""
    staging = Staging(list(targets), audio)
    for folder in staging._folders:
        os.close(folder._mark)
        folder._mark = -1
    return staging


def grown(staging: Staging, target: Path, samples: np.ndarray) -> None:
    """A sound that was being written when its process was killed: it is never closed."""
    left = GrowingSound(staging.place(target), RATE, 1)
    for block in np.array_split(samples, 7):
        left.write(block)
    os.dup2(os.open(os.devnull, os.O_WRONLY), soundfile_descriptor(staging.place(target)))


def soundfile_descriptor(path: Path) -> int:
    """The descriptor through which this process holds `path`."""
    held = [link for link in Path("/proc/self/fd").iterdir() if os.path.lexists(link)]
    return next(int(link.name) for link in held if os.readlink(link) == str(path.resolve()))


def test_outputs_grow_where_only_their_owner_may_look(folder):
    old = os.umask(0)
    try:
        with Staging([folder / "a.npz", folder / "deep" / "b.npz"]) as staging:
            for target in (folder / "a.npz", folder / "deep" / "b.npz"):
                place = staging.place(target)
                place.write_bytes(b"x")
                inside = place.parents[1]
                assert inside.parent == target.parent
                assert stat.S_IMODE(inside.stat().st_mode) == 0o700
                assert stat.S_IMODE((inside / MARK).stat().st_mode) == 0o600
            assert not tidy(folder).lines
            assert tidy(folder).alive == 1
            staging.publish()
    finally:
        os.umask(old)
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.npz")) == ["a.npz", "deep/b.npz"]
    assert not leftovers(folder)


def test_what_was_unfinished_goes_and_what_lives_stays(folder):
    dead, alive = abandoned(folder / "x.npz"), Staging([folder / "x.npz"])
    dead.place(folder / "x.npz").write_bytes(b"half")
    alive.place(folder / "x.npz").write_bytes(b"whole")
    assert tidy(folder).lines == ()
    assert not dead.place(folder / "x.npz").exists()
    alive.publish()
    assert [path.name for path in folder.iterdir()] == ["x.npz"]
    assert (folder / "x.npz").read_bytes() == b"whole"


def test_without_locks_an_owner_lives_as_long_as_its_process(folder, monkeypatch):
    """Some network file systems have no locks: the mark names the owner instead."""
    monkeypatch.setattr("sharpear.system.fcntl", None)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    owners = {"mine": {}, "elsewhere": {"host": "another", "pid": ended.pid}, "dead": {"pid": ended.pid}}
    places = {}
    for name, said in owners.items():
        place = abandoned(folder / name).place(folder / name).parents[1]
        (place / MARK).write_text(json.dumps(json.loads((place / MARK).read_text()) | said))
        places[name] = place
    assert tidy(folder).alive == 2
    assert {name for name, place in places.items() if place.exists()} == {"mine", "elsewhere"}


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_recording_whose_process_was_killed_is_published_whole(folder, suffix):
    heard = sound(1.0)
    for number, name in enumerate(("take.recovered", "take.recovered-2"), 1):
        target = folder / f"take{suffix}"
        grown(abandoned(target, audio=True), target, heard)
        (line,) = tidy(folder).lines
        assert f"{name}{suffix}: {0.8 if suffix == '.flac' else 1.0} s" in line
        read, rate = soundfile.read(folder / f"{name}{suffix}", dtype="float32", always_2d=True)
        assert rate == RATE
        assert len(read) > len(heard) - 4097  # FLAC writes whole frames
        assert np.abs(read - heard[: len(read)]).max() < 2**-22
        assert soundfile.info(folder / f"{name}{suffix}").frames == len(read)
        assert len(list(folder.iterdir())) == number


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_recording_can_be_opened_while_it_grows(folder, suffix):
    target, heard = folder / f"take{suffix}", sound(0.5)
    with Staging([target], audio=True) as staging, GrowingSound(staging.place(target), RATE, 1) as growing:
        for block in np.array_split(heard, 5):
            growing.write(block)
        read = soundfile.read(staging.place(target), dtype="float32", always_2d=True)[0]
        assert len(read) == (len(heard) if suffix != ".flac" else 4096)
        assert np.abs(read - heard[: len(read)]).max() < 2**-22


def test_a_recording_without_a_sample_leaves_nothing(folder):
    target = folder / "take.wav"
    GrowingSound(abandoned(target, audio=True).place(target), RATE, 1)
    assert tidy(folder).lines == ()
    assert not list(folder.iterdir())


def test_several_outputs_that_were_whole_all_get_their_names(folder):
    targets = [folder / "a.npz", folder / "b.zarr", folder / "c.npz"]
    targets[1].mkdir()
    (targets[1] / "old").touch()
    staging = abandoned(*targets)
    for target in targets:
        (staging.place(target) / "new").mkdir(parents=True) if target.suffix == ".zarr" else staging.place(
            target
        ).write_bytes(b"new")
    renamed = Path.replace

    def killed(self: Path, target: Path) -> Path:
        if self.name == "b.zarr":
            raise KeyboardInterrupt
        return renamed(self, target)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            staging.publish()
    assert not targets[1].exists()
    tidy(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["a.npz", "b.zarr", "c.npz"]
    assert [path.name for path in targets[1].iterdir()] == ["new"]


def test_what_came_after_a_kill_is_not_replaced(folder):
    targets = [folder / "a.wav", folder / "b.wav"]
    staging = abandoned(*targets, audio=True)
    for target in targets:
        soundfile.write(staging.place(target), sound(0.2), RATE)
    (inside,) = {staging.place(target).parents[1] for target in targets}
    (inside / COMMIT).write_text(json.dumps({"replaces": [None, None]}))
    (folder / "a.wav").write_text("mine")
    (line,) = tidy(folder).lines
    assert line.startswith(str(folder / "a.recovered.wav"))
    assert (folder / "a.wav").read_text() == "mine"
    assert sorted(path.name for path in folder.iterdir()) == ["a.recovered.wav", "a.wav", "b.wav"]


def test_nothing_is_followed_through_a_link_or_taken_for_ours(folder):
    """Names alone prove nothing: a link, a folder of another form, a mark that says something else."""
    outside = folder / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    here = folder / "here"
    here.mkdir()
    (here / ".sharpear.0123456789abcdef.part").symlink_to(outside)
    (here / ".sharpear.x.part").symlink_to(outside)
    foreign = here / ".sharpear.1123456789abcdef.part"
    foreign.mkdir(mode=0o700)
    (foreign / "precious").touch()
    marked = abandoned(here / "x.npz").place(here / "x.npz").parents[1]
    (marked / MARK).write_text(json.dumps({"folder": "another", "outputs": ["x.npz"], "audio": False}))
    escaping = abandoned(here / "y.wav", audio=True).place(here / "y.wav").parents[1]
    (escaping / MARK).write_text(json.dumps({"folder": escaping.name, "outputs": ["../../y.wav"], "audio": True}))
    opened = abandoned(here / "z.npz").place(here / "z.npz").parents[1]
    opened.chmod(0o755)
    linked = abandoned(here / "v.npz")
    (linked.place(here / "v.npz").parent / "link").symlink_to(outside)
    before = sorted(path.name for path in here.iterdir())
    tidy(here)
    assert (outside / "precious").exists()
    gone = set(before) - {path.name for path in here.iterdir()}
    assert gone == {linked.place(here / "v.npz").parents[1].name}
    assert (foreign / "precious").exists()


def test_a_name_that_cannot_be_given_keeps_the_sound(folder, monkeypatch):
    target = folder / "take.wav"
    staging = Staging([target], audio=True, option="--record")
    soundfile.write(staging.place(target), sound(0.2), RATE)
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    with pytest.raises(InputError, match="left as"):
        staging.publish()
    staging.discard()
    monkeypatch.undo()
    assert "take.recovered.wav" in tidy(folder).lines[0]


def test_what_made_room_comes_back(folder, monkeypatch):
    """A Zarr cannot be replaced in one step: when the second fails for good, the first is undone sooner or later."""
    target = folder / "x.zarr"
    target.mkdir()
    (target / "old").touch()
    staging = Staging([target])
    staging.place(target).mkdir()
    renamed = Path.rename
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(5, "Input/output error")))
        patched.setattr(
            Path, "rename", lambda self, to: renamed(self, to) if self == target else Path.replace(self, to)
        )
        with pytest.raises(InputError):
            staging.publish()
        staging.discard()
        assert not target.exists()
    tidy(folder)
    assert [path.name for path in target.iterdir()] == ["old"]
    assert [path.name for path in folder.iterdir()] == ["x.zarr"]


def test_small_outputs_are_whole_and_devices_are_written_to(folder):
    write_whole(folder / "r.json", b"{}")
    assert (folder / "r.json").read_bytes() == b"{}"
    read, write = os.pipe()
    write_whole(Path(f"/dev/fd/{write}"), b"axes", "--header")
    assert os.read(read, 10) == b"axes"
    os.close(read)
    os.close(write)
    with pytest.raises(InputError, match="--report"):
        write_whole(folder / "r.json" / "deep", b"{}", "--report")
    assert [path.name for path in folder.iterdir()] == ["r.json"]


def test_a_signal_waits_until_a_stretch_is_whole():
    before = signal.getsignal(signal.SIGINT)
    done = False
    with pytest.raises(KeyboardInterrupt):
        signal_in_a_stretch()
    with undisturbed():
        done = True
    assert done
    assert signal.getsignal(signal.SIGINT) is before


def signal_in_a_stretch() -> None:
    from sharpear.interrupt import Interruption  # noqa: PLC0415

    with Interruption(), undisturbed():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGINT)
        assert True, "still here"


def test_recover_says_what_it_found(sharpear, folder):
    takes = folder / "takes"
    target = takes / "take.wav"
    grown(abandoned(target, audio=True), target, sound(0.5))
    assert "nothing to recover" in sharpear("recover", folder).err
    done = sharpear("recover", folder, "-r")
    assert done.code == 0
    assert one_line(done.err)
    assert "take.recovered.wav: 0.5 s" in done.err
    done = sharpear("recover", folder / "nowhere")
    assert done.code == 2
    assert one_line(done.err)


def test_the_next_command_that_sees_it_recovers_a_recording(sharpen, wav, folder):
    grown(abandoned(folder / "take.wav", audio=True), folder / "take.wav", sound(0.5))
    done = sharpen(wav("a.wav"), "--format", "npz", "-q")
    assert done.code == 0
    assert "take.recovered.wav: 0.5 s" in done.err
    assert sorted(path.name for path in folder.iterdir()) == ["a.npz", "a.wav", "take.recovered.wav"]


def test_two_owners_beside_each_other_never_share_a_place(folder):
    places, threads = [], []

    def claim() -> None:
        with Staging([folder / "x.npz"]) as staging:
            places.append(staging.place(folder / "x.npz"))

    for _ in range(20):
        threads.append(threading.Thread(target=claim))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert len(set(places)) == 20
    assert not list(folder.iterdir())


def test_a_dictionary_is_saved_whole(folder):
    Dictionary("piano", np.ones((2, 3)), np.array([100.0, 200.0, 300.0])).save(folder / "piano.npz")
    assert Dictionary.load(folder / "piano.npz").name == "piano"
    assert [path.name for path in folder.iterdir()] == ["piano.npz"]
