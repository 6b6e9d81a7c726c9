"""What the examples share: the bundled recording, places for what they make, and panels to draw in."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

RECORDING = Path(__file__).parent / "audio" / "bach_bwv66.6.flac"
FOLDER = Path(__file__).parents[1] / "demo" / "gallery"
SECONDS = 4.0


def given(default: Path | None = RECORDING) -> Path | None:
    """The file that was named on the command line, or the default one."""
    return Path(sys.argv[1]) if len(sys.argv) > 1 else default


def audio_of(path: Path, seconds: float | None = None) -> tuple[Any, int]:
    """Samples, mixed to one channel, and their rate."""
    with soundfile.SoundFile(path) as file:
        samples = file.read(-1 if seconds is None else round(seconds * file.samplerate), always_2d=True)
        return samples.mean(axis=1), file.samplerate


def voice(f0: Any, rate: int, harmonics: int = 12) -> Any:
    """A tone whose fundamental is f0 at each sample, Hz, with harmonics that fall by 6 dB an octave."""
    phase = 2 * np.pi * np.cumsum(f0) / rate
    return 0.1 * sum(np.cos(h * phase) / h for h in range(1, harmonics + 1))


def panels(rows: int, **options: Any) -> tuple[Any, Any]:
    """A figure without a window, and its axes."""
    figure = Figure(figsize=(7, 2.6 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, squeeze=False, **options)[:, 0]


def save(figure: Any, name: str, folder: Path) -> Path:
    """Write the picture, and say where."""
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / f"{name}.png", dpi=90)
    print(folder / f"{name}.png")
    return folder / f"{name}.png"
