"""Reference pages drawn from the code: commands with their options, settings with their ranges, public names."""

from __future__ import annotations

import inspect
from typing import Any

import typer

import sharpear
import sharpear.dsp
import sharpear.dynamics
import sharpear.pitch
from sharpear import bridges
from sharpear.cli import app
from sharpear.config import Config, Section, load_config, preset_names
from sharpear.pitch import Note, Voices, note_files
from sharpear.sinks import SINKS, STREAM_FORMATS, StreamSink, arrow, stream

UNITS = {"hz": "Hz", "ms": "ms", "s": "s", "db": "dB", "cents": "cents"}
LIMITS = {"ge": "≥ {}", "gt": "> {}", "le": "≤ {}", "lt": "< {}", "pattern": "like `{}`"}


def pages() -> dict[str, str]:
    """File name -> page, of all of the reference."""
    return {"commands.md": commands(), "settings.md": settings(), "files.md": files(), **python()}


def commands() -> str:
    """Every command, its arguments and its options with their defaults."""
    lines = ["# Commands", "", "Drawn from the program itself. Exit codes: 0 all good, 1 some inputs failed, 2 usage,",
             "3 no audio device. `sharpear COMMAND --help` says the same in the terminal.", ""]  # fmt: skip
    root: Any = typer.main.get_command(app)
    for name, command in root.commands.items():
        words = [f"{p.name.upper()}{'...' if p.nargs != 1 else ''}" for p in command.params if _is_argument(p)]
        lines += [f"## {name}", "", command.help.strip(), "", "```text", f"sharpear {name} {' '.join(words)}".strip()]
        lines += ["```", "", "```text", *(line.strip() for line in command.epilog.splitlines()[2:]), "```"]
        lines += ["", "| option | default | meaning |", "|---|---|---|"]
        lines += [_option(each) for each in command.params] + [""]
    return "\n".join(lines)


def settings() -> str:
    """Every setting by its dotted name: meaning, unit, range, default, and where presets differ."""
    presets = {name: load_config(name) for name in preset_names()}
    lines = ["# Settings", "", "What `--set KEY=VALUE`, `overrides={…}` and a TOML file may hold, drawn from the code.",
             "`sharpear presets NAME` prints a preset as TOML with the same words.", "",
             "| preset | |", "|---|---|"]  # fmt: skip
    lines += [f"| `{name}` | {config.description} |" for name, config in presets.items()]
    for section, held in Config.model_fields.items():
        if not (isinstance(held.annotation, type) and issubclass(held.annotation, Section)):
            continue
        lines += ["", f"## {section}", "", (held.annotation.__doc__ or "").strip(), ""]
        lines += ["| key | meaning | unit | range | default | presets |", "|---|---|---|---|---|---|"]
        for key, field in held.annotation.model_fields.items():
            default = "" if field.is_required() else f"`{_shown(field.default)}`"
            values = {name: getattr(getattr(config, section), key) for name, config in presets.items()}
            given = {name: value for name, value in values.items() if field.is_required() or value != field.default}
            told = ", ".join(f"{name} `{_shown(value)}`" for name, value in given.items())
            row = [f"`{section}.{key}`", field.description or "", unit(key), _range(field), default, told]
            lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


def files() -> str:
    """What each format of files and streams holds, as its writer says."""
    told = "Drawn from the code that writes them. Times are seconds, frequencies Hz, amplitudes those of cosines."
    lines = ["# What files hold", "", told, "", "## Frames in files", ""]
    lines += [part for name, sink in SINKS.items() for part in (f"### .{name}", "", inspect.getdoc(sink) or "", "")]
    lines += ["## Frames in streams", "", f"`--format` of `-o -`: {', '.join(STREAM_FORMATS)}.", ""]
    for module in (stream, arrow):
        for sink in vars(module).values():
            if isinstance(sink, type) and issubclass(sink, StreamSink) and sink.__module__ == module.__name__:
                lines += [f"### {sink.__name__.removesuffix('Sink')}", "", inspect.getdoc(sink) or "", ""]
    lines += ["## Notes and voices", "", f"`--format` of `transcribe`: {', '.join(note_files.FORMATS)}.", ""]
    lines += [inspect.getdoc(Note) or "", "", inspect.getdoc(Voices) or ""]
    return "\n".join(lines) + "\n"


def python() -> dict[str, str]:
    """File name -> page: the names at the top, then those of the packages that stand on their own."""
    top = [name for name in sharpear.__all__ if name != "__version__"]
    first = ["sharpen", "separate", "transcribe", "load", "Sharpener", "Separator", "Transcriber"]
    ordered = first + [name for name in top if name not in first]
    pages = {"python.md": _module_page("sharpear", ordered, "Python")}
    pages["python-bridges.md"] = _module_page("sharpear.bridges", _own(bridges), "sharpear.bridges")
    for package in (sharpear.dsp, sharpear.dynamics, sharpear.pitch):
        short = package.__name__.rsplit(".", 1)[1]
        names = [name for name in package.__all__ if name not in top]
        pages[f"python-{short}.md"] = _module_page(package.__name__, names, package.__name__)
    return pages


def unit(key: str) -> str:
    """The unit that a setting's name carries.

    >>> unit("hop_ms"), unit("low_hz"), unit("channels")
    ('ms', 'Hz', '')
    """
    return UNITS.get(key.rsplit("_", 1)[-1], "")


def _own(module: Any) -> list[str]:
    """Public names that a module without `__all__` makes itself."""
    made = [n for n, v in vars(module).items() if getattr(v, "__module__", None) == module.__name__]
    return [name for name in made if not name.startswith("_")]


def _module_page(module: str, names: list[str], title: str) -> str:
    """Mkdocstrings draws each name from its docstring."""
    return f"# {title}\n\n" + "\n".join(f"::: {module}.{name}\n" for name in names)


def _is_argument(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "argument")


def _option(option: Any) -> str:
    if _is_argument(option):
        return f"| {option.name.upper()} | | {_cell(option.help)} |"
    names = " ".join(f"`{word}`" for word in [*option.opts, *option.secondary_opts])
    default = "" if option.default in (None, "", False, True) else f"`{option.default}`"
    return f"| {names} | {default} | {_cell(option.help)} |"


def _cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|")


def _range(field: Any) -> str:
    told = [
        form.format(f"{value:g}" if isinstance(value, int | float) else value)
        for rule in field.metadata
        for limit, form in LIMITS.items()
        if (value := getattr(rule, limit, None)) is not None
    ]
    choices = getattr(field.annotation, "__args__", ())
    if not told and choices and all(isinstance(each, str) for each in choices):
        return ", ".join(f"`{each}`" for each in choices)
    return ", ".join(told)


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_shown, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)
