"""Resynthesis and separation on a GPU against the CPU."""

import signal
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import one_line
from host_gpu import HostDriver, host_gpu
from small_parts import HOP, SAMPLE_RATE, audio, design, learned_sources
from test_gpu_parity import LARGEST_ERROR, device  # noqa: F401 (a fixture)

from sharpear.audio import AudioFile
from sharpear.dsp import Splitter, StemMixer, SynthesisDesign
from sharpear.gpu import CPU, Backend, DeviceBackend
from sharpear.interrupt import Interruption
from sharpear.runs import Advance, Job, Result, Settings
from sharpear.runs.on_gpu import run_packed
from sharpear.runs.packs import PACK_SAMPLES
from sharpear.separation.separation_task import Separation
from sharpear.separation.separator import Separator
from sharpear.separation.tonal import TonalTransient


def assert_close(received: np.ndarray, expected: np.ndarray) -> None:
    assert expected.any()
    assert np.abs(received - expected).max() <= LARGEST_ERROR * np.abs(expected).max()


def test_the_same_parts_and_frames(device: DeviceBackend) -> None:  # noqa: F811
    def split(backend: Backend) -> list[np.ndarray]:
        splitter = Splitter(SynthesisDesign.over(design(), 0.016), HOP, 2, backend)
        sound = audio(2)
        sound[[50, 60], 1] = np.nan, 1e9
        split = splitter.process(sound)
        assert splitter.replaced.tolist() == [0, 2]
        return [getattr(split.on_host(backend), field.name) for field in fields(split)]

    for received, expected in zip(split(device), split(CPU), strict=True):
        assert_close(received, expected)


def test_the_same_stems(device: DeviceBackend) -> None:  # noqa: F811
    rng = np.random.default_rng(6)
    shares = rng.dirichlet(np.ones(3), (4500 // HOP, 2, 9)).transpose(0, 1, 3, 2)[:, :, :2].astype(np.float32)
    stems = []
    for backend in (CPU, device):
        splitter = Splitter(SynthesisDesign.over(design(), 0.016), HOP, 2, backend)
        mixer = StemMixer(9, 2, HOP, 3, 2, backend)
        stems.append(backend.numpy(mixer.process(splitter.process(audio(2)), np.ascontiguousarray(shares))))
    assert_close(stems[1], stems[0])


def test_the_same_shares(device: DeviceBackend) -> None:  # noqa: F811
    shares = []
    for backend in (CPU, device):
        splitter = Splitter(SynthesisDesign.over(design(), 0.016), HOP, 2, backend)
        source = TonalTransient(design(), HOP / SAMPLE_RATE, 1, 2, backend=backend)
        shares.append(backend.numpy(source.process(splitter.process(audio(2)))))
    assert_close(shares[1], shares[0])


@pytest.mark.parametrize("heard_by", ["tonal", "learned", "learned on the CPU"])
def test_the_same_sound(heard_by: str, device: DeviceBackend) -> None:  # noqa: F811
    """Also where the sources are heard on the CPU, as voices are, and where the state moves on the way."""
    sound = audio(2)

    def make(backend: Backend) -> Separator:
        if heard_by == "tonal":
            return Separator(SAMPLE_RATE, TonalTransient.on(backend), 2, device=backend)
        sources = learned_sources(CPU if heard_by == "learned on the CPU" else backend)
        return Separator(SAMPLE_RATE, sources, 2, device=backend)

    expected = make(CPU).process(sound)
    assert_close(make(device).process(sound), expected)
    first, second = make(CPU), make(device)
    head = first.process(sound[:2001])
    second.state = first.state
    assert_close(np.concatenate([head, second.process(sound[2001:])]), expected)
    np.testing.assert_allclose(expected.sum(2)[first.latency_samples :], sound[: -first.latency_samples], atol=1e-5)


def test_the_command_separates_files_on_a_gpu(folder, sharpear, device, monkeypatch):  # noqa: F811
    monkeypatch.setattr("sharpear.sharpening.processor.open_gpu", lambda index: device)
    soundfile.write("song.wav", audio(2, 4000), 8000)
    for name in ("cpu", "gpu"):
        assert sharpear("separate", "song.wav", "-o", name, "--device", name, "-q").code == 0
    for stem in ("tonal", "transient", "residual"):
        expected, received = (soundfile.read(f"{name}/song/{stem}.wav")[0] for name in ("cpu", "gpu"))
        assert np.abs(received - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.compiler
@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("the card has gone")])
def test_a_gpu_that_fails_is_one_line_and_leaves_nothing(folder, sharpear, error, monkeypatch):
    def failing(self: Separator, block: np.ndarray) -> np.ndarray:
        raise error

    monkeypatch.setattr("sharpear.sharpening.processor.open_gpu", lambda index: host_gpu())
    monkeypatch.setattr(Separator, "submit", failing)
    soundfile.write("song.wav", audio(1, 4000), 8000)
    done = sharpear("separate", "song.wav", "-o", "stems", "--device", "gpu", "-q")
    assert done.code == 1
    assert one_line(done.err)
    assert "song.wav: the GPU" in done.err
    assert not [path for path in folder.rglob("*") if path.suffix in (".wav", ".part") and path.name != "song.wav"]


def test_files_side_by_side_are_files_alone(folder, sharpear, device, monkeypatch):  # noqa: F811
    """Of different lengths, one shorter than the latency, and of one and two channels; one is none."""
    for name, channels, samples in (("a", 2, 4000), ("b", 1, 6000), ("c", 2, 100), ("d", 2, 5000)):
        soundfile.write(f"{name}.wav", audio(channels, samples), 8000, subtype="FLOAT")
    broken = audio(2, 5000)
    broken[:3, 0] = np.nan
    soundfile.write("d.wav", broken, 8000, subtype="FLOAT")
    Path("bad.wav").write_bytes(b"no sound")
    monkeypatch.setattr("sharpear.sharpening.processor.open_gpu", lambda index: device)
    for name in ("cpu", "gpu"):
        done = sharpear("separate", "a.wav", "b.wav", "bad.wav", "c.wav", "d.wav", "-o", name, "--device", name)
        assert done.code == 1
        assert "1 of 5 inputs failed" in done.err
        assert "d.wav: 3 samples (NaN" in done.err
    for path in Path("cpu").rglob("*.wav"):
        expected, received = (soundfile.read(each)[0] for each in (path, Path("gpu", *path.parts[1:])))
        assert received.shape == expected.shape
        np.testing.assert_allclose(received, expected, rtol=0, atol=1e-5, err_msg=str(path))
    assert len(list(Path("gpu").rglob("*.wav"))) == 12


def planned(*names: str) -> list[Job]:
    for name in names:
        soundfile.write(f"{name}.wav", audio(1, 12000), 8000, subtype="FLOAT")
    return [Job(f"{name}.wav", (f"{name}/tonal.wav",)) for name in names]


def settings(gpu: Backend) -> Settings:
    return Settings(Separation(("tonal",), TonalTransient.on(gpu)), keep_partial=True)


@pytest.mark.compiler
def test_interrupted_files_keep_what_was_done(folder):
    gpu = host_gpu()
    with Interruption() as interruption:
        outcomes = {}
        for event in run_packed(planned("a", "b"), settings(gpu), gpu, interruption):
            if isinstance(event, Result):
                outcomes[Path(event.job.source).stem] = event.outcome
            elif not interruption.requested:
                signal.raise_signal(signal.SIGINT)
    done = {name: (outcome.audio_s, outcome.complete) for name, outcome in outcomes.items()}
    assert done == dict.fromkeys("ab", (PACK_SAMPLES / 8000, False))
    whole = Separator(8000).process(audio(1, 12000))
    late = Separator(8000).latency_samples
    with soundfile.SoundFile("a/tonal.wav") as file:
        assert file.comment.startswith("complete = false; crc32 = ")
        received = file.read()
    assert received.shape == (PACK_SAMPLES,)
    # Silence follows where the sound was cut, which is heard a little before.
    sure = PACK_SAMPLES - late
    np.testing.assert_allclose(received[:sure], whole[late : late + sure, 0, 0], atol=1e-5)


@pytest.mark.compiler
def test_a_pack_too_large_for_the_memory_is_split(folder):
    class Small(HostDriver):
        def empty(self, shape: tuple[int, ...], dtype: Any) -> Any:
            if len(shape) == 3 and shape[1] > 1:
                raise MemoryError
            return super().empty(shape, dtype)

    gpu = DeviceBackend(Small())
    with Interruption() as interruption:
        events = list(run_packed(planned("a", "b"), settings(gpu), gpu, interruption))
    assert [event.job.source for event in events if isinstance(event, Result)] == ["a.wav", "b.wav"]
    assert {event.source for event in events if isinstance(event, Advance)} == {"1 files"}


@pytest.mark.parametrize("place", ["cpu", pytest.param("gpu", marks=pytest.mark.compiler)])
def test_a_file_that_changes_meanwhile_gives_no_stems(folder, sharpear, place, monkeypatch):
    """The end of one recording after the beginning of another is no recording."""
    read = AudioFile.blocks

    def changing(self: AudioFile, samples: int) -> Iterator[np.ndarray]:
        for block in read(self, samples):
            if self.name == "song.wav":
                with self.path.open("ab") as file:
                    file.write(b"more")
            yield block

    monkeypatch.setattr("sharpear.sharpening.processor.open_gpu", lambda index: host_gpu())
    monkeypatch.setattr(AudioFile, "blocks", changing)
    for name in ("song", "other"):
        soundfile.write(f"{name}.wav", audio(1, 6000), 8000)
    done = sharpear("separate", "song.wav", "other.wav", "-o", "stems", "--device", place)
    assert done.code == 1
    assert "song.wav: has changed while it was read" in done.err
    assert not Path("stems/song").exists()
    assert len(list(Path("stems/other").iterdir())) == 3


def test_a_pipe_runs_on_the_cpu(folder, sharpear):
    done = sharpear("separate", "-", "-o", "-", "--solo", "tonal", "--device", "gpu")
    assert done.code == 2
    assert one_line(done.err)
    assert "--device gpu: is for files" in done.err
