"""The page of files, measured: ``python -m benchmarks.view``.

An hour of strokes, the bundled recording over and over, shown in two panes of headless Chromium without a graphics
card: what a frame of the page costs while it scrolls, what the page keeps in memory, and how soon there is a picture of
a song after ``sharpear view``. ``--picture PATH`` takes the page's portrait instead.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from pathlib import Path

import numpy as np
import soundfile

import sharpear
from benchmarks.results import WRITTEN, Cell, Results, Table
from sharpear.sinks.rows import Rows
from sharpear.view.sheet import FORMAT, Sheet
from sharpear.view.tiles import COLUMN_LEVELS, STROKE_LEVELS, TILE_COLUMNS, TILE_FRAMES, Tiles
from sharpear.view.view import View

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from browser import Browser, browser  # noqa: E402

RECORDING = ROOT / "examples" / "audio" / "bach_bwv66.6.flac"
SONG_S = 240.0
SIZE = 1280, 800
SPANS_S = 2.0, 10.0, 60.0, 600.0, 3600.0
LOOP = 2
"""Tiles of the highest level of strokes, after which they repeat: three minutes."""
SETTLED_S = 2.0
FRAMES = 120
"""Frames over which a span is scrolled by its whole width."""

SCROLLED = """
(async () => {
  const { page } = window;
  page.plane.show(%(start)f, %(span)f);
  page.changed();
  await new Promise((done) => setTimeout(done, %(rest)d));
  const drawn = page.frame;
  const spent = [];
  let now = performance.now();
  const between = [];
  page.frame = function () {
    const began = performance.now();
    between.push(began - now);
    now = began;
    drawn.call(page);
    spent.push(performance.now() - began);
  };
  for (let n = 0; n < %(frames)d; n++) {
    page.plane.move(page.plane.spanS / %(frames)d, 0);
    page.changed();
    await new Promise(requestAnimationFrame);
  }
  delete page.frame;
  return { spent, between: between.slice(1) };
})()
"""

AGAIN = """
(async () => {
  for (let n = 0; n < %(frames)d; n++) {
    page.dirty = true;
    page.wake();
    await new Promise(requestAnimationFrame);
  }
})()
"""


def main() -> None:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.view", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="length of what is scrolled; 0 leaves it out")
    parser.add_argument("--song", type=Path, help="what is opened, in the place of four minutes of the example")
    parser.add_argument("--picture", type=Path, help="only take the page's portrait")
    parser.add_argument("--out", type=Path, default=WRITTEN, help="folder for view.json")
    arguments = parser.parse_args()
    if arguments.picture:
        portrait(arguments.picture)
        return
    with (
        tempfile.TemporaryDirectory(prefix="sharpear-bench-") as made,
        Results("view", arguments.out) as results,
    ):
        folder = Path(made)
        if arguments.minutes > 0:
            results.tables |= scroll(folder, 60 * arguments.minutes)
        song = arguments.song or long_song(folder / "song.wav")
        results.tables["opened"] = first_picture(song)


def long_song(path: Path) -> Path:
    """The example as often as it fits into four minutes."""
    audio, rate = soundfile.read(RECORDING, dtype="float32")
    soundfile.write(path, np.resize(audio, round(SONG_S * rate)), rate, "PCM_16")
    return path


def drawn(folder: Path, seconds: float) -> Sheet:
    """Tiles of so long: the example over and over, drawn for `LOOP` tiles of the highest level, then repeated."""
    audio, rate = soundfile.read(RECORDING, dtype="float32")
    spec = sharpear.sharpen(audio, rate)
    rows = Rows(spec.frequencies[0], spec.frequencies[-1], spec.channel_frequencies)
    frames, hop_s = spec.with_stream(), float(np.diff(spec.times).mean())
    folder.mkdir()
    tiles = Tiles(folder, rows)
    while tiles.frames < (LOOP << STROKE_LEVELS - 1) * TILE_FRAMES + TILE_FRAMES:
        tiles.add(frames)
        tiles.publish()
    for level in range(STROKE_LEVELS):
        period = LOOP << STROKE_LEVELS - 1 - level
        for number in range(ceil(seconds / hop_s / (TILE_FRAMES << level))):
            for kind in "rs" if number >= period else "":
                (folder / f"{kind}{level}-{number}").unlink(missing_ok=True)
                (folder / f"{kind}{level}-{number}").symlink_to(f"{kind}{level}-{number % period}")
    loop = b"".join((folder / f"r{STROKE_LEVELS - 1}-{number}").read_bytes() for number in range(LOOP))
    columns = np.frombuffer(loop, np.uint8).reshape(-1, rows.count, 2)
    columns = np.tile(columns, (ceil(seconds / hop_s / (TILE_FRAMES << STROKE_LEVELS - 1) / LOOP), 1, 1))
    for level in range(STROKE_LEVELS, COLUMN_LEVELS):
        columns = np.maximum(columns[: len(columns) // 2 * 2 : 2], columns[1::2])
        for number in range(ceil(len(columns) / TILE_COLUMNS)):
            part = columns[number * TILE_COLUMNS : (number + 1) * TILE_COLUMNS]
            (folder / f"r{level}-{number}").write_bytes(part.tobytes())
    return Sheet(RECORDING.name, folder.name, seconds, hop_s, 0.0, rows.low_hz, rows.count, seconds, complete=True)


def scroll(folder: Path, seconds: float) -> dict[str, Table]:
    """Two panes, scrolled by their width at several spans."""
    sheet = drawn(folder / "0", seconds)
    (folder / "1").symlink_to(folder / "0")
    sheets = [sheet.__dict__, {**sheet.__dict__, "folder": "1"}]
    told = {"type": "sheets", **FORMAT, "range_db": None, "sheets": sheets}
    rows: dict[str, dict[str, Cell]] = {}
    with View(folder=folder) as view, browser(SIZE) as chromium:
        view.axes(json.dumps(told))
        tab = chromium.open(view.url)
        assert tab.wait("window.page && page.sheets.length === 2")
        for span_s in [span for span in SPANS_S if span <= sheet.duration_s + 1]:
            words = {"start": (sheet.duration_s - span_s) / 3, "span": span_s, "frames": FRAMES, "rest": 5000}
            before_s = spent_by_kind(chromium)
            tab.evaluate(f"window.seen = null, {(SCROLLED % words).strip()}.then((seen) => (window.seen = seen)), 0")
            assert tab.wait("window.seen", 600)
            seen = tab.evaluate("window.seen")
            scrolled = since(before_s, chromium)
            spent, between = np.array(seen["spent"]), np.array(seen["between"])
            before_s = spent_by_kind(chromium)
            tab.evaluate(f"window.again = false, {(AGAIN % words).strip()}.then(() => (window.again = true)), 0")
            assert tab.wait("window.again", 600)
            rows[f"{span_s:g} s"] = {
                "the page's own work, ms": float(spent.mean()),
                "99 %, ms": float(np.percentile(spent, 99)),
                "all of the browser, ms": sum(scrolled.values()),
                **{f"of it {kind}, ms": value for kind, value in scrolled.items()},
                "the same picture again, ms": sum(since(before_s, chromium).values()),
                "frames a second by the clock": 1e3 / float(between.mean()),
            }
        heap = tab.evaluate("performance.memory.usedJSHeapSize") / 2**20
        held = tab.evaluate("[...page.tiles.values()].reduce((sum, tiles) => sum + tiles.size, 0)") / 2**20
        memory: dict[str, Cell] = {"the page's process, MB": page_mb(chromium), "heap, MB": heap, "tiles, MB": held}
    shown = f"{sheet.duration_s / 60:.0f} minutes in two panes, {SIZE[0]} × {SIZE[1]} pixels"
    return {
        "scrolled": Table(rows, ".1f", "shown", f"{shown}, no graphics card: processor time a frame"),
        "memory": Table({shown: memory}, ".0f"),
    }


def processes(chromium: Browser) -> dict[int, str]:
    """Those of the browser, and what each is."""
    waiting, found = [chromium.process.pid], {}
    while waiting:
        pid = waiting.pop()
        try:
            waiting += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
            found[pid] = Path(f"/proc/{pid}/cmdline").read_text()
        except OSError:
            continue
    return found


def spent_s(*pids: int) -> float:
    """Processor time of processes so far."""
    stats = [Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split() for pid in pids]
    return sum(int(stat[11]) + int(stat[12]) for stat in stats) / os.sysconf("SC_CLK_TCK")


def spent_by_kind(chromium: Browser) -> defaultdict[str, float]:
    """Processor time so far, s, of the browser's processes: the page's, that which draws for it, and all others."""
    names = {"--type=renderer": "page", "--type=gpu-process": "drawing"}
    spent = defaultdict[str, float](float)
    for pid, words in processes(chromium).items():
        spent[next((name for kind, name in names.items() if kind in words), "others")] += spent_s(pid)
    return spent


def since(before_s: defaultdict[str, float], chromium: Browser) -> dict[str, float]:
    """What the processes have taken for each of so many frames, ms."""
    return {name: 1e3 * (value - before_s[name]) / FRAMES for name, value in spent_by_kind(chromium).items()}


def page_mb(chromium: Browser) -> float:
    """What the largest of the pages' processes keeps."""
    pages = [pid for pid, words in processes(chromium).items() if "--type=renderer" in words]
    sizes = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pages]
    return max(sizes) * resource.getpagesize() / 2**20


@contextmanager
def viewing(*words: str) -> Iterator[tuple[str, int, float]]:
    """``sharpear view`` of a file: its address, its process, and when it was started."""
    command = [sys.executable, "-m", "sharpear", "view", "--no-open", *words]
    began_s = time.monotonic()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        url = next(line for line in process.stderr if "http://" in line).split(" at ")[1].split(": ")[0]
        yield url, process.pid, began_s
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate()


def first_picture(song: Path) -> Table:
    """From the command to a picture, to the first that is sharpened, to all of it, and to its notes."""
    seconds = soundfile.info(song).duration
    with browser(SIZE) as chromium, viewing(str(song)) as (url, pid, began_s):
        address_s = time.monotonic() - began_s
        before_s = sum(spent_by_kind(chromium).values())
        tab = chromium.open(url)
        moments = {
            "picture of all": "(page.sheets[0]?.complete || Boolean(page.tiles.get('0')?.preview?.texture))",
            "first sharpened": "page.sheets[0].done_s > 0",
            "all sharpened": "page.sheets[0].complete",
            "notes": "page.notesOf.get('0')",
        }
        rows: dict[str, dict[str, Cell]] = {"the page's address": {"s": address_s}}
        for name, condition in moments.items():
            assert tab.wait(f"window.page && {condition}", 600), name
            rows[name] = {
                "s": time.monotonic() - began_s,
                "processor time, s": spent_s(pid),
                "of the browser, s": sum(spent_by_kind(chromium).values()) - before_s,
            }
    return Table(rows, ".1f", f"{seconds:.0f} s, opened in a browser")


def portrait(path: Path) -> None:
    """The page over the example recording, with notes, slice and a line at the cursor, as a small PNG."""
    with viewing(str(RECORDING)) as (url, *_), browser((1320, 860)) as chromium:
        tab = chromium.open(url)
        tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
        assert tab.wait("window.page && page.sheets[0]?.complete && page.notesOf.get('0')", 300)
        for key in "ns":
            tab.press(key)
        tab.evaluate("page.plane.show(2, 5), page.plane.showHz(90, 5.2), page.changed()")
        tab.evaluate("page.cursor = { timeS: 4.2, hz: 440, folder: '0' }")
        for _ in range(3):  # tiles that come may have more to draw
            time.sleep(SETTLED_S)
            assert tab.wait("!page.dirty && !page.stale", 120)
        tab.portray(path)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
