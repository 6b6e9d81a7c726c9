"""The GPU benchmark, as far as it runs without a card."""

import sys
from dataclasses import astuple
from typing import Any

import numpy as np
import pytest
from host_gpu import HostDriver, host_gpu

import sharpear
from benchmarks import gpu, gpu_limits, gpu_peers, gpu_streams
from benchmarks.gpu_peers import DenseLca
from sharpear.dynamics import BandedWeights, Lca
from sharpear.gpu import DeviceBackend, GpuUnavailableError


def test_without_a_card_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def none(index: int) -> None:
        raise GpuUnavailableError("no CUDA GPU: no driver")

    monkeypatch.setattr(gpu, "open_gpu", none)
    monkeypatch.setattr(sys, "argv", ["gpu"])
    gpu.main()
    assert capsys.readouterr().err == "bench-gpu: nothing measured: no CUDA GPU: no driver\n"


@pytest.mark.compiler
def test_its_rows_and_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "RATE", 8000)
    monkeypatch.setattr(gpu, "THROUGHPUT_BLOCK", 512)
    monkeypatch.setattr(gpu_limits, "PEAKS_FLOATS", 1024)
    monkeypatch.setattr(gpu_limits, "FUSED", gpu_limits.FUSED.replace("65536", "2"))
    monkeypatch.setattr(gpu, "STREAMS_TOGETHER", 2)
    monkeypatch.setattr(gpu, "WARM_UP_BLOCKS", 1)
    for streams, live in ((1, True), (3, False)):
        row = gpu.measure(host_gpu(), streams, 512, 0.0, live=live)
        assert row.p99_ms >= row.p50_ms > 0
    assert gpu.table([row])[-1].startswith("| 3 |")
    parts = gpu.shares(gpu.Timed(HostDriver(), lambda: None), 1, blocks=1)
    assert sum(parts.values()) == pytest.approx(1)
    assert {"hann_process", "judge_process", "pair_process"} <= parts.keys()
    peaks = gpu_limits.peaks(HostDriver(), lambda: None)
    assert min(astuple(peaks)) > 0
    bound = gpu_limits.binding(2.0, gpu_limits.Work(1.0, 5.0, 2.0), gpu_limits.Peaks(10.0, 20.0, 100.0))
    assert [line.split(" | ")[-1] for line in bound[2:]] == ["50.0% |", "20.0% |", "4.0% |"]


@pytest.mark.compiler
def test_what_fails_is_told_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row with too many streams, a peak that cannot be measured, a peer that is not there."""
    values = {
        "RATE": 8000, "THROUGHPUT_BLOCK": 512, "LIVE_BLOCK": 64, "STREAMS": (1, 2), "VOICED_STREAMS": (1,),
        "SEGMENT_S": 3600.0, "WARM_UP_S": -3599.9,
    }  # fmt: skip
    for name, value in values.items():
        monkeypatch.setattr(gpu, name, value)

    class Small(HostDriver):
        def function(self, source: str, name: str, shared_bytes: int) -> Any:
            run = super().function(source, name, shared_bytes)

            def or_not(blocks: int, threads: int, arguments: list[np.ndarray]) -> None:
                if blocks == 2:
                    raise MemoryError("out of memory\nat once")
                run(blocks, threads, arguments)

            return or_not

    def refused(*_: object) -> None:
        raise RuntimeError("unspecified launch failure")

    monkeypatch.setattr(gpu_limits, "peaks", refused)
    monkeypatch.setattr(gpu_peers, "find_spec", lambda name: None)
    freed: list[None] = []
    lines = gpu.Report(DeviceBackend(Small()), 0.0, lambda: freed.append(None), lambda: None).lines()
    assert len([line for line in lines if line.startswith("| 1 |")]) == 2, "without voices, and with them"
    assert not [line for line in lines if line.startswith("| 2 |")]
    for told in (
        "- 2 streams: not measured: MemoryError: out of memory at once",
        "- what binds: not measured: RuntimeError: unspecified launch failure",
        "- LCA in PyTorch: not installed",
        "- ssqueezepy: not installed, or PyTorch is not",
    ):
        assert told in lines
    assert [line for line in lines if line.startswith("| `hann_process` |")]
    assert len(freed) == 10, "memory is given back after each part"


@pytest.mark.compiler
def test_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RATE": 8000, "THROUGHPUT_BLOCK": 512, "SEGMENT_S": 3600.0, "WARM_UP_S": -3599.9}.items():
        monkeypatch.setattr(gpu, name, value)
    assert gpu.hour(host_gpu()) > 0


def test_the_peers_lca_is_an_lca() -> None:
    rng = np.random.default_rng(0)
    fields = rng.standard_normal((20, 12))
    fields /= np.linalg.norm(fields, axis=0)
    gram, frame = (fields.T @ fields - np.eye(12)).astype(np.float32), rng.standard_normal((1, 20)).astype(np.float32)
    peer = DenseLca(fields.astype(np.float32), gram, np.zeros((1, 12), np.float32), iterations=5, rate=0.3)
    ours = Lca(BandedWeights.from_dense(gram), 0.1, tau_s=1.0, step_s=-np.log(0.7), iterations=5)
    drive = frame @ fields.astype(np.float32)
    for _ in range(10):
        received, expected = peer.step(frame), ours(drive)
    np.testing.assert_allclose(np.maximum(received, 0), expected, atol=1e-5)


def test_the_work_is_that_of_the_design() -> None:
    counted, voiced = (
        gpu_limits.work(sharpear.Sharpener(48000, "music", 1, {"voices.enabled": voices})) for voices in (False, True)
    )
    bank = 32 * 35 * (1 + 96) + 2 * 32 * 96 + (4 * 8 + 14) * 2449
    bands, lines = 33 * 14544, 330 * 1904
    assert counted.multiply_adds == pytest.approx((bank + bands + lines) * 48000 / 139)
    assert voiced.bytes_down - counted.bytes_down == pytest.approx(4 * 768 * 48000 / 139)
    assert voiced.multiply_adds > counted.multiply_adds


def test_memory_and_voices_of_a_stream_are_told_without_a_card(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stream's state is kept on the card, beside room to work in; a block's frames are there besides."""
    monkeypatch.setattr(gpu_streams, "voices_cost", lambda sound, rate: 0.1)
    monkeypatch.setattr(sys, "argv", ["gpu_streams"])
    gpu_streams.main()
    assert "so that one core follows 10 streams" in capsys.readouterr().out
    without, voiced = (gpu_streams.memory(voices) for voices in (False, True))
    path = sharpear.Sharpener(gpu_streams.RATE, "music", 1).state["path"]
    state = path["bank"].nbytes + sum(path["code"][part].nbytes for part in ("finder", "judge"))
    assert state < without.kept < voiced.kept < 2 * state
    assert without.host == 0 < path["code"]["voices"].nbytes < voiced.host
    assert voiced.block - without.block > 4 * 768 * (gpu_streams.PACK_SAMPLES // 139)
