"""Pieces to fit the readout of tonal and transient shares to: random notes and drums, played by fluidsynth.

The notes are drawn here; the sounds are FluidR3_GM (Frank Wen, MIT licence; Debian: fluidsynth, fluid-soundfont-gm).
"""

import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import librosa
import numpy as np
import soundfile
from numpy.typing import NDArray

Audio = NDArray[np.float64]
Event = tuple[int, tuple[int, ...]]
"""A time in ticks, and a MIDI message."""

SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
RATE = 44100
SECONDS = 6.0
PLAYED_S = 7.6
TICKS_PER_S = 960
PROGRAMS = (
    0, 0, 1, 4, 6, 11, 13, 19, 21, 24, 25, 30, 32, 40, 42, 48, 52, 56, 61, 65, 68, 71, 73, 0, 53, 12, 46, 0,
)  # fmt: skip
KITS = (0, 8, 16, 24, 25, 40, 0, 8, 0, 16, 0, 40, 25, 0, 8, 0, 16, 24, 0, 40, 0, 8, 0, 32, 0, 0, 8, 16)
MAJOR = (0, 2, 4, 5, 7, 9, 11)
REGISTERS = ((36, 55, 0.5), (55, 72, 0.35), (64, 84, 0.25))
"""Lowest key, highest key and note length, s, of each part."""

KICKS, SNARES, HATS, TOMS, CYMBALS = (35, 36), (38, 40, 37, 39), (42, 42, 44, 46), (45, 47, 50, 43), (49, 51, 57)


def pieces(soundfont: Path) -> Iterator[tuple[Audio, int]]:
    """56 times (tonal, drums, noise) (3, samples), and the sample rate: every fifth is at 16 kHz."""
    for i, (program, kit) in enumerate(zip(PROGRAMS + PROGRAMS[::-1], KITS + KITS, strict=True)):
        rng = np.random.default_rng(100 + i)
        tonal = played(melodies(rng, program), soundfont)
        drums = played(drum_pattern(rng, kit), soundfont)
        rate = 16000 if i % 5 == 4 else RATE
        tonal, drums = (librosa.resample(part, orig_sr=RATE, target_sr=rate) for part in (tonal, drums))
        tonal = tonal / (np.std(tonal) + 1e-9)
        drums = drums * 10 ** (rng.uniform(-8, 3) / 20) / (np.std(drums) + 1e-9)
        noise = colored_noise(rng, tonal.size, rate) * 10 ** (rng.uniform(-45, -14) / 20)
        yield 0.1 * np.array([tonal, drums, noise]), rate


def melodies(rng: np.random.Generator, program: int) -> list[Event]:
    """Three parts in a key drawn at random."""
    events: list[Event] = [(0, (0xC0, program))]
    key = rng.integers(12)
    for low, high, length_s in REGISTERS:
        time_s = rng.random() * 0.3
        while time_s < PLAYED_S:
            held_s = length_s * rng.choice([0.5, 1, 1, 2]) * rng.uniform(0.8, 1.3)
            pitch = rng.integers(low, high)
            while (pitch - key) % 12 not in MAJOR:
                pitch = rng.integers(low, high)
            if rng.random() < 0.85:
                events.append((int(time_s * TICKS_PER_S), (0x90, int(pitch), int(rng.integers(60, 110)))))
                events.append((int((time_s + 0.95 * held_s) * TICKS_PER_S), (0x80, int(pitch), 0)))
            time_s += held_s
    return events


def drum_pattern(rng: np.random.Generator, kit: int) -> list[Event]:
    """Kick and snare in turn, a hi-hat between, now and then a tom or a cymbal."""
    events: list[Event] = [(0, (0xC9, kit))]
    beat_s = rng.uniform(0.2, 0.32)
    count = int(PLAYED_S / beat_s)
    kick, snare = rng.choice(KICKS), rng.choice(SNARES)
    for i in range(count):
        time_s = max(i * beat_s + rng.normal() * 0.005, 0.0)
        hits = []
        if i % 4 == 0 or rng.random() < 0.15:
            hits.append(kick)
        if i % 4 == 2:
            hits.append(snare)
        for likely, drums in ((0.8, HATS), (0.1, TOMS), (0.05, CYMBALS)):
            if rng.random() < likely:
                hits.append(rng.choice(drums))
        for hit in hits:
            events.append((int(time_s * TICKS_PER_S), (0x99, int(hit), int(rng.integers(60, 120)))))
            events.append((int((time_s + 0.1) * TICKS_PER_S), (0x89, int(hit), 0)))
    return events


def played(events: list[Event], soundfont: Path, seconds: float = SECONDS) -> Audio:
    """(samples,) one channel, without reverberation and chorus."""
    with tempfile.TemporaryDirectory() as folder:
        midi, wav = Path(folder, "piece.mid"), Path(folder, "piece.wav")
        midi.write_bytes(midi_file(events))
        words = ["fluidsynth", "-ni", "-R", "0", "-C", "0", "-g", "0.5", "-r", str(RATE), "-F"]
        subprocess.run([*words, str(wav), str(soundfont), str(midi)], check=True, capture_output=True)
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


def colored_noise(rng: np.random.Generator, samples: int, rate: int) -> Audio:
    """Noise of a slope drawn at random, unit variance."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    spectrum *= (np.fft.rfftfreq(samples, 1 / rate) + 20) ** rng.uniform(-1.0, 0.2)
    noise = np.fft.irfft(spectrum, samples)
    return noise / np.std(noise)
