"""Signal processing: filterbank design, the streaming filterbank, delay alignment."""

from .alignment import Aligner
from .encoder import Encoder
from .filterbank import Filterbank, SubbandFrames
from .finite_window import FiniteWindow, WindowDesign
from .gammatone import GammatoneDesign, bandwidths_hz
from .line_field import LineField
from .line_memory import LineMemory
from .lines import LineFinder, LineFrames, LineRule
from .noise_floor import NoiseFloor
from .receptive_fields import ReceptiveFields, receptive_fields
from .scales import erb_hz, erb_to_hz, hz_to_erb, space_frequencies

__all__ = [
    "Aligner",
    "Encoder",
    "Filterbank",
    "FiniteWindow",
    "GammatoneDesign",
    "LineField",
    "LineFinder",
    "LineFrames",
    "LineMemory",
    "LineRule",
    "NoiseFloor",
    "ReceptiveFields",
    "SubbandFrames",
    "WindowDesign",
    "bandwidths_hz",
    "erb_hz",
    "erb_to_hz",
    "hz_to_erb",
    "receptive_fields",
    "space_frequencies",
]
