"""Writing files whole or not at all. Modules for that are imported when something is written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary name beside `path`, and move what was written there to `path` at the end.

    The file appears under its own name complete or not at all: after an error or an interrupt the temporary file is
    removed, and a file that was there before stays as it was.

    Parameters
    ----------
    path : path-like
        Where the file shall be in the end. Its folder must exist.

    Yields
    ------
    Path
        The temporary name, in the same folder and with the same ending. Nothing is there yet.

    Raises
    ------
    OSError
        When the folder does not exist or cannot be written to.
    """
    import secrets

    target = Path(path)
    # A fixed short length: a suffix added to the target's own name could exceed what the file system allows.
    temporary = target.with_name(f".refpose-{os.getpid()}-{secrets.token_hex(4)}{target.suffix}")
    try:
        yield temporary
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `path`, whole or not at all (see `replacing`)."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write `value` as JSON in UTF-8, whole or not at all (see `replacing`).

    Raises
    ------
    ValueError
        When `value` holds NaN or an infinity, which JSON does not have.
    """
    import json

    write_bytes(path, (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())
