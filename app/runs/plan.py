"""Which outputs each input gets, and that none of them does harm."""

import os
import posixpath
import string
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sharpear.errors import UsageError
from sharpear.sinks import SINKS, STREAM_FORMATS
from sharpear.sinks.names import safe_name
from sharpear.system import name_key

from .inputs import Found
from .jobs import Job
from .places import exists, is_url, name_of, reached

TEMPLATE_FIELDS = ("parent", "track", "name", "stem", "ext")
FRAMES_TEMPLATE = "{track}.{ext}"

MEANT_BY = {
    **dict.fromkeys(("csv", "mid", "midi", "TextGrid", "jams", "svl", "txt"), "`sharpear transcribe` writes notes so"),
    **dict.fromkeys(("wav", "flac", "w64"), "`sharpear separate` writes sound"),
    **dict.fromkeys(STREAM_FORMATS, "a stream goes to stdout, with -o - --format"),
}
"""What else is made of recordings, by the suffix that names it, and how."""


@dataclass(frozen=True)
class Kind:
    """One of the outputs that every input gets. ext: its suffix.  stem: what was separated from the input."""

    ext: str
    stem: str | None = None


def plan_jobs(found: Sequence[Found], out: str | None, kinds: Sequence[Kind], template: str) -> list[Job]:
    """Name the outputs of every input, in the folder or below the URL `out`.

    `template` places each: {parent} is the folder of the input below what was named, or as it was named for a file;
    {track} is the input's name without its suffix, {name} with it; {stem} what was separated from it, or {track} where
    nothing is; {ext} the output's suffix. Without `out` places are relative to the current folder, and {parent} is the
    input's own folder.

    Raises:
        UsageError: an unknown field, or two outputs would be one.
    """
    _check_template(template, kinds)
    jobs = [Job(each.place, tuple(_place(each, out, template, kind) for kind in kinds)) for each in found]
    _check_apart(jobs, template)
    return jobs


def plan_frames(
    found: Sequence[Found], out: str | None, formats: Sequence[str], template: str = FRAMES_TEMPLATE
) -> list[Job]:
    """Name the spectrograms of every input.

    `out` names the file itself when its suffix is a format's, for one input and one format; else a folder.

    Raises:
        UsageError: an unknown format, or one that cannot be written here; as `plan_jobs`.
    """
    formats = known(formats, SINKS)
    suffix = name_of(out).rpartition(".")[2] if out and "." in name_of(out) else ""
    folder_exists = bool(out) and not is_url(out or "") and Path(out or "").is_dir()
    if out and ((suffix in SINKS and not folder_exists) or suffix == "zarr"):
        if formats and formats != [suffix]:
            raise UsageError(f"-o {out} has the format {suffix}, --format says {','.join(formats)}: give a folder")
        SINKS[suffix].check_installed(suffix)
        return [plan_named(found, [out], template)]
    if out and suffix and not folder_exists and not is_url(out):
        meant = f"{MEANT_BY[suffix]}; " if suffix in MEANT_BY else ""
        told = f"-o {out}: .{suffix} is no format of spectrograms, which are {', '.join(SINKS)}"
        raise UsageError(f"{told}: {meant}if it is meant as a folder, make it first")
    for each in formats:
        SINKS[each].check_installed(each)
    return plan_jobs(found, out, [Kind(each) for each in formats or ["zarr"]], template)


def plan_named(found: Sequence[Found], outputs: Sequence[str], template: str) -> Job:
    """The one input's job whose outputs are named themselves.

    Raises:
        UsageError: there are several inputs, or `template` would name the outputs otherwise.
    """
    if template != FRAMES_TEMPLATE:
        raise UsageError(f"--output-template: names files in a folder, and -o {outputs[0]} is a file: leave one out")
    if len(found) > 1:
        raise UsageError(f"-o {outputs[0]} names one file for {len(found)} inputs: give a folder")
    return Job(found[0].place, tuple(dict.fromkeys(outputs)))


def known(formats: Sequence[str], all_: Iterable[str]) -> list[str]:
    """The formats, each once, which are all among those there are.

    Raises:
        UsageError: one is not.
    """
    for name in formats:
        if name not in all_:
            raise UsageError(f"unknown format {name!r}: expected {', '.join(all_)}")
    return list(dict.fromkeys(formats))


def _check_template(template: str, kinds: Sequence[Kind]) -> None:
    option = f"--output-template {template!r}"
    try:
        fields = {field for _, field, _, _ in string.Formatter().parse(template) if field is not None}
        if fields <= set(TEMPLATE_FIELDS):
            template.format_map(dict.fromkeys(TEMPLATE_FIELDS, "x"))
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error
    if ".." in PurePosixPath(template).parts:
        raise UsageError(f"{option}: leads out of the folder of outputs: expected no .. in it")
    unknown = fields - set(TEMPLATE_FIELDS)
    if unknown:
        expected = ", ".join(f"{{{field}}}" for field in TEMPLATE_FIELDS)
        raise UsageError(f"{option}: unknown field {{{unknown.pop()}}}: expected {expected}")
    if len({kind.stem for kind in kinds}) > 1 and "stem" not in fields:
        raise UsageError(f"{option}: expected {{stem}} in it, which tells the stems of an input apart")
    stems_suffix = [f".{kind.ext}" for kind in kinds if kind.stem]
    if not template.endswith((".{ext}", *stems_suffix)):
        raise UsageError(f"{option}: expected it to end in .{{ext}}")


def _place(found: Found, out: str | None, template: str, kind: Kind) -> str:
    name = name_of(found.place)
    track = safe_name(Path(name).stem)
    stem = track if kind.stem is None else safe_name(kind.stem)
    parent = _parent(found, out is None)
    placed = template.format(parent=parent, track=track, name=safe_name(name), stem=stem, ext=kind.ext)
    if out is None:
        return placed
    if is_url(out):
        return out.rstrip("/") + "/" + posixpath.normpath(placed).lstrip("/")
    return str(Path(out) / placed.lstrip("/"))


def _parent(found: Found, beside: bool) -> str:
    if beside:
        return found.place.rpartition("/")[0] if is_url(found.place) else str(Path(found.place).parent)
    if found.below is not None or is_url(found.place):
        return "/".join(map(safe_name, (found.below or "").split("/"))) if found.below else "."
    parent = Path(found.place).parent
    return str(parent) if not parent.is_absolute() and ".." not in parent.parts else parent.name or "."


def _check_apart(jobs: Sequence[Job], template: str) -> None:
    owner: dict[str, str] = {}
    for job in jobs:
        for output in job.outputs:
            key = output if is_url(output) else name_key(output)
            if key in owner:
                remedy = _remedy(template, job.source, owner[key])
                raise UsageError(f"{owner[key]} and {job.source} would both write {output}: {remedy}")
            owner[key] = job.source


def _remedy(template: str, source: str, other: str) -> str:
    """What keeps two inputs' outputs apart: their suffixes where they lie in one folder, else their folders."""
    if source.rpartition("/")[0] == other.rpartition("/")[0]:
        kept, better = "suffixes", template.replace("{track}", "{name}")
    else:
        kept, better = "folders", template if "{parent}" in template else f"{{parent}}/{template}"
    if better == template:
        return "rename one, or give another --output-template"
    return f'rename one, or keep their {kept} with --output-template "{better}"'


def check_free(jobs: Sequence[Job], overwrite: bool, kept: Iterable[Path] = ()) -> None:
    """Refuse outputs that exist (unless `overwrite`), or that are an input or another file to be `kept`.

    Raises:
        UsageError: with the path and what to do.
    """
    there = [(job, output) for job in jobs for output in job.outputs if _is_there(output)]
    inputs = _inputs_and_holders(jobs, kept) if there else set()
    for job, output in there:
        if is_url(output):
            if output == job.source:
                raise UsageError(f"{output}: is the input itself: choose another place with -o")
        else:
            if (identity := _identity(Path(output))) and identity in inputs:
                raise UsageError(f"{output}: is or holds an input itself: choose another place with -o")
            _check_replaceable(Path(output))
        if not overwrite:
            raise UsageError(f"{output}: exists already: --overwrite replaces it, -o chooses another place")


def _is_there(output: str) -> bool:
    with reached(output) if is_url(output) else nullcontext():
        return exists(output)


def _inputs_and_holders(jobs: Sequence[Job], kept: Iterable[Path]) -> set[tuple[int, int] | None]:
    """Local inputs, other files to be kept, and all folders that hold one, as the file system knows them."""
    files = [*(Path(job.source) for job in jobs if not is_url(job.source)), *kept]
    folders = {Path(os.path.realpath(path)).parent for path in files}
    holders = {holder for folder in folders for holder in (folder, *folder.parents)}
    return {_identity(path) for path in (*files, *holders)}


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _check_replaceable(output: Path) -> None:
    if output.is_dir() and not (output.suffix == ".zarr" and (output / "zarr.json").is_file()):
        raise UsageError(f"{output}: is a folder that sharpear did not write: choose another place with -o")
