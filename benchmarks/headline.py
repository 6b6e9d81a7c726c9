"""The rows of README's table and of docs/benchmarks.md: which value of which result, beside which peers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.results import Cell, Table, number

Kept = Mapping[str, Mapping[str, Table]]
"""Benchmark -> table -> what is kept of it."""
Told = Callable[[Kept], str]

NMF = "NMF, oracle clustering"
NAMES = {
    NMF: "NMF clustered by the truth",
    "harmonic sum, sharpened": "harmonic sums on our frames",
    "basic-pitch": "basic-pitch",
}
"""Methods that are called otherwise here; of all others hyphens become spaces."""

NO_PEERS = ("sharpear", "transcribe", "truth", "best peer", "mixture", "ideal")
"""Beginnings of the names of rows that are no peer's."""


@dataclass(frozen=True)
class Row:
    """What is measured, what we have and what the best peer, by which command, with settings chosen on what."""

    measure: str
    ours: Told
    peer: Told
    command: str
    chosen_on: str = ""


def value(kept: Kept, place: str) -> Cell:
    """What stands at `benchmark/table/row/column`; of a mean with its spread the mean.

    Raises:
        KeyError: nothing is kept there.
    """
    benchmark, table, row, column = place.split("/", 3)
    try:
        cell = kept[benchmark][table].rows[row][column]
    except KeyError as error:
        raise KeyError(f"expected a number that is kept, received {place}: no {error}") from error
    return cell if isinstance(cell, (str, int, float)) or cell is None else cell[0]


def ours(row: str, columns: Sequence[str], form: str) -> Told:
    """Cells of one row of `benchmark/table/row`."""
    return lambda kept: ", ".join(number(value(kept, f"{row}/{column}"), form) for column in columns)


def beside(row: str, columns: Sequence[str], form: str, name: str) -> Told:
    """The same of a peer, with its name behind it."""
    return lambda kept: f"{ours(row, columns, form)(kept)} ({name})"


def best(table: str, columns: Sequence[str], form: str, most: bool = False) -> Told:
    """The best peer for each column of `benchmark/table`: the least, or the most."""

    def told(kept: Kept) -> str:
        benchmark, name = table.split("/")
        peers = [row for row in kept[benchmark][name].rows if not row.startswith(NO_PEERS)]
        found = []
        for column in columns:
            scores = {
                peer: each
                for peer in peers
                if isinstance(each := value(kept, f"{table}/{peer}/{column}"), (int, float))
            }
            peer = (max if most else min)(scores, key=lambda peer: scores[peer])
            found.append((number(scores[peer], form), _name(peer)))
        return _together(found)

    return told


def named(table: str, peers: Collection[str], column: str, form: str) -> Told:
    """These peers of `benchmark/table`."""
    return lambda kept: _together(
        [(number(value(kept, f"{table}/{peer}/{column}"), form), _name(peer)) for peer in peers]
    )


def _name(peer: str) -> str:
    return NAMES.get(peer, peer.replace("-", " "))


def _together(found: Sequence[tuple[str, str]]) -> str:
    """Values, a name behind those that it has in a row.

    >>> _together([("1", "a"), ("2", "a"), ("3", "b")])
    '1, 2 (a), 3 (b)'
    """
    told = []
    for n, (score, peer) in enumerate(found):
        last = n + 1 == len(found) or found[n + 1][1] != peer
        told.append(f"{score} ({peer})" if last else score)
    return ", ".join(told)


RECORDED = ("speech", "singing", "two_voices", "chorale", "piano")
SEEDS = "signals drawn with seeds 10 to 12 and 20 to 22; shown are those of 0 to 4"
MUSIC = "sharpness/cents/sharpear-music"


def _sharpness(measure: str, column: str, form: str) -> Row:
    return Row(
        measure, ours(MUSIC, [column], form), best("sharpness/cents", [column], form), "make bench-sharpness", SEEDS
    )


def _speed(kept: Kept) -> str:
    shares = [number(value(kept, f"speed/shares/{row}/whole"), ".2f") for row in SPEEDS]
    return "{} on a chorale; {} without voices, {} `speech`, {} `low-latency`".format(*shares)


SPEEDS = ("music", "music, no voices", "speech", "low-latency")

HEADLINE = (
    Row(
        "recorded voices sung again: speech, singing, two voices, chorale, piano; cents",
        ours(MUSIC, RECORDED, ".0f"),
        beside("sharpness/cents/best peer", RECORDED, ".0f", "the best of all for each signal"),
        "make bench-sharpness",
        "other speakers, players and scenes",
    ),
    Row(
        "two tones 440 + 450 Hz, 440 + 460 Hz; cents",
        ours(MUSIC, ["two_tones_10", "two_tones_20"], ".1f"),
        best("sharpness/cents", ["two_tones_10", "two_tones_20"], ".1f"),
        "make bench-sharpness",
        SEEDS,
    ),
    _sharpness("geometric mean over 16 synthetic families; cents", "all synthetic", ".1f"),
    _sharpness("crossing chirps; cents", "chirps_design", ".1f"),
    Row(
        "multi-pitch frame F1: chorale, piano with drums, two choirs",
        ours("transcription/frame_f1/transcribe", ["r1", "r2", "c1", "m1"], ".2f"),
        best("transcription/frame_f1", ["r1", "r2", "c1", "m1"], ".2f", most=True),
        "make bench-transcription",
        "these four and rendered pieces; the readout was learned from rendered ones, with these four in view",
    ),
    Row(
        "piano against drums, SI-SDR, 97 ms late; dB",
        ours("separation/r2_drums/sharpear tonal, transient", ["SI-SDR, dB"], ".1f"),
        named("separation/r2_drums", ["HPSS", NMF], "SI-SDR, dB", ".1f"),
        "make bench-separation",
        "140 rendered pieces; how much of the fit before stays, with this one in view",
    ),
    Row(
        "voices of a chorale, of a choir, blind, SI-SDR; dB",
        ours("separation/voices/sharpear voices", ["r1", "c1"], ".1f"),
        beside(f"separation/voices/{NMF}", ["r1", "c1"], ".1f", NAMES[NMF]),
        "make bench-separation",
        "chorales by a third and a fourth soundfont; these two in view",
    ),
    Row(
        "real-time factor, one core, 44.1 kHz",
        _speed,
        beside("speed/shares/reassigned 4096", ["whole"], ".2f", "reassigned 4096, in the same run"),
        "make bench",
    ),
)
MORE = (
    _sharpness("three vibrato voices; cents", "vibrato_design", ".0f"),
    _sharpness("note sequence; cents", "notes_design", ".0f"),
    _sharpness("tones under noise, 10 dB SNR; cents", "noisy_10", ".0f"),
    Row(
        "smallest spacing of two tones at 1 kHz, 30 dB SNR; Hz",
        ours("sharpness/spacing/sharpear-music", ["1000 Hz, 0 dB"], ".0f"),
        best("sharpness/spacing", ["1000 Hz, 0 dB"], ".0f"),
        "make bench-sharpness",
        SEEDS,
    ),
)


def table(rows: Sequence[Row], kept: Kept) -> Table:
    """The rows, each with what is kept."""
    told: dict[str, dict[str, Cell]] = {
        row.measure: {
            "sharpear": row.ours(kept),
            "best peer": row.peer(kept),
            "command": f"`{row.command}`",
            "settings chosen on": row.chosen_on,
        }
        for row in rows
    }
    return Table(told, corner="measure")
