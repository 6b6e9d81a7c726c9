"""``python -m benchmarks.separation.fit_voice_owners VOICES``: fit anew what tells whose a pitch is.

Ten seconds of each of `PIECES` drawn chorales (``pip install music21`` has their notes), by fluidsynth with FluidR3,
sf_GMbank and OPL3 (Debian's packages), and of `TALKS` of speakers who talk at once. Softmax over voices
and nobody, cross entropy, AdamW (``pip install torch``). First every pitch goes to its true owner; then the network is
fitted to what it meets where it follows its own decisions, round by round (DAgger, Ross et al. 2011). The round with
the highest F1 on other chorales, by TimGM6mb, and other speakers is kept, the mean of both kinds. The mean of the log
odds of `NETWORKS` seeds is a network again, and takes the place of app/separation/voice_owners.npz.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sharpear.separation.voice_owners_kernel import OF_CLAIM, OF_PITCH, OwnerWeights

from .chorales import CHOSEN_BY, LEARNED
from .owners import Heard, f1, followed, heard, heard_talk, no_weights, order_of, true_owners

PIECES, OTHERS = 340, 40
TALKS, OTHER_TALKS = 140, 20
RATES = 44100, 16000
"""At which pieces are heard, in turn."""

ROUNDS, KEPT_ROUNDS = 5, 4
"""Of decisions; and the last ones, which are learned from together."""

NETWORKS = 3
"""Single pieces differ by decibels from one network to the next."""

STEPS_APART = 5
UNITS, NOBODYS_UNITS = 48, 16
EPOCHS, BATCH = 3, 512
LARGEST_STEP, DECAY = 2e-3, 1e-2

NOISE = 0.15
"""Standard deviation of what is added to what is told, each number of standard deviation 1."""

MOST_VOICES = 6
IMPOSSIBLE = -1e9
Examples = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]
"""Pitches (examples, numbers), claims (examples, voices, numbers), and which of nobody and the voices there are, and
are right (examples, 1 + voices)."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("voices", type=Path, help="what `python -m benchmarks.sharpness.sung_sources` filled")
    parser.add_argument("--out", type=Path, default=Path("build/separation/voice_owners.npz"))
    parser.add_argument("--heard", type=Path, default=Path("build/separation/owners"), help="keeps what was heard")
    parser.add_argument("--seed", type=int, default=0, help="of the first network; the others follow")
    options = parser.parse_args()
    kept, voices = options.heard, options.voices
    pieces = [heard(LEARNED, number, kept, RATES[number % 2]) for number in range(PIECES)]
    pieces += [heard_talk(voices, "train", number, kept) for number in range(TALKS)]
    chorales = [heard(CHOSEN_BY, number, kept, RATES[number % 2]) for number in range(OTHERS)]
    talks = [heard_talk(voices, "validation", number, kept) for number in range(OTHER_TALKS)]
    others, seeds = [chorales, talks], range(options.seed, options.seed + NETWORKS)
    weights = together([fitted(pieces, others, seed) for seed in seeds])
    print(f"together: F1 of others {[mean_f1(kind, weights) for kind in others]}")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez(options.out, **weights._asdict())


def fitted(pieces: Sequence[Heard], others: Sequence[Sequence[Heard]], seed: int) -> OwnerWeights:
    """A network, of the round after which it gives most of the others' pitches rightly, on the mean of their kinds."""
    torch.manual_seed(seed)
    rng, best = np.random.default_rng(seed), 0.0
    weights, rounds = no_weights(), list[Examples]()
    kept, network = weights, None
    for number in range(ROUNDS + 1):
        given = [true_owners(piece) if number == 0 else None for piece in pieces]
        found = [examples_of(piece, weights, own, rng) for piece, own in zip(pieces, given, strict=True)]
        rounds = [joined(found), *rounds[: KEPT_ROUNDS - 1]]
        known = joined(rounds)
        network = network or Network(known)
        loss = fit(network, known)
        weights = network.weights()
        right = [mean_f1(kind, weights) for kind in others]
        print(f"seed {seed}, round {number}: loss {loss:.4f}, F1 of others {right}", flush=True)
        if np.mean(right) > best:
            best, kept = float(np.mean(right)), weights
    return kept


def mean_f1(pieces: Sequence[Heard], weights: OwnerWeights) -> float:
    """Of pitches that are given as the network says."""
    return float(np.mean([f1(piece, followed(piece, weights, np.zeros(0, np.int64))[0]) for piece in pieces]))


def together(networks: Sequence[OwnerWeights]) -> OwnerWeights:
    """The network whose log odds are the mean of those of all."""
    return OwnerWeights(
        pitch=np.concatenate([each.pitch for each in networks]),
        claim=np.concatenate([each.claim for each in networks]),
        output=mean_output([each.output for each in networks]),
        nobody=np.concatenate([each.nobody for each in networks]),
        nobody_output=mean_output([each.nobody_output for each in networks]),
    )


def mean_output(outputs: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Units of all side by side, each worth its part; what is added is the mean."""
    units = [output[:-1] / len(outputs) for output in outputs]
    return np.concatenate([*units, [np.mean([output[-1] for output in outputs])]]).astype(np.float32)


def examples_of(
    piece: Heard, weights: OwnerWeights, given: NDArray[np.int64] | None, rng: np.random.Generator
) -> Examples:
    """What is told at every few steps of the pitches that sound, and whose each is."""
    rows = np.arange(int(rng.integers(STEPS_APART)), piece.count, STEPS_APART)
    owner, (pitch, claim) = followed(piece, weights, rows, given)
    # Speakers have no order: who comes first is whom the network took for the first.
    order = order_of(piece, owner) if piece.talk else np.arange(claim.shape[2])
    sounds, near, voices = piece.steps.f0[rows] > 0, piece.near[rows][:, :, order], claim.shape[2]
    right = near[sounds]
    claims = np.zeros((len(right), MOST_VOICES, OF_CLAIM), np.float32)
    possible, owners = np.zeros((2, len(right), 1 + MOST_VOICES), np.bool_)
    claims[:, :voices] = claim[sounds]
    possible[:, : 1 + voices] = True
    owners[:, 1 : 1 + voices], owners[:, 0] = right, ~right.any(axis=1)
    return torch.tensor(pitch[sounds]), torch.tensor(claims), torch.tensor(possible), torch.tensor(owners)


def joined(parts: list[Examples]) -> Examples:
    pitch, claim, possible, owners = (torch.cat(part) for part in zip(*parts, strict=True))
    return pitch, claim, possible, owners


class Network(torch.nn.Module):
    """The equations of `OwnerWeights`, on numbers of mean 0 and standard deviation 1 in the first examples."""

    def __init__(self, known: Examples) -> None:
        super().__init__()
        self.noise = NOISE
        pitch, claim = known[0], known[1][known[2][:, 1:]]
        self.mean, self.scale = pitch.mean(0), pitch.std(0) + 1e-3
        self.claim_mean, self.claim_scale = claim.mean(0), claim.std(0) + 1e-3
        self.pitch, self.claim = torch.nn.Linear(OF_PITCH, UNITS), torch.nn.Linear(OF_CLAIM, UNITS, bias=False)
        self.output = torch.nn.Linear(UNITS, 1)
        self.nobody, self.nobody_output = torch.nn.Linear(OF_PITCH, NOBODYS_UNITS), torch.nn.Linear(NOBODYS_UNITS, 1)

    def forward(self, pitch: torch.Tensor, claim: torch.Tensor) -> torch.Tensor:
        """(examples, 1 + voices): what nobody's claim and every voice's are worth."""
        pitch, claim = (pitch - self.mean) / self.scale, (claim - self.claim_mean) / self.claim_scale
        pitch, claim = (part + self.noise * torch.randn_like(part) for part in (pitch, claim))
        voices = self.output(torch.relu(self.pitch(pitch)[:, None] + self.claim(claim)))[..., 0]
        return torch.cat([self.nobody_output(torch.relu(self.nobody(pitch))), voices], dim=1)

    def weights(self) -> OwnerWeights:
        """Mean and standard deviation are put into the first layers."""
        claim = numpy_of(self.claim.weight) / numpy_of(self.claim_scale)
        away = claim @ numpy_of(self.claim_mean)
        outputs = ([*numpy_of(layer.weight)[0], *numpy_of(layer.bias)] for layer in (self.output, self.nobody_output))
        output, nobody_output = (np.array(row, np.float32) for row in outputs)
        pitch, nobody = self._of_pitch(self.pitch), self._of_pitch(self.nobody)
        pitch[:, -1] -= away
        parts = (pitch, claim, output, nobody, nobody_output)
        return OwnerWeights(*(np.ascontiguousarray(part, np.float32) for part in parts))

    def _of_pitch(self, layer: torch.nn.Linear) -> NDArray[np.float64]:
        scaled = numpy_of(layer.weight) / numpy_of(self.scale)
        return np.hstack([scaled, (numpy_of(layer.bias) - scaled @ numpy_of(self.mean))[:, None]])


def numpy_of(tensor: torch.Tensor) -> NDArray[np.float64]:
    return np.asarray(tensor.detach().numpy(), np.float64)


def fit(network: Network, known: Examples) -> float:
    """The mean loss of the last epoch; the steps rise to the largest and fall again."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=LARGEST_STEP, weight_decay=DECAY)
    batches, total = len(known[0]) // BATCH, 0.0
    pace = torch.optim.lr_scheduler.OneCycleLR(optimizer, LARGEST_STEP, EPOCHS * batches + 1, pct_start=0.1)
    for _ in range(EPOCHS):
        order, total = torch.randperm(len(known[0])), 0.0
        for batch in range(batches):
            pitch, claim, possible, owners = (part[order[batch * BATCH : (batch + 1) * BATCH]] for part in known)
            worth = torch.log_softmax(network(pitch, claim).masked_fill(~possible, IMPOSSIBLE), dim=1)
            loss = -torch.logsumexp(worth.masked_fill(~owners, IMPOSSIBLE), dim=1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            pace.step()
            total += float(loss.detach())
    return total / batches


if __name__ == "__main__":
    main()
