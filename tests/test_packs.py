"""Packs of files, without a GPU: what worker them is a stand-in that gives back the sound."""

import itertools
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import tone

from sharpear.audio import Selection
from sharpear.config import load_config
from sharpear.errors import InputError, UsageError
from sharpear.gpu import Pending
from sharpear.interrupt import Interruption
from sharpear.runs import packs
from sharpear.runs.packs import PACK_SAMPLES, Ended, Failed, Lane, PackAdvance, Packs
from sharpear.runs.sharpening_task import Sharpening
from sharpear.separation.separation_task import Separation
from sharpear.separation.separator import Separator
from sharpear.sharpening.limits import TooManyStreamsError, descriptors_to_use
from sharpear.sharpening.sharpener import Sharpener


class Echo:
    """Gives back what it worker."""

    def submit(self, block: Any) -> Pending[Any]:
        heard = np.array(block)
        return Pending(lambda: (heard,), lambda sound: sound)


class Copy(Lane[Echo]):
    """Collects a file's sound; fails where it is told to."""

    def __init__(self, path: Path, failing_at: str = "") -> None:
        super().__init__(path, Selection())
        self._blocks, self._failing_at = self.audio.blocks(PACK_SAMPLES), failing_at
        self.heard: list[np.ndarray] = []
        self.published: np.ndarray | None = None

    def _fail_at(self, moment: str) -> None:
        if moment == self._failing_at:
            raise InputError(f"{self.audio.path}: fails at {moment}")

    def begin(self, worker: Echo, first_stream: int) -> None:
        self._own = slice(first_stream, first_stream + self.streams)
        with self.failing():
            self._fail_at("begin")

    @property
    def unfinished(self) -> bool:
        return not (self.failure or self.stopped) and sum(map(len, self.heard)) < self.audio.samples

    def read(self, block: np.ndarray) -> None:
        with self.failing():
            self._fail_at("read")
            sound = next(self._blocks, np.empty((0, self.streams), np.float32))
            block[: len(sound), self._own] = sound
            self.done += len(sound)

    def write(self, results: np.ndarray) -> None:
        with self.failing():
            self._fail_at("write")
            self.heard.append(results[: self.audio.samples - sum(map(len, self.heard)), self._own])

    def stop(self) -> None:
        self.stopped = True

    def publish(self) -> None:
        with self.failing():
            self._fail_at("publish")
            if not self.stopped:
                self.published = np.concatenate(self.heard)


def run(
    paths: Sequence[Path],
    open_lane: Callable[[Path], Lane[Any]] = Copy,
    build: Callable[[Sequence[Lane[Any]]], Echo] = lambda lanes: Echo(),
    interruption: Interruption | None = None,
) -> list[Any]:
    return list(Packs(open_lane, str, build, interruption or Interruption()).run(paths))


def outcomes(events: list[Any]) -> dict[str, Any]:
    return {
        event.item.stem: event.failure if isinstance(event, Failed) else event.lane.published
        for event in events
        if not isinstance(event, PackAdvance)
    }


@pytest.fixture
def files(folder: Path) -> list[Path]:
    """Four of one kind, of different lengths; the shortest has one sample."""
    for name, samples in (("a", 1), ("b", 5000), ("c", 9000), ("d", 4096)):
        soundfile.write(f"{name}.wav", tone(1.0)[:samples], 16000, subtype="FLOAT")
    return [Path(f"{name}.wav") for name in "abcd"]


@pytest.mark.parametrize("moment", ["begin", "read", "write", "publish"])
@pytest.mark.parametrize("bad", ["b", "abcd"])
def test_a_file_that_fails_stops_no_other(files: list[Path], moment: str, bad: str) -> None:
    found = outcomes(run(files, lambda path: Copy(path, moment if path.stem in bad else "")))
    assert set(found) == set("abcd")
    for name, outcome in found.items():
        if name in bad:
            assert str(outcome) == f"{name}.wav: fails at {moment}"
        else:
            np.testing.assert_array_equal(outcome[:, 0], soundfile.read(f"{name}.wav", dtype="float32")[0])


def packs_of(events: list[Any]) -> list[int]:
    """How many files were in each pack, in order."""
    return [files for files, _ in itertools.groupby(event.files for event in events if isinstance(event, PackAdvance))]


@pytest.mark.parametrize("error", [MemoryError(), TooManyStreamsError("4 channels at once are too many")])
def test_too_many_for_the_memory_are_halved(files: list[Path], error: Exception) -> None:
    def build(lanes: Sequence[Lane[Any]]) -> Echo:
        if len(lanes) > 1:
            raise error
        return Echo()

    events = run(files, build=build)
    assert packs_of(events) == [1]
    assert [event.item.stem for event in events if isinstance(event, Ended)] == ["a", "d", "b", "c"]


def test_what_is_wrong_with_all_is_told_of_each(files: list[Path]) -> None:
    built = []

    def build(lanes: Sequence[Lane[Any]]) -> Echo:
        built.append(len(lanes))
        raise UsageError("bank.low_hz: too high")

    assert {str(outcome) for outcome in outcomes(run(files, build=build)).values()} == {"bank.low_hz: too high"}
    assert built == [4]


def test_time_does_not_run_back(files: list[Path]) -> None:
    """Neither over packs nor where one is begun again with less."""
    attempts = itertools.count()

    class Failing(Echo):
        def submit(self, block: Any) -> Pending[Any]:
            if next(attempts) == 1:
                raise MemoryError
            return super().submit(block)

    soundfile.write("e.wav", tone(0.5, 22050), 22050)
    events = run([*files, Path("e.wav")], build=lambda lanes: Failing())
    told = [(event.done_s, event.total_s) for event in events if isinstance(event, PackAdvance)]
    assert told == sorted(told)
    assert {total for _, total in told} == {9000 / 16000 + 11025 / 22050}
    assert told[-1][0] == pytest.approx(told[-1][1])
    assert all(isinstance(outcome, np.ndarray) for outcome in outcomes(events).values())


def test_no_more_files_are_open_than_may_be(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "descriptors_to_use", lambda: 5)

    def lane(path: Path) -> Copy:
        opened = Copy(path)
        opened.descriptors = {"a": 1, "d": 4}.get(path.stem, 9)
        return opened

    events = run(files, lane)
    assert packs_of(events) == [2, 1]
    assert [event.item.stem for event in events if isinstance(event, Ended)] == ["a", "d", "b", "c"]


@pytest.mark.skipif(sys.platform != "linux", reason="open files are counted in /proc")
def test_lanes_know_how_many_files_they_open(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sharpear.runs.sharpen_lane.SEGMENT_S", 0.5)
    monkeypatch.setattr("sharpear.runs.sharpen_lane.can_be_cut", lambda audio: True)
    soundfile.write("a.wav", tone(1.6), 16000)
    sharpener, config = Sharpener(16000, "low-latency"), load_config("low-latency")

    def surplus(lane: Lane[Any], before: int, worker: Any) -> int:
        lane.begin(worker, 0)
        assert lane.failure is None
        with lane.opened:
            return len(os.listdir("/proc/self/fd")) - before - lane.descriptors

    def of_sharpening(formats: Sequence[str], cut: int) -> int:
        before, outputs = len(os.listdir("/proc/self/fd")), [Path(f"a.{each}") for each in formats]
        return surplus(Sharpening(config).lane(Path("a.wav"), outputs, False, cut > 1), before, sharpener)

    of_sharpening(["zarr"], 1)  # which starts an event loop
    for formats in (["zarr"], ["npz"], ["png"], ["zarr", "npz", "png"]):
        assert [of_sharpening(formats, cut) for cut in (1, 2)] == [0, 0], formats
    stems = ("tonal", "residual")
    lane = Separation(stems).lane
    before = len(os.listdir("/proc/self/fd"))
    assert (
        surplus(lane(Path("a.wav"), [Path(f"{stem}.wav") for stem in stems], False, False), before, Separator(16000))
        == 0
    )
    assert descriptors_to_use() > 0


def test_a_file_that_becomes_another_while_it_waits(files: list[Path]) -> None:
    opened: list[str] = []

    def lane(path: Path) -> Copy:
        opened.append(path.stem)
        if opened.count("b") == 2 and path.stem == "b":
            soundfile.write(path, tone(0.1, 8000), 8000)
        return Copy(path)

    found = outcomes(run(files, lane))
    assert "b.wav: has changed while it waited" in str(found.pop("b"))
    assert all(isinstance(outcome, np.ndarray) for outcome in found.values())


def test_who_wants_to_end_waits_for_nothing_new(files: list[Path]) -> None:
    """While files are looked at, and between the halves of a pack."""
    interruption = Interruption()
    opened = []

    def lane(path: Path) -> Copy:
        opened.append(path)
        interruption.requested = True
        return Copy(path)

    assert run(files, lane, interruption=interruption) == []
    assert len(opened) == 1

    def build(lanes: Sequence[Lane[Any]]) -> Echo:
        interruption.requested = True
        raise MemoryError

    interruption.requested = False
    assert run(files, build=build, interruption=interruption) == []
