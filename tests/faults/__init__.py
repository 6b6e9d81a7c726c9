"""What the disk and the system may do to a run: every call fails once, and the process is killed at any moment.

``make faults`` and ``make kill`` run it. The commands run unchanged, in processes forked from one that is warm; a
library that is loaded before the C library's (`interpose.cpp`) counts their calls on files and makes the n-th fail.
"""
