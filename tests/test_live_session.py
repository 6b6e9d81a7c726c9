"""Live sessions without a sound system: the same path, fed from files."""

import json
import os
import pty
import resource
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SMALL, leftovers, one_line
from live_rig import wait_until
from live_session import Running, interrupted

import sharpear
from sharpear.errors import InputError, UsageError
from sharpear.live import session
from sharpear.live.file_outputs import FileOutputs
from sharpear.live.load import LoadMeter
from sharpear.live.recorder import check_recording
from sharpear.live.sources import Replay

pytestmark = pytest.mark.real_time
RATE = 16000


@pytest.fixture
def music(folder) -> Path:
    """A second and a half of noise, two channels, bit for bit in the file."""
    audio = 0.2 * np.random.default_rng(5).standard_normal((3 * RATE // 2, 2))
    soundfile.write(folder / "music.wav", audio.astype(np.float32), RATE, "FLOAT")
    return Path("music.wav")


def assert_frames_equal(live, expected) -> None:
    for name in ("times", "amplitude", "instantaneous_frequency", "plain_amplitude"):
        assert np.array_equal(getattr(live, name), getattr(expected, name)), name


@pytest.mark.parametrize("block", [64, 256, 1000])
def test_a_replayed_file_gives_the_frames_of_the_file(music, block):
    with Running(Replay(music, block)) as running:
        assert running.ended()
    audio, rate = soundfile.read(music, dtype="float32")
    assert_frames_equal(running.collector.all, sharpear.sharpen(audio, rate, str(SMALL)))
    assert running.good
    assert running.lines == []
    status = running.session.status()
    assert (status.time_s, status.drops, status.gaps, status.xruns) == (1.5, 0, 0, 0)


def test_duration_is_kept_to_the_sample_by_frames_and_recording(music, folder):
    with Running(Replay(music, 256), duration_s=0.5, record=folder / "take.wav") as running:
        assert running.ended()
    audio, rate = soundfile.read(music, dtype="float32")
    taken, _ = soundfile.read("take.wav", dtype="float32")
    assert np.array_equal(taken, audio[: RATE // 2])
    assert_frames_equal(running.collector.all, sharpear.sharpen(taken, rate, str(SMALL)))


@pytest.mark.parametrize("preset", ["music", SMALL])
def test_files_are_those_of_sharpen(sharpear, music, folder, preset):
    config = ["--preset", preset, "--format", "npz"]
    assert sharpear("sharpen", music, *config).code == 0
    done = sharpear("live", "--replay", music, *config, "--no-view", "-o", "live.npz")
    assert done.code == 0, done.err
    with np.load("music.npz") as one, np.load("live.npz") as other:
        for name in ("times", "frequencies", "amplitude", "instantaneous_frequency", "plain_amplitude"):
            assert np.array_equal(one[name], other[name]), name
    assert not leftovers(folder)


def test_a_stalled_worker_drops_the_oldest_marks_the_gap_and_the_recording_is_whole(music, folder):
    long = np.concatenate([soundfile.read(music, dtype="float32")[0]] * 3)
    soundfile.write("long.wav", long, RATE, "FLOAT")
    with Running(Replay(Path("long.wav"), 256), record=folder / "take.wav") as running:
        assert running.heard(0.5)
        _stall(running, 2.0)
        assert running.ended()
    assert np.array_equal(soundfile.read("take.wav", dtype="float32")[0], long)
    (line,) = running.lines
    assert line.startswith("dropped ")
    (gap,) = running.collector.gaps
    status = running.session.status()
    assert status.drops == 1
    assert status.dropped_s == gap.dropped_s == gap.length_s > 1
    assert status.message == line
    times = running.collector.all.times
    hop_s = running.session.worker.sharpener.hop / RATE
    steps = np.diff(times)
    assert (steps > 0).all()
    assert abs(steps.max() - gap.length_s) < 2 * hop_s
    assert times[-1] == pytest.approx(len(long) / RATE, abs=2 * hop_s)
    assert running.good


def test_after_a_gap_frames_are_those_of_a_new_stream(music):
    with Running(Replay(music, 256)) as running:
        assert running.heard(0.2)
        _stall(running, 0.9)
        assert running.ended()
    audio, rate = soundfile.read(music, dtype="float32")
    (gap,) = running.collector.gaps
    begins = round((gap.start_s + gap.length_s) * RATE)
    after = sharpear.Sharpener(rate, str(SMALL), 2, start_s=begins / RATE)
    expected = sharpear.Frames.join([after.process(audio[begins:]), after.flush()])
    whole = running.collector.all
    assert_frames_equal(whole[len(whole) - len(expected) :], expected)


def test_files_wait_for_a_stalled_worker_and_lose_nothing(music, folder):
    with Running(Replay(music, 256), outputs=[folder / "live.zarr"]) as running:
        assert running.heard(0.2)
        _stall(running, 0.9)
        assert running.ended()
    audio, rate = soundfile.read(music, dtype="float32")
    assert_frames_equal(running.collector.all, sharpear.sharpen(audio, rate, str(SMALL)))
    assert running.lines == []
    assert running.session.written == [folder / "live.zarr"]


def _stall(running: Running, seconds: float) -> None:
    """Hold the worker up, once."""
    sharpener = running.session.worker.sharpener
    process = sharpener.process

    def slow(block):
        sharpener.process = process
        time.sleep(seconds)
        return process(block)

    sharpener.process = slow


def test_a_full_disk_ends_the_recording_and_keeps_what_was_recorded(music, folder):
    running = Running(Replay(music, 256), record=folder / "take.wav")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))  # bytes a file may have: more is refused
    try:
        with running:
            assert running.ended()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    (line,) = running.lines
    assert line.startswith(f"{folder / 'take.wav'}: recording stopped at ")
    taken, _ = soundfile.read("take.wav", dtype="float32")
    audio, rate = soundfile.read(music, dtype="float32")
    assert 0 < len(taken) < len(audio)
    assert np.array_equal(taken, audio[: len(taken)])
    assert_frames_equal(running.collector.all, sharpear.sharpen(audio, rate, str(SMALL)))
    assert not running.good
    assert "stopped" in running.session.status().recording
    assert not leftovers(folder)


def test_a_sink_that_fails_is_told_and_the_others_go_on(music, folder, monkeypatch):
    running = Running(Replay(music, 256), outputs=[folder / "live.npz", folder / "live.zarr"])
    npz = running.session._outputs._sinks[0]

    def full(frames) -> None:
        raise InputError("live.npz: cannot be written (No space left on device): make room")

    with running:
        assert running.heard(0.3)
        monkeypatch.setattr(npz, "write", full)
        assert running.ended()
    assert running.lines == ["live.npz: cannot be written (No space left on device): make room"]
    assert not running.good
    assert running.session.written == [folder / "live.npz", folder / "live.zarr"]
    with np.load("live.npz") as saved:
        assert json.loads(str(saved["attributes"]))["complete"] is False
        assert 0 < len(saved["times"]) < len(running.collector.all)


def test_a_worker_that_breaks_ends_the_session_with_its_error(music, folder):
    running = Running(Replay(music, 256), record=folder / "take.wav")
    with running:
        assert running.heard(0.1)
        running.session.worker.sharpener.process = None
        assert running.ended()
    assert isinstance(running.error, TypeError)
    assert soundfile.info("take.wav").frames > 0


def test_another_preset_takes_over_while_running(music):
    long = np.concatenate([soundfile.read(music, dtype="float32")[0]] * 40)  # compiling may take 20 s
    soundfile.write("long.wav", long, RATE, "FLOAT")
    with Running(Replay(Path("long.wav"), 256)) as running:
        assert running.heard(0.1)
        with pytest.raises(UsageError, match="nope"):
            running.session.choose_preset("nope")
        running.session.choose_preset("speech")
        assert wait_until(lambda: running.collector.begun == "speech", 40)
        before = len(running.collector.pieces)
        assert wait_until(lambda: len(running.collector.pieces) > before + 3)
    assert running.session.status().preset == "speech"
    channels = [piece.plain_amplitude.shape[-1] for piece in running.collector.pieces]
    assert channels[0] == sharpear.load_config(str(SMALL)).bank.channels < 100
    assert channels[-1] > 100
    times = np.concatenate([piece.times for piece in running.collector.pieces])
    assert (np.diff(times) > -1e-9).all()


def test_files_keep_the_preset(music, folder):
    with Running(Replay(music, 256), outputs=[folder / "live.npz"]) as running:
        running.session.choose_preset("speech")
        assert running.ended()
    assert running.lines == ["the preset stays small: the files being written have its axes"]


def test_a_file_that_is_cut_short_says_so_once(music, folder):
    whole = music.read_bytes()
    source = Replay(music, 256)
    music.write_bytes(whole[: len(whole) // 2])
    with Running(source) as running:
        assert running.ended()
    assert len(running.lines) == 1
    assert "ends after" in running.lines[0]


def test_status_lines_are_json(sharpear, music):
    done = sharpear("live", "--replay", music, "--preset", SMALL, "--no-view", "--status-json")
    assert done.code == 0
    statuses = [json.loads(line) for line in done.out.splitlines()]
    assert len(statuses) >= 1
    assert {"device", "xruns", "drops", "load", "latency_queue_ms", "latency_algorithm_ms"} <= statuses[0].keys()
    assert " frames, 0 xruns, 0 drops, compute per hop p50 " in done.err


def test_ctrl_c_ends_well(music, folder):
    long = np.concatenate([soundfile.read(music, dtype="float32")[0]] * 20)
    soundfile.write("long.wav", long, RATE, "FLOAT")
    assert "0 drops" in interrupted(1.0, "--replay", "long.wav", "--record", "take.wav", "-o", "x.zarr")
    taken, _ = soundfile.read("take.wav", dtype="float32")
    assert len(taken) > 0
    assert np.array_equal(taken, long[: len(taken)])
    assert (folder / "x.zarr" / "zarr.json").exists()
    assert not leftovers(folder)


def test_a_terminal_without_the_page_shows_the_meter(folder, wav):
    """On a terminal of its own: level, notes and status, drawn in place."""
    terminal, end = pty.openpty()
    words = ["live", "--replay", wav(seconds=1.5), "--preset", str(SMALL), "--no-view"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "160", "LINES": "40"}
    process = subprocess.Popen([sys.executable, "-m", "sharpear", *words], stderr=end, env=environment)
    os.close(end)
    shown = b""
    with suppress(OSError):  # how a terminal says that nobody writes to it any more
        while read := os.read(terminal, 4096):
            shown += read
    os.close(terminal)
    assert process.wait(20) == 0
    told = shown.decode()
    assert "level █" in told
    assert "A4 +0 440.0 Hz" in told
    assert "latency device" in told


USAGE = {
    "no duration": (["--duration", "0"], "received 0"),
    "duration is NaN": (["--duration", "nan"], "received nan"),
    "unknown format": (["--format", "mp4"], "'mp4'"),
    "unknown preset": (["--preset", "nope"], "'nope'"),
    "recording of unknown format": (["--record", "take.mp3"], "take.mp3"),
    "a rate for a file": (["--rate", "48000"], "--replay"),
    "a device for a file": (["--device", "2"], "--replay"),
    "channels for a file": (["--channels", "5"], "--replay"),
    "stdin for a file": (["--replay", "-"], "does not read stdin"),
    "a port for no page": (["--view-port", "8000"], "--no-view"),
    "a setting that is not read": (["--set", "pitch.voices=9"], "transcribe"),
    "an output that exists": (["-o", "there.npz"], "--overwrite"),
    "a recording that exists": (["--record", "there.wav"], "--overwrite"),
}


@pytest.mark.parametrize("case", USAGE)
def test_usage_errors_are_one_line_and_exit_2(sharpear, music, folder, case):
    (folder / "there.npz").write_text("precious")
    (folder / "there.wav").write_text("precious")
    words, named = USAGE[case]
    done = sharpear("live", "--replay", music, "--no-view", *words)
    assert done.code == 2
    assert one_line(done.err), done.err
    assert named in done.err
    assert (folder / "there.npz").read_text() == "precious"


def test_a_missing_file_is_one_line_and_exit_1(sharpear):
    done = sharpear("live", "--replay", "missing.wav", "--no-view")
    assert (done.code, done.err) == (1, "sharpear: missing.wav: no such file\n")


def test_recordings_are_named_by_what_can_be_written(folder):
    for good in ("a.wav", "b.w64", "c.flac"):
        check_recording(folder / good, overwrite=False)
    with pytest.raises(UsageError, match=r"\.wav, \.w64, \.flac"):
        check_recording(folder / "d.mp3", overwrite=False)


def test_percentiles_are_those_of_the_values():
    meter, values = LoadMeter(), np.random.default_rng(2).lognormal(0, 1, 5000)
    for value in values:
        meter.add(float(value), hops=1, hop_ms=2.9)
    for fraction in (0.5, 0.99):
        assert meter.percentile(fraction) == pytest.approx(np.quantile(values, fraction), rel=0.03)
    assert meter.largest == values.max()


def test_a_recording_that_cannot_be_made_leaves_nothing(sharpear, music, folder):
    (folder / "file").write_text("")
    words = ["--replay", music, "--preset", SMALL, "--no-view", "-q", "-o", "x.npz", "--record", "file/take.wav"]
    done = sharpear("live", *words)
    assert done.code == 1
    assert one_line(done.err)
    assert not leftovers(folder)
    assert not (folder / "x.npz").exists()


def test_no_outputs_unless_asked_for():
    assert not FileOutputs([], "x")


@pytest.mark.parametrize("format_", ["jsonl", "f32"])
def test_a_replay_on_stdout_gives_the_frames_of_the_file(folder: Path, wav, format_: str) -> None:
    song = wav("song.wav", 0.6)
    words = [sys.executable, "-m", "sharpear"]
    live = [*words, "live", "--replay", song, "--preset", SMALL, "-o", "-", "--format", format_, "--no-view", "-q"]
    heard = subprocess.run(list(map(str, live)), capture_output=True, check=True, cwd=folder).stdout
    piped = [*words, "sharpen", song, "--preset", SMALL, "-o", "-", "--format", format_, "-q"]
    assert heard == subprocess.run(list(map(str, piped)), capture_output=True, check=True, cwd=folder).stdout
    assert len(heard) > 1000


def test_live_ends_quietly_when_nobody_reads(folder: Path, wav) -> None:
    words = [sys.executable, "-m", "sharpear", "live", "--replay", wav("song.wav", 5.0), "--preset", SMALL, "-o", "-"]
    live = subprocess.Popen(
        list(map(str, [*words, "--no-view"])), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=folder
    )
    assert live.stdout is not None
    live.stdout.readline()
    live.stdout.close()
    _, said = live.communicate(timeout=60)
    assert live.returncode == 0, said
    assert b"Broken" not in said


def test_of_many_wishes_one_is_designed_at_a_time_and_the_last_wins(music, folder, monkeypatch):
    """As by a key that is held down: the sound goes on, without drops."""
    long = np.concatenate([soundfile.read(music, dtype="float32")[0]] * 20)
    soundfile.write("long.wav", long, RATE, "FLOAT")
    with Running(Replay(Path("long.wav"), 256)) as running:
        design, designing, most, designed = session.warmed_up, 0, 0, []

        def slow(rate_hz, config, streams):
            nonlocal designing, most
            designing, most = designing + 1, max(most, designing + 1)
            designed.append(config)
            time.sleep(0.2)
            designing -= 1
            return design(rate_hz, config, streams)

        monkeypatch.setattr(session, "warmed_up", slow)
        names = [str(folder / f"{number}.toml") for number in range(30)]
        for number, name in enumerate(names):
            Path(name).write_text(SMALL.read_text().replace("A small bank", f"Bank {number}"))
            running.session.choose_preset(name)
        assert wait_until(lambda: running.session.status().preset == names[-1])
        assert wait_until(lambda: running.collector.begun == names[-1])
    assert most == 1
    assert len(designed) < len(names)
    assert running.collector.presets == ["small", names[-1]]
    assert running.session.status().drops == 0
