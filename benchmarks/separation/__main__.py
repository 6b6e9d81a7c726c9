"""``python -m benchmarks.separation``: stems of mixtures that nothing was tuned on, and of recordings, beside peers."""

import argparse
import time
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.results import WRITTEN, Cell, Results, Table
from sharpear.separation.separator import Separator
from sharpear.separation.voices import PitchVoices

from . import methods, unseen
from .denoising import denoised
from .metrics import bss_sdr_db, si_sdr_db

SECONDS = 10
HPSS_SIZES = 2048, 4096
MEASURES = "SI-SDR, dB", "BSS-eval SDR, dB"
Rows = dict[str, dict[str, Cell]]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.separation", description=__doc__)
    parser.add_argument("--audio", type=Path, help="folder of recordings: NAME/stem_*.flac or NAME/mix.wav each")
    parser.add_argument("--out", type=Path, default=WRITTEN, help="folder for separation.json")
    options = parser.parse_args()
    with Results("separation", options.out) as results:
        spent: Rows = {}
        of_unseen = {name: against_hpss(pair, rate) for name, pair, rate in unseen.mixtures()}
        results.tables["unseen"] = with_mean(of_unseen)
        if options.audio:
            of_recordings = {name: against_hpss(pair, rate) for name, pair, rate in unseen.with_drums(options.audio)}
            results.tables["unseen_recordings"] = with_mean(of_recordings)
        folders = options.audio.iterdir() if options.audio else ()
        for folder in sorted(path for path in folders if list(path.glob("stem_*.flac"))):
            truth, names, rate = read(folder)
            short = folder.name.partition("_")[0]
            if "drums" in names:
                drums = truth[names.index("drums")]
                pair = np.array([truth.sum(axis=0) - drums, drums])
                results.tables[f"{short}_drums"] = scored(two_sources(pair, rate, spent, folder.name))
            results.tables[f"{short}_voices"] = scored(voices(truth, names, rate, spent, folder.name))
            results.tables[f"{short}_learned"] = scored(learned_sources(truth, rate, spent, folder.name))
        results.tables["voices"] = side_by_side(results.tables)
        if spent:
            results.tables["speed"] = Table(spent, {"": ".3f", "latency ms": ".1f"}, "what")
        if options.audio:
            results.tables["noise"] = with_mean(denoised(options.audio))


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


def timed(
    separator: Separator, mixture: NDArray[np.float64], rate: int, spent: Rows, name: str, residual: bool = False
) -> NDArray[np.float64]:
    """Its stems; processor time over audio time, and latency, are noted."""
    separator.process(np.zeros(rate, np.float32))  # compiles
    separator.reset()
    began = time.process_time()
    stems = methods.streamed(separator, mixture, residual=residual)
    factor = (time.process_time() - began) * rate / mixture.size
    spent[name] = {"real-time factor": factor, "latency ms": 1e3 * separator.latency_s}
    return stems


def two_sources(truth: NDArray[np.float64], rate: int, spent: Rows, name: str) -> dict[str, list[float]]:
    mixture = truth.sum(axis=0)
    stems = timed(Separator(rate), mixture, rate, spent, f"{name}: tonal, transient")
    found = {
        "mixture": np.array([mixture, mixture]),
        "sharpear tonal, transient": stems,
        "HPSS": methods.hpss(mixture),
        "REPET-SIM": methods.best_order(methods.repet_sim(mixture), truth),
        "NMF, oracle clustering": methods.nmf(mixture, truth, oracle=True),
        "ideal ratio mask, Fourier 2048": methods.ideal_fourier(mixture, truth),
        "ideal ratio mask, our bank": methods.ideal_ours(mixture, truth, rate),
    }
    return {name: mean_scores(stems, truth) for name, stems in found.items()}


def voices(truth: NDArray[np.float64], names: list[str], rate: int, spent: Rows, name: str) -> dict[str, list[float]]:
    """Every pitched source as a voice; drums are the residual."""
    mixture = truth.sum(axis=0)
    pitched = len(names) - ("drums" in names)
    sources = PitchVoices.of(pitched)
    separator = Separator(rate, sources)
    stems = timed(separator, mixture, rate, spent, f"{name}: {pitched} voices", residual="drums" in names)
    found = {
        "mixture": np.tile(mixture, (len(truth), 1)),
        "sharpear voices": methods.best_order(methods.of_the_whole(mixture, rate, sources, "drums" in names), truth),
        "sharpear voices, live": methods.best_order(stems, truth),
        "NMF, oracle clustering": methods.nmf(mixture, truth, oracle=True),
        "NMF, blind": methods.best_order(methods.nmf(mixture, truth, oracle=False), truth),
        "ideal ratio mask, our bank": methods.ideal_ours(mixture, truth, rate),
    }
    return {name: mean_scores(stems, truth) for name, stems in found.items()}


def learned_sources(truth: NDArray[np.float64], rate: int, spent: Rows, name: str) -> dict[str, list[float]]:
    """Trained on the first half of each source, tested on the second half of the mixture."""
    half = truth.shape[1] // 2
    known, heard = truth[:, :half], truth[:, half:]
    mixture = heard.sum(axis=0)
    dictionaries = methods.dictionaries(known, rate)
    began = time.process_time()
    stems = methods.learned(mixture, rate, dictionaries)
    factor = (time.process_time() - began) * rate / mixture.size
    spent[f"{name}: {len(truth)} learned sources"] = {"real-time factor": factor}
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


def with_mean(scores: dict[str, dict[str, float]]) -> Table:
    """A row for each mixture, and the mean of all."""
    names = next(iter(scores.values()))
    mean = {name: float(np.mean([found[name] for found in scores.values()])) for name in names}
    return Table({**scores, "mean": mean}, ".1f", "SI-SDR, dB")


def side_by_side(tables: dict[str, Table]) -> Table:
    """SI-SDR of the voices of each recording."""
    found: Rows = {}
    for name, each in tables.items():
        for method, cells in each.rows.items() if name.endswith("_voices") else ():
            found.setdefault(method, {})[name.removesuffix("_voices")] = cells[MEASURES[0]]
    return Table(found, ".1f", "SI-SDR, dB")


def scored(found: dict[str, list[float]]) -> Table:
    return Table({name: dict(zip(MEASURES, pair, strict=True)) for name, pair in found.items()}, ".1f", "method")


if __name__ == "__main__":
    main()
