"""At the terminal: help at any width, what the shell offers, JSON for programs, bars that leave messages whole."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import soundfile
import typer
from conftest import SMALL, one_line, tone

from sharpear.cli import app
from sharpear.commands.examples import EXAMPLES
from sharpear.config import load_config, preset_names
from sharpear.live import audio_devices, probe
from sharpear.runs.jobs import Job, Result
from sharpear.runs.report import print_table
from sharpear.sinks import SINKS, STREAM_FORMATS

COMMANDS = typer.main.get_command(app).commands


@pytest.fixture
def portaudio(monkeypatch) -> Callable[..., None]:
    """A `sounddevice` with these devices: (name, inputs, outputs)."""

    def make(*devices: tuple[str, int, int]) -> None:
        fake = ModuleType("sounddevice")
        shared = {"hostapi": 0, "default_samplerate": 48000.0, "default_low_input_latency": 0.01}
        heads = "name", "max_input_channels", "max_output_channels"
        fake.query_devices = lambda: [dict(zip(heads, each, strict=True)) | shared for each in devices]
        fake.query_hostapis = lambda: ({"name": "ALSA"},)
        fake.get_portaudio_version = lambda: (1, "PortAudio V19.6, revision 1")
        fake.default = SimpleNamespace(device=[0, 1])
        monkeypatch.setitem(sys.modules, "sounddevice", fake)

    return make


@pytest.mark.parametrize("columns", [60, 80, 200])
@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_whole_at_any_width(sharpear, monkeypatch, command, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = sharpear(*command.split(), "--help").out.splitlines()
    assert max(map(len, lines)) <= columns
    assert not [line for line in lines if line.endswith("...") and not line.startswith("Usage")]
    if command:
        assert [line.strip() for line in lines[-len(EXAMPLES[command]) :]] == list(EXAMPLES[command])
    else:
        told = " ".join(" ".join(lines).split())
        assert all(f"{name} {' '.join(each.help.split())}" in told for name, each in COMMANDS.items())


@pytest.mark.parametrize("command", COMMANDS)
def test_what_help_says_are_sentences_and_examples_that_parse(command):
    for each in COMMANDS[command].params:
        assert each.help, each.name
        assert each.help.endswith("."), each.help
        assert each.help[0].isupper(), each.help
    for line in EXAMPLES[command]:
        words = shlex.split(line.partition("|")[0], comments=True)
        words = words[: min([words.index(sign) for sign in "<>" if sign in words], default=len(words))]
        COMMANDS[command].make_context(command, words[2:])


def help_of(command: str, option: str) -> str:
    (asked,) = [each for each in COMMANDS[command].params if option in each.opts]
    return asked.help


def test_help_names_every_format_of_frames():
    for command in "sharpen", "live":
        assert f"Any of {','.join(SINKS)}" in help_of(command, "--format")
    assert f"one of {','.join(STREAM_FORMATS)} to -" in help_of("sharpen", "--format")


def offered(command: str, *words: str) -> list[str]:
    """What the shell offers for the last word."""
    before, option, incomplete = list(words[:-2]), words[-2], words[-1]
    context = COMMANDS[command].make_context(command, before, resilient_parsing=True)
    (asked,) = [each for each in context.command.params if option in each.opts or each.name == option]
    return [item.value for item in asked.shell_complete(context, incomplete)]


def test_presets_formats_settings_and_stems_are_offered():
    assert offered("sharpen", "--preset", "") == preset_names()
    assert offered("presets", "name", "sp") == ["speech"]
    assert offered("sharpen", "--format", "zarr,p") == ["zarr,parquet", "zarr,png", "zarr,pdf"]
    assert offered("sharpen", "-o", "-", "--format", "j") == ["jsonl"]
    assert "notes.mid" in offered("transcribe", "--format", "")
    assert offered("sharpen", "--preset", "speech", "--set", "bank.low") == [
        f"bank.low_hz={load_config('speech').bank.low_hz}"
    ]
    assert offered("sharpen", "--set", "pitch.") == []
    assert offered("sharpen", "--pitch", "--set", "pitch.high") == offered("view", "--set", "pitch.high") != []
    assert offered("transcribe", "--set", "pitch.vo") == [f"pitch.voices={load_config('music').pitch.voices}"]
    assert offered("sharpen", "--preset", "nope", "--set", "bank.") == []
    assert offered("separate", "--into", "tonal,tr") == ["tonal,transient"]
    assert offered("separate", "--voices", "2", "--solo", "") == ["voice1", "voice2", "residual"]
    assert offered("separate", "--sources", "none.npz", "--solo", "") == []
    assert offered("live", "--separate", "res") == ["residual"]
    assert offered("separate", "--clip", "c") == ["clamp"]
    assert offered("separate", "--subtype", "pcm2") == ["pcm24"]
    assert offered("sharpen", "--encoding", "s24") == ["s24le", "s24be"]
    assert offered("sharpen", "--device", "gpu") == ["gpu", "gpu:1"]


def test_settings_that_are_offered_are_taken():
    for setting in offered("transcribe", "--set", ""):
        key, _, value = setting.partition("=")
        assert load_config("music", {key: value}) == load_config("music"), setting


def test_devices_are_offered(portaudio):
    portaudio(("Mic: in", 1, 0), ("Speaker", 0, 2))
    assert offered("live", "--device", "") == offered("latency-test", "--device", "") == ["0"]
    assert offered("live", "--output-device", "") == ["1"]


def test_the_shell_gets_what_is_offered(folder):
    asking = {"_SHARPEAR_COMPLETE": "complete_bash", "COMP_WORDS": "sharpear sharpen --preset lo", "COMP_CWORD": "3"}
    words = [sys.executable, "-m", "sharpear"]
    done = subprocess.run(words, env={**os.environ, **asking}, capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.stderr) == (["low-latency"], "")


def test_what_is_printed_is_json_where_it_is_asked_for(sharpear, wav, folder, monkeypatch):
    parts = json.loads(sharpear("doctor", "--json").out)
    assert {"kernels", "view", "plot", "GPU"} <= {part["part"] for part in parts}
    assert all(set(part) == {"part", "good", "told"} for part in parts)
    assert json.loads(sharpear("recover", folder, "--json").out) == {"recovered": 0, "still_written": 0}
    learned = sharpear("learn", "tone", wav(), "--atoms", "2", "--epochs", "1", "--json")
    assert json.loads(learned.out) == {"name": "tone", "atoms": 2, "path": "tone.npz"}
    monkeypatch.setattr(
        probe, "measure_round_trip", lambda *_: probe.RoundTrip("Mic", 48000, 256, 6, (0.01, 0.012), None)
    )
    trip = json.loads(sharpear("latency-test", "--json").out)
    assert (trip["delays_s"], trip["claimed_s"]) == ([0.01, 0.012], None)


def test_a_batch_prints_its_report(sharpen, wav):
    done = sharpen(wav(), "missing.wav", "--format", "npz", "--json", "-q")
    report = json.loads(done.out)
    assert done.code == 1
    assert {each["input"]: each["status"] for each in report["files"]} == {"missing.wav": "failed", "tone.wav": "done"}
    refused = sharpen("-", "-o", "-", "--json")
    assert refused.code == 2
    assert "--json: is for files" in refused.err


NAMES = {
    "lines.csv": "`sharpear transcribe` writes notes so",
    "song.wav": "`sharpear separate` writes sound",
    "song.jsonl": "with -o - --format",
    "song.xyz": f"{', '.join(SINKS)}: if it is meant as a folder",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_another_kind_says_what_it_means(sharpen, wav, name):
    done = sharpen(wav(), "-o", name)
    assert done.code == 2
    assert one_line(done.err)
    assert f"-o {name}: .{name.split('.')[1]} is no format of spectrograms" in done.err
    assert NAMES[name] in done.err
    assert "make it first" in done.err


def test_no_input_is_explained(sharpear, portaudio, monkeypatch):
    portaudio(("Speaker", 0, 2))
    monkeypatch.setattr(audio_devices, "why_no_sound", lambda: "a container sees no sound card: start it so")
    done = sharpear("devices")
    assert done.code == 3
    assert one_line(done.err)
    assert "PortAudio V19.6 runs and sees none (a container sees no sound card: start it so): connect" in done.err


@pytest.mark.slow
def test_messages_stand_above_the_bars(folder, compiled):
    columns = 60
    pyte, pty = pytest.importorskip("pyte"), pytest.importorskip("pty")
    for name in ("a.wav", "b.wav"):
        soundfile.write(name, tone(0.5), 16000)
    Path("bad.wav").write_text("no sound")
    words = [sys.executable, "-m", "sharpear", "sharpen", "a.wav", "bad.wav", "b.wav", "--preset", str(SMALL)]
    ours, theirs = pty.openpty()
    sized = {**os.environ, "COLUMNS": str(columns), "LINES": "40", "TERM": "xterm"}
    running = subprocess.Popen([*words, "--format", "npz"], stderr=theirs, env=sized)
    os.close(theirs)
    screen = pyte.Screen(columns, 40)
    terminal, drawn = pyte.ByteStream(screen), 0
    while data := _read(ours):
        terminal.feed(data)
        for line in screen.display:
            assert "sharpear:" not in line or line.startswith("sharpear:"), line
            assert "━" not in line or line.startswith(("all ", "a.wav ", "b.wav ", "bad.wav ")), line
            drawn += "━" in line
    os.close(ours)
    assert running.wait() == 1
    assert drawn
    shown = "\n".join(line.rstrip() for line in screen.display)
    assert "━" not in shown
    assert shown.count("sharpear: a.wav: ") == shown.count("sharpear: b.wav: ") == 1
    (head,) = [line for line in screen.display if "status" in line]
    assert "reason" in head
    table = shown.partition("reason")[2]
    assert "is not" in table.partition("bad.wav")[2]


@pytest.mark.parametrize("columns", [60, 80])
def test_words_of_reasons_are_whole_in_a_narrow_terminal(columns, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(columns))
    reason = "is not audio that libsndfile reads, or is damaged (Format not recognised)"
    results = [Result(Job("broken.wav", ()), "failed", reason), Result(Job("a.wav", ()), "done", spent_s=1.0)]
    print_table(results, 0, 1.0)
    told = capsys.readouterr().err
    assert set(reason.split()) <= set(told.split())
    assert "replaced" not in told.partition("broken.wav")[0]
    assert max(map(len, told.splitlines())) <= columns


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:  # Linux says so where the other end is closed
        return b""


@pytest.mark.parametrize(("name", "value"), [("NUM_THREADS", "0"), ("NUM_THREADS", "many"), ("DISABLE_JIT", "1")])
def test_what_numba_is_told_by_the_surroundings_is_refused_in_one_line(sharpear, wav, monkeypatch, name, value):
    monkeypatch.setenv(f"NUMBA_{name}", value)
    done = sharpear("sharpen", wav())
    assert done.code == 2
    assert done.err.startswith(f"sharpear: NUMBA_{name}: ")
    assert one_line(done.err)
