"""Speed of the signal path, stage by stage, on one core: ``python -m benchmarks.speed``.

Real-time factor = processor time / audio time: the median over repeated runs, after a warm-up. The roofline is the
multiply-adds that the filterbank must do, at the rate that this core reaches on multiply-adds alone in the same run.
"""

from __future__ import annotations

import os

os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numba import njit

import sharpear
from benchmarks.judge_stages import judge_stages
from sharpear.audio import Selection
from sharpear.config import load_config
from sharpear.runs.sharpening_task import sharpen_file

RECORDING = Path(__file__).parent.parent / "examples" / "audio" / "bach_bwv66.6.flac"


def main() -> None:
    """Print the table; with --hour also the memory and speed of an hour-long file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="music")
    parser.add_argument("--repeats", type=int, default=7, help="runs of which the median counts")
    parser.add_argument("--hour", action="store_true", help="also sharpen an hour-long file and report memory")
    arguments = parser.parse_args()
    audio, rate = soundfile.read(RECORDING, dtype="float32")
    stages(audio, rate, arguments.preset, arguments.repeats)
    if arguments.hour:
        hour(audio, rate, arguments.preset)


def stages(audio: np.ndarray[Any, Any], rate: int, preset: str, repeats: int) -> None:
    """Real-time factor of every stage."""
    sharpener = sharpear.Sharpener(rate, preset)
    parts = {"whole": sharpener, **_stages_of(sharpener)}
    spent = {name: _clocked(part) for name, part in parts.items()}
    sharpener.process(audio)  # compiles
    runs: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(repeats):
        sharpener.reset()
        for clock in spent.values():
            clock.clear()
        sharpener.process(audio)
        for name, clock in spent.items():
            runs[name].append(sum(clock))
    length_s = len(audio) / rate
    factors = {name: float(np.median(values)) / length_s for name, values in runs.items()}
    channels, order = sharpener.channel_frequencies.size, sharpener.config.bank.order
    print(f"preset {preset}: {channels} channels, {sharpener.frequencies.size} atoms, {rate} Hz, hop {sharpener.hop}")
    for name, factor in factors.items():
        print(f"  {name:<16} {factor:.4f}")
    print(f"  {'other':<16} {factors['whole'] - sum(f for name, f in factors.items() if name != 'whole'):.4f}")
    peak = multiply_adds_per_second()
    if sharpener.config.network.mode == "beliefs":
        judgement(*judge_stages(audio, rate, preset), peak)
        return
    needed = (4 * order + 4) * channels * rate  # γ complex poles with a real gain at the input, and the mean power
    print(f"bank roofline: {needed / 1e9:.2f} G multiply-adds per second of audio, one core does {peak / 1e9:.1f} G/s:")
    print(f"  at best {needed / peak:.4f}; the bank reaches {needed / peak / factors['bank']:.0%} of that")


def judgement(factors: dict[str, float], needed: float, peak: float) -> None:
    """Print what the stages of the judgement cost, on processor time, and what its layers cost at best."""
    print("the judgement, stage by stage, on processor time:")
    for name, factor in factors.items():
        print(f"  {name:<16} {factor:.4f}")
    print(f"its layers: {needed / 1e9:.2f} G multiply-adds per second of audio, one core does {peak / 1e9:.1f} G/s:")
    reached = factors["judge bands"] + factors["judge lines"]
    print(f"  at best {needed / peak:.4f}; bands and lines are judged in {reached:.4f}")


def _stages_of(sharpener: sharpear.Sharpener) -> dict[str, Any]:
    """The parts that take frames, innermost first where a part is made of others."""
    outer = sharpener._path._parts
    code = outer.pop("code")
    names = ("finder", "field", "encoder", "judge", "pair")
    parts = code._parts | ({"encoder": code._encoder} if hasattr(code, "_encoder") else {})
    inner = {name: parts[name] for name in names if name in parts}
    return {name: part for name, part in (outer | inner).items() if hasattr(part, "process")}


def _clocked(part: Any) -> list[float]:
    """Replace the part's `process` by one that also notes its time."""
    spent: list[float] = []
    inner: Callable[..., Any] = part.process

    def process(*arguments: Any) -> Any:
        started = time.process_time()
        result = inner(*arguments)
        spent.append(time.process_time() - started)
        return result

    part.process = process
    return spent


def multiply_adds_per_second() -> float:
    """What this core does on independent float32 multiply-adds held in the first cache."""
    values = np.ones(2048, np.float32)
    _multiply_adds(values, 10)
    best = 0.0
    for _ in range(5):
        started = time.perf_counter()
        _multiply_adds(values, 20000)
        best = max(best, 20000 * 8 * values.size / (time.perf_counter() - started))
    return best


@njit(nogil=True, fastmath={"contract"})
def _multiply_adds(values: Any, rounds: int) -> None:
    a, b = np.float32(0.999), np.float32(0.001)
    for _ in range(rounds):
        for i in range(values.size):
            x = values[i]
            for _ in range(8):
                x = x * a + b
            values[i] = x


def hour(audio: np.ndarray[Any, Any], rate: int, preset: str) -> None:
    """Sharpen an hour made of the recording, over and over, into a Zarr; report speed and memory."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "hour.wav"
        with soundfile.SoundFile(path, "w", rate, 1, "PCM_16") as file:
            for _ in range(round(3600 * rate / len(audio))):
                file.write(audio)
        growth: list[float] = []
        started = time.perf_counter()
        outputs = [Path(folder) / "hour.zarr"]
        sharpen_file(path, outputs, load_config(preset), Selection(), lambda *_: growth.append(_resident_mb()))
        spent_s = time.perf_counter() - started
        quarter = len(growth) // 4
        print(f"an hour-long file to Zarr: {spent_s:.0f} s (real-time factor {spent_s / 3600:.3f})")
        print(f"  resident memory: {growth[quarter]:.0f} MB after a quarter, {growth[-1]:.0f} MB at the end, "
              f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at most")  # fmt: skip


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    main()
