"""The commands of ``sharpear``, a module each. Logic lives elsewhere: these turn words into calls."""
