"""``make fuzz``: all targets, or some of them, for so many cases or so many minutes."""

import argparse
import os
import sys
import time
from pathlib import Path

from .conductor import BATCH, Conductor, table
from .targets import COUNTS, NAMES


def main() -> int:
    """Run it; 1 where something failed."""
    words = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    words.add_argument("--seed", type=int, default=None, help="of everything random; a new one if not given")
    words.add_argument("--minutes", type=float, default=float("inf"), help="begin nothing after so long")
    words.add_argument("--only", default="", help=f"some of {','.join(NAMES)}")
    words.add_argument("--count", type=int, default=None, help="cases of each; a full run's numbers if not given")
    words.add_argument("--jobs", type=int, default=1, help="processes at once")
    words.add_argument("--saved", type=Path, default=Path("fuzz-failures"), help="where failing inputs are kept")
    words.add_argument("--replay", default="", metavar="TARGET:SEED:NUMBER", help="one case again")
    said = words.parse_args()
    if said.replay:
        name, seed, number = said.replay.split(":")
        return report(Conductor(int(seed), said.saved, told=print), {name: 1}, int(number), whole=True)
    seed = int.from_bytes(os.urandom(4)) if said.seed is None else said.seed
    chosen = said.only.split(",") if said.only else list(NAMES)
    counts = {name: said.count or COUNTS[name] for name in chosen}
    print(f"seed {seed}: {', '.join(f'{n} {name}' for name, n in counts.items())}", flush=True)
    until_s = time.monotonic() + 60 * said.minutes
    return report(Conductor(seed, said.saved, said.jobs, until_s, lambda line: print(line, flush=True)), counts)


def report(conductor: Conductor, counts: dict[str, int], first: int = 0, whole: bool = False) -> int:
    """Run it and say what came of it."""
    tallies = conductor.run(counts, first, BATCH)
    failures = [failure for tally in tallies.values() for failure in tally.failures]
    if whole:
        for failure in failures:
            print(failure.made, failure.told, sep="\n")
    else:
        kinds: dict[str, list[str]] = {}
        for failure in failures:
            kinds.setdefault(failure.signature, []).append(failure.name)
        for signature, names in sorted(kinds.items(), key=lambda item: -len(item[1])):
            print(f"{len(names):6} {signature}    {' '.join(names[:3])}")
    print(table(tallies))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
