"""What the network's kernel knows cells and flows by, and the columns of its tables."""

NO_CELL = -1
"""What is made of several layers."""

LCA, LCA_RMS, LCADAM, WTA, WTACONV, DIVISIVE, PROJECTION, ZEROING, HARMONIC = range(9)
"""Kinds of cells: `step_cell` (cells_kernel.py and the .cuh beside it) has a branch for each, its last for solvers."""

ONE_TO_ONE, DENSE, SPARSE = range(3)
"""Kinds of flows."""

KIND, UNITS, EXTRA, INPUT_AT, INPUT_SIZE, DRIVEN, PARAMS = range(7)
"""Columns of the table of cells: what it is, how large, where its inputs begin, whether an input of the network reaches
it; from PARAMS on where each parameter begins."""

FIELDS = PARAMS + 10
"""From here on where each field of its state begins, then where the last one ends, then -1."""

CELL_COLUMNS = FIELDS + 6

FLOW_KIND, EXTERNAL, SOURCE_AT, SOURCES, TARGET_AT, TARGETS, WEIGHT_AT, INDEX_AT = range(8)
"""Columns of the table of flows. EXTERNAL: from an input of the network; WEIGHT_AT: of the gain, which the weights
follow; INDEX_AT: of a sparse flow's row starts, which the columns follow."""
