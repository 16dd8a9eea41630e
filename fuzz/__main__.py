"""``python -m fuzz SECONDS``: try all doors with cases made at random, and say what was found.

Cases are the same for the same seed. A process that crashes, hangs or grows is a finding, as is another error than the
promised one, or a wrong value that is taken. ``--case DOOR NUMBER`` tries one case again, in this process;
``--atheris DOOR`` lets Atheris (coverage-guided) make the cases, where it is installed.
"""

from __future__ import annotations

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from . import doors, kept
from .worker import generator


@dataclass
class Tally:
    """What came out at a door."""

    cases: int = 0
    taken: int = 0
    findings: list[tuple[int, str]] = field(default_factory=list)
    skipped: str = ""


def main() -> int:
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("seconds", type=float, nargs="?", default=60.0, help="for all doors together (%(default)s)")
    parser.add_argument("--door", action="append", choices=doors.DOORS, help="only this one; may be repeated")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="(the time)")
    parser.add_argument(
        "--patience", type=float, default=10.0, help="seconds of computing that a case may take (%(default)s)"
    )
    parser.add_argument("--case", nargs=2, metavar=("DOOR", "NUMBER"), help="try this case of the seed")
    parser.add_argument("--atheris", choices=doors.DOORS, help="let Atheris make the cases of this door")
    args = parser.parse_args()
    if args.case:
        print(
            "taken" if doors.DOORS[args.case[0]](generator(args.case[0], args.seed, int(args.case[1]))) else "refused"
        )
        return 0
    if args.atheris:
        return atheris(args.atheris, args.seconds)
    print(f"seed {args.seed}")
    wrong = kept.replay()
    names = args.door or list(doors.DOORS)
    for name in names:
        tally = fuzz(name, args.seed, args.seconds / len(names), args.patience)
        if tally.skipped:
            print(f"{name:12} skipped: {tally.skipped}")
            continue
        print(f"{name:12}{tally.cases:9,} cases, {tally.taken:8,} taken, {len(tally.findings):3} findings", flush=True)
        for what, count in Counter(text for _, text in tally.findings).items():
            number = next(number for number, text in tally.findings if text == what)
            print(f"  {count} x, first: --seed {args.seed} --case {name} {number}\n    " + what.replace("\n", "\n    "))
        wrong += len(tally.findings)
    return 1 if wrong else 0


def fuzz(door: str, seed: int, seconds: float, patience: float) -> Tally:
    """Try cases of a door for some time."""
    tally, number, end = Tally(), 0, time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        while time.monotonic() < end and len(tally.findings) < 100 and not tally.skipped:
            log.write_bytes(struct.pack("<qq", -1, 0))
            number = _worker(door, seed, number, log, end, patience, tally)
    return tally


def _worker(door: str, seed: int, first: int, log: Path, end: float, patience: float, tally: Tally) -> int:
    """Run one process until it ends, hangs or the time is over; the number of the next case."""
    command = [sys.executable, "-m", "fuzz.worker", door, str(seed), str(first), str(log)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=doors.ROOT)
    assert process.stdout is not None
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(process.stdout or ()))
    reader.start()
    number, since, used, what = -1, time.monotonic(), 0.0, ""
    while process.poll() is None:
        time.sleep(0.1)
        now = struct.unpack("<qq", log.read_bytes())[0]
        if now != number:
            number, since, used = now, time.monotonic(), _seconds_of(process.pid)
        if time.monotonic() > end and number >= 0:
            break
        # On a busy machine a case waits for its turn: its computing time counts, where it is known. Before the first
        # case the files of the door are made.
        waited = time.monotonic() - since
        if waited > 30 * patience or (number >= 0 and waited > patience < _seconds_of(process.pid, waited) - used):
            what = f"no end after {patience:g} s"
            break
    crashed = process.poll()
    process.kill()
    process.wait()
    reader.join()
    process.stdout.close()
    number, taken = struct.unpack("<qq", log.read_bytes())
    if crashed is not None:
        what = f"the process ended with {crashed}"
    for line in lines:
        found = json.loads(line)
        tally.skipped = found.get("skipped", "")
        if "number" in found:
            tally.findings.append((found["number"], found["what"]))
    if tally.skipped:
        return first
    if what:
        tally.findings.append((number, what))
    tally.cases += max(number - first, 0) + (1 if what else 0)
    tally.taken += taken
    return max(number, first) + 1


def _seconds_of(process: int, unknown: float = 0.0) -> float:
    """Computing time of a process and of its children that ended, in seconds."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # not Linux
        return unknown
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def atheris(door: str, seconds: float) -> int:
    """Let Atheris make the cases of a door of files."""
    import atheris as guided

    take = doors.DOORS[door]
    if not isinstance(take, doors.Files):
        raise SystemExit(f"{door}: not a door of files")
    with guided.instrument_imports(include=["refpose"]):
        for seed in take.seeds():
            take.take(seed)
    with tempfile.TemporaryDirectory() as folder:
        for index, seed in enumerate(take.seeds()):
            Path(folder, f"seed{index}").write_bytes(seed)

        def one(data: bytes) -> None:  # what it returned would tell Atheris to keep the case or not
            take.take(data)

        guided.Setup([sys.argv[0], folder, f"-max_total_time={int(seconds)}", "-timeout=10"], one)
        guided.Fuzz()
    return 0


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.exit(main())
