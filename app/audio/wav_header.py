"""WAV headers whose length was never filled in: what writers to pipes, and killed recorders, leave."""

import struct

UNSTATED = 0xFFFFFFFF
LARGEST_STATED = 0x7FFF0000
"""The largest length that is taken at its word: beyond are placeholders such as 2³²−1, or a little less than 2³¹."""

LARGEST_HEADER = 1 << 20
OTHER_CHUNKS = (b"LIST", b"id3 ", b"ID3 ", b"bext", b"fact", b"cue ", b"smpl", b"PEAK", b"JUNK", b"PAD ", b"iXML")


def find_data(head: bytes) -> tuple[int, int] | None:
    r"""(offset of the samples, bytes that the header states), or None where `head` does not reach them.

    >>> find_data(b"RIFF\0\0\0\0WAVEfmt \4\0\0\0\1\0\1\0data\x08\0\0\0")
    (32, 8)
    """
    at = 12
    while at + 8 <= len(head):
        name, size = head[at : at + 4], struct.unpack_from("<I", head, at + 4)[0]
        at += 8
        if name == b"data":
            return at, size
        at += size + size % 2
    return None


def is_wav(head: bytes) -> bool:
    """Whether a file that begins so is a little-endian WAV."""
    return head[:4] == b"RIFF" and head[8:12] == b"WAVE"


WAV_BEGINNING = 13
"""Bytes after a WAV's samples that tell whether another follows: a byte that makes their number even, and 12 more."""


def begins_wav(following: bytes) -> int | None:
    r"""After how many bytes of padding another WAV begins in what follows a WAV's samples; None where none does.

    >>> begins_wav(b"\0RIFF\0\0\0\0WAVE"), begins_wav(b"LIST\4\0\0\0INFO")
    (1, None)
    """
    return next((gap for gap in (0, 1) if is_wav(following[gap : gap + 12])), None)


def that_another_follows(name: str, at: int | None = None) -> str:
    """The line that one WAV follows another, from byte `at` on."""
    place = "behind its end" if at is None else f"from byte {at} on"
    return f"{name}: holds another WAV {place}: join recordings with `sox a.wav b.wav both.wav`, not `cat`"


def is_placeholder(stated: int) -> bool:
    """Whether so many bytes are what writers to pipes put for a length: 2³²−1, 2³¹−1 or 0x7F000000, less something.

    >>> is_placeholder(0x7F000000 - 8), is_placeholder(64000)
    (True, False)
    """
    return stated >= LARGEST_STATED - LARGEST_HEADER or abs(stated - 0x7F000000) <= LARGEST_HEADER


def is_unstated(stated: int, following: bytes) -> bool:
    """Whether a stated length is a placeholder; following: the bytes after the header, where they are known."""
    return stated >= LARGEST_STATED or (stated == 0 and following[:4] not in (b"", *OTHER_CHUNKS))


def with_open_end(head: bytes, data_offset: int) -> bytes:
    """The header, stating 2³²−1 bytes of samples: a decoder then reads to the end."""
    open_end = struct.pack("<I", UNSTATED)
    return head[:4] + open_end + head[8 : data_offset - 4] + open_end + head[data_offset:]
