"""In a pipe: how late frames are, and how fast they come: ``python -m benchmarks.pipe`` (make bench-pipe).

Lateness is measured on the command line itself, fed hop by hop at the pace of the sound: from the moment that the last
sample of a frame has been written to its stdin to the moment that the frame is read from its stdout. The stated latency
is in the frame's time already and not counted. Throughput is measured in process, warm, as the median of runs.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import soundfile

import sharpear
from benchmarks.results import WRITTEN, Cell, Results, Table
from sharpear.audio import AudioPipe, Feed, RawFormat
from sharpear.config import load_config
from sharpear.interrupt import Interruption
from sharpear.runs import make_of_file
from sharpear.runs.sharpening_task import Sharpening
from sharpear.runs.streamed import sharpen_stream
from sharpear.sinks.outlet import Outlet

RECORDING = Path(__file__).parent.parent / "examples" / "audio" / "bach_bwv66.6.flac"


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pipe", description=__doc__)
    parser.add_argument("--preset", default="music")
    parser.add_argument("--seconds", type=float, default=8.0, help="of sound, for the lateness")
    parser.add_argument("--repeats", type=int, default=5, help="runs of which the median counts")
    parser.add_argument("--out", type=Path, default=WRITTEN, help="folder for pipe.json")
    arguments = parser.parse_args()
    audio, rate = soundfile.read(RECORDING, dtype="float32")
    with Results("pipe", arguments.out) as results:
        results.tables["lateness"] = lateness(np.tile(audio, 2), rate, arguments.preset, arguments.seconds)
        results.tables["throughput"] = throughput(np.tile(audio, 3), rate, arguments.preset, arguments.repeats)


def lateness(audio: np.ndarray, rate: int, preset: str, seconds: float) -> Table:
    """How long after its last sample a frame is out."""
    sharpener = sharpear.Sharpener(rate, preset)
    hop, atoms = sharpener.hop, sharpener.frequencies.size
    latency_hops = round(sharpener.latency_s * rate / hop)
    words = ["sharpen", "-", "--raw", "--rate", str(rate), "--encoding", "f32le", "--format", "f32", "--preset", preset]
    running = subprocess.Popen(
        [sys.executable, "-m", "sharpear", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    )
    assert running.stdin
    assert running.stdout
    hops = round(seconds * rate / hop)
    given_s, out_s = np.zeros(hops + 1), np.zeros(hops + 1)

    def read() -> None:
        assert running.stdout
        for n in range(hops + 1 - latency_hops):
            left = 2 * 4 * atoms
            while left:
                left -= len(running.stdout.read(left))
            out_s[n] = time.perf_counter()

    reader = threading.Thread(target=read)
    reader.start()
    # The first hops start it up (import, design, kernels); the clock begins when they are through.
    running.stdin.write(audio[: hop * latency_hops].tobytes())
    while not out_s[0]:
        time.sleep(0.01)
    started_s = time.perf_counter()
    for n in range(latency_hops + 1, hops + 1):
        time.sleep(max(0.0, started_s + (n - latency_hops) * hop / rate - time.perf_counter()))
        running.stdin.write(audio[(n - 1) * hop : n * hop].tobytes())
        given_s[n] = time.perf_counter()
    reader.join()
    running.stdin.close()
    running.stdout.close()
    running.wait()
    frames = np.arange(1, hops + 1 - latency_hops)
    late_ms = 1e3 * (out_s[frames] - given_s[frames + latency_hops])
    row: dict[str, Cell] = {
        "latency, ms": 1e3 * sharpener.latency_s,
        "hop, ms": 1e3 * hop / rate,
        "first, ms": float(late_ms[0]),
        "median, ms": float(np.median(late_ms)),
        "99 %, ms": float(np.quantile(late_ms, 0.99)),
        "worst, ms": float(late_ms.max()),
    }
    return Table({f"`{preset}`": row}, ".2f", "frames out of a pipe after their last sample")


def throughput(audio: np.ndarray, rate: int, preset: str, repeats: int) -> Table:
    """Seconds spent by second of audio, of files and of pipes."""
    config = load_config(preset)
    spent: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "x.wav"
        soundfile.write(path, audio, rate, subtype="FLOAT")
        for run in range(repeats + 1):
            for format_ in ("zarr", "npz"):
                started_s = time.perf_counter()
                make_of_file(Sharpening(config), path, [path.with_name(f"{run}.{format_}")])
                _note(spent, f"file to {format_}", started_s, run)
            for format_ in ("f32", "jsonl", "arrow"):
                seconds = through_a_pipe(audio, rate, format_, config)
                if run:
                    spent.setdefault(f"pipe to {format_}", []).append(seconds)
    length_s = len(audio) / rate
    rows = {
        what: {
            "of real time": float(np.median(values)) / length_s,
            "times as fast": length_s / float(np.median(values)),
        }
        for what, values in spent.items()
    }
    return Table(rows, {"": ".4f", "times as fast": ".1f"}, f"`{preset}`")


def _note(spent: dict[str, list[float]], what: str, started_s: float, run: int) -> None:
    if run:
        spent.setdefault(what, []).append(time.perf_counter() - started_s)


def through_a_pipe(audio: np.ndarray, rate: int, format_: str, config: sharpear.Config) -> float:
    """Seconds from the first byte into one pipe to the last out of another, less the time to design the sharpener."""
    samples_in, samples_out = os.pipe()
    frames_in, frames_out = os.pipe()

    def write() -> None:
        with open(samples_out, "wb") as file:
            file.write(audio.astype("<f4").tobytes())

    def drain() -> None:
        while os.read(frames_in, 1 << 20):
            pass

    threads = [threading.Thread(target=each) for each in (write, drain)]
    for thread in threads:
        thread.start()
    designing_s = time.perf_counter()
    sharpear.Sharpener(rate, config, phases=format_ != "f32")
    started_s = time.perf_counter()
    source = AudioPipe(Feed(samples_in), raw=RawFormat(rate, 1, "f32le"))
    sharpen_stream(source, Outlet(frames_out), Interruption(), Sharpening(config), format_)
    os.close(frames_out)
    for thread in threads:
        thread.join()
    spent_s = time.perf_counter() - started_s
    os.close(samples_in)
    os.close(frames_in)
    return spent_s - (started_s - designing_s)


if __name__ == "__main__":
    main()
