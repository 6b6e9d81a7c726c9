"""Compile, and so keep, every kernel that the commands need."""

from importlib.util import find_spec
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile

from sharpear.audio import Selection
from sharpear.compiler import Floats
from sharpear.config import PitchConfig, load_config, preset_names
from sharpear.dynamics.hebbian import Learner
from sharpear.live import sent, separated, session
from sharpear.pitch.transcriber import transcribe
from sharpear.runs.sharpening_task import sharpen_file
from sharpear.separation.dictionary import Dictionary
from sharpear.separation.learned import LearnedSources
from sharpear.separation.separator import Separator, separate
from sharpear.separation.shares import ShareFactory
from sharpear.separation.tonal import TonalTransient
from sharpear.separation.voices import PitchVoices
from sharpear.view.sheet import Sheets

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
    silence = np.zeros((RATE_HZ // 10, max(CHANNELS)), np.float32)
    for preset in preset_names():
        transcribe(silence[:, 0], RATE_HZ, preset)
    for channels in CHANNELS:
        separate(silence[:, :channels], RATE_HZ, PitchVoices.of(1))  # of a recording, whose notes are told before
    with TemporaryDirectory() as folder:
        _draw(np.cos(np.arange(RATE_HZ // 2, dtype=np.float32) / 16), Path(folder))


def _draw(tone: Floats, folder: Path) -> None:
    """What is heard of it on the page of files, and where there is matplotlib in pictures."""
    music, paths = load_config("music"), [folder / f"{channels}.wav" for channels in CHANNELS]
    for channels, path in zip(CHANNELS, paths, strict=True):
        soundfile.write(path, np.stack([tone] * channels, axis=1), RATE_HZ)
    sheets = Sheets(paths, folder, music, lambda _: None, None)
    sheets.start()
    while not sheets.wait(1):
        pass
    sheets.stop()
    if find_spec("matplotlib"):
        for path in paths:
            sharpen_file(path, [path.with_suffix(".png")], music, Selection())
