"""Scenes of real sound whose lines are exactly known: recorded voices, taken apart and sung again.

`scene(seed, kind, sources)` draws voices from `sources`, moves them in time and pitch, mixes them, and adds what is
no line: noise, strokes of drums or bursts of noise, now and then the tail of a mild room. The truth is that of the
direct sound: the tail, 14 to 30 dB weaker, counts as disturbance, for its lines, those of a moment ago, are no less
smeared in a room than they are in a picture of them.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np
from scipy.signal import fftconvolve, resample_poly

from benchmarks.sharpness.lines import LINE_HOP, SAMPLE_RATE, Floats, Lines
from benchmarks.sharpness.signals import Signal, log_uniform
from benchmarks.sharpness.singing import Voice, piece, sung, together, transposed
from benchmarks.sharpness.sources import Voices

DURATION_S = 1.25
SAMPLES = round(DURATION_S * SAMPLE_RATE)
ROWS = -(-SAMPLES // LINE_HOP) + 1
FLOOR_DB = -60.0
"""Partials weaker than this below the strongest of a scene are left out."""
MOST_LINES = 200
CONSONANT = (3, 4, 5, 7, 8, 9, 12, 15, 16, 19)
"""Intervals over the lowest voice of a chorale, in semitones."""
TRIES = 30
SNR_DB = (15.0, 42.0)
FAMILIES = ("speech", "singing", "two_voices", "chorale", "piano")
"""Kinds that stand beside the synthetic families of the benchmark."""
FAMILY_SNR_DB = (22.0, 42.0)
"""Their noise: with more, frames 30 to 40 dB below the loudest would measure the noise alone."""


def scene(seed: int, kind: str, sources: Voices, snr_db: tuple[float, float] = SNR_DB) -> Signal:
    """The scene of a kind for a seed: (audio float32 at 44.1 kHz, its true lines), 1.25 s.

    Args:
        seed: another one is another scene.
        kind: one of `SCENES`.
        sources: voices to draw from.
        snr_db: between which the power of the lines, where they sound, is over that of the noise.

    Raises:
        ValueError: no such kind, or the sources have no voice for it.
    """
    if kind not in SCENES:
        raise ValueError(f"expected one of {', '.join(SCENES)}; received {kind!r}")
    rng = np.random.default_rng([zlib.crc32(kind.encode()), zlib.crc32(sources.split.encode()), seed])
    voices = SCENES[kind](rng, sources)
    direct, lines = together(voices, rng, SAMPLES, FLOOR_DB, MOST_LINES)
    strokes = 0.15 if kind in ("speech", "two_voices") else 0.3
    return _recorded(rng, direct, lines, sources, strokes, snr_db)


def draw(family: str, seed: int, voices: Voices) -> Signal:
    """The signal of a family of the benchmark for a seed: (audio float32 at 44.1 kHz, its true lines)."""
    return scene(seed, family, voices, FAMILY_SNR_DB)


def _drawn(rng: np.random.Generator, sources: Voices, kinds: tuple[str, ...], speed: tuple[float, float]) -> Voice:
    """A piece of a random recording of a random player of one of the kinds, at full level."""
    present = [kind for kind in kinds if sources.speakers(kind)]
    if not present:
        raise ValueError(f"expected sources of a kind of {', '.join(kinds)} in the split {sources.split}, found none")
    for _ in range(TRIES):
        kind = str(rng.choice(present))
        speaker = str(rng.choice(sources.speakers(kind)))
        partials = sources.partials(kind, speaker, int(rng.integers(sources.count(kind, speaker))))
        voice = piece(partials, rng, ROWS, log_uniform(rng, *speed))
        if voice is not None and voice.amplitudes.max() > 0:
            return Voice(voice.frequencies_hz, voice.amplitudes / np.sqrt(2 * voice.power()))
    raise ValueError(f"expected recordings that sound among {', '.join(kinds)} in the split {sources.split}")


def _moved(rng: np.random.Generator, voice: Voice, semitones: float) -> Voice:
    return transposed(voice, 2 ** (rng.uniform(-semitones, semitones) / 12), keep_formants=rng.random() < 0.5)


def _weaker(rng: np.random.Generator, voice: Voice) -> Voice:
    """At 0 to −18 dB, one in six down to −40 dB."""
    lowest = -40 if rng.random() < 1 / 6 else -18
    return Voice(voice.frequencies_hz, voice.amplitudes * 10 ** (rng.uniform(lowest, 0) / 20))


def _speaker(rng: np.random.Generator, sources: Voices) -> Voice:
    return _moved(rng, _drawn(rng, sources, ("speech",), (0.8, 1.25)), 3)


def _singer(rng: np.random.Generator, sources: Voices) -> Voice:
    """A recorded singer, or a speaker whose vowels are held on notes."""
    if sources.speakers("singing") and (rng.random() < 0.5 or not sources.speakers("speech")):
        return _moved(rng, _drawn(rng, sources, ("singing",), (0.7, 1.3)), 4)
    return _moved(rng, sung(_drawn(rng, sources, ("speech",), (0.2, 0.6)), rng), 5)


def _player(rng: np.random.Generator, sources: Voices, *kinds: str) -> Voice:
    return _moved(rng, _drawn(rng, sources, kinds, (0.7, 1.5)), 4)


def _two(rng: np.random.Generator, sources: Voices) -> list[Voice]:
    """Two speakers; one in four a speaker and a singer or two singers."""
    kinds: tuple[Callable[[np.random.Generator, Voices], Voice], ...] = (_speaker, _speaker)
    if rng.random() < 0.25:
        kinds = (_speaker, _singer) if rng.random() < 0.5 else (_singer, _singer)
    return [kinds[0](rng, sources), _weaker(rng, kinds[1](rng, sources))]


def _chorale(rng: np.random.Generator, sources: Voices) -> list[Voice]:
    """Two to four singers and players at consonant intervals, tempered, just or slightly off."""
    count = int(rng.integers(2, 5))
    intervals = [0, *rng.choice(CONSONANT, count - 1, replace=False)]
    root_hz, detune = log_uniform(rng, 90, 350), rng.choice([0.0, 4.0, 15.0])
    players = [kind for kind in ("strings", "winds") if sources.speakers(kind)]
    voices = []
    for index, interval in enumerate(intervals):
        use_player = players and rng.random() < 0.5
        voice = _player(rng, sources, *players) if use_player else _singer(rng, sources)
        own_hz, wanted_hz = voice.median_hz(), root_hz * 2 ** ((interval + rng.normal(0, detune) / 100) / 12)
        # In the octave nearest to where the voice was, so that it still sounds like itself.
        wanted_hz *= 2.0 ** np.rint(np.log2(own_hz / wanted_hz))
        moved = transposed(voice, wanted_hz / own_hz, keep_formants=rng.random() < 0.5)
        voices.append(_weaker(rng, moved) if index else moved)
    return voices


def _piano(rng: np.random.Generator, sources: Voices) -> list[Voice]:
    """One to four lines of a recorded piano, or, one time in four, of drawn strings."""
    count = int(rng.integers(1, 5))
    if not sources.speakers("piano") or rng.random() < 0.25:
        return [_weaker(rng, _string(rng)) for _ in range(2 * count)]
    return [_weaker(rng, _player(rng, sources, "piano")) for _ in range(count)]


def _string(rng: np.random.Generator) -> Voice:
    """A struck string: stretched partials that decay fast, then slowly, the higher the faster."""
    times = (np.arange(ROWS) * LINE_HOP / SAMPLE_RATE)[:, None]
    q = np.arange(1, int(rng.integers(4, 31)))
    f0_hz = 440 * 2 ** ((rng.integers(33, 90) - 69) / 12)
    frequencies = q * f0_hz * np.sqrt(1 + 10 ** rng.uniform(-5, -3) * q**2)
    age = times - rng.uniform(-0.3, 0.9)
    decay_s = log_uniform(rng, 0.1, 2.0) / (1 + rng.uniform(0, 0.5) * (q - 1))
    fall = 0.7 * np.exp(-age / decay_s) + 0.3 * np.exp(-age / (5 * decay_s))
    levels = 10 ** (-(rng.uniform(2, 8) * np.log2(q) + rng.uniform(0, 12, len(q))) / 20)
    rise = 0.5 - 0.5 * np.cos(np.pi * np.clip(age / log_uniform(rng, 0.002, 0.012), 0, 1))
    amplitudes = np.where(frequencies < 8000, levels * rise * fall, 0.0)
    return Voice(np.broadcast_to(frequencies, amplitudes.shape), amplitudes)


def _instruments(rng: np.random.Generator, sources: Voices) -> list[Voice]:
    first = _player(rng, sources, "strings", "winds", "plucked")
    more = int(rng.integers(0, 3))
    return [first, *(_weaker(rng, _player(rng, sources, "strings", "winds", "plucked")) for _ in range(more))]


SCENES: dict[str, Callable[[np.random.Generator, Voices], list[Voice]]] = {
    "speech": lambda rng, sources: [_speaker(rng, sources)],
    "singing": lambda rng, sources: [_singer(rng, sources)],
    "two_voices": _two,
    "chorale": _chorale,
    "piano": _piano,
    "instruments": _instruments,
}
"""Kind of scene -> its voices."""


def _recorded(
    rng: np.random.Generator,
    direct: Floats,
    lines: Lines,
    sources: Voices,
    strokes: float,
    snr_db: tuple[float, float],
) -> Signal:
    """Direct sound with a room, strokes and noise, at a level of −40 to 0 dB."""
    power = (lines.amplitudes**2).sum(axis=1) / 2
    mean_power = float(power[power > 1e-4 * power.max()].mean())
    audio = direct.copy()
    if rng.random() < 0.25:
        audio += _tail(rng, direct)
    if rng.random() < strokes:
        stroke = _strokes(rng, sources)
        peak = float((stroke**2).reshape(-1, SAMPLES // 25).mean(axis=1).max())
        audio += stroke * np.sqrt(mean_power * 10 ** (-rng.uniform(3, 25) / 10) / max(peak, 1e-30))
    noise = _noise(rng, pink=rng.random() < 0.5)
    audio += noise * np.sqrt(mean_power * 10 ** (-rng.uniform(*snr_db) / 10))
    gain = 10 ** (rng.uniform(-40, 0) / 20) / np.abs(audio).max()
    scaled = Lines(lines.times_s, lines.frequencies_hz, gain * lines.amplitudes, lines.phases)
    return (gain * audio).astype(np.float32), scaled


def _noise(rng: np.random.Generator, pink: bool) -> Floats:
    """Noise of unit power, white or with equal power in every octave above 20 Hz."""
    white = rng.standard_normal(SAMPLES)
    if not pink:
        return white
    spectrum = np.fft.rfft(white)
    spectrum /= np.sqrt(np.maximum(np.fft.rfftfreq(SAMPLES, 1 / SAMPLE_RATE), 20.0))
    shaped = np.fft.irfft(spectrum, SAMPLES)
    return np.asarray(shaped / shaped.std())


def _tail(rng: np.random.Generator, direct: Floats) -> Floats:
    """What a room adds 5 ms later: noise that decays by 60 dB in 0.15 to 0.8 s, 14 to 30 dB below the direct sound."""
    decay_s = log_uniform(rng, 0.15, 0.8)
    times = np.arange(round(decay_s * SAMPLE_RATE)) / SAMPLE_RATE
    response = rng.standard_normal(len(times)) * 10 ** (-3 * times / decay_s) * (times > 0.005)
    response *= 10 ** (-rng.uniform(14, 30) / 20) / np.linalg.norm(response)
    return np.asarray(fftconvolve(direct, response)[:SAMPLES])


def _strokes(rng: np.random.Generator, sources: Voices) -> Floats:
    """Strokes of recorded drums, or decaying bursts of noise."""
    players = sources.speakers("drums")
    if players and rng.random() < 0.6:
        player = str(rng.choice(players))
        sound, rate = sources.noise(player, int(rng.integers(sources.count("drums", player))))
        first = int(rng.integers(max(1, int(len(sound) - DURATION_S * rate))))
        part = sound[first : first + int(DURATION_S * rate) + 1]
        if rate != SAMPLE_RATE:
            common = int(np.gcd(int(rate), SAMPLE_RATE))
            part = resample_poly(part, SAMPLE_RATE // common, int(rate) // common)
        return np.pad(part, (0, max(0, SAMPLES - len(part))))[:SAMPLES]
    times = np.arange(SAMPLES) / SAMPLE_RATE
    envelope = np.zeros(SAMPLES)
    for _ in range(int(rng.integers(1, 6))):
        age = times - rng.uniform(0, DURATION_S)
        envelope += rng.uniform(0.2, 1) * np.where(
            age >= 0, np.exp(-np.maximum(age, 0) / log_uniform(rng, 0.005, 0.1)), 0
        )
    return envelope * _noise(rng, pink=rng.random() < 0.5)
