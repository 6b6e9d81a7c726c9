"""What is compared: each takes the mixture and gives stems (sources, samples)."""

import librosa
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.decomposition import NMF

from sharpear.dsp import Splitter, StemMixer
from sharpear.dsp.separation_bank import hop_samples, separation_bank
from sharpear.dynamics.hebbian import learn_dictionary
from sharpear.separation.dictionary import Dictionary
from sharpear.separation.learned import POOLED_FRAMES, LearnedSources
from sharpear.separation.separator import Separator, separate
from sharpear.separation.shares import ShareFactory

from .metrics import si_sdr_db

Audio = NDArray[np.float64]
FFT = 2048


def streamed(separator: Separator, mixture: Audio, residual: bool = False) -> Audio:
    """All stems, the residual only if asked for, lined up with the mixture."""
    stems = np.concatenate([separator.process(mixture.astype(np.float32)), separator.flush()])
    count = stems.shape[1] - (not residual)
    return stems[separator.latency_samples :, :count].T.astype(np.float64)


def of_the_whole(mixture: Audio, rate: int, sources: ShareFactory, residual: bool = False) -> Audio:
    """As `streamed`, by what hears all of the mixture before."""
    stems = separate(mixture.astype(np.float32), rate, sources).sound
    return stems[: len(stems) - (not residual)].astype(np.float64)


def dictionaries(examples: Audio, rate: int, atoms: int = 48, epochs: int = 10) -> list[Dictionary]:
    """Learned as `sharpear learn` does."""
    design, hop, learned = separation_bank(rate), hop_samples(rate), []
    for i, example in enumerate(examples):
        power = Splitter(design, hop).process(example[:, None].astype(np.float32)).power[:, 0]
        whole = len(power) // POOLED_FRAMES * POOLED_FRAMES
        frames = np.sqrt(power[:whole].reshape(-1, POOLED_FRAMES, power.shape[1]).mean(axis=1))
        learned.append(Dictionary(f"source {i}", learn_dictionary(frames, atoms, epochs, 0), design.bank.center_hz))
    return learned


def learned(mixture: Audio, rate: int, known: list[Dictionary]) -> Audio:
    return streamed(Separator(rate, LearnedSources.of(known)), mixture)


def hpss(mixture: Audio, fft: int = FFT) -> Audio:
    harmonic, percussive = librosa.decompose.hpss(librosa.stft(mixture, n_fft=fft))
    return np.array([librosa.istft(part, length=mixture.size) for part in (harmonic, percussive)])


def masked(X: NDArray[np.complex128], powers: NDArray[np.float64], length: int) -> Audio:
    shares = powers / (powers.sum(axis=0) + 1e-12)
    return np.array([librosa.istft(X * share, length=length) for share in shares])


def ideal_fourier(mixture: Audio, truth: Audio) -> Audio:
    powers = np.array([np.abs(librosa.stft(s, n_fft=FFT)) ** 2 for s in truth])
    return masked(librosa.stft(mixture, n_fft=FFT), powers, mixture.size)


def ideal_ours(mixture: Audio, truth: Audio, rate: int) -> Audio:
    """Ideal ratio masks on our own bank."""
    design, hop = separation_bank(rate), hop_samples(rate)
    powers = [Splitter(design, hop).process(s[:, None].astype(np.float32)).power[:, 0] for s in truth]
    shares = np.stack(powers, axis=1)
    shares /= shares.sum(axis=1, keepdims=True) + np.float32(1e-14)
    return through(mixture, rate, shares)


def through(mixture: Audio, rate: int, shares: NDArray[np.float32]) -> Audio:
    """Stems by shares (frames, sources, channels) of our own bank's channels."""
    design, hop = separation_bank(rate), hop_samples(rate)
    mixer = StemMixer(design.bank.channels, shares.shape[1], hop, 0)
    late = design.latency_samples + mixer.latency_samples
    split = Splitter(design, hop).process(np.pad(mixture, (0, late)).astype(np.float32)[:, None])
    given = np.zeros((len(split.power), 1, *shares.shape[1:]), np.float32)
    given[: len(shares), 0] = shares
    return mixer.process(split, given)[late:, 0, :-1].T.astype(np.float64)


def nmf(mixture: Audio, truth: Audio, oracle: bool, per_source: int = 8) -> Audio:
    """NMF of the magnitudes; components go to sources by the truth (oracle) or, blind, by their spectral centroid."""
    X = librosa.stft(mixture, n_fft=FFT)
    V = np.abs(X)
    count = len(truth) * per_source
    model = NMF(count, init="nndsvda", solver="mu", beta_loss="kullback-leibler", max_iter=200, random_state=0)
    W = model.fit_transform(V)
    H = model.components_
    if oracle:
        spectra = np.array([np.abs(librosa.stft(s, n_fft=FFT)) for s in truth])
        fit = np.array(
            [[(np.outer(W[:, j], H[j]) * S).sum() / np.linalg.norm(S) for S in spectra] for j in range(count)]
        )
        owner = fit.argmax(axis=1)
    else:
        centroid = (np.arange(len(W))[:, None] * W).sum(axis=0) / W.sum(axis=0)
        owner = centroid.argsort().argsort() // per_source
    powers = np.array([(W[:, owner == i] @ H[owner == i]) ** 2 for i in range(len(truth))])
    return masked(X, powers, mixture.size)


def repet_sim(mixture: Audio) -> Audio:
    """REPET-SIM (Rafii & Pardo 2012): what repeats, and the rest."""
    X = librosa.stft(mixture, n_fft=FFT)
    V = np.abs(X)
    rate = 22050
    alike = librosa.decompose.nn_filter(
        V, aggregate=np.median, metric="cosine", width=int(librosa.time_to_frames(1, sr=rate))
    )
    repeating = np.minimum(alike, V)
    return masked(X, np.array([(V - repeating) ** 2, repeating**2]), mixture.size)


def best_order(stems: Audio, truth: Audio) -> Audio:
    """The assignment of stems to sources with the best mean, for methods that do not name theirs."""
    scores = np.array([[si_sdr_db(stem, source) for source in truth] for stem in stems])
    rows, columns = linear_sum_assignment(-scores)
    return stems[rows[columns.argsort()]]
