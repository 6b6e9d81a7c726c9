"""The process that all runs are forked from: everything is imported and compiled in it, so that a run takes as little
as it can. It reads requests, a line of JSON each, and answers with what became of each.
"""

import ctypes
import json
import mmap
import os
import signal
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

KINDS = ("open", "create", "read", "write", "fsync", "rename", "mkdir", "unlink", "any")
MANNERS = ("fail", "half", "kill")
LONGEST_S = 60.0
HUNG = "hung"


class Control(ctypes.Structure):
    """What this process and a run share; the same fields as in interpose.cpp."""

    _fields_ = (
        ("kind", ctypes.c_int64), ("manner", ctypes.c_int64), ("error", ctypes.c_int64), ("lasting", ctypes.c_int64),
        ("nth", ctypes.c_int64), ("fired", ctypes.c_int64), ("heard", ctypes.c_int64),
        ("heard_when_fired", ctypes.c_int64), ("counts", ctypes.c_int64 * len(KINDS)), ("folder", ctypes.c_char * 1024),
    )  # fmt: skip


MEMORY = mmap.mmap(-1, ctypes.sizeof(Control))
CONTROL = Control.from_buffer(MEMORY)


def count_what_is_heard() -> None:
    """Every sample that a live session hears is counted, so that what a recording has lost can be told."""
    from sharpear.live.ring import Ring  # noqa: PLC0415

    written = Ring.write

    def write(self: Ring, block: Any, *others: Any, **named: Any) -> None:
        written(self, block, *others, **named)
        CONTROL.heard += len(block)

    Ring.write = write  # type: ignore[method-assign]


def have_rings_in(folder: str) -> None:
    """Live sessions have their memory in `folder`, where what they leave is seen."""
    from sharpear.live import ring  # noqa: PLC0415

    ring.SHARED_MEMORY = folder


def command(words: list[str]) -> int:
    """The command line, and the code that it ends with."""
    from sharpear.__main__ import main  # noqa: PLC0415

    sys.argv = ["sharpear", *words]
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    except BaseException:
        traceback.print_exc()
        return 1


def run(request: dict[str, Any]) -> dict[str, Any]:
    """One run in a process group of its own; killed after `kill_s`, if that is given."""
    ctypes.memset(ctypes.addressof(CONTROL), 0, ctypes.sizeof(Control))
    fault = request.get("fault") or {"kind": "", "manner": "fail"}
    CONTROL.kind = KINDS.index(fault["kind"]) if fault["kind"] else -1
    CONTROL.manner = MANNERS.index(fault["manner"])
    CONTROL.nth, CONTROL.error, CONTROL.lasting = (int(fault.get(each, 0)) for each in ("nth", "error", "lasting"))
    CONTROL.folder = os.fsencode(request["folder"])
    started_s = time.monotonic()
    child = os.fork()
    if not child:
        os.setpgid(0, 0)
        os._exit(_in_child(request))
    with suppress(OSError):  # whoever comes first
        os.setpgid(child, child)
    code = _ended(child, started_s, request.get("kill_s"))
    return {
        "code": code,
        "said": Path(request["said"]).read_text(errors="replace"),
        "spent_s": time.monotonic() - started_s,
        "fired": CONTROL.fired,
        "counts": dict(zip(KINDS, CONTROL.counts, strict=True)),
        "heard": CONTROL.heard,
        "heard_when_fired": CONTROL.heard_when_fired,
    }


def _in_child(request: dict[str, Any]) -> int:
    try:
        said = os.open(request["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor, to in ((nothing, 0), (nothing, 1), (said, 2)):
            os.dup2(descriptor, to)
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 (what has run here wrote elsewhere)
        os.chdir(request["folder"])
        ctypes.CDLL(None).arm(ctypes.byref(CONTROL))
        code = command(request["words"])
        sys.stderr.flush()
        return code
    except BaseException:
        traceback.print_exc()
        return 99


def _ended(child: int, started_s: float, kill_s: float | None) -> int | str:
    while time.monotonic() - started_s < LONGEST_S:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if kill_s is not None and time.monotonic() - started_s >= kill_s:
            os.killpg(child, signal.SIGKILL)
            kill_s = None
        time.sleep(0.001)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return HUNG


def serve() -> None:
    """Answer requests until there are no more; one with "warm" runs here and stays in what is forked later."""
    count_what_is_heard()
    have_rings_in(sys.argv[1])
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        request = json.loads(line)
        if request.get("warm"):
            os.chdir(request["folder"])
            answer: dict[str, Any] = {"code": command(request["words"])}
            os.chdir("/")
        else:
            answer = run(request)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve()
