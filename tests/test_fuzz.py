"""The fuzzer itself: what was a fault once is refused, every door opens, and a fault would be seen."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent))
pytest.importorskip("fuzz", reason="only in the repository")
from fuzz import __main__ as runner
from fuzz import doors, forked, kept
from fuzz.mutate import mutated, mutated_json
from fuzz.worker import generator
from refpose.reading import hdf5


@pytest.mark.parametrize("name", kept.CASES)
def test_what_was_a_fault_once_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tflite")
    pytest.importorskip("av")
    monkeypatch.setenv("REFPOSE_MAX_BYTES", str(1 << 26))
    door, make = kept.CASES[name]
    take = doors.DOORS[door]
    assert isinstance(take, doors.Files)
    assert not take.take(make()) or "byte" in name  # a byte that means nothing in this version of HDF5


@pytest.mark.parametrize(
    "door", ["npz", "annotations", "record", "results", "message", "bundle", "tflite", "arguments"]
)
def test_a_few_cases_of_quick_doors(door: str) -> None:
    pytest.importorskip("tflite")
    for number in range(40):
        doors.DOORS[door](generator(door, 5, number))


def test_seeds_are_taken() -> None:
    for door in ("npz", "annotations", "results", "message", "bundle"):
        take = doors.DOORS[door]
        assert isinstance(take, doors.Files)
        assert all(take.take(seed) for seed in take.seeds())


def test_cases_are_the_same_again() -> None:
    data = bytes(range(256)) * 4
    cases = [[mutated(generator("a", seed, n), data) for n in range(30)] for seed in (1, 1, 2)]
    assert cases[0] == cases[1] != cases[2]
    text = b'{"a": [1, 2, {"b": 3}]}'
    texts = {mutated_json(generator("a", 1, n), text) for n in range(60)}
    assert len(texts) > 30


def test_a_case_takes_nothing_from_the_cases_before() -> None:
    """Lists that were put into one case and changed there do not come back, longer or within themselves, in another."""
    text = b'{"a": [[], [[1]], {}], "b": [[], {"c": []}]}'
    first = [mutated_json(generator("b", 1, n), text) for n in range(20)]
    for n in range(20, 3000):
        mutated_json(generator("b", 1, n), text)
    assert [mutated_json(generator("b", 1, n), text) for n in range(20)] == first


BROKEN = """
import os, time
from fuzz import doors, worker
def case(rng):
    number = int(rng.integers(8))
    if number == 0: raise KeyError("another error")
    if number == 1: {fault}
    return number == 2
doors.DOORS["message"] = case
worker.main()
"""


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        ("os.abort()", "the process ended with -6"),
        ("any(iter(int, 1))", "no end after 0.3 s"),
        ("pass", "KeyError"),
    ],
)
def test_crashes_hangs_and_other_errors_are_findings(
    fault: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken.py").write_text(BROKEN.format(fault=fault))
    popen = runner.subprocess.Popen

    def start(command: list[str], **options: object) -> object:
        root = f"import sys; sys.path.insert(0, {str(doors.ROOT)!r}); "
        code = root + f"sys.argv[1:] = {command[3:]!r}; exec(open({str(tmp_path / 'broken.py')!r}).read())"
        return popen([sys.executable, "-c", code], **options)

    monkeypatch.setattr(runner.subprocess, "Popen", start)
    for seconds in (6.0, 60.0):  # on a busy machine the first does not do
        tally = runner.fuzz("message", 1, seconds, 0.3)
        if found := any(what in text for _, text in tally.findings):
            break
    assert found
    assert any("KeyError" in text for _, text in tally.findings)
    assert tally.cases > 5


def test_a_wrong_value_that_is_taken_is_a_finding() -> None:
    door = doors.Files(lambda: [b"x"], lambda data: doors.check(False, "wrong"), lambda rng, data, others: data)
    with pytest.raises(doors.Wrong, match="wrong"):
        door(np.random.default_rng(0))

    def unnamed(data: bytes) -> None:
        raise ValueError("no good")

    with pytest.raises(doors.Wrong, match="does not name the file"):
        doors.Files(lambda: [b"x"], unnamed).take(b"x")


def test_forks_read_hdf5_as_new_processes_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found in a file, why it is not read, and that it crashed what read it."""
    cases = [*doors._small_h5()[:1], kept._external(), kept.CASES["libhdf5 crashed (weights, byte 1129)"][1]()]

    def found() -> list[object]:
        answers: list[object] = []
        for data in cases:
            try:
                content = hdf5.read(data, doors.NAME, attributes=["format", "weight_names"], bound=1 << 24)
            except ValueError as error:
                answers.append(str(error))
            else:
                answers.append((content.attributes, {name: array.tobytes() for name, array in content.arrays.items()}))
        return answers

    anew = found()
    monkeypatch.setattr(hdf5.subprocess, "run", forked.run)
    assert found() == anew
    assert len(anew[0][1]) == 3  # type: ignore[index]
    assert "link" in str(anew[1])


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are looked for in /proc")
def test_workers_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(bytes(16))
    root = Path(doors.__file__).parent.parent
    code = f"""
import os, subprocess, sys
command = [sys.executable, "-m", "fuzz.worker", "options", "1", "0", {str(tmp_path / "log")!r}]
silent = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
worker = subprocess.Popen(command, cwd={str(root)!r}, **silent)
print(worker.pid, flush=True)
while open({str(tmp_path / "log")!r}, "rb").read(1) == bytes(1): assert worker.poll() is None
os._exit(0)
"""
    worker = int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)
    end = time.monotonic() + 30
    while Path(f"/proc/{worker}").exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert not Path(f"/proc/{worker}").exists()
