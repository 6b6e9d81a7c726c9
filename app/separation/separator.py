"""Sound in, stems out, streaming: bank → shares → stems that add up to the sound."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sharpear.audio import HIGHEST_RATE_HZ, LOWEST_RATE_HZ
from sharpear.blocks import as_streams
from sharpear.dsp import Splitter, StemMixer
from sharpear.errors import UsageError
from sharpear.gpu import CPU, Backend, Pending
from sharpear.limits import so_many_streams

from .bank import hop_samples, separation_bank
from .shares import ShareFactory, ShareSource
from .tonal import TonalTransient

RESIDUAL = "residual"
CHUNK_SAMPLES = 1024
"""Processed at once, so that what passes between the parts stays in the processor's cache."""


class Separator:
    """Separate streaming audio into stems: as many samples of each stem out as came in, `latency_samples` late.

    The stems add up to the input. The last, "residual", is what no source claims. Linked streams, such as left and
    right, share one mask, from the sum of their powers, so that every stem keeps its place between them.

    Args:
        sample_rate: Hz, 8000 to 192000.
        sources: what hears the sources: `TonalTransient`, ``LearnedSources.of([...])`` or ``PitchVoices.of(4)``.
        streams: audio channels.
        linked: how many neighbouring streams share one mask, 1 for none; all of them if not given.
        backend: where the bank and the mixer run. What hears the sources may run elsewhere; on a GPU,
            ``TonalTransient.on(backend)`` or ``LearnedSources.of([...], backend)`` keeps all between the sound and the
            stems there.

    Raises:
        UsageError: a sample rate or number of streams out of range.

    >>> separator = Separator(16000)
    >>> separator.stems, round(separator.latency_s, 3)
    (('tonal', 'transient', 'residual'), 0.097)
    >>> stems = separator.process(np.zeros(1000, np.float32))
    >>> stems.shape, separator.flush().shape
    ((1000, 3), (1559, 3))
    """

    def __init__(
        self,
        sample_rate: float,
        sources: ShareFactory = TonalTransient,
        streams: int = 1,
        *,
        linked: int | None = None,
        backend: Backend = CPU,
    ) -> None:
        if not LOWEST_RATE_HZ <= sample_rate <= HIGHEST_RATE_HZ:
            expected = f"{LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ} Hz"
            raise UsageError(f"expected a sample rate of {expected}, received {sample_rate:g} Hz")
        if streams < 1:
            raise UsageError(f"expected at least 1 stream, received {streams}")
        self.sample_rate, self.streams = float(sample_rate), streams
        self._per_group, self._backend = linked or streams, backend
        if not 1 <= self._per_group <= streams or streams % self._per_group:
            raise UsageError(f"expected {streams} streams to be linked in equal groups, received groups of {linked}")
        with so_many_streams(streams):
            self._build(sources)
        self._flat_input = self._ended = False

    def _build(self, sources: ShareFactory) -> None:
        streams, backend = self.streams, self._backend
        design, hop = separation_bank(self.sample_rate), hop_samples(self.sample_rate)
        self._splitter = Splitter(design, hop, streams, backend)
        self._shares: ShareSource = sources(
            design.bank, hop / self.sample_rate, streams // self._per_group, self._per_group
        )
        self._shares_here = getattr(self._shares, "backend", CPU) is backend
        self.stems = (*self._shares.names, RESIDUAL)
        channels, waiting = design.bank.channels, self._shares.wait_frames
        self._mixer = StemMixer(channels, len(self._shares.names), hop, waiting, streams, backend)
        self.latency_samples = self._splitter.latency_samples + self._mixer.latency_samples

    @property
    def latency_s(self) -> float:
        """Time from a sound to its stems, s."""
        return self.latency_samples / self.sample_rate

    @property
    def replaced(self) -> NDArray[np.int64]:
        """(streams,) unusable input samples (NaN, Inf, beyond 120 dBFS) taken as silence so far."""
        return self._splitter.replaced

    @property
    def _parts(self) -> dict[str, Any]:
        return {"splitter": self._splitter, "shares": self._shares, "mixer": self._mixer}

    @property
    def state(self) -> dict[str, Any]:
        """Everything that the next output depends on (copies)."""
        return {name: part.state for name, part in self._parts.items()} | {"ended": self._ended}

    @state.setter
    def state(self, value: Mapping[str, Any]) -> None:
        if not isinstance(value, Mapping) or value.keys() != self.state.keys():
            raise UsageError(
                f"expected a Separator's state with {', '.join(self.state)}, received {type(value).__name__}"
            )
        for name, part in self._parts.items():
            part.state = value[name]
        self._ended = value["ended"]

    def reset(self) -> None:
        """Forget the past: the next output is that of a new object."""
        for part in self._parts.values():
            part.reset()
        self._ended = False

    def process(self, block: ArrayLike) -> NDArray[np.float32]:
        """Advance over audio, (samples,) or (samples, streams), full scale ±1 → (samples, streams, stems).

        The first `latency_samples` that come out are the silence before the first sample; one-dimensional audio gives
        (samples, stems).

        Raises:
            UsageError: `block` has another number of streams or holds integers, or `flush` has ended the stream.
        """
        return self.submit(block).result()

    def submit(self, block: ArrayLike) -> Pending[NDArray[np.float32]]:
        """`process` without waiting for its stems: a GPU works on while the next block is made ready."""
        audio = as_streams(block, self.streams)
        if self._ended:
            raise UsageError("the stream has ended with flush(): reset() begins the next one")
        self._flat_input = np.ndim(block) == 1
        return self._advance(audio)

    def flush(self) -> NDArray[np.float32]:
        """The `latency_samples` still on their way. The stream has then ended: `reset` begins the next one."""
        silence = np.zeros((0 if self._ended else self.latency_samples, self.streams), np.float32)
        self._ended = True
        return self._advance(silence).result()

    def _advance(self, audio: NDArray[np.float32]) -> Pending[NDArray[np.float32]]:
        backend, flat = self._backend, self._flat_input
        stems = backend.empty((*audio.shape, len(self.stems)), np.float32)
        with backend.sent(audio) as sound:
            for start in range(0, len(audio), CHUNK_SAMPLES):
                chunk = slice(start, start + CHUNK_SAMPLES)
                split = self._splitter.process(sound[chunk])
                heard = split if self._shares_here else split.on_host(backend)
                shares = self._shares.process(heard).repeat(self._per_group, axis=1)
                stems[chunk] = self._mixer.process(split, shares)
        return backend.fetch(stems, make=lambda there: there[:, 0] if flat else there)
