"""Sharpened spectrograms of files: source → `Sharpener` → sinks, block by block."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from sharpear.audio import AudioFile, AudioSource, Selection
from sharpear.config import Config
from sharpear.errors import printable
from sharpear.gpu import Backend
from sharpear.sharpening.sharpener import Sharpener
from sharpear.sinks import FileSinks, PictureStyle, SinkInfo
from sharpear.version import __version__

from .packs import Lane
from .pool import SharpenerPool
from .segments import is_worth_cutting, sharpen_cut
from .sharpen_lane import SharpenLane
from .task import CountedBlocks, Outcome, Progress, Running, Task, make_of_file


@dataclass(frozen=True)
class Sharpening(Task):
    """Sharpen into files whose suffixes choose the formats."""

    config: Config
    selection: Selection = field(default_factory=Selection)
    style: PictureStyle = field(default_factory=PictureStyle)

    @property
    def settings(self) -> dict[str, Any]:
        """The configuration."""
        return {"config": self.config.model_dump(mode="json")}

    def make(self, audio: AudioSource, outputs: Sequence[Path], running: Running) -> Outcome:
        """Frames of all of `audio`, from a long file in stretches side by side."""
        pool = _pool(self.config.model_dump_json())
        if isinstance(audio, AudioFile) and is_worth_cutting(audio, running.at_once):
            return sharpen_cut(audio, outputs, pool, running, self.describe)
        blocks = CountedBlocks(audio, running)
        with (
            pool.lend(audio.sample_rate, audio.channels, audio.start_s) as sharpener,
            FileSinks(outputs, self.describe(audio, sharpener)) as files,
        ):
            for block in blocks:
                files.write(sharpener.process(block))
            files.write(sharpener.flush())
            blocks.end()
            files.publish(blocks.complete)
            return Outcome(tuple(outputs), blocks.done_s, int(sharpener.replaced.sum()), blocks.complete)

    def lane(self, source: Path, outputs: Sequence[Path], keep_partial: bool, cut: bool) -> Lane[Any]:
        """Its streams are its channels, once for each of its stretches."""
        return SharpenLane(source, outputs, self.selection, cut, self.describe)

    def join(self, lanes: Sequence[Lane[Any]], device: Backend) -> Sharpener:
        """A sharpener of all streams."""
        streams = sum(lane.streams for lane in lanes)
        return Sharpener(lanes[0].audio.sample_rate, self.config, streams, device=device)

    def describe(self, audio: AudioSource, sharpener: Sharpener) -> SinkInfo:
        """What outputs say of their source, and of how they were made."""
        info = describe(audio.name, audio.channels, sharpener, config_hash=self.digest)
        return replace(info, style=self.style)


def describe(source: str, channels: int, sharpener: Sharpener, **attributes: Any) -> SinkInfo:
    """What outputs say of the sound that they were made of, and of how."""
    return SinkInfo(
        sharpener.frequencies,
        sharpener.channel_frequencies,
        channels,
        {"source": printable(source), "sharpear": __version__, **sharpener.description(), **attributes},
    )


def sharpen_file(
    path: Path, outputs: Sequence[Path], config: Config, selection: Selection, progress: Progress | None = None
) -> Outcome:
    """`make_of_file` with `Sharpening`."""
    return make_of_file(Sharpening(config, selection), path, outputs, progress)


@lru_cache(maxsize=4)
def _pool(config: str) -> SharpenerPool:
    """One pool for each configuration that this process has lately met."""
    return SharpenerPool(Config.model_validate_json(config))
