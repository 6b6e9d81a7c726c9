"""The tiles of `sharpear view`: they hold what was sharpened."""

from itertools import pairwise

import numpy as np
import pytest
from conftest import SMALL
from view_rig import DEPTH_CENTS, LENGTH_S, LOW_HZ, RATE, vibrato_at

import sharpear
from sharpear.sharpening.evidence import Evidence
from sharpear.sinks.drawing import ROWS_PER_OCTAVE
from sharpear.sinks.linking import LEVEL_ROWS_PER_DB, REACH_ROWS, link_peaks
from sharpear.sinks.strokes import FADED_DB, ROW_STEPS, STEPS_PER_DB, STROKE, Linker, Strokes
from sharpear.view.listening import evidence_of
from sharpear.view.tiles import stroke_records

pytest_plugins = "view_fixtures"


def test_strokes_follow_the_tone_and_join(drawn):
    folder, told = drawn
    (sheet,) = told[-1]["sheets"]
    assert sheet["complete"]
    assert sheet["sound"]
    assert sheet["notes"]
    records = stroke_records((folder / "s0-0").read_bytes())
    loud = records[(records["level"].max(axis=1) > 150) & (records["weight"] == 255)]
    loud = loud[loud["t"][:, 0] != loud["t"][:, 1]]
    times = loud["t"] * sheet["hop_s"]
    hz = sheet["low_hz"] * 2 ** (loud["row"] / ROW_STEPS / ROWS_PER_OCTAVE)
    steady = (times[:, 0] > 0.8) & (np.abs(times[:, 0] - 1) > 0.1) & (np.abs(times[:, 0] - 2) > 0.1)
    off_cents = 1200 * np.log2(hz[steady] / vibrato_at(times[steady]))
    assert np.median(np.abs(off_cents)) < 15
    ends = {(t, row) for t, row in zip(loud["t"][:, 1].tolist(), loud["row"][:, 1].tolist(), strict=True)}
    begins = list(zip(loud["t"][steady][:, 0].tolist(), loud["row"][steady][:, 0].tolist(), strict=True))
    assert np.mean([begin in ends for begin in begins]) > 0.9, "a line's strokes join"


def test_columns_of_each_level_are_the_largest_of_those_below(drawn):
    folder, told = drawn
    rows = told[-1]["sheets"][0]["rows"]
    levels = []
    for level in range(3):
        files = sorted(folder.glob(f"r{level}-*"), key=lambda path: int(path.name.split("-")[1]))
        joined = b"".join(path.read_bytes() for path in files)
        levels.append(np.frombuffer(joined, np.uint8).reshape(-1, rows, 2))
    for below, above in pairwise(levels):
        even = len(below) - len(below) % 2
        assert np.array_equal(above[: even // 2], np.maximum(below[:even:2], below[1:even:2]))
        assert len(above) == -(-len(below) // 2)
    column_s = told[-1]["sheets"][0]["hop_s"] * told[-1]["pool"]
    assert len(levels[0]) * column_s == pytest.approx(LENGTH_S, abs=4 * column_s)


def test_what_grows_is_told_and_never_shrinks(drawn):
    _, told = drawn
    done = [message["sheets"][0]["done_s"] for message in told]
    assert done == sorted(done)
    assert done[-1] == pytest.approx(LENGTH_S, abs=0.05)


def test_any_split_gives_the_same_strokes():
    frames = sharpear.sharpen(np.random.default_rng(1).normal(0, 0.1, (2 * RATE, 1)), RATE, str(SMALL))
    plain = sharpear.Frames(frames.times, frames.amplitude, frames.instantaneous_frequency, frames.plain_amplitude)

    def strokes(split: int) -> np.ndarray:
        linker, drawing, found = Linker(LOW_HZ), Strokes(4), []
        for first in range(0, len(plain), split):
            peaks = linker.process(plain[first : first + split], first + split >= len(plain))
            found += [drawing.process(peaks)] if peaks else []
        return np.concatenate(found)

    whole = strokes(len(plain))
    assert len(whole) > 100
    assert np.array_equal(strokes(37), whole)


@pytest.mark.parametrize("at_once", [1, 3])
def test_stretches_heard_side_by_side_are_the_unbroken_recording(monkeypatch, at_once):
    monkeypatch.setattr("sharpear.view.listening.LONGEST_S", 20.0)  # two side by side, then one
    sound = np.random.default_rng(2).normal(0, 0.1, (round(31.7 * RATE), 1)).astype(np.float32)
    sharpener = sharpear.Sharpener(RATE, str(SMALL))
    blocks = [sound[first : first + 50_000] for first in range(0, len(sound), 50_000)]
    heard = Evidence.join(list(evidence_of(blocks, len(sound), sharpener, at_once)))
    missing = sharpener.hops_for(len(sound)) * sharpener.hop - len(sound)
    assert heard == sharpener.listen(np.concatenate([sound, np.zeros((missing, 1), np.float32)]))


def test_all_of_a_recording_is_shown_before_it_is_sharpened(drawn):
    folder, told = drawn
    (sheet,) = told[-1]["sheets"]
    assert sheet["preview"]
    columns = np.frombuffer((folder / "p0-0").read_bytes(), np.uint8).reshape(-1, sheet["rows"], 2)
    assert np.array_equal(columns[:, :, 0], columns[:, :, 1])
    seconds = (np.arange(len(columns)) + 0.5) / len(columns) * LENGTH_S
    hz = sheet["low_hz"] * 2 ** (columns[:, :, 0].argmax(axis=1) / ROWS_PER_OCTAVE)
    steady = (seconds > 0.7) & (np.abs(seconds % 1 - 0.5) < 0.4)
    assert np.abs(1200 * np.log2(hz[steady] / 440)).max() < 2 * DEPTH_CENTS
    assert columns[seconds < 0.4].max() < columns[steady].max() - 60


def test_strokes_of_a_segment_come_from_loud_to_faint_and_none_is_unseen(drawn):
    folder, told = drawn
    for level in range(2):
        records = stroke_records((folder / f"s{level}-0").read_bytes())
        segment = records["t"][:, 0] // ((told[-1]["tile_frames"] << level) // told[-1]["segments"])
        loudness = records["level"].max(axis=1) - FADED_DB * STEPS_PER_DB * (1 - records["weight"] / 255)
        assert len(loudness) > 100
        assert (np.diff(segment) >= 0).all()
        assert (np.diff(loudness)[np.diff(segment) == 0] < 1e-3).all()
        assert loudness.min() > 0


def test_lines_go_on_where_two_peaks_are_each_others_nearest():
    """Against all pairs: peaks that are nearly in order, several of them equally near."""
    rng = np.random.default_rng(3)
    row = np.sort(rng.integers(0, 40, (60, 12)) / 2, axis=1).astype(np.float32)
    row[:, [2, 3]] = row[:, [3, 2]]
    count = rng.integers(0, row.shape[1] + 1, len(row))
    level_db = rng.integers(-60, 0, row.shape).astype(np.float32)
    link, age = np.full(row.shape, -1), np.zeros(row.shape, np.int64)
    link_peaks(0, row, level_db, count, link, age)

    def nearest(frame: int, peak: int, other: int) -> int:
        apart = np.abs(row[other] - row[frame, peak])
        cost = apart + LEVEL_ROWS_PER_DB * np.abs(level_db[other] - level_db[frame, peak]).astype(np.float64)
        cost[(apart >= REACH_ROWS) | (np.arange(len(apart)) >= count[other])] = np.inf
        return int(cost.argmin()) if np.isfinite(cost).any() else -1

    linked = 0
    for frame, peak in [place for place in np.ndindex(row.shape) if place[0] > 0 and place[1] < count[place[0]]]:
        before = nearest(frame, peak, frame - 1)
        mutual = before >= 0 and nearest(frame - 1, before, frame) == peak
        assert link[frame, peak] == (before if mutual else -1)
        assert age[frame, peak] == (age[frame - 1, before] + 1 if mutual else 0)
        linked += mutual
    assert linked > 100


def test_stroke_records_are_what_the_page_reads():
    assert STROKE.itemsize == 12
    assert [STROKE.fields[name][1] for name in ("t", "row", "level", "weight", "voice")] == [0, 4, 8, 10, 11]
