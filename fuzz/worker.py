"""Tries cases of one door, one after the other, in a process that may crash.

``python -m fuzz.worker DOOR SEED FIRST LOG``: LOG begins with the number of the case that is being tried and how many
were taken (two 8-byte integers), which the parent reads when this process ends or hangs. Findings go to stdout, a JSON
object a line. A case is made from the door, the seed and its number alone. It ends when the parent kills it or is gone.
"""

from __future__ import annotations

import json
import mmap
import os
import resource
import shutil
import struct
import sys
import traceback
import warnings
import zlib

import numpy as np

from . import doors, forked

_ROOM = 3 << 30  # bytes of memory beyond what is used at the start
_MOST = 600 << 20  # bytes by which a case may make the process grow


def generator(door: str, seed: int, number: int) -> np.random.Generator:
    """Of a case."""
    return np.random.default_rng((zlib.crc32(door.encode()), seed, number))


def main() -> None:
    door, seed, number, log = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    parent = os.getppid()
    os.environ |= {"REFPOSE_MAX_BYTES": str(1 << 26), "REFPOSE_MAX_PIXELS": str(1 << 22)}
    warnings.simplefilter("ignore")
    forked.use()
    take = doors.DOORS[door]
    if isinstance(take, doors.Files):
        try:
            take.seeds()
        except FileNotFoundError as error:
            print(json.dumps({"skipped": str(error)}), flush=True)
            return
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + _ROOM, used + _ROOM))
    peak, taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 0
    with open(log, "r+b") as file, mmap.mmap(file.fileno(), 16) as place:
        while os.getppid() == parent:
            place[:] = struct.pack("<qq", number, taken)
            try:
                taken += take(generator(door, seed, number))
            except MemoryError:
                found = "MemoryError"
            except Exception:  # noqa: BLE001 -- whatever is no promised error is a finding
                found = traceback.format_exc(limit=-4)
            else:
                found = ""
            now = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            if not found and (now - peak) * 1024 > _MOST:
                found = f"memory: {(now - peak) >> 10} MB more than any case before"
            peak = max(peak, now)
            if found:
                print(json.dumps({"number": number, "what": found}), flush=True)
            number += 1


if __name__ == "__main__":
    try:
        main()
    finally:
        shutil.rmtree(doors.SCRATCH, ignore_errors=True)
