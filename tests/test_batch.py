"""Many inputs: how it ends, and what is left when it is broken off."""

import contextlib
import json
import multiprocessing
import os
import random
import resource
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import fsspec
import numpy as np
import pytest
import soundfile
from conftest import SMALL, leftovers, one_line, tone

import sharpear as api
from sharpear.audio import AudioFile, Selection
from sharpear.config import load_config
from sharpear.errors import InputError
from sharpear.interrupt import Interruption
from sharpear.runs import Job, Running, Settings, run_local
from sharpear.runs.pool import SharpenerPool
from sharpear.runs.segments import is_worth_cutting, sharpen_cut
from sharpear.runs.sharpening_task import Sharpening, sharpen_file

CONFIG = load_config(str(SMALL))
NPZ = ("--format", "npz")


def test_any_number_of_jobs_gives_the_same_files(sharpen, wav, folder):
    for n in range(5):
        wav(f"{n}.wav", 0.2 + 0.1 * n)
    for jobs in (1, 3):
        assert sharpen(*(f"{n}.wav" for n in range(5)), "-o", f"made{jobs}", *NPZ, "--jobs", str(jobs), "-q").code == 0
    for n in range(5):
        assert (folder / f"made1/{n}.npz").read_bytes() == (folder / f"made3/{n}.npz").read_bytes()


def test_the_report_says_what_became_of_each(sharpen, wav, folder):
    wave = tone()
    wave[5] = np.nan
    soundfile.write("nan.wav", wave, 16000, subtype="FLOAT")
    (folder / "bad.wav").write_text("no audio")
    sharpen(wav("whole.wav"), *NPZ)
    done = sharpen("nan.wav", "bad.wav", "whole.wav", *NPZ, "--skip-existing", "--report", "report.json")
    assert done.code == 1
    assert "1 of 3 inputs failed" in done.err
    assert "1 done, 1 skipped, 1 failed" in " ".join(done.err.split())
    report = json.loads((folder / "report.json").read_text())
    files = {each["input"]: each for each in report["files"]}
    assert {name: each["status"] for name, each in files.items()} == {
        "nan.wav": "done",
        "bad.wav": "failed",
        "whole.wav": "skipped",
    }
    assert files["nan.wav"]["replaced_samples"] == 1
    assert files["nan.wav"]["audio_s"] == pytest.approx(0.3)
    assert files["nan.wav"]["speed"] == pytest.approx(0.3 / files["nan.wav"]["spent_s"])
    assert "bad.wav" in files["bad.wav"]["message"]
    saved = json.loads(str(np.load("nan.npz")["attributes"]))
    assert report["config_hash"] == saved["config_hash"]
    assert not leftovers(folder)


def test_one_unreadable_in_a_hundred_is_one_line_and_the_rest_is_done(sharpen, wav, folder):
    first = wav("000.wav", 0.1)
    for n in range(1, 100):
        (folder / f"{n:03}.wav").write_bytes(b"RIFFjunk" if n == 42 else first.read_bytes())
    done = sharpen(".", "-o", "out", *NPZ)
    assert done.code == 1
    assert next(line for line in done.err.splitlines() if "is not audio" in line).startswith("sharpear: 042.wav: ")
    assert len(list((folder / "out").glob("*.npz"))) == 99


def test_fail_fast_begins_nothing_more(sharpen, wav, folder):
    (folder / "0.wav").write_text("no audio")
    for n in range(1, 20):
        wav(f"{n}.wav", 2.0)
    done = sharpen(*(f"{n}.wav" for n in range(20)), "-o", "out", *NPZ, "--fail-fast", "-j", "1", "--report", "r.json")
    assert done.code == 1
    assert json.loads((folder / "r.json").read_text())["not_begun"] >= 17
    assert not leftovers(folder)


def test_skip_existing_redoes_what_is_not_whole_and_refuses_what_is_not_ours(sharpen, wav, folder):
    outputs = [folder / "tone.npz"]

    def interrupt(done_s: float, _total: float) -> None:
        signal.raise_signal(signal.SIGINT)

    wav(seconds=3.0)
    assert not sharpen_file(Path("tone.wav"), outputs, CONFIG, Selection(), interrupt).complete
    assert sharpen("tone.wav", *NPZ, "--skip-existing").code == 0
    assert json.loads(str(np.load("tone.npz")["attributes"]))["complete"] is True
    before = outputs[0].stat().st_mtime_ns
    done = sharpen("tone.wav", *NPZ, "--skip-existing")
    assert (done.code, "whole already" in done.err) == (0, True)
    for words in (["--set", "bank.low_hz=350"], ["--duration", "1"]):
        other = sharpen("tone.wav", *NPZ, "--skip-existing", *words)
        assert other.code == 1
        assert one_line(other.err)
        assert "other settings" in other.err
    assert outputs[0].stat().st_mtime_ns == before
    outputs[0].write_text("precious")
    assert sharpen("tone.wav", *NPZ, "--skip-existing").code == 1
    assert outputs[0].read_text() == "precious"


def test_an_input_that_is_written_to_meanwhile_is_refused(wav, folder):
    path = wav(seconds=10.0)

    def touch(_done: float, _total: float) -> None:
        os.utime(path, (1, 1))

    with pytest.raises(InputError, match="has changed while it was read"):
        sharpen_file(path, [folder / "out.npz"], CONFIG, Selection(), touch)
    assert [each.name for each in folder.iterdir()] == [path.name]


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "warm_up_s"), [("complex", 0.05), ("complex", 3.0), ("beliefs", 2.0)])
def test_segments_give_the_unbroken_run_bit_for_bit(folder, mode, warm_up_s):
    rng = np.random.default_rng(5)
    audio = 0.1 * rng.standard_normal((16000 * 6, 2)) + np.stack([tone(6.0), tone(6.0, hz=700)], axis=1)
    audio[[100, 50000, 95000], 0] = np.nan
    slower = mode == "beliefs"
    soundfile.write("x.wav", audio[:, : 1 if slower else 2], 16000, subtype="FLOAT")
    narrow = {"bank.low_hz": 300.0, "bank.high_hz": 1200.0, "bank.channels": 32, "atoms.count": 40}
    config = CONFIG if mode == "complex" else load_config("music", {**narrow, "network.mode": mode})
    task = Sharpening(config, Selection(0.25))
    with AudioFile(Path("x.wav"), task.selection) as whole, AudioFile(Path("x.wav"), task.selection) as cut:
        expected = task.make(whole, [folder / "whole.npz"], Running(Interruption()))
        told: list[float] = []
        outcome = sharpen_cut(
            cut, [folder / "cut.npz"], SharpenerPool(config),
            Running(Interruption(), lambda done, _: told.append(done), keep_partial=False, at_once=2), task.describe,
            segment_s=2.9 if slower else 1.3, warm_up_s=warm_up_s,
        )  # fmt: skip
    assert outcome.complete
    assert outcome.audio_s == expected.audio_s
    assert outcome.replaced_samples == expected.replaced_samples == 2
    assert max(told) == pytest.approx(5.75)
    one, other = np.load("whole.npz"), np.load("cut.npz")
    for name in one.files:
        assert np.array_equal(one[name], other[name]), name


@pytest.mark.parametrize(
    ("length_s", "channels", "at_once", "kind", "cut"),
    [(41, 1, 2, "WAV", True), (39, 1, 2, "WAV", False), (3600, 1, 1, "WAV", False), (41, 1, 2, "MP3", False),
     (3600, 2, 2, "FLAC", False), (81, 2, 4, "FLAC", True), (79, 2, 4, "FLAC", False), (3600, 6, 4, "WAV", False)],
)  # fmt: skip
def test_a_file_is_cut_where_cores_would_idle_for_long_enough(length_s, channels, at_once, kind, cut):
    audio = SimpleNamespace(samples=8000 * length_s, sample_rate=8000, channels=channels, format=kind)
    assert is_worth_cutting(audio, at_once) == cut


@pytest.mark.slow
def test_a_long_file_is_cut_unless_told(sharpen, wav, folder, monkeypatch):
    from sharpear.runs import sharpening_task  # noqa: PLC0415

    cut: list[int] = []
    inner = sharpening_task.sharpen_cut
    monkeypatch.setattr(sharpening_task, "sharpen_cut", lambda *a, **k: (cut.append(1), inner(*a, **k))[1])
    wav("long.wav", 41.0, 8000)
    assert sharpen("long.wav", "-o", "cut.npz", "-j", "2").code == 0
    assert cut == [1]
    assert sharpen("long.wav", "-o", "exact.npz", "-j", "2", "--exact").code == 0
    assert cut == [1]
    assert (folder / "cut.npz").read_bytes() == (folder / "exact.npz").read_bytes()


@pytest.mark.slow
def test_many_files_leave_no_descriptor_behind(folder, wav):
    first = wav("in.wav", 0.02)
    jobs = []
    for n in range(150):
        (folder / f"{n}.wav").write_bytes(first.read_bytes())
        jobs.append(Job(f"{n}.wav", (f"{n}.npz",)))
    results = []
    opened = []
    for event in run_local(jobs, Settings(Sharpening(CONFIG)), 2, Interruption()):
        results.append(event)
        opened.append(len(os.listdir("/proc/self/fd")))
    assert max(opened[-50:]) <= max(opened[:50]) + 2
    assert sum(getattr(event, "status", "") == "done" for event in results) == 150


def test_a_full_disk_is_one_line_for_each_and_leaves_nothing(sharpen, wav, folder):
    for n in range(3):
        wav(f"{n}.wav", 3.0)
    sharpen("0.wav", "-o", "warm.npz")
    (folder / "warm.npz").unlink()
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8000, hard))
    try:
        done = sharpen("0.wav", "1.wav", "2.wav", "-o", "out", *NPZ, "-q")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert done.code == 1
    assert done.err.count("cannot be written") == 3
    assert not (folder / "out").exists()


def test_outputs_that_may_not_be_written_are_one_line_each(sharpen, wav, folder):
    (folder / "blocker").write_text("a file")
    done = sharpen(wav("a.wav"), wav("b.wav"), "-o", "blocker/deep", *NPZ, "-q")
    assert done.code == 1
    assert done.err.count("cannot be written") == 2
    assert (folder / "blocker").read_text() == "a file"


def command(*words: str) -> None:
    """The command line in a process of its own."""
    import sys  # noqa: PLC0415

    from sharpear.cli import main  # noqa: PLC0415

    sys.argv = ["sharpear", "sharpen", "--preset", str(SMALL), "-q", *words]
    main()


@pytest.fixture(scope="module")
def server():
    """Processes that are there at once: all is imported already, nothing has run."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sharpear.commands.batch", "sharpear.commands.pipe", "zarr"])
    return context


@pytest.mark.slow
def test_kill_9_at_ten_random_moments_then_rerun(server, wav, folder):
    chance = random.Random(20)
    for n in range(12):
        wav(f"{n:02}.wav", 4.0 + 0.5 * n, channels=2)
    words = (".", "-o", "out", "--format", "zarr,npz", "--skip-existing", "-j", "2")
    clean = server.Process(target=command, args=(".", "-o", "clean", *words[3:]))
    started_s = time.monotonic()
    clean.start()
    clean.join(100)
    whole_s = time.monotonic() - started_s
    assert clean.exitcode == 0
    killed = 0
    for _ in range(10):
        run = server.Process(target=command, args=words)
        run.start()
        run.join(chance.uniform(0.02, 0.15) * whole_s)  # the ten together take about as long as a clean run
        if run.exitcode is None:
            killed += 1
            os.kill(run.pid, signal.SIGKILL)
        run.join()
    assert killed >= 5
    last = server.Process(target=command, args=words)
    last.start()
    last.join(100)
    assert last.exitcode == 0
    assert tree(folder / "out") == tree(folder / "clean")
    assert not leftovers(folder)


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_ctrl_c_drops_what_is_running_keeps_what_is_done_and_says_how_to_go_on(server, wav, folder):
    wav("a.wav", 0.2)
    for name in "bcd":
        wav(f"{name}.wav", 900.0, 8000)
    run = server.Process(target=command, args=(".", "-o", "out", *NPZ, "-j", "2", "--report", "r.json"))
    run.start()
    deadline = time.monotonic() + 60
    while not (folder / "out/a.npz").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(run.pid, signal.SIGINT)
    run.join(60)
    assert run.exitcode == 1
    assert [path.name for path in (folder / "out").iterdir()] == ["a.npz"]
    report = json.loads((folder / "r.json").read_text())
    assert report["done"] == 1
    assert report["interrupted"] + report["not_begun"] == 3


def test_urls_in_and_out(sharpen, wav, folder):
    memory = fsspec.filesystem("memory")
    with contextlib.suppress(FileNotFoundError):
        memory.rm("/corpus", recursive=True)
    for name in ("one", "below/two"):
        memory.pipe(f"/corpus/{name}.wav", wav("x.wav", 0.2).read_bytes())
    words = ("memory://corpus", "-r", "-o", "memory://corpus/out", "--format", "zarr,npz")
    words = (*words, "--output-template", "{parent}/{stem}.{ext}")
    done = sharpen(*words)
    assert done.code == 0, done.err
    sharpen("x.wav", "-o", "x.npz")
    with memory.open("/corpus/out/below/two.npz", "rb") as file:
        assert np.array_equal(np.load(file)["amplitude"], np.load("x.npz")["amplitude"])
    assert memory.exists("/corpus/out/one.zarr/zarr.json")
    assert sharpen(*words).code == 2
    again = sharpen(*words, "--skip-existing")
    assert (again.code, again.err.count("whole already")) == (0, 2)
    missing = sharpen("memory://corpus/none.wav", "-o", "out", *NPZ)
    assert missing.code == 1
    assert one_line(missing.err)
    unknown = sharpen("nope://x/a.wav", "-o", "out")
    assert unknown.code == 2
    assert one_line(unknown.err)


def test_a_url_needs_its_extra(sharpen, monkeypatch):
    import sys  # noqa: PLC0415

    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    done = sharpen("memory://corpus/a.wav")
    assert done.code == 2
    assert "sharpear[remote]" in done.err


def test_the_pool_lends_sharpeners_as_new():
    pool = SharpenerPool(CONFIG)
    with pool.lend(16000, 1) as one:
        first = one.process(tone(0.2))
    with pool.lend(16000, 1, start_s=2.0) as again:
        assert again is one
        second = again.process(tone(0.2))
    assert np.array_equal(first.amplitude, second.amplitude)
    assert np.array_equal(first.times + 2.0, second.times)
    assert isinstance(one, api.Sharpener)
