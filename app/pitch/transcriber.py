"""Audio in, voices and notes out."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sharpear.audio import AudioFile, Selection
from sharpear.audio.blocks import BLOCK_SAMPLES, as_recording
from sharpear.config import Config, load_config
from sharpear.interrupt import Interruption
from sharpear.sharpening.composite import Composite
from sharpear.sharpening.feasible import check_pitch_needs
from sharpear.sharpening.sharpener import Sharpener

from .notes import Note, Voices, notes_of
from .pitch_layer import PitchFrames, PitchLayer


class Transcriber(Composite):
    """Follow the voices in streaming audio: blocks in, `PitchFrames` out.

    A `Sharpener` and a `PitchLayer` in a row; a frame leaves `latency_s` after its sound.

    Args:
        sample_rate: Hz.
        preset: a preset's name, the path of a TOML file, or a `Config`.
        streams: number of independent signals.
        overrides: settings by dotted name, such as ``{"pitch.high_hz": 2000.0}``.
        start_s: time of the first sample.

    Raises:
        UsageError: an unknown preset or setting, or a value out of range.
    """

    def __init__(
        self,
        sample_rate: float,
        preset: str | Config = "music",
        streams: int = 1,
        overrides: Mapping[str, Any] | None = None,
        *,
        start_s: float = 0.0,
    ) -> None:
        if not isinstance(preset, Config):
            preset, overrides = load_config(preset, overrides), None
        lines = preset.lines.model_copy(update={"noise_db": preset.pitch.noise_db})
        heard = preset.model_copy(update={"lines": lines})
        self.sharpener = Sharpener(sample_rate, heard, streams, overrides, start_s=start_s)
        hop_s = self.sharpener.hop / self.sharpener.sample_rate
        atoms, channels = self.sharpener.frequencies.size, self.sharpener.channel_frequencies.size
        check_pitch_needs(heard, atoms, hop_s)
        self.layer = PitchLayer(hop_s, atoms, channels, self.sharpener.config.pitch, streams)

    @property
    def latency_s(self) -> float:
        """Time from a sound to its voices, s."""
        return self.sharpener.latency_s + self.layer.latency_s

    @property
    def _parts(self) -> dict[str, Any]:
        return {"sharpener": self.sharpener, "layer": self.layer}

    def process(self, block: ArrayLike) -> PitchFrames:
        """Advance over audio (samples, streams), full scale ±1; return the frames whose voices are decided."""
        return self.layer.process(self.sharpener.process(block))

    def flush(self) -> PitchFrames:
        """The frames still on their way. The stream has then ended: `reset` begins the next one."""
        return PitchFrames.join([self.layer.process(self.sharpener.flush()), self.layer.flush()])


class VoiceCurves:
    """Collects the first stream's voices at the pitch layer's own steps, which is all that notes need."""

    def __init__(self, layer: PitchLayer) -> None:
        self._layer = layer
        self._next = 0
        self._pieces: list[tuple[NDArray[Any], ...]] = []
        self._outside = np.zeros(2, np.int64)

    def add(self, frames: PitchFrames) -> None:
        """Append consecutive frames."""
        chosen = frames[self._next :: self._layer.stride]
        self._next = (self._next - len(frames)) % self._layer.stride
        own = self._layer.shares(chosen)[:, 0] * chosen.amplitude[:, 0, None]
        amplitude = np.sqrt(np.square(own).sum(axis=-1))
        self._outside += chosen.outside[:, 0].sum(axis=0)
        self._pieces.append((chosen.times, chosen.f0[:, 0], amplitude))

    @property
    def outside_s(self) -> tuple[float, float]:
        """Seconds in which pitches below, and above, the range were left out."""
        below, above = self._outside * (self._layer.stride * self._layer.hop_s)
        return float(below), float(above)

    def voices(self) -> Voices:
        """All of them."""
        return Voices(*(np.concatenate(part) for part in zip(*self._pieces, strict=True)))


@dataclass(frozen=True)
class Transcription:
    """The voices of a recording and their notes.

    outside_s: seconds in which pitches below, and above, the range of the settings sounded and were left out.
    """

    voices: Voices
    notes: list[Note]
    outside_s: tuple[float, float] = (0.0, 0.0)


def transcribe(
    audio: ArrayLike,
    sample_rate: float,
    preset: str | Config = "music",
    overrides: Mapping[str, Any] | None = None,
) -> Transcription:
    """Transcribe a whole recording: (samples,) or (samples, channels), full scale ±1; channels are averaged.

    Raises:
        UsageError: as `Transcriber`, or `audio` is empty, not one- or two-dimensional, holds integers, or has more
            channels than samples.

    >>> t = np.arange(22050) / 44100
    >>> tone = sum(0.1 / h * np.cos(2 * np.pi * 220 * h * t) for h in range(1, 7))
    >>> [(note.midi, round(note.cents)) for note in transcribe(tone, 44100).notes]
    [(57, 0)]
    """
    samples = as_recording(audio)
    mono = samples if samples.ndim == 1 else samples.mean(axis=1, dtype=np.float32)
    blocks = (mono[n : n + BLOCK_SAMPLES, None] for n in range(0, len(mono), BLOCK_SAMPLES))
    return _transcribed(Transcriber(sample_rate, preset, overrides=overrides), blocks)


def _transcribed(transcriber: Transcriber, blocks: Iterable[NDArray[np.float32]]) -> Transcription:
    curves = VoiceCurves(transcriber.layer)
    for block in blocks:
        curves.add(transcriber.process(block))
    curves.add(transcriber.flush())
    voices = curves.voices()
    return Transcription(voices, notes_of(voices), curves.outside_s)


def transcribe_file(
    path: Path,
    config: Config,
    selection: Selection,
    progress: Callable[[float, float], None] | None = None,
) -> tuple[Transcription, float, bool]:
    """Transcribe one file, its channels averaged: the result, the seconds heard, and whether that was all.

    `progress` receives (seconds done, seconds in all). After Ctrl-C what was heard so far is transcribed.

    Raises:
        InputError, UsageError: as `AudioFile` and `Transcriber` raise them.
        KeyboardInterrupt: nothing was heard yet, or the user asked twice.
    """
    with Interruption() as interruption, AudioFile(path, replace(selection, mono=True, keep=True)) as audio:
        transcriber = Transcriber(audio.sample_rate, config, start_s=audio.start_s)
        done = 0

        def blocks() -> Iterator[NDArray[np.float32]]:
            nonlocal done
            for block in audio.blocks(BLOCK_SAMPLES):
                yield block
                interruption.patient = True
                done += len(block)
                if progress:
                    progress(done / audio.sample_rate, audio.samples / audio.sample_rate)
                if interruption.requested:
                    return

        result = _transcribed(transcriber, blocks())
        return result, done / audio.sample_rate, done == audio.samples
