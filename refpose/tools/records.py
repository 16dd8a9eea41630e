"""Records: JSON files that tell what the results of one input are, how they came about, and that they are refpose's.

All results of an input are written under temporary names, then a record is put down that names the old and the new ones
(``"complete": false``), then they are moved to their places, then the record is completed. So a run that is killed, at
whatever moment, leaves nothing that could be taken for complete, and everything that it leaves is vouched for by a
record and may be replaced by the next run. What no record vouches for is somebody else's.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .. import files, reading

_PIECE = 1 << 20


def identity(path: Path) -> dict[str, int]:
    """Give what changes when a file changes: its size, and when its contents and its entry were last changed.

    What is no regular file (a pipe) has no identity.
    """
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        return {}
    return {"bytes": found.st_size, "modified_ns": found.st_mtime_ns, "changed_ns": found.st_ctime_ns}


def sha256(path: Path) -> str:
    """Give the hash of a file's contents; of a folder, that of the names and hashes of its files.

    What else is in the folder (links, pipes) is never opened, and makes the hash another one.
    """
    digest = hashlib.sha256()
    if path.is_dir():
        for file in _files(path):
            what = sha256(file) if stat.S_ISREG(os.lstat(file).st_mode) else "no file"
            digest.update(f"{files.printable(file.relative_to(path))} {what}\n".encode())
        return digest.hexdigest()
    with open(path, "rb") as content:
        while piece := content.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def size(path: Path) -> int:
    """Give the size of a file; of a folder, that of all its files."""
    return sum(os.lstat(file).st_size for file in _files(path)) if path.is_dir() else os.stat(path).st_size


def modified(path: Path) -> int:
    """Give when a file was last written to, in ns; of a folder, when one of its files was."""
    if path.is_dir():
        return max((os.lstat(file).st_mtime_ns for file in _files(path)), default=0)
    return os.stat(path).st_mtime_ns


def _files(folder: Path) -> list[Path]:
    """Give what is in a folder and its subfolders, besides these."""
    return sorted(path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())


def same_input(recorded: Any, path: Path) -> bool:
    """Tell whether a file is the one whose identity was recorded: as it was then, or a copy with the same contents."""
    if not isinstance(recorded, dict) or not path.is_file():
        return False
    now = identity(path)
    if recorded.get("bytes") != now["bytes"]:
        return False
    return all(recorded.get(key) == value for key, value in now.items()) or recorded.get("sha256") == sha256(path)


def _is_record(found: Any) -> bool:
    """Tell whether a value of a JSON file is what is written here: it may be a stranger's, and of any form."""
    if not (isinstance(found, dict) and "refpose" in found and isinstance(found.get("results"), dict)):
        return False
    earlier = found.get("earlier", {})
    return (
        isinstance(earlier, dict)
        and all(map(_is_name, [*found["results"], *earlier]))
        and all(map(_is_result, found["results"].values()))
        and all(isinstance(hashes, list) and all(map(_is_name, hashes)) for hashes in earlier.values())
    )


def _is_name(text: Any) -> bool:
    """Tell whether a value is text, of letters that a name can have."""
    return isinstance(text, str) and "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _is_result(value: Any) -> bool:
    return isinstance(value, dict) and (
        type(value.get("bytes")) is type(value.get("modified_ns")) is int and _is_name(value.get("sha256"))
    )


class Record:
    """What a record says; nothing, where there is none.

    Parameters
    ----------
    path : Path
        The record.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(os.path.realpath(path))
        self.content: dict[str, Any] = {}
        try:
            found: Any = reading.json_file(self.path) if self.path.is_file() else None
        except (ValueError, OSError):
            return
        if _is_record(found):
            self.content = found

    def name_of(self, result: Path) -> str:
        """Give the name by which the record calls a result: seen from the folder of the record."""
        place = os.path.realpath(result)
        with suppress(ValueError):  # on another drive
            place = os.path.relpath(place, self.path.parent)
        return files.printable(place)

    def _place(self, name: str) -> Path:
        """Give the path of the result that the record calls so."""
        place = self.path.parent / name
        return place if os.path.lexists(place) else self.path.parent / files.unprinted(name)

    def is_of(self, source: Path, made_with: Mapping[str, Any], results: list[Path]) -> bool:
        """Tell whether all the results are there, complete, of this input as it is now, and made in this way."""
        return (
            self.content.get("complete") is True
            and all(self.content.get(key) == value for key, value in made_with.items())
            and all(self._has(self.name_of(result)) for result in results)
            and all(map(self._has, self.content["results"]))
            and same_input(self.content.get("input"), source)
        )

    def _has(self, name: str) -> bool:
        """Tell whether the result of this name is there as it was written: its contents count, not its time."""
        written, place = self.content["results"].get(name), self._place(name)
        try:
            return (
                written is not None
                and (
                    place.is_file() or (place.is_dir() and place.parent == self.path.parent and name != "..")
                )  # folders stand beside it
                and size(place) == written["bytes"]
                and (modified(place) == written["modified_ns"] or sha256(place) == written["sha256"])
            )
        except OSError:
            return False

    @property
    def results(self) -> set[str]:
        """The paths of all results that are there."""
        named = (os.path.realpath(self._place(name)) for name in self.content.get("results", {}))
        return {path for path in named if os.path.exists(path)}

    def vouches_for(self, result: Path) -> bool:
        """Tell whether what stands in the place of a result is refpose's own, so that nothing is lost with it."""
        place = Path(os.path.realpath(result))
        if not os.path.exists(place):
            return not os.path.lexists(place)
        if not (place.is_file() or place.is_dir()):
            return False
        if place.is_file() and place.stat().st_size == 0:  # a disk that was full, or a machine that lost its power
            return True
        return (place == self.path and bool(self.content)) or sha256(place) in self.hashes(place)

    def hashes(self, result: Path) -> list[str]:
        """Give the hashes of all that refpose has put, or was about to put, in the place of a result."""
        name = self.name_of(result)
        written, earlier = self.content.get("results", {}).get(name), self.content.get("earlier", {}).get(name)
        return [*([written["sha256"]] if written else []), *(earlier or [])]

    def earlier(self) -> dict[str, list[str]]:
        """Give the hashes of all results that the record knows of, by their names."""
        names = {*self.content.get("results", {}), *self.content.get("earlier", {})}
        return {name: self.hashes(self.path.parent / name) for name in sorted(names)}


class Results:
    """The results of one input, on the way to their places.

    Parameters
    ----------
    source : Path
        The input.
    record : Path
        Where the record shall be.
    made_with : mapping
        What stands in the record about how results are made, and must be the same for results to be kept.
    force : bool
        Whether files may be replaced that no record vouches for.
    """

    def __init__(self, source: Path, record: Path, made_with: Mapping[str, Any], force: bool) -> None:
        self._source, self._record, self._force = source, _regular(record), force
        self._head = {**made_with, "source": files.printable(source)}
        self._input: dict[str, Any] = identity(source)  # before it is read: it may change while it is
        self._folders: dict[Path, Path] = {}  # of the results, and the temporary one in each

    def path(self, target: Path) -> Path:
        """Give the temporary path of a result. What else is written beside it (NAME_person1.trc) is a result too."""
        place = _regular(target)
        if place.parent not in self._folders:
            self._folders[place.parent] = files.temporary_folder(place.parent)
        return self._folders[place.parent] / place.name

    def finish(self, content: Mapping[str, Any], complete: bool = True) -> None:
        """Move all results to their places and write the record.

        Parameters
        ----------
        content : mapping
            What else the record says.
        complete : bool
            Whether that was all of the input.

        Raises
        ------
        FileExistsError
            When something stands there that no record vouches for, and is not to be replaced.
        OSError
            When something cannot be written. What is there then is vouched for, and marked as not complete.
        """
        old = Record(self._record)
        written = {folder / path.name: path for folder, own in self._folders.items() for path in sorted(own.iterdir())}
        if not self._force:
            refuse_foreign([*written, self._record], old)
        results, earlier = {}, old.earlier()
        for place, staged in written.items():
            name = old.name_of(place)
            results[name] = {"bytes": size(staged), "modified_ns": modified(staged), "sha256": sha256(staged)}
            if place.exists():
                earlier[name] = [*{*earlier.get(name, []), sha256(place)}]
        if self._input:
            self._input["sha256"] = sha256(self._source)
        head = {**self._head, "input": self._input}
        files.write_json(self._record, {**head, "complete": False, "results": results, "earlier": earlier})
        for place, staged in written.items():
            files.move(staged, place)
        for folder in self._folders:
            files.sync(folder)
        earlier = {name: hashes for name, hashes in earlier.items() if name not in results}
        files.write_json(
            self._record,
            {**head, **content, "complete": complete, "results": results, **({"earlier": earlier} if earlier else {})},
        )

    def discard(self) -> None:
        """Remove what was not moved to its place."""
        for folder in self._folders.values():
            files.discard(folder)


def _regular(path: Path) -> Path:
    """Give the place of a file that is to be replaced; OSError where there is something that cannot be."""
    if not os.path.isdir(path) and files.is_stream(path):
        raise OSError(f"{path}: expected a regular file, found a pipe or a device")
    return Path(os.path.realpath(path))


@contextmanager
def writing(source: Path, record: Path, made_with: Mapping[str, Any], force: bool) -> Iterator[Results]:
    """Write the results of one input, see `Results`; without `Results.finish` nothing is left of them."""
    results = Results(source, record, made_with, force)
    try:
        yield results
    finally:
        results.discard()


def refuse_foreign(results: list[Path], record: Record) -> None:
    """Raise FileExistsError when something stands in the place of a result that the record does not vouch for."""
    for result in results:
        if not record.vouches_for(result):
            raise FileExistsError(
                f"{result}: is not what refpose wrote there, and is kept; --force overwrites, or name another folder"
            )
