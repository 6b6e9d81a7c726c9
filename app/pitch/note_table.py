"""A transcription as a notebook shows it."""

import html

from .tool_files import label
from .transcriber import Transcription

MOST_ROWS = 20
HEADS = ("onset (s)", "length (s)", "note and cents", "level (dB)", "voice")


def note_table(transcription: Transcription) -> str:
    """The first `MOST_ROWS` notes as an HTML table, and what `repr` says."""
    notes, told = transcription.notes, f"<pre>{html.escape(repr(transcription))}</pre>"
    rows = [
        (f"{n.onset_s:.2f}", f"{n.offset_s - n.onset_s:.2f}", label(n), f"{n.level_db:.0f}", str(n.voice))
        for n in notes[:MOST_ROWS]
    ]
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    more = f"<p>… {len(notes) - MOST_ROWS} more</p>" if len(notes) > MOST_ROWS else ""
    return f"<table><tr>{''.join(f'<th>{head}</th>' for head in HEADS)}</tr>{body}</table>{more}{told}"
