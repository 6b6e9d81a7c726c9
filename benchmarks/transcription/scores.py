"""What is heard against what is written: mir_eval's frame F1 and note F1."""

from __future__ import annotations

import importlib

import numpy as np

from benchmarks.sharpness import recordings
from benchmarks.sharpness.lines import Floats
from benchmarks.transcription.heard import Heard


def frame_f1(heard: Heard, recording: recordings.Recording, lags_s: Floats = recordings.LAGS_S) -> float:
    """mir_eval's multi-pitch F1 within half a semitone, frames of 11.6 ms, at the method's best constant lag."""
    evaluate = importlib.import_module("mir_eval.multipitch").metrics
    best = 0.0
    for lag in lags_s:
        nearest = np.abs(np.subtract.outer(recording.times_s + lag, heard.times_s)).argmin(axis=1)
        found = [heard.pitches_hz[i] for i in nearest]
        precision, recall = evaluate(recording.times_s, recording.pitches_hz, recording.times_s, found, window=0.5)[:2]
        best = max(best, 2 * precision * recall / max(precision + recall, 1e-12))
    return best


def note_f1(notes: Floats, true: Floats) -> float:
    """mir_eval's note F1: onsets within 50 ms, pitches within half a semitone, no lag; rows (onset s, offset s, Hz)."""
    evaluate = importlib.import_module("mir_eval.transcription").precision_recall_f1_overlap
    # Of rendered notes that are struck again at once, some have ended before they begin.
    true = true[true[:, 1] > true[:, 0]]
    if not len(notes):
        return 0.0
    return float(evaluate(true[:, :2], true[:, 2], np.maximum(notes[:, :2], 0), notes[:, 2], offset_ratio=None)[2])
