"""Voices above the partials: the pitch layer, notes, and what is written of them."""

from .layer import PitchFrames, PitchLayer

__all__ = ["PitchFrames", "PitchLayer"]
