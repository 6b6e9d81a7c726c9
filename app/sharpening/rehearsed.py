"""Kernels compiled before the first sound comes, several at a time."""

import numpy as np

from sharpear.compiler.ahead import compile_ahead
from sharpear.compiler.cache import is_kept
from sharpear.config import Config
from sharpear.gpu.rehearsal import Rehearsal

from .belief_code import judge_process
from .sharpener import Sharpener

BLOCK_HOPS = 8
"""Several frames: the compiler sees another layout in arrays of one."""


def compile_for(sample_rate: float, config: Config, streams: int) -> None:
    """Compile what a sharpener will call where none of its kind ran before; the largest kernel tells whether one did.

    Raises:
        UsageError: as `Sharpener`.
    """
    if config.network.mode != "beliefs" or is_kept(judge_process):
        return
    rehearsal = Rehearsal()
    sharpener = Sharpener(sample_rate, config, streams, device=rehearsal)
    sharpener.process(np.zeros((BLOCK_HOPS * sharpener.hop, streams), np.float32))
    compile_ahead(rehearsal.calls)
