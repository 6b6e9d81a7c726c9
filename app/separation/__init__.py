"""Separate sources: share sources, the streaming separator, dictionaries learned from examples."""
