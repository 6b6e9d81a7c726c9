"""Where the examples put their pictures."""

from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

FOLDER = Path(__file__).parents[2] / "demo" / "dynamics"


def panels(rows: int, columns: int = 1, **options: Any) -> tuple[Any, Any]:
    """A figure of Matplotlib without a window, and its axes (rows, columns)."""
    figure = Figure(figsize=(4.5 * columns, 2.4 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=False, **options)


def save(figure: Any, name: str, folder: Path) -> Path:
    """Write the picture."""
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / f"{name}.png", dpi=90)
    return folder / f"{name}.png"
