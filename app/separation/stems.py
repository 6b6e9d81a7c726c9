"""What a recording was separated into: sounds by name, heard in a notebook, and kept."""

import base64
import html
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from sharpear.sharpening.results import ArrayResult, counted

HEARD_S = 60.0
"""So much of each stem is put into a notebook, s."""

MOST_CHANNELS = 2
"""Stems of more channels are heard in one, their mean."""


@dataclass(frozen=True, eq=False, repr=False)
class Stems(ArrayResult, Mapping[str, NDArray[np.float32]]):
    """A mapping of each stem's name to its sound, (samples,) or (samples, channels), which add up to the recording.

    names: the stems in their order.  sound: (stems, samples) or (stems, samples, channels), full scale ±1.
    sample_rate: Hz.

    >>> stems = Stems(("tonal", "residual"), np.zeros((2, 8000), np.float32), 16000)
    >>> stems, stems["tonal"].shape, list(stems)
    (<Stems: 2 stems (tonal, residual), 0.500 s>, (8000,), ['tonal', 'residual'])
    """

    names: tuple[str, ...]
    sound: NDArray[np.float32]
    sample_rate: float

    def __getitem__(self, name: str) -> NDArray[np.float32]:
        if name not in self.names:
            raise KeyError(name)
        stem: NDArray[np.float32] = self.sound[self.names.index(name)]
        return stem

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def save(self, folder: str | Path) -> Path:
        """Write each as NAME.wav (floating point) into the folder, in the place of what had that name.

        Raises:
            InputError: one cannot be written.
        """
        from .stem_files import StemFiles, StemFormat  # noqa: PLC0415 (what is heard alone needs no files)

        place, rate = Path(folder), round(self.sample_rate)
        block = np.moveaxis(self.sound[..., None] if self.sound.ndim == 2 else self.sound, 0, -1)
        outputs = {name: place / f"{name}.wav" for name in self.names}
        with StemFiles(outputs, self.names, rate, block.shape[1], StemFormat()) as files:
            files.write(block)
            files.publish()
        return place

    def _repr_html_(self) -> str:
        """A player for each stem, of its first minute, and what `repr` says."""
        players = [f"<tr><td>{html.escape(name)}</td><td>{self._player(self[name])}</td></tr>" for name in self]
        return f"<table>{''.join(players)}</table><pre>{html.escape(repr(self))}</pre>"

    def _player(self, stem: NDArray[np.float32]) -> str:
        sound = stem[: round(HEARD_S * self.sample_rate)]
        if sound.ndim == 2 and sound.shape[1] > MOST_CHANNELS:
            sound = sound.mean(axis=1)
        flac = io.BytesIO()
        soundfile.write(flac, np.clip(sound, -1, 1), round(self.sample_rate), format="FLAC", subtype="PCM_16")
        return f'<audio controls src="data:audio/flac;base64,{base64.b64encode(flac.getvalue()).decode()}"></audio>'

    def _summary(self) -> list[str]:
        channels = [counted(n, "channel") for n in self.sound.shape[2:]]
        length_s = self.sound.shape[1] / self.sample_rate
        return [f"{counted(len(self), 'stem')} ({', '.join(self)})", f"{length_s:.3f} s", *channels]
