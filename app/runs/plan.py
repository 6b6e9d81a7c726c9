"""Which outputs each input gets, and that none of them does harm."""

import os
import posixpath
import string
from collections.abc import Sequence
from pathlib import Path

from sharpear.errors import UsageError
from sharpear.sinks import SINKS
from sharpear.sinks.names import safe_name

from .inputs import Found
from .jobs import Job
from .places import exists, is_url, name_of

DEFAULT_TEMPLATE = "{stem}.{ext}"
TEMPLATE_FIELDS = ("parent", "stem", "name", "ext")


def plan_jobs(
    found: Sequence[Found], out: str | None, formats: Sequence[str], template: str = DEFAULT_TEMPLATE
) -> list[Job]:
    """Name the outputs of every input.

    `out` names the file itself when there is one input and one format and its suffix is that format's; else a folder.
    In it, `template` places each: {parent} is the folder of the input below what was named, or as it was named for
    a file; {stem}, {name} (with suffix) and {ext} (of the format) are the rest. Without `out` places are relative
    to the current folder, and {parent} is the input's own folder.

    Raises:
        UsageError: an unknown format or field, or two inputs would write the same output.
    """
    formats = list(dict.fromkeys(formats))
    suffix = name_of(out).rpartition(".")[2] if out and "." in name_of(out) else ""
    folder_exists = bool(out) and not is_url(out or "") and Path(out or "").is_dir()
    if out and ((suffix in SINKS and not folder_exists) or suffix == "zarr"):
        if len(found) > 1:
            raise UsageError(f"-o {out} names one file for {len(found)} inputs: give a folder")
        if formats and formats != [suffix]:
            raise UsageError(f"-o {out} has the format {suffix}, --format says {','.join(formats)}: give a folder")
        return [Job(found[0].place, (out,))]
    if out and suffix and not folder_exists and not is_url(out):
        raise UsageError(f"-o {out} has no format of {', '.join(SINKS)}: if it is meant as a folder, make it first")
    chosen = formats or ["zarr"]
    for name in chosen:
        if name not in SINKS:
            raise UsageError(f"unknown format {name!r}: expected {', '.join(SINKS)}")
    _check_template(template, chosen)
    jobs = [Job(each.place, tuple(_place(each, out, template, ext) for ext in chosen)) for each in found]
    _check_apart(jobs)
    return jobs


def _check_template(template: str, formats: Sequence[str]) -> None:
    try:
        fields = {field for _, field, _, _ in string.Formatter().parse(template) if field is not None}
    except ValueError as error:
        raise UsageError(f"--output-template {template!r}: {error}") from error
    unknown = fields - set(TEMPLATE_FIELDS)
    if unknown:
        known = ", ".join(f"{{{field}}}" for field in TEMPLATE_FIELDS)
        raise UsageError(f"--output-template: unknown field {{{unknown.pop()}}}: expected {known}")
    if not template.endswith(".{ext}"):
        raise UsageError(f"--output-template: expected it to end in .{{ext}}, received {template!r}")


def _place(found: Found, out: str | None, template: str, ext: str) -> str:
    name = name_of(found.place)
    stem = safe_name(Path(name).stem)
    parent = _parent(found, out is None)
    placed = template.format(parent=parent, stem=stem, name=safe_name(name), ext=ext)
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


def _check_apart(jobs: Sequence[Job]) -> None:
    owner: dict[str, str] = {}
    for job in jobs:
        for output in job.outputs:
            key = output if is_url(output) else os.path.normpath(output)
            if key in owner:
                raise UsageError(
                    f"{owner[key]} and {job.source} would both write {output}: rename one, or keep their folders "
                    'with --output-template "{parent}/{stem}.{ext}"'
                )
            owner[key] = job.source


def check_free(job: Job, overwrite: bool) -> None:
    """Refuse outputs that exist (unless `overwrite`) or that are the input itself.

    Raises:
        UsageError: with the path and what to do.
    """
    for output in job.outputs:
        if not exists(output):
            continue
        if not is_url(output):
            _check_harmless(Path(job.source), Path(output))
        elif output == job.source:
            raise UsageError(f"{output}: is the input itself: choose another place with -o")
        if not overwrite:
            raise UsageError(f"{output}: exists already: --overwrite replaces it, -o chooses another place")


def _check_harmless(path: Path, output: Path) -> None:
    if path.exists() and output.exists() and (output.samefile(path) or output.resolve() in path.resolve().parents):
        raise UsageError(f"{output}: is or holds the input itself: choose another place with -o")
    if output.is_dir() and not (output.suffix == ".zarr" and (output / "zarr.json").is_file()):
        raise UsageError(f"{output}: is a folder that sharpear did not write: choose another place with -o")
