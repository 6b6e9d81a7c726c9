"""The playback process: PortAudio's callback plays what a ring holds. A process of its own, as capture.py explains."""

import json
import queue
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpear.errors import AudioDeviceError
from sharpear.quiet import quiet_stderr

from .audio_devices import find_output, load_portaudio
from .capture import attend, obey, tell
from .ring import CAPACITY, PLAYED, WRITTEN, XRUNS, Ring


@dataclass(frozen=True)
class PlayRequest:
    """What to open: an output's index or name, the default one where None; headroom: samples that wait on start."""

    device: str | None
    rate_hz: int
    channels: int
    headroom: int


def main() -> None:
    """Play until stdin ends, the stream stops, or something is wrong."""
    obey(lambda commands: _play(PlayRequest(**json.loads(sys.argv[1])), commands))


def _play(request: PlayRequest, commands: "queue.SimpleQueue[str | None]") -> None:
    sd = load_portaudio()
    device = find_output(sd, request.device)
    channels = min(request.channels, device.outputs)
    tell(event="ready", device=device.name, rate_hz=request.rate_hz)
    path = commands.get()
    if path is None:
        return
    player = RingPlayer(Ring(Path(path)), request.headroom)

    def play(block: Any, samples: int, _time: Any, _flags: Any) -> None:
        sound = player.next(samples)
        block[:] = sound[:, :channels] if channels > 1 else sound.mean(axis=1, keepdims=True)

    try:
        with quiet_stderr():
            stream = sd.OutputStream(
                device=device.index, samplerate=request.rate_hz, channels=channels, dtype="float32", latency="low",
                callback=play,
            )  # fmt: skip
            stream.start()
    except (sd.PortAudioError, ValueError) as error:
        message = f"{device.name} does not play {channels} channels at {request.rate_hz} Hz ({error})"
        raise AudioDeviceError(f"{message}: choose another --output-device") from error
    attend(stream, device.name, commands)


class RingPlayer:
    """Hands out a ring's samples at the output's pace.

    It begins when `headroom` samples wait. Where the writer falls behind it plays silence until they wait again, which
    the header counts; where the writer runs ahead by half of the ring it skips to `headroom`, which counts too.

    >>> ring = Ring.create(capacity=64, channels=1)
    >>> player = RingPlayer(ring, headroom=4)
    >>> ring.write(np.ones((3, 1), np.float32))
    >>> player.next(2).ravel().tolist()
    [0.0, 0.0]
    >>> ring.write(np.ones((2, 1), np.float32))
    >>> player.next(6).ravel().tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 0.0]
    >>> ring.remove()
    """

    def __init__(self, ring: Ring, headroom: int) -> None:
        self._ring, self._headroom = ring, headroom
        self._waiting = True

    def next(self, samples: int) -> NDArray[np.float32]:
        """The next samples (samples, channels)."""
        header = self._ring.header
        played, written = int(header[PLAYED]), int(header[WRITTEN])
        block = np.zeros((samples, self._ring.channels), np.float32)
        if self._waiting and written - played < self._headroom:
            return block
        self._waiting = False
        if written - played > header[CAPACITY] // 2:
            played = written - self._headroom
            header[XRUNS] += 1
        count = min(samples, written - played)
        block[:count], _ = self._ring.copy(played, played + count)
        header[PLAYED] = played + count
        if count < samples:
            self._waiting = True
            header[XRUNS] += 1
        return block


if __name__ == "__main__":
    main()
