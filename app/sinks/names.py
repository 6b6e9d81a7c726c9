"""Names that come from data, made fit to stand in a path."""

import unicodedata
import zlib

LARGEST_BYTES = 240
"""The most bytes of a name in UTF-8: file systems take 255, and a suffix follows."""

RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
"""Names that are devices on Windows, whatever suffix follows."""


def safe_name(name: str) -> str:
    r"""A name that is one part of a path, cannot leave its folder and can be written anywhere.

    Separators and control characters become underscores, as does a leading dot; bytes that are no text become
    their hexadecimal digits. What is too long is cut, and ends in a checksum of the whole, so that it stays different
    from others. A name that is safe already is returned as it is.

    >>> safe_name("snare top"), safe_name("../../escaped"), safe_name("a\0b"), safe_name("caf\udce9"), safe_name("")
    ('snare top', '___.__escaped', 'a_b', 'caf~e9', '_')
    """
    text = "".join(map(_safe, name)).replace("..", "._")
    if text.startswith("."):
        text = "_" + text[1:]
    if text.split(".")[0].strip().lower() in RESERVED:
        text = "_" + text
    encoded = text.encode()
    if len(encoded) > LARGEST_BYTES:
        mark = f"~{zlib.crc32(encoded):08x}"
        text = encoded[: LARGEST_BYTES - len(mark)].decode(errors="ignore") + mark
    return text or "_"


def _safe(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cs":
        return f"~{ord(character) & 0xFF:02x}"
    return "_" if character in "/\\" or category in ("Cc", "Zl", "Zp") else character
