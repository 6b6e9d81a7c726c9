"""Live separation: the stems of the file mode, into files and to an output device."""

import resource
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import SMALL, leftovers, one_line
from live_rig import sound_system, wait_until
from live_session import Running, interrupted, place_of

from sharpear.live.microphone import Microphone
from sharpear.live.playback import RingPlayer
from sharpear.live.ring import PLAYED, XRUNS, Ring
from sharpear.live.separated import Solo, StemPlan
from sharpear.live.sources import Replay
from sharpear.separation.separator import Separator
from sharpear.separation.tonal import TonalTransient

pytestmark = pytest.mark.real_time
RATE = 16000
STEMS = ("tonal", "transient", "residual")


@pytest.fixture
def music(folder: Path) -> Path:
    """A second of noise, two channels, bit for bit in the file."""
    audio = 0.2 * np.random.default_rng(5).standard_normal((RATE, 2))
    soundfile.write("music.wav", audio.astype(np.float32), RATE, "FLOAT")
    return Path("music.wav")


def stems_of(audio: np.ndarray, rate: int) -> np.ndarray:
    """(samples, channels, stems), lined up."""
    separator = Separator(rate, streams=audio.shape[1])
    return np.concatenate([separator.process(audio), separator.flush()])[separator.latency_samples :]


def plan(folder: Path, **options) -> StemPlan:
    return StemPlan(TonalTransient, {stem: folder / f"{stem}.wav" for stem in STEMS}, **options)


def assert_stems(folder: Path, audio: np.ndarray, rate: int = RATE) -> None:
    expected = stems_of(audio, rate)
    for i, stem in enumerate(STEMS):
        path = folder / f"{stem}.wav"
        assert soundfile.info(path).format in ("WAV", "WAVEX")
        assert np.array_equal(soundfile.read(path, dtype="float32", always_2d=True)[0], expected[..., i])


def test_stems_are_those_of_the_file(sharpear, music, folder):
    words = ("live", "--replay", music, "--preset", SMALL, "--no-view", "--separate", "tonal,residual", "-o", "stems")
    done = sharpear(*words)
    assert done.code == 0, done.err
    assert sharpear("separate", music, "-o", ".").code == 0
    for stem in ("tonal", "residual"):
        assert np.array_equal(*(soundfile.read(place / f"{stem}.wav")[0] for place in (Path("stems"), Path("music"))))
    assert not Path("stems/transient.wav").exists()
    assert not leftovers(folder)
    again = sharpear(*words)
    assert again.code == 2
    assert one_line(again.err)


def test_duration_and_gaps_keep_the_time(music, folder):
    """The stems are those of the recording, to the sample."""
    with Running(Replay(music, 256), duration_s=0.4, record=folder / "take.wav", stems=plan(folder)) as running:
        assert running.ended()
    assert running.good
    assert_stems(folder, soundfile.read("take.wav", dtype="float32")[0])
    assert running.session.written == [folder / "take.wav", *(folder / f"{stem}.wav" for stem in STEMS)]


def test_a_full_disk_is_told_and_leaves_no_torn_stem(music, folder):
    running = Running(Replay(music, 256), stems=plan(folder))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))  # bytes a file may have: more is refused
    try:
        with running:
            assert running.ended()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not running.good
    (line,) = running.lines
    assert "cannot be written" in line
    for path in running.session.written:
        assert len(soundfile.read(path)[0]) > 0
    assert not leftovers(folder)


def test_ctrl_c_leaves_whole_stems(music, folder):
    long = np.concatenate([soundfile.read(music, dtype="float32")[0]] * 20)
    soundfile.write("long.wav", long, RATE, "FLOAT")
    interrupted(0.7, "--replay", "long.wav", "--record", "take.wav", "--separate", ",".join(STEMS), "-o", "stems")
    stems = sum(soundfile.read(f"stems/{stem}.wav")[0] for stem in STEMS)
    assert len(stems) > 0
    assert np.abs(stems - long[: len(stems)]).max() < 1e-6
    assert not leftovers(folder)


def test_a_player_waits_for_headroom_counts_what_is_missing_and_does_not_fall_behind():
    ring = Ring.create(100, 1)
    player, numbers = RingPlayer(ring, headroom=10), np.arange(1, 400, dtype=np.float32)[:, None]
    ring.write(numbers[:8])
    assert not player.next(4).any()
    ring.write(numbers[8:12])
    assert np.array_equal(player.next(8), numbers[:8])
    assert np.array_equal(player.next(8)[:4], numbers[8:12])
    assert ring.header[XRUNS] == 1
    ring.write(numbers[12:82])  # more than half of the ring waits
    assert np.array_equal(player.next(4), numbers[72:76])
    assert ring.header[XRUNS] == 2
    assert ring.header[PLAYED] == 76
    ring.remove()


@pytest.mark.sound_server
def test_one_stem_is_heard_on_the_output_device(folder, monkeypatch):
    """From a virtual microphone, through the separation, into a loop-back cable, whose other end is recorded."""
    rate = 48000
    audio = 0.2 * np.random.default_rng(7).standard_normal((rate, 1)).astype(np.float32)
    soundfile.write("noise.wav", audio, rate, "FLOAT")
    with sound_system(rate) as system:
        for name, value in system.environment.items():
            monkeypatch.setenv(name, value)
        system.cable("cable", 0)
        system.microphone(Path("noise.wav"), "mike")
        solo = plan(folder, solo=Solo("transient", "cable"))
        with Running(Microphone("cable", None, 1, 256), record=folder / "heard.wav") as listening:
            assert listening.heard(0.1)
            mike = Microphone("mike", None, 1, 256)
            with Running(mike, record=folder / "take.wav", stems=solo, duration_s=1.4) as running:
                assert running.ended()
            player = running.session._stems.player
            assert wait_until(lambda: listening.session.status().time_s > 1.5)
    assert running.good, running.lines
    taken, heard = (soundfile.read(name, dtype="float32", always_2d=True)[0] for name in ("take.wav", "heard.wav"))
    assert_stems(folder, taken, rate)
    if player.xruns == 0 and listening.session.status().xruns == 0:
        stem = stems_of(taken, rate)[..., 1]
        loud = int(np.abs(stem).argmax())
        assert place_of(stem[loud : loud + rate // 4], heard) >= 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--separate", "flute", "-o", "x"), "unknown stem"),
        (("--separate", "tonal"), "place"),
        (("--output-device", "x"), "--solo"),
        (("--voices", "auto", "--solo", "voice1"), "one whole file"),
        (("--voices", "many", "--solo", "voice1"), "a number or auto"),
        (("--separate", "tonal", "--output-device", "x", "-o", "x"), "--solo"),
        (("--separate", "tonal", "-o", "-"), "frames"),
        (("--voices", "2", "--sources", "a.npz", "-o", "x"), "two ways"),
        (("--voices", "99", "-o", "x"), "1 to 8"),
        (("--voices", "2", "--solo", "voice3"), "voice1, voice2, residual"),
        (("--voices", "2", "--remove", "voice3", "--solo", "residual"), "--remove: unknown stem 'voice3'"),
    ],
)
def test_what_does_not_fit_together_is_one_line(sharpear, music, words, told):
    Path("a.npz").write_bytes(b"")
    done = sharpear("live", "--replay", music, "--no-view", *words)
    assert done.code == 2
    assert one_line(done.err)
    assert told in done.err
