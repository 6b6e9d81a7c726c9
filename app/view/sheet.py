"""Recordings as the page of files shows them: pictures that grow while they are sharpened, sound, and notes."""

import copy
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile

from sharpear.audio import AudioFile, Selection
from sharpear.compiler import Doubles, Floats
from sharpear.config import Config
from sharpear.errors import InputError, SharpearError, printable
from sharpear.sharpening.frames import Frames
from sharpear.sharpening.sharpener import Sharpener
from sharpear.sinks.drawing import ROWS_PER_OCTAVE
from sharpear.sinks.rows import Rows
from sharpear.sinks.strokes import FADED_DB, FLANK_DB, LOWEST_DB, ROW_STEPS, STEPS_PER_DB

from .late_notes import MOST_FRAMES, LateNotes, write_page_notes
from .listening import evidence_of
from .picture import as_page_reads
from .preview import Preview
from .tiles import COLUMN_LEVELS, POOL, SEGMENTS, STROKE_LEVELS, TILE_COLUMNS, TILE_FRAMES, Tiles

if TYPE_CHECKING:
    from sharpear.pitch.transcriber import Transcription

PUBLISH_S = 1.0
"""The shortest time between two looks that the page may take at what grows."""
PUBLISH_SHARE = 0.05
"""The most of the time that may go into showing what grows."""
BLOCK_S = 0.5
LOADED_FRAMES = 512
SOUND_CHANNELS = 2
"""The most channels that the page plays: more are mixed down."""
FORMAT = {
    "rows_per_octave": ROWS_PER_OCTAVE, "row_steps": ROW_STEPS, "lowest_db": LOWEST_DB, "steps_per_db": STEPS_PER_DB,
    "pool": POOL, "tile_columns": TILE_COLUMNS, "tile_frames": TILE_FRAMES, "stroke_levels": STROKE_LEVELS,
    "column_levels": COLUMN_LEVELS, "segments": SEGMENTS, "faded_db": FADED_DB, "flank_db": FLANK_DB,
}  # fmt: skip


@dataclass
class Sheet:
    """What the page is told of one recording.

    done_s: how much of the picture there is.  hears: whether notes are still to come.  fault: why it ends early.
    """

    name: str
    folder: str
    duration_s: float
    hop_s: float
    start_s: float
    low_hz: float
    rows: int
    done_s: float = 0.0
    complete: bool = False
    preview: bool = False
    sound: bool = False
    hears: bool = False
    notes: bool = False
    fault: str = ""


class Sheets:
    """Sharpen recordings into tiles that the page of files shows, one recording after the other; then hear their notes.

    Args:
        paths: audio files, or spectrograms (.zarr, .npz), which have no sound.
        folder: where tiles go.
        config: how to sharpen.
        tell: receives the state of everything, as JSON, whenever the page should look again.
        range_db: the range that the page begins with; it chooses one where this is None.

    Raises:
        InputError: one of them cannot be read.
    """

    def __init__(
        self, paths: list[Path], folder: Path, config: Config, tell: Callable[[str], None], range_db: float | None
    ) -> None:
        self._config, self._tell, self._folder, self._range_db = config, tell, folder, range_db
        self._ending = threading.Event()
        self._told = threading.Lock()
        self._error: BaseException | None = None
        self._heard: dict[str, Transcription] = {}
        self.parts = [self._opened(path, number) for number, path in enumerate(paths)]
        self._threads = [threading.Thread(target=self._work, daemon=True, name="sheets")]
        sounding = [part for part in self.parts if isinstance(part, _Recording)]
        self._threads.append(threading.Thread(target=self._sounds, args=(sounding,), daemon=True, name="sounds"))

    def _opened(self, path: Path, number: int) -> "_Recording | _Loaded":
        folder = self._folder / str(number)
        folder.mkdir()
        if path.suffix.lower() in (".zarr", ".npz"):
            return _Loaded(path, folder)
        return _Recording(path, folder, self._config)

    def start(self) -> None:
        """Begin; nothing waits for it."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End soon, done or not."""
        self._ending.set()
        for thread in self._threads:
            thread.join()

    @property
    def faults(self) -> list[str]:
        """What went wrong, a line each."""
        return [part.sheet.fault for part in self.parts if part.sheet.fault]

    def wait(self, seconds: float) -> bool:
        """Whether everything is done, waiting for it so long."""
        self._threads[0].join(seconds)
        if self._error:
            raise self._error
        return not self._threads[0].is_alive()

    def write_notes(self, folder: str, kind: str, tuning: dict[str, Any]) -> str:
        """Write the notes of the recording in that folder as a file of that kind; what was in the way, if anything."""
        from .saved_notes import write_notes  # noqa: PLC0415 (all formats, and what hears notes)

        return write_notes(self._heard.get(folder), self._folder / folder, kind, tuning)

    def publish(self) -> None:
        """Tell the page what there is."""
        with self._told:
            sheets = [part.sheet.__dict__ for part in self.parts]
            told = {"range_db": self._range_db, "tuning": as_page_reads(self._config.tuning), "sheets": sheets}
            self._tell(json.dumps({"type": "sheets", **FORMAT, **told}))

    def _work(self) -> None:
        late = {part.folder: self._late(part) for part in self.parts}
        self.publish()
        for part in self.parts:
            self._guarded(part, lambda part: self._draw(part, late[part.folder]))
        for part in self.parts:
            if not part.sheet.fault and not self._ending.is_set():
                self._guarded(part, lambda part: self._hear(part, late.pop(part.folder)))

    def _late(self, part: "_Recording | _Loaded") -> LateNotes:
        part.sheet.hears = True
        return LateNotes(*part.axes, part.attributes, self._ending, MOST_FRAMES // len(self.parts))

    def _guarded(self, part: "_Recording | _Loaded", act: Callable[[Any], None]) -> None:
        try:
            act(part)
        except SharpearError as error:
            part.sheet.fault = str(error)
        except OSError as error:
            part.sheet.fault = f"{part.sheet.name}: the picture cannot be kept ({error.strerror}): make room"
        except BaseException as error:
            self._error = error
            raise
        self.publish()

    def _draw(self, part: "_Recording | _Loaded", notes: LateNotes) -> None:
        tiles, due_s = Tiles(part.folder, part.rows, self._config.tuning), 0.0
        for frames, last in part.frames():
            tiles.add(frames, last)
            notes.add(frames)
            if self._ending.is_set():
                return
            began_s = time.monotonic()
            if last or began_s > due_s:
                tiles.publish()
                part.sheet.done_s, part.sheet.complete = tiles.frames * part.sheet.hop_s, last
                self.publish()
                now_s = time.monotonic()
                due_s = now_s + max(PUBLISH_S, (now_s - began_s) / PUBLISH_SHARE)

    def _hear(self, part: "_Recording | _Loaded", notes: LateNotes) -> None:
        if heard := notes.transcription():
            write_page_notes(heard, part.folder)
            self._heard[part.sheet.folder], part.sheet.notes = heard, True
        part.sheet.hears = False

    def _sounds(self, parts: "list[_Recording]") -> None:
        for part in parts:
            self._guarded(part, lambda part: part.write_sound(self._ending))


class _Recording:
    """An audio file: its picture is of the channels' mean."""

    def __init__(self, path: Path, folder: Path, config: Config) -> None:
        self._path, self.folder = path, folder
        with AudioFile(path) as audio:
            self.sheet_rate, self._samples = audio.sample_rate, audio.samples
        self._sharpener = sharpener = Sharpener(self.sheet_rate, config)
        self.rows = _rows(sharpener.frequencies, sharpener.channel_frequencies)
        self.axes = sharpener.frequencies.size, sharpener.channel_frequencies.size
        self.attributes = sharpener.description()
        hop_s = sharpener.hop / self.sheet_rate
        self.sheet = Sheet(
            printable(path.name),
            folder.name,
            self._samples / self.sheet_rate,
            hop_s,
            0.0,
            self.rows.low_hz,
            self.rows.count,
        )

    def blocks(self) -> Iterator[Floats]:
        with AudioFile(self._path, Selection(mono=True, keep=True)) as audio:
            yield from audio.blocks(round(BLOCK_S * self.sheet_rate))

    def frames(self) -> Iterator[tuple[Frames, bool]]:
        """What `Sharpener.process` and `flush` give, and whether these are the last."""
        deciding, decided = copy.deepcopy(self._sharpener), 0
        for evidence in evidence_of(self.blocks(), self._samples, self._sharpener):
            decided += len(evidence)
            yield deciding.resolve(evidence), decided == self._sharpener.hops_for(self._samples)

    def write_sound(self, ending: threading.Event) -> None:
        """What the page plays, and on the way what it shows until all is sharpened."""
        partial, whole = self.folder / ".sound", self.folder / "sound.wav"
        preview = Preview(self.rows, self._samples, self.sheet_rate)
        with AudioFile(self._path) as audio:
            channels = audio.channels if audio.channels <= SOUND_CHANNELS else 1
            with soundfile.SoundFile(partial, "w", audio.sample_rate, channels, "PCM_16", format="WAV") as file:
                for block in audio.blocks():
                    if ending.is_set():
                        return
                    finite = np.nan_to_num(block if channels == audio.channels else block.mean(axis=1))
                    file.write(finite.clip(-1, 1))
                    preview.add(finite.mean(axis=1) if finite.ndim > 1 else finite)
        preview.write(self.folder)
        partial.rename(whole)
        self.sheet.preview = self.sheet.sound = True


class _Loaded:
    """A spectrogram that was sharpened before."""

    def __init__(self, path: Path, folder: Path) -> None:
        from sharpear.recordings.reader import load  # noqa: PLC0415 (zarr takes long to load, and most have none)

        self.folder, self._all = folder, load(path)
        if not len(self._all):
            raise InputError(f"{path}: holds no frames: sharpen the recording again")
        self.attributes, times = self._all.attributes, self._all.times
        self.axes = self._all.frequencies.size, self._all.channel_frequencies.size
        hop_s = float(self.attributes["hop"]) / float(self.attributes["sample_rate"])
        self.rows = _rows(self._all.frequencies, self._all.channel_frequencies)
        length_s = len(times) * hop_s
        name, low_hz, count = printable(path.name), self.rows.low_hz, self.rows.count
        self.sheet = Sheet(name, folder.name, length_s, hop_s, float(times[0]), low_hz, count)

    def frames(self) -> Iterator[tuple[Frames, bool]]:
        held, count = self._all, len(self._all)
        for first in range(0, count, LOADED_FRAMES):
            yield held[first : first + LOADED_FRAMES], first + LOADED_FRAMES >= count


def _rows(atom_hz: Doubles, band_hz: Doubles) -> Rows:
    return Rows(atom_hz[0], atom_hz[-1], band_hz)
