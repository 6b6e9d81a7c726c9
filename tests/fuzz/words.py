"""Words on the command line, in process: an exit code that is documented, and lines that a person can use."""

import io
import os
import sys
from pathlib import Path
from random import Random

import numpy as np
import soundfile

from sharpear.audio.raw import ENCODINGS
from sharpear.cli import main
from sharpear.errors import InputError, UsageError

from .case import Case, Place, WrongError
from .odd import TEXTS, integer, number
from .settings import KEYS, setting

SMALL = (Path(__file__).parents[1] / "data" / "small.toml").read_bytes()
PATHS = ("a.wav", "b.flac", "bad.wav", "missing.wav", "folder", ".", "-", "out", "out.zarr", "out.npz", "out.png",
         "/dev/null", "*.wav", "a.wav/x", "small.toml", "folder/c.wav", "x.jsonl", "notes.csv", "notes.mid",
         "f0.csv")  # fmt: skip

RUN = ("--start", "--duration", "--quiet", "--overwrite", "-o", "--raw", "--rate", "--channels", "--encoding", "-r",
       "--output-template", "-j", "--skip-existing", "--fail-fast", "--report", "--device")  # fmt: skip
COMMANDS = {
    "sharpen": (*RUN, "--preset", "--set", "--mono", "--format", "--header", "--flush-ms", "--exact"),
    "separate": (
        *RUN, "--into", "--sources", "--voices", "--remove", "--solo", "--subtype", "--clip", "--mono", "--raw-out",
    ),
    "learn": ("-o", "--atoms", "--epochs", "--seed", "--start", "--duration", "--quiet", "--overwrite"),
    "transcribe": (*RUN, "--preset", "--set", "--format"),
    "presets": (),
    "verify": (),
}  # fmt: skip
"""Those that neither wait for a device nor for another machine."""

FLAGS = {"--quiet", "--overwrite", "--raw", "--mono", "-r", "--exact", "--skip-existing", "--fail-fast", "--raw-out"}
VALUES = {
    "--format": ("zarr", "npz", "png", "zarr,npz", "jsonl", "f32", "npy", "arrow", "notes.csv", "f0.csv,notes.mid", "x",
                 ","),
    "--device": ("cpu", "auto", "gpu", "gpu:9", "cpu:1", "x"),
    "--encoding": (*ENCODINGS, "x"), "--subtype": ("float32", "pcm16", "pcm24", "x"),
    "--clip": ("none", "clamp", "rescale", "x"), "--into": ("tonal", "residual,tonal", "voice1", ","),
    "--solo": ("tonal", "residual", "voice1", "noise"), "--remove": ("drums", "noise", "x"),
    "--voices": ("1", "2", "0", "99", "auto"),
    "--sources": ("d.npz", "bad.wav", "a.wav"),
    "--preset": ("music", "small.toml", "speech", "bad.wav", "missing.toml"), "-j": ("1", "2", "0", "-1"),
    "--output-template": ("{stem}.{ext}", "{parent}/{name}.{ext}", "{x}.{ext}", "{stem", "{stem!r}.{ext}",
                          "{stem:>99}.{ext}", "../{stem}.{ext}", "{0}.{ext}", "{stem.a}.{ext}", "{stem[0]}.{ext}",
                          "{track}/{stem}.{ext}", "{x}", "{", "{stem!x}.{ext}", "{stem:d}.{ext}", "{track[0]}.{ext}"),
    "--atoms": ("1", "8", "0"), "--epochs": ("1", "0"), "--rate": ("8000", "44100"), "--channels": ("1", "2"),
    "--start": ("0", "0.01"), "--duration": ("0.05",), "--header": ("json", "h.json"), "--report": ("r.json", "a.wav"),
}  # fmt: skip
"""What makes sense, or nearly."""


class Words:
    """Commands and options with values that make sense, and some that do not."""

    def prepare(self) -> None:
        wave = 0.3 * np.cos(2 * np.pi * 440 / 8000 * np.arange(800))
        files = {}
        for name, form in (("a.wav", "WAV"), ("b.flac", "FLAC"), ("folder/c.wav", "WAV")):
            held = io.BytesIO()
            soundfile.write(held, wave, 8000, "PCM_16", format=form)
            files[name] = held.getvalue()
        self._files = {**files, "bad.wav": b"RIFF\0\0\0\0WAVEbad", "small.toml": SMALL}

    def make(self, rng: Random) -> Case:
        command = rng.choice((*COMMANDS, "sharpen", "sharpen", "sharpen", "separate"))
        small = ["--preset", "small.toml"] if "--preset" in COMMANDS[command] and rng.random() < 0.9 else []
        words = [command, *small]
        for _ in range(rng.choice((0, 1, 1, 2, 2, 3, 5)) if COMMANDS[command] else 0):
            option = rng.choice(COMMANDS[command])
            words += [option] if option in FLAGS else [option, self._value(rng, option)]
        words += [self._path(rng) for _ in range(rng.choice((0, 1, 1, 1, 1, 2)))]
        if rng.random() < 0.1:
            words.insert(rng.randrange(len(words) + 1), rng.choice((*TEXTS, "--", "--bogus", "-x", "--help")))
        words = [word.replace("\0", "") for word in words]  # no system passes one on
        stdin = rng.choice((self._files["a.wav"], b"", rng.randbytes(600)))
        return Case(f"sharpear {' '.join(map(repr, words))}", {**self._files, ".stdin": stdin}, words)

    def _value(self, rng: Random, option: str) -> str:
        if option == "--set":
            section, key, field = rng.choice(KEYS)
            return f"{section}.{key}={setting(rng, field)}" if rng.random() < 0.9 else rng.choice(TEXTS)
        known = VALUES.get(option, PATHS)
        odd = rng.random()
        return (
            rng.choice(known)
            if odd < 0.75
            else str(rng.choice((integer, number))(rng))
            if odd < 0.9
            else rng.choice(TEXTS)
        )

    def _path(self, rng: Random) -> str:
        odd = rng.choice(TEXTS)
        return (
            rng.choice(PATHS) if rng.random() < 0.9 or odd == "/" else odd
        )  # with -r, all of the machine takes its time

    def run(self, case: Case, place: Place) -> None:
        typed(case.data, place)


def typed(words: list[str], place: Place) -> None:
    """Run the command line with `words`; stdin is the file .stdin.

    Raises:
        UsageError, InputError: it ended with another code than 0.
        WrongError: with one that is not documented, without a word, or with lines of others.
    """
    stdin = os.open(place.folder / ".stdin" if (place.folder / ".stdin").exists() else os.devnull, os.O_RDONLY)
    os.dup2(stdin, 0)
    os.close(stdin)
    sys.argv = ["sharpear", *words]
    try:
        main()
    except SystemExit as ended:
        code = ended.code or 0
    sys.stdout.flush()
    sys.stderr.flush()
    lines = place.err.read_text(errors="replace").splitlines()
    if code not in (0, 1, 2, 3):
        raise WrongError(f"ended with the code {code}")
    if code == 0:
        return
    said = [line for line in lines if line.startswith("sharpear: ")]
    if not said:
        raise WrongError(f"ended with the code {code} and says no line that begins with its name: {lines}")
    if code == UsageError.exit_code and len(lines) > 1:
        raise WrongError(f"a usage error of {len(lines)} lines: {lines}")
    raise (UsageError if code == UsageError.exit_code else InputError)(said[-1])
