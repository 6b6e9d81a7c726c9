"""What the parts of the path are tuned to, as the presets have it, for tests of the parts alone."""

from typing import Any

from sharpear.config import load_config
from sharpear.sharpening.line_code import LARGEST_NOISE, NOISE_QUANTILE
from sharpear.sharpening.network_design import wta_circuit

LINES = load_config("music").lines
NETWORK = load_config("coherent").network
"""The preset whose LcAdam has rivals of its own; in the others the WtaConv alone decides between atoms."""

FIELD: dict[str, Any] = {"steady_hz": LINES.steady_hz, "swell": LINES.swell, "surge": LINES.surge}
FLOOR: dict[str, Any] = {"tau_s": LINES.floor_ms / 1e3, "quantile": NOISE_QUANTILE, "largest": LARGEST_NOISE}
MEMORY: dict[str, Any] = {"tau_s": LINES.hold_ms / 1e3, "patience": LINES.patience}
RMS: dict[str, Any] = {
    "level_tau_s": NETWORK.level_ms / 1e3,
    "beta2": NETWORK.beta2,
    "eta": NETWORK.eta,
    "epsilon": NETWORK.epsilon,
}
ADAM: dict[str, Any] = {**RMS, "beta1": NETWORK.beta1}
CIRCUIT = wta_circuit(NETWORK)
