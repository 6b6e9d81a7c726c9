"""Whether outputs are whole: checked against what was written; files of unknown origin are read within limits."""

from .archives import Arrays, seal
from .examine import KINDS, examine
from .finding import Access, DamageError, Finding
from .local import LOCAL
from .sounds import SampleDigest, read_back
from .trees import checksums

__all__ = [
    "KINDS",
    "LOCAL",
    "Access",
    "Arrays",
    "DamageError",
    "Finding",
    "SampleDigest",
    "checksums",
    "examine",
    "read_back",
    "seal",
]
