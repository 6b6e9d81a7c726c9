"""Notes and lines that are sent while they sound."""

import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import mido
import numpy as np
import pytest
from live_rig import wait_until

import sharpear
from sharpear.config import TuningConfig, load_config
from sharpear.live.midi_port import MidiReceiver
from sharpear.live.sent import Sent
from sharpear.live.worker import Gap
from sharpear.pitch.note_tracker import NoteEvent, NoteTracker
from sharpear.sinks.music import TEMPERED_CENTS

RATE = 16000
T = np.arange(RATE) / RATE


def note(hz: float) -> np.ndarray:
    return sum(0.2 / h * np.cos(2 * np.pi * hz * h * T) for h in range(1, 7)).astype(np.float32)


@pytest.fixture(scope="module")
def pieces() -> tuple[sharpear.Sharpener, list[sharpear.Frames]]:
    """A sharpener, and its frames of a note a quarter of a semitone above A3, and of silence."""
    sharpener = sharpear.Sharpener(RATE, "low-latency")
    sound = np.concatenate([note(220 * 2 ** (0.25 / 12)), np.zeros(RATE // 2, np.float32)])[:, None]
    return sharpener, [sharpener.process(sound[n : n + 512]) for n in range(0, len(sound), 512)]


def send(pieces: Any, receiver: Any, after: Callable[[int], bool] = lambda frames: True) -> list[str]:
    """Everything that is reported meanwhile; `after` is asked, when so many frames were sent, whether to go on."""
    lines: list[str] = []
    sharpener, frames = pieces
    counts = np.cumsum([len(piece) for piece in frames]).tolist()
    with Sent(load_config("low-latency"), [receiver], lines.append) as listener:
        listener.begin(sharpener, "low-latency")
        for piece, count in zip(frames, counts, strict=True):
            listener.frames(piece)
            assert wait_until(partial(after, count), 20.0)
    return lines


def test_osc_carries_lines_and_notes(pieces):
    osc_message = pytest.importorskip("pythonosc.osc_message")
    from sharpear.live.osc import OscReceiver  # noqa: PLC0415

    got: list[tuple[str, list[Any]]] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here:
        here.bind(("127.0.0.1", 0))
        here.setblocking(False)

        def arrived(frames: int) -> bool:
            while True:
                try:
                    message = osc_message.OscMessage(here.recv(1 << 16))
                except BlockingIOError:
                    return sum(address == "/sharpear/lines" for address, _ in got) >= frames
                got.append((message.address, message.params))

        assert send(pieces, OscReceiver(f"127.0.0.1:{here.getsockname()[1]}"), arrived) == []
        arrived(0)
    frames = sharpear.Frames.join(pieces[1])
    lines = [values for address, values in got if address == "/sharpear/lines"]
    assert len(lines) == len(frames)
    at = int(np.searchsorted(frames.times, 0.7))
    time_s, channel, *peaks = lines[at]
    assert (time_s, channel) == (pytest.approx(frames.times[at], rel=1e-6), 0)
    strongest = frames[at].instantaneous_frequency[0, frames[at].amplitude[0].argmax()]
    assert peaks[0::2] == sorted(peaks[0::2])
    assert peaks[0::2][int(np.argmax(peaks[1::2]))] == pytest.approx(strongest)
    notes = [(address.rpartition("/")[2], *values) for address, values in got if address != "/sharpear/lines"]
    kinds = [kind for kind, *_ in notes]
    assert (kinds[0], kinds[-1], kinds.count("on")) == ("on", "off", 1)
    assert 0 < notes[0][1] < 0.2
    assert 0.9 < notes[-1][1] < 1.3
    pitches = [pitch for _, time_s, _, pitch, _ in notes if 0.3 < time_s < 0.9]
    assert len(pitches) > 40
    assert np.abs(np.array(pitches) - 57.25).max() < 0.1


class Port:
    """A port that keeps what it is sent."""

    def __init__(self, name: str, virtual: bool = False) -> None:
        self.name, self.virtual = name, virtual
        self.messages: list[mido.Message] = []
        self.closed = False

    def send(self, message: mido.Message) -> None:
        self.messages.append(message)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def ports(monkeypatch: pytest.MonkeyPatch) -> list[Port]:
    """Those that are opened, on a system that has one called Synth."""
    opened: list[Port] = []

    def open_output(*args: Any, **kwargs: Any) -> Port:
        opened.append(Port(*args, **kwargs))
        return opened[-1]

    monkeypatch.setattr(mido, "get_output_names", lambda: ["Synth 128:0"])
    monkeypatch.setattr(mido, "open_output", open_output)
    return opened


def test_midi_plays_and_bends_what_sounds(pieces, ports):
    assert send(pieces, MidiReceiver("synth", TuningConfig())) == []
    assert send(pieces, MidiReceiver("sharpear", TuningConfig())) == []
    assert [(port.name, port.virtual, port.closed) for port in ports] == [
        ("Synth 128:0", False, True),
        ("sharpear", True, True),
    ]
    played = [m for m in ports[0].messages if m.type in ("note_on", "note_off")]
    assert [(m.type, m.note) for m in played] == [("note_on", 57), ("note_off", 57)]
    before = ports[0].messages[: ports[0].messages.index(played[0])]
    assert len([m for m in before if m.type == "control_change" and m.control == 6]) == 15
    assert bends(ports[0], played[0].channel)[0] == pytest.approx(0.25, abs=0.05)


def bends(port: Port, channel: int) -> list[float]:
    """Semitones, by the range that the channel was told."""
    own = [m for m in port.messages if m.channel == channel]
    (reach,) = (m.value for m in own if m.type == "control_change" and m.control == 6)
    return [m.pitch / 8192 * reach for m in own if m.type == "pitchwheel"]


@pytest.mark.parametrize("a4_hz", [380.0, 392.0, 440.0, 480.0])
@pytest.mark.parametrize("temperament", TEMPERED_CENTS)
def test_bends_reach_every_note_of_every_tuning_and_a_glide_from_it(a4_hz, temperament, ports):
    receiver = MidiReceiver("synth", TuningConfig(a4_hz=a4_hz, temperament=temperament))
    above = 12 * np.log2(a4_hz / 440) + TEMPERED_CENTS[temperament] / 100
    wanted = [float(off + glide) for off in above for glide in (0.0, -2.0, 2.0)]
    for n, semitones in enumerate(wanted):
        receiver.note(NoteEvent("move" if n else "on", 0, 60 + semitones, -20.0, 60), 0.1 * n)
    assert bends(ports[0], 0) == pytest.approx(wanted, abs=0.006)


def test_a_port_that_fails_is_told_of_and_left_alone(pieces, ports):
    receiver = MidiReceiver("synth", TuningConfig())

    def gone(message: mido.Message) -> None:
        raise OSError("no such device")

    ports[0].send = gone
    assert send(pieces, receiver) == ["--midi synth: nothing is sent any more (no such device)"]
    assert ports[0].closed


def test_a_gap_ends_every_note(pieces, ports):
    sharpener, frames = pieces
    with Sent(load_config("low-latency"), [MidiReceiver("synth", TuningConfig())], print) as listener:
        listener.begin(sharpener, "low-latency")
        for piece in frames[:20]:
            listener.frames(piece)
        listener.gap(Gap(0.64, 1.0, 0.0))
        assert wait_until(lambda: "note_off" in [m.type for m in ports[0].messages], 20.0)


def test_a_note_is_struck_again_where_it_grows():
    tracker = NoteTracker(1, 0.0116, 0.5)
    levels = [0.1] * 12 + [0.03] * 12 + [0.1] * 12
    sure = np.array([0.9])
    events = [event for level in levels for event in tracker.step(np.array([440.0]), np.array([level]), sure)]
    assert [event.kind for event in events if event.kind != "move"] == ["on", "off", "on"]
    assert [event.kind for event in tracker.end()] == ["off"]
    assert tracker.end() == []


@pytest.mark.parametrize(
    ("belief", "told"),
    [
        ([0.9] * 20 + [0.1] * 6 + [0.9] * 20, ["on"]),  # doubted for a moment
        ([0.9] * 20 + [None] * 6 + [0.9] * 20, ["on"]),  # silent for a moment
        ([0.9] * 20 + [None] * 12 + [0.9] * 20, ["on", "off", "on"]),
        ([0.9, 0.1, 0.1] * 20, []),
        ([0.9, 0.9, None] * 20, []),
    ],
)
def test_a_note_begins_and_ends_when_that_is_sure(belief, told):
    tracker = NoteTracker(1, 0.0116, 0.5)
    events = []
    for probability in belief:
        f0 = np.array([0.0 if probability is None else 440.0])
        events += tracker.step(f0, np.array([0.1]), np.array([probability or 0.0]))
    assert [event.kind for event in events if event.kind != "move"] == told


@pytest.mark.parametrize("place", ["9000", "localhost:", "localhost:99999", "localhost:x"])
def test_an_address_that_is_none_is_refused(sharpear, wav, place):
    pytest.importorskip("pythonosc")
    done = sharpear("live", "--replay", str(wav()), "--no-view", "--quiet", "--osc", place)
    assert done.code == 2
    assert "expected HOST:PORT" in done.err
