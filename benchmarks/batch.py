"""Batches: jobs, short files, long files, workers: ``python -m benchmarks.batch`` (make bench-batch).

Everything runs warm, in this process, from WAV to npz unless said otherwise; times are medians over runs.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

import sharpear
from benchmarks.results import WRITTEN, Cell, Results, Table
from sharpear.config import load_config
from sharpear.interrupt import Interruption
from sharpear.runs import Job, Result, Settings, run_local
from sharpear.runs.sharpening_task import Sharpening

RECORDING = Path(__file__).parent.parent / "examples" / "audio" / "bach_bwv66.6.flac"


def main() -> None:
    """Measure what was asked for; without options everything but the long file and the cluster."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.batch", description=__doc__)
    parser.add_argument("--preset", default="music")
    parser.add_argument("--format", default="zarr", help="of the outputs")
    parser.add_argument("--repeats", type=int, default=3, help="runs of which the median counts")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of what jobs and workers share")
    parser.add_argument("--short", type=int, default=1000, help="number of short files")
    parser.add_argument("--hours", type=float, default=0.0, help="also one file of so many hours")
    parser.add_argument("--cluster", action="store_true", help="also 1 and 2 workers of a Dask cluster")
    parser.add_argument("--out", type=Path, default=WRITTEN, help="folder for batch.json")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, Results("batch", arguments.out) as results:
        bench = Bench(Path(name), arguments.preset, arguments.format)
        results.tables["jobs"] = bench.jobs(arguments.repeats, arguments.seconds)
        results.tables["a_file"] = bench.overhead(arguments.repeats)
        results.tables["short_files"] = bench.short_files(arguments.short)
        if arguments.cluster:
            results.tables["cluster"] = bench.cluster(arguments.repeats, arguments.seconds)
        if arguments.hours:
            results.tables["long_file"] = bench.long_file(arguments.hours)


class Bench:
    """Files made of the recording, and what sharpening them takes."""

    def __init__(self, folder: Path, preset: str, format_: str) -> None:
        self.folder = folder
        self.format = format_
        self.config = load_config(preset)
        self.settings = Settings(Sharpening(self.config), overwrite=True)
        self.audio, self.rate = soundfile.read(RECORDING, dtype="float32")

    def files(self, count: int, seconds: float) -> list[Job]:
        """So many recordings of so many seconds."""
        looped = np.resize(self.audio, round(seconds * self.rate))
        first = self.folder / "in.wav"
        soundfile.write(first, looped, self.rate)
        jobs = []
        for n in range(count):
            path = self.folder / f"{n:04}.wav"
            shutil.copyfile(first, path)
            jobs.append(Job(str(path), (str(path.with_suffix(f".{self.format}")),)))
        return jobs

    def run(self, jobs: list[Job], workers: int, **changes: Any) -> float:
        """Seconds that it takes."""
        settings = Settings(self.settings.task, overwrite=True, **changes)
        started_s = time.perf_counter()
        for event in run_local(jobs, settings, workers, Interruption()):
            if isinstance(event, Result) and event.status != "done":
                raise RuntimeError(event.message)
        return time.perf_counter() - started_s

    def warmed(self, jobs: list[Job], workers: int) -> float:
        """Seconds for `jobs`, less those for the first file of each worker, which design and load the kernels."""
        return self.run(jobs, workers) - self.run(jobs[:workers], workers)

    def jobs(self, repeats: int, seconds: float) -> Table:
        """Two jobs beside one."""
        work = self.files(10, seconds)
        one = float(np.median([self.warmed([*work[:1], *work], 1) for _ in range(repeats)]))
        two = float(np.median([self.warmed([*work[:2], *work], 2) for _ in range(repeats)]))
        rows = {
            name: {"s": spent_s, "hours of audio an hour": 10 * seconds / spent_s, "times as fast": one / spent_s}
            for name, spent_s in (("1 job", one), ("2 jobs", two))
        }
        return Table(rows, {"": ".1f", "times as fast": ".2f"}, f"10 files of {seconds:g} s")

    def overhead(self, repeats: int) -> Table:
        """What a file of 5 s costs beside the sharpening."""
        work = self.files(21, 5.0)
        sharpener = sharpear.Sharpener(self.rate, self.config)
        audio = np.resize(self.audio, round(5.0 * self.rate))
        pure, whole = [], []
        for _ in range(repeats + 1):
            sharpener.reset()
            started_s = time.perf_counter()
            for at in range(0, len(audio), 16384):
                sharpener.process(audio[at : at + 16384])
            sharpener.flush()
            pure.append(time.perf_counter() - started_s)
            whole.append(self.warmed(work, 1) / 20)
        alone, with_file = np.median(pure[1:]), np.median(whole[1:])
        tiny = self.warmed(self.files(41, 0.05), 1) / 40
        rows: dict[str, dict[str, Cell]] = {
            "5 s": {"ms": 1e3 * with_file, "of it sharpening, ms": 1e3 * alone},
            "0.05 s: what a file costs whatever its length": {"ms": 1e3 * tiny},
        }
        return Table(rows, ".0f", "a file, once warm")

    def short_files(self, count: int) -> Table:
        """Growth of memory and descriptors over many short files."""
        work = self.files(count, 0.5)
        seen: list[tuple[float, int]] = []
        for event in run_local(work, self.settings, 2, Interruption()):
            if isinstance(event, Result):
                seen.append((_resident_mb(), len(os.listdir("/proc/self/fd"))))
        moments = {"after a tenth": seen[count // 10], "at the end": seen[-1]}
        rows = {name: {"MB": mb, "open descriptors": files} for name, (mb, files) in moments.items()}
        return Table(rows, ".0f", f"{count} files of 0.5 s, 2 jobs")

    def long_file(self, hours: float) -> Table:
        """One long file, unbroken and in segments."""
        path = self.folder / "long.wav"
        with soundfile.SoundFile(path, "w", self.rate, 1, "PCM_16") as file:
            for _ in range(round(hours * 3600 * self.rate / len(self.audio))):
                file.write(self.audio)
        job = Job(str(path), (str(path.with_suffix(f".{self.format}")),))
        rows: dict[str, dict[str, Cell]] = {}
        for name, cut in (("unbroken", 1), ("in segments, 2 at once", 2)):
            told, tell = os.pipe()
            pid = os.fork()  # each in a process of its own, for a peak of its own
            if not pid:
                spent_s = self.run([job], 1, at_once=cut)
                peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                os.write(tell, f"{spent_s} {peak_mb}".encode())
                os._exit(0)
            os.close(tell)  # a process that fails has told nothing: reading ends
            os.waitpid(pid, 0)
            spent_s, peak_mb = map(float, os.read(told, 100).split())
            os.close(told)
            rows[name] = {"s": spent_s, "times real time": hours * 3600 / spent_s, "MB at most": peak_mb}
        return Table(rows, {"": ".0f", "times real time": ".1f"}, f"a file of {hours:g} h")

    def cluster(self, repeats: int, seconds: float) -> Table:
        """One and two workers of a local cluster, a thread each."""
        from distributed import LocalCluster  # noqa: PLC0415

        from sharpear.runs.cluster import run_cluster  # noqa: PLC0415

        work, rows = self.files(16, seconds), dict[str, dict[str, Cell]]()
        for workers in (1, 2):
            with LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as running:
                runs = []
                for _ in range(repeats + 1):
                    started_s = time.perf_counter()
                    events = list(run_cluster(work, self.settings, running.scheduler_address, Interruption()))
                    runs.append(time.perf_counter() - started_s)
                    assert sum(getattr(event, "status", "") == "done" for event in events) == len(work)
                spent_s = float(np.median(runs[1:]))
                rows[str(workers)] = {"s": spent_s, "times real time": 16 * seconds / spent_s}
        return Table(rows, ".1f", f"workers; 16 files of {seconds:g} s")


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    main()
