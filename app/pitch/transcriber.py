"""Audio in, voices and notes out."""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sharpear.audio.blocks import as_streams
from sharpear.audio.mono import MonoMix, signs_that_keep
from sharpear.config import Config, TuningConfig, configured
from sharpear.gpu import Backend, Pending
from sharpear.recordings.whole import Progress, heard, in_blocks
from sharpear.sharpening.composite import Streaming
from sharpear.sharpening.results import ArrayResult, counted
from sharpear.sharpening.sharpener import Sharpener
from sharpear.sinks import write_whole
from sharpear.sinks.music import STANDARD

from .below import LowPitches
from .notes import Note, Voices, notes_of
from .pitch_layer import PitchFrames, PitchLayer
from .voice_curves import curves_of


class Transcriber(Streaming[PitchFrames]):
    """Follow the voices in streaming audio: blocks in, `PitchFrames` out.

    A `Sharpener` and a `PitchLayer` in a row; a frame leaves `latency_s` after its sound. The sharpener looks for no
    voices, whatever `voices.enabled` says: the pitches would be the same, at twice the cost.

    Args:
        sample_rate, preset, streams, start_s: as of a `Sharpener`.
        overrides: settings by dotted name, such as ``{"pitch.high_hz": 2000.0}``.
        device: where the sharpener runs, as of a `Sharpener`. The pitch layer runs on the CPU, whatever the device.

    Raises:
        UsageError: an unknown preset or setting, or a value out of range.

    >>> transcriber = Transcriber(16000, "low-latency")
    >>> frames = transcriber.process(np.zeros(8000))
    >>> frames.f0.shape == (len(frames), 8)
    True
    """

    def __init__(
        self, sample_rate: float, preset: str | Config = "music", streams: int = 1,
        overrides: Mapping[str, Any] | None = None, *, start_s: float = 0.0, device: str | Backend = "cpu",
    ) -> None:  # fmt: skip
        config = configured(preset, overrides)
        unvoiced = config.model_copy(update={"voices": config.voices.model_copy(update={"enabled": False})})
        self.sharpener = Sharpener(sample_rate, unvoiced, streams, start_s=start_s, device=device)
        """What the pitches are read from."""
        self.sample_rate, self.streams = self.sharpener.sample_rate, self.sharpener.streams
        self.backend = self.sharpener.backend
        self._flat_input = False
        self._latest: Callable[[], PitchFrames] | None = None

    @cached_property
    def layer(self) -> PitchLayer:
        """What reads them; made when it is asked for, as one voice is sought without it in recordings."""
        return PitchLayer.over(self.sharpener, self.sharpener.config.pitch, self.streams)

    @property
    def latency_s(self) -> float:
        """Time from a sound to its voices, s."""
        return self.sharpener.latency_s + self.layer.latency_s

    @property
    def lowest_hz(self) -> float:
        """Where pitches begin to be told, Hz."""
        return self.sharpener.config.pitch.low_hz

    @property
    def replaced(self) -> NDArray[np.int64]:
        """(streams,) unusable input samples (NaN, Inf, beyond 120 dBFS) taken as silence so far."""
        return self.sharpener.replaced

    def _summary(self) -> str:
        pitch = self.sharpener.config.pitch
        return f"up to {counted(pitch.voices, 'voice')} of {pitch.low_hz:.4g} to {pitch.high_hz:.4g} Hz"

    @property
    def _parts(self) -> dict[str, Any]:
        self._catch_up()
        return {"sharpener": self.sharpener, "layer": self.layer}

    def reset(self, start_s: float | None = None) -> None:
        """Forget the past: the next output is that of a new object, whose first sample is at `start_s` if given."""
        super().reset()
        self.sharpener.reset(start_s)

    def submit(self, block: ArrayLike) -> Pending[PitchFrames]:
        """`process` without waiting for its frames. Blocks are decided in order, whichever is waited for first."""
        audio = as_streams(block, self.streams)
        self._flat_input = flat = np.ndim(block) == 1
        coming = self.sharpener.submit(audio)
        self._catch_up()

        @cache
        def decided() -> PitchFrames:
            frames = self.layer.process(coming.result())
            return frames.single_stream() if flat else frames

        self._latest = decided
        return Pending(lambda: (), decided)

    def _catch_up(self) -> None:
        """Let the pitch layer decide what was submitted and not yet waited for."""
        if self._latest:
            self._latest()
            self._latest = None

    def flush(self) -> PitchFrames:
        """The frames still on their way. The stream has then ended: `reset` begins the next one."""
        self._catch_up()
        frames = PitchFrames.join([self.layer.process(self.sharpener.flush()), self.layer.flush()])
        return frames.single_stream() if self._flat_input else frames


@dataclass(frozen=True, eq=False, repr=False)
class Transcription(ArrayResult):
    """The voices of a recording and their notes.

    voices: their curves, as a `Voices`.  notes: each a `Note`, in the order of their onsets.
    outside_s: seconds in which pitches below, and above, the range of the settings sounded and were left out.
    lowest_hz: the lowest of those that no setting would bring in, Hz; 0 where there are none.
    sample_rate: of the recording, Hz.  tuning: what the notes are named by.

    >>> sung = transcribe(0.5 * np.cos(2 * np.pi * 440 / 16000 * np.arange(16000)), 16000, "low-latency")
    >>> [note.midi for note in sung.notes], float(np.median(sung.voices.f0[sung.voices.f0 > 0]).round())
    ([69], 440.0)
    """

    voices: Voices
    notes: list[Note]
    outside_s: tuple[float, float] = (0.0, 0.0)
    lowest_hz: float = 0.0
    sample_rate: float = 44100.0
    tuning: TuningConfig = STANDARD

    def save(self, path: str | Path) -> Path:
        """Write the notes as .csv, .mid, .jsonl, .txt, .TextGrid, .svl, .sv.csv, .jams or .parquet, as the name ends.

        The curves are written as f0.csv, .PitchTier, f0.sv.csv or f0.parquet.

        Raises:
            UsageError: the name ends in none of these, or pyarrow is not installed and wanted.
            InputError: it cannot be written.
        """
        from .note_files import FORMATS, format_of  # noqa: PLC0415 (which stands on this module)

        place = Path(path)
        write_whole(place, FORMATS[format_of(place)](self))
        return place

    def _repr_html_(self) -> str:
        """The first notes as a table, and what `repr` says."""
        from .note_table import note_table  # noqa: PLC0415 (which stands on this module)

        return note_table(self)

    def _summary(self) -> list[str]:
        return [counted(len(self.notes), "note"), *self.voices._summary()]


def transcribe(
    audio: ArrayLike | str | os.PathLike[str],
    sample_rate: float | None = None,
    preset: str | Config = "music",
    overrides: Mapping[str, Any] | None = None,
    *,
    device: str | Backend = "cpu",
    progress: Progress | None = None,
) -> Transcription:
    """Transcribe a whole recording: a path or URL, or (samples,) or (samples, channels), full scale ±1.

    One voice (`pitch.voices` of 1, as in preset ``speech``) is sought alone, as `OneVoice` does; several by the layer.

    Channels are averaged; where they would cancel each other in that, those that run against the strongest are turned
    over.  progress: as of `sharpen`.

    Raises:
        UsageError: as `Transcriber`, or as `sharpen` of its audio.
        InputError: a file that is missing or holds no audio.

    >>> t = np.arange(22050) / 44100
    >>> tone = sum(0.1 / h * np.cos(2 * np.pi * 220 * h * t) for h in range(1, 7))
    >>> [(note.midi, round(note.cents)) for note in transcribe(tone, 44100).notes]
    [(57, 0)]
    """
    samples, rate = heard(audio, sample_rate)
    samples = samples[:, None] if samples.ndim == 1 else samples
    mix = MonoMix(signs_that_keep([samples]) if samples.shape[1] > 1 else None)
    blocks = (mix.mix(block) for block in in_blocks(samples, rate, progress))
    return transcribed(Transcriber(rate, preset, overrides=overrides, device=device), blocks)


def transcribed(transcriber: Transcriber, blocks: Iterable[NDArray[np.float32]]) -> Transcription:
    """The voices and notes of all blocks (samples, 1)."""
    low = LowPitches(transcriber.sharpener.sample_rate, transcriber.lowest_hz)
    sharpener = transcriber.sharpener
    curves = curves_of(sharpener.config.pitch, sharpener.hop / sharpener.sample_rate, lambda: transcriber.layer)
    for block in blocks:
        curves.hear(sharpener.process(block))
        low.process(block[:, 0])
    curves.hear(sharpener.flush())
    curves.end()
    voices = curves.voices()
    tuning, (below_s, above_s) = transcriber.sharpener.config.tuning, curves.outside_s
    notes, outside_s = notes_of(voices, curves.begins, tuning), (max(below_s, low.seconds), above_s)
    return Transcription(voices, notes, outside_s, low.lowest_hz, transcriber.sample_rate, tuning)
