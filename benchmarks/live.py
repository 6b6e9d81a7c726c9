"""Live input, measured: ``python -m benchmarks.live --minutes 10``.

On a virtual microphone (a JACK server with the dummy driver) with one page open in headless Chromium: compute per hop
against the hop, drops, xruns beside those of a bare callback, memory; then the way from a click to its pixel, and each
preset's stated latency beside the measured one. ``--picture PATH`` takes the page's portrait instead.
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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from scipy.signal import resample_poly

import sharpear
from benchmarks.results import WRITTEN, Cell, Results, Table
from sharpear.config import preset_names

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from browser import Tab, browser  # noqa: E402
from live_rig import SoundSystem, sound_system, wait_until  # noqa: E402

RECORDING = ROOT / "examples" / "audio" / "bach_bwv66.6.flac"
RATE = 48000
BLOCK = 256
PORT = 8796
CLICKS = 20
CLICK_PERIOD_S = 1.0
SCREEN_MS = 30.0
LAST = ("drops", "xruns", "compute_p50_ms", "compute_p99_ms", "compute_max_ms", "hop_ms")
"""What is told of the last status."""

BARE = """
import json, sys, time
import numpy as np, sounddevice as sd
xruns, times = 0, []
def heard(block, samples, clock, flags):
    global xruns
    xruns += bool(flags)
    times.append(time.perf_counter())
with sd.InputStream(device="vmic", samplerate=48000, channels=1, blocksize=256, latency="low", callback=heard):
    print("ready", flush=True)
    sys.stdin.read()
steps = np.diff(times) * 1e3
print(json.dumps({"xruns": xruns, "p99_ms": float(np.percentile(steps, 99)), "max_ms": float(steps.max())}))
"""
"""A stream whose callback only counts: what it suffers, the machine does, not we."""

WATCH = """
(() => {
  const canvas = document.getElementById("picture");
  const gl = canvas.getContext("webgl2");
  const wide = 16;
  const strip = new Uint8Array(wide * canvas.height * 4);
  window.seen = [];
  window.frames = 0;
  let event = null;
  const look = () => {
    requestAnimationFrame(look);
    window.frames++;
    if (!window.looking) return;
    const bound = gl.getParameter(gl.READ_FRAMEBUFFER_BINDING);
    gl.bindFramebuffer(gl.READ_FRAMEBUFFER, null);
    gl.readPixels(canvas.width - wide, 0, wide, canvas.height, gl.RGBA, gl.UNSIGNED_BYTE, strip);
    gl.bindFramebuffer(gl.READ_FRAMEBUFFER, bound);
    let top = 0;
    for (let i = 0; i < strip.length; i += 4) top = Math.max(top, strip[i] + strip[i + 1] + strip[i + 2]);
    if (top > 150) {
      event = event || [];
      event.push([performance.timeOrigin + performance.now(), top]);
    } else if (event) {
      const full = 0.95 * Math.max(...event.map((each) => each[1]));
      window.seen.push([event[0][0], event.find((each) => each[1] >= full)[0]]);
      event = null;
    }
  };
  requestAnimationFrame(look);
})()
"""
"""Notes when something bright is drawn at the newest edge: its first pixel, and when it has its full brightness."""


def main() -> None:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="length of the soak; 0 leaves it out")
    parser.add_argument("--preset", default="music")
    parser.add_argument("--picture", type=Path, help="only take the page's portrait")
    parser.add_argument("--out", type=Path, default=WRITTEN, help="folder for live.json")
    arguments = parser.parse_args()
    if arguments.picture:
        portrait(arguments.picture)
        return
    with tempfile.TemporaryDirectory() as folder, Results("live", arguments.out) as results:
        results.tables["latency"] = stated_latency()
        music, clicks = Path(folder) / "music.wav", Path(folder) / "clicks.wav"
        write_music(music)
        write_clicks(clicks)
        if arguments.minutes > 0:
            with sound_system(RATE, BLOCK) as system:
                results.tables["soak"] = soak(system, music, arguments.preset, 60 * arguments.minutes)
        with sound_system(RATE, BLOCK) as system:
            results.tables["screen"] = sound_to_screen(system, clicks, arguments.preset)


def stated_latency() -> Table:
    """Each preset's claim, and when the frame of a click's peak really leaves."""
    rows: dict[str, dict[str, Cell]] = {}
    for preset in preset_names():
        sharpener = sharpear.Sharpener(RATE, preset)
        hop = sharpener.hop
        place = 100 * hop
        click = np.zeros(300 * hop, np.float32)
        click[place] = 0.9
        pieces = [sharpener.process(click[start : start + hop]) for start in range(0, click.size, hop)]
        heard = np.concatenate([np.full(len(piece), (i + 1) * hop) for i, piece in enumerate(pieces)])
        frames = sharpear.Frames.join(pieces)
        peak = int(np.square(frames.plain_amplitude).sum(axis=1).argmax())
        measured = (heard[peak] - place) / hop
        rows[f"`{preset}`"] = {
            "stated, ms": 1e3 * sharpener.latency_s,
            "stated, hops": round(sharpener.latency_s * RATE / hop),
            "measured, hops": round(measured),
            "the peak's distance from the click, ms": 1e3 * float(frames.times[peak] - place / RATE),
        }
    return Table(rows, ".1f", f"preset, {RATE} Hz", "Latency, stated and measured by a click")


def write_music(path: Path) -> None:
    """The recording at the server's rate."""
    audio, rate = soundfile.read(RECORDING, dtype="float64")
    soundfile.write(path, resample_poly(audio, RATE, rate).astype(np.float32), RATE, "FLOAT")


def write_clicks(path: Path) -> None:
    """Bursts of a millisecond of noise, each at the beginning of a block."""
    period = round(CLICK_PERIOD_S * RATE / BLOCK) * BLOCK
    audio = np.zeros((CLICKS + 4) * period, np.float32)
    burst = np.random.default_rng(4).choice([-0.9, 0.9], RATE // 1000)
    for number in range(3, CLICKS + 3):
        audio[number * period : number * period + burst.size] = burst
    soundfile.write(path, audio, RATE, "FLOAT")


@contextmanager
def listening(environment: dict[str, str], preset: str, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """``sharpear live``, ready, with its status on stdout, and its page's address."""
    options = ["--preset", preset, "--view-port", str(PORT), *words]
    command = [sys.executable, "-X", "faulthandler", "-m", "sharpear", "live", *options]
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    url = ""
    for line in process.stderr:
        if "Ctrl-C ends" in line:
            url = line.split(" the page is at ")[1].strip()
            break
    try:
        yield process, url
    finally:
        process.kill()
        process.wait()


def interrupted(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What it says on stdout and stderr until Ctrl-C has ended it; where it hangs, if it does."""
    process.send_signal(signal.SIGINT)
    try:
        return process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        raise RuntimeError(f"Ctrl-C did not end it within 30 s:\n{process.communicate()[1]}") from None


def soak(system: SoundSystem, music: Path, preset: str, seconds: float) -> Table:
    """The long run, with one page open and a bare callback alongside."""
    system.microphone(music, "vmic", "--loop")
    environment = {**os.environ, **system.environment}
    bare = subprocess.Popen(
        [sys.executable, "-c", BARE], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert bare.stdout is not None
    bare.stdout.readline()
    with (
        listening(system.environment, preset, "--device", "vmic", "--status-json") as (process, url),
        browser() as chromium,
    ):
        tab = chromium.open(url)
        tab.evaluate(WATCH)
        statuses, memory_mb = follow(process, seconds, tab)
        started = time.monotonic()
        told = interrupted(process)[1].strip().splitlines()
        ended_s = time.monotonic() - started
    heard = json.loads(bare.communicate(timeout=20)[0].splitlines()[-1])
    last = statuses[-1]
    skipped = [status["skipped"] for status in statuses]
    for line in told:
        print(f"said: {line}", file=sys.stderr)
    row: dict[str, Cell] = {
        **{name: last[name] for name in LAST if name in last},
        "compute p99 of the hop": last["compute_p99_ms"] / last["hop_ms"],
        "xruns of a bare callback": heard["xruns"],
        "its interval p99, ms": heard["p99_ms"],
        "its longest, ms": heard["max_ms"],
        "MB after a tenth": memory_mb[len(memory_mb) // 10],
        "MB at the end": memory_mb[-1],
        "frames a second drawn": tab_rate(statuses),
        "batches skipped": skipped[-1],
        "Ctrl-C to the end, s": ended_s,
    }
    values: dict[str, dict[str, Cell]] = {name: {"value": value} for name, value in row.items()}
    corner = f"`{preset}`, {RATE} Hz, block {BLOCK}, {seconds / 60:g} minutes, one page open"
    return Table(values, ".2f", corner)


def follow(process: subprocess.Popen[str], seconds: float, tab: Tab) -> tuple[list[dict[str, Any]], list[float]]:
    """The statuses, a second apart, and the memory beside each."""
    assert process.stdout is not None
    statuses: list[dict[str, Any]] = []
    memory_mb: list[float] = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        status = json.loads(process.stdout.readline())
        status["page_frames"], status["at_s"] = tab.evaluate("window.frames"), time.monotonic()
        statuses.append(status)
        memory_mb.append(resident_mb(process.pid))
    return statuses, memory_mb


def tab_rate(statuses: list[dict[str, Any]]) -> float:
    """Frames a second that the page drew."""
    first, last = statuses[0], statuses[-1]
    return float((last["page_frames"] - first["page_frames"]) / max(1e-9, last["at_s"] - first["at_s"]))


def resident_mb(pid: int) -> float:
    """Of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    pages = sum(int(Path(f"/proc/{each}/statm").read_text().split()[1]) for each in [str(pid), *children])
    return pages * resource.getpagesize() / 2**20


def sound_to_screen(system: SoundSystem, clicks: Path, preset: str) -> Table:
    """From the moment a click is handed over to the moment that its pixels are drawn."""
    microphone = system.microphone(clicks, "vmic", "--stamp")
    with (
        listening(system.environment, preset, "--device", "vmic", "--status-json") as (process, url),
        browser() as chromium,
    ):
        tab = chromium.open(url)
        tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
        assert tab.wait("document.getElementById('state').textContent === 'listening'")
        for _ in range(10):
            tab.press(",")  # lowers the floor: a click spreads thinly over all frequencies
        tab.evaluate(WATCH)
        tab.evaluate("window.looking = true")
        wait_until(lambda: tab.evaluate("window.seen.length") > CLICKS, CLICK_PERIOD_S * (CLICKS + 6))
        seen = 1e-3 * np.array(tab.evaluate("window.seen"))
        rate = tab.evaluate("window.frames") / max(1e-9, tab.evaluate("performance.now()") / 1e3)
        statuses = [json.loads(line) for line in interrupted(process)[0].splitlines()]
    microphone.terminate()
    assert microphone.stdout is not None
    stamps = np.array([float(line) for line in microphone.stdout.read().split()])
    return told_latency(stamps, seen, statuses[-1], rate)


def told_latency(stamps: np.ndarray, seen: np.ndarray, status: dict[str, Any], page_rate: float) -> Table:
    """Each click's first and full pixel against its stamp."""
    first, full = [], []
    for stamp in stamps:
        after = seen[(seen[:, 0] > stamp - 0.05) & (seen[:, 0] < stamp + CLICK_PERIOD_S / 2)] if seen.size else seen
        if len(after):
            first.append(1e3 * (after[0, 0] - stamp))
            full.append(1e3 * (after[0, 1] - stamp))
    block_ms, algorithm_ms = 1e3 * BLOCK / RATE, status["latency_algorithm_ms"]
    row: dict[str, Cell] = {"clicks": len(stamps), "of them seen": len(full), "frames a second": page_rate}
    if full:
        row |= {
            "first pixel, ms": float(np.median(first)),
            "full brightness, ms": float(np.median(full)),
            "90 %, ms": float(np.percentile(full, 90)),
            "with the device's block, ms": float(np.median(full)) + block_ms,
            "allowed, ms": block_ms + algorithm_ms + SCREEN_MS,
        }
    return Table({name: {"value": value} for name, value in row.items()}, ".1f", "from sound to screen")


def portrait(path: Path) -> None:
    """The page over the example recording, as a small PNG."""
    with listening({}, "music", "--replay", str(RECORDING)) as (_, url), browser((1320, 760)) as chromium:
        tab = chromium.open(url)
        tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
        tab.press("b")
        assert tab.wait("parseFloat(document.getElementById('time').textContent) > 8.5")
        tab.press(" ")
        tab.point(1040, 320)
        time.sleep(0.5)
        tab.portray(path)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
