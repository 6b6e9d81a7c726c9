"""The ring: what is read is what was written, in order; what is missing is counted; nobody waits."""

import stat
import subprocess
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sharpear.errors import InputError
from sharpear.live.ring import CALLBACKS, GAP_PLACES, XRUNS, ZERO_RUN, Reader, Ring

CAPACITY = 64


@pytest.fixture
def ring() -> Iterator[Ring]:
    made = Ring.create(CAPACITY, 1)
    yield made
    made.remove()


def numbered(start: int, count: int) -> np.ndarray:
    """Samples that say which they are."""
    return np.arange(start, start + count, dtype=np.float32)[:, None]


actions = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 2 * CAPACITY)),
        st.tuples(st.just("read"), st.integers(1, CAPACITY)),
        st.tuples(st.just("gap"), st.integers(1, 1000)),
    ),
    max_size=60,
)


@settings(deadline=None, max_examples=200)
@given(actions, st.integers(4, CAPACITY))
def test_every_sample_is_read_once_in_order_or_counted_as_lost(actions, limit):
    ring = Ring.create(CAPACITY, 1)
    ring.remove()
    reader = Reader(ring, limit)
    written = read = lost = dropped = 0
    for what, count in [*actions, *[("read", CAPACITY)] * 80]:
        if what == "write":
            ring.write(numbered(written, count))
            written += count
        elif what == "gap":
            ring.mark_gap(count)
        elif chunk := reader.read(count):
            lost, dropped = lost + chunk.lost, dropped + chunk.dropped
            assert 0 <= chunk.dropped <= chunk.lost
            assert np.array_equal(chunk.samples, numbered(read + dropped, len(chunk.samples)))
            assert len(chunk.samples) <= count
            read += len(chunk.samples)
            assert reader.waiting <= limit
    assert read + dropped == written
    assert reader.read(1) is None
    gaps_passed = lost - dropped
    assert gaps_passed == max((missing for _, at, missing in ring.gaps() if at < written), default=0)


def test_a_reader_that_falls_behind_keeps_the_newest(ring):
    reader = Reader(ring, limit=32)
    ring.write(numbered(0, 50))
    chunk = reader.read(100)
    assert chunk.samples.ravel().tolist() == list(range(42, 50))
    assert (chunk.lost, chunk.dropped) == (42, 42)


def test_no_chunk_spans_a_gap(ring):
    reader = Reader(ring, CAPACITY)
    ring.write(numbered(0, 10))
    ring.mark_gap(500)
    ring.write(numbered(10, 10))
    first, second = reader.read(100), reader.read(100)
    assert (len(first.samples), first.lost) == (10, 0)
    assert (len(second.samples), second.lost, second.dropped) == (10, 500, 0)


def test_a_gap_without_sound_after_it_waits(ring):
    reader = Reader(ring, CAPACITY)
    ring.write(numbered(0, 10))
    reader.read(100)
    for gap in (20, 30):
        ring.mark_gap(gap)
        assert reader.read(100) is None
    ring.write(numbered(10, 1))
    assert reader.read(100).lost == 50


def test_more_gaps_than_have_a_place_are_still_counted_in_full(ring):
    reader = Reader(ring, CAPACITY)
    for number in range(3 * GAP_PLACES):
        ring.mark_gap(10)
        ring.write(numbered(number, 1))
    passed = 0
    while chunk := reader.read(CAPACITY):
        passed += chunk.lost + len(chunk.samples)
    assert passed == 3 * GAP_PLACES * 11


def test_readers_are_independent(ring):
    slow, fast = Reader(ring, CAPACITY), Reader(ring, 16)
    ring.write(numbered(0, 40))
    assert fast.read(100).dropped == 36
    assert np.array_equal(slow.read(100).samples, numbered(0, 40))


def test_another_process_would_see_the_same(ring):
    other = Ring(ring.path)
    reader = Reader(other, CAPACITY)
    ring.write(numbered(0, 5))
    assert np.array_equal(reader.read(9).samples, numbered(0, 5))
    assert (other.capacity, other.channels) == (CAPACITY, 1)


def test_counts(ring):
    ring.write(np.zeros((7, 1), np.float32), arrived_ns=5, xrun=True)
    ring.write(np.zeros((8, 1), np.float32))
    assert ring.header[[CALLBACKS, XRUNS, ZERO_RUN]].tolist() == [2, 1, 15]
    ring.write(numbered(1, 1))
    assert ring.header[ZERO_RUN] == 0


def test_a_copy_that_is_overtaken_is_not_believed():
    """A writer as fast as it can, and readers who check that every chunk is one run of numbers."""
    ring = Ring.create(1 << 12, 1)
    blocks = 1500
    torn: list[str] = []
    counted: list[int] = []

    def write() -> None:
        for number in range(blocks):
            ring.write(numbered(number * 257, 257))

    def read(limit: int) -> None:
        reader, total = Reader(ring, limit), 0
        while total < blocks * 257:
            chunk = reader.read(1500)
            if chunk is None:
                continue
            total += chunk.dropped + len(chunk.samples)
            if len(chunk.samples) and not np.array_equal(
                chunk.samples, numbered(total - len(chunk.samples), len(chunk.samples))
            ):
                torn.append(f"before {total}")
        counted.append(total)

    readers = [threading.Thread(target=read, args=(limit,)) for limit in (1 << 12, 1 << 11)]
    for reader in readers:
        reader.start()
    write()
    for reader in readers:
        reader.join(30)
    ring.remove()
    assert not torn, torn[:3]
    assert counted == [blocks * 257] * 2


def test_without_shared_memory_the_ring_is_a_temporary_file_and_a_line_says_so(monkeypatch, tmp_path):
    missing, told = tmp_path / "missing", []
    monkeypatch.setattr("sharpear.live.ring.SHARED_MEMORY", str(missing))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made = Ring.create(CAPACITY, 1, told.append)
    assert made.path.parents[2] == tmp_path
    (line,) = told
    assert line.startswith(f"{missing} (No such file or directory)")
    made.remove()
    assert not list(tmp_path.iterdir())


def test_no_room_for_a_ring_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr("sharpear.live.ring.SHARED_MEMORY", str(tmp_path / "missing"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing, too"))
    with pytest.raises(InputError, match=r"the sound's memory: cannot be written"):
        Ring.create(CAPACITY, 1)


def test_only_the_ring_of_a_dead_session_goes(monkeypatch, tmp_path):
    """One of a living session stays, and so do a link to what looks like one and a file that only has such a name."""
    monkeypatch.setattr("sharpear.live.ring.SHARED_MEMORY", str(tmp_path))
    alive, dead, foreign = (Ring.create(CAPACITY, 1) for _ in range(3))
    folders = [ring.path.parents[1] for ring in (alive, dead, foreign)]
    assert all(stat.S_IMODE(folder.stat().st_mode) == 0o700 for folder in folders)
    for ring in (dead, foreign):
        ring._folder.leave()
    folders[2].chmod(0o755)
    outside = tmp_path.with_name(f"{tmp_path.name}.outside")
    folders[2].rename(outside)
    (tmp_path / folders[2].name).symlink_to(outside)
    (tmp_path / "sharpear-old.ring").touch()
    Ring.create(CAPACITY, 1).remove()
    assert {path.name for path in tmp_path.iterdir()} == {folders[0].name, folders[2].name, "sharpear-old.ring"}
    assert foreign.path.name in {path.name for path in outside.rglob("*")}
    alive.remove()


def test_a_killed_session_s_ring_goes_with_the_next(monkeypatch, tmp_path):
    making = f"""
import os, signal
from sharpear.live import ring
ring.SHARED_MEMORY = {str(tmp_path)!r}
made = ring.Ring.create({CAPACITY}, 1)
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", making], check=False)
    (left,) = tmp_path.iterdir()
    monkeypatch.setattr("sharpear.live.ring.SHARED_MEMORY", str(tmp_path))
    made = Ring.create(CAPACITY, 1)
    assert not left.exists()
    made.remove()
    assert not list(tmp_path.iterdir())
