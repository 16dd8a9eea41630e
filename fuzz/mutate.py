"""Mutations: from a file that is right, files that are nearly right. The same generator gives the same file."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

_ODD = (0, 1, 2, 3, 4, 7, 8, 16, 32, 63, 64, 65, 127, 128, 129, 254, 255)
_WIDE = (0, 1, -1, 2**15, 2**16, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, -(2**31), 10**6, 10**9)


def mutated(rng: np.random.Generator, data: bytes, others: Sequence[bytes] = (), reach: int | None = None) -> bytes:
    """A file with a few changes.

    Parameters
    ----------
    rng : Generator
    data : bytes
        What is changed.
    others : sequence of bytes
        Files of which pieces may be taken over.
    reach : int, optional
        Most changes fall into so many bytes from the beginning: where a large file has its structures.
    """
    changed = bytearray(data)
    for _ in range(int(rng.choice([1, 1, 1, 2, 3, 5, 9]))):
        size = len(changed)
        if not size:
            break
        near = min(size, reach) if reach and rng.random() < 0.9 else size
        at = int(rng.integers(near))
        match int(rng.integers(9)):
            case 0 | 1:
                changed[at] ^= 1 << int(rng.integers(8))
            case 2 | 3:
                changed[at] = int(rng.choice(_ODD))
            case 4:
                width = int(rng.choice([2, 4, 8]))
                number = int(rng.choice(_WIDE)) % (1 << 8 * width)
                order = "little" if rng.random() < 0.7 else "big"
                changed[at : at + width] = number.to_bytes(width, order)
            case 5:
                del changed[at : at + int(rng.choice([1, 2, 4, 8, 64, 1024]))]
            case 6:
                piece = changed[at : at + int(rng.choice([1, 4, 16, 256]))]
                changed[at:at] = piece * int(rng.integers(1, 4))
            case 7:
                del changed[at:]
            case _:
                other = bytes(changed) if not others else others[int(rng.integers(len(others)))]
                start = int(rng.integers(max(len(other), 1)))
                piece = other[start : start + int(rng.choice([4, 16, 64, 512]))]
                changed[at : at + len(piece)] = piece
    return bytes(changed)


_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 0.5, -0.7, 1e300, 10**400, -(10**20), 2**63, float("nan"), float("inf")),
    *("", "nose", "x" * 1000, "../../etc/passwd", "=1+1", "\0", "\ud800", "ü", [], [[]], {}, {"a": 1}, [1, 2, 3]),
)


def mutated_json(rng: np.random.Generator, data: bytes) -> bytes:
    """A JSON text with values exchanged, left out, doubled or nested, or some of its bytes changed."""
    if rng.random() < 0.15:
        return mutated(rng, data)
    value = json.loads(data)
    for _ in range(int(rng.choice([1, 1, 2, 4]))):
        places = list(_places(value))
        if not places:
            break
        holder, key = places[int(rng.integers(len(places)))]
        match int(rng.integers(6)):
            case 0 | 1 | 2:
                # A copy: what is put into a shared list would stand in every case after, or in itself.
                holder[key] = copy.deepcopy(_VALUES[int(rng.integers(len(_VALUES)))])
            case 3:
                del holder[key]
            case 4 if isinstance(holder, list):
                holder.insert(key, holder[key])
            case 5:
                other, name = places[int(rng.integers(len(places)))]
                holder[key] = json.loads(json.dumps(other[name]))
            case _:
                holder[key] = [holder[key]]
    text = json.dumps(value)
    if rng.random() < 0.05:
        text = text.replace('"id"', '"id": 1, "id"', 1)
    if rng.random() < 0.02:
        text = "[" * int(rng.choice([10, 1000, 100_000])) + text
    return text.encode()


def _places(value: Any) -> Any:
    """Every place in a value that can be changed: its holder and its key or index."""
    keys: list[Any] = (
        list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    )
    for key in keys:
        yield value, key
        yield from _places(value[key])
