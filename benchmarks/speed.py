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
import resource
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numba import njit

import sharpear
from benchmarks.gpu_limits import bank_adds
from benchmarks.judge_stages import StageByStage, judge_stages
from benchmarks.results import WRITTEN, Cell, Results, Table
from benchmarks.sharpness.peers import reassigned
from sharpear.audio import Selection
from sharpear.config import load_config
from sharpear.pitch.transcriber import Transcriber
from sharpear.runs.sharpening_task import sharpen_file
from sharpear.separation.separator import Separator
from sharpear.separation.voices import PitchVoices

RECORDING = Path(__file__).parent.parent / "examples" / "audio" / "bach_bwv66.6.flac"
PATHS: dict[str, dict[str, Any]] = {
    "music": {}, "music, no voices": {"voices.enabled": False}, "speech": {}, "low-latency": {}, "coherent": {}
}  # fmt: skip
"""What is told by samples a call: preset, and settings that differ."""

BLOCKS = (4096, 256, 128, 64)
"""Samples a call, beside one call for the whole."""

SHORT = ("256", "64")
"""Those whose share is told over that of one call, too."""

PEER = "reassigned 4096"


def main() -> None:
    """Measure; with --hour also the memory and speed of an hour-long file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of the recording")
    parser.add_argument("--repeats", type=int, default=5, help="turns of which the best counts")
    parser.add_argument("--out", type=Path, default=WRITTEN, help="folder for speed.json")
    parser.add_argument("--hour", action="store_true", help="also sharpen an hour-long file and report memory")
    arguments = parser.parse_args()
    audio, rate = soundfile.read(RECORDING, dtype="float32")
    audio = audio[: round(arguments.seconds * rate)]
    with Results("speed", arguments.out) as results:
        peak = multiply_adds_per_second()
        results.tables["shares"] = shares(audio, rate, arguments.repeats)
        results.tables["layers"] = layers(audio, rate, arguments.repeats)
        spent = {name: stages(audio, rate, name, arguments.repeats) for name in PATHS}
        title = "Share of a core, stage by stage, each called by itself in blocks of 16384"
        results.tables["stages"] = Table(spent, ".4f", "preset", title)
        judged, needed = judge_stages(audio, rate, "music")
        title = "Share of a core of the judgement's stages, `music` without voices"
        results.tables["judgement"] = Table({"music": judged}, ".4f", "preset", title)
        results.tables["roofline"] = roofline(peak, needed, spent["music"], judged, rate)
        if arguments.hour:
            results.tables["hour"] = hour(audio, rate, "music")


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


def in_blocks(sharpener: Any, audio: np.ndarray[Any, Any], block: int) -> None:
    """From the start, so many samples a call."""
    sharpener.reset()
    for n in range(0, len(audio), block):
        sharpener.process(audio[n : n + block])


def _sharpener(rate: int, name: str, **how: Any) -> sharpear.Sharpener:
    """One of `PATHS`."""
    return sharpear.Sharpener(rate, name.partition(",")[0], overrides=PATHS[name], **how)


def shares(audio: np.ndarray[Any, Any], rate: int, repeats: int) -> Table:
    """Share of a core of every preset, by samples a call; the peer has the whole at once."""
    runs: dict[tuple[str, str], Callable[[], Any]] = {}
    for name in PATHS:
        sharpener = _sharpener(rate, name)
        for block in (len(audio), *BLOCKS):
            runs[name, "whole" if block == len(audio) else str(block)] = partial(in_blocks, sharpener, audio, block)
    if importlib.util.find_spec("librosa"):
        runs[PEER, "whole"] = partial(reassigned, audio, rate, 4096)
    else:
        print(f"{PEER}: not measured, pip install '.[bench]' brings librosa")
    rows: dict[str, dict[str, Cell]] = {}
    for (name, block), share in best_of(runs, repeats, len(audio) / rate).items():
        rows.setdefault(name, {})[block] = share
        if block in SHORT:
            rows[name][f"{block} over whole"] = share / rows[name]["whole"]  # type: ignore[operator]
    form = {"": ".3f"} | {f"{block} over whole": ".2f" for block in SHORT}
    return Table(rows, form, "preset", "Share of a core by samples a call")


def layers(audio: np.ndarray[Any, Any], rate: int, repeats: int) -> Table:
    """Share of a core of what is made of frames, each with its frames."""
    made = {
        "`Sharpener`, `music`": sharpear.Sharpener(rate, "music"),
        "`Transcriber`": Transcriber(rate),
        "`Separator`, tonal and transient": Separator(rate),
        "`Separator`, four voices": Separator(rate, PitchVoices.of(4)),
    }
    runs: dict[str, Callable[[], Any]] = {name: partial(in_blocks, each, audio, 16384) for name, each in made.items()}
    rows = {name: {"share of a core": share} for name, share in best_of(runs, repeats, len(audio) / rate).items()}
    return Table(rows, ".3f", "what", "Share of a core of what is made of frames")


def stages(audio: np.ndarray[Any, Any], rate: int, name: str, repeats: int) -> dict[str, float]:
    """Share of a core of every stage, each called by itself."""
    sharpener = _sharpener(rate, name, device=StageByStage())
    spent = {name: _clocked(part) for name, part in _stages_of(sharpener).items()}
    sharpener.process(audio)  # compiles
    least = dict.fromkeys(spent, np.inf)
    for _ in range(repeats):
        for clock in spent.values():
            clock.clear()
        in_blocks(sharpener, audio, 16384)
        least = {name: min(least[name], sum(clock)) for name, clock in spent.items()}
    return {name: float(value) * rate / len(audio) for name, value in least.items()}


def roofline(peak: float, needed: float, parts: dict[str, float], judged: dict[str, float], rate: int) -> Table:
    """What the products of `music` take at best, and what they take."""
    path: Any = sharpear.Sharpener(rate, "music")._path
    windows = path._bank.design
    bank = rate / windows.hop * bank_adds(windows)
    reached = {"bank": (bank, parts["bank"]), "judge's layers": (needed, judged["judge bands"] + judged["judge lines"])}
    rows: dict[str, dict[str, Cell]] = {
        name: {"G multiply-adds a second": each / 1e9, "share at best": each / peak, "share reached": share}
        for name, (each, share) in reached.items()
    }
    rows["all that this core does"] = {"G multiply-adds a second": peak / 1e9}
    return Table(rows, {"": ".4f", "G multiply-adds a second": ".3f"}, "products", "Products of `music`")


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


def hour(audio: np.ndarray[Any, Any], rate: int, preset: str) -> Table:
    """Sharpen an hour made of the recording, over and over, into a Zarr: speed and memory."""
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
    row: dict[str, Cell] = {
        "real-time factor": spent_s / 3600,
        "MB after a quarter": growth[len(growth) // 4],
        "MB at the end": growth[-1],
        "MB at most": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    return Table({"an hour into a Zarr": row}, {"": ".0f", "real-time factor": ".3f"}, title="An hour-long file")


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    main()
