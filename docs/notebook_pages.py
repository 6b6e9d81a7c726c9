"""Notebooks as pages: their text, their code, and what it shows."""

from __future__ import annotations

import base64
import json
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any


def write(notebooks: Sequence[Path], folder: Path, run: bool) -> None:
    """A page for each notebook, with what its cells show if they are run; their pictures stand beside it."""
    read = [json.loads(path.read_text(encoding="utf-8")) for path in notebooks]
    for notebook, book in zip(notebooks, executed(notebooks) if run else read, strict=True):
        lines = [part for cell in book["cells"] for part in _cell(cell, folder)]
        told = f"Run it: `jupyter lab examples/notebooks/{notebook.name}`."
        (folder / f"{notebook.stem}.md").write_text("\n\n".join([*lines, told]) + "\n", encoding="utf-8")


def executed(paths: Sequence[Path]) -> list[Any]:
    """Notebooks of one folder with what their cells show, one after the other in one process.

    It forgets all names between two of them; what they import, which takes longer than they do, is imported once.
    """
    import nbclient  # noqa: PLC0415 (pages alone do without)
    import nbformat  # noqa: PLC0415
    from traitlets.config import Config  # noqa: PLC0415

    books = [nbformat.read(path, as_version=4) for path in paths]
    all_in_one = nbformat.v4.new_notebook(metadata=books[0].metadata)
    for book in books:
        all_in_one.cells += [*book.cells, nbformat.v4.new_code_cell("%reset -f")]
    place = {"metadata": {"path": str(paths[0].parent)}}
    with tempfile.TemporaryDirectory() as sockets:
        # A kernel that listens to a port warns that anybody on this machine could read along.
        own = {"transport": "ipc", "ip": f"{sockets}/kernel"} if os.name == "posix" else {}
        config = Config(KernelManager=own)
        nbclient.NotebookClient(all_in_one, resources=place, coalesce_streams=True, config=config).execute()
    return books


def _cell(cell: Any, folder: Path) -> Iterator[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        yield source
        return
    yield f"```python\n{source}\n```"
    for number, output in enumerate(cell["outputs"]):
        yield _output(output, folder / f"{cell['id']}-{number}.png")


def _output(output: Any, picture: Path) -> str:
    """What is shown, the best form of it: a picture, HTML without blank lines, which would end it, or text."""
    data = output.get("data", {})
    if "image/png" in data:
        picture.write_bytes(base64.b64decode(data["image/png"]))
        return f"![What it draws]({picture.name})"
    if "text/html" in data:
        return re.sub(r"\n\s*\n", "\n", data["text/html"].strip())
    return f"```text\n{output.get('text', data.get('text/plain', '')).strip()}\n```"
