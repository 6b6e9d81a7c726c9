"""The examples run on a few seconds of sound, draw their pictures, and find what they say."""

import ast
import importlib
import io
import sys
import tomllib
from collections.abc import Callable, Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import tone
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

pytest.importorskip("matplotlib")
EXAMPLES = Path(__file__).parents[1] / "examples"
FOLDER = EXAMPLES / "dynamics"

SOUND: dict[str, Callable[[dict[str, float]], bool]] = {
    "choir_tuning": lambda r: abs(r["median"]) < 8 and abs(r["drift"]) < 8,
    "vibrato": lambda r: abs(r["rate_hz"] - 5.6) < 0.3 and abs(r["depth_cents"] - 60) < 10,
    "guitar_strings": lambda r: (
        len(r) == 6 and all(abs(cents - {"A2": -18.0, "B3": 12.0}.get(string, 0.0)) < 3 for string, cents in r.items())
    ),
    "two_speakers": lambda r: r["right"] > 0.9,
    "teach_a_source": lambda r: r["after"] > r["before"] + 4,
    "features_for_a_classifier": lambda r: r["right"] > 0.95,
    "corpus_to_parquet": lambda r: r["recordings"] == 1 and r["notes"] > 2,
}
"""Those that write into a folder."""
SHOWN = set(SOUND) - {"corpus_to_parquet"}
"""Those that write what can be seen or heard."""

SHORT = {"corpus_to_parquet": {"seconds": 1.5}}
NEEDS = {"features_for_a_classifier": ("sklearn",), "corpus_to_parquet": ("dask", "pyarrow")}
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


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Import one by its name."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    before = set(sys.modules)
    yield importlib.import_module
    for name in {"shared", *SOUND, "drum_remover", "terminal_tuner"} & (set(sys.modules) - before):
        sys.modules.pop(name)


def test_every_example_is_run() -> None:
    others = {"shared", "demo", "drum_remover", "terminal_tuner"}
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {*SOUND, *others}
    long = {path.stem for path in EXAMPLES.glob("*.py") if len(path.read_text(encoding="utf-8").splitlines()) > 60}
    assert not long


def test_the_site_shows_all_that_can_be_seen_or_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES.parent / "docs"))
    assert {path.stem for path in importlib.import_module("build_site").SCRIPTS} == SHOWN


@pytest.mark.slow
@pytest.mark.parametrize("name", SOUND)
def test_an_example_answers_its_question(name: str, example: Callable[[str], Any], tmp_path: Path) -> None:
    for package in NEEDS.get(name, ()):
        pytest.importorskip(package)
    result = example(name).main(tmp_path, **SHORT.get(name, {}))
    assert SOUND[name](result), result
    assert all(path.stat().st_size > 1000 for path in tmp_path.iterdir())
    assert any(tmp_path.iterdir())


@pytest.mark.slow
def test_the_drum_remover_passes_on_a_tone(example: Callable[[str], Any]) -> None:
    sound = tone(0.5, 16000).astype(np.float32)
    sink = io.BytesIO()
    late = round(example("drum_remover").main(io.BytesIO(sound.tobytes()), sink, 16000) * 16000)
    heard = np.frombuffer(sink.getvalue(), np.float32)[late:][: sound.size]
    assert heard[2000:-2000] == pytest.approx(sound[2000:-2000], abs=0.05)


@pytest.mark.slow
def test_the_tuner_names_the_note(example: Callable[[str], Any]) -> None:
    shared = example("shared")
    sung = shared.voice(np.full(16000, 440 * 2 ** (20 / 1200)), 16000)
    told = list(example("terminal_tuner").main(np.array_split(sung, 10), 16000))
    assert len(told) > 5
    assert told[-1].startswith(" A4")
    assert "+20 cents" in told[-1]


def test_every_example_of_the_dynamics_is_run() -> None:
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


def installed_with(extra: str) -> set[str]:
    """All that comes with an extra, by the names that Python imports it by."""
    project = tomllib.loads((EXAMPLES.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras, there = project["optional-dependencies"], set[str]()
    asked = [*project["dependencies"], f"sharpear[{extra}]"]
    while asked:
        wanted = Requirement(asked.pop())
        name = canonicalize_name(wanted.name)
        if name == "sharpear":
            asked += [each for own in wanted.extras for each in extras[own]]
        elif name not in there and (wanted.marker is None or wanted.marker.evaluate({"extra": ""})):
            there.add(name)
            asked += metadata.requires(name) or ()
    names = metadata.packages_distributions()
    return {name for name, packages in names.items() if {canonicalize_name(each) for each in packages} & there}


def test_the_site_is_built_with_what_the_examples_that_it_runs_import() -> None:
    if missing := [name for name in ("zensical", "sklearn") if find_spec(name) is None]:
        pytest.skip(f"not installed: {', '.join(missing)}: pip install -e '.[docs]'")
    known = installed_with("docs") | sys.stdlib_module_names | {"sharpear", "shared"}
    for name in SHOWN:
        tree = ast.parse((EXAMPLES / f"{name}.py").read_text(encoding="utf-8"))
        imports = [each for each in ast.walk(tree) if isinstance(each, ast.Import | ast.ImportFrom)]
        asked = {getattr(each, "module", None) or each.names[0].name for each in imports}
        assert {module.split(".")[0] for module in asked} <= known, name
