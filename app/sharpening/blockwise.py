"""A loop over the frames of sound that comes in blocks: from anything that is iterated over, or awaited."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Generator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from numpy.typing import ArrayLike

from sharpear.audio.blocks import as_audio, as_recording
from sharpear.config import Config
from sharpear.errors import UsageError
from sharpear.gpu import Backend

from .frames import Frames
from .sharpener import Sharpener


def stream(
    blocks: Iterable[ArrayLike],
    sample_rate: float,
    preset: str | Config = "music",
    overrides: Mapping[str, Any] | None = None,
    *,
    start_s: float = 0.0,
    phases: bool = False,
    device: str | Backend = "cpu",
) -> Generator[Frames, None, None]:
    """The frames that each block completes, and after the last block those still on their way.

    blocks: any iterable of (samples,) or (samples, streams), full scale ±1, of any length; the first that is not empty
    says how many streams there are. Where it has a `close`, as generators and files do, that is called when the loop
    ends, be it by `break` or by an error.  The other arguments are those of a `Sharpener`. All frames, joined, are
    those of `sharpen`; a block that completes none yields nothing.

    Raises:
        UsageError: as `Sharpener` and its `process`, when the first block has come.

    >>> import numpy as np
    >>> tone = 0.5 * np.cos(2 * np.pi * 440 / 16000 * np.arange(8000))
    >>> for frames in stream(np.array_split(tone, 10), 16000, "low-latency"):
    ...     if frames.times[-1] > 0.2:
    ...         break
    >>> round(float(frames.instantaneous_frequency[-1, frames.amplitude[-1].argmax()]))
    440
    """
    desk = _Desk(sample_rate, preset, overrides, {"start_s": start_s, "phases": phases, "device": device})
    with _closing(blocks):
        for block in blocks:
            if frames := desk.process(block):
                yield frames
        if frames := desk.flush():
            yield frames


async def astream(
    blocks: AsyncIterable[ArrayLike],
    sample_rate: float,
    preset: str | Config = "music",
    overrides: Mapping[str, Any] | None = None,
    *,
    start_s: float = 0.0,
    phases: bool = False,
    device: str | Backend = "cpu",
) -> AsyncGenerator[Frames, None]:
    """`stream` for ``async for``: blocks are awaited, and computed on in a thread, so that asyncio's loop goes on.

    Where `blocks` has an `aclose`, as asynchronous generators do, that is awaited at the end. After a `break` Python
    ends an asynchronous generator a little later; ``contextlib.aclosing`` around it does so at once.

    Raises:
        UsageError: as `stream`, or `blocks` is not an asynchronous iterable.

    >>> import numpy as np
    >>> async def microphone():
    ...     for _ in range(10):
    ...         await asyncio.sleep(0)
    ...         yield np.zeros(800)
    >>> async def count():
    ...     return sum([len(frames) async for frames in astream(microphone(), 16000, "low-latency")])
    >>> asyncio.run(count()) == Sharpener(16000, "low-latency").frames_for(8000)
    True
    """
    if not isinstance(blocks, AsyncIterable):
        told = f"expected an asynchronous iterable of blocks, received {type(blocks).__name__}"
        raise UsageError(f"{told}: sharpear.stream takes what is iterated over without waiting")
    desk = _Desk(sample_rate, preset, overrides, {"start_s": start_s, "phases": phases, "device": device})
    async with _aclosing(blocks):
        async for block in blocks:
            if frames := await asyncio.to_thread(desk.process, block):
                yield frames
        if frames := await asyncio.to_thread(desk.flush):
            yield frames


class _Desk:
    """A `Sharpener` that is made when the first block tells how many streams there are."""

    def __init__(
        self, sample_rate: float, preset: str | Config, overrides: Mapping[str, Any] | None, options: dict[str, Any]
    ) -> None:
        self._given = sample_rate, preset, overrides, options
        self._sharpener: Sharpener | None = None

    def process(self, block: ArrayLike) -> Frames | None:
        audio = as_audio(block)
        if self._sharpener is None:
            if not audio.size:
                return None
            streams = 1 if as_recording(audio).ndim == 1 else audio.shape[1]
            sample_rate, preset, overrides, options = self._given
            self._sharpener = Sharpener(sample_rate, preset, streams, overrides, **options)
        return self._sharpener.process(audio)

    def flush(self) -> Frames | None:
        return self._sharpener.flush() if self._sharpener else None


@contextmanager
def _closing(blocks: Iterable[ArrayLike]) -> Iterator[None]:
    try:
        yield
    finally:
        if close := getattr(blocks, "close", None):
            close()


@asynccontextmanager
async def _aclosing(blocks: AsyncIterable[ArrayLike]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        if close := getattr(blocks, "aclose", None):
            await close()
