"""Whether an output, of whatever kind, is still as it was written."""

from collections.abc import Callable
from typing import BinaryIO

from .archives import examine_npz
from .finding import Access, DamageError, Finding
from .local import LOCAL
from .pictures import examine_png
from .sounds import examine_sound
from .tables import examine_parquet
from .texts import examine_csv, examine_jsonl, examine_midi, examine_report
from .tool_texts import examine_jams, examine_labels, examine_layer, examine_pitch_tier, examine_text_grid
from .trees import examine_zarr
from .vectors import examine_vector

FILES: dict[str, Callable[[BinaryIO, bool], Finding]] = {
    "npz": examine_npz,
    "png": examine_png,
    "svg": examine_vector,
    "pdf": examine_vector,
    "wav": examine_sound,
    "w64": examine_sound,
    "flac": examine_sound,
    "csv": examine_csv,
    "jsonl": examine_jsonl,
    "mid": examine_midi,
    "json": examine_report,
    "txt": examine_labels,
    "textgrid": examine_text_grid,
    "svl": examine_layer,
    "jams": examine_jams,
    "pitchtier": examine_pitch_tier,
    "parquet": examine_parquet,
}
"""The function that examines a file, by suffix; it is given the open file, and whether to read all of it."""

KINDS = ("zarr", *FILES)


def examine(place: str, access: Access = LOCAL, thorough: bool = True) -> Finding:
    """Tell what `place` is. Without `thorough` arrays are not read: only what is missing, cut or added is found.

    Memory does not grow with what is there, and no content, however made, raises.

    Raises:
        OSError: a store is out of reach.
    """
    suffix = place.rpartition(".")[2].lower()
    try:
        if access.is_folder(place):
            if suffix == "zarr":
                return examine_zarr(place, access, thorough)
            return Finding("foreign", "is a folder")
        with access.opened(place) as file:
            if suffix not in FILES:
                return Finding("foreign", f"is of no kind that is checked: {', '.join(KINDS)}")
            return FILES[suffix](file, thorough)
    except DamageError as error:
        return Finding("damaged", str(error))
    except FileNotFoundError:
        return Finding("foreign", "no such file")
    except PermissionError as error:
        return Finding("damaged", f"cannot be read ({error.strerror or error}): change the permissions")
    except ValueError as error:  # a path with a zero byte
        return Finding("foreign", f"cannot be read ({error})")
