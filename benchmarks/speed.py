"""Speed of the signal path on one core, beside a peer and the roofline: ``python -m benchmarks.speed``.

Every number is a share of a core: processor time over audio time, the least of several turns, in which all take part
one after the other, so that each has the machine's better moments. The roofline is the multiply-adds that a stage must
do, at the rate that this core reaches on multiply-adds alone in the same run.
"""

from __future__ import annotations

import os

os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import importlib.util
import json
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numba
import numpy as np
import soundfile
from numba import njit

import sharpear
from benchmarks.judge_stages import StageByStage, judge_stages
from benchmarks.sharpness.peers import reassigned
from sharpear.audio import Selection
from sharpear.config import load_config
from sharpear.runs.sharpening_task import sharpen_file

RECORDING = Path(__file__).parent.parent / "examples" / "audio" / "bach_bwv66.6.flac"
PRESETS = ("music", "speech", "low-latency", "coherent")
BLOCKS = (4096, 256, 128, 64)
"""Samples a call, beside one call for the whole."""

PEER = "reassigned 4096"


def main() -> None:
    """Print the table; with --hour also the memory and speed of an hour-long file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of the recording")
    parser.add_argument("--repeats", type=int, default=5, help="turns of which the best counts")
    parser.add_argument("--json", type=Path, help="also write all of it there")
    parser.add_argument("--hour", action="store_true", help="also sharpen an hour-long file and report memory")
    arguments = parser.parse_args()
    audio, rate = soundfile.read(RECORDING, dtype="float32")
    audio = audio[: round(arguments.seconds * rate)]
    found: dict[str, Any] = {"machine": machine(), "multiply_adds_per_second": multiply_adds_per_second()}
    found["shares"] = shares(audio, rate, arguments.repeats)
    print_shares(found["shares"])
    found["stages"] = {name: stages(audio, rate, name, arguments.repeats) for name in PRESETS}
    found["judgement"], needed = judge_stages(audio, rate, "music")
    print_stages(found["stages"], found["shares"])
    print_roofline(found, needed, audio, rate)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1))
    if arguments.hour:
        hour(audio, rate, "music")


def machine() -> dict[str, Any]:
    """What the numbers depend on beside the program."""
    cpu = Path("/proc/cpuinfo")
    models = [line.partition(":")[2].strip() for line in cpu.read_text().splitlines() if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor(),
        "load": os.getloadavg(),
        "python": platform.python_version(),
        "versions": {"numpy": np.__version__, "numba": numba.__version__},
    }


def best_of(runs: dict[Any, Callable[[], Any]], repeats: int, length_s: float) -> dict[Any, float]:
    """Processor time of each, over audio time, the least of `repeats` turns after a first one that compiles."""
    least: dict[Any, float] = {}
    for turn in range(repeats + 1):
        for name, run in runs.items():
            started = time.process_time()
            run()
            share = (time.process_time() - started) / length_s
            least[name] = min(share, least.get(name, np.inf)) if turn else np.inf
    return least


def in_blocks(sharpener: sharpear.Sharpener, audio: np.ndarray[Any, Any], block: int) -> None:
    """From the start, so many samples a call."""
    sharpener.reset()
    for n in range(0, len(audio), block):
        sharpener.process(audio[n : n + block])


def shares(audio: np.ndarray[Any, Any], rate: int, repeats: int) -> dict[str, dict[str, float]]:
    """Share of a core of every preset, by samples a call; the peer has the whole at once."""
    runs: dict[tuple[str, str], Callable[[], Any]] = {}
    for preset in PRESETS:
        sharpener = sharpear.Sharpener(rate, preset)
        for block in (len(audio), *BLOCKS):
            name = "whole" if block == len(audio) else str(block)
            runs[preset, name] = partial(in_blocks, sharpener, audio, block)
    if importlib.util.find_spec("librosa"):
        runs[PEER, "whole"] = partial(reassigned, audio, rate, 4096)
    found: dict[str, dict[str, float]] = {}
    for (preset, name), share in best_of(runs, repeats, len(audio) / rate).items():
        found.setdefault(preset, {})[name] = share
    return found


def print_shares(found: dict[str, dict[str, float]]) -> None:
    """A row a preset, a column a size of block; and how much more small blocks take."""
    print("share of a core, by samples a call (times the share of one call for the whole)")
    print(f"{'':<16}{'whole':>8}" + "".join(f"{block:>16}" for block in BLOCKS))
    for name, row in found.items():
        blocks = [row[str(b)] for b in BLOCKS if str(b) in row]
        print(f"{name:<16}{row['whole']:8.4f}" + "".join(f"{s:9.4f} ({s / row['whole']:.2f})" for s in blocks))
    if PEER not in found:
        print(f"{PEER}: not measured, pip install '.[bench]' brings librosa")


def stages(audio: np.ndarray[Any, Any], rate: int, preset: str, repeats: int) -> dict[str, float]:
    """Share of a core of every stage, each called by itself."""
    sharpener = sharpear.Sharpener(rate, preset, device=StageByStage())
    spent = {name: _clocked(part) for name, part in _stages_of(sharpener).items()}
    sharpener.process(audio)  # compiles
    least = dict.fromkeys(spent, np.inf)
    for _ in range(repeats):
        for clock in spent.values():
            clock.clear()
        in_blocks(sharpener, audio, 16384)
        least = {name: min(least[name], sum(clock)) for name, clock in spent.items()}
    return {name: float(value) * rate / len(audio) for name, value in least.items()}


def print_stages(found: dict[str, dict[str, float]], whole: dict[str, dict[str, float]]) -> None:
    """What the stages take, each called by itself; together they share what is in the cache."""
    print("\nstage by stage, in blocks of 16384; together: all of a hop in one call")
    for preset, parts in found.items():
        told = ", ".join(f"{name} {share:.4f}" for name, share in parts.items())
        print(f"{preset:<16}{told}; together {whole[preset]['whole']:.4f}")


def print_roofline(found: dict[str, Any], layers: float, audio: np.ndarray[Any, Any], rate: int) -> None:
    """What the products of `music` take at best, and what all else does."""
    peak, parts = found["multiply_adds_per_second"], found["stages"]["music"]
    filters = sharpear.Sharpener(rate, "music")._path._bank.parts.filters
    hops = rate / filters.basis.shape[0]
    bank = hops * (filters.basis.size + filters.mixing.size + 12 * filters.resonator.size)
    judged = found["judgement"]
    reached = judged["judge bands"] + judged["judge lines"]
    print(f"\nthis core does {peak / 1e9:.1f} G multiply-adds a second; music, share of a core at best, and reached:")
    print(f"  bank             {bank / 1e9:6.3f} G/s {bank / peak:8.4f} {parts['bank']:8.4f}")
    print(f"  judge's layers   {layers / 1e9:6.3f} G/s {layers / peak:8.4f} {reached:8.4f}")
    print("  no products: " + ", ".join(f"{n} {s:.4f}" for n, s in judged.items() if n[:5] != "judge" or n == "place"))


def _stages_of(sharpener: sharpear.Sharpener) -> dict[str, Any]:
    """The parts that take frames, innermost first where a part is made of others."""
    outer = sharpener._path._parts
    code = outer.pop("code")
    names = ("finder", "field", "encoder", "judge", "pair")
    parts = code._parts | ({"encoder": code.encoder} if hasattr(code, "encoder") else {})
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
