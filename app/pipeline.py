"""The whole signal path behind one streaming object: bank → alignment → sparse code."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sharpear.dsp import Aligner, Filterbank, GammatoneDesign, space_frequencies

from .audio import HIGHEST_RATE_HZ, LOWEST_RATE_HZ
from .config import BankConfig, Config, load_config
from .errors import UsageError
from .frames import Frames, Spectrogram
from .sparse_code import SparseCode

HIGHEST_CENTER = 0.46
"""Of the sample rate: channels nearer to half of it would overlap their own mirror image."""


class Sharpener:
    """Sharpen streaming audio: blocks in, frames out.

    Every frame stands at a multiple of the hop on the input's clock. It leaves `latency_s` later, when the slowest
    channel has heard it; any split of the input into blocks gives the same frames, bit for bit.

    Args:
        sample_rate: Hz, 8000 to 192000.
        preset: a preset's name, the path of a TOML file, or a `Config`.
        streams: number of independent signals (audio channels).
        overrides: settings by dotted name, such as ``{"bank.low_hz": 150.0}``.
        start_s: time of the first sample.

    Raises:
        UsageError: an unknown preset or setting, or a value out of range.

    >>> sharpener = Sharpener(44100, preset="music")
    >>> tone = 0.5 * np.cos(2 * np.pi * 440 / 44100 * np.arange(22050))
    >>> frames = sharpener.process(tone)
    >>> atom = frames.amplitude[-1].argmax()
    >>> bool(abs(frames.instantaneous_frequency[-1, atom] - 440) < 1)
    True
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
        if not LOWEST_RATE_HZ <= sample_rate <= HIGHEST_RATE_HZ:
            expected = f"{LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ} Hz"
            raise UsageError(f"expected a sample rate of {expected}, received {sample_rate:g} Hz")
        if streams < 1:
            raise UsageError(f"expected at least 1 stream, received {streams}")
        if isinstance(preset, Config):
            if overrides:
                raise UsageError("expected overrides with a preset's name, received them with a Config")
            self.config = preset
        else:
            self.config = load_config(preset, overrides)
        self.sample_rate = float(sample_rate)
        self.streams = streams
        self.hop = max(1, round(self.config.frames.hop_ms / 1e3 * sample_rate))
        design = design_bank(self.sample_rate, self.config.bank)
        self.channel_frequencies: NDArray[np.float64] = design.center_hz
        bank = self.config.bank
        self.frequencies: NDArray[np.float64] = space_frequencies(
            design.center_hz[0], design.center_hz[-1], self._atoms(design), bank.scale
        )
        self._bank = Filterbank(design, self.hop, streams)
        limit_samples = self.config.frames.align_limit_ms / 1e3 * sample_rate
        self._aligner = Aligner(self._bank.latency_samples, self.hop, streams, bank.order, limit_samples)
        self._code = SparseCode(design, self._aligner, self.frequencies, self.hop, self.config.network, streams)
        self._start_s = start_s
        self._samples = 0
        self._frames = 0
        self._flat_input = False

    def _atoms(self, design: GammatoneDesign) -> int:
        """The configured count, less the atoms above the highest channel that the sample rate allows."""
        return max(2, round(self.config.atoms.count * design.channels / self.config.bank.channels))

    @property
    def latency_s(self) -> float:
        """Time from a sound to its frame, s."""
        return self._aligner.latency_hops * self.hop / self.sample_rate

    @property
    def replaced(self) -> NDArray[np.int64]:
        """(streams,) unusable input samples (NaN, Inf, beyond 120 dBFS) taken as silence so far."""
        return self._bank.replaced

    def description(self) -> dict[str, Any]:
        """What an output says of how it was made; values fit JSON."""
        return {
            "sample_rate": self.sample_rate,
            "hop": self.hop,
            "latency_s": self.latency_s,
            "config": self.config.model_dump(mode="json"),
        }

    @property
    def state(self) -> dict[str, Any]:
        """Everything that the next output depends on (copies)."""
        return {
            "bank": self._bank.state,
            "aligner": self._aligner.state,
            "code": self._code.state,
            "samples": self._samples,
            "frames": self._frames,
        }

    @state.setter
    def state(self, value: Mapping[str, Any]) -> None:
        self._bank.state = value["bank"]
        self._aligner.state = value["aligner"]
        self._code.state = value["code"]
        self._samples, self._frames = value["samples"], value["frames"]

    def reset(self) -> None:
        """Forget the past: the next output is that of a new object."""
        for part in (self._bank, self._aligner, self._code):
            part.reset()
        self._samples = self._frames = 0

    def process(self, block: ArrayLike) -> Frames:
        """Advance over audio, (samples,) or (samples, streams), full scale ±1; return the frames completed by it.

        Raises:
            UsageError: `block` has another number of streams.
        """
        audio = np.asarray(block, dtype=np.float32)
        self._flat_input = audio.ndim == 1
        if self._flat_input and self.streams == 1:
            audio = audio[:, None]
        if audio.ndim != 2 or audio.shape[1] != self.streams:
            raise UsageError(f"expected audio of shape (samples, {self.streams}), received {np.shape(block)}")
        self._samples += audio.shape[0]
        frames = self._advance(audio)
        return frames.single_stream() if self._flat_input else frames

    def flush(self) -> Frames:
        """The frames still on their way: those up to the last sample, completed by silence."""
        wanted = -(-self._samples // self.hop) + self._aligner.latency_hops
        silence = np.zeros((max(0, wanted * self.hop - self._samples), self.streams), np.float32)
        frames = self._advance(silence)
        return frames.single_stream() if self._flat_input else frames

    def _advance(self, audio: NDArray[np.float32]) -> Frames:
        subbands = self._aligner.process(self._bank.process(audio))
        amplitude, frequency = self._code.process(subbands)
        # Frame n ends at sample (n+1)·hop; those that lie before the first sample only filled the alignment.
        number = self._frames + 1 + np.arange(len(subbands)) - self._aligner.latency_hops
        self._frames += len(subbands)
        times: NDArray[np.float64] = np.float64(self._start_s) + number * (self.hop / self.sample_rate)
        heard = Frames(times, amplitude, frequency, np.abs(subbands.subband))
        return heard[int((number < 0).sum()) :]


def design_bank(sample_rate: float, bank: BankConfig) -> GammatoneDesign:
    """The bank of a configuration at a sample rate, less the channels that it cannot carry.

    Raises:
        UsageError: fewer than two channels fit below half of the sample rate.
    """
    center_hz = space_frequencies(bank.low_hz, bank.high_hz, bank.channels, bank.scale)
    fitting = center_hz[center_hz <= HIGHEST_CENTER * sample_rate]
    if fitting.size < 2:
        raise UsageError(
            f"bank.low_hz = {bank.low_hz:g} Hz leaves no channels below {HIGHEST_CENTER * sample_rate:g} Hz, "
            f"what a sample rate of {sample_rate:g} Hz carries: lower it"
        )
    try:
        return GammatoneDesign.from_scale(
            sample_rate,
            low_hz=bank.low_hz,
            high_hz=fitting[-1],
            channels=fitting.size,
            scale=bank.scale,
            bandwidth=bank.bandwidth,
            bandwidth_unit=bank.bandwidth_unit,
            min_bandwidth_hz=bank.min_bandwidth_hz,
            order=bank.order,
        )
    except ValueError as error:
        raise UsageError(f"bank: {error}") from error


def sharpen(
    audio: ArrayLike,
    sample_rate: float,
    preset: str | Config = "music",
    overrides: Mapping[str, Any] | None = None,
) -> Spectrogram:
    """Sharpen a whole recording: (samples,) or (samples, streams), full scale ±1.

    The result has ``.times`` (frames,) s, ``.frequencies`` (atoms,) Hz, and ``.amplitude`` and
    ``.instantaneous_frequency`` (frames, atoms), or (frames, streams, atoms) for two-dimensional audio.

    Raises:
        UsageError: as `Sharpener`, or `audio` is empty or not one- or two-dimensional.

    >>> spectrogram = sharpen(np.zeros(4410), 44100)
    >>> spectrogram.amplitude.shape == (spectrogram.times.size, spectrogram.frequencies.size)
    True
    """
    samples = np.asarray(audio, dtype=np.float32)
    if samples.ndim not in (1, 2) or samples.size == 0:
        raise UsageError(f"expected audio of shape (samples,) or (samples, streams), received {samples.shape}")
    sharpener = Sharpener(sample_rate, preset, 1 if samples.ndim == 1 else samples.shape[1], overrides)
    frames = Frames.join([sharpener.process(samples), sharpener.flush()])
    return Spectrogram(
        frames.times,
        frames.amplitude,
        frames.instantaneous_frequency,
        frames.plain_amplitude,
        sharpener.frequencies,
        sharpener.channel_frequencies,
    )
