"""What a live session says of itself."""

import json
import math
from dataclasses import asdict, dataclass


@dataclass
class Status:
    """The state of a live session, as the page, the terminal meter and ``--status-json`` show it.

    Levels are in dB of full scale. A latency is None where the device makes no credible claim; `latency_queue_ms` is
    the block's own length and the wait until its frames were out.
    """

    device: str
    sample_rate: int
    channels: int
    block: int
    preset: str
    hop_ms: float
    state: str = "starting"
    time_s: float = 0.0
    frames: int = 0
    xruns: int = 0
    drops: int = 0
    dropped_s: float = 0.0
    gaps: int = 0
    gap_s: float = 0.0
    peak_db: float = -math.inf
    rms_db: float = -math.inf
    replaced_samples: int = 0
    load: float = 0.0
    compute_p50_ms: float = 0.0
    compute_p99_ms: float = 0.0
    compute_max_ms: float = 0.0
    latency_device_ms: float | None = None
    latency_queue_ms: float = 0.0
    latency_algorithm_ms: float = 0.0
    recording: str | None = None
    recorded_s: float = 0.0
    pages: int = 0
    skipped: int = 0
    message: str = ""

    def to_json(self) -> str:
        """One line of JSON; a level of silence is null."""
        values = {
            name: (round(value, 4) if math.isfinite(value) else None) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }
        return json.dumps(values, ensure_ascii=False)

    def summary(self) -> str:
        """The line that is printed at the end."""
        faults = [f"{self.xruns} xruns", f"{self.drops} drops"]
        if self.dropped_s:
            faults[1] += f" ({self.dropped_s:.2f} s)"
        if self.gaps > self.drops:
            faults.append(f"{self.gaps - self.drops} interruptions ({self.gap_s - self.dropped_s:.2f} s)")
        return (
            f"{self.time_s:.1f} s, {self.frames} frames, {', '.join(faults)}, compute per hop "
            f"p50 {self.compute_p50_ms:.2f} p99 {self.compute_p99_ms:.2f} max {self.compute_max_ms:.2f} ms "
            f"of {self.hop_ms:.2f} ms"
        )


def decibels(amplitude: float) -> float:
    """``20 log10(amplitude)``.

    >>> decibels(0.1), decibels(0.0)
    (-20.0, -inf)
    """
    return 20 * math.log10(amplitude) if amplitude > 0 else -math.inf
