"""Voices in the waveform: fundamentals whose partials are fitted together, found by hypotheses that compete."""
