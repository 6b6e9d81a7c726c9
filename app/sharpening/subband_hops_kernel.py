"""The stages of the paths by subbands, a hop of one stream together. No validation here."""

from typing import NamedTuple

import numpy as np

from sharpear.compiler import Complexes, Floats, kernel
from sharpear.dsp.alignment import AlignParts, align_frame
from sharpear.dsp.encoder import EncoderParts, encode_frame
from sharpear.dsp.filterbank_kernel import FilterbankParts, advance_bank, end_hop
from sharpear.dsp.finite_window import WindowParts, window_frame
from sharpear.dynamics.pair_kernel import pair_frame, pair_room
from sharpear.dynamics.rules import PairParts

from .sparse_code import RefineParts, refine_frame


class DecideParts(NamedTuple):
    """From a network's drive to lines."""

    pair: PairParts
    refining: RefineParts


@kernel
def hear_subbands(
    s: int, audio: Floats, hop: int, filled: int, order: tuple[int, ...], bank: FilterbankParts,
    window: WindowParts | None, window_row: int, align: AlignParts, align_row: int, encoder: EncoderParts | None,
    subband: Complexes, drive: Complexes,
) -> None:  # fmt: skip
    """From audio (samples, streams) of stream `s` to its aligned subbands, and to what these drive a network by.

    filled: samples already in the hop; order: see `filterbank_process`; window, encoder: None leaves them out.
    """
    samples, channels = audio.shape[0], subband.shape[2]
    stages = np.empty((len(order), channels), np.complex64)
    z, power, hz = np.empty(channels, np.complex64), np.empty(channels, np.float32), np.empty(channels, np.float32)
    re, im = np.empty(drive.shape[2], np.float32), np.empty(drive.shape[2], np.float32)
    begin, end = 0, hop - filled
    for f in range((filled + samples) // hop):
        advance_bank(audio[begin:end, s], s, order, bank.coefficients, bank.state[s], bank.replaced)
        end_hop(bank.state[s], stages)
        if window is None:
            align_frame(stages[len(order) - 1], align.wait, align.held, align_row + f, s, subband[f, s])
        else:
            window_frame(stages, window, window_row + f, s, z, power, hz)
            align_frame(z, align.wait, align.held, align_row + f, s, subband[f, s])
        if encoder is not None:
            encode_frame(subband[f, s], encoder, re, im, drive[f, s])
        begin, end = end, end + hop
    advance_bank(audio[begin:, s], s, order, bank.coefficients, bank.state[s], bank.replaced)


@kernel
def decide_subbands(s: int, parts: DecideParts, drive: Complexes, amplitude: Floats, frequency: Floats) -> None:
    """From what drives the network of stream `s` to the lines' amplitudes and frequencies."""
    pair = parts.pair
    room, active = pair_room(pair.lca_state, pair.wta_state), np.empty(drive.shape[2], np.complex64)
    for f in range(drive.shape[0]):
        pair_frame(drive[f, s], s, pair, room, active)
        refine_frame(active, s, parts.refining, amplitude[f, s], frequency[f, s])
