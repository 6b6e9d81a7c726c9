"""``python -m benchmarks.separation.oracles``: where voices are lost, by what is told them that nobody knows.

Mean SI-SDR of the voices of chorales that nothing was learned from or chosen by, and of recordings (`--audio`). Rows
say what is told; all keep the masks and the mixture's phases. True pitches are those of the notes, and of recordings
without notes.csv Praat's (``pip install praat-parselmouth``).
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import parselmouth
from numpy.typing import NDArray

from benchmarks.results import Results, Table
from benchmarks.sharpness.recordings import written
from sharpear.dsp import Splitter
from sharpear.dsp.separation_bank import hop_samples, separation_bank
from sharpear.separation.separator import Separator
from sharpear.separation.voice_kernel import divide, expect, explain, lay_out, voices_process
from sharpear.separation.voice_tracks import ATTACK_S, RELEASE_S, stretch
from sharpear.separation.voices import (
    ENVELOPE_S,
    ITERATIONS,
    UNKNOWN_ENVELOPE,
    PitchVoices,
    listeners_of,
    room_for,
    voices_rule,
)

from . import methods
from .__main__ import mean_scores, read
from .chorales import UNSEEN, drawn
from .instruments import RATE
from .owners import hearing, near, notes_at, pitch_layer

PIECES = 14
STEP_S = 0.01
NOTHING, MEANS, LEVELS = range(3)
"""What is told of the harmonics: nothing, each voice's true mean spectrum, or the level of each at each moment."""

LOWEST_HZ, HIGHEST_HZ = 60.0, 1000.0
"""Between which Praat looks for pitches."""

Audio = NDArray[np.float64]
Tracks = NDArray[np.float32]
"""(frames, voices, 3): Hz, strength, and whether the pitch is found."""


class Sound(NamedTuple):
    """Voices (voices, samples), and Hz of each at the pitch layer's frames, 0 without a pitch; ringing: at its end."""

    stems: Audio
    rate: int
    written: Audio
    ringing: Audio


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.separation.oracles", description=__doc__)
    parser.add_argument("--audio", type=Path, help="folder of recordings: NAME/stem_*.flac each")
    parser.add_argument("--pieces", type=int, default=PIECES)
    options = parser.parse_args()
    with Results("separation.oracles") as results:
        chorales = {str(number): scores(rendered(number)) for number in range(options.pieces)}
        columns: dict[str, dict[str, float]] = {}
        if chorales:
            rows = next(iter(chorales.values()))
            mean = {row: float(np.mean([told[row] for told in chorales.values()])) for row in rows}
            columns[f"the {len(chorales)}"] = mean
        for folder in sorted(options.audio.iterdir()) if options.audio else []:
            if list(folder.glob("stem_*.flac")):
                columns[folder.name.split("_")[0]] = scores(recorded(folder))
        results.tables["si-sdr"] = _table(columns)
        results.tables["each chorale"] = _table(chorales)


def _table(columns: dict[str, dict[str, float]]) -> Table:
    rows = next(iter(columns.values()), {})
    return Table({row: {name: column[row] for name, column in columns.items()} for row in rows}, ".1f")


def rendered(number: int) -> Sound:
    piece, layer = drawn(UNSEEN, number), pitch_layer(RATE)
    times = np.arange(piece.stems.shape[1] / RATE / layer.hop_s) * layer.hop_s
    return Sound(piece.stems, RATE, *notes_at(piece.notes, times))


def recorded(folder: Path) -> Sound:
    """All stems but drums."""
    stems, names, rate = read(folder)
    pitched = [n for n, name in enumerate(names) if name != "drums"]
    stems, hop_s = stems[pitched], pitch_layer(rate).hop_s
    times, found = np.arange(stems.shape[1] / rate / hop_s) * hop_s, []
    if (folder / "notes.csv").exists():
        notes = written(folder / "notes.csv")
        of_voices = [[note[:3] for note in notes if note.voice == names[n]] for n in pitched]
        return Sound(stems, rate, *notes_at(of_voices, times))
    for stem in stems:
        pitch = parselmouth.Sound(stem, rate).to_pitch(STEP_S, LOWEST_HZ, HIGHEST_HZ)
        nearest = np.abs(times[:, None] - pitch.xs()).argmin(axis=1)
        found.append(pitch.selected_array["frequency"][nearest])
    return Sound(stems, rate, np.array(found).T, np.zeros_like(np.array(found).T))


def scores(sound: Sound) -> dict[str, float]:
    """SI-SDR, dB, of each row of the table."""
    stems, rate, voices = sound.stems, sound.rate, len(sound.stems)
    mixture = stems.sum(axis=0)
    sources = PitchVoices.of(voices)
    found = {
        "mixture": np.tile(mixture, (voices, 1)),
        "live": methods.best_order(methods.streamed(Separator(rate, sources), mixture), stems),
        "whole recordings": methods.best_order(methods.of_the_whole(mixture, rate, sources), stems),
    }
    hop_s = pitch_layer(rate).hop_s
    known = {
        "true owners of the pitches heard": stretched(heard_of(sound), hop_s),
        "true pitches": stretched(np.stack([sound.written, sound.written > 0], axis=2), hop_s),
    }
    for name, tracks in known.items():
        found[name] = masked(stems, rate, tracks, hop_s, NOTHING)
        found[f"{name}, true mean spectrum"] = masked(stems, rate, tracks, hop_s, MEANS)
        found[f"{name}, true level of each harmonic"] = masked(stems, rate, tracks, hop_s, LEVELS)
    found["ideal ratio mask"] = methods.ideal_ours(mixture, stems, rate)
    return {name: mean_scores(each, stems)[0] for name, each in found.items()}


def heard_of(sound: Sound) -> Audio:
    """(frames, voices, 2): Hz and strength of the pitches that are heard of each voice's notes."""
    pitches = hearing(sound.stems.sum(axis=0), sound.rate)
    count = min(len(pitches.f0), len(sound.written))
    out = np.zeros((count, len(sound.stems), 2))
    for voice in range(len(sound.stems)):
        f0 = pitches.f0[:count, 0]
        right = near(f0, sound.written[:count, [voice]]) | near(f0, sound.ringing[:count, [voice]])
        strength = np.where(right, pitches.strength[:count, 0], 0)
        place = strength.argmax(axis=1)[:, None]
        out[:, voice, 1] = np.take_along_axis(strength, place, axis=1)[:, 0]
        out[:, voice, 0] = np.where(out[:, voice, 1] > 0, np.take_along_axis(f0, place, axis=1)[:, 0], 0)
    return out


def stretched(pitches: Audio, hop_s: float) -> Tracks:
    """(frames, voices, 2) → tracks: voices begin early and ring on, as those of `VoiceTracks`."""
    frames, voices, _ = pitches.shape
    attack, release = round(ATTACK_S / hop_s), round(RELEASE_S / hop_s)
    decided, last = np.zeros((attack + 1, voices, 2), np.float32), np.zeros((voices, 2), np.float32)
    quiet, out = np.zeros(voices, np.int64), np.zeros((frames + attack, voices, 3), np.float32)
    for n in range(frames + attack):
        decided[n % (attack + 1)] = pitches[n] if n < frames else 0
        for voice in range(voices):
            oldest = (n + 1) % (attack + 1)
            stretch(decided[:, voice], oldest, release, last[voice], quiet, voice, out[n, voice])
    return out[attack:]


def masked(stems: Audio, rate: int, tracks: Tracks, hop_s: float, told: int) -> Audio:
    """The mixture through the shares that `PitchVoices` finds for these tracks."""
    bank, hop, mixture = separation_bank(rate), hop_samples(rate), stems.sum(axis=0)
    power, *own = (
        Splitter(bank, hop).process(sound[:, None].astype(np.float32)).power[:, 0] for sound in (mixture, *stems)
    )
    middle_s = ((np.arange(len(power)) + 0.5) * hop - bank.latency_samples) / rate
    here = tracks[np.rint(middle_s / hop_s).astype(np.int64).clip(0, len(tracks) - 1)] * (middle_s >= 0)[:, None, None]
    here, voices, channels = np.ascontiguousarray(here, np.float32), len(stems), listeners_of(bank.bank)
    rule = voices_rule(hop / rate, ENVELOPE_S if told == NOTHING else np.inf)
    envelope, lines = np.tile(UNKNOWN_ENVELOPE, (voices, 1)), room_for(voices)
    shares = np.empty((len(power), voices, power.shape[1]), np.float32)
    owned = np.zeros((1 + voices, power.shape[1]), np.float32)
    if told == NOTHING:
        voices_process(power, here, channels, rule, envelope, owned, lines, shares)
        return methods.through(mixture, rate, shares)
    level = np.array([levels_of(each, here[:, v], rate) for v, each in enumerate(own)]).swapaxes(0, 1)
    if told == MEANS:
        envelope = (level.sum(axis=0) / (level.sum(axis=(0, 2))[:, None] + 1e-20)).astype(np.float32)
        voices_process(power, here, channels, rule, envelope, owned, lines, shares)
        return methods.through(mixture, rate, shares)
    expected = np.empty(power.shape[1], np.float32)
    for n, share in enumerate(shares):
        count = lay_out(here[n, :, 0], np.ones(voices, np.float32) * (here[n, :, 1] > 0), level[n], channels, lines)
        expect(count, lines, expected)
        divide(power[n], count, lines, expected, rule, owned, share)
    return methods.through(mixture, rate, shares)


def levels_of(power: NDArray[np.float32], track: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """(frames, harmonics): the power of each, fitted to that of the voice alone."""
    channels, lines = listeners_of(separation_bank(rate).bank), room_for(1)
    level, expected = np.zeros((len(power), UNKNOWN_ENVELOPE.size), np.float32), np.empty(power.shape[1], np.float32)
    for n in range(len(power)):
        count = lay_out(track[n, :1], track[n, 1:2], UNKNOWN_ENVELOPE[None], channels, lines)
        if count:
            explain(power[n], count, lines, ITERATIONS, expected)
            level[n, lines.number[:count]] = lines.gain[:count]
    return level


if __name__ == "__main__":
    main()
