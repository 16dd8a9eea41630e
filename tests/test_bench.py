"""``refpose bench``: what it measures and says, not how long things take."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from refpose.cli import main
from refpose.study import bench, programs
from refpose.tools import bench as bench_tool

on_linux = pytest.mark.skipif(bench.processor_seconds() is None, reason="this system does not tell what threads do")


def work(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


@on_linux
def test_turns_in_which_other_threads_work_do_not_count() -> None:
    stop = threading.Event()

    def make_busy() -> Callable[[], object]:
        def spin() -> None:
            while not stop.is_set():
                work(0.001)

        threading.Thread(target=spin, daemon=True).start()
        return lambda: work(0.001)

    try:
        quiet = bench.prepare("quiet", lambda: lambda: work(0.001))
        busy = bench.prepare("busy", make_busy)
        bench.compete([quiet, busy], 0.2)
    finally:
        stop.set()
    assert len(busy.threads) == 1
    assert quiet.spoiled > 0
    assert not quiet.seconds
    assert busy.seconds
    assert busy.spoiled == 0
    assert bench.rows([quiet, busy])[0]["minimum_ms"] is None


def test_ratios_are_to_the_first() -> None:
    first = bench.Contestant("first", lambda: None, seconds=[0.002, 0.001, 0.004])
    second = bench.Contestant("second", lambda: None, seconds=[0.003, 0.009])
    row = bench.rows([first, second])[1]
    assert (row["ratio_of_minima"], row["ratio_of_medians"]) == (pytest.approx(3), pytest.approx(3))
    assert row["minimum_ms"] == pytest.approx(3)


def test_report_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--networks", "lite", "--engines", "native", "numpy", "--peers", "--seconds", "0.1", "--json"]
    assert main(["bench", "networks", "video", *options]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["machine"]["processor"]
    assert set(report["machine"]["versions"]) >= {"refpose", "Python", "NumPy"}
    for what in ("networks", "video"):
        names = [row["name"] for row in report[what]["lite"]]
        assert names[-1] == "refpose numpy"
        assert all(row["calls"] + row["spoiled_turns"] > 0 for row in report[what]["lite"])


def test_report_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "kernels", "networks", "--networks", "detector", "--engines", "numpy", "--peers"]) == 0
    text = capsys.readouterr().out
    assert "refpose alone" in text
    assert "networks: detector" in text
    assert "x median" in text


@on_linux
def test_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("av")
    monkeypatch.setattr(programs, "ROUNDS", 1)
    monkeypatch.setattr(programs, "REPEATS", 1)
    monkeypatch.setattr(bench, "FRAMES", 2)
    monkeypatch.setattr(programs, "find_spec", lambda name: name == "av" or None)
    settings = {"peers": ["mediapipe"], "processors": sorted(os.sched_getaffinity(0))}
    found = programs.measure("lite", settings, tmp_path)
    assert [len(rows) for rows in found.values()] == [1, 1, 3]  # neither OpenCV nor MediaPipe
    assert found["cores: table of one video, then two at a time"][2]["name"] == "two tables, --jobs 2"
    for rows in found.values():
        assert rows[0]["ratio_of_minima"] == 1
        assert all(0.1 < row["minimum_ms"] < 100_000 for row in rows)


def test_bad_arguments(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["bench", "nonsense"])
    assert stopped.value.code == 2
    assert "nothing to time is called 'nonsense'" in capsys.readouterr().err
    assert main(["bench", "--models", str(tmp_path / "none")]) == 1
    assert "no folder" in capsys.readouterr().err


def test_the_timing_process_takes_this_package_and_no_peer_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's own folder on the path would make refpose/mediapipe the peer."""
    seen: dict[str, str] = {}

    def popen(command: list[str], env: dict[str, str], **options: object) -> object:
        seen.update(env)
        raise OSError("enough")

    monkeypatch.setattr(bench_tool.subprocess, "Popen", popen)
    with pytest.raises(OSError, match="enough"):
        bench_tool.measure({"threads": 1})
    first = Path(seen["PYTHONPATH"].split(os.pathsep)[0])
    assert (first / "refpose" / "__init__.py").is_file()
    assert not (first / "mediapipe").exists()
