"""Texts that are read: presets in TOML, and the report that a new one would replace."""

from random import Random
from typing import Any

from sharpear.config import load_config, preset_names, to_toml

from .case import Case, Place
from .mutations import Changer
from .odd import TEXTS, changed, json_bytes, value
from .words import Words, typed

REPORT = {"sharpear": "0.1.0", "config": {}, "elapsed_s": 1.0, "done": 1, "files": [{"input": "a.wav", "outputs": []}]}


class Texts:
    """Nearly good TOML and JSON."""

    def prepare(self) -> None:
        self._presets = [to_toml(load_config(name)).encode() for name in preset_names()]
        self._changer = Changer(self._presets)
        words = Words()
        words.prepare()
        self._files = words._files

    def make(self, rng: Random) -> Case:
        if rng.random() < 0.35:
            tree = changed(rng, REPORT)
            content = json_bytes(rng, tree)
            words = ["sharpen", "a.wav", "--preset", "small.toml", "--report", "r.json", "-q", "-o", "x.npz"]
            return Case(f"a report: {content[:200]!r}", {**self._files, "r.json": content}, words)
        if rng.random() < 0.5:
            content, told = self._changer.change(rng, rng.choice(self._presets))
        else:
            content, told = self._lines(rng)
        return Case(f"a preset: {told}", {"p.toml": content}, ["presets", "p.toml"])

    def _lines(self, rng: Random) -> tuple[bytes, str]:
        lines = rng.choice(self._presets).decode().splitlines()
        told = []
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(lines))
            line = lines[at]
            odd: Any = value(rng)
            lines[at] = rng.choice(
                (
                    "", line + line, line.partition("=")[0] + f"= {odd}", f"[{rng.choice(TEXTS)}]",
                    f"{rng.choice(TEXTS)} = 1",
                    "[bank]", "[[bank]]", "bank = 1", "x = " + "[" * rng.choice((5, 900, 100000)),
                    "n = " + "9" * 6000, "bank.low_hz = 1979-05-27", 'x = "' + "\\uD800" + '"', line + "\r",
                )
            )  # fmt: skip
            told.append(lines[at][:60])
        return "\n".join(lines).encode("utf-8", "surrogatepass"), repr(told)

    def run(self, case: Case, place: Place) -> None:
        if case.data[0] == "presets":
            load_config("p.toml")
        typed(case.data, place)
