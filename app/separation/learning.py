"""Dictionaries learned from recordings of one source alone."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sharpear.audio import AudioFile, Selection
from sharpear.audio.blocks import BLOCK_SAMPLES, as_count
from sharpear.dsp import Splitter
from sharpear.dsp.separation_bank import hop_samples, separation_bank
from sharpear.dynamics.hebbian import RESERVOIR_FRAMES, Reservoir, learn_dictionary
from sharpear.errors import InputError, UsageError

from .dictionary import LARGEST_ATOMS, Dictionary, source_name
from .learned import POOLED_FRAMES
from .separator import RESIDUAL


def learn_files(
    name: str, inputs: Sequence[Path], atoms: int, epochs: int, seed: int, selection: Selection
) -> Dictionary:
    """Learn the dictionary of a source from recordings of it alone; memory is bounded by a fair sample of frames.

    Raises:
        InputError: an input cannot be read, the rates differ, or nothing is loud enough to learn from.
        UsageError: a number out of range.
    """
    atoms, epochs = as_count(atoms, "atom"), as_count(epochs, "epoch")
    if atoms > LARGEST_ATOMS or name == RESIDUAL:
        raise UsageError(f"expected a name of its own and at most {LARGEST_ATOMS} atoms, received {name!r} and {atoms}")
    if name != source_name(name):
        expected = f"a name that can stand in a file's name, such as {source_name(name)!r}"
        raise UsageError(f"expected {expected}, received {name!r}")
    reservoir = Reservoir(RESERVOIR_FRAMES, np.random.default_rng(seed))
    center_hz: NDArray[np.float64] | None = None
    for path in inputs:
        with AudioFile(path, replace(selection, mono=True, keep=True)) as audio:
            design = separation_bank(audio.sample_rate)
            if center_hz is not None and center_hz.size != design.bank.channels:
                raise InputError(f"{path}: has another sample rate than {inputs[0]}: resample one of them")
            center_hz = design.bank.center_hz
            splitter = Splitter(design, hop_samples(audio.sample_rate))
            held = np.zeros((0, design.bank.channels), np.float32)
            for block in audio.blocks(BLOCK_SAMPLES):
                held = np.concatenate([held, splitter.process(block).power[:, 0]])
                whole = len(held) // POOLED_FRAMES * POOLED_FRAMES
                pooled = held[:whole].reshape(-1, POOLED_FRAMES, held.shape[1]).mean(axis=1)
                reservoir.add(np.sqrt(pooled))
                held = held[whole:]
    examples = reservoir.frames()
    if center_hz is None or not examples.size or not examples.any():
        raise InputError(f"{', '.join(map(str, inputs))}: silent or too short to learn from")
    return Dictionary(name, learn_dictionary(examples, atoms, epochs, seed), center_hz)
