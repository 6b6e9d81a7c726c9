"""NVIDIA's runtime compiler, which needs no card: CUDA source in, PTX and what the assembler says of it out.

What it said of a source is kept in build/nvrtc: for all sources together it takes most of a minute.
"""

import ctypes
import hashlib
import json
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from sharpear.gpu.source import OPTIONS

KEPT = Path(__file__).parent.parent / "build" / "nvrtc"

ADDED = ("-ftz=true", "--device-as-default-execution-space")
"""What CuPy adds to the options of every source: single precision flushes what is denormal to zero."""


@lru_cache
def _library() -> ctypes.CDLL:
    spec = find_spec("nvidia.cuda_nvrtc")
    assert spec, "expected the compiler of the dev extra, nvidia-cuda-nvrtc-cu12"
    (folder,) = spec.submodule_search_locations or []
    return ctypes.CDLL(str(next(Path(folder, "lib").glob("libnvrtc.so.*"))))


def compiled(source: str, architecture: str) -> tuple[str, str]:
    """(PTX, log) of a source for an architecture such as sm_90. The log has each kernel's registers and spills."""
    words = (*OPTIONS, *ADDED, f"--gpu-architecture={architecture}", "--ptxas-options=-v")
    known = repr((version("nvidia-cuda-nvrtc-cu12"), words, source))
    kept = KEPT / f"{hashlib.sha256(known.encode()).hexdigest()[:16]}.json"
    if not kept.exists():  # of another test process or an earlier run
        KEPT.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=KEPT) as folder:
            part = Path(folder, "told.json")
            part.write_text(json.dumps(_compile(source, words)))
            part.replace(kept)
    ptx, log = json.loads(kept.read_text())
    return ptx, log


def _compile(source: str, words: tuple[str, ...]) -> tuple[str, str]:
    nvrtc, program = _library(), ctypes.c_void_p()
    nvrtc.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"source.cu", 0, None, None)
    options = (ctypes.c_char_p * len(words))(*[word.encode() for word in words])
    failed = nvrtc.nvrtcCompileProgram(program, len(words), options)
    log = _text(program, nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog)
    assert not failed, log
    ptx = _text(program, nvrtc.nvrtcGetPTXSize, nvrtc.nvrtcGetPTX)
    nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
    return ptx, log


def _text(program: ctypes.c_void_p, size_of: Callable[..., int], read: Callable[..., int]) -> str:
    size = ctypes.c_size_t()
    size_of(program, ctypes.byref(size))
    text = ctypes.create_string_buffer(size.value)
    read(program, text)
    return text.value.decode()
