"""Every write, rename, open and fsync of a verb fails in turn, or the process is killed there: run by test_faults.py.

python faults.py SCENARIO FOLDER FULL runs in a process into which ``native/faults.c`` was loaded. A child is forked for
every fault, so that nothing has to be imported twice. Prints a JSON object: how many faults there were, and what went
wrong with which.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import json
import os
import re
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import small_inputs

from refpose import cli

KILL = 0
FAULTS = {"killed": KILL, "ENOSPC": errno.ENOSPC, "EIO": errno.EIO, "EACCES": errno.EACCES}
MODEL = ("--model", "lite")
PATIENCE = 300  # seconds that a command may take, some hundred times what it does
SHIM = ctypes.CDLL(None)


@dataclass(frozen=True)
class Scenario:
    """A command that writes below ``out``.

    Attributes
    ----------
    command : sequence of str
        Without ``--resume`` or ``--force``; paths are relative to the folder of the scenario.
    resumes : bool
        Whether the verb knows ``--resume``; otherwise it is done again with ``--force``.
    before : sequence of str
        A command whose results are there before; none for an empty folder.
    same : bool
        Whether the same files come out each time.
    """

    command: Sequence[str]
    resumes: bool = False
    before: Sequence[str] = ()
    same: bool = True


TABLES = ("--csv", "--json", "--h5")
SCENARIOS = {
    "image": Scenario(["image", "in/p.png", "-o", "out", "--csv", "--mask", *MODEL], True),
    "image again": Scenario(
        ["image", "in/p.png", "-o", "out", "--no-draw-box", *MODEL], True, ["image", "in/p.png", "-o", "out", *MODEL]
    ),
    "image, one table": Scenario(["image", "in/p.png", "-o", "out", "--csv", "out/all.csv", *MODEL], True),
    "video": Scenario(["video", "in/v.mp4", "-o", "out", *TABLES, *MODEL], True),
    "video again": Scenario(
        ["video", "in/v.mp4", "-o", "out", "--csv", "--draw-roi", *MODEL],
        True,
        ["video", "in/v.mp4", "-o", "out", "--csv", *MODEL],
    ),
    "video, other programs": Scenario(
        ["video", "in/v.mp4", "-o", "out", "--no-video", "--format", "trc", "openpose", *MODEL], True
    ),
    "dump": Scenario(["dump", "in/p.png", "-o", "out/p.h5", *MODEL], same=False),
    "report": Scenario(["report", "in/p.png", "-o", "out/p.html", *MODEL], same=False),
    "evaluate": Scenario(
        [
            "evaluate",
            "in/truth.json",
            "--plot",
            "out/p.svg",
            "--save-results",
            "out",
            "--mode",
            "full",
            "--min-joints",
            "4",
            *MODEL,
        ],
        same=False,
    ),
    "export": Scenario(["export", "in/t.csv", "-o", "out", "--to", "trc", "mot", "openpose-one", "openpose"]),
    "convert": Scenario(["convert", "in/lite.tflite", "-o", "out"]),
}


def main(name: str, folder: Path, full: bool) -> dict[str, object]:
    os.chdir(folder)
    prepare()
    scenario = SCENARIOS[name]
    Path("out").mkdir()
    if scenario.before:
        made = in_child(scenario.before)
        assert made.code == 0, made.said
    Path("out").rename("before")
    expected = trial(scenario, folder, None)
    assert expected.code == 0, expected.said
    whole = contents(Path("out"))
    count = expected.count
    wrong: list[str] = []
    for number in range(count):
        for k, (fault, error) in enumerate(FAULTS.items()):
            if full or k == number % len(FAULTS):
                found = trial(scenario, folder, (number, error))
                wrong += [f"call {number} {fault}: {text}" for text in judge(scenario, folder, found, whole, error)]
    return {"calls": count, "wrong": wrong}


def prepare() -> None:
    """Make the inputs."""
    small_inputs.write(Path("in"))
    assert quietly(lambda: cli.main(["video", "in/v.mp4", "--csv", "in/t.csv", *MODEL]))[0] == 0
    if len(sys.argv) > 4:
        shutil.copy(sys.argv[4], "in/lite.tflite")


@dataclass(frozen=True)
class Trial:
    """What a run did: its exit code (negative: the signal that ended it), what it said, how many calls it made."""

    code: int
    said: str
    count: int = 0


def trial(scenario: Scenario, folder: Path, fault: tuple[int, int] | None) -> Trial:
    """Run the command with a fault, or without, in a folder as it is before."""
    shutil.rmtree("out", ignore_errors=True)
    shutil.copytree("before", "out")
    Path("out/notes.txt").write_text("mine")
    command = [*scenario.command, *["--resume"] * bool(scenario.before)]
    return in_child(command, str(folder / "out"), fault or (1 << 30, KILL))


def judge(scenario: Scenario, folder: Path, found: Trial, whole: dict[str, str], error: int) -> list[str]:
    """Say what is wrong after a run with a fault, and after another without."""
    wrong = []
    if found.code not in ((-signal.SIGKILL,) if error == KILL else (0, 1)):
        wrong.append(f"exit code {found.code}: {found.said[-800:]}")
    if "Traceback" in found.said:
        wrong.append(f"traceback: {found.said[-800:]}")
    if found.code == 1 and not re.search("No space left|Input/output error|Permission denied", found.said):
        wrong.append(f"does not say why: {found.said[-400:]}")
    if error != KILL and (left := [path.name for path in Path("out").rglob(".refpose-*")]):
        wrong.append(f"left {left}")
    wrong += half_done(found)
    inputs = contents(Path("in"))
    again = in_child([*scenario.command, "--resume" if scenario.resumes else "--force"])
    if again.code != 0:
        return [*wrong, f"done again: exit code {again.code}: {again.said[-800:]}"]
    now = contents(Path("out"))
    if now.keys() != whole.keys():
        wrong.append(f"done again: {sorted(now)} instead of {sorted(whole)}")
    elif differing := [name for name in whole if now[name] != whole[name]] if scenario.same else []:
        wrong.append(f"done again: {differing} differ")
    if Path("out/notes.txt").read_text() != "mine" or contents(Path("in")) != inputs:
        wrong.append("something foreign was changed")
    return wrong


def half_done(found: Trial) -> list[str]:
    """Say which records claim to be complete without being it."""
    wrong = []
    for path in Path("out").rglob("*.json"):
        if ".refpose-" in str(path):
            continue
        try:
            record = json.loads(path.read_bytes())
        except ValueError as error:
            wrong.append(f"{path}: {error}")
            continue
        if isinstance(record, dict) and record.get("complete"):
            for name, result in record["results"].items():
                place = path.parent / name
                if place.is_file() and hashlib.sha256(place.read_bytes()).hexdigest() != result["sha256"]:
                    wrong.append(f"{path} is complete, and {name} another file")
                elif not place.exists():
                    wrong.append(f"{path} is complete, and {name} is not there")
    return wrong


def contents(folder: Path) -> dict[str, str]:
    """The files below a folder, with a hash of each; of records, without what tells one run from another."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and ".refpose-" not in str(path):
            data = path.read_bytes()
            if path.name.endswith(".json") and b'"refpose"' in data:
                record = json.loads(data)
                for result in record.get("results", {}).values():
                    result.pop("modified_ns", None)
                data = json.dumps({key: record[key] for key in record if key != "earlier"}).encode()
            found[str(path.relative_to(folder))] = hashlib.sha256(data).hexdigest()
    return found


def in_child(command: Sequence[str], below: str = "", fault: tuple[int, int] = (0, 0)) -> Trial:
    """Run a command in a forked process; one that hangs ends with SIGALRM."""
    child = os.fork()
    if child == 0:
        signal.alarm(PATIENCE)
        code, said = 70, ""
        try:
            code, said = quietly(lambda: run(command, below, fault))
        finally:
            Path("said").write_text(json.dumps({"said": said, "count": SHIM.faults_count()}))
            os._exit(code)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return Trial(code, "")
    told = json.loads(Path("said").read_text())
    return Trial(code, told["said"], told["count"])


def run(command: Sequence[str], below: str, fault: tuple[int, int]) -> int:
    if below:
        SHIM.faults_arm(below.encode(), *fault)
    return cli.main(list(command))


def quietly(action: Callable[[], int]) -> tuple[int, str]:
    """Do something; give its exit code, and what was printed."""
    with open("printed", "w+") as file:
        saved = sys.stdout, sys.stderr
        sys.stdout = sys.stderr = file
        try:
            code = action()
        except SystemExit as left:
            code = int(left.code or 0)
        except BaseException:  # noqa: BLE001
            traceback.print_exc()
            code = 70
        finally:
            sys.stdout, sys.stderr = saved
        file.seek(0)
        return code, file.read()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3] == "full")) + "\n")
