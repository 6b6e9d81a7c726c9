"""Streaming resynthesis: split sound into channels whose sum is the sound, late; and mix them into stems."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .splitter_kernel import mix_process, split_process, usable_samples
from .stateful import Stateful
from .synthesis import SynthesisDesign


@dataclass(frozen=True)
class Split:
    r"""Sound, channel by channel, and what masks are made from; all channels share one delay.

    parts: (samples, streams, channels) float32, ``Re(w_k y_k)``: their sum is the sound, `latency_samples` late.
    subband: (frames, streams, channels) complex64, y_k at each hop's end.
    power: (frames, streams, channels) float32, mean of \|y_k\|² over the hop.
    """

    parts: NDArray[np.float32]
    subband: NDArray[np.complex64]
    power: NDArray[np.float32]


class Splitter(Stateful):
    """Run an analysis bank at every sample and weight its channels so that they add up to the input.

    Channel k hears the sound `delay_samples[k]` late instead of being delayed afterwards: one short memory of the
    input, shared by all channels, does for all of them.

    Args:
        design: delays and weights.
        hop: samples between frames.
        streams: number of independent signals.

    Samples that are not finite, or beyond 120 dB over full scale, are replaced by zero and counted in `replaced`.

    >>> from sharpear.dsp import GammatoneDesign
    >>> bank = GammatoneDesign.from_scale(8000.0, low_hz=60, high_hz=3600, channels=50, scale="erb")
    >>> design = SynthesisDesign.over(bank, latency_s=0.016)
    >>> tone = np.cos(2 * np.pi * 440 / 8000 * np.arange(4000))[:, None].astype(np.float32)
    >>> heard = Splitter(design, hop=40).process(tone).parts.sum(axis=2)
    >>> bool(abs(heard[2000:] - tone[2000 - 128 : -128]).max() < 0.01)
    True
    """

    def __init__(self, design: SynthesisDesign, hop: int, streams: int = 1) -> None:
        if hop < 1 or streams < 1:
            raise ValueError(f"expected at least 1 sample a hop and 1 stream, received {hop=}, {streams=}")
        self.design = design
        self.hop = hop
        self.streams = streams
        bank, weight = design.bank, design.weight
        rows = [bank.pole.real, bank.pole.imag, 1.0 - bank.damping, weight.real, weight.imag]
        self._coefficients = np.stack(rows).astype(np.float32)
        self._order_tag = (1,) * bank.order
        self._past = int(design.delay_samples.max())
        self._remember(
            [
                ("past", np.float32, (streams, self._past)),
                ("stages", np.float32, (streams, 2 * bank.order + 1, bank.channels)),
                ("replaced", np.int64, (streams,)),
                ("filled", np.int64),
            ]
        )

    @property
    def latency_samples(self) -> int:
        """Delay of the sum of all parts."""
        return self.design.latency_samples

    @property
    def replaced(self) -> NDArray[np.int64]:
        """(streams,) number of unusable input samples replaced by zero since the last reset."""
        return self._state["replaced"].copy()

    def process(self, audio: NDArray[np.float32]) -> Split:
        """Advance over `audio`, (samples, streams) float32: as many parts, and the frames completed by it.

        Raises:
            ValueError: `audio` has another number of streams.
        """
        audio = np.ascontiguousarray(audio, dtype=np.float32)
        if audio.ndim != 2 or audio.shape[1] != self.streams:
            raise ValueError(f"expected audio of shape (samples, {self.streams}), received {audio.shape}")
        state, samples, channels = self._state, audio.shape[0], self.design.bank.channels
        heard = np.empty((self.streams, self._past + samples), np.float32)
        heard[:, : self._past] = state["past"]
        usable_samples(audio, state["replaced"], heard[:, self._past :])
        filled = int(state["filled"])
        count = (filled + samples) // self.hop
        split = Split(
            np.empty((samples, self.streams, channels), np.float32),
            np.empty((count, self.streams, channels), np.complex64),
            np.empty((count, self.streams, channels), np.float32),
        )
        split_process(
            heard,
            self.hop,
            self._order_tag,
            self.design.delay_samples,
            self._coefficients,
            state["stages"],
            filled,
            (split.parts, split.subband, split.power),
        )
        state["past"] = heard[:, samples:]
        state["filled"] = (filled + samples) % self.hop
        return split


class StemMixer(Stateful):
    """Hold the parts of a `Splitter` until their shares are known, and sum them into stems.

    Shares of frame f belong to the middle of its hop and may come `wait_frames` frames later; between two middles they
    run straight.

    Args:
        channels: channels of the bank.
        sources: stems.
        hop: samples between frames.
        wait_frames: frames by which the shares lag behind the parts.
        streams: number of independent signals.

    >>> mixer = StemMixer(channels=2, sources=1, hop=4, wait_frames=1)
    >>> mixer.latency_samples
    10
    """

    def __init__(self, channels: int, sources: int, hop: int, wait_frames: int, streams: int = 1) -> None:
        self.sources = sources
        self.hop = hop
        self._wait = wait_frames
        self.latency_samples = (wait_frames + 1) * hop + hop // 2
        self._remember(
            [
                ("ring", np.float32, (streams, self.latency_samples, channels)),
                ("shares", np.float32, (2, streams, sources, channels)),
                ("row", np.int64),
                ("filled", np.int64),
            ]
        )

    def process(self, parts: NDArray[np.float32], shares: NDArray[np.float32]) -> NDArray[np.float32]:
        """parts (samples, streams, channels), shares (frames that they complete, streams, sources, channels) → stems.

        As many samples come out, (samples, streams, sources), `latency_samples` late.
        """
        state, samples = self._state, parts.shape[0]
        known = np.concatenate([state["shares"], shares])
        out = np.empty((samples, parts.shape[1], self.sources), np.float32)
        filled, depth = int(state["filled"]), state["ring"].shape[1]
        mix_process(parts, known, self.hop, filled, state["ring"], int(state["row"]), out)
        state["shares"] = known[len(shares) :]
        state["filled"] = (filled + samples) % self.hop
        state["row"] = (state["row"] + samples) % depth
        return out
