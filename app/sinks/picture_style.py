"""How a picture of frames looks: what a PNG, SVG or PDF is asked for."""

from dataclasses import dataclass
from typing import Literal, get_args

from sharpear.errors import UsageError

from .melody import Hear, Melody

Panels = Literal["both", "lines", "filterbank"]
BY_VOICE = "voices"
PALETTES = ("magma", "inferno", "viridis", "cividis", "ink", "grey", BY_VOICE)
"""As the page in the browser has them; ink is dark on light. By voice, the hue is the pitch class of a line's voice."""
SMALLEST_PX, LARGEST_PX = 200, 10_000
NARROWEST_DB, WIDEST_DB = 10.0, 120.0


@dataclass(frozen=True)
class PictureStyle:
    """Size, ranges, colours and panels of a picture.

    size_px: width and height.  span_hz: lowest and highest frequency shown; all that there are by default.
    range_db: dB below the largest that are shown.  colours: one of `PALETTES`.  panels: lines, filterbank, or both.
    title: the recording's name by default.  pitch: notes and curves to be drawn over the lines, such as a
    `Transcription`, or what hears them in the picture's own frames, such as `sharpear.pitch.HeardFrames`.

    Raises:
        UsageError: any of them cannot be.

    >>> PictureStyle(range_db=50, colours="ink", panels="lines").size_px
    (1320, 990)
    """

    size_px: tuple[int, int] = (1320, 990)
    span_hz: tuple[float, float] | None = None
    range_db: float = 60.0
    colours: str = "magma"
    panels: Panels = "both"
    title: str | None = None
    pitch: Melody | Hear | None = None

    def __post_init__(self) -> None:
        if not all(SMALLEST_PX <= side <= LARGEST_PX for side in self.size_px):
            told = f"{self.size_px[0]} × {self.size_px[1]}"
            raise UsageError(f"picture: expected {SMALLEST_PX} to {LARGEST_PX} pixels a side, received {told}")
        if self.span_hz and not 0 < self.span_hz[0] < self.span_hz[1]:
            raise UsageError(
                f"picture: expected Hz from low to high, received {self.span_hz[0]:g} to {self.span_hz[1]:g}"
            )
        if not NARROWEST_DB <= self.range_db <= WIDEST_DB:
            told = f"received {self.range_db:g}"
            raise UsageError(f"picture: expected a range of {NARROWEST_DB:g} to {WIDEST_DB:g} dB, {told}")
        for name, value, known in (("colours", self.colours, PALETTES), ("panels", self.panels, get_args(Panels))):
            if value not in known:
                raise UsageError(f"picture: expected {name} to be one of {', '.join(known)}, received {value!r}")

    def shown_hz(self, lowest_hz: float, highest_hz: float) -> tuple[float, float]:
        """What is shown of frequencies from `lowest_hz` to `highest_hz`.

        Raises:
            UsageError: nothing would be.
        """
        low, high = self.span_hz or (lowest_hz, highest_hz)
        shown = max(low, lowest_hz), min(high, highest_hz)
        if shown[0] >= shown[1]:
            told = f"there are {lowest_hz:.0f} to {highest_hz:.0f} Hz, received {low:g} to {high:g}"
            raise UsageError(f"picture: nothing to show ({told}): choose others")
        return shown
