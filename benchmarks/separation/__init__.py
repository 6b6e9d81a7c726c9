"""Separation, measured beside its peers."""
