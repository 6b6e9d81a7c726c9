"""The GPU benchmark, as far as it runs without a card."""

import sys

import numpy as np
import pytest
from host_gpu import HostDriver, host_gpu
from test_gpu_parity import needs_compiler

import sharpear
from benchmarks import gpu
from sharpear.gpu import GpuUnavailableError
from sharpear.gpu.source import header_text


def test_without_a_card_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def none(index: int) -> None:
        raise GpuUnavailableError("no CUDA GPU: no driver")

    monkeypatch.setattr(gpu, "open_gpu", none)
    monkeypatch.setattr(sys, "argv", ["gpu"])
    gpu.main()
    assert capsys.readouterr().err == "bench-gpu: nothing measured: no CUDA GPU: no driver\n"


@needs_compiler
def test_its_rows_and_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "RATE", 8000)
    monkeypatch.setattr(gpu, "THROUGHPUT_BLOCK", 512)
    monkeypatch.setattr(gpu, "PEAKS_FLOATS", 1024)
    monkeypatch.setattr(gpu, "FUSED", gpu.FUSED.replace("65536", "2"))
    row = gpu.measure(host_gpu(), 1, 512, 0.0)
    assert row.p99_ms >= row.p50_ms > 0
    assert gpu.table([row])[-1].startswith("| 1 |")
    parts = gpu.shares(gpu.Timed(HostDriver(), lambda: None), 1, blocks=1)
    assert sum(parts.values()) == pytest.approx(1)
    assert {"filterbank_process", "window_process", "pair_process"} <= parts.keys()
    assert np.isfinite(gpu.peaks(HostDriver(), lambda: None, header_text())).all()


def test_the_work_is_that_of_the_design() -> None:
    sharpener = sharpear.Sharpener(48000, "music")
    counted = gpu.work(sharpener)
    assert counted.multiply_adds == 4 * 5 * sharpener.channel_frequencies.size * 48000
