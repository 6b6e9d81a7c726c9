"""Voices are followed on the CPU, whatever does the rest: streams side by side, on the cores that are free."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Floats, kernel
from sharpear.compiler.entries import entries
from sharpear.compiler.kept import Kept
from sharpear.voices.tracker_arrays import TrackerOut, TrackerParts
from sharpear.voices.voice_evidence_kernel import RowRoom
from sharpear.voices.voice_frames_kernel import say
from sharpear.voices.voice_tracker import VoiceTracker
from sharpear.voices.voice_tracker_kernel import follow

from .cores import cores, streams_side_by_side


class VoiceFollower:
    """Runs a `VoiceTracker` over whole hops of all streams.

    Args:
        tracker: what is remembered of voices, all of it.
        hop: samples between frames.
    """

    def __init__(self, tracker: VoiceTracker, hop: int) -> None:
        self._tracker, self._hop = tracker, hop
        self._parts = Kept(tracker.parts)
        self._rooms: list[Kept[RowRoom]] = []
        self._out = Kept(tracker.out(0, 0))

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        """Copies are made of the tracker's copies: what is kept here are its arrays."""
        return type(self), (self._tracker, self._hop)

    def process(self, hops: NDArray[np.float32]) -> TrackerOut:
        """What is said of the frames that hops, (streams, samples), complete: good until the next call."""
        (streams, samples), frame = hops.shape, int(self._tracker.frame)
        frames, follow_stream = samples // self._hop, self._follow_stream
        if self._out.values.partials.shape[1] != streams or len(self._out.values.partials) < frames:
            self._out = Kept(self._tracker.out(frames, streams))
        out = self._out

        def follow_one(s: int) -> None:
            room = self._rooms.pop() if self._rooms else Kept(self._tracker.room())
            follow_stream(hops, s, self._hop, frame, 0, frames, self._parts, room, out, 0, s)
            self._rooms.append(room)

        streams_side_by_side(streams, frames, follow_one)
        self._tracker.frame[...] += frames
        return TrackerOut._make(part[:frames] for part in out.values)

    @cached_property
    def _follow_stream(self) -> Any:
        """Compiled for what it is given, if it has to be."""
        nothing, room = np.empty((0, 0), np.float32), Kept(self._tracker.room())
        given = nothing, 0, 0, 0, 0, 0, self._parts, room, self._out, 0, 0
        return entries({"follow": (follow_voices, given)}, cores())["follow"]


@kernel
def follow_voices(
    recent: Floats, s: int, hop: int, frame: int, begin: int, end: int, voices: TrackerParts, row: RowRoom,
    out: TrackerOut, first: int, column: int,
) -> None:  # fmt: skip
    """Take the hops of stream `s`, silence, too, of the frames between, and find voices where they are due.

    What is said of them goes to a column of `out`, from frame `first` on.
    """
    for f in range(begin, end):
        follow(recent[s, f * hop : (f + 1) * hop], frame + f, s, voices.tables, voices.state, row)
        say(frame + f, s, voices.tables, voices.state, out, first + f - begin, column)
