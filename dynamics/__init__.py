"""Neurodynamical layers with persistent state, and networks of them."""

from .lateral import BandedWeights
from .layer import Layer
from .lca import Lca, LcAdam, LcaRms
from .network import Network
from .pair import LcAdamWta
from .wta import Wta, WtaCircuit, WtaConv

__all__ = ["BandedWeights", "Layer", "LcAdam", "LcAdamWta", "Lca", "LcaRms", "Network", "Wta", "WtaCircuit", "WtaConv"]
