"""The round trip of an audio device: a probe is played, recorded, and found again."""

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import correlate

from sharpear.errors import AudioDeviceError, InputError
from sharpear.quiet import quiet_stderr

from .audio_devices import check_input, choose_input, choose_output, credible_latency, load_portaudio

PERIOD_S = 0.3
PROBES = 6
PROBE_SAMPLES = 1023
PROBE_AMPLITUDE = 0.25
CLARITY = 8.0
"""A probe has arrived where the correlation exceeds its typical value this many times."""
PATIENCE_S = 3.0


@dataclass(frozen=True)
class RoundTrip:
    """delays_s: of every probe that arrived, out of `sent`.  claimed_s: the latencies that the device states."""

    device: str
    rate_hz: int
    block: int
    sent: int
    delays_s: tuple[float, ...]
    claimed_s: float | None


def measure_round_trip(device: str | None, rate_hz: int | None, block: int) -> RoundTrip:
    """Play probes on the output that belongs to an input, and find them in what comes in.

    Raises:
        AudioDeviceError: a device is missing, or does not run.
        UsageError: it refuses the rate.
        InputError: no probe arrived.
    """
    sd = load_portaudio()
    inlet = choose_input(sd, device)
    outlet = choose_output(sd, inlet)
    rate = rate_hz or inlet.rate_hz
    check_input(sd, inlet, rate, 1)
    period = round(PERIOD_S * rate)
    probe = probe_signal()
    played = np.zeros((PROBES + 1) * period, np.float32)
    for start in range(period // 2, PROBES * period, period):
        played[start : start + probe.size] = probe
    recorded, claimed_s = _play(sd, (inlet.index, outlet.index), rate, block, played)
    starts = range(period // 2, PROBES * period, period)
    delays = [find_probe(recorded[start : start + period]) for start in starts]
    found = tuple(delay / rate for delay in delays if delay is not None)
    if not found:
        raise InputError(
            f"{inlet.name}: no probe arrived: connect {outlet.name} to it by a cable, or turn the loudspeaker up"
        )
    return RoundTrip(inlet.name, rate, block, len(delays), found, claimed_s)


def probe_signal() -> NDArray[np.float32]:
    """(1023,) noise of two values, the same every time: its correlation with itself is one sharp peak."""
    signs = np.random.default_rng(1).integers(0, 2, PROBE_SAMPLES) * 2 - 1
    return (PROBE_AMPLITUDE * signs).astype(np.float32)


def find_probe(recorded: NDArray[np.float32]) -> int | None:
    """Samples before the probe, or None where it does not stand out.

    >>> find_probe(np.concatenate([np.zeros(512, np.float32), probe_signal(), np.zeros(900, np.float32)]))
    512
    """
    likeness = np.abs(correlate(recorded, probe_signal(), "valid"))
    place = int(likeness.argmax())
    return place if likeness[place] > CLARITY * np.median(likeness) + 1e-9 else None


def _play(
    sd: Any, devices: tuple[int, int], rate: int, block: int, played: NDArray[np.float32]
) -> tuple[NDArray[np.float32], float | None]:
    """What is recorded while `played` is played, and the latency claimed."""
    recorded = np.zeros_like(played)
    finished = threading.Event()
    place = 0

    def exchange(inlet: Any, outlet: Any, samples: int, _time: Any, _flags: Any) -> None:
        nonlocal place
        count = min(samples, played.size - place)
        recorded[place : place + count] = inlet[:count, 0]
        outlet[:count, 0] = played[place : place + count]
        outlet[count:] = 0
        place += count
        if place >= played.size:
            finished.set()

    try:
        with quiet_stderr():
            stream = sd.Stream(
                device=devices, samplerate=rate, channels=1, dtype="float32", blocksize=block, latency="low",
                callback=exchange,
            )  # fmt: skip
            stream.start()
    except sd.PortAudioError as error:
        raise AudioDeviceError(f"the device does not play and record at once ({error})") from error
    ended = finished.wait(played.size / rate + PATIENCE_S)
    claimed_s = credible_latency(sum(stream.latency))
    closing = threading.Thread(target=stream.close, daemon=True)  # closing may hang when the sound server has gone
    closing.start()
    closing.join(1.0)
    if not ended:
        raise AudioDeviceError("the device stopped while it was measured: try again")
    return recorded, claimed_s
