"""Streaming complex gammatone filterbank: audio blocks in, hop-rate subband frames out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sharpear.gpu import CPU, Backend
from sharpear.gpu.arguments import check_audio
from sharpear.gpu.stateful import Stateful

from .filterbank_kernel import STATE_ROWS, FilterbankParts, HopOut, filterbank_process
from .gammatone import GammatoneDesign


@dataclass(frozen=True)
class SubbandFrames:
    r"""What a filterbank says at the end of each hop.

    stages: (frames, streams, order, channels) complex64, the output of every one-pole of the cascade, first to last.
    power: (frames, streams, channels) float32, mean of \|subband\|² over the hop.
    instantaneous_hz: (frames, streams, channels) float32, rate of the subband's phase at the frame's end.

    >>> bank = Filterbank(GammatoneDesign.from_scale(44100.0, low_hz=220, high_hz=880, channels=25), hop=441)
    >>> tone = np.cos(2 * np.pi * 440 / 44100 * np.arange(44100)).astype(np.float32)
    >>> last = bank.process(tone[:, None])[-1:]
    >>> float(last.power[0, 0, 12].round(3)), round(float(last.instantaneous_hz[0, 0, 12]))
    (1.0, 440)
    """

    stages: NDArray[np.complex64]
    power: NDArray[np.float32]
    instantaneous_hz: NDArray[np.float32]

    @property
    def subband(self) -> NDArray[np.complex64]:
        """(frames, streams, channels) complex64: a cosine of amplitude A at a channel's centre gives modulus A."""
        return self.stages[:, :, -1]

    def __len__(self) -> int:
        return len(self.power)

    def __getitem__(self, frames: slice) -> "SubbandFrames":
        return SubbandFrames(self.stages[frames], self.power[frames], self.instantaneous_hz[frames])

    @staticmethod
    def allocate(frames: int, streams: int, order: int, channels: int, backend: Backend = CPU) -> "SubbandFrames":
        """Uninitialised frames to be filled by `Filterbank.process`."""
        return SubbandFrames(
            backend.empty((frames, streams, order, channels), np.complex64),
            backend.empty((frames, streams, channels), np.float32),
            backend.empty((frames, streams, channels), np.float32),
        )


class Filterbank(Stateful):
    """Run a `GammatoneDesign` over streams of audio, block by block.

    Args:
        design: the coefficients.
        hop: samples between frames.
        streams: number of independent signals processed side by side.
        backend: where it runs; its frames stay there.

    Samples that are not finite, or beyond 120 dB over full scale, are replaced by zero and counted in `replaced`.

    >>> bank = Filterbank(GammatoneDesign.from_scale(44100.0, low_hz=220, high_hz=880, channels=25), hop=441)
    >>> tone = np.cos(2 * np.pi * 440 / 44100 * np.arange(44100)).astype(np.float32)
    >>> frames = bank.process(tone[:, None])
    >>> len(frames), float(abs(frames.subband[-1, 0, 12]).round(3))
    (100, 1.0)
    """

    def __init__(self, design: GammatoneDesign, hop: int, streams: int = 1, backend: Backend = CPU) -> None:
        if hop < 1:
            raise ValueError(f"expected a hop of at least 1 sample, received {hop}")
        if streams < 1:
            raise ValueError(f"expected at least 1 stream, received {streams}")
        self.design = design
        self.hop = hop
        self.streams = streams
        pole, gain = design.pole, 1.0 - design.damping
        self._coefficients = backend.array(np.stack([pole.real, pole.imag, gain]), np.float32)
        self.order_tag = (1,) * design.order
        """As long as the filters have stages: kernels are compiled for that number."""
        self._rad_to_hz = np.float32(design.sample_rate / (2 * np.pi))
        self._center_hz = backend.array(design.center_hz, np.float32)
        self._remember(
            [
                ("stages", np.float32, (streams, STATE_ROWS, design.channels)),
                ("replaced", np.int64, (streams,)),
                ("filled", np.int64),
            ],
            backend,
            below={"filled": hop},
        )
        self._run = backend.kernel(filterbank_process, {"ORDER": design.order}, blocks=streams, threads=design.channels)

    @property
    def latency_samples(self) -> NDArray[np.float64]:
        """(channels,) time from an impulse to the peak of each channel's envelope."""
        return self.design.envelope_delay_s * self.design.sample_rate

    @property
    def replaced(self) -> NDArray[np.int64]:
        """(streams,) number of unusable input samples replaced by zero since the last reset."""
        return self.backend.numpy(self._state["replaced"]).copy()

    @property
    def parts(self) -> FilterbankParts:
        """What the kernels take, on the CPU always the same arrays."""
        return FilterbankParts(self._coefficients, *(self._state[name] for name in ("stages", "replaced")))

    @property
    def filled(self) -> int:
        """Samples that there are of the next hop."""
        return int(self._state["filled"])

    def pass_on(self, samples: int) -> None:
        """So many samples have been taken in by who runs the kernels."""
        self._state["filled"] = (self.filled + samples) % self.hop

    def frames_in(self, samples: int) -> int:
        """Number of frames that a block of `samples` will complete."""
        return (self.filled + samples) // self.hop

    def process(self, audio: NDArray[np.float32], out: SubbandFrames | None = None) -> SubbandFrames:
        """Advance over `audio`, (samples, streams) float32, and return the frames completed by it.

        `out` receives the frames when given; its first `frames_in(samples)` rows are returned.

        Raises:
            ValueError: `audio` has another number of streams, or `out` is too short.
        """
        audio = self.backend.array(audio, np.float32)
        check_audio(audio, self.streams)
        count = self.frames_in(audio.shape[0])
        if out is None:
            out = SubbandFrames.allocate(count, self.streams, self.design.order, self.design.channels, self.backend)
        elif len(out) < count:
            raise ValueError(f"expected room for {count} frames, received {len(out)}")
        made = HopOut(stages=out.stages, power=out.power, slope=out.instantaneous_hz)
        self._run(audio, self.hop, self.order_tag, *self.parts, self.filled, made)
        self.pass_on(audio.shape[0])
        frames = out[:count]
        hz = frames.instantaneous_hz
        hz *= self._rad_to_hz
        hz += self._center_hz
        return frames
