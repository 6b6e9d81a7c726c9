"""Microphones that are real to PortAudio: a JACK server with the dummy driver, and a client that plays a file."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SMALL, Finished, one_line
from live_rig import SoundSystem, sound_system, wait_until
from live_session import Running, place_of

import sharpear
from sharpear.errors import UsageError
from sharpear.live.child import DeviceProcess
from sharpear.live.microphone import Microphone

RATE = 48000
BLOCK = 256

pytestmark = pytest.mark.sound_server


@pytest.fixture(scope="module")
def noise(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("noise") / "noise.wav"
    audio = 0.2 * np.random.default_rng(7).standard_normal(RATE)
    soundfile.write(path, audio.astype(np.float32), RATE, "FLOAT")
    return path


@pytest.fixture(scope="module")
def shared() -> Iterator[SoundSystem]:
    with sound_system(RATE, BLOCK) as system:
        yield system


@pytest.fixture
def system(shared, monkeypatch) -> SoundSystem:
    """A sound system that stays up, seen by the processes that a test starts."""
    for name, value in shared.environment.items():
        monkeypatch.setenv(name, value)
    return shared


@pytest.fixture
def mortal(monkeypatch) -> Iterator[SoundSystem]:
    """A sound system to be killed."""
    with sound_system(RATE, BLOCK) as system:
        for name, value in system.environment.items():
            monkeypatch.setenv(name, value)
        yield system


@pytest.fixture
def command(system, folder):
    """The command line in a process of its own: PortAudio sees what is there when it starts."""

    def run(*words: str | Path) -> Finished:
        done = subprocess.run(
            [sys.executable, "-m", "sharpear", *map(str, words)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    return run


def test_a_microphone_gives_the_samples_and_the_frames_of_the_file(system, noise, folder):
    """Bit for bit: what the microphone plays, what is recorded, and what `sharpen` makes of the recording."""
    microphone = system.microphone(noise, "exact")
    with Running(Microphone("exact", None, 1, BLOCK), duration_s=1.2, record=folder / "take.wav") as running:
        assert running.ended()
    microphone.terminate()
    taken, rate = soundfile.read("take.wav", dtype="float32")
    assert (rate, len(taken)) == (RATE, round(1.2 * RATE))
    status = running.session.status()
    assert status.device == "exact"
    assert status.drops == 0
    if status.xruns == 0:  # else the machine lost samples before anybody could see them
        assert place_of(soundfile.read(noise, dtype="float32")[0], taken) >= 0
    expected = sharpear.sharpen(taken[:, None], RATE, str(SMALL))
    live = running.collector.all
    for name in ("times", "amplitude", "instantaneous_frequency", "plain_amplitude"):
        assert np.array_equal(getattr(live, name), getattr(expected, name)), name


def test_a_latency_claim_is_credible_or_unknown(system, noise):
    microphone = system.microphone(noise, "claims")
    with Running(Microphone("claims", None, 1, BLOCK), duration_s=0.3) as running:
        assert running.ended()
    microphone.terminate()
    claimed_ms = running.session.status().latency_device_ms
    assert claimed_ms is None or 0 <= claimed_ms < 5000


def test_a_dead_microphone_is_noticed_and_heard_again_when_it_is_back(system, noise, folder):
    microphone = system.microphone(noise, "mortal", "--loop")
    with Running(Microphone("mortal", None, 1, BLOCK), record=folder / "take.wav") as running:
        assert running.heard(0.5)
        microphone.kill()
        assert running.said("mortal: only zeros for 2 s")
        assert running.said("no audio input 'mortal': there are")
        assert running.session.status().state == "lost"
        back = system.microphone(noise, "mortal", "--loop")
        assert running.said("mortal: listening again")
        before = running.session.worker.clock
        assert wait_until(lambda: running.session.worker.clock > before + RATE // 2)
        assert running.session.status().state == "listening"
    back.terminate()
    assert running.session.status().gaps >= 1
    _times_agree(running, folder / "take.wav")


def test_a_dead_server_is_noticed_and_heard_again_when_it_is_back(mortal, noise, folder):
    mortal.microphone(noise, "vmic", "--loop")
    with Running(Microphone("vmic", None, 1, BLOCK), record=folder / "take.wav") as running:
        assert running.heard(0.5)
        mortal.server.terminate()
        assert running.said(": waiting for it to come back")
        assert wait_until(lambda: running.session.status().state == "lost")
        mortal.server.wait(5)
        mortal.start()
        mortal.microphone(noise, "vmic", "--loop")
        assert running.said("vmic: listening again")
        before = running.session.worker.clock
        assert wait_until(lambda: running.session.worker.clock > before + RATE // 2)
    assert running.session.status().gaps >= 1
    _times_agree(running, folder / "take.wav")


def test_a_server_that_is_killed_hangs_nothing(mortal, noise, folder):
    mortal.microphone(noise, "vmic", "--loop")
    with Running(Microphone("vmic", None, 1, BLOCK), record=folder / "take.wav") as running:
        assert running.heard(0.5)
        mortal.server.kill()
        assert running.said(": waiting for it to come back")
        running.session.stop()
        assert running.ended(5)
    assert soundfile.info("take.wav").duration >= 0.5


def test_killed_servers_leave_places_for_more(shared):
    """JACK has eight, and one is in use: a server that is killed does not give its own back."""
    for _ in range(9):
        with sound_system(RATE, BLOCK) as system:
            assert system.name != shared.name
            system.server.kill()
            system.server.wait()


def test_callbacks_that_stop_are_noticed_and_the_process_replaced(system, noise, folder):
    microphone = system.microphone(noise, "stops", "--loop")
    with Running(Microphone("stops", None, 1, BLOCK), record=folder / "take.wav") as running:
        assert running.heard(0.5)
        first = running.session.source._process._process
        os.kill(first.pid, signal.SIGSTOP)
        assert running.said("stops: no audio for 1")
        assert running.said("stops: listening again")
        assert first.poll() is not None, "the process that hung is still there"
        before = running.session.worker.clock
        assert wait_until(lambda: running.session.worker.clock > before + RATE // 2)
    microphone.terminate()
    assert running.said("nothing arrived for ")
    _times_agree(running, folder / "take.wav")


def _times_agree(running: Running, recording: Path) -> None:
    """Gaps stand in the frames' times, in the status and, as silence, in the recording."""
    status = running.session.status()
    assert running.good
    assert status.drops == 0
    hop_s = running.session.worker.sharpener.hop / RATE
    times = running.collector.all.times
    assert times[-1] == pytest.approx(status.time_s, abs=2 * hop_s)
    assert np.diff(times)[np.diff(times) > 1.5 * hop_s].sum() == pytest.approx(status.gap_s, abs=8 * hop_s)
    assert soundfile.info(recording).duration == pytest.approx(status.time_s, abs=2 * BLOCK / RATE)


def test_a_capture_process_that_hangs_is_killed(system, noise):
    microphone = system.microphone(noise, "hangs")
    source = Microphone("hangs", None, 1, BLOCK)
    process: DeviceProcess = source._process
    os.kill(process._process.pid, signal.SIGSTOP)
    source.stop()
    assert not process.alive
    microphone.terminate()


def test_refusals_name_what_is_accepted(system, noise):
    microphone = system.microphone(noise, "refuses")
    for rate, channels, named in (
        (44100, 1, "refuses refuses it (Invalid sample rate) and accepts 48000 Hz"),
        (None, 3, "refuses has 1"),
        (1000, 1, "expected 8000 to 192000 Hz"),
    ):
        with pytest.raises(UsageError, match=re.escape(named)):
            Microphone("refuses", rate, channels, BLOCK)
    microphone.terminate()


def test_an_unknown_device_is_one_line_and_exit_3(command, system, noise):
    microphone = system.microphone(noise, "known")
    done = command("live", "--no-view", "--preset", SMALL, "--device", "nowhere")
    microphone.terminate()
    assert done.code == 3
    assert one_line(done.err)
    assert "no audio input 'nowhere': there are" in done.err
    assert "known" in done.err


def test_devices_and_doctor_list_the_microphone(command, system, noise):
    microphone = system.microphone(noise, "listed")
    devices = json.loads(command("devices", "--json").out)
    (found,) = [device for device in devices if device["name"] == "listed"]
    assert (found["inputs"], found["outputs"], found["rate_hz"]) == (1, 0, RATE)
    assert "listed" in command("devices").out
    checked = command("doctor")
    assert checked.code == 0
    assert "listed" in checked.out
    microphone.terminate()


def test_latency_test_measures_a_known_cable(command, system):
    """A JACK round trip is two periods, and the cable's own delay."""
    cable = system.cable("cable", 100)
    done = command("latency-test", "--device", "cable", "--block", str(BLOCK))
    assert done.code == 0, done.err
    assert f"round trip {1e3 * (2 * BLOCK + 100) / RATE:.2f} ms" in done.out
    assert "the device claims " in done.out
    cable.terminate()


def test_ctrl_c_at_the_terminal_ends_the_command_with_whole_files(system, noise, folder):
    microphone = system.microphone(noise, "vmic", "--loop")
    words = ["live", "--device", "vmic", "--preset", str(SMALL), "--no-view", "--record", "take.wav", "-o", "x.npz"]
    process = subprocess.Popen(
        [sys.executable, "-m", "sharpear", *words], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "Ctrl-C ends" in line:
            break
    assert wait_until(lambda: _microphone_heard(folder))
    os.killpg(process.pid, signal.SIGINT)
    told = process.communicate(timeout=20)[1]
    microphone.terminate()
    assert process.returncode == 0, told
    assert "compute per hop p50" in told
    taken, rate = soundfile.read("take.wav", dtype="float32")
    with np.load("x.npz") as saved:
        assert np.array_equal(saved["amplitude"], sharpear.sharpen(taken[:, None], rate, str(SMALL)).amplitude)


def _microphone_heard(folder: Path) -> bool:
    return any(path.stat().st_size > 4 * RATE // 2 for path in folder.glob(".sharpear.*/*/take.wav"))
