"""The whole signal path behind one streaming object: bank → alignment → sparse code."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sharpear.dsp import (
    Aligner,
    Filterbank,
    FiniteWindow,
    GammatoneDesign,
    WindowDesign,
    bandwidths_hz,
    space_frequencies,
)
from sharpear.dsp.gammatone import erb_per_decay
from sharpear.gpu import CPU, Backend, Pending

from .audio import HIGHEST_RATE_HZ, LOWEST_RATE_HZ
from .blocks import as_audio, as_streams
from .config import Config, WindowConfig, load_config
from .device import backend_of
from .errors import UsageError
from .frames import Frames, Spectrogram
from .limits import so_many_streams
from .line_code import LineCode
from .phase import PhaseReader
from .sparse_code import SparseCode

HIGHEST_CENTER = 0.46
"""Of the sample rate: channels nearer to half of it would overlap their own mirror image."""


@dataclass(frozen=True)
class Heard:
    """Consecutive frames between the two halves of a `Sharpener`.

    Arrays are those of the sharpener's device.

    drive: (frames, streams, atoms) what the network is driven by.  frequency_hz: like it, Hz.
    subband: (frames, streams, channels) complex64, aligned with them.
    """

    drive: NDArray[Any]
    frequency_hz: NDArray[np.float32]
    subband: NDArray[np.complex64]

    def __len__(self) -> int:
        return len(self.subband)

    def __getitem__(self, frames: slice) -> "Heard":
        return Heard(self.drive[frames], self.frequency_hz[frames], self.subband[frames])


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
        phases: frames also carry each line's phase and the complex subbands.
        device: "cpu", "gpu", "gpu:1" (the second one), or "auto", which takes a GPU if there is one. Frames and states
            are NumPy's on every device, and a state moves between them.

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
        phases: bool = False,
        device: str | Backend = "cpu",
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
        self.backend = backend = backend_of(device)
        self.hop = max(1, round(self.config.frames.hop_ms / 1e3 * sample_rate))
        with so_many_streams(streams):
            self._build(backend)
        self._phases = PhaseReader(self._bank, self._window, self._aligner, self.frequencies) if phases else None
        self._start_s = start_s
        self._samples = self._silence = self._frames = 0
        self._flat_input = False

    def _build(self, backend: Backend) -> None:
        streams = self.streams
        self._bank, self._window, self._aligner = build_front(self.sample_rate, self.hop, self.config, streams, backend)
        design, scale = self._bank.design, self.config.bank.scale
        self.channel_frequencies: NDArray[np.float64] = design.center_hz
        # The configured atoms, less those above the highest channel that the sample rate allows.
        atoms = max(2, round(self.config.atoms.count * design.channels / self.config.bank.channels))
        self.frequencies: NDArray[np.float64] = space_frequencies(
            design.center_hz[0], design.center_hz[-1], atoms, scale
        )
        self._code: LineCode | SparseCode
        if self._window and self.config.network.mode == "lines":
            self._code = LineCode(
                self._window.design, self.frequencies, scale, self.config.lines, self.config.network, streams, backend
            )
        else:
            self._code = SparseCode(
                design, self._aligner, self.frequencies, self.hop, self.config.network, streams, backend
            )
        self._latency_hops = self._aligner.latency_hops + self._code.latency_hops
        self._late = backend.array(np.zeros((self._code.latency_hops, streams, design.channels), np.complex64))

    @property
    def latency_s(self) -> float:
        """Time from a sound to its frame, s."""
        return self._latency_hops * self.hop / self.sample_rate

    @property
    def period_hops(self) -> int:
        """Hops after which all ring buffers stand as before: from there sums are rounded alike."""
        return self._code.period_hops

    @property
    def replaced(self) -> NDArray[np.int64]:
        """(streams,) unusable input samples (NaN, Inf, beyond 120 dBFS) taken as silence so far."""
        return self._bank.replaced

    def power_response(self) -> NDArray[np.float64]:
        """(atoms, channels): the power that a cosine of unit amplitude at an atom's frequency gives each channel."""
        design = self._window.design if self._window else self._bank.design
        return np.square(np.abs(design.response(self.frequencies)))

    def frames_for(self, samples: int) -> int:
        """Number of frames that `samples` give in all, with `flush`.

        >>> sharpener = Sharpener(16000, preset="low-latency")
        >>> frames = len(sharpener.process(np.zeros(1000))) + len(sharpener.flush())
        >>> frames == sharpener.frames_for(1000)
        True
        """
        return self.hops_for(samples) - max(0, self._latency_hops - 1)

    def hops_for(self, samples: int) -> int:
        """Number of hops until the last of them is out: those of `samples`, and those that flush the latency."""
        return -(-samples // self.hop) + self._latency_hops

    def description(self) -> dict[str, Any]:
        """What an output says of how it was made; values fit JSON."""
        return {
            "sample_rate": self.sample_rate,
            "hop": self.hop,
            "latency_s": self.latency_s,
            "config": self.config.model_dump(mode="json"),
        }

    @property
    def _parts(self) -> dict[str, Any]:
        parts = {"bank": self._bank, "window": self._window, "aligner": self._aligner, "code": self._code}
        return {name: part for name, part in parts.items() if part is not None}

    @property
    def state(self) -> dict[str, Any]:
        """Everything that the next output depends on (copies)."""
        counts = {"samples": self._samples, "silence": self._silence, "frames": self._frames}
        return (
            {name: part.state for name, part in self._parts.items()}
            | counts
            | {"late": self.backend.numpy(self._late).copy()}
        )

    @state.setter
    def state(self, value: Mapping[str, Any]) -> None:
        if not isinstance(value, Mapping) or value.keys() != self.state.keys():
            raise UsageError(
                f"expected a Sharpener's state with {', '.join(self.state)}, received {type(value).__name__}"
            )
        for name, part in self._parts.items():
            part.state = value[name]
        self._samples, self._silence, self._frames = value["samples"], value["silence"], value["frames"]
        self._late = self.backend.array(value["late"].copy())

    def reset(self, start_s: float | None = None) -> None:
        """Forget the past: the next output is that of a new object, whose first sample is at `start_s` if given."""
        for part in self._parts.values():
            part.reset()
        self._late[...] = 0
        self._start_s = self._start_s if start_s is None else start_s
        self._samples = self._silence = self._frames = 0

    def process(self, block: ArrayLike) -> Frames:
        """Advance over audio, (samples,) or (samples, streams), full scale ±1; return the frames completed by it.

        Raises:
            UsageError: `block` has another number of streams or holds integers, or `flush` has ended the stream.
        """
        return self.submit(block).result()

    def submit(self, block: ArrayLike) -> Pending[Frames]:
        """`process` without waiting for its frames: a GPU works on while the next block is made ready.

        >>> sharpener = Sharpener(16000, "low-latency")
        >>> first, second = (sharpener.submit(np.zeros(1600)) for _ in range(2))
        >>> frames = Frames.join([first.result(), second.result()])
        """
        audio = as_streams(block, self.streams)
        if self._silence:
            raise UsageError("the stream has ended with flush(): reset() begins the next one")
        self._flat_input = np.ndim(block) == 1
        self._samples += audio.shape[0]
        return self._advance(audio)

    def flush(self) -> Frames:
        """The frames still on their way: those up to the last sample, completed by silence.

        The stream has then ended: `reset` begins the next one.
        """
        missing = max(0, self.hops_for(self._samples) * self.hop - self._samples - self._silence)
        self._silence += missing
        return self._advance(np.zeros((missing, self.streams), np.float32)).result()

    def _advance(self, audio: NDArray[np.float32]) -> Pending[Frames]:
        with self.backend.sent(audio) as ours:
            return self._decide(self.listen(ours), self._flat_input)

    def listen(self, audio: NDArray[np.float32]) -> Heard:
        """The first half of `process`: what (samples, streams) of audio give the network to decide.

        Its memory fades: after some seconds nothing is left of what came before, not even in the last bit.
        """
        subbands = self._bank.process(audio)
        if self._window:
            subbands = self._window.process(subbands)
        subbands = self._aligner.process(subbands)
        late = np.concatenate([self._late, self.backend.array(subbands.subband)])
        self._late, late = late[len(subbands) :].copy(), late[: len(subbands)]
        drive, frequency_hz = self._code.hear(subbands)
        return Heard(drive, frequency_hz, late)

    def resolve(self, heard: Heard) -> Frames:
        """The second half: the network's decisions, which build on those of all frames before."""
        return self._decide(heard).result()

    def _decide(self, heard: Heard, flat: bool = False) -> Pending[Frames]:
        amplitude, frequency = self._code.compete(heard.drive, heard.frequency_hz, heard.subband)
        # Frame n ends at sample (n+1)·hop; those that lie before the first sample only filled the alignment.
        number = self._frames + 1 + np.arange(len(amplitude)) - self._latency_hops
        self._frames += len(amplitude)
        times: NDArray[np.float64] = np.float64(self._start_s) + number * (self.hop / self.sample_rate)
        phases = self._phases

        def frames_of(*parts: NDArray[Any]) -> Frames:
            frames = Frames(times, *parts[:3])
            if phases:
                frames = phases.read(frames, parts[3])
            frames = frames[int((number < 0).sum()) :]
            return frames.single_stream() if flat else frames

        parts = [amplitude, frequency, np.abs(heard.subband), *([heard.subband] if phases else [])]
        return self.backend.fetch(*parts, make=frames_of)


LARGEST_SPACING = 1.6
"""Distance of neighbouring channels times window length, at most: their responses then meet above -4 dB."""


def build_front(
    sample_rate: float, hop: int, config: Config, streams: int, backend: Backend = CPU
) -> tuple[Filterbank, FiniteWindow | None, Aligner]:
    """The bank of a configuration, its finite windows if it has them, and the alignment of what comes last.

    Raises:
        UsageError: fewer than two channels fit below half of the sample rate.
    """
    bank = config.bank
    center_hz = space_frequencies(bank.low_hz, bank.high_hz, bank.channels, bank.scale)
    center_hz = center_hz[center_hz <= HIGHEST_CENTER * sample_rate]
    if center_hz.size < 2:
        raise UsageError(
            f"bank.low_hz = {bank.low_hz:g} Hz leaves no channels below {HIGHEST_CENTER * sample_rate:g} Hz, "
            f"what a sample rate of {sample_rate:g} Hz carries: lower it"
        )
    limit_samples = config.frames.align_limit_ms / 1e3 * sample_rate
    if bank.bandwidth_unit != "window":
        bandwidth_hz = np.maximum(bandwidths_hz(center_hz, bank.bandwidth, bank.bandwidth_unit), bank.min_bandwidth_hz)
        filterbank = Filterbank(
            GammatoneDesign(sample_rate, center_hz, bandwidth_hz, bank.order), hop, streams, backend
        )
        delay = filterbank.latency_samples
        return filterbank, None, Aligner(delay, hop, streams, bank.order, limit_samples, backend)
    length_hops = window_lengths(center_hz, config.window, sample_rate / hop)
    decay_hz = bank.bandwidth * sample_rate / (hop * length_hops) / (2 * np.pi)
    design = GammatoneDesign(sample_rate, center_hz, decay_hz * erb_per_decay(bank.order), bank.order)
    window = FiniteWindow(WindowDesign.over(design, length_hops, hop), streams, backend)
    aligner = Aligner(window.latency_samples, hop, streams, 1, limit_samples, backend)
    return Filterbank(design, hop, streams, backend), window, aligner


def window_lengths(center_hz: NDArray[np.float64], window: WindowConfig, frames_per_s: float) -> NDArray[np.int64]:
    """(channels,) window lengths in hops, at least 4: the time that each channel listens.

    Where channels stand far apart the windows are shorter than configured, so that no tone falls between two.
    """
    length_ms = window.long_ms * (center_hz / window.knee_hz) ** -window.slope
    length_s = length_ms.clip(window.short_ms, window.long_ms) / 1e3
    hops = np.rint(np.minimum(length_s, LARGEST_SPACING / np.gradient(center_hz)) * frames_per_s)
    return hops.clip(min=4).astype(np.int64)


def sharpen(
    audio: ArrayLike,
    sample_rate: float,
    preset: str | Config = "music",
    overrides: Mapping[str, Any] | None = None,
    *,
    device: str | Backend = "cpu",
) -> Spectrogram:
    """Sharpen a whole recording: (samples,) or (samples, streams), full scale ±1.

    The result has ``.times`` (frames,) s, ``.frequencies`` (atoms,) Hz, and ``.amplitude`` and
    ``.instantaneous_frequency`` (frames, atoms), or (frames, streams, atoms) for two-dimensional audio.

    Raises:
        UsageError: as `Sharpener`, or `audio` is empty, not one- or two-dimensional, or holds integers.

    >>> spectrogram = sharpen(np.zeros(4410), 44100)
    >>> spectrogram.amplitude.shape == (spectrogram.times.size, spectrogram.frequencies.size)
    True
    """
    samples = as_audio(audio)
    if samples.ndim not in (1, 2) or samples.size == 0:
        raise UsageError(f"expected audio of shape (samples,) or (samples, streams), received {samples.shape}")
    streams = 1 if samples.ndim == 1 else samples.shape[1]
    sharpener = Sharpener(sample_rate, preset, streams, overrides, device=device)
    frames = Frames.join([sharpener.process(samples), sharpener.flush()])
    return Spectrogram(
        frames.times,
        frames.amplitude,
        frames.instantaneous_frequency,
        frames.plain_amplitude,
        sharpener.frequencies,
        sharpener.channel_frequencies,
        sharpener.latency_s,
    )
