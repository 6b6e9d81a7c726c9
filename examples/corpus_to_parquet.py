"""A corpus as a table: the notes of every recording in a folder, in Parquet, made by Dask.

`python examples/corpus_to_parquet.py FOLDER` writes demo/gallery/notes.parquet; with a `distributed.Client("tcp://…")`,
made before `main` is called, a cluster does it. A recording that cannot be read is named and left out.
"""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import dask
import pyarrow as pa
import pyarrow.parquet
import soundfile
from shared import FOLDER, RECORDING, audio_of

import sharpear


@dask.delayed
def notes(path: Path, seconds: float | None) -> list[dict[str, Any]]:
    """The notes of one recording, each with the recording's name; none where it cannot be read."""
    try:
        audio, rate = audio_of(path, seconds)
    except soundfile.LibsndfileError as error:
        print(error, file=sys.stderr)
        return []
    return [{"recording": path.name, **asdict(note)} for note in sharpear.transcribe(audio, rate).notes]


def main(folder: Path = FOLDER, corpus: Path = RECORDING.parent, seconds: float | None = None) -> dict[str, float]:
    """Write notes.parquet; how many recordings and notes it holds."""
    paths = sorted(path for path in corpus.rglob("*") if path.suffix in (".wav", ".flac", ".ogg", ".mp3"))
    tables = dask.compute(*[notes(path, seconds) for path in paths])
    table = pa.Table.from_pylist([row for rows in tables for row in rows])
    folder.mkdir(parents=True, exist_ok=True)
    pa.parquet.write_table(table, folder / "notes.parquet")
    print(f"{folder / 'notes.parquet'}: {table.num_rows} notes, {len(paths)} files")
    return {"recordings": len(paths), "notes": table.num_rows}


if __name__ == "__main__":
    main(corpus=Path(sys.argv[1]) if len(sys.argv) > 1 else RECORDING.parent)
