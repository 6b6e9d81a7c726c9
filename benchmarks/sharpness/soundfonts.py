"""Single lines of random notes by the sampled players of soundfonts, rendered dry by fluidsynth."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np
import soundfile

LINE_S = 30.0
LINES_EACH = 2
"""Lines a player has, and their length."""
TICKS_PER_S = 960


@dataclass(frozen=True)
class Player:
    """A General MIDI programme (counted from 0) and the notes it plays."""

    kind: str
    program: int
    lowest: int
    highest: int


PLAYERS: dict[str, Player] = {
    "grand_piano": Player("piano", 0, 33, 84),
    "bright_piano": Player("piano", 1, 33, 84),
    "electric_grand": Player("piano", 2, 33, 84),
    "honky_piano": Player("piano", 3, 40, 80),
    "rhodes": Player("piano", 4, 36, 84),
    "harpsichord": Player("plucked", 6, 40, 80),
    "nylon_guitar": Player("plucked", 24, 40, 79),
    "steel_guitar": Player("plucked", 25, 40, 79),
    "jazz_guitar": Player("plucked", 26, 40, 79),
    "clean_guitar": Player("plucked", 27, 40, 79),
    "bass_guitar": Player("plucked", 33, 35, 60),
    "harp": Player("plucked", 46, 36, 84),
    "banjo": Player("plucked", 105, 48, 79),
    "violin": Player("strings", 40, 55, 88),
    "viola": Player("strings", 41, 48, 79),
    "cello": Player("strings", 42, 36, 69),
    "contrabass": Player("strings", 43, 35, 60),
    "fiddle": Player("strings", 110, 55, 84),
    "choir_aahs": Player("singing", 52, 43, 79),
    "voice_oohs": Player("singing", 53, 43, 79),
    "trumpet": Player("winds", 56, 54, 82),
    "trombone": Player("winds", 57, 40, 70),
    "tuba": Player("winds", 58, 35, 58),
    "horn": Player("winds", 60, 41, 75),
    "soprano_sax": Player("winds", 64, 56, 84),
    "alto_sax": Player("winds", 65, 49, 80),
    "tenor_sax": Player("winds", 66, 44, 75),
    "baritone_sax": Player("winds", 67, 37, 68),
    "oboe": Player("winds", 68, 58, 86),
    "english_horn": Player("winds", 69, 52, 80),
    "bassoon": Player("winds", 70, 35, 70),
    "clarinet": Player("winds", 71, 50, 84),
    "flute": Player("winds", 73, 60, 90),
    "recorder": Player("winds", 74, 65, 90),
}
TEST_PLAYERS = ("fluid_viola", "fluid_oboe", "fluid_trombone", "fluid_nylon_guitar", "fluid_grand_piano")
VALIDATION_PLAYERS = ("fluid_cello", "fluid_flute", "fluid_horn", "fluid_steel_guitar", "fluid_electric_grand")
TEST_FONTS = ("timgm",)
"""Soundfonts of which every player is for testing."""
DRUMMERS = 6
DRUM_KEYS = (35, 36, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 53, 54, 55, 56, 57, 59)


def line(player: Player, rng: np.random.Generator) -> mido.MidiFile:
    """A random walk over a player's notes; lengths of 0.08 to 1.5 s, one in two followed by a rest."""
    file = mido.MidiFile(ticks_per_beat=TICKS_PER_S // 2)
    track = mido.MidiTrack([mido.Message("program_change", program=player.program)])
    file.tracks.append(track)
    note, now, rest = int(rng.integers(player.lowest, player.highest + 1)), 0.0, 0.05
    while now < LINE_S:
        length = float(np.exp(rng.uniform(np.log(0.08), np.log(1.5))))
        velocity = int(rng.integers(35, 128))
        track.append(mido.Message("note_on", note=note, velocity=velocity, time=round(rest * TICKS_PER_S)))
        track.append(mido.Message("note_off", note=note, time=round(length * TICKS_PER_S)))
        now += rest + length
        rest = float(rng.uniform(0.02, 0.35)) if rng.random() < 0.5 else 0.0
        far = rng.random() < 0.15
        step = int(rng.integers(-12, 13)) if far else int(rng.integers(-5, 6))
        note = int(np.clip(note + step, player.lowest, player.highest))
    return file


def drums(rng: np.random.Generator) -> mido.MidiFile:
    """Random strokes on the drums of channel 10."""
    file = mido.MidiFile(ticks_per_beat=TICKS_PER_S // 2)
    track = mido.MidiTrack()
    file.tracks.append(track)
    now = 0.0
    while now < LINE_S:
        rest = float(np.exp(rng.uniform(np.log(0.05), np.log(0.6))))
        key, velocity = int(rng.choice(DRUM_KEYS)), int(rng.integers(40, 128))
        track.append(mido.Message("note_on", channel=9, note=key, velocity=velocity, time=round(rest * TICKS_PER_S)))
        track.append(mido.Message("note_off", channel=9, note=key, time=1))
        now += rest
    return file


def render(file: mido.MidiFile, font: Path, target: Path) -> None:
    """Render without reverberation and chorus, and write FLAC at 44.1 kHz, mono."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        midi, wave = Path(folder, "line.mid"), Path(folder, "line.wav")
        file.save(midi)
        options = ["-ni", "-R", "0", "-C", "0", "-g", "0.5", "-r", "44100", "-F", str(wave)]
        subprocess.run(["fluidsynth", *options, str(font), str(midi)], check=True, capture_output=True)
        samples, rate = soundfile.read(wave, always_2d=True)
    soundfile.write(target, samples.mean(axis=1), rate, subtype="PCM_16")


def testing_players(packages: Iterable[Path]) -> dict[str, str]:
    """Speaker -> "test" or "validation" for those that may not train."""
    splits = dict.fromkeys(VALIDATION_PLAYERS, "validation") | dict.fromkeys(TEST_PLAYERS, "test")
    for package in packages:
        if _short(package) in TEST_FONTS:
            splits |= {f"{_short(package)}_{name}": "test" for name in PLAYERS}
            splits |= {f"{_short(package)}_drums{number}": "test" for number in range(DRUMMERS)}
    return splits


def _short(package: Path) -> str:
    return package.name.split("-")[0].removesuffix("6mb")


def render_all(packages: Iterable[Path], folder: Path) -> None:
    """Render every player of every soundfont; what is there is kept."""
    for package in packages:
        font = max(package.rglob("*.sf2"), key=lambda path: path.stat().st_size)
        short = _short(package)
        for name, player in PLAYERS.items():
            for number in range(LINES_EACH):
                target = folder / player.kind / f"{short}_{name}-{number:02d}.flac"
                if not target.exists():
                    render(line(player, np.random.default_rng([player.program, number, len(short)])), font, target)
        for number in range(DRUMMERS):
            target = folder / "drums" / f"{short}_drums{number}-00.flac"
            if not target.exists():
                render(drums(np.random.default_rng([999, number, len(short)])), font, target)
