"""What can be said of a release before it is built: one version everywhere, and how an API differs."""

import re
import tomllib
from pathlib import Path

import pytest
from documents import ROOT

import sharpear
from release import api, check


def test_all_files_tell_the_same_version() -> None:
    assert check.same_version() == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_another_version_is_refused_in_one_line(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pyproject.toml", "CITATION.cff", "CHANGELOG.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("\nversion: ", "\nversion: 9"), encoding="utf-8")
    monkeypatch.setattr(check, "ROOT", tmp_path)
    with pytest.raises(check.RefusedError, match=r"CITATION\.cff: expected version \d\S+, .* found 9"):
        check.same_version()


def test_what_is_gone_and_what_is_new_is_named() -> None:
    assert api.differences(["f(x)", "g()"], ["f(x, y=…)", "g()", "h"]) == (["f(x)"], ["f(x, y=…)", "h"])


def test_a_name_that_is_gone_must_stand_in_the_changelog(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    last = tmp_path / "api.txt"
    last.write_text("sharpear.formerly(x)\nsharpear.sharpen(x)\n", encoding="utf-8")
    monkeypatch.setattr(api, "LAST", last)
    monkeypatch.setattr(api, "names", lambda _: ["sharpear.sharpen(x)"])
    with pytest.raises(check.RefusedError, match="formerly"):
        check.compare(tmp_path, accept=False)
    last.write_text("sharpear.sharpen(x)\n", encoding="utf-8")
    check.compare(tmp_path, accept=False)


def test_what_is_gone_from_the_api_stands_in_the_changelog() -> None:
    check.compare(Path(sharpear.__file__).parents[1], accept=False)


def test_every_attribute_of_a_public_class_is_told_of() -> None:
    assert api.undocumented(Path(sharpear.__file__).parents[1]) == []


def test_an_attribute_without_a_word_is_named(tmp_path: Path) -> None:
    (tmp_path / "sharpear").mkdir()
    for name in ("__init__", *(path.rpartition(".")[2] for path in api.PACKAGES[1:])):
        (tmp_path / "sharpear" / f"{name}.py").write_text("")
    own = 'class Tone:\n    """A tone.\n\n    hz, level: what it is.\n    """\n    def __init__(self):\n'
    own += '        self.hz = self.level = self.silent = 1\n        self.late = 2\n        """s."""\n'
    (tmp_path / "sharpear" / "__init__.py").write_text(own)
    assert api.undocumented(tmp_path) == ["sharpear.Tone.silent"]


def test_extras_that_the_check_tries_are_extras() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {told.removeprefix("sharpear[").rstrip("]") for told in check.WITHOUT_EXTRAS.values()} <= set(extras)


def test_another_tag_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main(["--tag", "v9.9.9"]) == 1
    assert re.search(r"expected v\S+, received v9\.9\.9", capsys.readouterr().err)


def test_workflows_do_nothing_that_make_does_not() -> None:
    """Beside steps of others they run targets of the Makefile, and install what the tests need of the system."""
    targets = set(re.findall(r"^([a-z -]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    known = {word for line in targets for word in line.split()}
    runs = [
        run
        for path in (ROOT / ".github" / "workflows").glob("*.yml")
        for run in re.findall(r"^\s+- run: (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert len(runs) > 5
    for run in runs:
        if run.startswith("sudo apt-get update && sudo apt-get install"):
            continue
        words = run.split()
        assert words[0] == "make", run
        assert words[1] in known, run
