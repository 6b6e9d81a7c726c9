"""Where runs are played: the process that they are forked from, and what became of each."""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).parent
COMPILER = shutil.which("g++")


@dataclass(frozen=True)
class Fault:
    """The n-th call of a kind does not do what it should.

    kind: open, create (open what may not be there yet), read, write, fsync, rename, mkdir, unlink, or any.
    manner: "fail", "half" (of the bytes are taken or given), "kill" (the process dies before the call).
    error: what a failing call says.  lasting: every call of this kind from there on fails, as on a full disk.
    """

    kind: str
    nth: int
    manner: str = "fail"
    error: int = 0
    lasting: bool = False

    def __str__(self) -> str:
        told = errno.errorcode[self.error] if self.manner == "fail" else self.manner
        return f"{self.kind}:{self.nth}:{told}{'+' if self.lasting else ''}"

    @classmethod
    def read(cls, told: str) -> Self:
        """What `str` wrote."""
        kind, nth, how = told.split(":")
        lasting, how = how.endswith("+"), how.removesuffix("+")
        if how in ("half", "kill"):
            return cls(kind, int(nth), how)
        return cls(kind, int(nth), error=getattr(errno, how), lasting=lasting)


@dataclass(frozen=True)
class Ran:
    """What became of a run.

    code: it ended with; negative for the signal that killed it, "hung" where it did not end.  said: its stderr.
    fired: how often the fault struck.  counts: calls on files of its folder, by kind.
    heard, heard_when_fired: samples that a live session had heard, at its end and when the fault first struck.
    """

    code: int | str
    said: str
    spent_s: float
    fired: int
    counts: dict[str, int]
    heard: int
    heard_when_fired: int


class Theatre:
    """Run commands with faults, in processes forked from one in which everything is compiled.

    Args:
        scratch: a folder for what belongs to no run.
    """

    def __init__(self, scratch: Path) -> None:
        self.scratch, self.memory = scratch, scratch / "memory"
        self.memory.mkdir()
        library = scratch / "interpose.so"
        assert COMPILER, "g++ is missing"
        subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", "-o", library, HERE / "interpose.cpp", "-ldl"], check=True)
        environment = {**os.environ, "LD_PRELOAD": str(library), "PYTHONPATH": str(HERE.parent), "MPLBACKEND": "agg"}
        self._stage = subprocess.Popen(
            [sys.executable, "-m", "faults.stage", self.memory], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=(scratch / "stage.log").open("w"), env=environment, text=True,
        )  # fmt: skip

    def _ask(self, **request: Any) -> dict[str, Any]:
        assert self._stage.stdin
        assert self._stage.stdout
        self._stage.stdin.write(json.dumps(request) + "\n")
        self._stage.stdin.flush()
        answer = self._stage.stdout.readline()
        if not answer:
            raise RuntimeError(f"the stage has ended: {(self.scratch / 'stage.log').read_text()}")
        return dict(json.loads(answer))

    def warm(self, words: Sequence[str], folder: Path) -> None:
        """Run in the stage itself, so that what is compiled and imported is there for all runs to come."""
        code = self._ask(warm=True, words=list(words), folder=str(folder))["code"]
        if code != 0:
            raise RuntimeError(f"{' '.join(words)}: {code}: {(self.scratch / 'stage.log').read_text()}")

    def run(self, words: Sequence[str], folder: Path, fault: Fault | None = None, kill_s: float | None = None) -> Ran:
        """Run in `folder`; kill_s: when to kill it."""
        said = self.scratch / "said"
        answer = self._ask(
            words=list(words), folder=str(folder), said=str(said), kill_s=kill_s, fault=fault and asdict(fault)
        )
        return Ran(**{field.name: answer[field.name] for field in fields(Ran)})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._stage.stdin
        assert self._stage.stdout
        self._stage.stdin.close()
        self._stage.wait(60)
        self._stage.stdout.close()
