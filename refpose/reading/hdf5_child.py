"""Read HDF5 in a process of its own: libhdf5 crashes or never ends on some damaged files.

`refpose.reading.hdf5` starts this file as a script. stdin: a line of JSON (the request), then the file. stdout: a line
of JSON (``problem``, or ``arrays`` and ``attributes``), then the arrays' values one after the other.
"""

import io
import json
import math
import sys
from typing import Any

_alone = False  # whether this is a process of its own, which may be bounded
_MAX_OBJECTS = 100_000
_MAX_ATTRIBUTE = 16 << 20  # bytes
_SECONDS = 5  # of computing time for the structures of a file
_MOST_PACKED = 1100  # deflate makes at most 1032 bytes of one
_PIECE = 1 << 24  # bytes that are read at a time where nothing is kept
_BYTES_PER_SECOND = 20_000_000  # of reading values, unpacking included; slow machines reach ten times that


def read(
    data: bytes, group: str, wanted: list[str], bound: int
) -> tuple[dict[str, Any], dict[str, dict[str, Any]], str]:
    """Arrays and attributes of an HDF5 file.

    Parameters
    ----------
    data : bytes
        The file.
    group : str
        Where in the file to begin.
    wanted : list of str
        Names of the attributes to read, of all groups.
    bound : int
        Bytes that all arrays together may have.

    Returns
    -------
    arrays : dict of str to h5py.Dataset
        By their path from `group`.
    attributes : dict of str to dict
        By the group's path; "" is `group` itself.
    problem : str
        What keeps the file from being read; empty if nothing does.
    """
    import h5py

    # The file must not be closed before its datasets were read: they keep it open.
    file = h5py.File(io.BytesIO(data), "r")
    if group not in file:
        return {}, {}, ""
    return _walk(file[group], h5py, wanted, bound)


def _walk(
    root: Any, h5py: Any, wanted: list[str], bound: int, texts: bool = False
) -> tuple[dict[str, Any], dict[str, dict[str, Any]], str]:
    """Everything below a group, see `read`."""
    from h5py import h5l, h5o

    arrays: dict[str, Any] = {}
    attributes: dict[str, dict[str, Any]] = {"": _attributes(root, wanted)}
    size = 0
    seen = {h5o.get_info(root.id).addr}
    todo = [("", root)]
    while todo:
        path, parent = todo.pop()
        for name in parent.id:
            place = f"{path}/{name.decode()}".lstrip("/")
            if parent.id.links.get_info(name).type != h5l.TYPE_HARD:
                return {}, {}, f"{place}: is a link, perhaps to another file, and is not followed"
            item = parent[name]
            address = h5o.get_info(item.id).addr
            if address in seen:
                return {}, {}, f"{place}: is in the file under two names"
            seen.add(address)
            if len(seen) > _MAX_OBJECTS:
                return {}, {}, f"more than {_MAX_OBJECTS:,} objects"
            if isinstance(item, h5py.Group):
                attributes[place] = _attributes(item, wanted)
                todo.append((place, item))
                continue
            problem = _array(item, h5py, texts)
            size += 0 if problem else item.nbytes
            if size > bound:
                problem = f"{bound:,} bytes are exceeded (REFPOSE_MAX_BYTES raises this bound)"
            if problem:
                return {}, {}, f"{place}: {problem}"
            arrays[place] = item
    return arrays, attributes, ""


def vet(path: str) -> str:
    """Read a whole file piece by piece and keep nothing; why it should not be read, empty if nothing speaks against it.

    Arrays of texts are read as well.
    """
    import h5py

    with h5py.File(path, "r") as file:
        arrays, _, problem = _walk(file, h5py, [], sys.maxsize, texts=True)
        if problem:
            return problem
        for name, item in arrays.items():
            if item.nbytes > _MOST_PACKED * item.id.get_storage_size() + (1 << 20):
                return f"{name}: says it holds {item.nbytes:,} bytes, and does not"
        _allow_seconds(_SECONDS + sum(item.nbytes for item in arrays.values()) // _BYTES_PER_SECOND)
        for item in [file, *(file[name] for name in _groups(file, h5py)), *arrays.values()]:
            for name in item.attrs:
                item.attrs[name]
        for item in arrays.values():
            if not item.shape:
                item[()]
                continue
            rows = max(1, _PIECE * item.shape[0] // max(item.nbytes, 1))
            for start in range(0, item.shape[0], rows):
                item[start : start + rows]
    return ""


def _groups(file: Any, h5py: Any) -> list[str]:
    names: list[str] = []
    file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Group) else None)
    return names


def _array(item: Any, h5py: Any, texts: bool) -> str:
    """Why an object is not read; empty if it is an array of numbers (or texts) within the file."""
    if not isinstance(item, h5py.Dataset):
        return "neither a group nor an array"
    if item.external or item.is_virtual:
        return "its values are in another file"
    if texts and item.shape is not None and h5py.check_string_dtype(item.dtype) is not None:
        return ""
    if item.shape is None or item.dtype.kind not in "biufc" or item.dtype.subdtype or item.dtype.itemsize > 32:
        return "not an array of numbers"
    return ""


def _attributes(group: Any, wanted: list[str]) -> dict[str, Any]:
    """Attributes that are numbers, texts or lists of these."""
    found = {}
    for name in wanted:
        if name in group.attrs:
            stored = group.attrs.get_id(name)
            if math.prod(stored.shape) * stored.dtype.itemsize > _MAX_ATTRIBUTE:
                raise ValueError(f"the attribute {name} is too large")
            value = group.attrs[name]
            value = value.tolist() if hasattr(value, "tolist") else value
            found[name] = _text(value)
    return found


def _text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list):
        return [_text(item) for item in value]
    if isinstance(value, (str, int, float, bool)):
        return value
    raise ValueError(f"an attribute is of type {type(value).__name__}")


def answer(request: dict[str, Any], data: bytes) -> list[bytes]:
    """What is said to a request about a file, in pieces."""
    import numpy

    values: list[Any] = []
    arrays: dict[str, Any] = {}
    attributes: dict[str, dict[str, Any]] = {}
    try:
        if "vet" in request:
            problem = vet(request["vet"])
        else:
            arrays, attributes, problem = read(data, request["group"], request["attributes"], request["bound"])
        if not problem:
            _allow_seconds(_SECONDS + sum(item.nbytes for item in arrays.values()) // _BYTES_PER_SECOND)
            values = [numpy.ascontiguousarray(item[()]) for item in arrays.values()]
        listed = [[name, item.dtype.str, list(item.shape)] for name, item in arrays.items()]
        head = json.dumps({"problem": problem, "arrays": listed, "attributes": attributes})
    except Exception as error:  # noqa: BLE001 -- whatever the library stumbles over
        head, values = json.dumps({"problem": f"damaged or cut short ({type(error).__name__}: {error})"[:300]}), []
    return [head.encode() + b"\n", *(value.data.cast("B") for value in values if value.size)]


def main() -> None:
    """Answer one request as a process of its own."""
    global _alone
    _alone = True
    request = json.loads(sys.stdin.buffer.readline())
    data = sys.stdin.buffer.read()
    sys.path[:] = request["path"]
    import h5py  # noqa: F401 -- before memory is bounded

    _restrict(2 * request["bound"] + 2 * len(data))
    for piece in answer(request, data):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def _restrict(memory: int) -> None:
    """Bound what this process may take from now on."""
    try:
        import resource
    except ImportError:  # Windows has no such limits; there the parent's patience is the only one
        return
    _allow_seconds(_SECONDS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        with open("/proc/self/statm") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + memory + (256 << 20),) * 2)
    except (OSError, ValueError):  # no such file on macOS, whose limit of memory does nothing either
        return


def _allow_seconds(seconds: int) -> None:
    """Bound the computing time of this process, if it is one of its own; what it used already included."""
    try:
        import resource
    except ImportError:
        return
    if not _alone:
        return
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (used + seconds + 1, resource.getrlimit(resource.RLIMIT_CPU)[1]))


if __name__ == "__main__":
    main()
