"""A very short share of `make soak`, and that it says what is not flat."""

from dataclasses import replace

import pytest

from benchmarks import soak
from benchmarks.soak import MEMORY_MB, SMALL, Row, uneven

pytestmark = pytest.mark.slow

RATE = 8000


def test_a_minute_is_flat(folder, capsys):
    assert soak.soak(60.0, str(SMALL), RATE, folder) == []
    assert len(capsys.readouterr().out.splitlines()) == 1 + soak.ROWS


@pytest.mark.parametrize(
    ("grown", "told"),
    [
        ({"memory_mb": 101.0 + MEMORY_MB}, "memory: 109.0 MB, 100.0 MB before, at 9 s"),
        ({"descriptors": 11}, "descriptors: 11, 10 before, at 9 s"),
        ({"threads": 5}, "threads: 5, 4 before, at 9 s"),
        ({"clock_error_s": 0.003}, "clock: frames' times are wrong by 0.003 s at 9 s"),
    ],
)
def test_what_grows_or_drifts_is_said(grown, told):
    rows = [Row(float(at), 1.0, 100.0, 10, 4, 5, 0.0, float(at)) for at in range(10)]
    assert uneven(rows) == []
    rows[-1] = replace(rows[-1], **grown)
    assert uneven(rows) == [told]


def test_sound_that_is_lost_is_said(folder, monkeypatch):
    """A source that does not wait for its readers, who then drop."""
    monkeypatch.setattr(soak.Simulated, "read", property(lambda self: lambda: self.fed, lambda self, _: None), False)
    faults = soak.soak(200.0, str(SMALL), RATE, folder)
    assert any(fault.startswith("drops: ") for fault in faults)
