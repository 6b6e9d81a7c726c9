"""What a stream of `music` on a GPU needs, as far as is known without a card: ``python -m benchmarks.gpu_streams``.

Memory is counted by a driver that runs no kernel, and processor time of the voices, which are followed on the CPU, is
measured over sounds: the bundled chorale, white noise at -20 dBFS, and those given.
"""

from __future__ import annotations

import argparse
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import DTypeLike, NDArray

import sharpear
from sharpear.gpu import DeviceBackend
from sharpear.runs.packs import PACK_SAMPLES

RATE, STREAMS, PASSES = 48000, 4, 3
CHORALE = Path(__file__).parents[1] / "examples" / "audio" / "bach_bwv66.6.flac"


class CountingDriver:
    """Memory of a device, which is NumPy's and whose kernels do nothing; most_bytes: that was there at a time."""

    name = "memory alone"

    def __init__(self) -> None:
        self._arrays: list[weakref.ref[NDArray[Any]]] = []
        self.most_bytes = 0

    @property
    def bytes(self) -> int:
        """That there are now."""
        there = [array for reference in self._arrays if (array := reference()) is not None]
        self._arrays = list(map(weakref.ref, there))
        return sum(array.nbytes for array in there)

    def use(self) -> None:
        """There is but one."""

    def array(self, value: Any, dtype: DTypeLike | None) -> NDArray[Any]:
        """A copy that counts."""
        ours = self.empty(np.shape(value), dtype or np.asarray(value).dtype)
        ours[...] = value
        return ours

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """An array of zeros that counts."""
        made: NDArray[Any] = np.zeros(shape, dtype)
        self._arrays.append(weakref.ref(made))
        self.most_bytes = max(self.most_bytes, self.bytes)
        return made

    def numpy(self, array: Any) -> NDArray[Any]:
        """A copy that does not."""
        return np.array(array)

    @contextmanager
    def sent(self, block: NDArray[Any]) -> Iterator[NDArray[Any]]:
        """A copy that counts."""
        yield self.array(block, None)

    def fetch(self, arrays: tuple[NDArray[Any], ...]) -> Callable[[], tuple[NDArray[Any], ...]]:
        """Themselves."""
        return lambda: arrays

    def address(self, array: Any) -> int | None:
        """Of any array."""
        return int(array.ctypes.data) if isinstance(array, np.ndarray) else None

    def function(self, source: str, name: str, shared_bytes: int) -> Any:
        """Does nothing."""
        return lambda blocks, threads, arguments: None


@dataclass(frozen=True)
class Memory:
    """Bytes a stream: kept on the card; there besides while a block is computed; and its voices' on the host."""

    kept: int
    block: int
    host: int


def memory(voices: bool) -> Memory:
    """Counted of so many streams more, over a block of what packs of files advance by."""
    found = []
    for streams in (1, 1 + STREAMS):
        driver = CountingDriver()
        sharpener = _sharpener(driver, streams, voices)
        sharpener.process(np.zeros((PACK_SAMPLES, streams), np.float32))
        host = 0
        if voices:
            said = _follower(sharpener)._out.values
            host = sharpener.state["path"]["code"]["voices"].nbytes + sum(part.nbytes for part in said)
        found.append(np.array([driver.bytes, driver.most_bytes - driver.bytes, host]))
    return Memory(*map(int, (found[1] - found[0]) // STREAMS))


def voices_cost(sound: NDArray[np.float32], rate: int) -> float:
    """Processor seconds a second of (samples,), the least of some passes."""
    sharpener = _sharpener(CountingDriver(), 1, True, rate)
    follower, hop = _follower(sharpener), sharpener.hop
    blocks = [sound[None, n : n + 32 * hop] for n in range(0, sound.size - 32 * hop, 32 * hop)]
    spent = []
    for _ in range(1 + PASSES):  # the first compiles
        sharpener.reset()
        began = time.process_time()
        for block in blocks:
            follower.process(block)
        spent.append(time.process_time() - began)
    return min(spent[1:]) * rate / (len(blocks) * 32 * hop)


def _sharpener(driver: CountingDriver, streams: int, voices: bool, rate: int = RATE) -> sharpear.Sharpener:
    return sharpear.Sharpener(rate, "music", streams, {"voices.enabled": voices}, device=DeviceBackend(driver))


def _follower(sharpener: sharpear.Sharpener) -> Any:
    path: Any = sharpener._path
    return path._code._voices._follower


def main() -> None:
    """Count, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sounds", nargs="*", type=Path, help="more files to follow voices in, 10 s of each")
    arguments = parser.parse_args()
    for voices in (True, False):
        counted = memory(voices)
        print(f"music {'with' if voices else 'without'} voices at {RATE} Hz, KiB a stream:", end=" ")
        print(f"{counted.kept / 1024:.0f} kept on the card, {counted.block / 1024:.0f} for a block, ", end="")
        print(f"{counted.host / 1024:.0f} on the host for voices")
    rng = np.random.default_rng(0)
    sounds = {"white noise": (0.1 * rng.standard_normal(10 * RATE, dtype=np.float32), RATE)}
    for path in (CHORALE, *arguments.sounds):
        sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
        sounds[str(path)] = np.ascontiguousarray(sound[: 10 * rate].mean(axis=1)), rate
    for name, (sound, rate) in sounds.items():
        cost = voices_cost(sound, rate)
        print(f"{name}: voices take {cost:.3f} of a core, so that one core follows {1 / cost:.0f} streams")


if __name__ == "__main__":
    main()
