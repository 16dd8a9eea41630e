"""``refpose bench``: what it measures and says, not how long things take."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from efficientpose_data import random_weights, write_weights

from refpose.cli import main
from refpose.engine import resolve
from refpose.networks import SHIPPED, record
from refpose.study import contest, programs, walk
from refpose.tools import bench as bench_tool

on_linux = pytest.mark.skipif(contest.processor_seconds() is None, reason="this system does not tell what threads do")


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
        quiet = contest.prepare("quiet", lambda: lambda: work(0.001))
        busy = contest.prepare("busy", make_busy)
        contest.compete([quiet, busy], 0.2)
    finally:
        stop.set()
    assert len(busy.threads) == 1
    assert quiet.spoiled > 0
    assert not quiet.seconds
    assert busy.seconds
    assert busy.spoiled == 0
    assert contest.rows([quiet, busy])[0]["minimum_ms"] is None


def test_ratios_are_to_the_first() -> None:
    first = contest.Contestant("first", lambda: None, seconds=[0.002, 0.001, 0.004])
    second = contest.Contestant("second", lambda: None, seconds=[0.003, 0.009])
    row = contest.rows([first, second])[1]
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


def test_every_family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Models whose weights the user made are measured as those of the package are, once they are there."""
    name = "efficientpose-rt-lite"
    options = ["--seconds", "0.1", "--engines", resolve("auto"), "--peers", "--json"]
    monkeypatch.delenv("REFPOSE_WEIGHTS", raising=False)
    assert main(["bench", "networks", "--networks", name, *options]) == 1
    assert f"no weights of '{name}'" in capsys.readouterr().err
    write_weights(tmp_path, name, random_weights(record(name)))
    monkeypatch.setenv("REFPOSE_WEIGHTS", str(tmp_path))
    assert main(["bench", "kernels", "networks", "pictures", "video", "--networks", name, *options]) == 0
    report = json.loads(capsys.readouterr().out)
    for what in ("networks", "pictures", "video"):
        assert [row["name"] for row in report[what][name]] == [f"refpose {resolve('auto')}"]
        assert report[what][name][0]["calls"] > 0
    steps = report["kernels"].get(name, [])
    assert bool(steps) == (resolve("auto") == "native")
    assert {"bottleneck", "pointwise"} <= {step["kernel"] for step in steps} or not steps


def test_networks_with_weights_are_measured_by_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def measure(settings: dict[str, list[str]]) -> dict[str, object]:
        asked.append(settings["networks"])
        raise OSError("enough")

    monkeypatch.setattr(bench_tool, "measure", measure)
    (tmp_path / "efficientpose-ii.h5").touch()
    for folder in ("", str(tmp_path)):
        monkeypatch.setenv("REFPOSE_WEIGHTS", folder)
        assert main(["bench", "networks"]) == 1
    assert asked == [list(SHIPPED), [*SHIPPED, "efficientpose-ii"]]


def test_several_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine = resolve("auto")
    options = ["--networks", "lite", "--engines", engine, "--seconds", "0.1"]
    assert main(["bench", "people", *options, "--peers", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    names = [row["name"] for row in report["people"]["lite"]]
    assert names == [f"refpose {engine}, Tasks 1.2.3", f"refpose {engine}, people=3"]
    assert all(row["calls"] + row["spoiled_turns"] > 0 for row in report["people"]["lite"])
    assert main(["bench", "people", *options, "--peers", "--json", "--threads", "2"]) == 0
    report = json.loads(capsys.readouterr().out)
    names = [row["name"] for row in report["people"]["lite"]]
    assert names[2:] == [f"refpose {engine}, people=2", f"refpose {engine}, people=2, one thread"]
    asked = {"what": ["people"], "peers": ["mediapipe"], "models": str(tmp_path)}
    assert bench_tool.missing("people", "lite", asked) == [
        "  not compared: no pose_landmarker_lite.task; name its folder by --models"
    ]
    (tmp_path / "pose_landmarker_lite.task").touch()
    assert bench_tool.missing("people", "lite", asked) == []


@on_linux
def test_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("av")
    monkeypatch.setattr(programs, "ROUNDS", 1)
    monkeypatch.setattr(programs, "REPEATS", 1)
    monkeypatch.setattr(walk, "FRAMES", 2)
    monkeypatch.setattr(programs, "find_spec", lambda name: name == "av" or None)
    settings = {"peers": ["mediapipe"], "processors": sorted(os.sched_getaffinity(0))}
    found = programs.measure("lite", settings, tmp_path)
    assert [len(rows) for rows in found.values()] == [1, 1, 3, 2]  # neither OpenCV nor MediaPipe
    assert found["cores: table of one video, then two at a time"][2]["name"] == "two tables, --jobs 2"
    assert found["cores: pictures one by one, then two at a time"][1]["name"] == "pictures, --jobs 2"
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


def test_an_engine_that_is_not_there(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bench_tool, "resolve", lambda name: "numpy")
    assert main(["bench", "networks", "--engines", "native"]) == 1
    assert "the native engine was not built" in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1", "0", "x"])
def test_seconds_that_are_none(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["bench", "networks", "--seconds", seconds])
    assert "expected a number above 0" in capsys.readouterr().err
