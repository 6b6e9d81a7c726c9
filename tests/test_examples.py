"""The examples of the dynamics run, draw their picture, and find what they say."""

import importlib
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")
FOLDER = Path(__file__).parents[1] / "examples" / "dynamics"

FOUND: dict[str, Callable[[dict[str, float]], bool]] = {
    "deconvolution": lambda r: r["exact"] == 1 and r["alone"] > 3 * r["pair"],
    "image_sharpening": lambda r: r["right"] == r["pair"] == 9 < r["alone"],
    "up_and_down": lambda r: r["expected"] < 0.5 * r["below"],
    "dca": lambda r: r["with the layer above"] < 0.7 * r["flat"],
    "online_hebbian": lambda r: min(r.values()) > 0.98,
    "implicit_training": lambda r: r["last"] < 0.8 * r["first"],
    "solving": lambda r: r["projection"] < 1e-4 and r["zeroing"] < 1e-2,
    "remembered_choice": lambda r: list(r.values()) == [1, 1, 2],
}


def test_every_example_is_run() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} == {*FOUND, "pictures"}


@pytest.mark.slow
@pytest.mark.parametrize("name", FOUND)
def test_an_example_draws_its_picture(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "implicit_training" and find_spec("torch") is None:
        pytest.skip("torch is not installed: pip install -e '.[train]'")
    monkeypatch.syspath_prepend(str(FOLDER))
    result = importlib.import_module(name).main(tmp_path)
    assert FOUND[name](result), result
    assert (tmp_path / f"{name}.png").stat().st_size > 1000
    sys.modules.pop(name)
