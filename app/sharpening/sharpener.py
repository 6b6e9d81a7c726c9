"""The whole signal path behind one streaming object: sound → evidence of lines → sparse code."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sharpear.audio.blocks import as_count, as_rate, as_seconds, as_streams
from sharpear.config import Config, configured
from sharpear.errors import UsageError
from sharpear.gpu import Backend, Pending

from .composite import Memory, Streaming
from .evidence import Evidence
from .frames import Frames
from .limits import so_many_streams
from .paths import build_path
from .processor import backend_of
from .results import counted


class Sharpener(Streaming[Frames]):
    """Sharpen streaming audio: blocks in, frames out.

    Every frame stands at a multiple of the hop on the input's clock. It leaves `latency_s` later, when the slowest
    channel has passed it; any split of the input into blocks gives the same frames, bit for bit. `frequencies` are the
    atoms' in Hz, where lines are looked for, `channel_frequencies` the filterbank's, `hop` the samples a frame, and
    `config` has all settings.

    Args:
        sample_rate: Hz, 8000 to 192000.
        preset: a preset's name, the path of a TOML file, or a `Config`.
        streams: number of independent signals (audio channels).
        overrides: settings by dotted name, such as ``{"bank.low_hz": 150.0}``.
        start_s: time of the first sample.
        phases: frames also carry each line's phase and the complex subbands.
        device: "cpu", "gpu", "gpu:1" (the second one), or "auto", which takes a GPU if there is one. Frames and states
            are NumPy's on every device, and a state moves between them.

    Raises:
        UsageError: an unknown preset or setting, or a value out of range.

    >>> sharpener = Sharpener(44100, preset="music")
    >>> tone = 0.5 * np.cos(2 * np.pi * 440 / 44100 * np.arange(22050))
    >>> frames = sharpener.process(tone)
    >>> atom = frames.amplitude[-1].argmax()
    >>> bool(abs(frames.instantaneous_frequency[-1, atom] - 440) < 1)
    True
    """

    def __init__(
        self,
        sample_rate: float,
        preset: str | Config = "music",
        streams: int = 1,
        overrides: Mapping[str, Any] | None = None,
        *,
        start_s: float = 0.0,
        phases: bool = False,
        device: str | Backend = "cpu",
    ) -> None:
        self.sample_rate, self.streams = as_rate(sample_rate), as_count(streams, "stream")
        self._start_s = as_seconds(start_s, "start_s")
        self.config = configured(preset, overrides)
        self.backend = backend = backend_of(device)
        self.hop = max(1, round(self.config.frames.hop_ms / 1e3 * self.sample_rate))
        with so_many_streams(self.streams):
            self._path = build_path(self.sample_rate, self.hop, self.config, self.streams, phases, backend)
        self.channel_frequencies: NDArray[np.float64] = self._path.channel_hz
        self.frequencies: NDArray[np.float64] = self._path.atom_hz
        self._latency_hops = self._path.latency_hops
        self._memory = Memory([("samples", np.int64), ("silence", np.int64), ("frames", np.int64)], backend)
        self._phases = self._path.phase_reader() if phases else None
        self._flat_input = False
        self._no_frames: dict[bool, Frames] = {}

    @property
    def latency_s(self) -> float:
        """Time from a sound to its frame, s."""
        return self._latency_hops * self.hop / self.sample_rate

    @property
    def period_hops(self) -> int:
        """Hops after which all ring buffers stand as before: from there sums are rounded alike."""
        return self._path.period_hops

    @property
    def replaced(self) -> NDArray[np.int64]:
        """(streams,) unusable input samples (NaN, Inf, beyond 120 dBFS) taken as silence so far."""
        return self._path.replaced

    def power_response(self) -> NDArray[np.float64]:
        """(atoms, channels): the power that a cosine of unit amplitude at an atom's frequency gives each channel."""
        return self._path.power_response()

    def frames_for(self, samples: int) -> int:
        """Number of frames that `samples` give in all, with `flush`.

        >>> sharpener = Sharpener(16000, preset="low-latency")
        >>> frames = len(sharpener.process(np.zeros(1000))) + len(sharpener.flush())
        >>> frames == sharpener.frames_for(1000)
        True
        """
        return self.hops_for(samples) - max(0, self._latency_hops - 1)

    def hops_for(self, samples: int) -> int:
        """Number of hops until the last of them is out: those of `samples`, and those that flush the latency."""
        return -(-samples // self.hop) + self._latency_hops

    def description(self) -> dict[str, Any]:
        """What an output says of how it was made; values fit JSON."""
        return {
            "sample_rate": self.sample_rate,
            "hop": self.hop,
            "latency_s": self.latency_s,
            "config": self.config.model_dump(mode="json"),
        }

    def _summary(self) -> str:
        hz, hop_s = self.frequencies, self.hop / self.sample_rate
        return f"{counted(hz.size, 'atom')} of {hz[0]:.0f} to {hz[-1]:.0f} Hz every {1e3 * hop_s:.2g} ms"

    @property
    def _parts(self) -> dict[str, Any]:
        return {"path": self._path, "memory": self._memory}

    @property
    def _owner(self) -> dict[str, Any]:
        return {"sample_rate": self.sample_rate, "streams": self.streams, "configuration": self.config.digest}

    def reset(self, start_s: float | None = None) -> None:
        """Forget the past: the next output is that of a new object, whose first sample is at `start_s` if given."""
        super().reset()
        self._start_s = self._start_s if start_s is None else as_seconds(start_s, "start_s")

    def submit(self, block: ArrayLike) -> Pending[Frames]:
        """`process` without waiting for its frames: a GPU works on while the next block is made ready.

        >>> sharpener = Sharpener(16000, "low-latency")
        >>> first, second = (sharpener.submit(np.zeros(1600)) for _ in range(2))
        >>> frames = Frames.join([first.result(), second.result()])
        """
        audio = as_streams(block, self.streams)
        if self._memory.fields["silence"]:
            raise UsageError("the stream has ended with flush(): reset() begins the next one")
        self._flat_input = np.ndim(block) == 1
        self._count("samples", audio.shape[0])
        return self._advance(audio)

    def flush(self) -> Frames:
        """The frames still on their way: those up to the last sample, completed by silence.

        The stream has then ended: `reset` begins the next one.
        """
        memory = self._memory.fields
        samples, silence = int(memory["samples"]), int(memory["silence"])
        missing = max(0, self.hops_for(samples) * self.hop - samples - silence)
        self._count("silence", missing)
        return self._advance(np.zeros((missing, self.streams), np.float32)).result()

    def _advance(self, audio: NDArray[np.float32]) -> Pending[Frames]:
        return self._decide(self.listen(audio), self._flat_input)

    def listen(self, audio: NDArray[np.float32]) -> Evidence:
        """The first half of `process`: what (samples, streams) of audio give the network to decide.

        Its memory fades: after some seconds nothing is left of what came before, not even in the last bit.
        """
        return self._path.listen(audio)

    def resolve(self, evidence: Evidence) -> Frames:
        """The second half: the network's decisions, which build on those of all frames before."""
        return self._decide(evidence).result()

    def _decide(self, evidence: Evidence, flat: bool = False) -> Pending[Frames]:
        """Most blocks shorter than a hop complete no frame: there is then nothing to decide, and one answer for all."""
        if len(evidence.drive):
            return self._decided(evidence, flat)
        if flat not in self._no_frames:
            self._no_frames[flat] = self._decided(evidence, flat).result()
        return Pending(tuple, lambda: self._no_frames[flat])

    def _count(self, name: str, more: int) -> int:
        """Go on counting; returns what the count was. NumPy's own addition takes as long as a kernel's call."""
        fields = self._memory.fields
        before = int(fields[name])
        fields[name] = before + more
        return before

    def _decided(self, evidence: Evidence, flat: bool) -> Pending[Frames]:
        amplitude, frequency = self._path.compete(evidence)
        # Frame n ends at sample (n+1)·hop; those that lie before the first sample only filled the alignment.
        count = len(amplitude)
        first = self._count("frames", count) + 1 - self._latency_hops
        early = min(max(-first, 0), count)
        hop_s = self.hop / self.sample_rate
        times = np.array([self._start_s + n * hop_s for n in range(first + early, first + count)], np.float64)
        made: list[NDArray[Any]] = [amplitude, frequency, evidence.plain_amplitude]
        fundamental = self._path.fundamentals(evidence, amplitude)
        if fundamental is not None:
            made.append(fundamental)
        if self._phases:
            made.append(evidence.subband)
        return self.backend.fetch(*made, make=partial(self._frames, times, early, flat))

    def _frames(self, times: NDArray[np.float64], early: int, flat: bool, *made: NDArray[Any]) -> Frames:
        """Frames of what was made, without the early ones; the streams' axis is left out where the audio had none."""
        phases = self._phases
        amplitude, frequency, plain, *more = (part[early:, 0] if flat and not phases else part[early:] for part in made)
        subband = more.pop() if phases else None
        frames = Frames(times, amplitude, frequency, plain, fundamental=more[0] if more else None)
        if phases and subband is not None:
            frames = phases.read(frames, subband)
            return frames.single_stream() if flat else frames
        return frames
