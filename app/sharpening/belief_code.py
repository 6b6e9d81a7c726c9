"""Beliefs as a code over atoms: samples' windows of several lengths in, amplitudes and frequencies out."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpear.config import Config, LinesConfig
from sharpear.dsp import HannDesign, HannFrames, HannWindow, LineFinder, LineRule
from sharpear.dsp.cues import CueDesign
from sharpear.dsp.pairs import longest_window, pair_finder
from sharpear.dynamics.beliefs import load_beliefs
from sharpear.dynamics.voice_beliefs import load_voice_beliefs
from sharpear.dynamics.voice_beliefs_kernel import VoiceWeights
from sharpear.errors import UsageError
from sharpear.gpu import CPU, Backend

from .composite import Composite
from .evidence import Evidence
from .judge import Judge
from .ownership import Ownership
from .voiced_judge import VoicedJudge
from .winners import Winners

LEARNED_HOP_MS = 1e3 * 128 / 44100
HOP_TOLERANCE = 0.1
"""Part by which the time between frames may differ from the learned one: at 8 kHz a hop is a whole 23 samples."""


class BeliefCode(Composite):
    """Windows' lines → beliefs → atoms → LcAdam ⇄ WtaConv, whose winners take the energy of their window.

    The lines of several windows, and the longest one's pairs, are hypotheses of where energy is. What is believed of
    them drives the network, which decides which atoms are active: the LcAdam remembers, so that the winners of the
    frame before have a head start, and the WtaConv lets neighbours too close to be told apart compete. Each atom's
    energy then goes to the strongest active one within the window, where the frequency is the energies' mean.
    """

    def __init__(
        self,
        bank: HannDesign,
        atom_hz: NDArray[np.float64],
        config: Config,
        streams: int,
        backend: Backend = CPU,
    ) -> None:
        hop_s = bank.hop / bank.sample_rate
        self._bank = bank
        self._finder = pair_finder(bank, line_rule(config.lines, hop_s), streams, backend)
        beliefs = load_beliefs(config.beliefs.weights)
        self.latency_hops = beliefs.latency_hops
        if bank.delay_hops[-1] + self._finder.latency_hops > self.latency_hops:
            raise UsageError(
                f"lines.spacing_ms = {config.lines.spacing_ms:g}: expected pairs that are told within the "
                f"{self.latency_hops} hops of the beliefs: lower it"
            )
        design = CueDesign(bank, self.latency_hops, self._finder.latency_hops)
        self._judge = Judge(design, beliefs.weights, atom_hz, config.bank.scale, streams, backend)
        self._voices: VoicedJudge | None = None
        if config.voices.enabled:
            self._voices = VoicedJudge(self._judge, design, _voice_weights(config.voices.weights), streams, backend)
        self._winners = Winners(atom_hz, hop_s, config.network, streams, backend)
        self._owners = Ownership(self._winners.tables.half_width, streams, backend) if self._voices else None
        self._backend = backend
        self._nothing = backend.empty((0, streams, atom_hz.size), np.float32)
        self._no_fundamentals = self._nothing if self._voices else self._nothing[..., :0]

    @property
    def stages(self) -> tuple[LineFinder, Judge, VoicedJudge | None, Winners]:
        """What it is made of, from frames to winners."""
        return self._finder, self._judge, self._voices, self._winners

    @property
    def _parts(self) -> dict[str, Any]:
        voices = {} if self._voices is None else {"voices": self._voices.tracker}
        return {"finder": self._finder, "judge": self._judge, **voices, "pair": self._winners.pair}

    def evidence(
        self, frames: HannFrames, hops: NDArray[np.float32] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """What drives the network: the believed lines' amplitudes and frequencies on the atoms; and fundamentals.

        hops: (streams, samples) of the frames, on the CPU: there voices are looked for. By default the frames' own, for
        which a GPU has to be waited for.
        """
        if not len(frames):
            return self._nothing, self._nothing, self._no_fundamentals
        pairs = self._finder.process(longest_window(self._bank, frames))
        if self._voices:
            return self._voices.process(frames, pairs, hops)
        drive, frequency_hz = self._judge.process(frames, pairs)
        return drive, frequency_hz, self._backend.empty((*drive.shape[:2], 0), np.float32)

    def fundamentals(self, evidence: Evidence, amplitude: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """Fundamentals of the winners' voices, Hz, like their amplitude; nothing where voices are not looked for."""
        if self._owners is None:
            return None
        return self._owners.process(evidence.drive, evidence.fundamental_hz, amplitude)

    def compete(
        self, amplitude: NDArray[np.float32], frequency: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Amplitude and refined frequency, Hz, of the winners, each (frames, streams, atoms)."""
        frequency = frequency.copy()  # the evidence may be resolved once more
        return self._winners.take(amplitude, frequency), frequency


def _voice_weights(name: str) -> VoiceWeights:
    try:
        return load_voice_beliefs(name)
    except FileNotFoundError:
        raise UsageError(f"voices.weights: expected what was learned, received {name!r}") from None


def line_rule(lines: LinesConfig, hop_s: float) -> LineRule:
    """How evidence is drawn from frames that are `hop_s` apart."""
    return LineRule(
        spacing_hops=max(1, round(lines.spacing_ms / 1e3 / hop_s)),
        neighbors=lines.neighbors,
        memory_s=lines.memory_ms / 1e3,
        residual=lines.residual,
        drift=lines.drift,
        drift_s=lines.drift_ms / 1e3,
        change=lines.change,
    )


def belief_windows(sample_rate: float, hop: int, config: Config) -> HannDesign:
    """The windows that a configuration's beliefs were learned for.

    Raises:
        UsageError: nothing was learned under that name, or for other times between frames.
    """
    try:
        beliefs = load_beliefs(config.beliefs.weights)
    except FileNotFoundError:
        raise UsageError(f"beliefs.weights: expected what was learned, received {config.beliefs.weights!r}") from None
    hop_ms = 1e3 * hop / sample_rate
    if abs(hop_ms / LEARNED_HOP_MS - 1) > HOP_TOLERANCE:
        raise UsageError(
            f"frames.hop_ms: mode beliefs was learned for {LEARNED_HOP_MS:.3g} ms, received {hop_ms:.3g} ms: leave it"
        )
    windows = zip(beliefs.length_hops, beliefs.points, beliefs.top_hz, strict=True)
    return HannDesign(sample_rate, hop, tuple(HannWindow(*window) for window in windows))
