"""The documents and their blocks of code, for the tests that check them."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")),
    ROOT / "examples" / "audio" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
BLOCK = re.compile(r"(?:<!-- not run: (?P<reason>.+?) -->\n+)?^```(?P<language>\w*)\n(?P<text>.*?)^```", re.M | re.S)
TABLE = re.compile(r"(?:<!-- by hand: (?P<reason>.+?) -->\n+)?(?P<table>(?:^\|.*\n)+)", re.M)
NUMBER = re.compile(r"[-−+<>*≤~]*\s*\.?\d")
PROGRAMS = ("sharpear", "pip", "make", "ffmpeg", "sox", "dask", "git", "python", "docker", "podman")


@dataclass(frozen=True)
class Block:
    page: Path
    language: str
    text: str
    reason: str | None
    """Why it is not run; None if it is."""


def blocks() -> list[Block]:
    """Every block of code of every page."""
    return [
        Block(page, found["language"], found["text"], found["reason"])
        for page in PAGES
        for found in BLOCK.finditer(page.read_text(encoding="utf-8"))
    ]


def tables_by_hand(text: str) -> list[tuple[str, str]]:
    """Tables outside the places that `make figures` fills, half of whose cells are numbers; the reason given."""
    text = re.sub(r"<!-- measured: .*?<!-- end -->|^```.*?^```", "", text, flags=re.M | re.S)
    found = []
    for each in TABLE.finditer(text):
        rows = [line.strip().strip("|").split("|")[1:] for line in each["table"].splitlines()[2:]]
        cells = [cell.strip() for row in rows for cell in row if cell.strip()]
        if 0 < len(cells) <= 2 * sum(NUMBER.match(cell) is not None for cell in cells):
            found.append((each["table"], each["reason"] or ""))
    return found


def shell_lines(block: Block) -> list[str]:
    """The commands of a block without a language, as they stand there; none if it holds something else."""
    if block.language:
        return []
    lines = block.text.replace("\\\n", "").splitlines()
    return [line for line in lines if line.split(" ", 1)[0] in PROGRAMS]


def pipelines() -> list[str]:
    """Every line of a block without a reason that has sharpear before or after a pipe, once."""
    lines = [line for block in blocks() if block.reason is None for line in shell_lines(block)]
    return list(dict.fromkeys(line for line in lines if re.search(r"\| sharpear |sharpear .*\| ", line)))
