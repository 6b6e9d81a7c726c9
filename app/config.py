"""Configuration: TOML presets, validated, every field overridable by its dotted name."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from .errors import UsageError, expected_and_received

SHORTEST_MS, LONGEST_MS = 0.001, 600_000.0
"""The shortest and the longest time constant: below, nothing is left from one sample to the next; above, a step between
frames of 0.125 ms is so small that single precision loses it."""

SMALLEST_SCALE, LARGEST_SCALE = 1e-6, 1e6
"""The smallest and largest scale that evidence is measured by: squares of it, and quotients by it, stay within single
precision."""

TimeConstantMs = Annotated[float, Field(ge=SHORTEST_MS, le=LONGEST_MS)]
Scale = Annotated[float, Field(ge=SMALLEST_SCALE, le=LARGEST_SCALE)]

Temperament = Literal["equal", "meantone", "pythagorean", "just"]
TEMPERAMENTS: tuple[Temperament, ...] = get_args(Temperament)
LOWEST_A4_HZ, HIGHEST_A4_HZ = 380.0, 480.0
"""From French opera's low pitch, 392 Hz, to the choir pitch of old organs, 466 Hz, and a little beyond."""

DECAYS = 1.0, 50.0
"""The fewest and the most time constants in a finite window: with fewer, rounding in single precision spoils the 80 dB
by which what lies before the window is cut off; with more, the filter has decayed long before the window ends."""


class Section(BaseModel):
    """A validated, immutable group of settings; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    """How Pydantic checks it."""


class BankConfig(Section):
    """The filterbank: which channels, how wide."""

    low_hz: float = Field(ge=1, le=96_000, description="lowest centre, Hz")
    high_hz: float = Field(
        ge=1, le=1e6, description="highest centre, Hz; channels above 0.46 of the sample rate are left out"
    )
    channels: int = Field(ge=2, le=4096, description="centres from low_hz to high_hz")
    scale: Literal["log", "erb", "linear"] = Field("log", description="scale on which the centres are even")
    bandwidth: float = Field(ge=1e-6, le=1e6, description="equivalent rectangular bandwidth, in bandwidth_unit")
    bandwidth_unit: Literal["erb", "q", "hz", "window"] = Field(
        "erb", description="ERBs of the ear, centre/bandwidth, Hz, or decays of the filter per window"
    )
    min_bandwidth_hz: float = Field(
        0.0, ge=0, le=96_000, description="no channel narrower than this: bounds the latency"
    )
    order: int = Field(4, ge=1, le=5, description="one-pole stages per channel")

    @model_validator(mode="after")
    def _rising(self) -> "BankConfig":
        if self.low_hz >= self.high_hz:
            raise ValueError(f"expected low_hz below high_hz, received {self.low_hz:g} and {self.high_hz:g}")
        return self


class FramesConfig(Section):
    """How often there is a frame, and how far channels are aligned."""

    hop_ms: float = Field(
        2.9, ge=0.125, le=100, description="time between frames, ms; rounded to whole samples (0.125: one at 8 kHz)"
    )
    align_limit_ms: float = Field(
        200.0, ge=0, le=10000, description="fast channels wait for slow ones, at most this long, ms; 0 aligns nothing"
    )


class WindowConfig(Section):
    """Length of the finite windows: ``long_ms (f/knee_hz)^-slope``, between the two lengths."""

    long_ms: float = Field(65.0, ge=0.1, le=1000, description="longest window, ms")
    short_ms: float = Field(45.0, ge=0.1, le=1000, description="shortest window, ms")
    knee_hz: float = Field(300.0, ge=1, le=1e6, description="windows shorten above here, Hz")
    slope: float = Field(0.3, ge=0, le=2, description="how fast they shorten")

    @model_validator(mode="after")
    def _ordered(self) -> "WindowConfig":
        if self.short_ms > self.long_ms:
            raise ValueError(f"expected short_ms up to long_ms, received {self.short_ms:g} and {self.long_ms:g}")
        return self


class LinesConfig(Section):
    """Evidence of pairs: two tones in one peak of the longest window (mode beliefs)."""

    spacing_ms: float = Field(5.8, gt=0, le=100, description="time between the three values that are compared")
    neighbors: int = Field(1, ge=0, le=50, description="channels on either side whose moments are pooled")
    memory_ms: TimeConstantMs = Field(32.0, description="time constant of the moments")
    residual: Scale = Field(0.01, description="residual of the two-line prediction that halves its trust")
    drift: Scale = Field(0.06, description="drift, relative to the lines' distance, that halves the trust")
    drift_ms: float = Field(35.0, gt=0, le=1000, description="time over which drift is measured")
    change: Scale = Field(
        0.15, description="growth or widening of the pair, relative to its distance, that halves trust"
    )


class BeliefsConfig(Section):
    """Which windows' lines are believed (mode beliefs)."""

    weights: str = Field(
        "music", pattern="^[a-z-]+$", description="what was learned, for which windows and which latency"
    )


class VoicesConfig(Section):
    """Voices, which tell partials apart where no window does (mode beliefs)."""

    enabled: bool = Field(False, description="whether voices are looked for")
    weights: str = Field("music", pattern="^[a-z-]+$", description="what was learned of when to believe them")


class AtomsConfig(Section):
    """The grid of the sharpened spectrogram, over the same range as the bank."""

    count: int = Field(ge=2, le=8192, description="atoms from low_hz to high_hz, even on the bank's scale")


class NetworkConfig(Section):
    """The pair LcAdam ⇄ WtaConv."""

    mode: Literal["beliefs", "complex"] = Field(
        "complex", description="what drives the network: windows' lines, or the complex subbands"
    )
    whitening: Scale = Field(0.01, description="noise floor of the whitened receptive fields, of the largest")
    readout: Literal["lcadam", "wtaconv"] = Field("lcadam", description="the layer that says which atoms are active")
    threshold: float = Field(0.02, ge=0, lt=1, description="activation threshold, of the level")
    level_cents: float = Field(
        0.0, ge=0, le=12_000, description="the level is taken this far around an atom; 0: over all"
    )
    memory_ms: TimeConstantMs = Field(60.0, description="time constant of the memory, phase-turned in mode complex")
    level_ms: TimeConstantMs = Field(200.0, description="time constant of the level's fall")
    iterations: int = Field(3, ge=1, le=100, description="steps a frame")
    eta: float = Field(0.3, ge=SMALLEST_SCALE, le=10, description="LcAdam: step, of the level")
    epsilon: Scale = Field(1.0, description="LcAdam: error below which steps shrink, of the level")
    beta1: float = Field(0.65, ge=0.01, le=0.999, description="LcAdam: memory of the error's mean")
    beta2: float = Field(0.75, ge=0.01, le=0.999, description="LcAdam: memory of the error's square")
    window_cents: float = Field(15.0, ge=0, le=1200, description="WtaConv: neighbours up to here compete")
    wta_ms: TimeConstantMs = Field(5.0, description="WtaConv: time constant")
    wta_excitation: float = Field(
        1.2, ge=SMALLEST_SCALE, le=1.7, description="WtaConv: α; below 1, rivals of equal strength stay"
    )
    flow: tuple[tuple[float, float], tuple[float, float]] = Field(
        ((0.0, 0.1), (0.1, -0.1)), description="gains between the two layers"
    )


class PitchConfig(Section):
    """The pitch layer above the partials: harmonic receptive fields that share the partials by feedback."""

    low_hz: float = Field(27.5, ge=1, le=20_000, description="lowest fundamental, Hz")
    high_hz: float = Field(4200.0, ge=1, le=20_000, description="highest fundamental, Hz")
    per_octave: int = Field(60, ge=12, le=240, description="units of the layer per octave")
    harmonics: int = Field(12, ge=1, le=40, description="teeth of a receptive field")
    rolloff: float = Field(0.7, ge=0, le=4, description="a tooth weighs harmonic^-rolloff")
    tolerance_cents: float = Field(24.0, ge=1, le=100, description="width of a tooth")
    compression: float = Field(0.6, ge=0.1, le=1, description="partials count by their amplitude to this power")
    floor: float = Field(
        0.01, ge=SMALLEST_SCALE, lt=1, description="partials weaker than this share of the level are ignored"
    )
    level_s: float = Field(
        3.5, ge=SHORTEST_MS / 1e3, le=LONGEST_MS / 1e3, description="time constant of the level's fall, s"
    )
    step_ms: float = Field(11.6, gt=0, le=100, description="time between steps of the layer, ms")
    iterations: int = Field(8, ge=1, le=100, description="iterations a step")
    rate: float = Field(1.0, ge=SMALLEST_SCALE, le=1, description="exponent of an iteration's correction")
    epsilon: Scale = Field(0.05, description="expectation below which nothing is shared, of the level")
    feedback: float = Field(1.0, ge=0, le=1, description="how far pitches know of each other's partials; 0: not at all")
    median_steps: int = Field(5, ge=1, le=31, description="a pitch's activity is the median over so many steps")
    onset: float = Field(
        0.06, ge=SMALLEST_SCALE, lt=1, description="activity that starts a voice, of the strongest pitch's"
    )
    offset: float = Field(0.8, ge=SMALLEST_SCALE, le=1, description="activity that ends a voice, of what starts one")
    hidden: float = Field(
        0.2, ge=SMALLEST_SCALE, le=1, description="the same, alone, of a pitch whose partials others explain; 1: none"
    )
    believed: float = Field(0.22, ge=0, le=1, description="a voice is told that is believed in by more: a probability")
    glide_cents: float = Field(70.0, gt=0, le=600, description="a voice moves no farther in one step")
    voices: int = Field(8, ge=1, le=32, description="voices at once, at most; 1: sought alone in recordings")

    @model_validator(mode="after")
    def _rising(self) -> "PitchConfig":
        if self.low_hz >= self.high_hz:
            raise ValueError(f"expected low_hz below high_hz, received {self.low_hz:g} and {self.high_hz:g}")
        return self


class TuningConfig(Section):
    """What notes are named by; frames do not depend on it."""

    a4_hz: float = Field(440.0, ge=LOWEST_A4_HZ, le=HIGHEST_A4_HZ, description="reference pitch: A4, Hz")
    temperament: Temperament = Field(
        "equal", description="equal; on the same A: quarter-comma meantone, pythagorean, or just on C"
    )


class OutputConfig(Section):
    """How frames are kept in files."""

    rounding: bool = Field(
        True, description="whether a Zarr rounds: lines by 0.01 dB and 0.02 cents at most, plain levels by 0.1 dB"
    )


class Config(Section):
    """Everything that decides what comes out.

    Its sections are `bank`, `window`, `frames`, `lines`, `beliefs`, `voices`, `atoms`, `network`, `pitch`, `tuning`
    and `output`; `description` says in a line what it is for.
    ``sharpear presets music`` shows each setting with its meaning.

    >>> config = load_config("low-latency")
    >>> config.frames.hop_ms, config.network.mode
    (2.9, 'beliefs')
    >>> config.digest == load_config("low-latency", {"description": "mine"}).digest
    True
    """

    description: str = ""
    bank: BankConfig
    window: WindowConfig = WindowConfig()
    frames: FramesConfig = FramesConfig()
    lines: LinesConfig = LinesConfig()
    beliefs: BeliefsConfig = BeliefsConfig()
    voices: VoicesConfig = VoicesConfig()
    atoms: AtomsConfig
    network: NetworkConfig = NetworkConfig()
    pitch: PitchConfig = PitchConfig()
    tuning: TuningConfig = TuningConfig()
    output: OutputConfig = OutputConfig()

    @model_validator(mode="after")
    def _fits(self) -> "Config":
        windowed = self.bank.bandwidth_unit == "window"
        if windowed and self.network.mode == "complex":
            raise ValueError(
                f'network.mode "{self.network.mode}" works on the plain bank: expected bank.bandwidth_unit erb, q or '
                'hz, received "window"'
            )
        if windowed and self.bank.order != 5:
            raise ValueError(f"finite windows need bank.order = 5, received {self.bank.order}")
        fewest, most = DECAYS
        if windowed and not fewest <= self.bank.bandwidth <= most:
            raise ValueError(
                f"bank.bandwidth: expected {fewest:g} to {most:g} decays a window, received {self.bank.bandwidth:g}"
            )
        return self

    @property
    def digest(self) -> str:
        """A fingerprint of all settings but description, names of notes and files: the same for the same frames."""
        settings = self.model_dump_json(exclude={"description", "tuning", "output"})
        return hashlib.sha256(settings.encode()).hexdigest()[:16]


def configured(preset: "str | Config", overrides: Mapping[str, Any] | None = None) -> Config:
    """A configuration as it is, or a preset by name with `overrides`, as `load_config` reads it.

    Raises:
        UsageError: overrides of a configuration; as `load_config`.
    """
    if not isinstance(preset, Config):
        return load_config(preset, overrides)
    if overrides:
        raise UsageError("expected overrides with a preset's name, received them with a Config")
    return preset


def preset_names() -> list[str]:
    """Names of the presets that come with the package."""
    folder = resources.files("sharpear.configs")
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_config(preset: str | Path, overrides: Mapping[str, Any] | None = None) -> Config:
    """A preset by name, or a TOML file by path, with `overrides` such as ``{"bank.low_hz": 80}``.

    Override values that are strings are read as TOML where they can be ("80", "true", "[1, 2]").

    Raises:
        UsageError: an unknown preset, a file that is not TOML, an unknown key, or a value out of range.

    >>> load_config("music", {"bank.low_hz": "80"}).bank.low_hz
    80.0
    """
    settings = _read(str(preset))
    for key, value in (overrides or {}).items():
        _set(settings, key, _toml_value(value) if isinstance(value, str) else value)
    try:
        return Config.model_validate(settings)
    except ValidationError as error:
        raise UsageError(f"preset {preset}: {_first_complaint(error)}") from error


def to_toml(config: Config) -> str:
    """All settings, each with its meaning, as TOML that `load_config` reads back."""
    lines = [f"description = {toml_text(config.description)}"]
    for name, section in config:
        if not isinstance(section, Section):
            continue
        lines += ["", f"[{name}]"]
        for key, field in type(section).model_fields.items():
            lines.append(f"{key} = {toml_text(getattr(section, key))}  # {field.description}")
    return "\n".join(lines) + "\n"


def _read(preset: str) -> dict[str, Any]:
    if preset in preset_names():
        return tomllib.loads(resources.files("sharpear.configs").joinpath(f"{preset}.toml").read_text(encoding="utf-8"))
    if not preset.endswith(".toml"):
        raise UsageError(f"unknown preset {preset!r}: expected {', '.join(preset_names())} or a .toml file")
    try:
        return tomllib.loads(Path(preset).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"preset {preset}: cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"preset {preset}: is not TOML ({error})") from error


def _set(settings: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        settings = settings.setdefault(parent, {})
        if not isinstance(settings, dict):
            raise UsageError(f"unknown setting {key!r}: {parent} holds no settings; see `sharpear presets music`")
    settings[last] = value


def _toml_value(text: str) -> Any:
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return parsed["value"] if len(parsed) == 1 else text


def toml_text(value: object) -> str:
    """A setting's value as TOML.

    >>> toml_text(("a", True)), toml_text(0.5)
    ('["a", true]', '0.5')
    """
    if isinstance(value, tuple):
        return "[" + ", ".join(map(toml_text, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _first_complaint(error: ValidationError) -> str:
    # An unknown key comes first: what is missing beside it may be what it was meant for.
    complaint = min(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
    key = ".".join(map(str, complaint["loc"]))
    if complaint["type"] == "extra_forbidden":
        return f"unknown setting {key!r}: `sharpear presets music` lists them all"
    if complaint["type"] == "missing":
        return f"{key} is missing: `sharpear presets music` shows what is expected"
    if complaint["type"] == "model_type":
        return f"{key}: expected settings such as those under [{key}] in `sharpear presets music`"
    told = expected_and_received(complaint)
    if complaint["type"] == "value_error":
        told = complaint["msg"].removeprefix("Value error, ")
    return f"{key}: {told}" if key else told
