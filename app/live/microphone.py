"""An input device, watched: what it may do wrong is noticed, told and, where possible, repaired."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .capture import RETRY_S, Request
from .child import START_S, DeviceProcess, Event
from .clock import now_ns
from .ring import ARRIVED_NS, ZERO_RUN, Ring

STOPPED_S = 1.0
SILENT_S = 2.0
"""How long a device may deliver nothing but zeros before that is a fault: a converter's noise is not zero."""
LONGEST_PATIENCE_S = 64.0


class Microphone:
    """An input device. Its process is replaced when callbacks stop, the device goes or delivers only zeros.

    Args:
        device: index or (part of a) name; the default input when None.
        rate_hz: the device's own when None.
        channels: the first so many of the device's.
        block: samples between callbacks.

    Raises:
        AudioDeviceError, UsageError: there is no such device, or it refuses the rate or channels.
    """

    def __init__(self, device: str | None, rate_hz: int | None, channels: int, block: int) -> None:
        self.block, self.channels = block, channels
        self.state = "listening"
        self.latency_s: float | None = None
        self._wake: Callable[[], None] = lambda: None
        self._ring: Ring | None = None
        self._waiting = False
        self._watched_ns = self._awake_ns = now_ns()
        self._patience_s = SILENT_S
        request = Request(device, rate_hz, channels, block, wait=False)
        self._process = DeviceProcess(request, self._wake)
        ready = self._process.expect("ready")
        self.name, self.rate_hz = ready["device"], int(ready["rate_hz"])
        # What comes back must be the same device, with the same clock.
        self._request = replace(request, device=self.name, rate_hz=self.rate_hz, wait=True)

    def start(self, ring: Ring, wake: Callable[[], None]) -> None:
        """Open the stream."""
        self._ring, self._wake = ring, wake
        self._process.wake = wake
        self._process.send(str(ring.path))
        self.latency_s = self._process.expect("opened")["latency_s"]

    def watch(self) -> list[str]:
        """Faults since the last call; the process is replaced where that may help."""
        lines = [line for event in self._process.events() for line in self._heard(event)]
        now = now_ns()
        if now - self._watched_ns > STOPPED_S * 1e9:
            self._awake_ns = now  # we ourselves were stopped, with or without the process, which may be quite well
        self._watched_ns = now
        if not self._process.alive:
            lines += self._lose(f"{self.name}: the capture process ended")
        elif self._process.opened_ns is None:
            if not self._waiting and now - max(self._process.started_ns, self._awake_ns) > START_S * 1e9:
                lines += self._lose(f"{self.name}: does not open within {START_S:.0f} s")
        else:
            quiet_s = (now - max(int(self._header[ARRIVED_NS]), self._process.opened_ns, self._awake_ns)) / 1e9
            if quiet_s > max(STOPPED_S, 20 * self.block / self.rate_hz):
                lines += self._lose(f"{self.name}: no audio for {quiet_s:.1f} s")
            else:
                lines += self._watch_zeros(int(self._header[ZERO_RUN]) / self.rate_hz)
        return lines

    @property
    def _header(self) -> NDArray[np.int64]:
        assert self._ring is not None, "start() comes first"
        return self._ring.header

    def _heard(self, event: Event) -> list[str]:
        if event["event"] == "ready" and self._ring:
            self._process.send(str(self._ring.path))
        elif event["event"] == "waiting":
            self._waiting = True
            return self._now_lost(event["message"])
        elif event["event"] == "error":
            return self._lose(event["message"])
        elif event["event"] == "opened":
            self.latency_s, self._waiting = event["latency_s"], False
            if self.state == "lost":
                self.state = "listening"
                return [f"{self.name}: listening again"]
        return []

    def _now_lost(self, cause: str) -> list[str]:
        before, self.state = self.state, "lost"
        return [f"{cause}: waiting for it to come back"] if before != "lost" else []

    def _lose(self, cause: str) -> list[str]:
        if now_ns() - self._process.started_ns > RETRY_S * 1e9:
            self._replace()
        return self._now_lost(cause)

    def _replace(self) -> None:
        self._process.kill()
        self._waiting = False
        self._process = DeviceProcess(self._request, self._wake)

    def _watch_zeros(self, zeros_s: float) -> list[str]:
        """A device that died may deliver zeros for ever: it is opened again, ever less often, as it may be muted."""
        if zeros_s < SILENT_S:
            if self.state == "silent":
                self.state, self._patience_s = "listening", SILENT_S
                return [f"{self.name}: sound again"]
            return []
        lines = []
        if self.state == "listening":
            self.state = "silent"
            lines = [f"{self.name}: only zeros for {zeros_s:.0f} s: is it muted, disconnected or not permitted?"]
        if zeros_s >= self._patience_s:
            self._patience_s = zeros_s + min(zeros_s, LONGEST_PATIENCE_S)
            self._replace()
        return lines

    def stop(self) -> None:
        """End the capture process."""
        self._process.end()
