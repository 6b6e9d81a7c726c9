"""Bytes that are nearly right: changes that know where the parts of a file are, and changes that do not."""

from collections.abc import Callable, Sequence
from random import Random

from .parts import Part, parts_of
from .seeds import with_ogg_sums

NUMBERS = (0, 1, 2, 3, 7, 8, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF,
           0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF)  # fmt: skip
"""Where arithmetic goes wrong."""

LARGEST = 1 << 18


class Changer:
    """Changes bytes; what it may mix in stands in `pool`."""

    def __init__(self, pool: Sequence[bytes]) -> None:
        self._pool = pool
        self._changes: tuple[Callable[[Random, bytearray], None], ...] = (
            flip_bits, write_noise, cut, lengthen, write_number, write_number, write_header_number, drop, repeat,
            zero, lie, lie, lie, drop_part, repeat_part, swap_parts, invent_part, self._splice, self._insert_part,
            tag, self._append,
        )  # fmt: skip

    def change(self, rng: Random, data: bytes) -> tuple[bytes, str]:
        """One to four changes, and their names."""
        held, told = bytearray(data), []
        for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
            change = rng.choice(self._changes)
            change(rng, held)
            told.append(change.__name__.strip("_"))
        del held[LARGEST:]
        if rng.random() < 0.5:  # else a wrong checksum hides the rest
            return with_ogg_sums(bytes(held)), " ".join(told)
        return bytes(held), " ".join(told)

    def _splice(self, rng: Random, held: bytearray) -> None:
        """The head of one file and the tail of another."""
        other = rng.choice(self._pool)
        held[rng.randint(0, len(held)) :] = other[rng.randint(0, len(other)) :]

    def _append(self, rng: Random, held: bytearray) -> None:
        """One file after another."""
        held += rng.choice(self._pool)

    def _insert_part(self, rng: Random, held: bytearray) -> None:
        """A part of another file, in between."""
        other = rng.choice(self._pool)
        part, at = _part(rng, other), _part(rng, held).start
        held[at:at] = other[part.start : part.stop]


def _part(rng: Random, held: bytes | bytearray) -> Part:
    found = parts_of(bytes(held[:65536]))
    return rng.choice(found) if found else Part(0, 0, 0, 1, False)


def _span(rng: Random, held: bytearray) -> tuple[int, int]:
    start = rng.randint(0, len(held))
    return start, min(len(held), start + rng.choice((1, 2, 4, 16, 64, 300)))


def flip_bits(rng: Random, held: bytearray) -> None:
    """Of up to twenty bytes."""
    for _ in range(rng.randint(1, 20) if held else 0):
        held[rng.randrange(len(held))] ^= 1 << rng.randrange(8)


def write_noise(rng: Random, held: bytearray) -> None:
    """Random bytes over a stretch."""
    start, stop = _span(rng, held)
    held[start:stop] = rng.randbytes(stop - start)


def zero(rng: Random, held: bytearray) -> None:
    """Zeros over a stretch."""
    start, stop = _span(rng, held)
    held[start:stop] = bytes(stop - start)


def cut(rng: Random, held: bytearray) -> None:
    """Nothing more from here on."""
    del held[rng.randint(0, len(held)) :]


def lengthen(rng: Random, held: bytearray) -> None:
    """Zeros or noise behind it."""
    count = rng.choice((1, 3, 100, 5000))
    held += rng.choice((bytes(count), rng.randbytes(count)))


def drop(rng: Random, held: bytearray) -> None:
    """A stretch is missing."""
    start, stop = _span(rng, held)
    del held[start:stop]


def repeat(rng: Random, held: bytearray) -> None:
    """A stretch stands twice or often."""
    start, stop = _span(rng, held)
    held[start:start] = bytes(held[start:stop]) * rng.choice((1, 2, 50))


def write_number(rng: Random, held: bytearray, within: int = LARGEST) -> None:
    """One of `NUMBERS`, anywhere."""
    width, order = rng.choice((1, 2, 4, 8)), rng.choice(("little", "big"))
    at = rng.randint(0, max(0, min(within, len(held)) - width))
    held[at : at + width] = (rng.choice(NUMBERS) % (1 << 8 * width)).to_bytes(width, order)


def write_header_number(rng: Random, held: bytearray) -> None:
    """One of `NUMBERS`, within the header."""
    write_number(rng, held, 64)


def lie(rng: Random, held: bytearray) -> None:
    """A part states another size."""
    part = _part(rng, held)
    width, order = part.size_bytes, "big" if part.big_endian else "little"
    size = int.from_bytes(held[part.size_at : part.size_at + width], order)
    lies = (0, 1, size + 1, size - 1, size * 2, size // 2, size + 2**31, rng.choice(NUMBERS))
    held[part.size_at : part.size_at + width] = (rng.choice(lies) % (1 << 8 * width)).to_bytes(width, order)


def drop_part(rng: Random, held: bytearray) -> None:
    """A part is missing."""
    part = _part(rng, held)
    del held[part.start : part.stop]


def repeat_part(rng: Random, held: bytearray) -> None:
    """A part stands several times."""
    part = _part(rng, held)
    held[part.stop : part.stop] = bytes(held[part.start : part.stop]) * rng.choice((1, 2, 40))


def swap_parts(rng: Random, held: bytearray) -> None:
    """Two parts change places."""
    one, other = sorted((_part(rng, held), _part(rng, held)), key=lambda part: part.start)
    if one.stop <= other.start:
        middle = bytes(held[one.stop : other.start])
        first, last = bytes(held[one.start : one.stop]), bytes(held[other.start : other.stop])
        held[one.start : other.stop] = last + middle + first


def invent_part(rng: Random, held: bytearray) -> None:
    """A part that nobody knows, whose size is true or not."""
    content = rng.randbytes(rng.choice((0, 1, 2, 33)))
    name = rng.choice((b"LIST", b"fact", b"data", b"fmt ", b"JUNK", b"SSND", b"COMM", b"abcd", b"\0\0\0\0"))
    size = rng.choice((len(content), *NUMBERS)) & 0xFFFFFFFF
    at = _part(rng, held).start
    held[at:at] = name + size.to_bytes(4, rng.choice(("little", "big"))) + content


def tag(rng: Random, held: bytearray) -> None:
    """An ID3 tag in front, whose size is true or not."""
    content = bytes(rng.choice((0, 10, 1000, 40000)))
    size = rng.choice((len(content), len(content), 0, 2**28 - 1, len(content) + 1))
    held[:0] = b"ID3\x04\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + content
