"""The commands that are run, what lies in their folder before, and what lies there after an undisturbed run."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soundfile
from conftest import SMALL

from .theatre import Ran, Theatre

RATE = 16000
PRESET = ("--preset", str(SMALL))
AGAIN = ("-q", "--overwrite")


@dataclass(frozen=True)
class Play:
    """A command line, and what it is about.

    inputs: sounds that it reads, with their length, s.  outputs: what it makes, each a file or a folder.
    loose: outputs that differ from run to run.  audio: outputs that are sound, which may be recovered.
    recording: the output that holds what was heard, sample for sample.
    """

    words: tuple[str, ...]
    inputs: Mapping[str, float]
    outputs: tuple[str, ...]
    loose: tuple[str, ...] = ()
    audio: tuple[str, ...] = ()
    recording: str = ""


TAKE = ("live", "--replay", "in.wav", "--record", "take.wav", "--no-view", *PRESET, *AGAIN)
FLAC = ("live", "--replay", "in.wav", "--record", "take.flac", "--no-view", *PRESET, *AGAIN)
STEMS = ("stems/tonal.wav", "stems/transient.wav", "stems/residual.wav")
SEPARATE = ("separate", "in.wav", "-o", "stems", "--output-template", "{stem}.{ext}", *AGAIN)

PLAYS = {
    "zarr": Play(("sharpen", "in.wav", "-o", "out", *PRESET, *AGAIN), {"in.wav": 0.3}, ("out/in.zarr",)),
    "npz": Play(("sharpen", "in.wav", "--format", "npz", *PRESET, *AGAIN), {"in.wav": 0.3}, ("in.npz",)),
    "formats": Play(
        ("sharpen", "in.wav", "--format", "zarr,npz,png", "--report", "r.json", *PRESET, *AGAIN),
        {"in.wav": 0.3},
        ("in.zarr", "in.npz", "in.png", "r.json"),
        loose=("r.json",),
    ),
    "batch": Play(
        ("sharpen", "in", "-o", "out", "--format", "zarr,npz", "--jobs", "2", *PRESET, *AGAIN),
        {"in/a.wav": 0.3, "in/b.wav": 0.2, "in/c.wav": 0.3},
        tuple(f"out/{name}.{suffix}" for name in "abc" for suffix in ("zarr", "npz")),
    ),
    "separate": Play(SEPARATE, {"in.wav": 0.5}, STEMS, audio=STEMS),
    "pcm16": Play((*SEPARATE, "--subtype", "pcm16", "--clip", "rescale"), {"in.wav": 0.5}, STEMS, audio=STEMS),
    "learn": Play(("learn", "piano", "in.wav", "--atoms", "8", *AGAIN), {"in.wav": 0.6}, ("piano.npz",)),
    "transcribe": Play(
        ("transcribe", "in.wav", "-o", "n.csv", "-o", "n.mid", "-o", "f0.csv", *PRESET, *AGAIN),
        {"in.wav": 0.5},
        ("n.csv", "n.mid", "f0.csv"),
    ),
    "record": Play(TAKE, {"in.wav": 0.9}, ("take.wav",), audio=("take.wav",), recording="take.wav"),
    "flac": Play(FLAC, {"in.wav": 0.9}, ("take.flac",), audio=("take.flac",), recording="take.flac"),
    "live": Play(
        (*TAKE, "--format", "npz"), {"in.wav": 0.9}, ("take.wav", "live.npz"), loose=("live.npz",), audio=("take.wav",),
        recording="take.wav",
    ),
}  # fmt: skip


@dataclass
class Scene:
    """A play with its folder as it is before every run.

    before: the folder that runs begin with: inputs, and outputs of an earlier run on other sounds.
    old, new: what the outputs hold before, and after an undisturbed run.
    clean: how the undisturbed run went.
    """

    name: str
    play: Play
    before: Path
    old: dict[str, "Tree"]
    new: dict[str, "Tree"]
    clean: Ran
    inputs: dict[str, bytes] = field(default_factory=dict)


Tree = dict[str, bytes]
"""Every file below a path, by its relative name; a single file has the name "."."""


def tree(path: Path) -> Tree:
    """What is there; empty where nothing is."""
    if path.is_file():
        return {".": path.read_bytes()}
    return {each.relative_to(path).as_posix(): each.read_bytes() for each in path.rglob("*") if each.is_file()}


def prepare(name: str, theatre: Theatre, folder: Path) -> Scene:
    """Run the play twice without faults: what it makes of some sounds lies there when others are to be worked on."""
    play, before, after = PLAYS[name], folder / f"{name}.before", folder / f"{name}.after"
    before.mkdir()
    write_sounds(play, before, seed=1)
    theatre.warm(play.words, before)
    write_sounds(play, before, seed=2)
    shutil.copytree(before, after)
    clean = theatre.run(play.words, after)
    assert clean.code == 0, clean.said
    old, new = ({each: tree(place / each) for each in play.outputs} for place in (before, after))
    assert all(old.values())
    assert all(new.values())
    return Scene(name, play, before, old, new, clean, {each: (before / each).read_bytes() for each in play.inputs})


def write_sounds(play: Play, folder: Path, seed: int) -> None:
    """Tones with noise, in 32-bit float so that a recording has the same samples."""
    chance = np.random.default_rng(seed)
    for name, seconds in play.inputs.items():
        times = np.arange(round(seconds * RATE)) / RATE
        (folder / name).parent.mkdir(exist_ok=True)
        wave = 0.3 * np.sin(2 * np.pi * 330 * seed * times) + 0.01 * chance.standard_normal(times.size)
        soundfile.write(folder / name, wave.astype(np.float32), RATE, subtype="FLOAT")
