"""What the page of files asks for below ``data/``: tiles, and stretches of sound."""

import re
from http import HTTPStatus
from pathlib import Path

from websockets.datastructures import Headers
from websockets.http11 import Response

NUMBER = re.compile(r"\d{1,3}", re.ASCII)
"""The name of a recording's folder."""
DATA = re.compile(r"data/(\d{1,3}/[a-z]\w*(?:-\d+|\.wav)?)", re.ASCII)
"""The names that there may be, which reach no other folder."""
RANGE = re.compile(r"bytes=(\d{1,15})-(\d{0,15})", re.ASCII)
LARGEST_STRETCH = 1 << 20
"""The most bytes of sound in one answer: the browser asks for the next."""
NOTE_FILES = {
    kind: kind.replace(".", "_")
    for kind in ("notes.mid", "notes.TextGrid", "f0.PitchTier", "notes.svl", "f0.sv.csv", "notes.jams", "notes.parquet")
}
"""What a page may ask for of a recording's notes, as `transcribe` writes it, and what the file is called here."""
PACKED, SOUND, TEXT = "application/octet-stream", "audio/wav", "text/plain; charset=utf-8"


def data(path: Path, wanted: str) -> Response:
    """A file, or of sound the stretch `wanted`, a Range header."""
    try:
        with path.open("rb") as file:
            if path.suffix != ".wav":
                return _answer(HTTPStatus.OK, PACKED, file.read(), [])
            size = file.seek(0, 2)
            asked = RANGE.fullmatch(wanted or "bytes=0-")
            first = int(asked[1]) if asked else size
            if asked is None or first >= size:
                refused = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
                return _answer(refused, SOUND, b"", [("Content-Range", f"bytes */{size}")])
            last = min(int(asked[2] or size) + 1, size, first + LARGEST_STRETCH)
            file.seek(first)
            ranges = [("Accept-Ranges", "bytes"), ("Content-Range", f"bytes {first}-{last - 1}/{size}")]
            return _answer(HTTPStatus.PARTIAL_CONTENT, SOUND, file.read(last - first), ranges)
    except FileNotFoundError:
        return _answer(HTTPStatus.NOT_FOUND, TEXT, b"there is no such file yet\n", [])
    except OSError:  # too many are open, say: it is asked for again
        return _answer(HTTPStatus.SERVICE_UNAVAILABLE, TEXT, b"it cannot be read now\n", [])


def _answer(status: HTTPStatus, kind: str, body: bytes, more: list[tuple[str, str]]) -> Response:
    own = [("Content-Type", kind), ("Content-Length", str(len(body))), ("Connection", "close")]
    fixed = [("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer")]
    return Response(status.value, status.phrase, Headers([*own, *fixed, *more]), body)
