"""What can be said of a release before it is built: one version everywhere, and how an API differs."""

import tomllib

import pytest
from documents import ROOT

from release import api, check


def test_all_files_tell_the_same_version() -> None:
    assert check.same_version() == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_another_version_is_refused_in_one_line(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pyproject.toml", "CITATION.cff", "CHANGELOG.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("\nversion: ", "\nversion: 9"), encoding="utf-8")
    monkeypatch.setattr(check, "ROOT", tmp_path)
    with pytest.raises(
        check.RefusedError, match=r"CITATION\.cff: expected version \d\S+, as in pyproject\.toml, found 9"
    ):
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


def test_extras_that_the_check_tries_are_extras() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {told.removeprefix("sharpear[").rstrip("]") for told in check.WITHOUT_EXTRAS.values()} <= set(extras)
