"""Random inputs against the program: every one is accepted, or refused in one line.

``make fuzz`` runs it, `conductor.py` says what a failure is, and each target stands in a module of its own.
"""
