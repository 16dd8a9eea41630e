"""Writing files whole or not at all. Modules for that are imported when something is written."""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_PREFIX = ".refpose-"  # of temporary names: .refpose-MACHINE-PROCESS-RANDOM.ending
_STALE_AFTER = 3600.0  # seconds without a change; whether the process of another machine lives cannot be asked
# Errors of writing that libraries give no name with.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EPIPE)

_mine: set[Path] = set()  # the temporary files of this process
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_mine.clear)


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary name beside `path`, and move what was written there to `path` at the end.

    The file appears under its own name complete or not at all, and is on the disk then: after an error or an interrupt
    the temporary file is removed, and a file that was there before stays as it was. A symbolic link stays, and the file
    that it leads to is replaced. What cannot be replaced (a pipe, a character device, an open file by its
    ``/dev/stdout``) is written to once everything is there.

    Parameters
    ----------
    path : path-like
        Where the file shall be in the end. Its folder must exist. In a folder that `temporary_folder` made, files are
        written as they are, and left to whoever asked for it.

    Yields
    ------
    Path
        The temporary name, with the same ending. Nothing is there yet.

    Raises
    ------
    OSError
        When the folder does not exist or cannot be written to, or `path` is a folder, a block device or a socket.
    """
    given = Path(path)
    if given.parent in _mine:
        with _named(given, given.parent.parent / given.name):
            yield given
        return
    stream = is_stream(given)
    target = given if stream else Path(os.path.realpath(given))
    temporary = temporary_name(target, stream)
    try:
        with _named(temporary, given):
            yield temporary
            if stream:
                _pour(temporary, target)
            else:
                move(temporary, target)
                sync(target.parent)
    finally:
        discard(temporary)


@contextmanager
def _named(temporary: Path, given: Path) -> Iterator[None]:
    """Let errors of writing a temporary file name the one that it is for."""
    try:
        yield
    except OSError as error:
        named = os.fspath(error.filename) if error.filename else ""
        if error.errno and (str(temporary) in os.fsdecode(named) or (not named and error.errno in _FULL)):
            raise OSError(error.errno, os.strerror(error.errno), str(given)) from error
        raise


def is_stream(path: Path) -> bool:
    """Tell whether a path is a pipe, a character device or an open file (``/dev/stdout``), which takes no rename.

    Raises
    ------
    OSError
        When it is a folder, a block device, a socket or a symbolic link that leads round in a circle.
    """
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
        return True
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "neither a file nor a pipe nor a character device", str(path))
    return is_descriptor(path)


def is_descriptor(path: Path) -> bool:
    """Tell whether a path names an open file of a process, as ``/dev/stdin`` and ``/dev/fd/3`` do."""
    for _ in range(40):  # as many links as Linux follows
        if Path(os.path.realpath(path.parent)).match("/proc/*/fd"):
            return True
        if not path.is_symlink():
            return False
        path = path.parent / os.readlink(path)
    return False


def temporary_name(target: Path, elsewhere: bool = False) -> Path:
    """Give a name for a temporary file beside a file, with its ending; or, for streams, in the system's folder."""
    import secrets
    import tempfile

    # A fixed short length: a suffix added to the target's own name could exceed what the file system allows.
    name = f"{_PREFIX}{_machine()}-{os.getpid()}-{secrets.token_hex(4)}{target.suffix}"
    temporary = Path(tempfile.gettempdir(), name) if elsewhere else target.with_name(name)
    _mine.add(temporary)
    return temporary


def temporary_folder(beside: Path) -> Path:
    """Make a folder for files that are to be moved to `beside` together, under the names that they have in it."""
    folder = temporary_name(beside / "folder")
    with _named(folder, beside):
        folder.mkdir()
    return folder


def make_folder(folder: Path) -> None:
    """Make a folder, and those that it is in, unless it is there.

    Raises
    ------
    OSError
        When it cannot be made; NotADirectoryError where something else has its name.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None


def _machine() -> str:
    """Give a short word for this machine, to tell its processes from those of others on a shared disk."""
    import hashlib
    import platform

    return hashlib.sha256(platform.node().encode(errors="replace")).hexdigest()[:6]


def discard(temporary: Path) -> None:
    """Remove a temporary file or folder, if it is still there."""
    import shutil

    with suppress(OSError):  # whatever it is, another error is on its way that says more
        if temporary.is_dir():
            shutil.rmtree(temporary)
        else:
            temporary.unlink(missing_ok=True)
    _mine.discard(temporary)


def discard_all() -> None:
    """Remove all temporary files of this process, which is about to end."""
    for temporary in tuple(_mine):
        discard(temporary)


def move(temporary: Path, target: Path) -> None:
    """Put a temporary file, synced to the disk, in the place of `target`, whose permissions it takes over.

    So with folders, though not at once: no system exchanges them.
    """
    if temporary.is_dir():
        _refuse_others(target)
        _sync_all(temporary)
        old = temporary_name(target)
        with suppress(FileNotFoundError):
            os.rename(target, old)
        os.rename(temporary, target)
        discard(old)
        return
    sync(temporary)
    with suppress(OSError):  # there is none, or the file system has no permissions
        os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))
    os.replace(temporary, target)


def _refuse_others(folder: Path) -> None:
    """Raise FileExistsError where a folder that is to be replaced holds what is not named after it.

    What is written into NAME.openpose is called NAME_000000000000_keypoints.json and so on.
    """
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_dir() or not path.name.startswith(f"{folder.stem}_"):
            raise FileExistsError(
                f"{folder}: holds {path.name}, which is not what is written there, and is kept; name another folder"
            )


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk.

    Raises
    ------
    OSError
        When the disk fails.
    """
    folder = path.is_dir()
    if folder and os.name == "nt":  # Windows opens no folders
        return
    descriptor = os.open(path, (os.O_RDONLY if folder else os.O_RDWR) | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # file systems that cannot
            error.filename = str(path)
            raise
    finally:
        os.close(descriptor)


def _sync_all(folder: Path) -> None:
    """Wait until all that is in a folder is on the disk.

    At once where the system can (Linux): a hundred thousand files, one after the other, take minutes.
    """
    import ctypes

    at_once = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None) if os.name == "posix" else None
    if at_once is None:
        for path in folder.rglob("*"):
            sync(path)
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if at_once(descriptor) and ctypes.get_errno() not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(folder))
    finally:
        os.close(descriptor)


def _pour(temporary: Path, stream: Path) -> None:
    """Write the contents of a file to a stream."""
    import shutil

    with open(temporary, "rb") as source, open(stream, "wb") as sink:
        shutil.copyfileobj(source, sink)


def leftovers(folder: Path) -> list[Path]:
    """Find temporary files that runs left behind which were killed.

    Those of processes that are alive are left out; those of other machines count when they have not changed for an
    hour.
    """
    found = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            machine, _, rest = entry.name.removeprefix(_PREFIX).partition("-")
            process = rest.partition("-")[0]
            if entry.name.startswith(_PREFIX) and process.isdecimal() and not _in_use(entry, machine, int(process)):
                found.append(Path(entry.path))
    return sorted(found)


def _in_use(entry: os.DirEntry[str], machine: str, process: int) -> bool:
    """Tell whether a temporary file is still written to."""
    if machine == _machine() and os.name == "posix":
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
        except OSError:  # there is one, of somebody else
            pass
        return True
    try:
        return time.time() - entry.stat().st_mtime < _STALE_AFTER
    except OSError:  # gone in the meantime
        return True


def printable(path: str | os.PathLike[str]) -> str:
    r"""Give a path as text that every file and terminal takes: bytes of its name that are no UTF-8 as ``\xff``."""
    return os.fsencode(path).decode("utf-8", "backslashreplace") if os.name == "posix" else os.fspath(path)


def unprinted(name: str) -> str:
    r"""Give the name that `printable` gave as this text, if it had bytes that are no UTF-8 (``\xff``)."""
    if os.name != "posix":
        return name
    return os.fsdecode(
        re.sub(rb"\\x([89a-f][0-9a-f])", lambda found: bytes.fromhex(found[1].decode()), os.fsencode(name))
    )


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `path`, whole or not at all (see `replacing`)."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def json_text(value: Any) -> str:
    """Give `value` as JSON for others to read; numbers that are not finite, which JSON does not have, are null."""
    import json
    import math

    def finite(item: Any) -> Any:
        if isinstance(item, dict):
            return {name: finite(part) for name, part in item.items()}
        if isinstance(item, list | tuple):
            return [finite(part) for part in item]
        return None if isinstance(item, float) and not math.isfinite(item) else item

    return json.dumps(finite(value), indent=1, allow_nan=False)


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write `value` as JSON in UTF-8, whole or not at all (see `replacing`).

    Raises
    ------
    ValueError
        When `value` holds NaN or an infinity, which JSON does not have.
    """
    import json

    write_bytes(path, (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())
