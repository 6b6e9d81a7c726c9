"""JSON of unknown origin, read within limits."""

import json
from typing import Any

from .finding import DamageError

LARGEST_BYTES = 1 << 20


def parsed(data: bytes | str, what: str) -> dict[str, Any]:
    """Parse a JSON object of at most a mebibyte.

    Raises:
        DamageError: it is larger, nested too deeply, or no JSON object.
    """
    if len(data) > LARGEST_BYTES:
        raise DamageError(f"{what}: larger than {LARGEST_BYTES} bytes")
    try:
        told = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DamageError(f"{what}: cannot be read") from error
    if not isinstance(told, dict):
        raise DamageError(f"{what}: cannot be read")
    return told
