"""Benchmark of the pitch layer: voices and notes, beside peers and without its feedback."""
