"""Whole recordings: sharpened at once, drawn, tabulated, heard again, kept and read back."""
