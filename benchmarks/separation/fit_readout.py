"""``python -m benchmarks.separation.fit_readout``: fit the readout of tonal and transient shares anew (extra `train`).

Features of `TonalEvidence`, the network of `readout_network`, and as loss what SI-SDR counts, in the bank's channels:
the power of the masked mixture less the source, in dB, mean of both stems and of all pieces. The result takes the place
of app/separation/tonal_readout.npz.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sharpear.dsp import Split, Splitter
from sharpear.dsp.separation_bank import hop_samples, separation_bank
from sharpear.dsp.tonal_evidence import TonalEvidence
from sharpear.dsp.tonal_evidence_kernel import FEATURES

from .readout_network import STRIDE, Network, Sizes
from .training_pieces import PIECES, pieces

HELD_OUT = 9
"""Every so many-th piece judges and does not train."""

THINNED = 3
"""A step looks at every third channel; neighbours say much the same."""

TOGETHER = 2
"""Pieces of a step."""

PACE, LEAST_PACE, WARM_STEPS = 3e-3, 1e-5, 30
DECAYS = 0.9, 0.98
LARGEST_SLOPE = 3.0
BEST_DB = 25.0
"""Errors so far below a source no longer count."""

LARGEST_MASK = 8.0
TOLD_EVERY = 50


@dataclass(frozen=True)
class Example:
    """Every other frame of a piece.

    features: (frames, features, channels) of the mixture.
    power: (frames, channels) of the mixture.
    mask: (frames, 2, channels), the real factors that make of the mixture's subband what is nearest to each source.
    """

    features: NDArray[np.float16]
    power: NDArray[np.float32]
    mask: NDArray[np.float16]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/separation/tonal_readout.npz"))
    parser.add_argument("--examples", type=Path, default=Path("build/separation/examples"), help="where they are kept")
    parser.add_argument("--pieces", type=int, default=PIECES, help=f"how many (default {PIECES})")
    parser.add_argument("--steps", type=int, default=650, help="of two pieces each (default 650)")
    parser.add_argument("--seed", type=int, default=1, help="of the first weights and of the order (default 1)")
    parser.add_argument("--start", type=Path, help="a readout to go on from, of the same sizes")
    parser.add_argument(
        "--kept", type=float, default=0.0, help="share of the weights of --start in the end (default 0)"
    )
    parser.add_argument("--without", choices=("neighbours", "memory"), default="", help="what to leave out, to compare")
    options = parser.parse_args()
    if options.kept and not options.start:
        parser.error(f"expected --start beside --kept {options.kept:g}: the readout whose weights are kept")
    torch.set_num_threads(1)
    examples = gathered(options.examples, options.pieces)
    held_out = examples[HELD_OUT - 1 :: HELD_OUT]
    train = [example for n, example in enumerate(examples) if (n + 1) % HELD_OUT]
    torch.manual_seed(options.seed)
    network = Network(FEATURES, Sizes(), options.without)
    if options.start:
        with np.load(options.start) as layers:
            network.take(dict(layers))
        print(f"{options.start}: {judged(network, held_out):.2f} dB", flush=True)
    before = network.exported()
    fit(network, train, options.steps, options.seed)
    network.take({name: (1 - options.kept) * w + options.kept * before[name] for name, w in network.exported().items()})
    options.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez(options.out, **dict[str, Any](network.exported()))
    print(f"{len(train)} pieces; {len(held_out)} others: {judged(network, held_out):.2f} dB; written to {options.out}")


def gathered(folder: Path, count: int) -> list[Example]:
    """The examples of all pieces; each is made once and kept in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(count):
        path = folder / f"{n:04d}.npz"
        if not path.exists():
            for sources, rate in pieces(n, n + 1):
                np.savez(path, **asdict(example_of(sources, rate)))
    found = []
    for n in range(count):
        with np.load(folder / f"{n:04d}.npz") as arrays:
            found.append(Example(**arrays))
    return found


def example_of(sources: NDArray[np.float64], rate: int) -> Example:
    """What `TonalEvidence` says of the sources' sum, and what is nearest to the first two."""
    design, hop = separation_bank(rate), hop_samples(rate)
    evidence = TonalEvidence(design.bank.center_hz, hop / rate)
    mixture = _split(sources.sum(axis=0), rate)
    features = evidence.process(mixture)[evidence.wait_frames :: STRIDE, 0]
    kept = slice(0, len(mixture.power) - evidence.wait_frames, STRIDE)
    subband = mixture.subband[kept, 0]
    power = np.square(np.abs(subband)) / np.square(np.abs(subband)).mean()
    masks = [
        (_split(source, rate).subband[kept, 0] * subband.conj()).real / (np.square(np.abs(subband)) + 1e-30)
        for source in sources[:2]
    ]
    mask = np.stack(masks, axis=1).clip(-LARGEST_MASK, LARGEST_MASK)
    return Example(features.astype(np.float16), power.astype(np.float32), mask.astype(np.float16))


def _split(audio: NDArray[np.float64], rate: int) -> Split:
    splitter = Splitter(separation_bank(rate), hop_samples(rate))
    blocks = [splitter.process(audio[n : n + 8192, None].astype(np.float32)) for n in range(0, audio.size, 8192)]
    nothing = np.zeros((0, 1), np.float32)
    subband, power = (np.concatenate([getattr(block, name) for block in blocks]) for name in ("subband", "power"))
    return Split(nothing, nothing[..., None], subband, power)


def fit(network: Network, examples: list[Example], steps: int, seed: int) -> None:
    """Adam, with a rate that falls as a cosine."""
    rng = np.random.default_rng(seed)
    optimizer = torch.optim.Adam(network.parameters(), lr=PACE, betas=DECAYS)
    reached: list[float] = []
    for step, together in zip(range(steps), drawn(examples, rng), strict=False):
        falling = 0.5 + 0.5 * math.cos(math.pi * step / steps)
        for group in optimizer.param_groups:
            group["lr"] = PACE * min(1.0, (step + 1) / WARM_STEPS) * falling + LEAST_PACE
        features, power, mask = batch(together, int(rng.integers(THINNED)))
        heard_db = ratio_db(network(features, THINNED), power, mask)
        optimizer.zero_grad()
        (-heard_db.mean()).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), LARGEST_SLOPE)
        optimizer.step()
        reached.append(float(heard_db.detach().mean()))
        if (step + 1) % TOLD_EVERY == 0:
            print(f"step {step + 1}: {np.mean(reached[-TOLD_EVERY:]):.2f} dB", flush=True)


def drawn(examples: list[Example], rng: np.random.Generator) -> Iterator[list[Example]]:
    """Some examples of one number of channels at a time, all of them as often, without end."""
    of_size: dict[int, list[Example]] = {}
    for example in examples:
        of_size.setdefault(example.power.shape[1], []).append(example)
    while True:
        together = []
        for alike in of_size.values():
            order = rng.permutation(len(alike))
            firsts = range(0, len(order), TOGETHER)
            together += [[alike[i] for i in order[first : first + TOGETHER]] for first in firsts]
        for i in rng.permutation(len(together)):
            yield together[i]


def batch(examples: list[Example], first: int) -> tuple[Tensor, Tensor, Tensor]:
    """Every `THINNED`-th channel from the first on: features, power, mask, (frames, pieces, channels, …) each."""
    frames = min(len(example.power) for example in examples)
    features = [example.features[:frames, :, first::THINNED].transpose(0, 2, 1) for example in examples]
    mask = [example.mask[:frames, :, first::THINNED].transpose(0, 2, 1) for example in examples]
    power = [example.power[:frames, first::THINNED, None] for example in examples]
    parts = [torch.from_numpy(np.stack(part, axis=1).astype(np.float32)) for part in (features, power, mask)]
    return parts[0], parts[1], parts[2]


def ratio_db(shares: Tensor, power: Tensor, mask: Tensor) -> Tensor:
    """(pieces, 2): power of what is nearest to each source over that of what the shares miss of it, dB."""
    missed = (power * (shares - mask) ** 2).sum(dim=(0, 2))
    wanted = (power * mask**2).sum(dim=(0, 2))
    return -10 * torch.log10(missed / wanted + 10 ** (-BEST_DB / 10))


def judged(network: Network, examples: list[Example]) -> float:
    """Mean `ratio_db` of pieces that did not train."""
    with torch.no_grad():
        heard_db = []
        for example in examples:
            features, power, mask = batch([example], 0)
            heard_db.append(float(ratio_db(network(features, THINNED), power, mask).mean()))
    return float(np.mean(heard_db))


if __name__ == "__main__":
    main()
