"""Neurodynamical cells with persistent state, and networks of them."""

from .cell import Cell
from .circuit import WtaCircuit
from .divisive_cell import Divisive, HarmonicDivisive
from .flows import Flow, convolution
from .harmonic_fields import HarmonicFields
from .lateral import BandedWeights
from .layer import Layer
from .lca import Lca, LcAdam, LcaRms
from .live_learning import Hebbian
from .maps import persistent_maps
from .network import Network, Settled
from .pair import LcAdamWta
from .solvers import ProjectionNetwork, ZeroingNetwork
from .unit_fields import random_fields
from .wta import Wta, WtaConv

__all__ = [
    "BandedWeights", "Cell", "Divisive", "Flow", "HarmonicDivisive", "HarmonicFields", "Hebbian", "Layer", "LcAdam",
    "LcAdamWta", "Lca", "LcaRms", "Network", "ProjectionNetwork", "Settled", "Wta", "WtaCircuit", "WtaConv",
    "ZeroingNetwork", "convolution", "persistent_maps", "random_fields",
]  # fmt: skip
