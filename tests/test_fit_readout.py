"""What readouts are fitted with: networks, what that of tonal and transient shares hears, and what it is judged by."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

if missing := [name for name in ("torch", "librosa") if find_spec(name) is None]:
    pytest.skip(f"not installed: {', '.join(missing)}: pip install -e '.[bench,train]'", allow_module_level=True)
import torch

from benchmarks.separation import fit_voice_owners, speakers, training_pieces, unseen
from benchmarks.separation.instruments import KEYS
from benchmarks.separation.owners import Heard, f1, order_of
from benchmarks.separation.readout_network import STRIDE, Network, Sizes, _Remember
from benchmarks.transcription.fit_readout import layers, together
from sharpear.dsp.tonal_readout import TonalReadout
from sharpear.dsp.tonal_readout_kernel import ReadoutLayers
from sharpear.gpu.stateful import at_rest
from sharpear.pitch.evidence_kernel import ReadoutLayers as VoiceLayers
from sharpear.pitch.evidence_kernel import believe
from sharpear.separation.voice_owners_kernel import OF_CLAIM, OF_PITCH, HeardSteps, OwnerWeights
from sharpear.separation.voice_tracks import lengths_of_claims

FEATURES, CHANNELS, SIZES = 5, 40, Sizes(10, 9, 7)


def test_what_is_fitted_is_what_runs() -> None:
    """Every frame twice, of which the network that is fitted has one."""
    torch.manual_seed(5)
    network = Network(FEATURES, SIZES)
    features = np.random.default_rng(6).standard_normal((20, 1, CHANNELS, FEATURES)).astype(np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(features)).numpy()
    readout = TonalReadout(ReadoutLayers(**network.exported()), CHANNELS)
    every_frame = np.ascontiguousarray(features.repeat(STRIDE, axis=0).swapaxes(2, 3))
    received = readout.process(every_frame)[STRIDE - 1 :: STRIDE, :, :2].swapaxes(2, 3)
    np.testing.assert_allclose(received, expected, atol=1e-5)


def test_the_slopes_of_the_memory_are_those_of_its_equation() -> None:
    rng = np.random.default_rng(7)
    r, c = (torch.tensor(rng.random((6, 3)).astype(np.float32), requires_grad=True) for _ in range(2))
    weight = torch.tensor(rng.standard_normal((6, 3)).astype(np.float32))
    (_Remember.apply(r, c) * weight).sum().backward()
    received = r.grad.clone(), c.grad.clone()
    r.grad = c.grad = None
    held, rows = torch.zeros(3), []
    for retention, value in zip(r, c, strict=True):
        held = value + retention * (held - value)
        rows.append(held)
    (torch.stack(rows) * weight).sum().backward()
    for ours, expected in zip(received, (r.grad, c.grad), strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-5)


def place(played: Any) -> Any:
    """The soundfont, drumkit or recording."""
    return played[0] if isinstance(played, tuple) else played


def test_no_unseen_mixture_is_played_by_what_trains() -> None:
    trained = {
        *training_pieces.INSTRUMENTS,
        *(kit[0] if isinstance(kit, tuple) else kit for kit in training_pieces.KITS),
    }
    heard = {
        unseen.TIM,
        *(mixture.tonal for mixture in unseen.MIXTURES),
        *(mixture.drums for mixture in unseen.MIXTURES),
    }
    assert not trained & {place[0] if isinstance(place, tuple) else place for place in heard}
    assert len(unseen.MIXTURES) >= 12
    assert {mixture.drums_db for mixture in unseen.MIXTURES} == {-6, 0, 6}
    assert len({mixture.seed for mixture in unseen.MIXTURES}) == len(unseen.MIXTURES)


def test_patterns_are_of_known_drums_and_within_their_time() -> None:
    for seed in range(5):
        strikes = training_pieces.drum_pattern(np.random.default_rng(seed), 3.0)
        assert strikes
        assert {strike.kind for strike in strikes} <= KEYS.keys()
        assert all(0 <= strike.time_s < 3.1 and 0 < strike.strength <= 1 for strike in strikes)


def test_networks_together_believe_the_mean_of_their_log_odds() -> None:
    torch.manual_seed(8)
    linear, rectified = torch.nn.Linear, torch.nn.ReLU
    alone = [torch.nn.Sequential(linear(28, 6), rectified(), linear(6, 4), rectified(), linear(4, 1)) for _ in range(3)]
    evidence = np.random.default_rng(9).standard_normal((20, 28)).astype(np.float32)
    with torch.no_grad():
        odds = torch.stack([network(torch.from_numpy(evidence)) for network in alone]).mean(dim=0)[:, 0]
    received = np.zeros(20, np.float32)
    believe(evidence, VoiceLayers(**layers(together(alone))), np.full(20, 100.0, np.float32), received)
    np.testing.assert_allclose(received, torch.sigmoid(odds).numpy(), atol=1e-5)


def test_networks_together_say_the_mean_of_their_log_odds_of_owners() -> None:
    rng = np.random.default_rng(10)
    pitch, claim = rng.standard_normal((20, OF_PITCH)), rng.standard_normal((20, OF_CLAIM))

    def network(units: int, nobodys: int) -> OwnerWeights:
        shapes = (units, OF_PITCH + 1), (units, OF_CLAIM), (units + 1,), (nobodys, OF_PITCH + 1), (nobodys + 1,)
        return OwnerWeights(*(rng.standard_normal(shape).astype(np.float32) for shape in shapes))

    def log_odds(weights: OwnerWeights) -> Any:
        of_pitch = [layer[:, -1] + pitch @ layer[:, :-1].T for layer in (weights.pitch, weights.nobody)]
        voice, nobody = np.maximum(of_pitch[0] + claim @ weights.claim.T, 0), np.maximum(of_pitch[1], 0)
        output, nobody_output = weights.output, weights.nobody_output
        return voice @ output[:-1] + output[-1] - nobody @ nobody_output[:-1] - nobody_output[-1]

    alone = [network(5, 3), network(4, 2), network(6, 1)]
    expected = np.mean([log_odds(weights) for weights in alone], axis=0)
    np.testing.assert_allclose(log_odds(fit_voice_owners.together(alone)), expected, atol=1e-4)


def test_a_network_of_owners_says_what_it_learned() -> None:
    """Weights, into which mean and standard deviation were put, say what the fitted network says."""
    torch.manual_seed(11)
    rng, voices, numbers = np.random.default_rng(11), 3, [OF_PITCH, OF_CLAIM]
    pitch, claim = rng.standard_normal((40, numbers[0])), 3 + 2 * rng.standard_normal((40, voices, numbers[1]))
    told = [torch.from_numpy(each.astype(np.float32)) for each in (pitch, claim)]
    known = (*told, *(torch.ones((40, 1 + voices), dtype=torch.bool) for _ in range(2)))
    network = fit_voice_owners.Network(known)
    weights = network.weights()
    of_pitch = [pitch @ layer[:, :-1].T + layer[:, -1] for layer in (weights.pitch, weights.nobody)]
    voice = np.maximum(of_pitch[0][:, None] + claim @ weights.claim.T, 0) @ weights.output[:-1] + weights.output[-1]
    nobody = np.maximum(of_pitch[1], 0) @ weights.nobody_output[:-1] + weights.nobody_output[-1]
    network.noise = 0.0
    with torch.no_grad():
        received = network(*told).numpy()
    np.testing.assert_allclose(received, np.hstack([nobody[:, None], voice]), atol=1e-4)


def test_speakers_who_talk_at_once_are_of_one_split(tmp_path: Path) -> None:
    """The lowest comes first, whoever is drawn first."""
    pytest.importorskip("parselmouth")
    (tmp_path / "speech").mkdir()
    time_s = np.arange(11 * speakers.RATE) / speakers.RATE
    for name, hz in (("anna", 220.0), ("bert", 110.0), ("carl", 150.0), ("dora", 300.0)):
        sound = sum(0.1 * np.sin(2 * np.pi * hz * h * time_s) / h for h in range(1, 9))
        soundfile.write(tmp_path / "speech" / f"{name}-00.flac", sound, speakers.RATE)
    rows = ("speaker,split", "anna,train", "bert,train", "carl,train", "dora,test")
    (tmp_path / "splits.csv").write_text("\n".join(rows))
    for number in range(6):
        name, stems = speakers.drawn_talk(tmp_path, "train", number)
        names = name.split(", ")
        assert names == sorted(names, key=["bert", "carl", "anna"].index)
        pitches = speakers.pitches_at(stems, np.arange(1.0, 9.0))
        heights = {"anna": 220.0, "bert": 110.0, "carl": 150.0}
        np.testing.assert_allclose(pitches, np.tile([heights[each] for each in names], (8, 1)), rtol=0.01)


def test_who_of_the_speakers_is_whom_follows_what_was_found() -> None:
    steps, f0 = at_rest(HeardSteps, lengths_of_claims(2, 2, 12)), np.tile([110.0, 220.0], (10, 1))
    steps.f0[:10] = f0
    piece = Heard("two", steps, 0.01, f0, np.zeros((10, 2)), talk=True)
    swapped = np.tile([2, 1], (10, 1))
    assert order_of(piece, swapped).tolist() == [1, 0]
    assert f1(piece, swapped) == pytest.approx(1)
    swapped[5:] = 1, 2
    assert f1(piece, swapped) == pytest.approx(0.5)
