"""The front of the signal path: a configuration's bank, its finite windows, and the alignment of what comes last."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpear.config import BankConfig, Config, WindowConfig
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
from sharpear.errors import UsageError
from sharpear.gpu import CPU, Backend

from .composite import Composite
from .feasible import check_needs, check_spacing
from .phase import PhaseReader

HIGHEST_CENTER = 0.46
"""The highest centre, as a share of the sample rate: a channel nearer to .5 would overlap its own mirror image."""

LARGEST_SPACING = 1.6
"""The largest product of a window's length and the distance of neighbouring channels: their responses meet at -4 dB."""

SLOWEST_DECAY = 1e-5
"""The slowest decay of a channel, per sample: single precision turns a pole nearer to the unit circle into another."""


class SubbandFront(Composite):
    """A configuration's gammatone bank, its finite windows if it has them, and the alignment.

    Args:
        latency_hops: how late the subbands are to be; as their windows are, if not given.

    Raises:
        UsageError: fewer than two channels fit below half of the sample rate, they are too narrow or too wide for it,
            need too much memory, or are later than they are to be.
    """

    def __init__(
        self,
        sample_rate: float,
        hop: int,
        config: Config,
        streams: int,
        backend: Backend = CPU,
        latency_hops: int | None = None,
    ) -> None:
        design, windows = _front_design(sample_rate, hop, config)
        self.bank = Filterbank(design, hop, streams, backend)
        self.window = FiniteWindow(windows, streams, backend) if windows else None
        delay_samples = self.window.latency_samples if self.window else self.bank.latency_samples
        limit_samples = config.frames.align_limit_ms / 1e3 * sample_rate
        try:
            self.aligner = Aligner(delay_samples, hop, streams, limit_samples, latency_hops, backend)
        except ValueError as error:
            raise UsageError(f"window.long_ms: {error}, which beliefs do not wait for: shorten the windows") from error

    @property
    def _parts(self) -> dict[str, Any]:
        parts = {"bank": self.bank, "window": self.window, "aligner": self.aligner}
        return {name: part for name, part in parts.items() if part is not None}

    def process(self, audio: NDArray[np.float32]) -> NDArray[np.complex64]:
        """(frames, streams, channels) of the frames completed by (samples, streams) of audio, aligned."""
        frames = self.bank.process(audio)
        return self.aligner.process((self.window.process(frames) if self.window else frames).subband)

    def power_response(self, atom_hz: NDArray[np.float64]) -> NDArray[np.float64]:
        """(atoms, channels) power of the bank's subbands, or of its windows."""
        design = self.window.design if self.window else self.bank.design
        return np.square(np.abs(design.response(atom_hz)))

    def phase_reader(self, atom_hz: NDArray[np.float64]) -> PhaseReader:
        """What reads phases from these subbands."""
        return PhaseReader(self.bank, self.window, self.aligner, atom_hz)


def _front_design(sample_rate: float, hop: int, config: Config) -> tuple[GammatoneDesign, WindowDesign | None]:
    bank, center_hz = config.bank, channels_of(config.bank, sample_rate)
    check_needs(config, center_hz, hop / sample_rate)
    if bank.bandwidth_unit != "window":
        bandwidth_hz = np.maximum(bandwidths_hz(center_hz, bank.bandwidth, bank.bandwidth_unit), bank.min_bandwidth_hz)
        check_bandwidths(bandwidth_hz, sample_rate, bank)
        return GammatoneDesign(sample_rate, center_hz, bandwidth_hz, bank.order), None
    length_hops = window_lengths(center_hz, config.window, sample_rate / hop)
    decay_hz = bank.bandwidth * sample_rate / (hop * length_hops) / (2 * np.pi)
    design = GammatoneDesign(sample_rate, center_hz, decay_hz * erb_per_decay(bank.order), bank.order)
    return design, WindowDesign.over(design, length_hops, hop)


def channels_of(bank: BankConfig, sample_rate: float) -> NDArray[np.float64]:
    """The configured centres, Hz, less those that the sample rate does not carry.

    Raises:
        UsageError: fewer than two are left, or neighbours cannot be told apart.
    """
    center_hz = space_frequencies(bank.low_hz, bank.high_hz, bank.channels, bank.scale)
    center_hz = center_hz[center_hz <= HIGHEST_CENTER * sample_rate]
    if center_hz.size < 2:
        raise UsageError(
            f"bank.low_hz = {bank.low_hz:g} Hz leaves no channels below {HIGHEST_CENTER * sample_rate:g} Hz, "
            f"what a sample rate of {sample_rate:g} Hz carries: lower it"
        )
    check_spacing(center_hz, "bank.channels")
    return center_hz


def check_bandwidths(bandwidth_hz: NDArray[np.float64], sample_rate: float, bank: BankConfig) -> None:
    """Check that single precision can run the channels' filters.

    Raises:
        UsageError: one is too narrow or too wide.
    """
    narrowest = SLOWEST_DECAY * sample_rate * erb_per_decay(bank.order) / (2 * np.pi)
    widest = sample_rate / 2
    if bandwidth_hz.min() < narrowest or bandwidth_hz.max() > widest:
        raise UsageError(
            f"bank.bandwidth = {bank.bandwidth:g} {bank.bandwidth_unit} (at least {bank.min_bandwidth_hz:g} Hz, "
            f"bank.min_bandwidth_hz) gives channels of {bandwidth_hz.min():.3g} to {bandwidth_hz.max():.3g} Hz: "
            f"expected {narrowest:.3g} to {widest:g} Hz at a sample rate of {sample_rate:g} Hz"
        )


def window_lengths(center_hz: NDArray[np.float64], window: WindowConfig, frames_per_s: float) -> NDArray[np.int64]:
    """(channels,) window lengths in hops, at least 4: the time that each channel listens.

    Where channels stand far apart the windows are shorter than configured, so that no tone falls between two.
    """
    length_ms = window.long_ms * (center_hz / window.knee_hz) ** -window.slope
    length_s = length_ms.clip(window.short_ms, window.long_ms) / 1e3
    hops = np.rint(np.minimum(length_s, LARGEST_SPACING / np.gradient(center_hz)) * frames_per_s)
    return hops.clip(min=4).astype(np.int64)
