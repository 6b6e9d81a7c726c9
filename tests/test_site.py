"""The site is built without a warning, and holds every public name, command, setting and page."""

import importlib
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile
from browser import browser
from documents import ROOT
from test_doctests import public

from sharpear.config import Config

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages alone, strict: a link or an anchor that leads nowhere fails the build."""
    if find_spec("zensical") is None or find_spec("mkdocstrings_handlers") is None:
        pytest.skip("the site's builder is not installed: pip install -e '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, str(ROOT / "docs" / "build_site.py"), "--output", str(folder), "--no-media"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "griffe" not in done.stderr + done.stdout
    return folder / "html"


def test_every_public_name_is_in_the_reference(site: Path) -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in (site / "reference").glob("python*.html"))
    for name in public():
        assert f'id="{name}"' in pages or f'id="sharpear.{name.rsplit(".", 1)[1]}"' in pages, name
    assert "&gt;&gt;&gt;" in pages  # the examples, as code


def test_every_command_and_every_setting_is_in_the_reference(site: Path) -> None:
    commands = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    for command in ("sharpen", "live", "separate", "transcribe", "verify", "latency-test"):
        assert f'id="{command}"' in commands
    assert "--output-template" in commands
    settings = (site / "reference" / "settings.html").read_text(encoding="utf-8")
    sections = [name for name in Config.model_fields if name != "description"]
    assert all(f'id="{section}"' in settings for section in sections)
    assert "bank.low_hz" in settings


def test_every_page_is_in_the_navigation(site: Path) -> None:
    front = (site / "index.html").read_text(encoding="utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        address = page.relative_to(ROOT / "docs").with_suffix(".html").as_posix()
        assert re.search(rf'href="(\./)?{re.escape(address)}"', front) or address == "index.html", address


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    assert (site / "search.js").stat().st_size > 10_000
    for page in site.rglob("*.html"):
        told = page.read_text(encoding="utf-8")
        assert not re.findall(r'<(?:script|link|img|audio)[^>]*(?:src|href)="?https?://[^"]*', told), page
        for shim in re.findall(r'src="([^"]*iframe-worker[^"]*)"', told):
            assert (page.parent / shim).exists()


@pytest.mark.browser
@pytest.mark.parametrize("word", ["high_hz", "vibrato"])
def test_the_search_finds_a_word_in_a_site_on_the_disk(word: str, site: Path) -> None:
    found = "[...document.querySelectorAll('*')].some(e => /[1-9]\\d* results/.test(e.shadowRoot?.textContent))"
    with browser() as opened:
        tab = opened.open((site / "index.html").as_uri())
        assert tab.wait("!!document.querySelector('.md-search__button')")
        tab.evaluate("document.querySelector('.md-search__button').click()")
        assert tab.wait("document.activeElement !== document.body")
        tab.call("Input.insertText", text=word)
        assert tab.wait(found)


def test_what_examples_show_is_made_again_where_what_it_depends_on_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    build_site, source = importlib.import_module("build_site"), tmp_path / "sources" / "example.py"
    source.parent.mkdir()
    source.write_text("1", encoding="utf-8")
    monkeypatch.setattr(build_site, "ROOT", tmp_path)
    monkeypatch.setattr(build_site, "DECIDE", ("sources",))
    ran = list[Path]()
    monkeypatch.setattr(build_site, "_run_all", lambda made: (made.mkdir(parents=True), ran.append(made)))
    first = build_site.made_once(tmp_path / "made")
    assert build_site.made_once(tmp_path / "made") == first
    assert len(ran) == 1
    source.write_text("2", encoding="utf-8")
    second = build_site.made_once(tmp_path / "made")
    assert second != first
    assert list((tmp_path / "made").iterdir()) == [second]


def test_the_three_sounds_are_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    monkeypatch.delitem(sys.modules, "landing_sounds", raising=False)
    sounds = importlib.import_module("landing_sounds")
    monkeypatch.setattr(sounds, "LENGTH_S", 1.5)
    heard = {name: soundfile.read(path)[0] for name, path in sounds.write(tmp_path).items()}
    rate = soundfile.info(tmp_path / "before.ogg").samplerate
    struck = np.abs(sounds.drums(heard["before"].size, rate)) > 0.05
    high = {name: np.abs(np.diff(sound, 2)) for name, sound in heard.items()}  # where a drum is louder than a chorale
    assert high["drums-removed"][struck[2:]].mean() < 0.4 * high["before"][struck[2:]].mean()
    spectrum = np.abs(np.fft.rfft(heard["partial"] * np.hanning(heard["partial"].size)))
    hz = np.fft.rfftfreq(heard["partial"].size, 1 / rate)
    inside = (hz > sounds.PARTIAL_HZ[0] - 20) & (hz < sounds.PARTIAL_HZ[1] + 20)
    assert np.square(spectrum[inside]).sum() > 0.95 * np.square(spectrum).sum()
