"""What libsndfile passes over in silence: MPEG frames and Ogg pages out of order, a lost end, a second Ogg stream."""

FIRST_PAGE, LAST_PAGE = 2, 4
"""Bits of an Ogg page's head: it begins a stream, it ends one."""

KBPS = {
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Bit rates (kbit/s) that a frame's header can state, by whether it is MPEG 1, and by layer."""

RATES_HZ = (44100, 48000, 32000)


class DamageWatch:
    """Looks at an Ogg or MPEG stream as it passes, from its first page or frame.

    Damage within a frame, whose head is whole, is not seen.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._at = self._left = 0
        self._kind = b""
        self._lost: int | None = None
        self._lost_first: int | None = None
        self._last_page = True
        self._next_stream: int | None = None

    def look(self, data: bytes) -> None:
        """Look at the next bytes of the stream."""
        self._held += data
        while True:
            passed = min(self._left, len(self._held))
            del self._held[:passed]
            self._at, self._left = self._at + passed, self._left - passed
            self._kind = self._kind or bytes(self._held[:4])
            is_ogg = self._kind == b"OggS"
            if self._left or len(self._held) < (27 if is_ogg else 10):
                return
            size = _page_bytes(self._held) if is_ogg else _frame_bytes(self._held, self._kind)
            if size < 0:  # a page whose head has not come yet
                return
            self._note(size)
            if size and is_ogg:
                if self._at and self._last_page and self._held[5] & FIRST_PAGE and self._next_stream is None:
                    self._next_stream = self._at
                self._last_page = bool(self._held[5] & LAST_PAGE)
            following = self._held.find(self._kind[:1], 1)
            self._left = size or (following if following > 0 else len(self._held))

    def _note(self, size: int) -> None:
        if not size:
            self._lost = self._at if self._lost is None else self._lost
        elif self._lost is not None:
            self._lost_first = self._lost if self._lost_first is None else self._lost_first
            self._lost = None

    @property
    def damage(self) -> str | None:
        """At the end of the stream, what was wrong with it, or None."""
        if self._lost_first is not None:
            return f"is damaged at byte {self._lost_first} of its sound: what could be decoded is read"
        if self._next_stream is not None:
            return (
                f"holds another Ogg stream from byte {self._next_stream} on: the first is read: `ffmpeg -i` reads all"
            )
        if self._kind == b"OggS" and (self._left or self._held or not self._last_page):
            return "ends without the page that ends an Ogg stream: it was cut, and is read to there"
        return None


def is_mpeg(head: bytes) -> bool:
    """Whether an MPEG frame of layer I, II or III begins so: its sync word, and a layer."""
    return len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0 and head[1] & 6 != 0


def _page_bytes(head: bytearray) -> int:
    """The length of an Ogg page that begins here; 0 if none begins, −1 if more of it is needed to tell."""
    if not head.startswith(b"OggS"):
        return 0
    lacing = head[27 : 27 + head[26]]
    return 27 + len(lacing) + sum(lacing) if len(lacing) == head[26] else -1


def _frame_bytes(head: bytearray, first: bytes) -> int:
    r"""The length of a tag, or of an MPEG frame of the version, layer and rate of the first; 0 if neither begins here.

    >>> _frame_bytes(bytearray(b"\xff\xfb\x90\x00\x00\x00"), b"\xff\xfb\x90\x00\x00\x00")
    417
    """
    if head.startswith(b"TAG"):
        return 128
    if head.startswith(b"ID3"):
        return 10 + sum(byte << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
    if head[0] != 0xFF or (head[1] ^ first[1]) & 0xFE or (head[2] ^ first[2]) & 0x0C:
        return 0
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    speed, rate = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 4 or speed == 15 or rate == 3:
        return 0
    rate_hz = RATES_HZ[rate] >> (0, 1, 2)[(3, 2, 0).index(version)]
    bits_s, padding = KBPS[version == 3, layer][speed] * 1000, head[2] >> 1 & 1
    if layer == 1:
        return (12 * bits_s // rate_hz + padding) * 4
    return (72 if layer == 3 and version != 3 else 144) * bits_s // rate_hz + padding
