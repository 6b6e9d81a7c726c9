"""What a batch says at its end: a table for people, JSON for programs."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, get_args

from sharpear.errors import printable
from sharpear.sharpening.results import counted
from sharpear.version import __version__

from .jobs import Result, Settings, Status

MOST_ROWS = 20


def speed(result: Result) -> float:
    """Seconds of audio per second spent."""
    return result.outcome.audio_s / result.spent_s if result.spent_s else 0.0


def summary(results: Sequence[Result], not_begun: int) -> dict[str, int]:
    """How many inputs are done, skipped, failed, interrupted, and not begun."""
    counts = Counter(result.status for result in results)
    return {status: counts[status] for status in get_args(Status)} | {"not_begun": not_begun}


def print_table(results: Sequence[Result], not_begun: int, elapsed_s: float) -> None:
    """A table on stderr: every input where they are few, else those that went wrong; below it the sums."""
    from rich.console import Console  # noqa: PLC0415  # one input, which has no table, does not wait for it
    from rich.table import Table  # noqa: PLC0415

    shown = results if len(results) <= MOST_ROWS else [each for each in results if each.status != "done"]
    failed = any(each.message and each.status != "skipped" for each in shown)
    replaced = sum(result.outcome.replaced_samples for result in results)
    table = Table("input", "status", "audio\n(s)", "× real\ntime", box=None, pad_edge=False)
    if replaced:
        table.add_column("replaced")
    if failed:
        table.add_column("reason", overflow="fold")
    for result in shown[:MOST_ROWS]:
        table.add_row(
            printable(result.job.source), result.status, f"{result.outcome.audio_s:.1f}", f"{speed(result):.1f}",
            *([str(result.outcome.replaced_samples)] if replaced else []), *([_reason(result)] if failed else []),
        )  # fmt: skip
    if len(shown) > MOST_ROWS:
        table.add_row(f"… {len(shown) - MOST_ROWS} more")
    audio_s = sum(result.outcome.audio_s for result in results)
    counts = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in summary(results, not_begun).items() if n)
    console = Console(stderr=True, markup=False, highlight=False)
    console.print(table)
    console.print(
        f"{counted(len(results), 'input')}: {counts}; {audio_s:.1f} s of audio, {audio_s / elapsed_s:.1f} × real time, "
        f"{counted(replaced, 'sample')} replaced"
    )


def _reason(result: Result) -> str:
    """Why it was not done, without the name, which stands in its row."""
    return "" if result.status == "skipped" else printable(result.message.removeprefix(f"{result.job.source}: "))


def as_json(results: Sequence[Result], settings: Settings, not_begun: Sequence[str], elapsed_s: float) -> str:
    """Everything, for programs."""
    report: dict[str, Any] = {
        "sharpear": __version__,
        "config_hash": settings.task.digest,
        **settings.task.settings,
        "elapsed_s": elapsed_s,
        **summary(results, len(not_begun)),
        "files": [
            {
                "input": result.job.source,
                "outputs": list(result.job.outputs),
                "status": result.status,
                "message": result.message,
                "audio_s": result.outcome.audio_s,
                "spent_s": result.spent_s,
                "speed": speed(result),
                "replaced_samples": result.outcome.replaced_samples,
            }
            for result in results
        ]
        + [{"input": source, "status": "not begun"} for source in not_begun],
    }
    return json.dumps(report, indent=1)
