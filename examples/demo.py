"""Sharpen the bundled recording and say what was written: the job of ``make demo``."""

import time
from pathlib import Path

from sharpear.audio import Selection
from sharpear.config import load_config
from sharpear.runs.sharpening_task import sharpen_file

HERE = Path(__file__).parent
RECORDING = HERE / "audio" / "bach_bwv66.6.flac"
FOLDER = HERE.parent / "demo"


def main() -> None:
    """Write the sharpened data and a picture that compares it with the plain filterbank."""
    outputs = [FOLDER / f"{RECORDING.stem}.{suffix}" for suffix in ("zarr", "png")]
    print(f"sharpening {RECORDING.relative_to(HERE.parent)} (the first run also compiles the kernels)…", flush=True)
    started = time.perf_counter()
    outcome = sharpen_file(RECORDING, outputs, load_config("music"), Selection())
    took = f"{time.perf_counter() - started:.1f} s, with compiling if this was the first run"
    print(f"{outcome.audio_s:.0f} s of audio in {took}; wrote")
    print(f"  {outputs[0].relative_to(HERE.parent)}  the data: xarray.open_zarr(…)")
    print(f"  {outputs[1].relative_to(HERE.parent)}   the picture: filterbank above, sharpened below")


if __name__ == "__main__":
    main()
