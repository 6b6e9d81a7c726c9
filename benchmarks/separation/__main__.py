"""``python -m benchmarks.separation``: stems of mixtures that nothing was tuned on, and of recordings, beside peers."""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from sharpear.separation.separator import Separator
from sharpear.separation.voices import PitchVoices

from . import methods, unseen
from .denoising import denoised
from .metrics import bss_sdr_db, si_sdr_db

SECONDS = 10
HPSS_SIZES = 2048, 4096
Scores = dict[str, dict[str, list[float]]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.separation", description=__doc__)
    parser.add_argument("--audio", type=Path, help="folder of recordings: NAME/stem_*.flac or NAME/mix.wav each")
    parser.add_argument("--out", type=Path, default=Path("build/separation"))
    options = parser.parse_args()
    scores: Scores = {}
    of_unseen = {name: against_hpss(pair, rate) for name, pair, rate in unseen.mixtures(options.audio)}
    folders = options.audio.iterdir() if options.audio else ()
    for folder in sorted(path for path in folders if list(path.glob("stem_*.flac"))):
        truth, names, rate = read(folder)
        if "drums" in names:
            drums = truth[names.index("drums")]
            tonal = truth.sum(axis=0) - drums
            scores[f"{folder.name}, tonal and drums"] = two_sources(np.array([tonal, drums]), rate)
        scores[f"{folder.name}, voices, all of it"] = voices(truth, names, rate)
        scores[f"{folder.name}, second half"] = learned_sources(truth, rate)
    of_noisy = denoised(options.audio) if options.audio else {}
    options.out.mkdir(parents=True, exist_ok=True)
    everything = scores | {"unseen": of_unseen, "in noise": of_noisy}
    (options.out / "separation.json").write_text(json.dumps(everything, indent=1))
    text = side_by_side(of_unseen) + (side_by_side(of_noisy) if of_noisy else "") + table(scores)
    (options.out / "separation.md").write_text(text, encoding="utf-8")
    print(text)


def read(folder: Path) -> tuple[NDArray[np.float64], list[str], int]:
    paths = sorted(folder.glob("stem_*.flac"))
    rate = soundfile.info(paths[0]).samplerate
    stems = [soundfile.read(path)[0][: SECONDS * rate] for path in paths]
    return np.array(stems), [path.stem.removeprefix("stem_") for path in paths], rate


def against_hpss(truth: NDArray[np.float64], rate: int) -> dict[str, float]:
    """Mean SI-SDR of tonal and drums, dB."""
    mixture = truth.sum(axis=0)
    found = {"sharpear": methods.streamed(Separator(rate), mixture)}
    found |= {f"HPSS {size}": methods.hpss(mixture, size) for size in HPSS_SIZES}
    return {name: mean_scores(stems, truth)[0] for name, stems in found.items()}


def two_sources(truth: NDArray[np.float64], rate: int) -> dict[str, list[float]]:
    mixture = truth.sum(axis=0)
    began = time.process_time()
    stems = methods.streamed(Separator(rate), mixture)
    spent = (time.process_time() - began) / (mixture.size / rate)
    print(f"tonal, transient: real-time factor {spent:.3f}, latency {Separator(rate).latency_s * 1e3:.1f} ms")
    found = {
        "mixture": np.array([mixture, mixture]),
        "sharpear tonal/transient": stems,
        "HPSS": methods.hpss(mixture),
        "REPET-SIM": methods.best_order(methods.repet_sim(mixture), truth),
        "NMF, oracle clustering": methods.nmf(mixture, truth, oracle=True),
        "ideal ratio mask, Fourier 2048": methods.ideal_fourier(mixture, truth),
        "ideal ratio mask, our bank": methods.ideal_ours(mixture, truth, rate),
    }
    return {name: mean_scores(stems, truth) for name, stems in found.items()}


def voices(truth: NDArray[np.float64], names: list[str], rate: int) -> dict[str, list[float]]:
    """Every pitched source as a voice; drums are the residual."""
    mixture = truth.sum(axis=0)
    pitched = len(names) - ("drums" in names)
    sources = PitchVoices.of(pitched)
    separator = Separator(rate, sources)
    separator.process(np.zeros(rate, np.float32))
    separator.reset()
    began = time.process_time()
    stems = methods.streamed(separator, mixture, residual="drums" in names)
    spent = (time.process_time() - began) / (mixture.size / rate)
    print(f"{pitched} voices: real-time factor {spent:.3f}, latency {separator.latency_s * 1e3:.1f} ms")
    found = {
        "mixture": np.tile(mixture, (len(truth), 1)),
        "sharpear voices": methods.best_order(methods.of_the_whole(mixture, rate, sources, "drums" in names), truth),
        "sharpear voices, live": methods.best_order(stems, truth),
        "NMF, oracle clustering": methods.nmf(mixture, truth, oracle=True),
        "NMF, blind": methods.best_order(methods.nmf(mixture, truth, oracle=False), truth),
        "ideal ratio mask, our bank": methods.ideal_ours(mixture, truth, rate),
    }
    return {name: mean_scores(stems, truth) for name, stems in found.items()}


def learned_sources(truth: NDArray[np.float64], rate: int) -> dict[str, list[float]]:
    """Trained on the first half of each source, tested on the second half of the mixture."""
    half = truth.shape[1] // 2
    known, heard = truth[:, :half], truth[:, half:]
    mixture = heard.sum(axis=0)
    dictionaries = methods.dictionaries(known, rate)
    began = time.process_time()
    stems = methods.learned(mixture, rate, dictionaries)
    spent = (time.process_time() - began) / (mixture.size / rate)
    print(f"learned, {len(truth)} sources: real-time factor {spent:.3f}")
    found = {
        "mixture": np.tile(mixture, (len(truth), 1)),
        "sharpear learned": stems,
        "NMF, oracle clustering": methods.nmf(mixture, heard, oracle=True),
        "NMF, blind": methods.best_order(methods.nmf(mixture, heard, oracle=False), heard),
        "ideal ratio mask, Fourier 2048": methods.ideal_fourier(mixture, heard),
        "ideal ratio mask, our bank": methods.ideal_ours(mixture, heard, rate),
    }
    return {name: mean_scores(stems, heard) for name, stems in found.items()}


def mean_scores(stems: NDArray[np.float64], truth: NDArray[np.float64]) -> list[float]:
    pairs = list(zip(stems, truth, strict=True))
    return [float(np.mean([score(stem, source) for stem, source in pairs])) for score in (si_sdr_db, bss_sdr_db)]


def side_by_side(scores: dict[str, dict[str, float]]) -> str:
    """A line for each mixture, and the mean of all."""
    methods_compared = list(next(iter(scores.values())))
    mean = {name: float(np.mean([found[name] for found in scores.values()])) for name in methods_compared}
    lines = [f"| mixture | {' | '.join(methods_compared)} |", "|---" * (len(methods_compared) + 1) + "|"]
    for item, found in (*scores.items(), ("mean", mean)):
        lines.append(f"| {item} | {' | '.join(f'{found[name]:.1f}' for name in methods_compared)} |")
    return "\n".join(lines) + "\n"


def table(scores: Scores) -> str:
    lines = []
    for item, found in scores.items():
        lines += ["", f"**{item}**", "", "| method | SI-SDR, dB | BSS-eval SDR, dB |", "|---|---|---|"]
        lines += [f"| {name} | {si:.1f} | {bss:.1f} |" for name, (si, bss) in found.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
