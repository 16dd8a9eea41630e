"""Work on a Dask cluster: a real scheduler and real workers on this machine."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import videos
from PIL import Image

from refpose import __version__, cli
from refpose.tools import batch, cluster, planning

distributed = pytest.importorskip("distributed", reason="Dask's distributed is not installed")

TIMEOUT = 120.0  # seconds; for machines with much else to do
ALONE = ("--idle-timeout=5 minutes",)  # should the tests be killed, nothing is left


class Cluster:
    """A scheduler and workers, as processes of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "scheduler.json"
        self.environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
        self.processes: list[subprocess.Popen[bytes]] = []
        self.scheduler = self.start(
            "scheduler", "--host=127.0.0.1", "--port=0", f"--scheduler-file={self.file}", *ALONE
        )
        wait_for(self.file.exists)

    def start(
        self, kind: str, *arguments: str, within: Sequence[str] = (), **environment: str
    ) -> subprocess.Popen[bytes]:
        command = [*within, sys.executable, "-m", "distributed.cli.dask_" + kind, "--no-dashboard", *arguments]
        with open(self.folder / f"{kind}{len(self.processes)}.log", "wb") as log:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment | environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def worker(self, *arguments: str, within: Sequence[str] = (), **environment: str) -> subprocess.Popen[bytes]:
        common = (
            "--nthreads=1",
            "--host=127.0.0.1",
            f"--scheduler-file={self.file}",
            f"--local-directory={self.folder}",
        )
        return self.start("worker", *common, *arguments, within=within, **environment)

    def client(self) -> Any:
        return distributed.Client(scheduler_file=str(self.file), timeout=TIMEOUT, set_as_default=False)

    def wait_for_workers(self, count: int) -> None:
        with self.client() as client:
            client.wait_for_workers(count, timeout=TIMEOUT)

    def end(self, worker: subprocess.Popen[bytes]) -> None:
        """Let a worker go, and the scheduler know."""
        left = len(self.processes) - 2  # without the scheduler, and without this one
        worker.terminate()
        worker.wait(TIMEOUT)
        with self.client() as client:
            wait_for(lambda: len(client.scheduler_info()["workers"]) == left)

    def close(self) -> None:
        for process in self.processes:
            with_group(process, signal.SIGKILL)
            process.wait()


def with_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def wait_for(condition: Any) -> None:
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@contextmanager
def running(folder: Path, workers: int = 0) -> Iterator[Cluster]:
    folder.mkdir()
    made = Cluster(folder)
    try:
        for _ in range(workers):
            made.worker()
        if workers:
            made.wait_for_workers(workers)
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running(tmp_path_factory.mktemp("dask") / "cluster", 2) as made:
        yield made


# Stand-ins for the verbs' work; workers import them from here.


class Start:
    """Makes the work: writes the name of the task, and does what the name says."""

    def __init__(self) -> None:
        self.pose = {"model": "lite"}

    def __call__(self) -> batch.Work:
        return work


def work(task: planning.Task) -> str:
    name = task.source.name
    if name.startswith("bad"):
        raise ValueError(f"{task.source}: bad")
    if name.startswith("deadly"):
        os.kill(os.getpid(), signal.SIGKILL)
    if name.startswith("once") and not task.output(".tried").exists():
        task.output(".tried").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if name.startswith("slow"):
        task.output(".begun").touch()
        while not batch.stopping():
            time.sleep(0.02)
        task.output(".ended").touch()
        raise KeyboardInterrupt
    task.output(".txt").write_text(name)
    return f"done by {os.getpid()}"


def tasks(folder: Path, *names: str) -> list[planning.Task]:
    folder.mkdir(exist_ok=True)
    return [planning.Task(Path(name), folder / name) for name in names]


def outcomes(made: Cluster, todo: list[planning.Task], group: int = 1) -> dict[str, Any]:
    found = list(cluster.run(todo, Start(), str(made.file), group))
    assert len(found) == len(todo)
    return {task.source.name: outcome for task, outcome in found}


def test_what_fails_keeps_nothing_else_from_being_done(two_workers: Cluster, tmp_path: Path) -> None:
    found = outcomes(two_workers, tasks(tmp_path / "out", "a", "bad", "b"))
    assert isinstance(found.pop("bad"), ValueError)
    assert all(str(outcome).startswith("done by") for outcome in found.values()), found
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.txt", "b.txt"]
    assert outcomes(two_workers, []) == {}


def test_many_small_tasks_go_in_groups(two_workers: Cluster, tmp_path: Path) -> None:
    names = [f"t{k}" for k in range(400)]
    found = outcomes(two_workers, tasks(tmp_path / "out", *names), cluster.LARGEST_GROUP)
    assert found.keys() == set(names)
    assert len(set(found.values())) == 2  # both workers took part


def test_relative_names_begin_where_refpose_was_called(
    two_workers: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcomes(two_workers, tasks(Path("here"), "a", "b", "c"))
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == ["a.txt", "b.txt", "c.txt"]


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", None])
def test_no_scheduler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes | None) -> None:
    """Something else answers there, or nothing does."""
    monkeypatch.setattr(cluster, "CONNECTING", 2.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        connections = []

        def serve() -> None:
            while answer is not None:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                connections.append(connection)
                connection.sendall(answer)
                connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(OSError, match=f"{address}: no Dask scheduler answers there"):
            list(cluster.run(tasks(tmp_path / "out", "a"), Start(), address, 1))
        server.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def test_a_worker_is_no_scheduler(two_workers: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECTING", 5.0)
    with two_workers.client() as client:
        address = sorted(client.scheduler_info()["workers"])[0]
    with pytest.raises(OSError, match=f"{address}: no Dask scheduler answers there .*it is a Worker"):
        list(cluster.run(tasks(tmp_path / "out", "a"), Start(), address, 1))


@pytest.mark.parametrize("text", ["", "{}", "nonsense", '{"address": "tcp://127.0.0.1:1"}'])
def test_scheduler_files_of_no_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(cluster, "CONNECTING", 2.0)
    (tmp_path / "scheduler.json").write_text(text)
    with pytest.raises(OSError, match=r"scheduler\.json: no Dask scheduler answers there"):
        list(cluster.run(tasks(tmp_path / "out", "a"), Start(), str(tmp_path / "scheduler.json"), 1))


def test_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = str(Path(__file__).parent.parent / "examples" / "astronaut.png")
    with pytest.raises(SystemExit) as exit:
        cli.main(["image", picture, "-o", str(tmp_path), "--jobs=2", "--dask=tcp://127.0.0.1:1"])
    assert exit.value.code == 2
    assert "--jobs is for processes here" in capsys.readouterr().err


def test_workers_that_differ_are_refused(two_workers: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = cluster._identity
    monkeypatch.setattr(cluster, "_identity", lambda model: real(model) | {"refpose": "9.9"})
    with pytest.raises(ValueError, match=r"worker tcp://\S+ has refpose \S+, but 9.9 is needed \(and 1 other"):
        outcomes(two_workers, tasks(tmp_path / "out", "a"))
    monkeypatch.setattr(cluster, "_identity", lambda model: real(model) | {"weights": {"detector": "0"}})
    with pytest.raises(ValueError, match=r"worker tcp://\S+ has other weights for lite"):
        outcomes(two_workers, tasks(tmp_path / "out", "a"))
    monkeypatch.setattr(cluster, "_refuse_others", lambda client, order: None)  # as if they had come later
    with pytest.raises(ValueError, match=r"worker tcp://\S+ has other weights for lite"):
        outcomes(two_workers, tasks(tmp_path / "out", "a", "b"))
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.full
@pytest.mark.parametrize("other", ["another version", "no cluster"])
def test_a_worker_with_another_refpose_is_refused(tmp_path: Path, other: str) -> None:
    """A real one: a copy whose version is another, and one that has not got what a worker needs."""
    package = Path(cli.__file__).parent
    copy = tmp_path / "other" / "refpose"
    shutil.copytree(package, copy)
    if other == "another version":
        first = copy / "__init__.py"
        first.write_text(first.read_text().replace(f'__version__ = "{__version__}"', '__version__ = "9.9"'))
        why = f"has refpose 9.9, but {__version__} is needed"
    else:
        (copy / "tools" / "cluster.py").unlink()
        why = f"has no refpose {__version__} that works"
    with running(tmp_path / "cluster", 1) as made:
        made.environment["PYTHONPATH"] = f"{copy.parent}{os.pathsep}{made.environment['PYTHONPATH']}"
        made.worker()
        made.wait_for_workers(2)
        with pytest.raises(ValueError, match=rf"worker tcp://\S+ {why}"):
            outcomes(made, tasks(tmp_path / "out", "a", "b"))
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.full
@pytest.mark.skipif(os.name != "posix", reason="bounds what a worker may write by ulimit")
def test_a_full_disk_at_one_worker(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its pictures are reported, with the file and the reason; the other's are done, and --resume does the rest."""
    (tmp_path / "in").mkdir()
    for k in range(24):
        Image.fromarray(videos.scene(k)).save(tmp_path / "in" / f"p{k:02}.png")
    with running(tmp_path / "cluster", 1) as made:
        made.worker(within=["sh", "-c", 'ulimit -f 16; exec "$@"', "sh"])  # 8 KiB; the pictures take more
        made.wait_for_workers(2)
        command = ["image", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--model=lite", f"--dask={made.file}"]
        assert cli.main(command) == 1
        out, err = capsys.readouterr()
        failed = re.findall(r"in/(p\d\d)\.png: \[Errno 27\] File too large: \S+out/\1\.png", err.replace("'", ""))
        done = re.findall(r"in/(p\d\d)\.png: person", out)
        assert failed
        assert done
        assert sorted(failed + done) == [f"p{k:02}" for k in range(24)]
        assert sorted(path.stem for path in (tmp_path / "out").glob("*.json")) == sorted(done)
        assert not list((tmp_path / "out").glob(".refpose-*"))
        made.end(made.processes[-1])
        assert cli.main([*command, "--resume"]) == 0
    assert len(list((tmp_path / "out").glob("*.json"))) == 24


def test_workers_that_do_not_see_the_results_are_refused(
    two_workers: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "touch", lambda self: None)
    with pytest.raises(ValueError, match=r"does not see .*out: results go to a file system that all workers share"):
        outcomes(two_workers, tasks(tmp_path / "out", "a"))


def test_a_task_that_kills_its_workers_is_reported_and_the_rest_is_done(tmp_path: Path) -> None:
    with running(tmp_path / "cluster", 2) as made:
        names = ["a", "b", "deadly", "c", "once", "d"]
        found = outcomes(made, tasks(tmp_path / "out", *names), group=3)
    error = found.pop("deadly")
    assert isinstance(error, ChildProcessError)
    assert "was killed" in str(error)
    assert all(str(outcome).startswith("done by") for outcome in found.values()), found


def test_the_scheduler_goes_away(tmp_path: Path) -> None:
    with running(tmp_path / "cluster", 1) as made:
        todo = tasks(tmp_path / "out", "a", "slow", "b")
        found: dict[str, Any] = {}
        for task, outcome in cluster.run(todo, Start(), str(made.file), 1):
            found[task.source.name] = outcome
            if len(found) == 1:
                wait_for((tmp_path / "out" / "slow.begun").exists)
                with_group(made.scheduler, signal.SIGKILL)
    assert found["a"].startswith("done by")
    assert isinstance(found["slow"], ConnectionError)
    assert "scheduler is gone" in str(found["slow"])


def test_who_stops_lets_what_runs_end_its_results(two_workers: Cluster, tmp_path: Path) -> None:
    results = cluster.run(tasks(tmp_path / "out", "a", "slow", "slow2", "b"), Start(), str(two_workers.file), 1)
    next(results)
    wait_for((tmp_path / "out" / "slow.begun").exists)
    results.close()  # type: ignore[attr-defined]
    wait_for((tmp_path / "out" / "slow.ended").exists)
    assert outcomes(two_workers, tasks(tmp_path / "out", "c"))["c"].startswith("done by")


# The verbs


def tree(folder: Path) -> dict[str, bytes]:
    """What is in all files, without the times at which records say that they were written."""
    return {
        str(path.relative_to(folder)): re.sub(rb'("modified_ns": )\d+', rb"\g<1>0", path.read_bytes())
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_videos_and_pictures_give_the_same_bytes(
    two_workers: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        videos.write(tmp_path / "in" / f"{name}.mp4", videos.scenes(3))
    for k in range(3):
        Image.fromarray(videos.scene(k)).save(tmp_path / "in" / f"p{k}.png")
    (tmp_path / "in" / "broken.png").write_bytes(b"none")
    common = ["in", "--model=lite", "--csv"]
    for where, options in (("here", []), ("there", [f"--dask={two_workers.file}"])):
        assert cli.main(["video", *common, "-o", f"{where}/v", *options]) == 0
        assert cli.main(["image", *common, "-o", f"{where}/p", *options]) == 1
    here, there = tree(tmp_path / "here"), tree(tmp_path / "there")
    assert sorted(here) == sorted(there)
    assert [name for name in here if here[name] != there[name]] == []
    assert json.loads(there["v/a.meta.json"])["frames"] == 3
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "there" / "v").iterdir()}
    assert cli.main(["video", *common, "-o", "there/v", "--resume", f"--dask={two_workers.file}"]) == 0
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "there" / "v").iterdir()} == before


def owners(folder: Path) -> set[int]:
    """The processes that have temporary files there."""
    return {int(path.name.split("-")[2]) for path in folder.glob(".refpose-*")}


def test_a_worker_killed_in_mid_video(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mp4", videos.scenes(120))
    assert cli.main(["video", str(path), "--model=lite", "--csv", str(tmp_path / "here.csv")]) == 0
    with running(tmp_path / "cluster", 2) as made:
        command = ["-m", "refpose", "video", str(path), "--model=lite", "--csv", str(tmp_path / "there.csv")]
        process = subprocess.Popen([sys.executable, *command, f"--dask={made.file}"], env=made.environment)
        wait_for(lambda: owners(tmp_path) - {process.pid})
        os.kill((owners(tmp_path) - {process.pid}).pop(), signal.SIGKILL)
        assert process.wait(TIMEOUT) == 0
    assert (tmp_path / "there.csv").read_bytes() == (tmp_path / "here.csv").read_bytes()


def test_ctrl_c_ends_the_video_and_keeps_what_is_finished(two_workers: Cluster, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    videos.write(tmp_path / "in" / "a.mp4", videos.scenes(2))
    for name in ("b", "c"):
        videos.write(tmp_path / "in" / f"{name}.mp4", videos.scenes(2000, 64, 64), codec="mpeg4")
    out = tmp_path / "out"
    command = ["-m", "refpose", "video", str(tmp_path / "in"), "-o", str(out), "--model=lite", "--csv", "--no-video"]
    command += [f"--dask={two_workers.file}"]
    process = subprocess.Popen([sys.executable, *command], env=two_workers.environment, stderr=subprocess.PIPE)
    wait_for((out / "a.meta.json").exists)
    wait_for(lambda: owners(out) - {process.pid})
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 130, said
    wait_for(lambda: not owners(out))
    records = {path.name: json.loads(path.read_bytes()) for path in out.glob("*.meta.json")}
    assert records.pop("a.meta.json")["complete"] is True
    assert records
    for record in records.values():
        assert record["complete"] is False
        assert 0 < record["frames"] < 2000
    assert outcomes(two_workers, tasks(tmp_path / "after", "c"))["c"].startswith("done by")


@pytest.mark.full
def test_ten_thousand_tiny_pictures(two_workers: Cluster, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Image.fromarray(np.zeros((1, 1, 3), np.uint8)).save(tmp_path / "in" / "0.png")
    for k in range(1, 10_000):
        os.link(tmp_path / "in" / "0.png", tmp_path / "in" / f"{k}.png")
    assert cli.main(["image", str(tmp_path / "in"), "-o", str(tmp_path / "out"), f"--dask={two_workers.file}"]) == 0
    assert len(list((tmp_path / "out").glob("*.json"))) == 10_000
