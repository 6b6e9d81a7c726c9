"""Notebooks as pages: their text, their code, and what it shows."""

from __future__ import annotations

import base64
import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def write(notebook: Path, folder: Path, run: bool) -> None:
    """The page of a notebook, with what its cells show if they are run; their pictures stand beside it."""
    book = executed(notebook) if run else json.loads(notebook.read_text(encoding="utf-8"))
    lines = [part for cell in book["cells"] for part in _cell(cell, folder)]
    told = f"Run it: `jupyter lab examples/notebooks/{notebook.name}`."
    (folder / f"{notebook.stem}.md").write_text("\n\n".join([*lines, told]) + "\n", encoding="utf-8")


def executed(path: Path) -> Any:
    """A notebook with what its cells show."""
    import nbclient  # noqa: PLC0415 (pages alone do without)
    import nbformat  # noqa: PLC0415
    from traitlets.config import Config  # noqa: PLC0415

    book = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": str(path.parent)}}
    with tempfile.TemporaryDirectory() as sockets:
        # A kernel that listens to a port warns that anybody on this machine could read along.
        own = {"transport": "ipc", "ip": f"{sockets}/kernel"} if os.name == "posix" else {}
        config = Config(KernelManager=own)
        return nbclient.NotebookClient(book, resources=place, coalesce_streams=True, config=config).execute()


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
