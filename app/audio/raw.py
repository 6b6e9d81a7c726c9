"""Headerless PCM to float32."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpear.errors import UsageError

from .audio_file import HIGHEST_RATE_HZ, LOWEST_RATE_HZ

ENCODINGS = (*(f"{kind}{end}" for kind in ("f32", "f64", "s16", "s24", "s32") for end in ("le", "be")), "s8", "u8")
MOST_CHANNELS = 65535
"""The most channels: as many as a WAV header can state."""


@dataclass(frozen=True)
class RawFormat:
    r"""What a stream without a header holds.

    sample_rate: Hz.  channels: interleaved.  encoding: f32le, s16le, s24le and so on.

    >>> RawFormat(48000, 1, "s16le").decode(b"\x00\x40").tolist()
    [[0.5]]
    """

    sample_rate: int
    channels: int
    encoding: str

    def __post_init__(self) -> None:
        if self.encoding not in ENCODINGS:
            raise UsageError(f"--encoding: expected one of {', '.join(ENCODINGS)}, received {self.encoding!r}")
        if not LOWEST_RATE_HZ <= self.sample_rate <= HIGHEST_RATE_HZ:
            expected = f"a rate of {LOWEST_RATE_HZ} to {HIGHEST_RATE_HZ} Hz"
            raise UsageError(f"--rate: expected {expected}, received {self.sample_rate}")
        if not 1 <= self.channels <= MOST_CHANNELS:
            raise UsageError(f"--channels: expected 1 to {MOST_CHANNELS}, received {self.channels}")

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return self._bits // 8 * self.channels

    @property
    def _bits(self) -> int:
        return int("".join(filter(str.isdigit, self.encoding)))

    def decode(self, data: bytes) -> NDArray[np.float32]:
        """Decode whole frames to (samples, channels), full scale ±1."""
        kind, order = self.encoding[0], ">" if self.encoding.endswith("be") else "<"
        values: NDArray[Any]
        if self._bits == 24:
            parts = np.frombuffer(data, np.uint8).reshape(-1, 3)
            wide = np.zeros((len(parts), 4), np.uint8)  # the low byte is zero, so that the sign is where it belongs
            wide[:, 1:] = parts if order == "<" else parts[:, ::-1]
            values = wide.view("<i4")[:, 0]
        else:
            values = np.frombuffer(data, f"{order}{ {'s': 'i'}.get(kind, kind) }{self._bits // 8}")
        with np.errstate(over="ignore", invalid="ignore"):  # what no float32 can be is taken as silence later
            samples = values.astype(np.float32)
        if kind == "u":
            samples -= 128
            samples /= 128
        elif kind == "s":
            samples /= 2.0 ** (8 * values.dtype.itemsize - 1)
        return samples.reshape(-1, self.channels)
