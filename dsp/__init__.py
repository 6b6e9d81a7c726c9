"""Signal processing: filterbank design, the streaming filterbank, delay alignment."""

from .alignment import Aligner
from .basins import BasinLines, Basins
from .encoder import Encoder
from .filterbank import Filterbank, SubbandFrames
from .finite_window import FiniteWindow, WindowDesign
from .gammatone import GammatoneDesign, bandwidths_hz
from .hann_bank import HannBank, HannDesign, HannFrames, HannWindow
from .lines import LineFinder, LineFrames, LineRule
from .noise_floor import NoiseFloor
from .pairs import longest_window, pair_finder
from .receptive_fields import ReceptiveFields, receptive_fields
from .scales import erb_hz, erb_to_hz, hz_to_erb, space_frequencies
from .splitter import Split, Splitter, StemMixer
from .synthesis import SynthesisDesign

__all__ = [
    "Aligner",
    "BasinLines",
    "Basins",
    "Encoder",
    "Filterbank",
    "FiniteWindow",
    "GammatoneDesign",
    "HannBank",
    "HannDesign",
    "HannFrames",
    "HannWindow",
    "LineFinder",
    "LineFrames",
    "LineRule",
    "NoiseFloor",
    "ReceptiveFields",
    "Split",
    "Splitter",
    "StemMixer",
    "SubbandFrames",
    "SynthesisDesign",
    "WindowDesign",
    "bandwidths_hz",
    "erb_hz",
    "erb_to_hz",
    "hz_to_erb",
    "longest_window",
    "pair_finder",
    "receptive_fields",
    "space_frequencies",
]
