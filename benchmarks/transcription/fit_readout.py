"""``python -m benchmarks.transcription.fit_readout``: learn anew when the pitch layer's voices are believed in.

Rendered pieces are heard, and for every voice that the layer follows the evidence is kept, with whether its pitch is
one that sounds and no other voice is nearer to it. Networks of two small layers learn the probability (cross
entropy, Adam, a rate that falls as a cosine); the mean of their log odds is a network again. The result takes the
place of app/pitch/voice_readout.npz; the tables are of a soundfont that taught nothing, of all kinds of pieces,
of those that reach to the ends of the range and of keyboards, by the threshold `pitch.believed`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmarks.sharpness.lines import Floats
from benchmarks.transcription.pieces import EXTREMES, FONTS, KEYS, ORDER, Piece, pieces
from benchmarks.transcription.sine_pieces import beyond, chords, modulated
from sharpear.pitch import PitchLayer, Transcriber
from sharpear.pitch.voice_curves import in_hindsight
from sharpear.sharpening.frames import Frames

UNITS = (48, 24)
NETWORKS = 2
"""One alone differs from the next by up to .02 of F1 on a recording."""
EPOCHS, BATCH, PACE, DECAY = 8, 1024, 4e-3, 1e-3
WEIGHTS = {"chorale": 2.0, "sung chorale": 2.0, "sung line": 2.0, "full hands": 0.5, "pedalled": 0.5, "modulated": 0.5}
"""What a step of each kind of piece counts, where not 1: keyboards with many keys have more voices than all others."""
CAUTION = 2.1
"""Log odds that a voice which others explain needs more than learned: of real choirs too many are told otherwise, whose
formants the singers that teach may lack."""
HIDDEN = 28
"""The evidence that says which these are."""
WITHIN = 0.5
"""Semitones from a voice to the pitch that it is."""
BLOCK = 1 << 16
OF_SINES = 10
"""Pieces of tones beyond the range, and of chords."""
THRESHOLDS = (0.15, 0.2, 0.22, 0.25, 0.3, 0.35, 0.4, 0.5)


@dataclass(frozen=True)
class Followed:
    """Steps of the pitch layer.

    times: (steps,) s.  midi: (steps, voices) MIDI pitch, NaN where silent.  evidence: (steps, voices, numbers).
    true: (steps, pitches) MIDI pitches that sound, NaN where one does not.
    """

    times: Floats
    midi: Floats
    evidence: NDArray[np.float32]
    true: Floats

    @property
    def right(self) -> NDArray[np.bool_]:
        """(steps, voices): whether the voice is the nearest one to a true pitch, and near enough."""
        away = np.abs(self.midi[:, :, None] - self.true[:, None, :])
        away = np.where(np.isnan(away), np.inf, away)
        right = np.zeros(self.midi.shape, bool)
        steps, pitches = np.nonzero(away.min(axis=1) <= WITHIN)
        right[steps, away.argmin(axis=1)[steps, pitches]] = True
        return right


def followed(piece: Piece) -> Followed:
    """What the layer follows in a piece."""
    transcriber = Transcriber(piece.sample_rate)
    sharpener = transcriber.sharpener
    blocks = [sharpener.process(piece.audio[n : n + BLOCK, None]) for n in range(0, len(piece.audio), BLOCK)]
    return stepped(transcriber.layer, Frames.join([*blocks, sharpener.flush()]), piece)


def stepped(layer: PitchLayer, frames: Frames, piece: Piece) -> Followed:
    """Advance a layer step by step, and keep what it knows."""
    late = layer.config.median_steps // 2 * layer.stride
    midi, evidence, times = [], [], []
    for first in range(1 - layer.stride, len(frames) - layer.stride + 1, layer.stride):
        layer.process(frames[max(first, 0) : first + layer.stride])
        now = first + layer.stride - 1 - late
        if now >= 0:
            f0, known = layer.known()
            with np.errstate(divide="ignore"):
                midi.append(np.where(f0 > 0, 69 + 12 * np.log2(f0 / 440), np.nan))
            evidence.append(known)
            times.append(float(frames.times[now]))
    at = np.array(times)
    return Followed(at, np.array(midi), np.array(evidence), piece.pitches(at))


@dataclass(frozen=True)
class Rows:
    """What is learned from: evidence (rows, numbers), whether it is right, what it counts, and log odds added (rows,).

    What is added is left out of what is told: it is learned to be less sure by so much.
    """

    evidence: NDArray[np.float32]
    right: NDArray[np.bool_]
    weight: NDArray[np.float32]
    added: NDArray[np.float32]

    @staticmethod
    def alike(evidence: NDArray[np.float32], right: NDArray[np.bool_]) -> Rows:
        """Rows that all count 1, with nothing added."""
        return Rows(evidence, right, np.ones(len(right), np.float32), np.zeros(len(right), np.float32))


def rows(heard: Iterable[tuple[str, Followed]]) -> Rows:
    """All that is followed in pieces of a kind each."""
    found = []
    for kind, each in heard:
        there = np.isfinite(each.midi)
        evidence = each.evidence[there]
        weight = np.full(len(evidence), WEIGHTS.get(kind, 1.0), np.float32)
        found.append((evidence, each.right[there], weight, np.float32(CAUTION) * evidence[:, HIDDEN]))
    return Rows(*(np.concatenate(part) for part in zip(*found, strict=True)))


def fitted(known: Rows, units: Sequence[int], epochs: int, seed: int) -> nn.Sequential:
    """The readout of evidence that tells what is right, its inputs as they are."""
    parts = (known.evidence, known.right, known.weight, known.added)
    evidence, right, weight, added = (torch.from_numpy(part.astype(np.float32)) for part in parts)
    torch.manual_seed(seed)
    mean, spread = evidence.mean(dim=0), evidence.std(dim=0) + 1e-3
    first, second = nn.Linear(evidence.shape[1], units[0]), nn.Linear(units[0], units[1])
    network = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Linear(units[1], 1))
    optimizer = torch.optim.AdamW(network.parameters(), PACE, weight_decay=DECAY)
    steps = epochs * (len(evidence) // BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    normal = (evidence - mean) / spread
    for _ in range(epochs):
        order = torch.randperm(len(normal))
        for start in range(0, len(order) - BATCH + 1, BATCH):
            batch = order[start : start + BATCH]
            odds = network(normal[batch])[:, 0] + added[batch]
            loss = nn.functional.binary_cross_entropy_with_logits(odds, right[batch], weight[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        first.weight /= spread
        first.bias.sub_(first.weight @ mean)
    return network


def together(networks: Sequence[nn.Sequential]) -> nn.Sequential:
    """The network whose log odds are the mean of those of all."""
    parts = [[part for part in network if isinstance(part, nn.Linear)] for network in networks]
    first, second, last = zip(*parts, strict=True)
    joined = [nn.Linear(first[0].in_features, sum(part.out_features for part in first))]
    joined += [nn.Linear(joined[0].out_features, sum(part.out_features for part in second))]
    joined += [nn.Linear(joined[1].out_features, 1)]
    with torch.no_grad():
        joined[0].weight[:] = torch.cat([part.weight for part in first])
        joined[1].weight[:] = torch.block_diag(*(part.weight for part in second))
        joined[2].weight[:] = torch.cat([part.weight for part in last], dim=1) / len(networks)
        for own, of in zip(joined[:2], (first, second), strict=True):
            own.bias[:] = torch.cat([part.bias for part in of])
        joined[2].bias[:] = torch.stack([part.bias for part in last]).mean(dim=0)
    return nn.Sequential(joined[0], nn.ReLU(), joined[1], nn.ReLU(), joined[2])


def layers(network: nn.Sequential) -> dict[str, NDArray[np.float32]]:
    """Weights of each layer, the bias last in each row."""
    linear = [part for part in network if isinstance(part, nn.Linear)]
    rows = [torch.cat([part.weight, part.bias[:, None]], dim=1).detach().numpy() for part in linear]
    return dict(zip(("first", "second", "last"), rows, strict=True))


def believed(network: nn.Sequential, heard: Followed) -> Floats:
    """(steps, voices) beliefs, in hindsight."""
    with torch.no_grad():
        belief = torch.sigmoid(network(torch.from_numpy(heard.evidence)))[..., 0].numpy()
    there = np.isfinite(heard.midi)
    return in_hindsight(np.where(there, heard.midi, 0), np.where(there, belief, 0))


def table(network: nn.Sequential, heard: Sequence[Followed]) -> str:
    """Mean frame F1 of the pieces with notes, and seconds in which those without have a voice, at every threshold."""
    lines = ["| believed | frame F1 | drums and noise, s |", "| --- | --- | --- |"]
    beliefs = [believed(network, each) for each in heard]
    for threshold in THRESHOLDS:
        scores, false_s = [], 0.0
        for each, belief in zip(heard, beliefs, strict=True):
            told, true = belief > threshold, int(np.isfinite(each.true).sum())
            if true:
                scores.append(2 * (told & each.right).sum() / (told.sum() + true))
            else:
                false_s += float(told.sum() * np.diff(each.times).mean())
        lines.append(f"| {threshold:g} | {np.mean(scores):.3f} | {false_s:.2f} |")
    return "\n".join(lines)


def taught(fonts: Sequence[str], seeds: Sequence[int], count: int, extremes: int, keys: int) -> Iterator[Piece]:
    """All pieces that teach."""
    for seed in seeds:
        for font in fonts:
            yield from pieces(font, count, seed)
            yield from pieces(font, extremes, seed, EXTREMES)
            yield from pieces(font, keys, seed, KEYS)
        yield from beyond(OF_SINES, seed)
        yield from chords(OF_SINES, seed)
        yield from modulated(2 * OF_SINES, seed)


def main() -> None:
    """Hear, fit, score and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/transcription/voice_readout.npz"))
    parser.add_argument("--taught-by", nargs="+", default=("musescore", "timgm"), choices=FONTS)
    parser.add_argument("--scored-on", default="fluid", choices=FONTS)
    parser.add_argument("--pieces", type=int, default=36, help="of each soundfont that teaches, a seed")
    parser.add_argument("--extremes", type=int, default=16, help="pieces that reach to the ends of the range, the same")
    parser.add_argument("--keys", type=int, default=16, help="keyboards alone, the same")
    parser.add_argument("--units", type=int, nargs=2, default=UNITS, help="of each network")
    parser.add_argument("--seeds", type=int, nargs="+", default=(2, 3), help="of pieces; the first one of weights")
    options = parser.parse_args()
    seed = options.seeds[0]
    drawn = taught(options.taught_by, options.seeds, options.pieces, options.extremes, options.keys)
    known = rows((piece.kind, followed(piece)) for piece in drawn)
    network = together([fitted(known, options.units, EPOCHS, seed + n) for n in range(NETWORKS)])
    options.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez(options.out, **dict[str, Any](layers(network)))
    tables = (options.pieces // 3, ORDER), (options.extremes // 2, EXTREMES), (options.keys // 2, KEYS)
    for count, order in tables:
        print(table(network, [followed(piece) for piece in pieces(options.scored_on, count, seed, order)]))


if __name__ == "__main__":
    main()
