"""NVIDIA's runtime compiler, which needs no card: CUDA source in, PTX and what the assembler says of it out."""

import ctypes
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from sharpear.gpu.source import OPTIONS

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
    nvrtc, program = _library(), ctypes.c_void_p()
    nvrtc.nvrtcCreateProgram(ctypes.byref(program), source.encode(), b"source.cu", 0, None, None)
    words = [*OPTIONS, *ADDED, f"--gpu-architecture={architecture}", "--ptxas-options=-v"]
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
