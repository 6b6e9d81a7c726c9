"""The capture process: PortAudio's callback copies into the ring, and nothing else runs beside it.

A process of its own, because PortAudio cannot be trusted to come back: when a sound server dies, closing the stream
and starting PortAudio again both hang, and the device list is a snapshot of its start. The parent kills this process
and starts another; meanwhile recording and picture go on. No thread of the parent can hold up the callback either.

Messages go to the parent as JSON lines on stdout, an empty line after every block. The parent's stdin names the ring,
and its end is the end of this process.
"""

import json
import os
import queue
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpear.errors import AudioDeviceError, SharpearError
from sharpear.quiet import quiet_stderr
from sharpear.system import hurried

from .audio_devices import Device, check_input, choose_input, credible_latency, load_portaudio
from .clock import now_ns
from .ring import ARRIVED_NS, WRITTEN, Ring

RETRY_S = 1.0
CLOSE_S = 0.5
LONGEST_TEXT = 500
STALL_S = 0.25
"""A callback later than this was not just kept waiting: the machine slept, or the process was stopped."""


@dataclass(frozen=True)
class Request:
    """What to open. rate_hz, channels and block are the device's choice where None; wait: until it is there."""

    device: str | None
    rate_hz: int | None
    channels: int
    block: int
    wait: bool


def main() -> None:
    """Capture until stdin ends, the stream stops, or something is wrong."""
    obey(lambda commands: _capture(Request(**json.loads(sys.argv[1])), commands))


def obey(work: "Callable[[queue.SimpleQueue[str | None]], None]") -> None:
    """Do `work` on what the parent says, line by line, tell it what fails, and end this process."""
    os.set_blocking(1, False)  # a parent that does not read must not stop the callback
    commands: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threading.Thread(target=_hear, args=(commands,), daemon=True).start()
    try:
        with hurried():
            work(commands)
    except SharpearError as error:
        tell(event="error", exit_code=error.exit_code, message=str(error))
    except Exception as error:
        tell(event="error", exit_code=AudioDeviceError.exit_code, message=f"the audio device failed ({error})")
    os._exit(0)  # PortAudio's own exit handler may hang


def tell(**message: Any) -> None:
    """Send one event to the parent; none is longer than what a pipe takes at once."""
    short = {name: value[:LONGEST_TEXT] if isinstance(value, str) else value for name, value in message.items()}
    with suppress(OSError):
        os.write(1, json.dumps(short).encode() + b"\n")


def _hear(commands: "queue.SimpleQueue[str | None]") -> None:
    for line in sys.stdin:
        commands.put(line.strip())
    commands.put(None)


def _capture(request: Request, commands: "queue.SimpleQueue[str | None]") -> None:
    found = _find(request, commands)
    if found is None:
        return
    sd, device, rate_hz = found
    tell(event="ready", device=device.name, host=device.host, rate_hz=rate_hz)
    path = commands.get()
    if path is None:
        return
    ring = Ring(Path(path))
    with quiet_stderr():
        stream = sd.InputStream(
            device=device.index,
            samplerate=rate_hz,
            channels=request.channels,
            dtype="float32",
            blocksize=request.block,
            latency="low",
            callback=callback(Intake(ring, rate_hz)),
        )
        stream.start()
    attend(stream, device.name, commands)


def attend(stream: Any, name: str, commands: "queue.SimpleQueue[str | None]") -> None:
    """Wait until the parent speaks or goes, or the stream stops; then close it, which may hang."""
    tell(event="opened", latency_s=credible_latency(stream.latency))
    while stream.active:
        with suppress(queue.Empty):
            commands.get(timeout=0.2)
            break
    else:
        tell(event="error", exit_code=AudioDeviceError.exit_code, message=f"{name} has stopped")
    closing = threading.Thread(target=stream.close, daemon=True)
    closing.start()
    closing.join(CLOSE_S)


def _find(request: Request, commands: "queue.SimpleQueue[str | None]") -> tuple[Any, Device, int] | None:
    """PortAudio, the device and its rate; None if the parent has gone meanwhile."""
    sd = load_portaudio()
    told = False
    while True:
        try:
            device = choose_input(sd, request.device)
            rate_hz = request.rate_hz or device.rate_hz
            check_input(sd, device, rate_hz, request.channels)
        except SharpearError as error:
            if not request.wait:
                raise
            if not told:
                tell(event="waiting", message=str(error))
            told = True
        else:
            return sd, device, rate_hz
        with suppress(queue.Empty):
            commands.get(timeout=RETRY_S)
            return None
        with quiet_stderr():  # PortAudio sees new devices only when it starts
            sd._terminate()
            sd._initialize()


def callback(intake: "Intake") -> Any:
    """What PortAudio calls for every block."""

    def copy(block: Any, _samples: int, _time: Any, flags: Any) -> None:
        # An input can report both flags for one fault.
        intake.take(block, bool(flags))
        with suppress(BlockingIOError):
            os.write(1, b"\n")

    return copy


class Intake:
    """Writes blocks into a ring, and marks, by the clock, how long no samples arrived.

    The first block of a process stands as much later than the last block of the process before as its clock says. Where
    blocks stall for more than `STALL_S` and go on, sound may be lost or merely late: blocks are held back for as long
    as they come in a burst, and what the burst did not make up for is a gap. It stands before the burst, or after it
    where it is so long that it must be sound from before: then a buffer was filled first, and ran over.

    Args:
        ring: receives the blocks.
        rate_hz: of the blocks.
        clock: tells the time, ns.
    """

    def __init__(self, ring: Ring, rate_hz: int, clock: Callable[[], int] = now_ns) -> None:
        self._ring, self._rate_hz, self._clock = ring, rate_hz, clock
        self._stall = round(STALL_S * rate_hz)
        self._first = True
        self._arrived_ns = int(ring.header[ARRIVED_NS]) if ring.header[WRITTEN] else None
        self._held: list[tuple[NDArray[np.float32], int, bool]] = []
        self._missing = 0

    def take(self, block: NDArray[np.float32], xrun: bool) -> None:
        """The next block, (samples, channels)."""
        arrived_ns, length = self._clock(), len(block)
        elapsed = (
            length if self._arrived_ns is None else (arrived_ns - self._arrived_ns) * self._rate_hz // 1_000_000_000
        )
        late = elapsed - length
        self._arrived_ns = arrived_ns
        if self._first:
            self._first = False
            if late > 0:
                self._ring.mark_gap(late)
            late = 0
        elif self._held and 2 * elapsed > length:
            self._let_go()
        if self._held or late > self._stall:
            self._missing += late
            self._held.append((block.copy(), arrived_ns, xrun))
        else:
            self._ring.write(block, arrived_ns, xrun)

    def _let_go(self) -> None:
        """Write what was held back while callbacks came in a burst."""
        gap = self._missing if self._missing > self._stall else 0
        early = gap and sum(len(block) for block, _, _ in self._held) <= self._stall
        if early:
            self._ring.mark_gap(gap)
        for held in self._held:
            self._ring.write(*held)
        if gap and not early:
            self._ring.mark_gap(gap)
        self._held, self._missing = [], 0


if __name__ == "__main__":
    main()
