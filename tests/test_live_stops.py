"""A machine that sleeps, or processes that are stopped: time goes on, and a gap says for how long nothing was heard."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SMALL
from hypothesis import given
from hypothesis import strategies as st
from live_rig import sound_system
from live_session import Running

from sharpear.live import sources
from sharpear.live.capture import STALL_S, Intake
from sharpear.live.ring import Reader, Ring
from sharpear.live.sources import Replay

pytestmark = pytest.mark.real_time
RATE = 16000
BLOCK = 160
BLOCK_S = BLOCK / RATE
STOP_S = 2.0


def heard(intervals_s: Sequence[float]) -> list[tuple[int, int]]:
    """(samples lost before it, which it is) of every block whose callback comes so long after the one before."""
    ring = Ring.create(RATE * 60, 1)
    ring.remove()
    reader = Reader(ring, ring.capacity)
    now_ns = 0
    intake = Intake(ring, RATE, lambda: now_ns)
    for number, interval_s in enumerate(intervals_s):
        now_ns += round(interval_s * 1e9)
        intake.take(np.full((BLOCK, 1), number, np.float32), xrun=False)
    blocks = []
    while chunk := reader.read(BLOCK):
        assert (chunk.samples == chunk.samples[0]).all()
        blocks.append((chunk.lost, int(chunk.samples[0, 0])))
    assert [number for _, number in blocks] == list(range(len(intervals_s)))
    return blocks


def gaps(intervals_s: Sequence[float]) -> list[tuple[float, int]]:
    """(length in s, the block that follows) of every gap."""
    return [(lost / RATE, number) for lost, number in heard(intervals_s) if lost]


STEADY = [BLOCK_S] * 10


def test_a_stop_is_a_gap_of_its_length():
    assert gaps([*STEADY, 10.0 + BLOCK_S, *STEADY]) == [(10.0, 10)]


def test_two_stops_are_two_gaps():
    stop = [2.0 + BLOCK_S, *STEADY]
    assert gaps([*STEADY, *stop, *stop]) == [(2.0, 10), (2.0, 21)]


def test_what_was_only_late_is_no_gap():
    late = round(3.0 / BLOCK_S)
    assert gaps([*STEADY, 3.0 + BLOCK_S, *[0.0] * late, *STEADY]) == []


def test_what_a_buffer_kept_stands_before_the_gap():
    """A buffer of a second held the beginning of the stop, and ran over."""
    kept = round(1.0 / BLOCK_S)
    [(length_s, after)] = gaps([*STEADY, 3.0 + BLOCK_S, *[0.0] * kept, *STEADY])
    assert length_s == pytest.approx(2.0)
    assert after == len(STEADY) + 1 + kept


def test_a_busy_moment_is_no_gap():
    assert gaps([*STEADY, BLOCK_S + 0.9 * STALL_S, *STEADY]) == []


def test_blocks_that_come_in_fours_have_a_gap_of_the_same_length():
    """As where the sound system's own period is four blocks."""
    four = [0.0, 0.0, 0.0, 4 * BLOCK_S]
    [(length_s, after)] = gaps([4 * BLOCK_S, *four * 5, *four[:3], 4 * BLOCK_S + 2.0, *four * 5])
    assert length_s == pytest.approx(2.0, abs=BLOCK_S)
    assert after % 4 == 0, "the gap stands before the whole period that came after it"


@given(st.lists(st.sampled_from([0.0, BLOCK_S, 2 * BLOCK_S, 0.2, 0.5, 3.0]), max_size=40))
def test_the_time_axis_is_never_ahead_of_the_clock_nor_far_behind_it(stumbles):
    """Whatever callbacks do, and except for stalls that were each too short to count."""
    intervals_s = [BLOCK_S, *stumbles, *STEADY, *STEADY]
    lost_s = sum(lost for lost, _ in heard(intervals_s)) / RATE
    behind_s = sum(intervals_s) - len(intervals_s) * BLOCK_S - lost_s
    assert lost_s <= sum(interval for interval in intervals_s if interval > STALL_S) + 1e-9
    assert behind_s <= STALL_S * len(stumbles) + 1e-9


def test_a_replay_that_is_stopped_goes_on_where_it_was(folder, monkeypatch):
    """By a clock that leaps by ten seconds, as it does when the machine has slept."""
    audio = 0.2 * np.random.default_rng(3).standard_normal(2 * RATE).astype(np.float32)
    soundfile.write("noise.wav", audio, RATE, "FLOAT")
    real, asleep_ns = sources.now_ns, 0
    monkeypatch.setattr(sources, "now_ns", lambda: real() + asleep_ns)
    with Running(Replay(Path("noise.wav"), BLOCK), record=folder / "take.wav") as running:
        assert running.heard(0.5)
        asleep_ns = 10_000_000_000
        assert running.ended()
    [gap] = running.collector.gaps
    assert gap.dropped_s == 0
    assert gap.length_s == pytest.approx(10.0, abs=0.5)
    status = running.session.status()
    assert status.gap_s == gap.length_s
    taken, _ = soundfile.read("take.wav", dtype="float32")
    assert len(taken) / RATE == status.time_s == pytest.approx(2.0 + gap.length_s)
    begins, ends = round(gap.start_s * RATE), round((gap.start_s + gap.length_s) * RATE)
    assert np.array_equal(taken[:begins], audio[:begins])
    assert not taken[begins:ends].any()
    assert np.array_equal(taken[ends:], audio[begins:])


@pytest.fixture
def microphone(folder, monkeypatch) -> Iterator[str]:
    """The name of a virtual one that hears noise for ever."""
    audio = 0.2 * np.random.default_rng(7).standard_normal(48000)
    soundfile.write("noise.wav", audio.astype(np.float32), 48000, "FLOAT")
    with sound_system(48000, 256) as system:
        for name, value in system.environment.items():
            monkeypatch.setenv(name, value)
        system.microphone(folder / "noise.wav", "vmic", "--loop")
        yield "vmic"


@pytest.mark.sound_server
def test_stopped_processes_are_a_gap_in_the_recording_and_in_the_status(microphone):
    """All of them, as by a machine that sleeps: nothing is replaced, and time is as long as it was."""
    words = ["--device", microphone, "--preset", str(SMALL), "--no-view", "--status-json", "--record", "take.wav"]
    live = subprocess.Popen(
        [sys.executable, "-m", "sharpear", "live", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert live.stdout is not None
    before = after = json.loads(live.stdout.readline())
    while before["time_s"] < 0.5:
        before = json.loads(live.stdout.readline())
    children = Path(f"/proc/{live.pid}/task/{live.pid}/children").read_text().split()
    processes = [live.pid, *map(int, children)]
    assert len(processes) == 2
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    time.sleep(STOP_S)
    for process in processes:
        os.kill(process, signal.SIGCONT)
    while after["gaps"] == before["gaps"]:
        after = json.loads(live.stdout.readline())
    live.send_signal(signal.SIGINT)
    rest, told = live.communicate(timeout=20)
    assert live.returncode == 0, told
    last = json.loads(rest.splitlines()[-1]) if rest else after
    assert last["gap_s"] - last["dropped_s"] - before["gap_s"] == pytest.approx(STOP_S, abs=0.2), told
    assert "nothing arrived for " in told
    assert "waiting for it to come back" not in told
    taken, rate = soundfile.read("take.wav", dtype="float32")
    silent = np.flatnonzero(np.diff(np.pad(taken == 0, 1).astype(int)))
    lengths_s = np.diff(silent.reshape(-1, 2)).ravel() / rate
    assert lengths_s[lengths_s > 0.2] == pytest.approx([STOP_S], abs=0.2), "silence of the gap's length"
