"""Compile, and so keep, every kernel that the presets, the separation and the transcription need."""

from itertools import product

import numpy as np

from sharpear.config import PitchConfig, load_config, preset_names
from sharpear.dynamics.hebbian import Learner
from sharpear.live import sent, separated, session
from sharpear.pitch.transcriber import transcribe
from sharpear.separation.dictionary import Dictionary
from sharpear.separation.learned import LearnedSources
from sharpear.separation.separator import Separator
from sharpear.separation.shares import ShareFactory
from sharpear.separation.tonal import TonalTransient
from sharpear.separation.voices import PitchVoices

RATE_HZ = 44100
"""Any rate compiles the same."""
CHANNELS = (1, 2)
"""Arrays of one channel have another layout to the compiler than those of several."""


def prepare_kernels() -> None:
    """Feed everything a moment of silence, as the live session does before it listens."""
    for preset, channels, phases in product(preset_names(), CHANNELS, (False, True)):
        session.warmed_up(RATE_HZ, load_config(preset), channels, phases).flush()
    learner = Learner(channels=2, atoms=1)
    learner.learn(np.ones((2, 2)))
    learned = LearnedSources.of([Dictionary("any", learner.atoms, np.array([100.0, 10000.0]))])
    sources: tuple[ShareFactory, ...] = (TonalTransient, PitchVoices.of(1), learned)
    for source, channels in product(sources, CHANNELS):
        separator: Separator = separated.warmed_up(RATE_HZ, source, channels)
        separator.flush()
    sent.compile_layer(PitchConfig())
    for preset in preset_names():
        transcribe(np.zeros(RATE_HZ // 10, np.float32), RATE_HZ, preset)
