"""All frames of a recording: drawn, tabulated, heard again and kept."""

import base64
import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sharpear.audio.blocks import as_count, as_rate
from sharpear.errors import UsageError
from sharpear.sharpening.frames import Frames
from sharpear.sinks import SINKS, FileSinks, PictureStyle, SinkInfo
from sharpear.sinks.line_table import line_rows
from sharpear.sinks.melody import Melody
from sharpear.sinks.music import tuning_of
from sharpear.sinks.picture_style import BY_VOICE
from sharpear.version import __version__

from .resynthesis import resynthesised
from .stft import stft_magnitudes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False, repr=False)
class Spectrogram(Frames):
    """All frames of a recording, or a slice of them, with their axes.

    frequencies: (atoms,) Hz, the grid.
    channel_frequencies: (channels,) Hz, centres of the filterbank.
    latency_s: time by which a frame follows its sound when streaming, s; already subtracted from `times`.
    attributes: how it was made: sample_rate, hop, config and, from a file, what else the file says of itself.

    >>> from sharpear import sharpen
    >>> spec = sharpen(0.5 * np.cos(2 * np.pi * 440 / 16000 * np.arange(8000)), 16000, "low-latency")
    >>> middle = spec[spec.times > 0.25][0]
    >>> float(middle.instantaneous_frequency[middle.amplitude.argmax()].round())
    440.0
    """

    FIXED: ClassVar[frozenset[str]] = frozenset({"frequencies", "channel_frequencies", "latency_s", "attributes"})

    frequencies: NDArray[np.float64]
    channel_frequencies: NDArray[np.float64]
    latency_s: float
    attributes: Mapping[str, Any] = field(default_factory=dict, kw_only=True)

    def lines(self, floor_db: float | None = None) -> Any:
        """A row for each line of each frame: time_s, channel, frequency_hz, amplitude, level_db.

        And fundamental_hz, of the line's voice, 0 of none, and phase_rad, where they are known.

        floor_db: dB of full scale below which lines are left out; all by default. The table is a DataFrame where
        pandas is installed, else a structured array with the same names.

        >>> from sharpear import sharpen
        >>> spec = sharpen(0.5 * np.cos(2 * np.pi * 440 / 16000 * np.arange(8000)), 16000, "low-latency")
        >>> table = spec.lines(floor_db=-12)
        >>> round(float(np.median(table["frequency_hz"])))
        440
        """
        rows = line_rows(self._as_many(), floor_db)
        try:
            import pandas as pd  # noqa: PLC0415
        except ImportError:
            return rows
        return pd.DataFrame({name: rows[name] for name in rows.dtype.names or ()})

    def to_audio(self, sample_rate: float | None = None) -> NDArray[np.float32]:
        """Sound made of the lines alone, (samples,) or (samples, streams), from the first frame to the last.

        Oscillators keep frequencies and levels, not phases, so the sound resembles the recording and its difference
        from it means nothing.  sample_rate: Hz; the recording's by default.

        Raises:
            UsageError: no sample rate is known, or it is out of range.
        """
        rate = as_rate(self.attributes.get("sample_rate") if sample_rate is None else sample_rate)
        many = self._as_many()
        if not len(many):
            return np.zeros((0, *self.amplitude.shape[1:-1]), np.float32)
        parts = zip(np.moveaxis(many.amplitude, 1, 0), np.moveaxis(many.instantaneous_frequency, 1, 0), strict=True)
        sound = np.stack([resynthesised(many.times, amplitude, hz, rate) for amplitude, hz in parts], axis=1)
        return sound if self._has_streams else sound[:, 0]

    def to_stft(self, n_fft: int = 2048, hop: int = 512) -> NDArray[np.float32]:
        """The lines as magnitudes of a short-time Fourier transform, (1 + n_fft/2, columns), for tools that take one.

        Axes and scale are those of ``abs(librosa.stft(audio, n_fft=n_fft, hop_length=hop))``: row k stands at
        k·sample_rate/n_fft Hz, column m at m·hop/sample_rate s after the first frame (there may be one column more),
        and a cosine of amplitude A reads A·n_fft/4. But nothing is smeared by a window: a cell holds the lines whose
        frequency is nearest to its row, the mean of their power over the frames nearest to its column. Phases it has
        none: where they are wanted, take the transform of `to_audio`. Streams come first: (streams, 1 + n_fft/2,
        columns).

        n_fft: samples of the window that it stands for.  hop: samples from column to column.

        Raises:
            UsageError: `n_fft` or `hop` is below 1, or the sample rate is not known.

        >>> from sharpear import sharpen
        >>> spec = sharpen(0.5 * np.cos(2 * np.pi * 500 / 16000 * np.arange(8000)), 16000, "low-latency")
        >>> magnitudes = spec.to_stft(1024, 256)
        >>> magnitudes.shape, int(magnitudes[:, 20].argmax()) * 16000 / 1024
        ((513, 32), 500.0)
        """
        n_fft, hop = as_count(n_fft, "sample of n_fft"), as_count(hop, "sample of hop")
        rate, many = as_rate(self.attributes.get("sample_rate")), self._as_many()
        if not len(many):
            return np.zeros((*self.amplitude.shape[1:-1], 1 + n_fft // 2, 0), np.float32)
        lines = zip(np.moveaxis(many.amplitude, 1, 0), np.moveaxis(many.instantaneous_frequency, 1, 0), strict=True)
        stft = np.stack([stft_magnitudes(many.times, amplitude, hz, rate, n_fft, hop) for amplitude, hz in lines])
        return stft if self._has_streams else stft[0]

    def to_xarray(self) -> Any:
        """An xarray Dataset with named dimensions: time, channel (where there are streams), frequency, band.

        Raises:
            UsageError: xarray is not installed.
        """
        try:
            import xarray as xr  # noqa: PLC0415
        except ImportError as error:
            raise UsageError("to_xarray() needs xarray: pip install 'sharpear[data]'") from error
        time = ["time"] if np.ndim(self.times) else []
        leading = [*time, *(["channel"] if self._has_streams else [])]
        data = {
            "amplitude": ([*leading, "frequency"], self.amplitude, {"units": "1"}),
            "instantaneous_frequency": ([*leading, "frequency"], self.instantaneous_frequency, {"units": "Hz"}),
            "plain_amplitude": ([*leading, "band"], self.plain_amplitude, {"units": "1"}),
        }
        if self.fundamental is not None:
            data["fundamental"] = ([*leading, "frequency"], self.fundamental, {"units": "Hz"})
        coordinates = {
            "time": (time, self.times, {"units": "s"}),
            "frequency": (["frequency"], self.frequencies, {"units": "Hz"}),
            "band": (["band"], self.channel_frequencies, {"units": "Hz"}),
        }
        return xr.Dataset(data, coordinates, dict(self.attributes))

    def plot(
        self,
        ax: "Axes | None" = None,
        *,
        range_db: float = 60.0,
        colours: Any = "magma",
        span_hz: tuple[float, float] | None = None,
        pitch: Melody | None = None,
    ) -> "Axes":
        """Draw the lines as strokes on a logarithmic axis of Hz, and return the axes; streams are added up.

        ax: Matplotlib axes, new ones by default.  range_db: dB below the largest that are shown.  colours: a palette
        of `PictureStyle`, or a colour map of Matplotlib or its name.  span_hz: the lowest and highest frequency shown.
        pitch: notes and curves to be drawn over the lines, a `Transcription`.

        Raises:
            UsageError: matplotlib is not installed, there are no frames, or none of these frequencies.
            InputError: `attributes` name a tuning that there is not.
        """
        try:
            import matplotlib.pyplot as plt  # noqa: PLC0415

            from sharpear.sinks.figure import show_canvas, show_melody  # noqa: PLC0415
        except ImportError as error:
            raise UsageError("plot() needs matplotlib: pip install 'sharpear[plot]'") from error
        if not (np.ndim(self.times) and len(self)):
            raise UsageError(f"plot() needs several frames, received {self!r}")
        from sharpear.sinks.canvas import Canvas  # noqa: PLC0415 (compiles)

        shown_hz = PictureStyle(span_hz=span_hz, range_db=range_db).shown_hz(*self._span_hz)
        axes = plt.subplots(figsize=(10, 5), layout="constrained")[1] if ax is None else ax
        box = axes.get_window_extent()
        width, height = (max(2, round(side)) for side in (box.width, box.height))
        bands_hz, tuning = self.channel_frequencies, tuning_of(self.attributes)
        canvas = Canvas(bands_hz, shown_hz, 2 * width, height, colours == BY_VOICE, tuning=tuning)
        canvas.add(self._as_many(), last=True)
        show_canvas(
            axes, canvas.drawn()[0], (self.times[0], self.times[-1]), shown_hz, range_db, colours, canvas.voices
        )
        if pitch:
            show_melody(axes, pitch, colours)
        return axes

    def save(self, path: str | Path, style: PictureStyle | None = None) -> Path:
        """Write it in the format that its name ends in, of `sharpear.sinks.SINKS`, in the place of what had that name.

        `load` reads an .npz or .zarr back. A .zarr is rounded, unless it was sharpened with ``output.rounding`` false.
        style: how a picture looks.

        Raises:
            UsageError: the name ends in none of these.
            InputError: it cannot be written.
        """
        place = Path(path)
        if place.suffix.removeprefix(".") not in SINKS:
            raise UsageError(f"expected a name that ends in .{', .'.join(SINKS)}, received {str(path)!r}")
        many = self._as_many()
        told = {"source": "", "sharpear": __version__, "latency_s": self.latency_s, **self.attributes}
        info = SinkInfo(
            self.frequencies, self.channel_frequencies, many.amplitude.shape[1], told, style or PictureStyle()
        )
        with FileSinks([place], info) as files:
            files.write(many)
            files.publish(complete=bool(self.attributes.get("complete", True)))
        return place

    def _repr_html_(self) -> str:
        """The picture, where there is matplotlib, and what `repr` says."""
        told = html.escape(repr(self))
        try:
            from matplotlib.figure import Figure  # noqa: PLC0415
        except ImportError:
            return f"<pre>{told}</pre>"
        if not (np.ndim(self.times) and len(self)):
            return f"<pre>{told}</pre>"
        figure = Figure(figsize=(9, 4), layout="constrained")
        self.plot(figure.add_subplot())
        png = BytesIO()
        figure.savefig(png, dpi=100, format="png")
        picture = base64.b64encode(png.getvalue()).decode()
        return f'<img alt="{told}" src="data:image/png;base64,{picture}"><pre>{told}</pre>'

    @property
    def _has_streams(self) -> bool:
        return np.ndim(self.amplitude) > np.ndim(self.times) + 1

    @property
    def _span_hz(self) -> tuple[float, float]:
        return float(self.frequencies[0]), float(self.frequencies[-1])

    def _as_many(self) -> "Spectrogram":
        """The same with the axes of frames and of streams."""
        framed = self if np.ndim(self.times) else self._with({n: p[None] for n, p in self._by_frame().items()})
        return framed if framed._has_streams else framed.with_stream()

    def _summary(self) -> list[str]:
        return [*super()._summary(), f"{self.frequencies[0]:.0f} to {self.frequencies[-1]:.0f} Hz"]
