"""No kernel depends on which of its threads is first, or on what was in memory before: every access is looked at.

tests/host_watch.cpp tells what it takes for a fault.
"""

import numpy as np
import pytest
from host_gpu import HostDriver, host_gpu
from small_layers import LAYERS
from test_stream_contract import GPU_CASES

from sharpear.gpu.arguments import Packer
from sharpear.gpu.source import header_text

pytestmark = pytest.mark.compiler

QUICK = ("LcAdamWta, winners", "Network")
"""The others take seconds, most of them for compiling."""


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in GPU_CASES])
def test_every_access_waits_for_what_it_needs(name: str) -> None:
    make, signal, _ = GPU_CASES[name]
    heard = signal(2)
    frames = 6 if name in LAYERS else len(heard) // 2
    assert len(make(2, host_gpu(32, order=1, watched=True)).process(heard[:frames]))


FAULTS = {
    "race in a warp, in the block's": "here[i] = own[i]; own[i] = here[i ^ 1];",
    "race in a warp, in the card's": "own[i] = own[i / 2];",
    "race of warps, in the block's": "here[i] = own[i]; warp_sum(1.0f); own[i] = here[i ^ 32];",
    "race of blocks, in the card's": "if (i == 0) all[0] = 2.0f;",
    "read before it is written, in the block's": "own[i] = more[i];",
}
SOUND = (
    "here[i] = own[i]; __syncthreads(); own[i] = here[i ^ 32]; __syncthreads(); here[i ^ 1] = own[i];",
    "here[i] = own[i]; warp_sum(1.0f); own[i] = here[i ^ 1];",
    "atomicAdd(all, 1.0f);",
)
KERNEL = """
extern "C" __global__ void watched(int which, Array<float, 1> x) {
    int i = threadIdx.x;
    float *here = (float *)shared_memory(), *more = here + 64, *all = x.data, *own = all + 64 * blockIdx.x;
    here[i] = 2.0f;
    __syncthreads();
"""
CASES = "".join(f"if (which == {n}) {{ {steps} }}\n" for n, steps in enumerate((*FAULTS.values(), *SOUND)))
SOURCE = f"{header_text()}{KERNEL}{CASES}}}"


def run(which: int) -> None:
    driver = HostDriver(64, watched=True)
    x = driver.array(np.ones(128), np.float32)
    driver.function(SOURCE, "watched", 512)(2, 64, Packer(driver.address)((which, x)))


@pytest.mark.parametrize(("which", "fault"), list(enumerate(FAULTS)), ids=list(FAULTS))
def test_what_does_not_wait_is_seen(which: int, fault: str) -> None:
    with pytest.raises(AssertionError, match=f"watched: .*{fault}.*kernel"):
        run(which)


@pytest.mark.parametrize("which", range(len(FAULTS), len(FAULTS) + len(SOUND)))
def test_what_waits_is_not(which: int) -> None:
    run(which)
