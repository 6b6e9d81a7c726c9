"""Streaming resynthesis: split sound into channels whose sum is the sound, late; and mix them into stems."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sharpear.gpu import CPU, Backend
from sharpear.gpu.arguments import check_audio
from sharpear.gpu.stateful import Stateful

from .splitter_kernel import SplitOut, mix_process, split_process, usable_samples
from .synthesis import SynthesisDesign


@dataclass(frozen=True)
class Split:
    r"""Sound, channel by channel, and what masks are made from; all channels share one delay.

    sound: (samples, streams) float32, the input, `latency_samples` late.
    parts: (samples, streams, channels) float32, ``Re(w_k y_k)``: their sum is close to `sound`.
    subband: (frames, streams, channels) complex64, y_k at each hop's end.
    power: (frames, streams, channels) float32, mean of \|y_k\|² over the hop.

    >>> from sharpear.dsp import GammatoneDesign
    >>> bank = GammatoneDesign.from_scale(8000.0, low_hz=60, high_hz=3600, channels=50, scale="erb")
    >>> split = Splitter(SynthesisDesign.over(bank, latency_s=0.016), hop=40).process(np.zeros((400, 1)))
    >>> split.sound.shape, split.parts.shape, split.power.shape
    ((400, 1), (400, 1, 50), (10, 1, 50))
    """

    sound: NDArray[np.float32]
    parts: NDArray[np.float32]
    subband: NDArray[np.complex64]
    power: NDArray[np.float32]

    def on_host(self, backend: Backend) -> "Split":
        """The same values as NumPy's arrays."""
        return Split(*(backend.numpy(part) for part in (self.sound, self.parts, self.subband, self.power)))


class Splitter(Stateful):
    """Run an analysis bank at every sample and weight its channels so that they add up to the input.

    Channel k filters the sound `delay_samples[k]` late instead of being delayed afterwards: one short memory of the
    input, shared by all channels, does for all of them.

    Args:
        design: delays and weights.
        hop: samples between frames.
        streams: number of independent signals.
        backend: where it runs; what it gives stays there.

    Samples that are not finite, or beyond 120 dB over full scale, are replaced by zero and counted in `replaced`.

    >>> from sharpear.dsp import GammatoneDesign
    >>> bank = GammatoneDesign.from_scale(8000.0, low_hz=60, high_hz=3600, channels=50, scale="erb")
    >>> design = SynthesisDesign.over(bank, latency_s=0.016)
    >>> tone = np.cos(2 * np.pi * 440 / 8000 * np.arange(4000))[:, None].astype(np.float32)
    >>> split = Splitter(design, hop=40).process(tone)
    >>> bool(abs(split.parts.sum(axis=2) - split.sound)[2000:].max() < 0.01)
    True
    """

    def __init__(self, design: SynthesisDesign, hop: int, streams: int = 1, backend: Backend = CPU) -> None:
        if hop < 1 or streams < 1:
            raise ValueError(f"expected at least 1 sample a hop and 1 stream, received {hop=}, {streams=}")
        self.design = design
        self.hop = hop
        self.streams = streams
        bank, weight = design.bank, design.weight
        rows = [bank.pole.real, bank.pole.imag, 1.0 - bank.damping, weight.real, weight.imag]
        self._coefficients = backend.array(np.stack(rows), np.float32)
        self._delay = backend.array(design.delay_samples)
        self._order_tag = (1,) * bank.order
        self._past = max(int(design.delay_samples.max()), design.latency_samples)
        self._remember(
            [
                ("past", np.float32, (streams, self._past)),
                ("stages", np.float32, (streams, 2 * bank.order + 1, bank.channels)),
                ("replaced", np.int64, (streams,)),
                ("filled", np.int64),
            ],
            backend,
            below={"filled": hop},
        )
        constants = {"ORDER": bank.order}
        self._take = backend.kernel(usable_samples, constants, blocks=streams, threads=bank.channels)
        self._split = backend.kernel(split_process, constants, blocks=streams, threads=bank.channels)

    @property
    def latency_samples(self) -> int:
        """Delay of the sum of all parts."""
        return self.design.latency_samples

    @property
    def replaced(self) -> NDArray[np.int64]:
        """(streams,) number of unusable input samples replaced by zero since the last reset."""
        return self.backend.numpy(self._state["replaced"]).copy()

    def process(self, audio: NDArray[np.float32]) -> Split:
        """Advance over `audio`, (samples, streams) float32: as many parts, and the frames completed by it.

        Raises:
            ValueError: `audio` has another number of streams.
        """
        audio = self.backend.array(audio, np.float32)
        check_audio(audio, self.streams)
        state, samples, channels = self._state, audio.shape[0], self.design.bank.channels
        usable = self.backend.empty((self.streams, samples), np.float32)
        self._take(audio, state["replaced"], usable)
        recent = np.concatenate([state["past"], usable], axis=1)
        filled = int(state["filled"])
        count = (filled + samples) // self.hop
        late = self._past - self.latency_samples
        split = Split(
            self.backend.array(recent[:, late : late + samples].T),
            self.backend.empty((samples, self.streams, channels), np.float32),
            self.backend.empty((count, self.streams, channels), np.complex64),
            self.backend.empty((count, self.streams, channels), np.float32),
        )
        self._split(
            recent, self.hop, self._order_tag, self._delay, self._coefficients, state["stages"], filled,
            SplitOut(parts=split.parts, subband=split.subband, power=split.power),
        )  # fmt: skip
        state["past"] = recent[:, samples:]
        state["filled"] = (filled + samples) % self.hop
        return split


class StemMixer(Stateful):
    """Hold what a `Splitter` gives until its shares are known, then sum the parts into stems, and give what is left.

    Shares of a frame belong to the middle of its hop and may come `wait_frames` frames later; between two middles they
    run straight. The last stem is the sound less all others, so that the stems add up to the sound.

    Args:
        channels: channels of the bank.
        sources: stems that have shares.
        hop: samples between frames.
        wait_frames: frames by which the shares lag behind the parts.
        streams: number of independent signals.
        backend: where it runs, as the splitter does.

    >>> mixer = StemMixer(channels=2, sources=1, hop=4, wait_frames=1)
    >>> mixer.latency_samples
    10
    """

    def __init__(
        self, channels: int, sources: int, hop: int, wait_frames: int, streams: int = 1, backend: Backend = CPU
    ) -> None:
        self.sources = sources
        self.hop = hop
        self.latency_samples = (wait_frames + 1) * hop + hop // 2
        """Samples from a sound to its stems, beside the splitter's."""
        self._remember(
            [
                ("sound", np.float32, (streams, self.latency_samples)),
                ("parts", np.float32, (streams, self.latency_samples, channels)),
                ("shares", np.float32, (2, streams, sources, channels)),
                ("row", np.int64),
                ("filled", np.int64),
            ],
            backend,
            below={"filled": hop, "row": self.latency_samples},
        )
        self._mix = backend.kernel(mix_process, blocks=streams, threads=channels)

    def process(self, split: Split, shares: NDArray[np.float32]) -> NDArray[np.float32]:
        """Stems (samples, streams, sources + 1), `latency_samples` late, as many samples as came in.

        shares (frames, streams, sources, channels): of the frames that the split completes.
        """
        state, samples = self._state, split.parts.shape[0]
        known = np.concatenate([state["shares"], self.backend.array(shares)])
        out = self.backend.empty((samples, split.parts.shape[1], self.sources + 1), np.float32)
        filled, row = int(state["filled"]), int(state["row"])
        self._mix(split.sound, split.parts, known, self.hop, filled, row, state["sound"], state["parts"], out)
        state["shares"] = known[len(shares) :]
        state["filled"] = (filled + samples) % self.hop
        state["row"] = (row + samples) % self.latency_samples
        return out
