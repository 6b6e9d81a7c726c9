"""What tells tones from strokes, against its equations."""

import numpy as np
import pytest

from sharpear.dsp.scales import hz_to_erb
from sharpear.dsp.splitter import Split
from sharpear.dsp.tonal_evidence import LEVEL_S, TonalEvidence
from sharpear.dsp.tonal_evidence_kernel import (
    BANDS,
    COHERENCE_SPANS,
    LAGS,
    LOOKAHEAD,
    LOW_SPANS,
    ONSET_BAND,
    ONSET_FRAMES,
    ONSET_SPANS,
    RANGE,
    SILENT_POWER,
    SPANS,
    WIDE_SPANS,
)

HOP_S, FRAMES, CHANNELS = 0.004, 120, 50
HZ = np.geomspace(100, 4000, CHANNELS)


def heard(streams: int) -> np.ndarray:
    """(frames, streams, channels) subbands: tones that begin and end, one that never does, and noise."""
    rng = np.random.default_rng(8)
    noise = rng.standard_normal((2, FRAMES, streams, CHANNELS))
    turning = np.exp(2j * np.pi * HOP_S * HZ * np.arange(FRAMES)[:, None])[:, None]
    lasts = rng.random((1, streams, CHANNELS)) > (np.arange(FRAMES) % 50 < 20)[:, None, None]
    return (0.01 * (noise[0] + 1j * noise[1]) + turning * lasts * rng.random(CHANNELS)).astype(np.complex64)


def spread(row: np.ndarray, half: int) -> np.ndarray:
    return np.array([row[max(k - half, 0) : k + half + 1].mean() for k in range(row.size)])


def naive(subband: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Features of streams that are one group; before the first frame all is silent."""
    before = 64
    z = np.concatenate([np.zeros((before, *subband.shape[1:])), subband.astype(np.complex128)])
    p = np.concatenate([np.zeros((before, CHANNELS)), power.astype(np.float64).sum(axis=1)])
    loudness = np.log(p + SILENT_POWER) - np.log(SILENT_POWER)
    rises = [np.maximum(loudness[n] - loudness[max(n - ONSET_FRAMES, 0)], 0) for n in range(len(p))]
    onset = np.array([spread(rise, ONSET_BAND) for rise in rises])
    level, told = SILENT_POWER, []
    for newest in range(before, len(p)):
        level = max(p[newest].sum(), np.exp(-HOP_S / LEVEL_S) * level)
        reference, middle = np.log(level) - np.log(SILENT_POWER) - RANGE, newest - LOOKAHEAD

        def frames(span: tuple[int, int], middle: int = middle) -> slice:
            return slice(middle + span[0], middle + span[1] + 1)

        def above(row: np.ndarray, reference: float = reference) -> np.ndarray:
            return np.maximum(row - reference, 0) * 2 / RANGE

        now = [above(loudness[frames(span)].mean(axis=0)) for span in SPANS]
        now += [above(loudness[frames(span)].min(axis=0)) for span in LOW_SPANS]
        now += [spread(above(loudness[frames(span)].mean(axis=0)), half) for span in WIDE_SPANS for half in BANDS]
        for which, *span in COHERENCE_SPANS:
            here = frames((span[0], span[1]))
            there = slice(here.start - LAGS[which], here.stop - LAGS[which])
            turned = (z[here] * z[there].conj()).sum(axis=(0, 1))
            energy = 0.5 * (np.abs(z[here]) ** 2 + np.abs(z[there]) ** 2).sum(axis=(0, 1))
            now.append(np.abs(turned) / (energy + SILENT_POWER))
        now += [0.5 * onset[frames(span)].max(axis=0) for span in ONSET_SPANS]
        told.append([*now, hz_to_erb(HZ) / 20 - 1])
    return np.array(told)


@pytest.mark.parametrize("per_group", [1, 2])
def test_it_follows_its_equations(per_group: int) -> None:
    subband = heard(2)
    power = (np.abs(subband) ** 2).astype(np.float32)
    evidence = TonalEvidence(HZ, HOP_S, 2 // per_group, per_group)
    received = evidence.process(Split(power[..., 0], power, subband, power))
    for group in range(2 // per_group):
        streams = slice(group * per_group, (group + 1) * per_group)
        expected = naive(subband[:, streams], power[:, streams])
        np.testing.assert_allclose(received[:, group], expected, atol=2e-4)
