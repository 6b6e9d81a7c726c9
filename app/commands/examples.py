"""What ``--help`` shows of each command at work."""

EXAMPLES: dict[str, tuple[str, ...]] = {
    "sharpen": (
        "sharpear sharpen song.flac  # → song.zarr",
        "sharpear sharpen song.flac -o song.png",
        "sharpear sharpen corpus -r -o out --skip-existing",
        "sharpear sharpen - < song.wav | jq .time",
        "sharpear sharpen song.flac --set voices.enabled=false",
    ),
    "live": (
        "sharpear live  # the default microphone",
        "sharpear live --device 2 --record take.wav",
        "sharpear live --replay song.flac --no-view",
        "sharpear live --learn cello.npz  # goes on each time",
    ),
    "view": ("sharpear view song.flac", "sharpear view mix.wav stems/mix/*.wav"),
    "separate": (
        "sharpear separate song.flac -o stems",
        "sharpear separate choir.flac --voices 4 -o voices",
        "sharpear separate song.flac --sources drums.npz",
    ),
    "learn": ("sharpear learn drums solo-drums.wav  # → drums.npz",),
    "transcribe": (
        "sharpear transcribe song.flac -o song.mid",
        "sharpear transcribe song.flac --format f0.csv",
    ),
    "recover": ("sharpear recover out -r",),
    "verify": ("sharpear verify out -r",),
    "presets": ("sharpear presets", "sharpear presets music > mine.toml"),
    "devices": ("sharpear devices", "sharpear devices --json"),
    "doctor": ("sharpear doctor", "sharpear doctor --prepare  # no run waits then"),
    "latency-test": ("sharpear latency-test --device 2",),
}
"""Command lines; as long as a terminal of 60 columns shows whole."""

HEAD = "\b\nExamples:\n"
"""The first line keeps what follows from being filled."""


def epilog(command: str) -> str:
    """The end of a command's help.

    >>> print(epilog("view").replace(chr(8), ""))
    <BLANKLINE>
    Examples:
      sharpear view song.flac
      sharpear view mix.wav stems/mix/*.wav
    """
    return HEAD + "\n".join(f"  {line}" for line in EXAMPLES[command])
