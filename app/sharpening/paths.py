"""The two ways from samples to lines: by a filterbank's subbands, or by windows of several lengths."""

from abc import abstractmethod
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpear.config import Config
from sharpear.dsp import HannBank, space_frequencies
from sharpear.gpu import CPU, Backend

from .belief_code import BeliefCode, belief_windows
from .composite import Composite
from .evidence import Evidence
from .feasible import check_spacing
from .front import SubbandFront, channels_of
from .hop_by_hop import HopByHop
from .host_hops import HostHops
from .phase import PhaseReader
from .plain import PlainAmplitudes
from .sparse_code import SparseCode
from .subband_hops import SubbandHops


class Path(Composite):
    """Samples in, evidence out; evidence in, lines out.

    channel_hz: (channels,) where the unsharpened amplitudes stand.  atom_hz: (atoms,) where the sharpened ones do.
    latency_hops: from a sound to the end of the frame that completes it.
    period_hops: hops after which all stands as before, so that sums are rounded alike.
    """

    channel_hz: NDArray[np.float64]
    atom_hz: NDArray[np.float64]
    latency_hops: int
    period_hops: int

    @property
    @abstractmethod
    def replaced(self) -> NDArray[np.int64]:
        """(streams,) unusable input samples taken as silence so far."""

    @abstractmethod
    def listen(self, audio: NDArray[np.float32]) -> Evidence:
        """(samples, streams) of the host's audio in, the evidence of the frames completed by it, where it runs, out."""

    @abstractmethod
    def compete(self, evidence: Evidence) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Amplitude and refined frequency, Hz, each (frames, streams, atoms)."""

    def fundamentals(self, evidence: Evidence, amplitude: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """Fundamental of the voice that each line is of, Hz, like `amplitude`, 0 of none; nothing without voices."""
        return None

    @abstractmethod
    def power_response(self) -> NDArray[np.float64]:
        """(atoms, channels): the power that a cosine of unit amplitude at an atom's frequency gives each channel."""

    @abstractmethod
    def phase_reader(self) -> PhaseReader:
        """What reads lines' phases from the evidence's subbands."""


def build_path(
    sample_rate: float, hop: int, config: Config, streams: int, phases: bool, backend: Backend = CPU
) -> Path:
    """The path of a configuration's mode."""
    if config.network.mode == "beliefs":
        return WindowPath(sample_rate, hop, config, streams, phases, backend)
    return SubbandPath(sample_rate, hop, config, streams, backend)


def _atoms_of(config: Config, channel_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """The configured atoms, less those above the highest channel that the sample rate allows."""
    count = max(2, round(config.atoms.count * channel_hz.size / config.bank.channels))
    atom_hz = space_frequencies(channel_hz[0], channel_hz[-1], count, config.bank.scale)
    check_spacing(atom_hz, "atoms.count")
    return atom_hz


class SubbandPath(Path):
    """Gammatone filterbank → alignment → sparse code."""

    def __init__(self, sample_rate: float, hop: int, config: Config, streams: int, backend: Backend = CPU) -> None:
        self._front = front = SubbandFront(sample_rate, hop, config, streams, backend)
        self._backend = backend
        design = front.bank.design
        self.channel_hz = design.center_hz
        self.atom_hz = _atoms_of(config, design.center_hz)
        self._code = SparseCode(design, front.aligner, self.atom_hz, hop, config.network, streams, backend)
        self._at_once = SubbandHops(front, self._code) if backend is CPU else None
        self.latency_hops, self.period_hops = front.aligner.latency_hops, 1
        self._told_hz = np.empty((0, streams, self.atom_hz.size), np.float32)
        self._beside = np.empty((0, streams, 0), np.float32)
        self._no_frames: Evidence | None = None

    @property
    def _parts(self) -> dict[str, Any]:
        return {**self._front._parts, "code": self._code}

    @property
    def replaced(self) -> NDArray[np.int64]:
        """(streams,) samples that the bank took as silence."""
        return self._front.bank.replaced

    def listen(self, audio: NDArray[np.float32]) -> Evidence:
        """Bank, alignment, and the drive that the receptive fields make of them."""
        if self._at_once:
            subband, drive = self._at_once.listen(audio)
        else:
            with self._backend.sent(audio) as sent:
                subband = self._front.process(sent)
            drive = self._code.encoder.process(subband)
        if len(drive):
            return self._evidence(drive, subband)
        if self._no_frames is None:
            self._no_frames = self._evidence(drive, subband)
        return self._no_frames

    def _evidence(self, drive: NDArray[np.complex64], subband: NDArray[np.complex64]) -> Evidence:
        frames = len(drive)
        if len(self._told_hz) < frames:  # what is the same of every frame is laid out for the most that came
            self._told_hz = np.broadcast_to(self._code.refining.atom_hz, drive.shape)
            self._beside = self._backend.empty((*drive.shape[:2], 0), np.float32)
        beside = self._beside[:frames]
        return Evidence(drive, self._told_hz[:frames], subband, beside, beside)

    def compete(self, evidence: Evidence) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The code's winners."""
        code = self._at_once or self._code
        return code.compete(evidence.drive)

    def power_response(self) -> NDArray[np.float64]:
        """(atoms, channels) power of the bank's subbands."""
        return self._front.power_response(self.atom_hz)

    def phase_reader(self) -> PhaseReader:
        """What reads phases from the bank's subbands."""
        return self._front.phase_reader(self.atom_hz)


class WindowPath(Path):
    """Windows of several lengths → lines and pairs → beliefs.

    The unsharpened amplitudes are those of the longest window but one, or above its channels of a shorter one, read
    where the configured bank has its channels. Where phases are asked for that bank runs beside, and they are its.
    """

    def __init__(
        self, sample_rate: float, hop: int, config: Config, streams: int, phases: bool, backend: Backend = CPU
    ) -> None:
        self.channel_hz = channels_of(config.bank, sample_rate)
        self.atom_hz = _atoms_of(config, self.channel_hz)
        design = belief_windows(sample_rate, hop, config)
        self._bank = HannBank(design, streams, backend)
        self.period_hops = self._bank.period_hops
        self._code = BeliefCode(design, self.atom_hz, config, streams, backend)
        self.latency_hops = self._code.latency_hops
        self._front = SubbandFront(sample_rate, hop, config, streams, backend, self.latency_hops) if phases else None
        plain_hz = self.channel_hz[: 0 if phases else None]
        self._plain = PlainAmplitudes(self._bank, plain_hz, self.latency_hops, backend)
        self._backend, self._at_once, self._subbands, self._hops = backend, None, None, None
        if backend is not CPU:
            self._hops = HostHops(self._bank) if config.voices.enabled else None
        else:
            self._at_once = HopByHop(self._bank, self._code, self._plain)
            self._subbands = SubbandHops(self._front) if self._front else None

    @property
    def _parts(self) -> dict[str, Any]:
        return {"bank": self._bank, "code": self._code, "beside": self._front or self._plain}

    @property
    def replaced(self) -> NDArray[np.int64]:
        """(streams,) samples that the bank took as silence."""
        return self._bank.replaced

    def listen(self, audio: NDArray[np.float32]) -> Evidence:
        """Windows, and which of their lines are believed; the amplitudes beside them wait as long."""
        if self._at_once:
            evidence = self._at_once.listen(audio)
            return replace(evidence, subband=self._subbands.listen(audio)[0]) if self._subbands else evidence
        hops = self._hops.take(audio) if self._hops else None
        with self._backend.sent(audio) as sent:
            frames = self._bank.process(sent)
            subband = self._front.process(sent) if self._front else None
        plain = self._plain.process(frames)
        drive, frequency_hz, fundamental_hz = self._code.evidence(frames, hops)  # last, for it may wait for voices
        nothing = np.empty((*drive.shape[:2], 0), np.complex64)
        return Evidence(drive, frequency_hz, nothing if subband is None else subband, plain, fundamental_hz)

    def compete(self, evidence: Evidence) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The code's winners."""
        code = self._at_once or self._code
        return code.compete(evidence.drive, evidence.frequency_hz)

    def fundamentals(self, evidence: Evidence, amplitude: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """Those of the voices that were looked for."""
        return self._code.fundamentals(evidence, amplitude)

    def power_response(self) -> NDArray[np.float64]:
        """(atoms, channels) power of what stands beside the lines: the bank's with phases, the windows' without."""
        return (self._front or self._plain).power_response(self.atom_hz)

    def phase_reader(self) -> PhaseReader:
        """What reads phases from the subbands of the bank that runs beside."""
        assert self._front, "phases=True"
        return self._front.phase_reader(self.atom_hz)
