"""Where the parts of a container begin and end, and where their sizes stand."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """A chunk, box, page or block: bytes from start to stop. size_at: where its size stands, of size_bytes bytes."""

    start: int
    stop: int
    size_at: int
    size_bytes: int
    big_endian: bool


W64 = b"riff\x2e\x91\xcf\x11"
ASF = b"\x30\x26\xb2\x75"
BOXES = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"udta")
"""Of MP4, those that hold others."""


def parts_of(data: bytes) -> list[Part]:
    """All that are found; slices of what has no structure that is known here."""
    head = data[:4]
    if head in (b"RIFF", b"RF64", b"RIFX", b"FORM"):
        big = head in (b"RIFX", b"FORM")
        found = [Part(0, len(data), 4, 4, big), *_chain(data, 12, 4, 4, big, even=True)]
    elif data.startswith(W64):
        found = _chain(data, 40, 16, 8, big_endian=False, whole=True, align=8)
    elif head == b"caff":
        found = _chain(data, 8, 4, 8, big_endian=True)
    elif data.startswith(ASF):
        found = [Part(0, len(data), 16, 8, False), *_chain(data, 30, 16, 8, big_endian=False, whole=True)]
    elif data[4:8] == b"ftyp":
        found = _boxes(data, 0, len(data))
    elif head == b"fLaC":
        found = _chain(data, 4, 1, 3, big_endian=True)[:8]
    elif head == b"OggS":
        found = _pages(data)
    else:
        found = []
    step = max(1, len(data) // 8)
    return found or [Part(at, min(len(data), at + step), at, 4, False) for at in range(0, len(data), step)]


def _chain(
    data: bytes, at: int, name: int, size_bytes: int, big_endian: bool, *, even: bool = False, whole: bool = False,
    align: int = 1,
) -> list[Part]:  # fmt: skip
    """Parts one after another: a name, a size (of the whole, or of what follows), and so many bytes."""
    found = []
    while at + name + size_bytes <= len(data) and len(found) < 64:
        size = int.from_bytes(data[at + name : at + name + size_bytes], "big" if big_endian else "little")
        length = max(size if whole else name + size_bytes + size + (size % 2 if even else 0), name + size_bytes)
        stop = min(len(data), at + -(-length // align) * align)
        found.append(Part(at, stop, at + name, size_bytes, big_endian))
        at = stop
    return found


def _boxes(data: bytes, at: int, end: int) -> list[Part]:
    found: list[Part] = []
    while at + 8 <= end and len(found) < 64:
        stop = min(end, at + max(8, int.from_bytes(data[at : at + 4], "big")))
        found.append(Part(at, stop, at, 4, True))
        if data[at + 4 : at + 8] in BOXES:
            found += _boxes(data, at + 8, stop)
        at = stop
    return found


def _pages(data: bytes) -> list[Part]:
    starts = []
    at = data.find(b"OggS")
    while at >= 0:
        starts.append(at)
        at = data.find(b"OggS", at + 4)
    return [Part(a, b, a + 26, 1, False) for a, b in zip(starts, [*starts[1:], len(data)], strict=True)]
