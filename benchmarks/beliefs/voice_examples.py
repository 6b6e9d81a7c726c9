"""Examples of when to believe in voices: what the product hears of a scene, and which lines are truly there."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.beliefs.examples import FAINTEST_CANDIDATE, HIGHEST_CANDIDATE_HZ, Examples, true_lines
from benchmarks.beliefs.presets import HOP, Preset
from benchmarks.sharpness.lines import Lines
from sharpear.dsp.cues import CueDesign
from sharpear.dynamics.beliefs import load_beliefs
from sharpear.dynamics.voice_beliefs_kernel import VOICES, WINDOWS, VoiceWeights
from sharpear.sharpening.judge import Judge
from sharpear.sharpening.voiced_judge import HeardOut, VoicedJudge
from sharpear.voices.voice_cues_kernel import OWN_CUES, SHARED_CUES


class VoiceReader:
    """What preset music hears, up to where voices are believed."""

    def __init__(self) -> None:
        self._preset = Preset("music")
        design: CueDesign = self._preset.design
        weights = load_beliefs("music").weights
        self._judge = Judge(design, weights, np.array([100.0, 200.0, 300.0]), "log", 1)
        self._voiced = VoicedJudge(self._judge, design, _nothing(weights.near_bias.size), 1)

    def read(self, audio: NDArray[np.float32], hops: NDArray[np.intp]) -> HeardOut:
        """What is heard where these hops begin; hops: ascending."""
        self._judge.reset()
        self._voiced.tracker.reset()
        frames, pairs = self._preset.listen(audio)
        return self._voiced.read(frames, pairs, hops.astype(np.int64) + self._preset.layout.latency_hops - 1)


def _nothing(units: int) -> VoiceWeights:
    """Weights of the right shapes, which nothing is judged by."""
    cues = OWN_CUES + SHARED_CUES + units
    shapes = ((cues, 1), (1,), (5, 1, 1), (1,), (2, 1), (3, 1, 1), (1,), (1, 4), (4,))
    return VoiceWeights(*(np.zeros(shape, np.float32) for shape in shapes))


def voice_examples_of(
    kind: str, audio: NDArray[np.float32], lines: Lines, seed: int, reader: VoiceReader
) -> Examples | None:
    """Some moments of a scene, or nothing where it hardly sounds.

    Its bands' cues are those of voices, its lines what windows and voices say (window 0 and 1), and have no cues.
    """
    chosen = true_lines(len(audio) // HOP, lines, seed)
    if chosen is None:
        return None
    moments, true_hz, true_energy = chosen
    heard = reader.read(audio, moments)
    heard_hz, heard_energy = heard.hz, heard.energy
    windows = np.arange(heard_hz.shape[1]) < heard.lines[:, None]
    voices = np.arange(heard.partial_hz.shape[1]) < heard.partials[:, None]
    hz = np.concatenate([heard_hz, heard.partial_hz], axis=1)
    energy = np.concatenate([heard_energy, heard.partial_energy], axis=1)
    told = np.concatenate([windows, voices], axis=1)
    loudness = np.where(windows, heard_energy, 0).sum(axis=1, keepdims=True)
    told &= (energy > FAINTEST_CANDIDATE * loudness) & (hz < HIGHEST_CANDIDATE_HZ)
    picture = np.where(np.arange(hz.shape[1]) < heard_hz.shape[1], WINDOWS, VOICES)
    some = heard.partials > 0
    return Examples(
        kind=kind,
        bands=np.where(some[:, None, None], heard.cues.transpose(0, 2, 1), 0).astype(np.float16),
        correction=some[:, None, None].astype(np.float16),
        count=told.sum(axis=1),
        lines=np.zeros((told.sum(), 0), np.float16),
        hz=hz[told],
        energy=energy[told],
        window=np.broadcast_to(picture, told.shape)[told].astype(np.int8),
        true_hz=true_hz,
        true_energy=true_energy,
    )
