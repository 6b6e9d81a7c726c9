"""Sound in, stems out, streaming: bank → shares → stems that add up to the sound."""

import os
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sharpear.audio.blocks import as_count, as_rate, as_streams
from sharpear.dsp import Split, Splitter, StemMixer
from sharpear.dsp.separation_bank import hop_samples, separation_bank
from sharpear.errors import UsageError
from sharpear.gpu import CPU, Backend, Pending
from sharpear.recordings.whole import Progress, heard, in_blocks
from sharpear.sharpening.composite import Memory, Streaming
from sharpear.sharpening.limits import so_many_streams
from sharpear.sharpening.processor import backend_of
from sharpear.sharpening.results import counted

from .shares import Rehearsed, ShareFactory, ShareSource
from .stems import Stems
from .tonal import TonalTransient

RESIDUAL = "residual"
CHUNK_SAMPLES = 1024
"""Samples processed at once: so few that what passes between the parts stays in the processor's cache."""


class Separator(Streaming[NDArray[np.float32]]):
    """Separate streaming audio into stems: as many samples of each stem out as came in, `latency_samples` late.

    `process` gives (samples, streams, stems) of audio (samples, streams), or (samples, stems) of one-dimensional audio;
    the first `latency_samples` are the silence before the first sample. The stems, named by `stems`, add up to the
    input. The last, "residual", is what no source claims. Linked streams, such as left and
    right, share one mask, from the sum of their powers, so that every stem keeps its place between them.

    Args:
        sample_rate: Hz, 8000 to 192000.
        sources: what tells the sources apart: ``TonalTransient.on(backend)``, ``LearnedSources.of([...], backend)`` or
            ``PitchVoices.of(4)``; if not given `TonalTransient`, on the device.
        streams: audio channels.
        linked: how many neighbouring streams share one mask, 1 for none; all of them if not given.
        device: where the bank and the mixer run, as of a `Sharpener`. `sources` may run elsewhere; on the same backend
            all between the sound and the stems stays there.

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
        sources: ShareFactory | None = None,
        streams: int = 1,
        *,
        linked: int | None = None,
        device: str | Backend = "cpu",
    ) -> None:
        self.sample_rate, self.streams = as_rate(sample_rate), as_count(streams, "stream")
        self._per_group = self.streams if linked is None else as_count(linked, "linked stream")
        self.backend = backend_of(device)
        if self._per_group > self.streams or self.streams % self._per_group:
            raise UsageError(f"expected {streams} streams to be linked in equal groups, received groups of {linked}")
        with so_many_streams(streams):
            self._build(sources or TonalTransient.on(self.backend))
        self._memory = Memory([("ended", np.bool_)])
        self._flat_input = False

    def _build(self, sources: ShareFactory) -> None:
        streams, backend = self.streams, self.backend
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
    def rehearses(self) -> bool:
        """Whether it separates a recording better when it has heard it before."""
        return isinstance(self._shares, Rehearsed)

    @property
    def takes_mean(self) -> bool:
        """Whether sources are told apart in the mean of the streams, where these may cancel each other."""
        return self._per_group > 1 and getattr(self._shares, "takes_mean", False)

    @property
    def replaced(self) -> NDArray[np.int64]:
        """(streams,) unusable input samples (NaN, Inf, beyond 120 dBFS) taken as silence so far."""
        return self._splitter.replaced

    def _summary(self) -> str:
        return f"{counted(len(self.stems), 'stem')} ({', '.join(self.stems)})"

    @property
    def _parts(self) -> dict[str, Any]:
        return {"splitter": self._splitter, "shares": self._shares, "mixer": self._mixer, "memory": self._memory}

    @property
    def _owner(self) -> dict[str, Any]:
        return {
            "sample_rate": self.sample_rate,
            "streams": self.streams,
            "linked": self._per_group,
            "stems": list(self.stems),
        }

    def submit(self, block: ArrayLike) -> Pending[NDArray[np.float32]]:
        """`process` without waiting for its stems: a GPU works on while the next block is made ready."""
        audio = as_streams(block, self.streams)
        if self._memory.fields["ended"]:
            raise UsageError("the stream has ended with flush(): reset() begins the next one")
        self._flat_input = np.ndim(block) == 1
        return self._advance(audio)

    def flush(self) -> NDArray[np.float32]:
        """The `latency_samples` still on their way. The stream has then ended: `reset` begins the next one."""
        ended = self._memory.fields
        silence = np.zeros((0 if ended["ended"] else self.latency_samples, self.streams), np.float32)
        ended["ended"] = True
        return self._advance(silence).result()

    def rehearse(self, blocks: Iterable[ArrayLike]) -> None:
        """Listen to a whole recording before it is separated: whose each of its notes is, is then told from all of it.

        Forgets all that came before, and this, too, where it breaks off. blocks: as `process` takes them; other sources
        than voices do not ask for them.

        Raises:
            UsageError: as `process`.
        """
        self.reset()
        if not isinstance(self._shares, Rehearsed):
            return
        late = np.zeros((self._splitter.latency_samples, self.streams), np.float32)
        try:
            for block in chain([late], blocks):
                self._shares.listen(as_streams(block, self.streams))
            self._shares.decide()
        except BaseException:
            self.reset()
            raise

    def _advance(self, audio: NDArray[np.float32]) -> Pending[NDArray[np.float32]]:
        backend, flat = self.backend, self._flat_input
        stems = backend.empty((*audio.shape, len(self.stems)), np.float32)
        with backend.sent(audio) as sound:
            for start in range(0, len(audio), CHUNK_SAMPLES):
                chunk = slice(start, start + CHUNK_SAMPLES)
                split = self._splitter.process(sound[chunk])
                stems[chunk] = self._mixer.process(split, self._share(split).repeat(self._per_group, axis=1))
        return backend.fetch(stems, make=lambda there: there[:, 0] if flat else there)

    def _share(self, split: Split) -> NDArray[np.float32]:
        return self._shares.process(split if self._shares_here else split.on_host(self.backend))


def separate(
    audio: ArrayLike | str | os.PathLike[str],
    sample_rate: float | None = None,
    sources: ShareFactory | None = None,
    *,
    linked: int | None = None,
    device: str | Backend = "cpu",
    progress: Progress | None = None,
) -> Stems:
    """Separate a whole recording: a path or URL, or (samples,) or (samples, streams), full scale ±1.

    The result maps each stem's name to its sound, an array of the shape of `audio` and lined up with it; the last is
    "residual", and all of them add up to `audio`. It plays them in Jupyter, and writes them (``.save()``).

    `sources`, `linked` and `device` are those of a `Separator`, `progress` is that of `sharpen`. For voices all of it
    is heard first (`Separator.rehearse`), so that whose each note is can be told from all of it, as it cannot in a
    stream; this is the first half of what `progress` is told of.

    Raises:
        UsageError: as `Separator`, or as `sharpen` of its audio.
        InputError: a file that is missing or holds no audio.

    >>> sound = np.sin(np.arange(8000) / 3)
    >>> stems = separate(sound, 16000)
    >>> stems
    <Stems: 3 stems (tonal, transient, residual), 0.500 s>
    >>> stems["tonal"].shape, bool(np.allclose(sum(stems.values()), sound, atol=1e-5))
    ((8000,), True)
    """
    samples, rate = heard(audio, sample_rate)
    streams = 1 if samples.ndim == 1 else samples.shape[1]
    separator = Separator(rate, sources, streams, linked=linked, device=device)
    if separator.rehearses:
        separator.rehearse(in_blocks(samples, rate, half_of(progress, 0)))
        progress = half_of(progress, 1)
    pieces = [separator.process(block) for block in in_blocks(samples, rate, progress)]
    sound = np.concatenate([*pieces, separator.flush()])[separator.latency_samples :]
    return Stems(separator.stems, np.ascontiguousarray(np.moveaxis(sound, -1, 0)), rate)


def half_of(progress: Callable[[float, Any], object] | None, half: int) -> Callable[[float, Any], None] | None:
    """What is told of the first, 0, or second time, 1, that a recording of known length is heard: half of all each.

    >>> told = []
    >>> half_of(lambda done_s, total_s: told.append((done_s, total_s)), 1)(3.0, 4.0)
    >>> told
    [(3.5, 4.0)]
    """
    if progress is None:
        return None

    def tell(done_s: float, total_s: float) -> None:
        progress((half * total_s + done_s) / 2, total_s)

    return tell
