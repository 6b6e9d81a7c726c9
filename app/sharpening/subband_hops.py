"""The paths by subbands on a CPU: all stages of a hop of one stream in one call, and streams side by side."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler.entries import entries
from sharpear.compiler.kept import Kept
from sharpear.gpu.arguments import check_audio

from .cores import cores, streams_side_by_side
from .front import SubbandFront
from .sparse_code import SparseCode
from .subband_hops_kernel import DecideParts, decide_subbands, hear_subbands


class Kernels(NamedTuple):
    """What runs."""

    hear: Callable[..., None]
    decide: Any = None


class SubbandHops:
    """Runs the stages of a path by subbands together, on their own states.

    Args:
        front, code: the stages; their results are the same as if each had run by itself, bit for bit. Without a code
            there are subbands alone.
    """

    def __init__(self, front: SubbandFront, code: SparseCode | None = None) -> None:
        self._stages = front, code
        self._bank, self._window, self._aligner = front.bank, front.window, front.aligner
        self._streams, self._channels = front.bank.streams, front.bank.design.channels
        self._atoms = code.encoder.atoms if code else 0
        self._parts = Kept(front.bank.parts), Kept(front.window.parts) if front.window else None
        self._aligned, self._encoder = Kept(front.aligner.parts), Kept(code.encoder.parts) if code else None
        self._decided = Kept(DecideParts(code.pair.parts, code.refining)) if code else None
        self._nothing = self._made(0)

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        """Copies are made of the stages' copies: what is kept here are their arrays."""
        return type(self), self._stages

    def listen(self, audio: NDArray[np.float32]) -> tuple[NDArray[np.complex64], NDArray[np.complex64]]:
        """Subbands and drive of the frames that (samples, streams) of audio complete, each (frames, streams, …).

        Raises:
            ValueError: `audio` has another number of streams.
        """
        audio = np.ascontiguousarray(audio, np.float32)
        check_audio(audio, self._streams)
        bank, filled = self._bank, self._bank.filled
        frames = (filled + len(audio)) // bank.hop
        made = self._made(frames) if frames else self._nothing
        given = self._given(audio, filled, made)

        hear = self._kernels.hear  # compiled here, once, not by each thread

        def hear_one(s: int) -> None:
            hear(s, *given)

        streams_side_by_side(self._streams, frames, hear_one)
        bank.pass_on(len(audio))
        for part in (self._window, self._aligner) if frames else ():
            if part:
                part.pass_on(frames)
        return made

    def _made(self, frames: int) -> tuple[NDArray[np.complex64], NDArray[np.complex64]]:
        subband = np.empty((frames, self._streams, self._channels), np.complex64)
        return subband, np.empty((frames, self._streams, self._atoms), np.complex64)

    def _given(
        self, audio: NDArray[np.float32], filled: int, made: tuple[NDArray[np.complex64], ...]
    ) -> tuple[Any, ...]:
        bank, (parts, window) = self._bank, self._parts
        row = self._window.row if self._window else 0
        sound = audio, bank.hop, filled, bank.order_tag, parts
        return *sound, window, row, self._aligned, self._aligner.row, self._encoder, *made

    @cached_property
    def _kernels(self) -> Kernels:
        """Compiled for what they are given, if they have to be."""
        nothing, made = np.empty((0, self._streams), np.float32), self._nothing
        lines = np.empty((0, self._streams, self._atoms), np.float32)
        calls: dict[str, tuple[Any, tuple[Any, ...]]] = {"hear": (hear_subbands, (0, *self._given(nothing, 0, made)))}
        if self._decided:
            calls["decide"] = decide_subbands, (0, self._decided, made[1], lines, lines)
        return Kernels(**entries(calls, cores()))

    def compete(self, drive: NDArray[np.complex64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """As `SparseCode.compete`."""
        drive = np.ascontiguousarray(drive)
        amplitude, frequency = (np.empty(drive.shape, np.float32) for _ in range(2))

        decide = self._kernels.decide  # compiled here, once, not by each thread

        def decide_one(s: int) -> None:
            decide(s, self._decided, drive, amplitude, frequency)

        streams_side_by_side(self._streams, len(drive), decide_one)
        return amplitude, frequency
