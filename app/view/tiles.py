"""A picture of any length as tiles, in a pyramid: each level shows twice the time of the one below."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Doubles, Floats, Integers, kernel
from sharpear.compiler.elementary import exp
from sharpear.config import TuningConfig
from sharpear.sharpening.frames import Frames
from sharpear.sinks.drawing import LINE_WIDTH_ROWS, REACH_ROWS, encode_levels
from sharpear.sinks.music import STANDARD
from sharpear.sinks.rows import Rows
from sharpear.sinks.strokes import FADED_DB, LOWEST_DB, STEPS_PER_DB, STROKE, Linker, Peaks, Strokes, Words, packed

POOL = 4
"""Frames in a column of the lowest level."""
TILE_COLUMNS = 256
TILE_FRAMES = POOL * TILE_COLUMNS
SEGMENTS = 32
"""Parts of a tile of strokes, in each of which the loudest comes first: what shows little of a tile draws little."""
STROKE_LEVELS = 6
"""Levels that have strokes beside columns: above, lines are closer than pixels."""
COLUMN_LEVELS = 12
"""The highest shows an hour and a half in a tile."""
LOUDEST, FADED_STEPS = 255 * 255, round(FADED_DB * STEPS_PER_DB)
"""The loudest that a stroke is drawn, in 255ths of a step, and how many steps fainter one is that is no sure line."""
Bytes = NDArray[np.uint8]


class Tiles:
    """Frames in, files out, which grow until they are complete.

    ``r{level}-{number}``: columns, from low to high rows two bytes each, the level of the sharpened and of the plain
    spectrogram, ``1 + 2 (dB + 120)``.  ``s{level}-{number}``: records of `STROKE`, segment by segment of the tile, in
    each the loudest first.
    """

    def __init__(self, folder: Path, rows: Rows, tuning: TuningConfig = STANDARD) -> None:
        self._rows, self._linker = rows, Linker(rows.low_hz, tuning)
        self._strokes = [Strokes(1 << level) for level in range(STROKE_LEVELS)]
        self._stroke_tiles = [_Growing(folder, level) for level in range(STROKE_LEVELS)]
        self._column_levels = [_Columns(folder, f"r{level}") for level in range(COLUMN_LEVELS)]
        self._plain = np.zeros((0, rows.count), np.float32)
        self._rest = np.zeros((2, 0, rows.count), np.float32)
        self.frames = 0

    def add(self, frames: Frames, last: bool = False) -> None:
        """Draw these frames, as far as their lines' future is known."""
        self._plain = np.concatenate([self._plain, self._rows.bands(frames.plain_amplitude)])
        peaks = self._linker.process(frames, last)
        if peaks is None:
            return
        new = len(peaks.count)
        self.frames += new
        for strokes, tiles in zip(self._strokes, self._stroke_tiles, strict=True):
            tiles.add(strokes.process(peaks), self.frames)
        self._add_columns(peaks, self._plain[:new], last)
        self._plain = self._plain[new:]

    def _add_columns(self, peaks: Peaks, plain: Floats, last: bool) -> None:
        sharp = np.zeros_like(plain)
        add_peaks(sharp, peaks.row, peaks.level_db, peaks.weight, peaks.count)
        power = np.concatenate([self._rest, np.stack([sharp, plain])], axis=1)
        if last:
            power = np.pad(power, ((0, 0), (0, -power.shape[1] % POOL), (0, 0)))
        whole = power.shape[1] - power.shape[1] % POOL
        columns = np.empty((whole // POOL, self._rows.count, 2), np.uint8)
        for layer in (0, 1):
            encode_levels(columns[:, :, layer], np.ascontiguousarray(power[layer, :whole]), LOWEST_DB, STEPS_PER_DB)
        self._rest = power[:, whole:]
        for level in self._column_levels:
            columns = level.add(columns, last)

    def publish(self) -> None:
        """Write what has grown, complete or not."""
        for strokes in self._stroke_tiles:
            strokes.publish()
        for columns in self._column_levels:
            columns.publish()


class _Growing:
    """One level's strokes, tile by tile."""

    def __init__(self, folder: Path, level: int) -> None:
        self._folder, self._level, self._frames = folder, level, TILE_FRAMES << level
        self._tiles: dict[int, list[NDArray[np.void]]] = {}

    def add(self, strokes: Doubles, frames: int) -> None:
        if len(strokes):
            number = (strokes[:, 0] // self._frames).astype(np.int64)
            for tile in range(int(number.min()), int(number.max()) + 1):
                own = strokes if number[0] == number[-1] == tile else strokes[number == tile]
                self._tiles.setdefault(tile, []).append(packed(own, tile * self._frames))
        slack = 1 << self._level
        for tile in [tile for tile in self._tiles if (tile + 1) * self._frames + slack < frames]:
            self._write(tile)
            del self._tiles[tile]

    def publish(self) -> None:
        for tile in self._tiles:
            self._write(tile)

    def _write(self, tile: int) -> None:
        records = in_segments(np.concatenate(self._tiles[tile]), self._frames // SEGMENTS)
        self._tiles[tile] = [records]
        write_whole(self._folder / f"s{self._level}-{tile}", records.tobytes())


class _Columns:
    """One level's columns; what is added comes back pooled by two, for the level above."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._tile, self._pieces, self._odd = 0, list[Bytes](), list[Bytes]()

    def add(self, columns: Bytes, last: bool) -> Bytes:
        self._pieces.append(columns)
        while sum(map(len, self._pieces)) >= TILE_COLUMNS:
            joined = np.concatenate(self._pieces)
            self._write(joined[:TILE_COLUMNS])
            self._tile += 1
            self._pieces = [joined[TILE_COLUMNS:]]
        joined = np.concatenate([*self._odd, columns])
        if last and len(joined) % 2:
            joined = np.concatenate([joined, joined[-1:]])
        even = len(joined) - len(joined) % 2
        self._odd = [joined[even:]]
        return np.maximum(joined[:even:2], joined[1:even:2])

    def publish(self) -> None:
        if any(map(len, self._pieces)):
            self._write(np.concatenate(self._pieces))

    def _write(self, columns: Bytes) -> None:
        write_whole(self._folder / f"{self._name}-{self._tile}", columns.tobytes())


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is whole whenever it is read."""
    partial = path.with_name(f".{path.name}")
    partial.write_bytes(content)
    os.replace(partial, path)


@kernel
def add_peaks(picture: Floats, row: Floats, level_db: Floats, weight: Floats, count: Integers) -> None:
    """Add every line's power to (frames, rows) `picture`, less where its weight is less."""
    rows, nepers, narrow = picture.shape[1], np.float32(np.log(10.0) / 10.0), np.float32(0.5 / LINE_WIDTH_ROWS**2)
    for frame in range(len(picture)):
        for peak in range(count[frame]):
            faded_db = level_db[frame, peak] - (np.float32(1) - weight[frame, peak]) * np.float32(FADED_DB)
            nearest = round(row[frame, peak])
            for at in range(max(0, nearest - REACH_ROWS), min(rows, nearest + REACH_ROWS + 1)):
                off = np.float32(at) - row[frame, peak]
                picture[frame, at] += exp(nepers * faded_db - narrow * off * off)


def in_segments(records: NDArray[np.void], frames: int) -> NDArray[np.void]:
    """Strokes by the segment, of so many frames, in which they begin, the loudest first; without what nobody sees."""
    words = records.view(np.uint16).reshape(len(records), -1)
    chosen = np.empty_like(words)
    seen = sort_loudest_first(words, frames, chosen)
    sorted_: NDArray[np.void] = chosen[:seen].view(STROKE)[:, 0]
    return sorted_


@kernel
def sort_loudest_first(words: Words, frames: int, chosen: Words) -> int:
    """Records into their order, byte by byte of a key; returns how many of them are seen.

    The key: the segment, and how much fainter than the loudest the louder end is as it is drawn, in 255ths of a step.
    """
    key, begins = np.empty(len(words), np.int32), np.empty(257, np.int64)
    before, order = np.empty(len(words), np.int32), np.empty(len(words), np.int32)
    seen = 0
    for n in range(len(words)):
        louder, weight = max(words[n, 4] & 255, words[n, 4] >> 8), words[n, 5] & 255
        level = 255 * int(louder) - FADED_STEPS * (255 - int(weight))
        if level > 0:
            key[n], before[seen] = (int(words[n, 0]) // frames << 16) + LOUDEST - level, n
            seen += 1
    for shift in (0, 8, 16):
        begins[:] = 0
        for at in range(seen):
            begins[(key[before[at]] >> shift & 255) + 1] += 1
        for byte in range(256):
            begins[byte + 1] += begins[byte]
        for at in range(seen):
            byte = key[before[at]] >> shift & 255
            order[begins[byte]] = before[at]
            begins[byte] += 1
        before, order = order, before
    for at in range(seen):
        for word in range(words.shape[1]):
            chosen[at, word] = words[before[at], word]
    return seen


def stroke_records(content: bytes) -> NDArray[np.void]:
    """The records of a tile of strokes, from its file's content."""
    return np.frombuffer(content, STROKE)
