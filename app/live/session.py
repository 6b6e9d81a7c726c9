"""A live session: source → ring → worker → listeners, with everything watched."""

import gc
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from sharpear.config import Config, load_config
from sharpear.errors import SharpearError
from sharpear.sharpening.sharpener import Sharpener
from sharpear.system import hurried

from .file_outputs import FileOutputs
from .learner import LearningPlan, LiveLearning
from .priority import brisk_switching
from .recent import Recent
from .recorder import Recorder
from .ring import XRUNS, Reader, Ring
from .separated import LiveStems, StemPlan
from .sources import Source
from .status import Status
from .stream_output import StreamOutput
from .worker import Listener, Worker

RING_S = 20.0
QUEUE_S = 0.5
"""Samples that wait longer than this for a picture are dropped, oldest first; for files they may fill the ring."""
WATCH_S = 0.05
STATUS_S = 0.1


class Session:
    """Listen to a source until it ends, `duration_s` is over or `stop` is called.

    Args:
        source: what to listen to.
        config: how to sharpen it.
        preset: what the configuration is called.
        outputs: files or the stream to write frames to.
        record: file to write the samples to.
        stems: what to separate into, beside the sharpening.
        learned: the dictionary that follows the sound.
        remembers: whether `keep` can write the last minutes.
        duration_s: how long to listen.
        listeners: are given the frames.
        watchers: receive the status ten times a second, one after the other.
        report: receives every fault and recovery, one line each.
    """

    def __init__(
        self,
        source: Source,
        config: Config,
        preset: str,
        *,
        outputs: FileOutputs | StreamOutput | None = None,
        record: Path | None = None,
        stems: StemPlan | None = None,
        learned: LearningPlan | None = None,
        remembers: bool = False,
        duration_s: float | None = None,
        listeners: Sequence[Listener] = (),
        watchers: Sequence[Callable[[Status], None]] = (),
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.source, self._report, self._watchers = source, report, watchers
        self._outputs = outputs or FileOutputs([], source.name)
        self._message = ""
        self._failed = False
        self._stopping = threading.Event()
        self._choosing = threading.Lock()
        self._wish: str | None = None
        self._designing = False
        self._dropped_s = self._gap_s = 0.0
        self._drops = self._gaps = 0
        rate = source.rate_hz
        until = None if duration_s is None else max(1, round(duration_s * rate))
        sharpener = warmed_up(rate, config, source.channels, self._outputs.phases)
        self.ring = Ring.create(round(RING_S * rate), source.channels, report)
        reader = Reader(self.ring, self.ring.capacity if self._outputs else round(QUEUE_S * rate))
        everyone: list[Listener] = [self._outputs, *listeners]
        self.worker = Worker(self.ring, reader, sharpener, preset, everyone, until)
        self._reader = reader
        self._recorder = None
        self._stems: LiveStems | None = None
        self._learning: LiveLearning | None = None
        self._recent = Recent(Reader(self.ring, self.ring.capacity), rate, source.channels) if remembers else None
        self._kept: list[Path] = []
        try:
            self._outputs.open(sharpener)
            if record:
                every_sample = Reader(self.ring, self.ring.capacity)
                self._recorder = Recorder(record, every_sample, rate, source.channels, until)
            if learned:
                self._learning = learned.open(Reader(self.ring, self.ring.capacity), rate, until)
            if stems:
                self._stems = stems.open(Reader(self.ring, self.ring.capacity), rate, source.channels, until)
        except BaseException:
            self._discard()
            raise

    def _discard(self) -> None:
        """Remove what was made for a session that cannot begin."""
        if self._recorder:
            self._recorder.start()  # it makes no file of nothing
            self._recorder.finish()
        self._outputs.discard()
        self.ring.remove()

    @property
    def written(self) -> list[Path]:
        """The files that have been finished."""
        recording = [self._recorder.path] if self._recorder and self._recorder.published else []
        learned = [self._learning.path] if self._learning and self._learning.published else []
        return self._outputs.written + recording + (self._stems.written if self._stems else []) + learned + self._kept

    def stop(self) -> None:
        """Ask the session to end soon; any thread may."""
        self._stopping.set()

    def run(self, stop_requested: Callable[[], bool] = lambda: False) -> bool:
        """Listen; True if nothing failed that matters (a file that is played, an output, the recording, the worker).

        Raises:
            AudioDeviceError, UsageError: the source does not start.
        """
        gc.collect()
        gc.freeze()  # what is there stays: a full collection then costs nothing while sound comes in
        with brisk_switching(), hurried():
            try:
                self.worker.start()
                if self._recorder:
                    self._recorder.start()
                if self._stems:
                    self._stems.start()
                if self._learning:
                    self._learning.start()
                if self._recent:
                    self._recent.start()
                self.source.start(self.ring, self.worker.wake)
                self._watch(stop_requested)
            finally:
                self._end()
        if self.worker.error:
            raise self.worker.error
        return not self._failed

    def _watch(self, stop_requested: Callable[[], bool]) -> None:
        next_status = time.monotonic()
        while not (stop_requested() or self._stopping.is_set() or self.worker.done.is_set()):
            self._watch_source()
            self._tell()
            if self._outputs.ended or (self.source.state == "ended" and not self._reader.waiting):
                return
            if time.monotonic() >= next_status:
                next_status = max(next_status + STATUS_S, time.monotonic())  # after a stop there is nothing to catch up
                status = self.status()
                for watcher in self._watchers:
                    watcher(status)
            self._stopping.wait(WATCH_S)

    def _watch_source(self) -> None:
        for line in self.source.watch():
            self._failed |= self.source.state == "ended"
            self.say(line)

    def _tell(self) -> None:
        """What has happened since the last time."""
        dropped_s, start_s = 0.0, 0.0
        while self.worker.gaps:
            gap = self.worker.gaps.popleft()
            self._gaps, self._gap_s = self._gaps + 1, self._gap_s + gap.length_s
            if gap.dropped_s:
                start_s = start_s if dropped_s else gap.start_s
                dropped_s += gap.dropped_s
                self._drops, self._dropped_s = self._drops + 1, self._dropped_s + gap.dropped_s
            if gap.length_s > gap.dropped_s:
                self.say(f"nothing arrived for {gap.length_s - gap.dropped_s:.2f} s at {gap.start_s:.2f} s")
        if dropped_s:
            self.say(f"dropped {dropped_s:.2f} s at {start_s:.2f} s: sharpening fell behind")
        while self._outputs.faults:
            self._failed = True
            self.say(self._outputs.faults.popleft())
        if self._recorder and self._recorder.fault and not self._recorder.told:
            self._failed = self._recorder.told = True
            self.say(self._recorder.fault)
        for beside in (self._stems, self._learning):
            if beside and beside.fault:
                self._failed, fault, beside.fault = True, beside.fault, ""
                self.say(fault)

    def say(self, line: str) -> None:
        """Report a line, and keep it as the status's message."""
        self._message = line
        self._report(line)

    def _end(self) -> None:
        self.source.stop()
        if self.source.state == "ended":
            self._watch_source()
        if self.worker.ident:
            self.worker.finish()
        if self._recorder:
            self._recorder.finish()
        if self._stems:
            self._stems.finish()
        if self._learning:
            self._learning.finish()
        if self._recent and self._recent.ident:
            self._recent.finish()
        if self.worker.clock:
            self._outputs.finish()
        self._outputs.discard()
        self._tell()
        self.ring.remove()
        gc.unfreeze()

    def keep(self) -> None:
        """Write the last minutes to a file of their own, which the time names, and say so; any thread may."""
        if not self._recent:
            return
        path = Path(time.strftime("kept-%Y%m%d-%H%M%S.wav"))
        try:
            length_s = self._recent.keep(path)
        except SharpearError as error:
            self.say(str(error))
        else:
            self._kept.append(path)
            self.say(f"kept the last {length_s:.0f} s: `sharpear view {path}` opens them")

    def choose_preset(self, name: str) -> None:
        """Go on with another preset: prepared beside the running one, and then put in its place.

        Raises:
            UsageError: there is no such preset.
        """
        if self._outputs:
            self.say(f"the preset stays {self.worker.preset}: the files being written have its axes")
            return
        load_config(name)
        with self._choosing:
            designing, self._designing, self._wish = self._designing, True, name
        if not designing:
            threading.Thread(target=self._design, daemon=True, name="preset").start()

    def _design(self) -> None:
        """Prepare the last preset that was asked for, one at a time, until nobody has asked meanwhile."""
        while True:
            with self._choosing:
                name, self._wish = self._wish, None
                if name is None:
                    self._designing = False
                    return
            try:
                config = load_config(name).model_copy(update={"tuning": self.worker.sharpener.config.tuning})
                sharpener = warmed_up(self.source.rate_hz, config, self.source.channels)
            except SharpearError as error:
                self.say(str(error))
            else:
                if self._wish is None:
                    self.worker.switch(sharpener, name)

    def status(self) -> Status:
        """The state of everything, now."""
        worker, source, load = self.worker, self.source, self.worker.load
        rate, hop = source.rate_hz, worker.sharpener.hop
        recorder = self._recorder
        return Status(
            device=source.name,
            sample_rate=rate,
            channels=source.channels,
            block=source.block,
            preset=worker.preset,
            hop_ms=hop / rate * 1e3,
            state="ended" if worker.done.is_set() else source.state,
            time_s=worker.clock / rate,
            frames=worker.frames,
            xruns=int(self.ring.header[XRUNS]),
            drops=self._drops,
            dropped_s=self._dropped_s,
            gaps=self._gaps,
            gap_s=self._gap_s,
            peak_db=worker.peak_db,
            rms_db=worker.rms_db,
            replaced_samples=int(worker.sharpener.replaced.sum()),
            load=load.recent,
            compute_p50_ms=load.percentile(0.5),
            compute_p99_ms=load.percentile(0.99),
            compute_max_ms=load.largest,
            latency_device_ms=None if source.latency_s is None else source.latency_s * 1e3,
            latency_queue_ms=source.block / rate * 1e3 + worker.queue_s * 1e3,
            latency_algorithm_ms=worker.sharpener.latency_s * 1e3,
            recording=None if recorder is None else f"{recorder.path}{' (stopped)' if recorder.fault else ''}",
            recorded_s=0.0 if recorder is None else recorder.samples / rate,
            message=self._message,
        )


def warmed_up(rate_hz: int, config: Config, streams: int, phases: bool = False) -> Sharpener:
    """A sharpener whose kernels are compiled, so that the first sound does not wait."""
    sharpener = Sharpener(rate_hz, config, streams, phases=phases)
    for hops in (0, 1, 2):  # arrays of one frame have another layout to the compiler than arrays of two
        sharpener.process(np.zeros((hops * sharpener.hop, streams), np.float32))
    sharpener.reset()
    return sharpener
