"""Fill a folder with single voices from Debian's packages: `python -m benchmarks.sharpness.sung_sources FOLDER`.

Natural speech: what KDE's games for children say (KLettres, KTuberling), Asterisk's prompts, PocketSphinx's test data
and a Russian corpus. Players: the sampled instruments of soundfonts, each a single line of random notes, dry. Nothing
is installed but `fluidsynth`, which must be there; packages are downloaded and unpacked beside the folder.
Languages after Italian, in the order of their codes, and some players are for testing alone.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

from benchmarks.sharpness.lines import Floats
from benchmarks.sharpness.partials import measured
from benchmarks.sharpness.soundfonts import render_all, testing_players
from benchmarks.sharpness.sources import RANGES_HZ, STRETCHED, find

LAST_TRAINING_LANGUAGE = "it"
TEST_SPEAKERS = ("asteriskcoresoundsfr_fr", "asteriskpromptesco_es", "asteriskpromptitmenardi_it")
"""Speakers of other languages who are for testing alone; the bundled voices are some of them."""
VALIDATION_SPEAKERS = ("asteriskcoresoundsit_it", "klettres_hu", "ktuberling_ca", "ktuberling_ga", "ktuberling_gl")
PACKAGES = (
    "klettres-data",
    "ktuberling-data",
    "pocketsphinx-testdata",
    "festvox-ru",
    "asterisk-core-sounds-en-g722",
    "asterisk-core-sounds-es-g722",
    "asterisk-core-sounds-fr-g722",
    "asterisk-core-sounds-it-g722",
    "asterisk-core-sounds-ru-g722",
    "asterisk-prompt-es-co",
    "asterisk-prompt-fr-armelle",
    "asterisk-prompt-it-menardi-wav",
    "fluid-soundfont-gm",
    "timgm6mb-soundfont",
)
SOUND = (".ogg", ".opus", ".wav", ".g722", ".gsm", ".raw")
PER_SPEAKER_S = 80.0
PER_FILE_S = 20.0
"""Short clips of one speaker are joined to files of about this length."""
RATE = 22050
"""Sample rate of joined speech, in Hz: partials are measured up to 8 kHz."""
QUIET = 10 ** (-45 / 20)
"""What is this far below a clip's peak, at its ends, is cut away."""
OF_RECORDINGS = {"c1": "singing", "v1": "singing", "s1": "speech", "r1": "winds"}
"""Recordings of single voices in the folder of `--audio`, by the first letters of their folders, and their kinds."""


def fetch(packages: Iterable[str], folder: Path) -> list[Path]:
    """Download Debian packages and unpack each into a folder of its own; those that are there are kept."""
    unpacked = []
    for package in packages:
        target = folder / package
        unpacked.append(target)
        if target.exists():
            continue
        folder.mkdir(parents=True, exist_ok=True)
        try:
            subprocess.run(["apt-get", "download", package], cwd=folder, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"{package}: left out: {error}", file=sys.stderr)
            continue
        (archive,) = folder.glob(f"{package}_*.deb")
        subprocess.run(["dpkg-deb", "-x", archive, target], check=True)
        archive.unlink()
    return [target for target in unpacked if target.exists()]


def decode(path: Path) -> Floats:
    """A file of speech at `RATE`, mono; by ffmpeg where libsndfile does not read it."""
    if path.suffix in (".ogg", ".wav"):
        samples, rate = soundfile.read(path, always_2d=True)
        common = int(np.gcd(rate, RATE))
        return np.asarray(resample_poly(samples.mean(axis=1), RATE // common, rate // common), float)
    raw = ["-f", "s16le", "-ar", "16000"] if path.suffix == ".raw" else []
    command = ["ffmpeg", "-v", "quiet", *raw, "-i", str(path), "-f", "f32le", "-ac", "1", "-ar", str(RATE), "-"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=False).stdout, np.float32).astype(float)


def joined(clips: Iterable[Floats]) -> list[Floats]:
    """Clips without their silent ends, equally loud, joined with pauses to pieces of about `PER_FILE_S`."""
    pieces: list[list[Floats]] = [[]]
    for clip in clips:
        loud = np.flatnonzero(np.abs(clip) > QUIET * np.abs(clip).max(initial=0))
        if len(loud) < 0.1 * RATE:
            continue
        clip = clip[max(0, loud[0] - RATE // 50) : loud[-1] + RATE // 20]
        if sum(map(len, pieces[-1])) > PER_FILE_S * RATE:
            pieces.append([])
        pieces[-1] += [0.5 * clip / np.abs(clip).max(), np.zeros(RATE // 8)]
    return [np.concatenate(piece) for piece in pieces if piece]


def languages(unpacked: Path) -> dict[str, list[Path]]:
    """Speaker -> sound files of a package: one a language, `<package>_<language>`."""
    package = unpacked.name.removesuffix("-data").removesuffix("-wav").removesuffix("-g722").replace("-", "")
    found: dict[str, list[Path]] = {}
    for path in sorted(unpacked.rglob("*")):
        if path.suffix not in SOUND or "@" in str(path) or "silence" in str(path):
            continue
        code = _language(unpacked, path)
        if code and path.stat().st_size > 2000:
            found.setdefault(f"{package}_{code}", []).append(path)
    return found


def _language(unpacked: Path, path: Path) -> str:
    parts = path.relative_to(unpacked).parts
    for parent, depth in (("klettres", 1), ("ktuberling", 2), ("sounds", 1)):
        if parent in parts[:-2]:
            return parts[parts.index(parent) + depth].split("_")[0]
    if "pocketsphinx" in parts:
        return "" if "cards" in parts or "hmm" in parts else "en"
    return "ru" if "russian" in parts else ""


def splits_of_speakers(unpacked: Iterable[Path]) -> dict[str, str]:
    """Speaker -> split, by language and by the two lists."""
    named = dict.fromkeys(TEST_SPEAKERS, "test") | dict.fromkeys(VALIDATION_SPEAKERS, "validation")
    splits = {}
    for package in unpacked:
        for speaker in languages(package):
            by_language = "test" if speaker.rsplit("_", 1)[1] > LAST_TRAINING_LANGUAGE else "train"
            splits[speaker] = named.get(speaker, by_language)
    return splits


def fill_speech(unpacked: Iterable[Path], folder: Path) -> None:
    """Write the speakers of packages."""
    for package in unpacked:
        for speaker, paths in languages(package).items():
            # Spread over the package, for neighbours are the letters of an alphabet.
            order = np.random.default_rng(len(paths)).permutation(len(paths))
            clips, seconds = [], 0.0
            for index in order:
                clips.append(decode(paths[index]))
                seconds += len(clips[-1]) / RATE
                if seconds > PER_SPEAKER_S:
                    break
            for number, piece in enumerate(joined(clips)):
                _write(folder / "speech" / f"{speaker}-{number:02d}.flac", piece, RATE)


def fill_recordings(recordings: Path, folder: Path) -> dict[str, str]:
    """Take the single voices of a folder of recordings; returns speaker -> split: all but speech are for testing."""
    splits = {}
    for start, kind in OF_RECORDINGS.items():
        for item in sorted(recordings.glob(f"{start}_*")):
            stems = sorted(item.glob("stem_*.flac")) or [item / "mix.wav"]
            for stem in stems:
                speaker = f"{item.name.replace('-', '')}_{stem.stem.removeprefix('stem_')}"
                samples, rate = soundfile.read(stem, always_2d=True)
                where = "strings" if "violin" in stem.stem else kind
                _write(folder / where / f"{speaker}-00.flac", samples.mean(axis=1), rate)
                splits[speaker] = "train" if kind == "speech" else "test"
    return splits


def _write(path: Path, samples: Floats, rate: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype="PCM_16")


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill the folder; 0 on success."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sharpness.sung_sources", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--packages", type=Path, help="folder of unpacked packages (default: FOLDER/../packages)")
    parser.add_argument("--cache", type=Path, help="take all voices apart and keep what was measured here")
    parser.add_argument(
        "--audio", type=Path, help="folder of the recordings c1, v1, s1, r1, whose single voices are taken"
    )
    options = parser.parse_args(arguments)
    unpacked = fetch(PACKAGES, options.packages or options.folder.parent / "packages")
    speech = [package for package in unpacked if "soundfont" not in package.name]
    fonts = [package for package in unpacked if "soundfont" in package.name]
    splits = splits_of_speakers(speech) | testing_players(fonts)
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.audio is not None:
        splits |= fill_recordings(options.audio, options.folder)
    with (options.folder / "splits.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["speaker", "split"])
        writer.writerows(sorted(splits.items()))
    render_all(fonts, options.folder)
    fill_speech(speech, options.folder)
    if options.cache is not None:
        for source in find(options.folder):
            if source.kind != "drums":
                measured(source.path, options.cache, *RANGES_HZ[source.kind], source.kind in STRETCHED)
    return 0


if __name__ == "__main__":
    sys.exit(main())
