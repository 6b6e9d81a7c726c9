"""The contract of everything with a state, checked by one helper for every such class.

Inputs and outputs may be arrays, dataclasses of arrays or tuples of arrays, time first and streams second (arrays of
one dimension, as the times of frames, belong to all streams). A state may be any nest of dicts, lists and arrays.
"""

import dataclasses
import pickle
from collections.abc import Callable, Iterator
from functools import reduce
from io import BytesIO
from itertools import pairwise
from typing import Any

import numpy as np

CHUNKS = (1, 17, 64, 4096)
"""Block lengths that every class is run with, in samples or frames of its input, as far as it is longer."""

BAD_VALUES = (np.nan, np.inf, -np.inf, 3e38, 1e-40)
"""Not a number, infinite, too large to be squared, subnormal."""


def check_stream_contract(
    make: Callable[[int], Any],
    signal: Callable[[int], Any],
    *,
    silence: int = 3000,
    trusts_input: bool = False,
    seed: int = 0,
) -> None:
    """Hold an object to the stream contract.

    make: a new object for a number of streams, with `process`, `reset` and `state`.
    signal: an input for that number of streams, the same at every call.
    silence: rows of silence after which the object must be at rest, free of subnormal numbers.
    trusts_input: the input comes from another part of the chain, which has already made it finite.
    """
    stateful, whole = make(2), signal(2)
    expected = stateful.process(whole)
    _check_chunking(make, whole, expected, np.random.default_rng(seed))
    _check_reset(make, stateful, whole, expected)
    _check_state(make, whole)
    _check_streams(make, signal)
    if not trusts_input:
        _check_bad_values(make, signal)
    _check_silence(make, signal, silence)


def run(stateful: Any, signal: Any, sizes: list[int]) -> Any:
    """Process `signal` in consecutive blocks of `sizes` and join what comes out."""
    edges = np.cumsum([0, *sizes])
    pieces = [stateful.process(cut(signal, slice(a, b))) for a, b in pairwise(edges)]
    return join(pieces)


def arrays(value: Any) -> list[np.ndarray]:
    """The arrays of an input or output."""
    if isinstance(value, np.ndarray):
        return [value]
    if dataclasses.is_dataclass(value):
        parts = [getattr(value, field.name) for field in dataclasses.fields(value)]
        return [part for part in parts if part is not None]
    return list(value)


def mapped(value: Any, change: Callable[[np.ndarray], np.ndarray]) -> Any:
    """The same kind of input or output, with each of its arrays changed."""
    if isinstance(value, np.ndarray):
        return change(value)
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value) if getattr(value, field.name) is not None]
        return dataclasses.replace(value, **{name: change(getattr(value, name)) for name in names})
    return type(value)(change(part) for part in value)


def cut(value: Any, rows: slice) -> Any:
    return mapped(value, lambda array: array[rows])


def pick(value: Any, stream: int) -> Any:
    return mapped(value, lambda array: array if array.ndim < 2 else array[:, stream : stream + 1])


def join(pieces: list[Any]) -> Any:
    parts = iter([np.concatenate(same) for same in zip(*(arrays(piece) for piece in pieces), strict=True)])
    return mapped(pieces[0], lambda _: next(parts))


def rows_of(value: Any) -> int:
    return len(arrays(value)[0])


def assert_identical(actual: Any, expected: Any, what: str) -> None:
    for a, e in zip(arrays(actual), arrays(expected), strict=True):
        assert a.shape == e.shape, f"{what}: shape {a.shape}, expected {e.shape}"
        assert a.dtype == e.dtype, f"{what}: {a.dtype}, expected {e.dtype}"
        assert a.tobytes() == e.tobytes(), f"{what}: {np.count_nonzero(a != e)} of {a.size} values differ"


def numbers_in(state: Any) -> Iterator[np.ndarray]:
    """Every array of floats in a state or output, as real numbers."""
    if isinstance(state, dict):
        state = list(state.values())
    if dataclasses.is_dataclass(state):
        state = arrays(state)
    if isinstance(state, list | tuple):
        for part in state:
            yield from numbers_in(part)
        return
    array = np.asarray(state)
    if array.dtype.names:
        yield from numbers_in([array[name] for name in array.dtype.names])
    elif array.dtype.kind == "c":
        yield from (array.real, array.imag)
    elif array.dtype.kind == "f":
        yield array


def is_finite(value: Any) -> bool:
    return all(np.isfinite(part).all() for part in numbers_in(value))


def subnormals(value: Any) -> int:
    return sum(np.count_nonzero((part != 0) & (np.abs(part) < np.finfo(part.dtype).tiny)) for part in numbers_in(value))


def _chunked(total: int, size: int) -> list[int]:
    return [min(size, total - start) for start in range(0, total, size)]


def _random_sizes(total: int, rng: np.random.Generator) -> list[int]:
    """Blocks of random length, some of them empty."""
    edges = np.sort(np.append(rng.integers(0, total, 12).repeat(rng.integers(1, 3, 12)), [0, total]))
    return np.diff(edges).tolist()


def _check_chunking(make: Callable[[int], Any], whole: Any, expected: Any, rng: np.random.Generator) -> None:
    total = rows_of(whole)
    assert rows_of(expected) > 0, "the signal is too short to give any output"
    told = arrays(expected)  # of several, the first are times or frequencies; some of the others change
    halves = [{half.tobytes() for half in np.array_split(part, 2)} for part in told[1:] or told]
    assert any(len(half) == 2 for half in halves), "the output never changes"
    for size in (size for size in CHUNKS if size < total):
        assert_identical(run(make(2), whole, _chunked(total, size)), expected, f"in blocks of {size}")
    for _ in range(3):
        sizes = _random_sizes(total, rng)
        assert_identical(run(make(2), whole, sizes), expected, f"in blocks of {sizes}")


def _check_reset(make: Callable[[int], Any], stateful: Any, whole: Any, first: Any) -> None:
    """first: what `stateful` has made of the whole signal."""
    kept = mapped(first, np.copy)
    stateful.process(whole)  # which gives something else, as it goes on from where it was
    assert_identical(first, kept, "earlier output, after later processing")
    stateful.reset()
    assert pickle.dumps(stateful.state) == pickle.dumps(make(2).state), "reset leaves something behind"
    assert_identical(stateful.process(whole), kept, "after reset")


def _check_state(make: Callable[[int], Any], whole: Any) -> None:
    middle = rows_of(whole) // 2 + 1
    head, tail = cut(whole, slice(middle)), cut(whole, slice(middle, None))
    unbroken = make(2)
    unbroken.process(head)
    saved = unbroken.state
    as_saved = pickle.dumps(saved)
    expected = unbroken.process(tail)
    assert pickle.dumps(saved) == as_saved, "a saved state changes when processing goes on"
    for state in _copies(saved, as_saved):
        resumed = make(2)
        resumed.process(cut(tail, slice(rows_of(tail) // 2)))  # something else to be overwritten
        resumed.state = state
        assert_identical(resumed.process(tail), expected, "resumed from a saved state")
        assert pickle.dumps(saved) == as_saved, "a restored state changes when processing goes on"
        assert pickle.dumps(resumed.state) == pickle.dumps(unbroken.state), "the resumed run ends in another state"


def _copies(saved: Any, pickled: bytes) -> list[Any]:
    copies = [saved, pickle.loads(pickled)]
    if isinstance(saved, np.ndarray):
        file = BytesIO()
        np.save(file, saved, allow_pickle=False)
        file.seek(0)
        copies.append(np.load(file, allow_pickle=False))
    return copies


def _check_streams(make: Callable[[int], Any], signal: Callable[[int], Any]) -> None:
    together = signal(3)
    output = make(3).process(together)
    for stream in range(3):
        alone = make(1).process(pick(together, stream))
        assert_identical(pick(output, stream), alone, f"stream {stream} alone")


def _check_bad_values(make: Callable[[int], Any], signal: Callable[[int], Any]) -> None:
    clean = signal(2)
    rows = rows_of(clean) // 4 + np.arange(len(BAD_VALUES))
    bad = mapped(clean, lambda array: _with_rows(array, rows))
    stateful = make(2)
    output = stateful.process(bad)
    assert is_finite(output), "bad values reach the output"
    assert is_finite(stateful.state), "bad values reach the state"
    untouched = make(1).process(pick(clean, 1))
    assert_identical(pick(output, 1), untouched, "the stream beside one with bad values")


def _with_rows(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    spoilt = array.copy()
    for row, value in zip(rows, BAD_VALUES, strict=True):
        spoilt[row, 0] = value
    return spoilt


def _check_silence(make: Callable[[int], Any], signal: Callable[[int], Any], silence: int) -> None:
    whole, stateful = signal(1), make(1)
    faint = mapped(whole, lambda array: array * array.dtype.type(1e-12))
    quiet = mapped(cut(whole, slice(1)), lambda array: np.zeros((silence, *array.shape[1:]), array.dtype))
    for sound in (whole, faint):
        stateful.process(sound)
        output = stateful.process(quiet)
        assert subnormals(stateful.state) == 0, "silence leaves subnormal numbers in the state"
        last = reduce(max, (subnormals(part[-1:]) for part in arrays(output)))
        assert last == 0, "silence ends in subnormal numbers"
