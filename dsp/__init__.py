"""Signal processing: filterbank design, the streaming filterbank, delay alignment."""

from .alignment import Aligner
from .encoder import Encoder
from .filterbank import Filterbank, SubbandFrames
from .gammatone import GammatoneDesign
from .receptive_fields import ReceptiveFields, receptive_fields
from .scales import erb_hz, erb_to_hz, hz_to_erb, space_frequencies

__all__ = [
    "Aligner",
    "Encoder",
    "Filterbank",
    "GammatoneDesign",
    "ReceptiveFields",
    "SubbandFrames",
    "erb_hz",
    "erb_to_hz",
    "hz_to_erb",
    "receptive_fields",
    "space_frequencies",
]
