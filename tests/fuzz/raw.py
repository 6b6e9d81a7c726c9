"""Samples without a header, and what is said of them."""

from random import Random

from sharpear.audio import Selection
from sharpear.audio.raw import ENCODINGS
from sharpear.commands.options import InputOptions

from .case import Case, Place
from .decoders import by_stdin, consume
from .odd import integer, number

NEVER = "an encoding that is none"


class Raw:
    """Any bytes, any rate, any number of channels, any encoding."""

    def prepare(self) -> None:
        """There is nothing to prepare."""

    def make(self, rng: Random) -> Case:
        rate = rng.choice((8000, 16000, 44100, 192000)) if rng.random() < 0.8 else integer(rng)
        channels = rng.choice((None, 1, 2, 3, 64)) if rng.random() < 0.8 else integer(rng)
        encoding = rng.choice((*ENCODINGS, None)) if rng.random() < 0.9 else rng.choice((NEVER, "", "S16LE", "s16"))
        data = rng.randbytes(rng.choice((0, 1, 2, 3, 64, 1001, 4096, 70000)))
        start, duration = number(rng) if rng.random() < 0.3 else 0.0, number(rng) if rng.random() < 0.3 else None
        told = f"{len(data)} bytes, {rate=}, {channels=}, {encoding=}, {start=}, {duration=}"
        return Case(told, {"stdin": data}, (data, rate, channels, encoding, start, duration, rng.random() < 0.3))

    def run(self, case: Case, place: Place) -> None:
        data, rate, channels, encoding, start, duration, mono = case.data
        raw = InputOptions(raw=True, rate=rate, channels=channels, encoding=encoding).raw_format(from_stdin=True)
        error = consume(lambda: by_stdin(data, Selection(start, duration, mono), raw))
        if error:
            raise error
