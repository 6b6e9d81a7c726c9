"""Kernels that are compiled once: a cache of compiled functions that no damage and no missing folder can stop.

A file holds one kernel for one signature: a checksum, then what Numba pickles. Its name is derived from everything that
decides what is compiled, the sources of the kernels that it calls among it, so that a file is right or is not found.
"""

import hashlib
import inspect
import logging
import pickle
from collections.abc import Callable, Iterator
from functools import cache, partial
from types import FunctionType
from typing import Any

import llvmlite.binding
import llvmlite.ir
from numba.core import config, serialize
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.runtime.nrt import rtsys
from numba.core.types import BaseTuple

from .cache_places import SUFFIX, Place, temporary_place, usual_places
from .libraries import has_name, provide
from .parts import Apart, Kernel
from .stamps import read, stamp

binding: Any = llvmlite.binding
ir: Any = llvmlite.ir
_CompileResult: Any = CompileResult
_dumps: Any = serialize.dumps

MAGIC = b"sharpear kernel 1\n"
HEAD = len(MAGIC) + hashlib.sha256().digest_size
LASTS = "20 to 40 s"

log = logging.getLogger("sharpear.compiler")
"""Tells, once a process, that something is compiled (information) and what is wrong with the cache (a warning)."""


def kernel(
    function: Any = None, *, types: Any = None, fastmath: bool | set[str] = False, inline: bool = False,
    apart: bool = False,
) -> Any:  # fmt: skip
    """Compile a function by Numba, to run without Python's lock, and keep what is compiled.

    Args:
        function: the kernel.
        types: the types of its arguments, where it is to be compiled on loading rather than at the first call.
        fastmath: as Numba's.
        inline: compile it where it is called, as if it stood there: a call may round otherwise.
        apart: kernels call it as machine code of its own, which a process beside may compile; it returns None, a
            bool or an int, as its definition says.

    >>> @kernel
    ... def twice(x):
    ...     return 2 * x
    >>> twice(21)
    42
    """
    if function is None:
        return partial(kernel, types=types, fastmath=fastmath, inline=inline, apart=apart)
    options = {"nopython": True, "nogil": True, "error_model": "numpy", "fastmath": fastmath}
    options |= {"inline": "always" if inline else "never", "no_cfunc_wrapper": True}
    if getattr(config, "DISABLE_JIT", 0):
        return function
    dispatcher: Any = Kernel(function, options)
    dispatcher._cache = KernelCache(function)
    if apart:
        dispatcher._part = Apart(function, options, KernelCache(function, apart))
    if types is not None:
        dispatcher.compile(types)
        dispatcher.disable_compile()
    return dispatcher


class KernelCache(_Cache):
    """What Numba asks for a function's compiled signatures. Nothing that is wrong with the disk raises."""

    def __init__(self, function: FunctionType, apart: bool = False) -> None:
        self._function, self._apart = function, apart
        self._enabled = True
        read(inspect.getfile(function))  # what its file says now is what is compiled, whatever it says later

    @property
    def cache_path(self) -> str:
        """The place that is tried first."""
        return str(usual_places()[0].path)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled function, or None where it has to be compiled, which is then announced."""
        damaged = None
        for place in _readable() if self._enabled else ():
            try:
                payload = unpacked(place.read(self.name(sig, target_context.codegen())))
                if payload is not None:
                    rtsys.initialize(target_context)  # what kernels allocate by; all else is for compiling: 0.2 s
                    needs, parts = pickle.loads(payload)
                    for symbol, need in needs.items():
                        provide(symbol, need)
                    return _CompileResult._rebuild(target_context, *parts)
            except Exception:  # whatever is in a damaged file: it is compiled anew
                damaged = place
        announce(damaged)
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep what was compiled, in the first place that takes it."""
        needs = getattr(data.library, "needs", {})  # Numba's own libraries have none
        found_again = not data.library.has_dynamic_globals and all(map(has_name, needs.values()))
        if not self._enabled or data.lifted or not found_again:
            return
        name, packed = self.name(sig, data.codegen), None
        for place in _writable():
            packed = packed or pack(_dumps((needs, _parts_of(data))))
            try:
                place.write(name, packed)
            except OSError as error:
                _say_unkept(place, error)
                continue
            place.remove_older(self._name_begins, f"{self._prefix}-")
            return

    def enable(self) -> None:
        """Use the cache: look for what is kept, and keep what is compiled."""
        self._enabled = True

    def disable(self) -> None:
        """Do without the cache: compile every time."""
        self._enabled = False

    def flush(self) -> None:
        """Names are derived from what is compiled: nothing is ever stale."""

    @property
    def _name_begins(self) -> str:
        """How the names of its files begin, whatever the types."""
        return f"{self._prefix}-{stamp(self._function)}"

    @property
    def _prefix(self) -> str:
        return f"{self._function.__module__}.{self._function.__qualname__}".replace("<", "").replace(">", "")

    def name(self, sig: Any, codegen: Any) -> str:
        """Under which the kernel is kept, compiled for those types."""
        of = repr(
            (
                sig,
                _field_names(getattr(sig, "args", sig)),
                codegen.magic_tuple(),
                getattr(config, "BOUNDSCHECK", None),
                self._function.__code__.co_firstlineno,
                self._apart,
            )
        )
        return f"{self._name_begins}-{hashlib.sha256(of.encode()).hexdigest()[:16]}{SUFFIX}"


def _parts_of(result: Any) -> tuple[Any, ...]:
    """What Numba pickles, without environments that hold nothing: for each of its own functions it would import it.

    Nor does it hold what other kernels would link, for those link a part (`sharpear.compiler.parts`): to read that
    took six times as long as to load the machine code.
    """
    (name, kind, (machine_code, _)), *parts, environments = result._reduce()
    told = result.fndesc
    callable_by = told.llvm_cpython_wrapper_name if result.entry_point else told.llvm_func_name
    library = name, kind, (machine_code, _with_nothing_but(callable_by))
    return (library, *parts, tuple(each for each in environments if each.consts))


def _with_nothing_but(name: str) -> bytes:
    """LLVM's code of a module where that function is, which is what Numba looks for in it."""
    module = ir.Module()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), ()), name)
    ir.IRBuilder(function.append_basic_block()).ret_void()
    code: bytes = binding.parse_assembly(str(module)).as_bitcode()
    return code


def _field_names(types: Any) -> list[Any]:
    """The fields of named tuples, in their order: what is compiled knows them by their place, their types do not."""
    tuples = (kind for kind in types if isinstance(kind, BaseTuple))
    return [(getattr(kind, "fields", ()), _field_names(kind)) for kind in tuples]


def is_kept(kernel: Any, types: tuple[Any, ...]) -> bool:
    """Whether a kernel is kept, compiled for arguments of those types."""
    name = kernel._cache.name(types, kernel.targetctx.codegen())
    return any(name in place.names() for place in _readable())


def keeps_nothing() -> bool:
    """Whether no kernel is kept where what is compiled now would be."""
    if usual_places()[0].names():
        return False
    place, _ = first_writable()
    return place is not None and not place.names()


def pack(payload: bytes) -> bytes:
    """`data` with a checksum, by which a file knows whether it is whole."""
    return MAGIC + hashlib.sha256(payload).digest() + payload


def unpacked(packed: bytes | None) -> bytes | None:
    """What is in such a file; None where there is none.

    Raises:
        ValueError: it is damaged.
    """
    if packed is None:
        return None
    payload = packed[HEAD:]
    if packed[:HEAD] != MAGIC + hashlib.sha256(payload).digest():
        raise ValueError("a damaged kernel")
    return payload


def _readable() -> Iterator[Place]:
    yield from usual_places()
    private = temporary_place(make=False)
    if private:
        yield private


def _writable() -> Iterator[Place]:
    """The places that take a probe; the temporary one only if the others fail."""
    first, _ = first_writable()
    if first:
        yield from usual_places()[usual_places().index(first) :] if first in usual_places() else [first]


@cache
def first_writable() -> tuple[Place | None, dict[Place, OSError]]:
    """The place where kernels will be kept, and why it is not the ones before it."""
    failed: dict[Place, OSError] = {}
    for place in usual_places():
        try:
            place.probe()
        except OSError as error:
            failed[place] = error
            continue
        return place, failed
    private = temporary_place(make=True)
    if private:
        temporary_place.cache_clear()  # what looked for one that is there finds it now
    return private, failed


_said: set[Callable[..., None]] = set()


def announce(damaged: Place | None = None) -> None:
    """Say once that kernels are compiled, and what is unusual about it."""
    if announce in _said:
        return
    _said.add(announce)
    place, failed = first_writable()
    causes = ", ".join(f"{each.path}: {error.strerror}" for each, error in failed.items())
    if place is None:
        log.warning(
            "compiling, %s, in every run, as kernels can be kept nowhere (%s): set NUMBA_CACHE_DIR to a folder "
            "of yours", LASTS, causes
        )  # fmt: skip
    elif damaged:
        log.warning("compiling again, %s, as the kernels kept in %s are damaged", LASTS, damaged.path)
    elif place not in usual_places() or any(each.chosen for each in failed):
        log.warning("compiling once, %s, into %s (%s)", LASTS, place.path, causes)
    else:
        log.info("compiling once what this needs, %s: the next time it starts at once", LASTS)


def _say_unkept(place: Place, error: OSError) -> None:
    if _say_unkept not in _said:
        _said.add(_say_unkept)
        log.warning("kernels cannot be kept in %s (%s): what follows may compile again", place.path, error.strerror)
