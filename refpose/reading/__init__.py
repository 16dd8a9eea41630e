"""What comes in from outside: files of strangers, read so that damage and malice end in one clear error.

Every reader gets a file's bytes by `content` and works on these inside `errors`, which turns whatever the library
raises into one ValueError that names the file. What unpacks to more than `limit` is refused.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..files import is_descriptor

MAX_BYTES = 2 * 1024**3
"""What a file may be unpacked to, in bytes, unless the environment variable ``REFPOSE_MAX_BYTES`` says otherwise."""


@contextmanager
def errors(where: str | os.PathLike[str], what: str) -> Iterator[None]:
    """Turn what is raised inside into a ValueError.

    Parameters
    ----------
    where : str or path
        The file, and the place in it as far as it is known. A ValueError that begins with it passes unchanged.
    what : str
        What the file was expected to be, for example ``"an HDF5 file"``.

    Raises
    ------
    ValueError
        ``WHERE: cannot be read as WHAT: ...``
    """
    try:
        yield
    except Exception as error:
        if type(error) is ValueError and str(error).startswith(os.fspath(where)):
            raise
        raise ValueError(f"{os.fspath(where)}: cannot be read as {what}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, MemoryError):
        return "it asks for more memory than there is"
    text = str(error).strip().replace("\n", " ")
    if isinstance(error, ValueError | OSError) and text:
        return text if len(text) <= 300 else text[:297] + "..."
    return f"damaged or cut short ({type(error).__name__}{': ' + text[:200] if text else ''})"


def limit(name: str = "REFPOSE_MAX_BYTES", default: int = MAX_BYTES) -> int:
    """A bound, from its environment variable or else the default.

    Raises
    ------
    ValueError
        The variable is set to something else than a whole number.
    """
    text = os.environ.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(f"environment variable {name}: expected a whole number, found {text[:50]!r}")
    return int(text[:18])


def refuse_address(path: str | os.PathLike[str]) -> None:
    """Raise FileNotFoundError where a path is an address in the network (``https://...``), and no file of that name."""
    text = os.fspath(path)
    if isinstance(text, str) and "://" in text and not os.path.lexists(text):
        raise FileNotFoundError(
            f"{text}: addresses are not read, the network is never used; name a file on this machine"
        )


def refuse_pipe(path: str | os.PathLike[str]) -> None:
    """Raise ValueError where there is a pipe, which would wait for its other end, a socket or a device."""
    file = Path(path)
    if file.exists() and not (file.is_file() or file.is_dir()):
        raise ValueError(f"{file}: not a file")


def content(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a file.

    Raises
    ------
    OSError
        It cannot be opened or read.
    ValueError
        It is larger than `limit`, or no file but a folder, a pipe or a device. Open descriptors (``/dev/stdin``) are
        read to their end.
    """
    file = Path(path)
    refuse_address(path)
    if file.is_dir():
        raise ValueError(f"{file}: not a file")
    if not is_descriptor(file):
        refuse_pipe(file)
    bound = limit()
    with open(file, "rb") as stream:
        try:
            data = stream.read(bound + 1)
        except OSError as error:
            error.filename = os.fspath(path)
            raise
    if len(data) > bound:
        raise ValueError(f"{file}: larger than {bound:,} bytes (REFPOSE_MAX_BYTES raises this bound)")
    return data


def json_file(path: str | os.PathLike[str]) -> Any:
    """The value in a JSON file, in UTF-8 and without repeated keys.

    Raises
    ------
    OSError
        It cannot be opened or read.
    ValueError
        It is no JSON, nested too deeply, or a key of an object stands there twice.
    """
    data = content(path)
    return json_value(data, path)


def json_value(data: bytes, where: str | os.PathLike[str]) -> Any:
    """The value of a JSON text, see `json_file`; `where` is named in errors."""
    import json

    try:
        return json.loads(data, object_pairs_hook=_unrepeated)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{os.fspath(where)}: broken JSON at line {error.lineno}, column {error.colno}: {error.msg}"
        ) from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{os.fspath(where)}: not a text file in UTF-8: {error}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"{os.fspath(where)}: broken JSON: {_reason(error)}") from error


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {key[:100]!r} stands twice in one object")
            seen.add(key)
    return found
