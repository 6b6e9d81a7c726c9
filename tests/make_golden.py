"""What each preset makes of the bundled recording, in three numbers: `python tests/make_golden.py` writes them anew.

`python tests/make_golden.py NAME...` writes those of some presets alone.

They are written anew only where what comes out is meant to change, in the same commit as what changes it.
"""

import json
import sys
from pathlib import Path

import numpy as np
import soundfile

import sharpear
from sharpear.config import preset_names

GOLDEN = Path(__file__).parent / "data" / "golden.json"
RECORDING = Path(__file__).parents[1] / "examples" / "audio" / "bach_bwv66.6.flac"
CASES = preset_names()

SECONDS = 3.0
"""The beginning of the recording: the first chords of the chorale, their onsets and one rest."""


def summary(case: str) -> dict[str, float]:
    """Lines a frame, the mean Rényi-3 entropy of a frame's energy, and the energy of all lines against the sound's."""
    audio, rate = soundfile.read(RECORDING, dtype="float32", stop=round(SECONDS * 44100))
    spectrogram = sharpear.sharpen(audio, rate, case)
    energy = np.square(spectrogram.amplitude.astype(np.float64))
    sounding = energy.sum(axis=1) > 0
    part = energy[sounding] / energy[sounding].sum(axis=1, keepdims=True)
    frame_s = (spectrogram.times[-1] - spectrogram.times[0]) / (len(spectrogram.times) - 1)
    # A cosine of amplitude A has the mean square A²/2.
    expected = 2 * np.square(audio.astype(np.float64)).sum() / rate / frame_s
    return {
        "lines_a_frame": round(float((energy > 0).sum(axis=1).mean()), 4),
        "renyi_bits": round(float((-0.5 * np.log2((part**3).sum(axis=1))).mean()), 5),
        "level_error_db": round(float(10 * np.log10(energy.sum() / expected)), 5),
    }


if __name__ == "__main__":
    held = json.loads(GOLDEN.read_text(encoding="utf-8"))
    asked = sys.argv[1:] or CASES
    golden = {case: summary(case) if case in asked else held[case] for case in CASES if case in {*asked, *held}}
    GOLDEN.write_text(json.dumps(golden, indent=2) + "\n", encoding="utf-8")
