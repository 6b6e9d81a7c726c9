"""How cost grows, with streams, rate, hop, block, length and lines: ``python -m benchmarks.growth``, for docs/speed.md.

Each point is processor time over the audio time of all its streams, the least of several runs; memory is what the
process keeps more of while it streams.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import gc
import resource
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import sharpear
from benchmarks.results import WRITTEN, Cell, Results, Table

RATE, SECONDS, RUNS = 44100, 2.0, 3
PANELS = ("streams", "memory_streams", "rates", "hops", "blocks", "partials", "lengths", "memory_lengths")
Points = dict[float, float]


def sound(rate: float, seconds: float, lines: int, streams: int = 1) -> np.ndarray[Any, Any]:
    """(samples, streams): steady partials, 60 to 3500 Hz, spread evenly by their logarithm, over faint noise."""
    rng = np.random.default_rng(0)
    t = np.arange(round(seconds * rate)) / rate
    hz = np.geomspace(60, 3500, lines) if lines else np.zeros(0)
    wave = 1e-5 * rng.standard_normal(t.size)
    for n, f in enumerate(hz):
        wave += 0.5 / lines * np.cos(2 * np.pi * f * t + n * n)
    return np.repeat(wave.astype(np.float32)[:, None], streams, axis=1)


def share(sharpener: sharpear.Sharpener, audio: np.ndarray[Any, Any], block: int = 16384) -> float:
    """Of a core, for a stream."""
    least = np.inf
    for _ in range(RUNS):
        sharpener.reset()
        started = time.process_time()
        for n in range(0, len(audio), block):
            sharpener.process(audio[n : n + block])
        least = min(least, time.process_time() - started)
    return float(least / (audio.size / sharpener.sample_rate))


def resident_mb() -> float:
    """What the process holds now."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def over_streams() -> tuple[Points, Points]:
    """Share of a core a stream, and MB a stream, by their number."""
    shares, memory = {}, {}
    warm = sharpear.Sharpener(RATE, "music")
    warm.process(sound(RATE, SECONDS, 20))  # compiled code and libraries are no stream's
    kept = [warm]  # memory that was given back would be taken again, and not be counted
    for streams in (1, 2, 4, 8, 16, 32, 64):
        before = resident_mb()
        sharpener = sharpear.Sharpener(RATE, "music", streams)
        audio = sound(RATE, SECONDS / 4 if streams > 8 else SECONDS, 20, streams)
        kept.append(sharpener)
        for n in range(0, len(audio), 4096):
            sharpener.process(audio[n : n + 4096])
        memory[float(streams)] = (resident_mb() - before - audio.nbytes / 2**20) / streams
        shares[float(streams)] = share(sharpener, audio)
    return shares, memory


def over_rates() -> Points:
    """By sample rate, kHz."""
    rates = (8000, 16000, 32000, 44100, 48000, 96000, 192000)
    return {r / 1e3: share(sharpear.Sharpener(r, "music"), sound(r, SECONDS, 20)) for r in rates}


def over_hops() -> Points:
    """By hop, ms, of preset coherent: what music believes was learned for one."""
    made = {ms: sharpear.Sharpener(RATE, "coherent", overrides={"frames.hop_ms": ms}) for ms in (1.5, 2.9, 5.8, 11.6)}
    return {ms: share(sharpener, sound(RATE, SECONDS, 20)) for ms, sharpener in made.items()}


def over_blocks() -> Points:
    """By samples a call."""
    sharpener, audio = sharpear.Sharpener(RATE, "music"), sound(RATE, SECONDS, 20)
    return {float(block): share(sharpener, audio, block) for block in (32, 64, 128, 256, 1024, 4096, 16384, 65536)}


def over_lines() -> Points:
    """By partials in the sound."""
    sharpener = sharpear.Sharpener(RATE, "music")
    return {float(lines): share(sharpener, sound(RATE, SECONDS, lines)) for lines in (0, 1, 5, 10, 20, 40, 80)}


def over_lengths(longest_s: float) -> tuple[Points, Points]:
    """By length, s: share of a core, and MB that the process holds more at the end than after the first second."""
    sharpener, second = sharpear.Sharpener(RATE, "music"), sound(RATE, 1.0, 20)
    shares, memory = {}, {}
    sharpener.process(second)
    begun_mb, length_s = resident_mb(), 1.0
    while length_s <= longest_s:
        sharpener.reset()
        started = time.process_time()
        for _ in range(round(length_s)):
            sharpener.process(second)
        shares[length_s] = (time.process_time() - started) / length_s
        memory[length_s] = max(0.0, resident_mb() - begun_mb)
        length_s *= 3
    return shares, memory


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--longest", type=float, default=250.0, help="the longest sound, s")
    parser.add_argument("--out", type=Path, default=WRITTEN, help="folder for growth.json")
    arguments = parser.parse_args()
    with Results("growth", arguments.out) as results:
        streams, stream_mb = over_streams()
        lengths, length_mb = over_lengths(arguments.longest)
        measured: dict[str, Points] = {
            "streams: share a stream": streams,
            "streams: MB a stream": stream_mb,
            "sample rate, kHz: share": over_rates(),
            "hop, ms (coherent): share": over_hops(),
            "block, samples: share": over_blocks(),
            "partials: share": over_lines(),
            "length, s: share": lengths,
            "length, s: MB more": length_mb,
        }
        for number, (name, points) in enumerate(measured.items()):
            row: dict[str, Cell] = {f"{x:g}": y for x, y in points.items()}
            form = ".1f" if "MB" in name else ".3f"
            results.tables[PANELS[number]] = Table({name.partition(": ")[2]: row}, form, name.partition(": ")[0])


def told(tables: Mapping[str, Table]) -> Table:
    """All panels in one table."""
    rows: dict[str, dict[str, Cell]] = {}
    for table in tables.values():
        for what, points in table.rows.items():
            rows[f"{table.corner}: {what}"] = {"measured": ", ".join(f"{x}: {table.told(what, x)}" for x in points)}
    return Table(rows, corner="by")


def draw(tables: Mapping[str, Table], path: Path) -> None:
    """A panel for each, from zero up."""
    plt: Callable[..., Any] = __import__("matplotlib.pyplot", fromlist=["subplots"]).subplots
    figure, axes = plt(2, 4, figsize=(12, 5), layout="constrained")
    for axis, name in zip(axes.flat, PANELS, strict=True):
        table = tables[name]
        (what,) = table.rows
        points = {float(x): float(y) for x, y in table.rows[what].items()}  # type: ignore[arg-type]
        axis.plot(list(points), list(points.values()), "o-", markersize=3)
        axis.set(title=f"{table.corner}: {what}", ylim=(0, 1.15 * max(*points.values(), 1.0 if "MB" in what else 1e-9)))
        if name.startswith(("streams", "block", "length", "rates", "memory")):
            axis.set_xscale("log", base=2)
        axis.grid(alpha=0.3)
    figure.savefig(path, dpi=90, metadata={"Software": None})


if __name__ == "__main__":
    main()
