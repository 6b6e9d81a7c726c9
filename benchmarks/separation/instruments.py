"""What plays the pieces: fluidsynth with a soundfont, a drumkit of Hydrogen's, and a recording."""

import struct
import subprocess
import tempfile
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import librosa
import numpy as np
import soundfile
from numpy.typing import NDArray

Audio = NDArray[np.float64]
Event = tuple[int, tuple[int, ...]]
"""A time in ticks, and a MIDI message."""

RATE = 44100
TICKS_PER_S = 960
SOUNDFONTS = Path("/usr/share/sounds")
DRUMKITS = Path("/usr/share/hydrogen/data/drumkits")
RECORDINGS = Path("/usr/share/sonic-pi/samples")
DRUM_CHANNEL = 9

PACKAGES = {
    SOUNDFONTS: "fluid-soundfont-gm timgm6mb-soundfont musescore-general-soundfont opl3-soundfont csound-soundfont",
    DRUMKITS: "hydrogen-drumkits",
    RECORDINGS: "sonic-pi-samples",
}
"""Debian's packages that hold what lies in each folder."""

KEYS = {
    "kick": (35, 36),
    "snare": (38, 40, 37, 39),
    "hat": (42, 42, 44, 46),
    "tom": (45, 47, 50, 43),
    "cymbal": (49, 51, 57),
}
"""General MIDI's keys of each kind of drum."""

NAMES = {
    "kick": ("kick", "bassdrum", "bass drum", "djembe1 bass", "djembe3 bass", "dununba1 head hit", "cajon thump"),
    "snare": ("snare", "clap", "slap", "sangban1 head hit"),
    "hat": ("hh", "hat", "maraca", "tambourine", "bell mute"),
    "tom": ("tom", "conga", "bongo", "drum 1", "drum 2", "tone"),
    "cymbal": ("crash", "ride", "china", "splash", "cymbal", "bell hit"),
}
"""Words by which drumkits name each kind."""


@dataclass(frozen=True)
class Strike:
    """A drum is struck: when, s, a kind of `KEYS`, which of that kind (counted round), and how hard, 0 to 1."""

    time_s: float
    kind: str
    which: int
    strength: float


def existing(path: Path) -> Path:
    """The path itself.

    Raises:
        SystemExit: nothing lies there; the message names the package.
    """
    if not path.exists():
        package = next((names for folder, names in PACKAGES.items() if path.is_relative_to(folder)), "")
        raise SystemExit(f"{path} is missing: apt-get install fluidsynth {package}")
    return path


def struck(strikes: list[Strike], kit: Path | tuple[Path, int], seconds: float) -> Audio:
    """(samples,): drums of a folder of Hydrogen's, or of a soundfont and the number of its kit."""
    if isinstance(kit, tuple):
        soundfont, number = kit
        events: list[Event] = [(0, (0xC0 | DRUM_CHANNEL, number))]
        for strike in strikes:
            key, tick = KEYS[strike.kind][strike.which % len(KEYS[strike.kind])], int(strike.time_s * TICKS_PER_S)
            events.append((tick, (0x90 | DRUM_CHANNEL, key, max(1, round(127 * strike.strength)))))
            events.append((tick + TICKS_PER_S // 10, (0x80 | DRUM_CHANNEL, key, 0)))
        return played(events, soundfont, seconds)
    sound = np.zeros(round(seconds * RATE))
    drums = drumkit(existing(kit))
    for strike in strikes:
        of_kind = drums.get(strike.kind) or drums["snare"]
        layers = of_kind[strike.which % len(of_kind)]
        hit = recorded(layers[min(int(strike.strength * len(layers)), len(layers) - 1)])
        at = round(strike.time_s * RATE)
        hit = hit[: max(sound.size - at, 0)]
        sound[at : at + hit.size] += strike.strength**2 * hit
    return sound


@lru_cache
def drumkit(folder: Path) -> dict[str, list[list[Path]]]:
    """The drums of each kind, each its recordings from soft to hard."""
    found: dict[str, list[list[Path]]] = {}
    for instrument in ElementTree.parse(folder / "drumkit.xml").iter():
        if not instrument.tag.endswith("instrument"):
            continue
        name = next(part.text or "" for part in instrument if part.tag.endswith("name")).lower()
        files = [folder / (part.text or "") for part in instrument.iter() if part.tag.endswith("filename")]
        files = [file for file in files if file.is_file()]
        kind = next((kind for kind, words in NAMES.items() if any(word in name for word in words)), None)
        if kind and files:
            found.setdefault(kind, []).append(files)
    return found


@lru_cache(maxsize=256)
def recorded(path: Path) -> Audio:
    """A recording as one channel at `RATE`."""
    audio, rate = soundfile.read(existing(path), always_2d=True)
    mono: Audio = librosa.resample(audio.mean(axis=1), orig_sr=rate, target_sr=RATE)
    return mono


def looped(path: Path, seconds: float) -> Audio:
    """A recording from its start, again and again."""
    audio = recorded(path)
    whole = round(seconds * RATE)
    return np.tile(audio, -(-whole // audio.size))[:whole]


def played(events: list[Event], soundfont: Path, seconds: float) -> Audio:
    """(samples,) one channel, without reverberation and chorus."""
    with tempfile.TemporaryDirectory() as folder:
        midi, wav = Path(folder, "piece.mid"), Path(folder, "piece.wav")
        midi.write_bytes(midi_file(events))
        words = ["fluidsynth", "-ni", "-R", "0", "-C", "0", "-g", "0.5", "-r", str(RATE)]
        words += ["-o", "synth.dynamic-sample-loading=1", "-F", str(wav), str(existing(soundfont)), str(midi)]
        subprocess.run(words, check=True, capture_output=True)
        audio = soundfile.read(wav)[0].mean(axis=1)
    whole = round(seconds * RATE)
    return np.pad(audio[:whole], (0, max(0, whole - audio.size)))


def midi_file(events: list[Event]) -> bytes:
    """A standard MIDI file of one track, 120 beats a minute."""
    track, now = b"", 0
    for tick, message in sorted(events, key=lambda event: event[0]):
        track += _variable_length(tick - now) + bytes(message)
        now = tick
    track += _variable_length(480) + b"\xff\x2f\x00"
    return struct.pack(">4sIHHH", b"MThd", 6, 0, 1, 480) + struct.pack(">4sI", b"MTrk", len(track)) + track


def _variable_length(number: int) -> bytes:
    digits = [number & 127]
    while number := number >> 7:
        digits.append(number & 127 | 128)
    return bytes(digits[::-1])
