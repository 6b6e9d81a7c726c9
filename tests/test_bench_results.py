"""What benchmarks measure is written in one form, kept, and shown on the pages as it is kept."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks import everything, headline
from benchmarks.document import filled, runs
from benchmarks.headline import HEADLINE, MORE, value
from benchmarks.keep import keep
from benchmarks.results import KEPT, Results, Table, code, command, once, read

TIMES = Table({"a": {"cents": [1.0, 0.25], "kind": "causal"}, "b": {"cents": None}}, ".1f", "method", "Times", " ± ")


def written(folder: Path, name: str = "speed") -> Path:
    with Results(name, folder, ["--audio", "/home/somebody/sounds", "--seeds", "2"]) as results:
        results.tables["times"] = TIMES
    return folder / f"{name}.json"


def test_what_is_written_is_read_as_it_was(tmp_path: Path) -> None:
    assert read(written(tmp_path)) == {"times": TIMES}


def test_a_result_says_what_it_depends_on_and_no_path_of_a_machine(tmp_path: Path) -> None:
    text = written(tmp_path).read_text(encoding="utf-8")
    held = json.loads(text)
    assert held["command"] == "python -m benchmarks.speed --audio …/sounds --seeds 2"
    assert {"date", "code", "machine", "versions", "wall_s", "cpu_s"} <= set(held)
    assert len(held["machine"]["load"]) == 2
    assert held["versions"]["numpy"]
    assert "/home" not in text


def test_a_run_that_fails_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), Results("speed", tmp_path):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_part_is_measured_once(tmp_path: Path) -> None:
    made: list[int] = []
    for _ in range(2):
        assert once(["method", "family"], lambda: made.append(1) or {"cents": [0.1]}, tmp_path) == {"cents": [0.1]}
    assert made == [1]
    once(["method", "another"], lambda: made.append(1), tmp_path)
    assert made == [1, 1]


def test_what_was_run_with_this_code_and_these_words_is_not_run_again(tmp_path: Path) -> None:
    words = ["--audio", "/elsewhere/sounds", "--seeds", "2"]
    assert not everything.done("speed", words, tmp_path)
    path = written(tmp_path)
    assert everything.done("speed", words, tmp_path)
    assert not everything.done("speed", [*words, "--hour"], tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace(code(), "another"), encoding="utf-8")
    assert not everything.done("speed", words, tmp_path)


def test_what_fails_stops_nothing_else_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ran, kept, filled_with = list[str](), list[str](), list[object]()

    def run(words: list[str], **_: object) -> SimpleNamespace:
        ran.append(words[2])
        return SimpleNamespace(returncode=int(words[2] == "benchmarks.pipe"))

    monkeypatch.setattr(everything.subprocess, "run", run)
    monkeypatch.setattr(everything, "done", lambda name, _: name == "dynamics")
    monkeypatch.setattr(everything, "keep", lambda names, drop: kept.extend(names))
    monkeypatch.setattr(everything.document, "main", filled_with.append)
    assert everything.main(["", "--only", "pipe,dynamics,growth"]) == 1
    assert ran == ["benchmarks.pipe", "benchmarks.growth"]
    assert kept == ["dynamics", "growth"]
    assert filled_with == [[]]


def test_small_runs_are_written_elsewhere_and_not_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ran = dict[str, tuple[list[str], str]]()

    def run(words: list[str], *, env: dict[str, str], **_: object) -> SimpleNamespace:
        ran[words[2]] = words[3:], env["SHARPEAR_BENCH"]
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(everything.subprocess, "run", run)
    for left_alone in ("keep", "done"):
        monkeypatch.setattr(everything, left_alone, None)
    monkeypatch.setattr(everything.document, "main", None)
    assert everything.main([str(tmp_path), "--small"]) == 0
    assert list(ran) == [f"benchmarks.{name}" for name in everything.BENCHMARKS if name != "beliefs.ablation"]
    assert {folder for _, folder in ran.values()} == {str(everything.WRITTEN / "small")}
    assert ran["benchmarks.growth"][0] == list(everything.SMALL["growth"])
    assert ran["benchmarks.dynamics.dca"][0] == ["--audio", str(tmp_path)]
    assert set(everything.SMALL) < set(everything.BENCHMARKS)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nowhere"], "expected a folder"),
        ([""], "expected a folder"),
        (["nowhere", "--only", "cost"], "received cost"),
        (["", "--only", "beliefs.ablation"], "expected a folder of voices"),
    ],
)
def test_what_cannot_be_run_is_said(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert everything.main(words) == 2
    assert told in capsys.readouterr().err


def test_results_are_kept_by_name(tmp_path: Path) -> None:
    written(tmp_path)
    kept = tmp_path / "kept"
    kept.mkdir()
    assert keep(["speed"], tmp_path, kept) == ["speed"]
    assert read(kept / "speed.json") == {"times": TIMES}
    with pytest.raises(ValueError, match="received cost"):
        keep(["cost"], tmp_path, kept)


def test_a_part_of_what_is_kept_does_not_replace_it(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    keep(["speed"], written(tmp_path).parent, kept)
    whole = (kept / "speed.json").read_bytes()
    with Results("speed", tmp_path, []) as results:
        results.tables["times"] = Table({"a": TIMES.rows["a"]})
    with pytest.raises(ValueError, match=r"times/b is missing: run it whole"):
        keep(["speed"], tmp_path, kept)
    assert (kept / "speed.json").read_bytes() == whole
    keep(["speed"], tmp_path, kept, drop=True)
    assert list(read(kept / "speed.json")["times"].rows) == ["a"]


def test_a_page_is_filled_with_what_is_kept() -> None:
    page = "<!-- measured: speed/times -->\nold\n<!-- end -->\n<!-- m: speed/times/a/cents .2f -->old<!-- --> cents"
    text = filled(page, {"speed": {"times": TIMES}})
    assert "| a | 1.0 ± 0.2 | causal |\n| b | – | – |\n<!-- end -->" in text
    assert text.endswith("<!-- m: speed/times/a/cents .2f -->1.00<!-- --> cents")
    assert filled(text, {"speed": {"times": TIMES}}) == text


def test_a_page_may_have_a_part_of_a_table() -> None:
    page = "<!-- measured: speed/times; rows b | a; columns kind | cents; means; turned -->\n<!-- end -->"
    text = filled(page, {"speed": {"times": TIMES}})
    assert "turned -->\n|  | b | a |\n|---|---|---|\n| kind | – | causal |\n| cents | – | 1.0 |\n<!-- end -->" in text
    assert filled(text, {"speed": {"times": TIMES}}) == text


@pytest.mark.parametrize(
    "place",
    [
        "<!-- measured: cost/times -->\n<!-- end -->",
        "<!-- measured: speed/times; rows c -->\n<!-- end -->",
        "<!-- measured: speed/times; columns c -->\n<!-- end -->",
        "<!-- measured: speed/times; sorted -->\n<!-- end -->",
        "<!-- m: speed/times/c/x .1f --><!-- -->",
    ],
)
def test_a_page_that_asks_for_what_is_not_kept_is_refused(place: str) -> None:
    with pytest.raises(KeyError, match="kept"):
        filled(place, {"speed": {"times": TIMES}})


def test_the_best_peer_is_found_for_each_column_and_never_ours() -> None:
    rows = {
        "sharpear-music": {"x": 1.0, "y": 1.0},
        "best peer": {"x": 2.0, "y": 2.0},
        "basins-4096": {"x": [3.0, 0.1], "y": [9.0, 0.1]},
        "superlets": {"x": [4.0, 0.1], "y": [8.0, 0.1]},
    }
    kept = {"sharpness": {"cents": Table(rows)}}
    assert headline.best("sharpness/cents", ["x", "y"], ".0f")(kept) == "3 (basins 4096), 8 (superlets)"
    assert headline.best("sharpness/cents", ["x"], ".0f", most=True)(kept) == "4 (superlets)"


def test_the_headline_changes_with_what_is_kept() -> None:
    kept = {path.stem: read(path) for path in KEPT.glob("*.json")}
    before = headline.table((*HEADLINE, *MORE), kept)
    assert all(cells["sharpear"] and cells["best peer"] for cells in before.rows.values())
    row = dict(kept["sharpness"]["cents"].rows["sharpear-music"], chirps_design=[99.0, 0.0])
    rows = dict(kept["sharpness"]["cents"].rows) | {"sharpear-music": row}
    changed = kept | {"sharpness": kept["sharpness"] | {"cents": Table(rows)}}
    assert value(changed, "sharpness/cents/sharpear-music/chirps_design") == 99.0
    assert headline.table(HEADLINE, changed).rows["crossing chirps; cents"]["sharpear"] == "99.0"


def test_every_kept_result_has_a_benchmark_and_a_row_of_what_was_run() -> None:
    names = {path.stem for path in KEPT.glob("*.json")}
    assert names <= set(everything.BENCHMARKS)
    assert len(runs(KEPT).rows) == len(names)


def test_paths_are_left_out_of_commands() -> None:
    assert command("a.b", ["--out", "/tmp/x/y", "z"]) == "python -m benchmarks.a.b --out …/y z"
