"""Audio in, frames out on a stream, as they are made."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sharpear.audio import AudioSource
from sharpear.interrupt import Interruption
from sharpear.sharpening.sharpener import Sharpener
from sharpear.sinks import open_stream_sink, write_whole
from sharpear.sinks.outlet import Outlet, ending
from sharpear.sinks.stream_base import ALL, Chosen

from .sharpening_task import Sharpening
from .task import CountedBlocks, Outcome, Running


def sharpen_stream(
    audio: AudioSource,
    outlet: Outlet,
    interruption: Interruption,
    task: Sharpening,
    format_: str,
    header: Callable[[dict[str, Any]], None] | None = None,
    chosen: Chosen = ALL,
) -> Outcome:
    """Sharpen `audio` into the stream `outlet`, each frame as soon as it exists.

    `header` receives the axes before the first frame; `chosen` says which lines of a frame leave. When nobody reads
    any more, what was written is valid and this ends quietly.

    Raises:
        InputError: the source ends badly, or the outlet's disk is full; what was written before is valid.
        UsageError: as `Sharpener` and `open_stream_sink`.
    """
    phases = format_ in ("jsonl", "arrow")
    sharpener = Sharpener(audio.sample_rate, task.config, audio.channels, start_s=audio.start_s, phases=phases)
    expected = None if audio.samples is None else sharpener.frames_for(audio.samples)
    blocks = CountedBlocks(audio, Running(interruption))
    complete = True  # of what is wanted, where nobody reads any more
    with ending(outlet):
        sink = open_stream_sink(format_, outlet, task.describe(audio, sharpener), expected, chosen)
        if header:
            header(sink.header() | {"first_time_s": audio.start_s})
        try:
            for block in blocks:
                sink.write(sharpener.process(block))
            sink.write(sharpener.flush())
            complete = blocks.complete
        finally:
            sink.finish()
            outlet.flush()
    return Outcome((), blocks.done_s, int(sharpener.replaced.sum()), complete)


def write_header(place: str, header: dict[str, Any]) -> None:
    """The axes as one line of JSON: on stderr if `place` is "json", else into the file of that name.

    Raises:
        InputError: the file cannot be written.
    """
    if place == "json":
        print(json.dumps(header), file=sys.stderr, flush=True)
        return
    write_whole(Path(place), json.dumps(header).encode() + b"\n", "--header")
