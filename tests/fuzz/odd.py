"""Values that are hard to take, and trees of JSON that hold them."""

import json
from random import Random
from typing import Any

INTEGERS = (
    -(2**63),
    -(2**31),
    -1,
    0,
    1,
    2,
    3,
    255,
    4096,
    2**31 - 1,
    2**31,
    2**32,
    2**53,
    2**63 - 1,
    2**63,
    2**64,
    10**30,
)
FLOATS = (0.0, -0.0, 5e-324, 1e-300, 1e-30, 1e-9, 0.5, 1.0, 1.5, 100.0, 44100.0, 1e9, 1e30, 1e300, -1.0, -1e-9, -1e300,
          float("nan"), float("inf"), float("-inf"))  # fmt: skip
TEXTS = ("", " ", "a", "0", "-1", "nan", "inf", "1e999", "0x10", "1_000", "٣", "true", "null", "[1, 2]",
         "{}", "../../x", "/", "a/b", ".", "..", "CON", "x" * 300, "é", "e\u0301", "日本", "🎻", "\u202e", "a\nb",
         "a\tb", "\x1b[31m", "a\0b", "\udcff", "%s", "{stem}", "$HOME", "'\"", "residual", "tonal")  # fmt: skip
"""Also what cannot be a file's name, or must not be used as one."""


def integer(rng: Random) -> int:
    """A whole number that is hard to take."""
    return rng.choice(INTEGERS) if rng.random() < 0.8 else rng.randint(-100, 100)


def number(rng: Random) -> float:
    """A number that is hard to take."""
    return rng.choice(FLOATS) if rng.random() < 0.7 else 10 ** rng.uniform(-6, 6)


def value(rng: Random, depth: int = 0) -> Any:
    """Anything that JSON knows."""
    kind = rng.randrange(8 if depth < 3 else 5)
    if kind < 5:
        return (None, rng.random() < 0.5, integer(rng), number(rng), rng.choice(TEXTS))[kind]
    if kind < 7:
        return [value(rng, depth + 1) for _ in range(rng.choice((0, 1, 2, 5)))]
    return {rng.choice(TEXTS): value(rng, depth + 1) for _ in range(rng.choice((0, 1, 3)))}


def changed(rng: Random, tree: Any) -> Any:
    """A copy of a JSON tree in which something is replaced, missing or more."""
    if isinstance(tree, dict) and tree and rng.random() < 0.85:
        copy = dict(tree)
        key = rng.choice(list(copy))
        action = rng.random()
        if action < 0.6:
            copy[key] = changed(rng, copy[key])
        elif action < 0.75:
            del copy[key]
        elif action < 0.9:
            copy[rng.choice(TEXTS)] = copy[key]
        else:
            copy[key] = value(rng)
        return copy
    if isinstance(tree, list) and tree and rng.random() < 0.7:
        at = rng.randrange(len(tree))
        return [*tree[:at], *rng.choice(([], [changed(rng, tree[at])], [tree[at]] * 2)), *tree[at + 1 :]]
    return value(rng)


def json_bytes(rng: Random, tree: Any) -> bytes:
    """A tree as JSON that is mostly well formed."""
    try:
        text = json.dumps(tree).encode("utf-8", "surrogatepass")
    except (TypeError, ValueError):
        text = b"{}"
    broken = rng.random()
    if broken < 0.7:
        return text
    at = rng.randint(0, len(text))
    deep = rng.choice((10, 3000, 200000))
    return rng.choice(
        (
            text[:at], b"", b"\xef\xbb\xbf" + text, b"\xff\xfe" + text, text[:at] + rng.randbytes(4) + text[at:],
            b"[" * deep + b"]" * deep, b'{"a":' * deep, b"9" * 10000, text + text, b"NaN", b"null", bytes(8),
            json.dumps(tree).encode("utf-16"), text.replace(b":", b"=", 1),
        )
    )  # fmt: skip
