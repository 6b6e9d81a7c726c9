"""The notebooks run from beginning to end, and show what they speak of; what is kept of them is their source alone."""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "examples" / "notebooks"
SHOWN = {
    "first_look": ("&lt;Spectrogram: ", "frequency_hz", "<audio", "True"),
    "singing": ("&lt;Transcription: 3 notes", "5.5 Hz, ±2", "MIDI 57", "MIDI 61", "MIDI 64"),
    "live": ("semitones from A4",),
    "separation": ("3.0 of 3.0 s", "&lt;Stems: 3 stems", "data:audio/flac", "residual.wav tonal.wav", "True"),
}
"""What their outputs hold, beside a picture."""


def shown(book: Any) -> tuple[str, int]:
    """All text of all outputs, and how many pictures there are."""
    outputs = [output for cell in book["cells"] for output in cell.get("outputs", [])]
    data = [output.get("data", {}) for output in outputs]
    texts = [output.get("text", "") for output in outputs]
    texts += [each.get(kind, "") for each in data for kind in ("text/plain", "text/html")]
    return "\n".join(texts), sum("image/png" in each for each in data)


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What makes pages of notebooks."""
    monkeypatch.syspath_prepend(str(FOLDER.parents[1] / "docs"))
    return importlib.import_module("notebook_pages")


@pytest.mark.parametrize("name", SHOWN)
def test_a_notebook_is_kept_as_source(name: str) -> None:
    book = json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    assert cells
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    assert book["cells"][0]["source"][0].startswith("# ")


def test_every_notebook_is_run() -> None:
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(SHOWN)


@pytest.mark.slow
@pytest.mark.parametrize("name", SHOWN)
def test_a_notebook_runs_and_shows_what_it_speaks_of(name: str, pages: Any, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("nbclient")
    text, pictures = shown(pages.executed([FOLDER / f"{name}.ipynb"])[0])
    assert "WARNING" not in capfd.readouterr().err
    assert pictures
    for each in SHOWN[name]:
        assert each in text, f"{each}: {text}"


@pytest.mark.slow
def test_what_one_notebook_names_another_does_not_know(tmp_path: Path, pages: Any) -> None:
    nbformat = pytest.importorskip("nbformat")
    for name, source in (("first", "here = 1\nhere"), ("second", "'here' in globals()")):
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
        nbformat.write(book, tmp_path / f"{name}.ipynb")
    first, second = pages.executed([tmp_path / "first.ipynb", tmp_path / "second.ipynb"])
    assert shown(first)[0].strip() == "1"
    assert shown(second)[0].strip() == "False"


def test_a_page_shows_the_best_form_of_what_a_cell_shows(tmp_path: Path, pages: Any) -> None:
    code = {"cell_type": "code", "id": "a-1", "source": ["1 +", " 1"]}
    outputs = [
        {"text": "told\n"},
        {"data": {"text/plain": "2", "text/html": "<b>\n\n2</b>"}},
        {"data": {"text/plain": "figure", "image/png": "AAAA"}},
    ]
    assert list(pages._cell(code | {"outputs": outputs}, tmp_path)) == [
        "```python\n1 + 1\n```",
        "```text\ntold\n```",
        "<b>\n2</b>",
        "![What it draws](a-1-2.png)",
    ]
    assert (tmp_path / "a-1-2.png").read_bytes() == bytes(3)
