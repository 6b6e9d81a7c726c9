"""Measurements of `sharpear` beside its peers; nothing here is needed to use the package."""
