"""What speaks for voices, band by band, beside what windows say. No validation here."""

from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sharpear.compiler import Doubles, Floats, kernel
from sharpear.compiler.elementary import ln
from sharpear.dsp.cues import BANDS_PER_OCTAVE, LOWEST_BAND_HZ
from sharpear.dsp.line_cues_kernel import BELOW_LAST

from .tracker_arrays import ROW_HOPS, TOLD

OWN_CUES = 7
"""Cues of a band itself; those of all voices together follow, and what the judge of windows thinks of the band."""

SHARED_CUES = TOLD + 1

LEVEL_CUE = 0
"""A quarter of ln of the band's energy over the loudest's."""

FAINTEST_PARTIAL = 3e-6
"""Partials below this share (-55 dB) of what windows say in all are left out."""

LEAST_SHARE, LEAST_ENERGY = 1e-6, 1e-32
"""Energies are compared with so much of the loudest band's, and so much, added."""

MOST_APART, MOST_PLACES, MOST_PARTIALS_TOLD = 6.0, 3.0, 6.0
"""Ratios are told up to e^±6, places up to a third of a band apart, partials up to six a band."""


class VoiceCueRoom(NamedTuple):
    """Energies of windows' lines and of partials in bands, with their mean places; how many partials, how certain."""

    windows: Annotated[NDArray[np.float64], "bands"]
    windows_place: Annotated[NDArray[np.float64], "bands"]
    voices: Annotated[NDArray[np.float64], "bands"]
    voices_place: Annotated[NDArray[np.float64], "bands"]
    number: Annotated[NDArray[np.float64], "bands"]
    certainty: Annotated[NDArray[np.float64], "bands"]
    place: Annotated[NDArray[np.float64], "all partials"]


@kernel(apart=True)
def read_voice_cues(
    lines: int, place: Floats, believed: Floats, partials: int, hz: Floats, energy: Floats, precision: Floats,
    beyond: Floats, told: Floats, since: int, second: Floats, room: VoiceCueRoom, cues: Floats,
) -> int:  # fmt: skip
    """Cues, (cues, bands), of a frame, `since` frames after its row; partials too faint lose their energy.

    place, believed: of windows' lines; hz, energy, precision: of the partials; beyond: energy of bands that voices
    leave; told: of all voices; second: (bands, units) what the judge of windows thinks. How many partials are left.
    """
    bands, heard, left = room.windows.size, 0.0, 0
    _clear(room)
    for i in range(lines):
        heard += believed[i]
        _add(believed[i], place[i], room.windows, room.windows_place)
    for k in range(partials):
        if energy[k] <= FAINTEST_PARTIAL * heard or hz[k] < LOWEST_BAND_HZ / 2:
            energy[k] = 0.0
            room.place[k] = -1.0
            continue
        left += 1
        at = min(max(np.log2(hz[k] / LOWEST_BAND_HZ) * BANDS_PER_OCTAVE, 0.0), bands - BELOW_LAST)
        room.place[k] = at
        _add(energy[k], at, room.voices, room.voices_place)
        b, sure = int(at), energy[k] * np.log1p(precision[k])
        room.number[b] += 1 - (at - b)
        room.number[b + 1] += at - b
        room.certainty[b] += (1 - (at - b)) * sure
        room.certainty[b + 1] += (at - b) * sure
    loudest = 0.0
    for b in range(bands):
        loudest = max(loudest, room.windows[b], room.voices[b])
    least = LEAST_SHARE * loudest + LEAST_ENERGY
    for b in range(bands):
        _tell(b, beyond[b], loudest, least, room, cues)
        for m in range(TOLD):
            cues[OWN_CUES + m, b] = told[m]
        cues[OWN_CUES + TOLD, b] = since / np.float32(ROW_HOPS)
        for m in range(second.shape[1]):
            cues[OWN_CUES + SHARED_CUES + m, b] = second[b, m]
    return left


@kernel
def _clear(room: VoiceCueRoom) -> None:
    room.windows[:], room.windows_place[:] = 0.0, 0.0
    room.voices[:], room.voices_place[:] = 0.0, 0.0
    room.number[:], room.certainty[:] = 0.0, 0.0


@kernel
def _add(energy: float, place: float, total: Doubles, moment: Doubles) -> None:
    """A line's energy, and where it is, to the bands on either side."""
    b = int(place)
    above = place - b
    total[b] += energy * (1 - above)
    total[b + 1] += energy * above
    moment[b] += energy * (1 - above) * place
    moment[b + 1] += energy * above * place


@kernel
def _tell(b: int, beyond: float, loudest: float, least: float, room: VoiceCueRoom, cues: Floats) -> None:
    """What a band itself says."""
    windows, voices = room.windows[b], room.voices[b]
    cues[0, b] = ln(np.float32((windows + least) / (loudest + LEAST_ENERGY))) / np.float32(4)
    cues[1, b] = _ratio(voices + least, windows + least)
    cues[2, b] = _ratio(beyond + least, windows + least)
    cues[3, b] = _ratio(beyond + least, voices + least)
    cues[4, b] = min(room.number[b], MOST_PARTIALS_TOLD) / 3
    cues[5, b] = room.certainty[b] / voices / 5 if voices > least else 0.0
    apart = 0.0
    if voices > least and windows > least:
        apart = 10 * (room.voices_place[b] / voices - room.windows_place[b] / windows)
    cues[6, b] = min(max(apart, -MOST_PLACES), MOST_PLACES)


@kernel
def _ratio(above: float, below: float) -> np.float32:
    """A third of ln of a ratio, within bounds."""
    return np.float32(min(max(ln(np.float32(above / below)), -MOST_APART), MOST_APART) / 3)
