"""``make faults``, ``make kill``: all commands, or some of them, and what is wrong with each."""

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .failing import faults_of, played
from .killing import killed_at
from .scenes import PLAYS, prepare
from .theatre import Fault, Theatre

KILLED = ("batch", "separate", "record", "learn")


def main() -> int:
    """Run it; 1 where something is wrong."""
    words = argparse.ArgumentParser(prog="faults", description=__doc__)
    words.add_argument("what", choices=("fail", "kill"), help="what happens to the runs")
    words.add_argument("--only", default="", help=f"some of {','.join(PLAYS)}")
    words.add_argument("--every", action="store_true", help="every call fails once, not some of each kind")
    words.add_argument("--fault", default="", help="one alone, as it was printed: write:3:ENOSPC+")
    words.add_argument("--kills", type=int, default=50, help="of each command, at random moments")
    words.add_argument("--seed", type=int, default=None, help="of the moments; a new one if not given")
    said = words.parse_args()
    seed = int.from_bytes(os.urandom(4)) if said.seed is None else said.seed
    chosen = said.only.split(",") if said.only else list(PLAYS if said.what == "fail" else KILLED)
    if said.what == "kill":
        print(f"seed {seed}, {said.kills} moments and {said.kills} calls of each", flush=True)
    bad = 0
    with tempfile.TemporaryDirectory(prefix="faults.") as scratch, Theatre(Path(scratch)) as theatre:
        for name in chosen:
            scene = prepare(name, theatre, Path(scratch))
            if said.what == "kill":
                results: Iterator[tuple[str, list[str]]] = killed_at(scene, theatre, said.kills, random.Random(seed))
            else:
                chosen_faults = [Fault.read(said.fault)] if said.fault else faults_of(scene.clean.counts, said.every)
                results = ((str(fault), played(scene, theatre, fault)) for fault in chosen_faults)
            count = wrong = 0
            for told, complaints in results:
                count, wrong = count + 1, wrong + bool(complaints)
                for complaint in complaints:
                    print(f"  {name} {told}: {complaint}", flush=True)
            print(f"{name:12}{count:6} runs{wrong:6} wrong", flush=True)
            bad += wrong
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
