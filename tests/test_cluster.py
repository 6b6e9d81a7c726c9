"""The same batch on a Dask cluster: a worker killed in the middle, a shared folder, a store that speaks S3."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import distributed
import numpy as np
import pytest
import soundfile
from conftest import SMALL, leftovers, one_line, tone
from moto.server import ThreadedMotoServer

from sharpear.config import load_config
from sharpear.interrupt import Interruption
from sharpear.runs import Job, Settings
from sharpear.runs.cluster import run_cluster
from sharpear.runs.sharpening_task import Sharpening

pytestmark = pytest.mark.slow

CONFIG = load_config(str(SMALL))


@pytest.fixture(scope="module")
def store() -> Iterator[str]:
    """An S3 server in this process, and its address in the environment of the workers to be."""
    server = ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    secret = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**secret, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
            patch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket="corpus")
        yield "s3://corpus"
    server.stop()


@pytest.fixture(scope="module")
def cluster(store) -> Iterator[distributed.LocalCluster]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as running:
        yield running


def test_a_killed_workers_files_are_redone(cluster, folder):
    seconds = 10.0
    for n in range(6):
        soundfile.write(f"{n}.wav", tone(seconds, channels=2), 16000)
    jobs = [Job(str(folder / f"{n}.wav"), (str(folder / f"out/{n}.npz"),)) for n in range(6)]
    killed: list[int] = []

    def kill_one() -> None:
        """As soon as a worker has something half done."""
        deadline = time.monotonic() + 60
        while not leftovers(folder) and time.monotonic() < deadline:
            time.sleep(0.005)
        process = next(iter(cluster.workers.values())).process
        killed.append(process.pid)
        os.kill(process.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    events = list(run_cluster(jobs, Settings(Sharpening(CONFIG)), cluster.scheduler_address, Interruption()))
    killer.join()
    results = {event.job.source: event for event in events if hasattr(event, "job")}
    assert {result.status for result in results.values()} == {"done"}, results
    assert len(results) == 6
    assert killed
    amplitude = [np.load(job.outputs[0])["amplitude"] for job in jobs]
    assert all(np.array_equal(each, amplitude[0]) for each in amplitude)


def test_s3_in_and_out_over_the_command_line(cluster, store, sharpen, wav, folder):
    client = boto3.client("s3")
    for name in ("a/one", "a/b/two"):
        client.upload_file(str(wav("x.wav", 0.3)), "corpus", f"{name}.wav")
    client.put_object(Bucket="corpus", Key="a/bad.wav", Body=b"no audio")
    words = [
        f"{store}/a",
        "-r",
        "-o",
        f"{store}/out",
        "--format",
        "zarr,npz",
        "--output-template",
        "{parent}/{stem}.{ext}",
    ]
    done = sharpen(*words, "--scheduler", cluster.scheduler_address, "--report", "report.json")
    assert done.code == 1
    assert "1 of 3 inputs failed" in done.err
    assert "bad.wav: is not audio" in done.err
    keys = {each["Key"] for each in client.list_objects_v2(Bucket="corpus", Prefix="out/")["Contents"]}
    assert {"out/one.npz", "out/b/two.npz", "out/one.zarr/zarr.json", "out/b/two.zarr/zarr.json"} <= keys
    client.download_file("corpus", "out/b/two.npz", "two.npz")
    assert sharpen("x.wav", "-o", "x.npz").code == 0
    assert np.array_equal(np.load("two.npz")["amplitude"], np.load("x.npz")["amplitude"])
    again = sharpen(*words, "--skip-existing", "-q")
    assert again.code == 1
    assert one_line(again.err.split("\n", 1)[1])


def test_relative_paths_are_of_the_folder_that_the_command_runs_in(cluster, sharpen, wav):
    wav("near.wav", 0.3)  # the workers were started in another folder
    done = sharpen("near.wav", "-o", "out", "--format", "npz", "--scheduler", cluster.scheduler_address)
    assert done.code == 0, done.err
    assert "near.wav: 0.3 s → out/near.npz" in done.err
    assert Path("out/near.npz").exists()


def test_a_scheduler_that_does_not_answer_is_one_line(sharpen, wav, monkeypatch):
    monkeypatch.setattr("sharpear.runs.cluster.CONNECT_S", 0.5)
    done = sharpen(wav(), "--scheduler", "tcp://127.0.0.1:9")
    assert done.code == 1
    assert one_line(done.err), done.err
    assert not Path("tone.zarr").exists()
