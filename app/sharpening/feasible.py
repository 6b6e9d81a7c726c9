"""What a configuration asks of the machine and of its numbers, known before anything is built."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.config import Config
from sharpear.errors import UsageError

MOST_BYTES = 2**28
"""The most memory for one stream and the design, bytes: a quarter of a gigabyte."""

MOST_DENSE_CHANNELS = 1024
"""The most channels whose receptive fields are whitened together: the time grows with their cube, to seconds here."""

MOST_DESIGN_STEPS = 2e9
"""The most multiplications while windows are calibrated, which take some seconds."""

SMALLEST_SPACING = 0.01
"""The least distance of neighbours, cents: single precision cannot tell closer frequencies apart."""

MOST_RIVALS = 512
"""The most atoms on either side with which each atom is compared in every frame."""


class Need(NamedTuple):
    """Bytes, what they are for, and the settings that they grow with."""

    size: float
    what: str
    keys: str


def check_needs(config: Config, center_hz: NDArray[np.float64], hop_s: float) -> None:
    """Check that a stream's memory and the design's are not too large for a computer that has other things to do.

    Raises:
        UsageError: they are; the line names the settings to change.
    """
    atoms, channels = config.atoms.count, center_hz.size
    if config.bank.bandwidth_unit != "window":
        if channels > MOST_DENSE_CHANNELS:
            raise UsageError(
                f"bank.channels leaves {channels} channels: network.mode {config.network.mode} takes at most "
                f"{MOST_DENSE_CHANNELS}: lower it"
            )
        _check(_needs_of_fields(config, channels, hop_s))
        return
    per_window = 16e3 / config.window.short_ms / (center_hz[-1] - center_hz[0])
    if 400 * atoms * channels * min(1.0, per_window) > MOST_DESIGN_STEPS:
        raise UsageError(
            f"bank.channels = {config.bank.channels} and atoms.count = {atoms} would take longer than "
            "some seconds to design within so few Hz: lower one of them"
        )
    _check(_needs_of_lines(config, channels, hop_s))


def check_spacing(frequency_hz: NDArray[np.float64], key: str) -> None:
    """Check that neighbouring frequencies can be told apart.

    Raises:
        UsageError: some cannot; the line names `key`.
    """
    cents = 1200 * float(np.log2(frequency_hz[1:] / frequency_hz[:-1]).min())
    if not cents >= SMALLEST_SPACING:
        raise UsageError(
            f"{key} = {frequency_hz.size} between {frequency_hz[0]:g} and {frequency_hz[-1]:g} Hz stand {cents:.2g} "
            f"cents apart: expected at least {SMALLEST_SPACING:g}: lower it, or widen bank.low_hz to bank.high_hz"
        )


def check_rivals(reach: NDArray[np.int64], key: str) -> NDArray[np.int64]:
    """Return `reach`, (atoms,) neighbours, after checking that it is not so far that a frame would take seconds.

    Raises:
        UsageError: it is; the line names `key`.
    """
    if reach.max() > MOST_RIVALS:
        raise UsageError(
            f"{key} reaches over {reach.max()} atoms: expected at most {MOST_RIVALS}: lower it, or atoms.count"
        )
    return reach


def _check(needs: list[Need]) -> None:
    total, largest = sum(need.size for need in needs), max(needs)
    if total > MOST_BYTES:
        raise UsageError(
            f"these settings need {total / 1e9:.2g} GB for each channel of sound, most of it for {largest.what}: "
            f"expected at most {MOST_BYTES / 1e9:.2g} GB: raise frames.hop_ms, or lower {largest.keys}"
        )


def _needs_of_lines(config: Config, channels: int, hop_s: float) -> list[Need]:
    def held(ms: float, per_frame: int) -> float:
        return max(1.0, ms / 1e3 / hop_s) * per_frame * channels

    window, lines = config.window, config.lines
    return [
        Need(held(window.long_ms, 48), "the windows", "window.long_ms or bank.channels"),
        Need(held(lines.spacing_ms, 32), "the lines", "lines.spacing_ms or bank.channels"),
        Need(held(lines.drift_ms, 8), "the lines' drift", "lines.drift_ms or bank.channels"),
    ]


def _needs_of_fields(config: Config, channels: int, hop_s: float) -> list[Need]:
    atoms, order = config.atoms.count, config.bank.order
    waiting = config.frames.align_limit_ms / 1e3 / hop_s
    return [
        Need(64.0 * atoms * (atoms + channels), "the receptive fields", "atoms.count or bank.channels"),
        Need((8 * order + 8) * channels * waiting, "the alignment", "frames.align_limit_ms or bank.channels"),
    ]
