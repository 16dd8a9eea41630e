"""Many files in one go: names, parts, what is left to do, failures, processes."""

from __future__ import annotations

import argparse
import contextlib
import io
import itertools
import json
import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from refpose import files
from refpose.tools import batch, planning, progress, records

ENDINGS = [".png", ".json"]


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)


def plan(out: Path, *inputs: Path) -> dict[str, str]:
    tasks = planning.plan([str(path) for path in inputs], out, {".jpg", ".png", ".gif"}, ENDINGS).tasks
    return {str(task.source.relative_to(out.parent)): str(task.stem.relative_to(out)) for task in tasks}


def test_folder_comes_again_with_its_subfolders(tmp_path: Path) -> None:
    touch(*(tmp_path / "in" / name for name in ["b.jpg", "a.PNG", "deep/er/c.gif", "notes.txt", ".d.png", ".e/f.png"]))
    assert plan(tmp_path / "out", tmp_path / "in") == {
        "in/a.PNG": "a",
        "in/b.jpg": "b",
        "in/deep/er/c.gif": "deep/er/c",
    }


def test_results_inside_the_folder_are_no_inputs(tmp_path: Path) -> None:
    touch(tmp_path / "in" / "a.jpg", tmp_path / "in" / "out" / "a.png")
    assert list(plan(tmp_path / "in" / "out", tmp_path / "in" / "a.jpg")) == ["a.jpg"]
    tasks = planning.plan([str(tmp_path / "in")], tmp_path / "in" / "out", {".jpg", ".png"}, ENDINGS).tasks
    assert [task.source.name for task in tasks] == ["a.jpg"]


def test_names_that_would_meet_are_kept_apart(tmp_path: Path) -> None:
    names = ["a.jpg", "a.png", "A.gif", "b.jpg", "sub/a.jpg"]
    touch(*(tmp_path / name for name in names))
    assert plan(tmp_path / "out", *(tmp_path / name for name in names)) == {
        "a.jpg": "a.jpg",
        "a.png": "a.png",
        "A.gif": "A.gif",
        "b.jpg": "b",
        "sub/a.jpg": "a.jpg-2",
    }


def test_no_two_results_share_a_name(tmp_path: Path) -> None:
    names = ["a.jpg", "a.png", "a.jpg.gif", "x/a.jpg.gif", "x/a.jpg", "a.jpg-2.gif"]
    touch(*(tmp_path / name for name in names))
    assert len(set(plan(tmp_path / "out", *(tmp_path / name for name in names)).values())) == len(names)


def test_file_given_twice_is_taken_once_and_links_are_files(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").symlink_to(tmp_path / "a.jpg")
    inputs = [tmp_path / "a.jpg", tmp_path / "b.jpg", tmp_path / "a.jpg"]
    assert plan(tmp_path / "out", *inputs) == {"a.jpg": "a", "b.jpg": "b"}


def test_inputs_are_never_overwritten(tmp_path: Path) -> None:
    touch(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"a\.png: is an input"):
        planning.plan([str(tmp_path / "a.png")], tmp_path, {".png"}, ENDINGS)


def test_single_result_by_name(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg", tmp_path / "b.jpg")
    inputs = [str(tmp_path / "a.jpg"), str(tmp_path / "b.jpg")]
    assert planning.plan(inputs[:1], tmp_path / "x" / "c.png", {".jpg"}, ENDINGS).tasks == [
        planning.Task(tmp_path / "a.jpg", tmp_path / "x" / "c")
    ]
    for several in (inputs, [str(tmp_path)]):
        with pytest.raises(argparse.ArgumentError, match="name of one file; for several inputs, name a folder"):
            planning.plan(several, tmp_path / "c.png", {".jpg"}, ENDINGS)
    for name in ("c.jpg", "c.csv"):
        with pytest.raises(argparse.ArgumentError, match=rf"{name}: expected a folder or a name that ends in \.png"):
            planning.plan(inputs[:1], tmp_path / name, {".jpg"}, ENDINGS)
    with pytest.raises(ValueError, match="is an input"):
        planning.plan([str(tmp_path / "a.jpg")], tmp_path / "a.png", {".jpg"}, [".png", ".jpg"])
    (tmp_path / "folder.png").mkdir()
    assert len(planning.plan(inputs, tmp_path / "folder.png", {".jpg"}, ENDINGS).tasks) == 2


def problems(out: Path, *inputs: str | Path) -> list[str]:
    return [str(error) for _, error in planning.plan(list(map(str, inputs)), out, {".jpg", ".png"}, ENDINGS).problems]


def test_bad_entries_keep_no_others_from_being_done(tmp_path: Path) -> None:
    """Neither those that are named nor those of folders; each is a problem of its own."""
    folder = tmp_path / "in"
    touch(folder / "a.jpg", tmp_path / "clip.mp4", tmp_path / "b.jpg")
    (tmp_path / "empty").mkdir()
    named = [folder, tmp_path / "nowhere", tmp_path / "clip.mp4", tmp_path / "empty", "https://x.org/a.jpg", "no*.jpg"]
    expected = [
        f"{tmp_path / 'nowhere'}: no such file or folder",
        f"{tmp_path / 'clip.mp4'}: is a video; for videos there is refpose video",
        f"{tmp_path / 'empty'}: no file in this folder ends in one of .jpg .png",
        "https://x.org/a.jpg: addresses are not read, the network is never used; name a file on this machine",
        "no*.jpg: nothing matches this pattern",
    ]
    if os.name == "posix":
        (folder / "loop.jpg").symlink_to("loop.jpg")
        (folder / "lost.jpg").symlink_to("nothing")
        os.mkfifo(folder / "pipe.png")
        expected += [
            f"{folder / 'loop.jpg'}: Too many levels of symbolic links",
            f"{folder / 'lost.jpg'}: a symbolic link that leads nowhere",
            f"{folder / 'pipe.png'}: expected a file, found a pipe",
        ]
    assert sorted(problems(tmp_path / "out", *named)) == sorted(expected)
    found = planning.plan(["https://x.org/a.jpg", "https://x.org/b.jpg"], tmp_path, {".jpg"}, ENDINGS)
    assert [source for source, _ in found.problems] == ["https://x.org/a.jpg", "https://x.org/b.jpg"]
    assert plan(tmp_path / "out", *map(Path, [folder, tmp_path / "nowhere", tmp_path / "b.jpg"])) == {
        "in/a.jpg": "a",
        "b.jpg": "b",
    }


def test_folder_that_the_system_fails_to_list_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "in" / "a.jpg", tmp_path / "in" / "sub" / "b.jpg")
    scan = os.scandir

    def scandir(path: str) -> Any:
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert problems(tmp_path / "out", tmp_path / "in") == [f"{tmp_path / 'in' / 'sub'}: Permission denied"]


def test_what_is_left_out_of_folders_is_counted(tmp_path: Path) -> None:
    names = ["a.jpg", "b.txt", "c.TXT", "d", ".e.jpg", ".f/g.jpg", "out/h.png"]
    touch(*(tmp_path / "in" / name for name in names))
    left_out = planning.plan([str(tmp_path / "in")], tmp_path / "in" / "out", {".jpg", ".png"}, ENDINGS).left_out
    assert +left_out == {".txt": 2, "without an ending": 1, "hidden": 2}


def test_results_beside_their_inputs_are_no_inputs(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg", tmp_path / "b.jpg")
    (task, _) = planning.plan([str(tmp_path)], tmp_path, {".jpg", ".png"}, ENDINGS).tasks
    done(task)
    again = planning.plan([str(tmp_path)], tmp_path, {".jpg", ".png"}, ENDINGS)
    assert [task.source.name for task in again.tasks] == ["a.jpg", "b.jpg"]
    assert again.left_out["results of refpose"] == 1


@pytest.mark.skipif(os.name != "posix", reason="pipes as POSIX has them")
def test_results_go_to_no_pipe(task: planning.Task) -> None:
    os.mkfifo(task.output(".png"))
    with (
        pytest.raises(OSError, match=r"a\.png: expected a regular file, found a pipe or a device"),
        records.writing(task.source, task.output(".json"), MADE_WITH, True) as results,
    ):
        results.path(task.output(".png"))
    assert os.listdir(task.stem.parent) == ["a.png"]


def test_patterns_in_quotes_are_expanded(tmp_path: Path) -> None:
    touch(tmp_path / "b.jpg", tmp_path / "a.jpg", tmp_path / "c.png", tmp_path / "[x].jpg")
    assert list(plan(tmp_path / "out", tmp_path / "?.jpg")) == ["a.jpg", "b.jpg"]
    assert list(plan(tmp_path / "out", tmp_path / "[x].jpg")) == ["[x].jpg"]


def test_shards_make_up_the_whole() -> None:
    tasks = [planning.Task(Path(str(k)), Path(str(k))) for k in range(11)]
    parts = [planning.shard(tasks, (i, 4)) for i in range(1, 5)]
    assert sorted((task for part in parts for task in part), key=tasks.index) == tasks
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("text", ["0/4", "5/4", "4", "a/b", "1/0", "-1/4", "1/4/2", "/"])
def test_shards_that_are_none(text: str) -> None:
    parser = argparse.ArgumentParser(exit_on_error=False)
    planning.add_arguments(parser, "files")
    with pytest.raises(argparse.ArgumentError, match=r"expected i/n"):
        parser.parse_args([f"--shard={text}"])


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5"])
def test_jobs_that_are_none(text: str) -> None:
    parser = argparse.ArgumentParser(exit_on_error=False)
    planning.add_arguments(parser, "files")
    with pytest.raises(argparse.ArgumentError, match="expected a whole number, 1 or more"):
        parser.parse_args([f"--jobs={text}"])


MADE_WITH = {"refpose": "1", "settings": {"model": "full"}}


def options(resume: bool = False, force: bool = False, part: tuple[int, int] = (1, 1)) -> argparse.Namespace:
    return argparse.Namespace(resume=resume, force=force, shard=part)


def done(task: planning.Task, text: str = "result", complete: bool = True) -> None:
    """Do a task."""
    with records.writing(task.source, task.output(".json"), MADE_WITH, False) as results:
        results.path(task.output(".png")).write_text(text)
        results.finish({"found": 1}, complete)


def left(*tasks: planning.Task, made_with: dict[str, Any] = MADE_WITH) -> tuple[list[planning.Task], list[str]]:
    """What --resume does, and what it refuses to do."""
    plan = planning.Plan(list(tasks))
    todo = planning.unfinished(plan, ENDINGS, made_with, options(resume=True))
    return todo, [str(error) for _, error in plan.problems]


@pytest.fixture
def task(tmp_path: Path) -> planning.Task:
    touch(tmp_path / "a.jpg")
    (tmp_path / "out").mkdir()
    return planning.Task(tmp_path / "a.jpg", tmp_path / "out" / "a")


def test_results_that_are_there_are_kept_unless_forced(tmp_path: Path) -> None:
    tasks = [planning.Task(Path("a.jpg"), tmp_path / "a"), planning.Task(Path("b.jpg"), tmp_path / "b")]
    assert planning.unfinished(planning.Plan(list(tasks)), ENDINGS, {}, options()) == tasks
    touch(tmp_path / "a.png", tmp_path / "b.json")
    with pytest.raises(FileExistsError, match=r"a\.png \(and 1 more\): already there; --force overwrites"):
        planning.unfinished(planning.Plan(list(tasks)), ENDINGS, {}, options())
    assert planning.unfinished(planning.Plan(list(tasks)), ENDINGS, {}, options(force=True)) == tasks


def test_resume_keeps_what_is_complete_and_alike(task: planning.Task, tmp_path: Path) -> None:
    done(task)
    found = json.loads((tmp_path / "out" / "a.json").read_text())
    assert (found["complete"], found["found"], found["source"]) == (True, 1, str(task.source))
    assert found["results"]["a.png"]["bytes"] == 6
    assert left(task) == ([], [])
    for made_with in ({"refpose": "2", "settings": {"model": "full"}}, {"refpose": "1", "settings": {"model": "lite"}}):
        assert left(task, made_with=made_with) == ([task], [])


def test_resume_knows_the_input_by_its_contents(task: planning.Task, tmp_path: Path) -> None:
    done(task)
    relative = planning.Task(Path(os.path.relpath(task.source)), Path(os.path.relpath(task.stem)))
    assert left(relative) == ([], [])
    before = task.source.stat()
    copy = planning.Task(tmp_path / "copy.jpg", task.stem)
    copy.source.write_bytes(task.source.read_bytes())
    os.utime(task.source, (1, 1))
    assert left(task) == left(copy) == ([], [])
    task.source.write_text("b.jpg")  # of the same length, at the same time
    os.utime(task.source, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert left(task) == ([task], [])
    task.source.unlink()
    assert left(task) == ([task], [])


def test_resume_knows_results_by_their_contents(task: planning.Task) -> None:
    """A folder that was copied has other times, and is as complete as it was."""
    done(task)
    os.utime(task.output(".png"), (1, 1))
    assert left(task) == ([], [])


@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes")
def test_resume_knows_results_whose_names_are_no_text(tmp_path: Path) -> None:
    for name in (b"\xff\xe4", b"\\xff"):
        source = tmp_path / os.fsdecode(name + b".jpg")
        source.write_text("a.jpg")
        task = planning.Task(source, tmp_path / os.fsdecode(name))
        done(task)
        assert left(task) == ([], [])
        task.output(".png").write_text("")
        assert left(task) == ([task], [])


def test_input_that_changes_while_it_is_read_is_done_again(task: planning.Task) -> None:
    with records.writing(task.source, task.output(".json"), MADE_WITH, False) as results:
        task.source.write_text("longer than before")
        results.path(task.output(".png")).touch()
        results.finish({})
    assert left(task) == ([task], [])


@pytest.mark.parametrize("broken", ["gone", "empty", "not complete", "no record"])
def test_resume_does_again_what_is_not_whole(task: planning.Task, tmp_path: Path, broken: str) -> None:
    done(task, complete=broken != "not complete")
    if broken == "gone":
        task.output(".png").unlink()
    elif broken == "empty":
        task.output(".png").write_bytes(b"")
    elif broken == "no record":
        task.output(".png").unlink()
        task.output(".json").write_bytes(b"")
    assert left(task) == ([task], [])
    done(task, "anew")
    assert task.output(".png").read_text() == "anew"
    assert left(task) == ([], [])


@pytest.mark.parametrize("foreign", ["both", "result", "changed", "same size", "record", "link", "folder"])
def test_resume_keeps_what_is_not_refposes(task: planning.Task, tmp_path: Path, foreign: str) -> None:
    """A result that no record vouches for, one that was changed since, another program's JSON, a link, a folder."""
    png, record = task.output(".png"), task.output(".json")
    if foreign != "both":
        done(task)
    if foreign == "both":
        touch(png, record)
    elif foreign == "result":
        png.write_text("mine")
        record.write_bytes(b"")
    elif foreign == "changed":
        png.write_text("drawn over")
    elif foreign == "same size":
        png.write_text("edited")
    elif foreign == "record":
        record.write_text('{"refpose": "is nice"}')
    elif foreign == "link":
        touch(tmp_path / "mine.png")
        png.unlink()
        png.symlink_to(tmp_path / "mine.png")
    else:
        png.unlink()
        png.mkdir()
    before = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    todo, refused = left(task)
    assert todo == []
    (message,) = refused
    assert re.fullmatch(r".*a\.(png|json): is not what refpose wrote there, and is kept; --force overwrites.*", message)
    with pytest.raises(OSError, match=r"is not what refpose wrote|Is a directory"):
        done(task, "anew")
    assert {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


RESULT = {"bytes": 0, "modified_ns": 1, "sha256": "0"}
STRANGE = [
    {"results": {"a.png": {"bytes": 4}}},
    {"results": {"a.png": {**RESULT, "sha256": ["0"]}}},
    {"results": {"a.png": {**RESULT, "bytes": True}}},
    {"results": {"a.png": "0"}},
    {"results": {"a\0.png": RESULT}},
    {"results": {"\ud800": RESULT}},
    *({"earlier": value} for value in (None, 1, "a.png", [], {"a.png": 1}, {"a.png": [1]}, {"a.png": ["\ud800"]})),
]


@pytest.mark.parametrize("strange", STRANGE, ids=json.dumps)
def test_records_of_another_form_are_somebody_elses(task: planning.Task, strange: dict[str, Any]) -> None:
    done(task)
    record = task.output(".json")
    record.write_text(json.dumps({**json.loads(record.read_text()), **strange}))
    before = record.read_bytes()
    todo, (refused,) = left(task)
    assert todo == []
    assert "is not what refpose wrote there" in refused
    planning.plan([str(task.stem.parent)], task.stem.parent, {".jpg"}, [".x"])
    with pytest.raises(OSError, match="is not what refpose wrote there"):
        done(task, "anew")
    assert record.read_bytes() == before


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/tty", "/", "..", "../..", "folder", "pipe"])
def test_records_that_name_what_has_no_end(task: planning.Task, name: str) -> None:
    """Nothing is opened but files, and those in folders beside the record."""
    folder = task.stem.parent
    (folder / "folder").mkdir()
    (folder / "folder" / "more").symlink_to("..")
    (folder / "folder" / "zero").symlink_to("/dev/zero")
    if os.name == "posix":
        os.mkfifo(folder / "pipe")
        os.mkfifo(folder / "folder" / "pipe")
    done(task)
    record = task.output(".json")
    told = json.loads(record.read_text())
    size = records.size(folder / name) if name in ("folder", "pipe") else 0
    told["results"][name] = {**RESULT, "bytes": size}
    record.write_text(json.dumps(told))
    assert left(task) == ([task], [])


def test_results_that_are_not_made_again_stay_known(task: planning.Task) -> None:
    """What was made with other options, and is beside the new results, may be replaced when it is asked for again."""
    with records.writing(task.source, task.output(".json"), MADE_WITH, False) as results:
        results.path(task.output(".png")).write_text("picture")
        results.path(task.output(".csv")).write_text("table")
        results.finish({})
    done(task, "another picture")
    assert task.output(".csv").read_text() == "table"
    with records.writing(task.source, task.output(".json"), MADE_WITH, False) as results:
        results.path(task.output(".csv")).write_text("another table")
        results.finish({})
    assert task.output(".csv").read_text() == "another table"


def test_kill_between_two_moves(task: planning.Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there then is not taken for complete, and may be replaced."""
    moves = itertools.count()

    def move(staged: Path, place: Path) -> None:
        if next(moves) == 1:
            raise KeyboardInterrupt
        os.replace(staged, place)

    monkeypatch.setattr(records.files, "move", move)
    for _ in range(2):  # at first nothing is there, then the old results are
        moves = itertools.count()
        with (
            records.writing(task.source, task.output(".json"), MADE_WITH, False) as results,
            contextlib.suppress(KeyboardInterrupt),
        ):
            results.path(task.output(".png")).write_text("half")
            results.path(task.output(".csv")).write_text("half")
            results.finish({})
        assert left(task) == ([task], [])
        monkeypatch.undo()
        with records.writing(task.source, task.output(".json"), MADE_WITH, False) as results:
            results.path(task.output(".png")).write_text("whole")
            results.path(task.output(".csv")).write_text("whole")
            results.finish({})
        assert left(task) == ([], [])
        monkeypatch.setattr(records.files, "move", move)


def make_folders(*tasks: planning.Task) -> tuple[list[planning.Task], list[str]]:
    plan = planning.Plan(list(tasks))
    return planning.make_folders(plan, tasks), [str(error) for _, error in plan.problems]


def test_folders_are_made_and_left_empty(tmp_path: Path) -> None:
    task = planning.Task(Path("a"), tmp_path / "x" / "y" / "a")
    assert make_folders(task) == ([task], [])
    assert os.listdir(tmp_path / "x" / "y") == []


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    touch(tmp_path / "file")
    bad, good = planning.Task(Path("a"), tmp_path / "file" / "out" / "a"), planning.Task(Path("b"), tmp_path / "b")
    with pytest.raises(OSError, match=r"file.out: results cannot be written to this folder"):
        make_folders(bad)
    made, refused = make_folders(bad, good)
    assert made == [good]
    assert "results cannot be written" in refused[0]


def test_shards_that_start_together_do_not_meet(tmp_path: Path) -> None:
    """All of them try whether the folder can be written to, at the same time."""
    task = planning.Task(Path("a"), tmp_path / "out" / "a")
    with ThreadPoolExecutor(8) as pool:
        for made, refused in pool.map(lambda _: make_folders(task), range(400)):
            assert (made, refused) == ([task], [])
    assert os.listdir(tmp_path / "out") == []


def start() -> batch.Work:
    return work


def work(task: planning.Task) -> str:
    if task.source.name == "bad":
        raise ValueError(f"{task.source}: is bad")
    if task.source.name == "bug":
        raise KeyError("bug")
    if task.source.name == "killed":
        os._exit(9)
    if task.source.name == "once":  # a process that has not enough memory beside others
        marker = task.stem.with_name("marker")
        if not marker.exists():
            marker.touch()
            os._exit(9)
    return f"done in {os.getpid()}"


@pytest.mark.parametrize(("jobs", "forks"), [(1, False), (2, False), (2, True)])
def test_failures_do_not_stop_the_rest(capsys: pytest.CaptureFixture[str], jobs: int, forks: bool) -> None:
    tasks = [planning.Task(Path(name), Path("out", name)) for name in ["a", "bad", "b", "bug", "c"]]
    plan = planning.Plan([*tasks, *tasks[:3]], [("x", OSError("x: no such file"))])
    assert progress.report(batch.run(tasks, start, jobs, forks), plan, len(tasks), "files") == 1
    captured = capsys.readouterr()
    assert sorted(line.split(":")[0] for line in captured.out.splitlines()) == ["a", "b", "c"]
    assert str(os.getpid()) in captured.out or jobs == 2
    assert sorted(captured.err.splitlines()) == [
        "3 files done, 3 skipped, 3 failed",
        "bad: is bad",
        "bug: KeyError: 'bug'",
        "x: no such file",
    ]


def variables(task: planning.Task) -> str:
    return f"{os.environ.get('OPENBLAS_NUM_THREADS')} {os.environ.get('PYTHONSAFEPATH')}"


def start_told() -> batch.Work:
    return variables


def test_the_environment_of_processes_is_theirs_alone() -> None:
    """Processes have one BLAS thread and look for no modules in the current folder; who starts them is as before."""
    before = dict(os.environ)
    task = planning.Task(Path("a"), Path("b"))
    assert [outcome for _, outcome in batch.run([task], start_told, 2)] == ["1 1"]
    assert dict(os.environ) == before


_set_here = "nothing"


def what_is_set(task: planning.Task) -> str:
    return _set_here


def start_set() -> batch.Work:
    return what_is_set


@pytest.mark.skipif(sys.platform != "linux", reason="processes are copies on Linux only")
def test_copies_have_what_is_loaded_and_are_made_without_other_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "_set_here", "something")
    task = planning.Task(Path("a"), Path("b"))
    assert threading.active_count() == 1
    assert [outcome for _, outcome in batch.run([task], start_set, 2, forks=True)] == ["something"]
    assert [outcome for _, outcome in batch.run([task], start_set, 2)] == ["nothing"]
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    try:
        assert [outcome for _, outcome in batch.run([task], start_set, 2, forks=True)] == ["nothing"]
    finally:
        end.set()
        thread.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_copies_leave_the_temporary_files_of_others(tmp_path: Path) -> None:
    with files.replacing(tmp_path / "a") as name:
        name.write_text("mine")
        child = os.fork()
        if not child:
            files.discard_all()
            os._exit(0)
        os.waitpid(child, 0)
    assert (tmp_path / "a").read_text() == "mine"


@pytest.mark.parametrize("forks", [False, True])
def test_death_of_a_process_costs_its_task_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], forks: bool
) -> None:
    names = ["a", "killed", "b", "once", "c", "d", "e"]
    tasks = [planning.Task(Path(name), tmp_path / name) for name in names]
    assert progress.report(batch.run(tasks, start, 2, forks), planning.Plan(tasks), len(tasks), "files") == 1
    captured = capsys.readouterr()
    assert sorted(line.split(":")[0] for line in captured.out.splitlines()) == ["a", "b", "c", "d", "e", "once"]
    assert captured.err.splitlines() == [
        "killed: the process that did it was killed, also when it ran alone (out of memory?)",
        "6 files done, 0 skipped, 1 failed",
    ]


@pytest.mark.skipif(os.name != "posix", reason="kills as POSIX does")
@pytest.mark.parametrize("forks", [False, True])
def test_processes_end_with_the_one_that_started_them(tmp_path: Path, forks: bool) -> None:
    """Killed without a chance to tell them; their temporary files go with them."""
    code = """if True:
        import os, sys, time
        from pathlib import Path
        from refpose import files
        from refpose.tools import batch, planning, progress
        def start(): return work
        def work(task):
            with files.replacing(task.stem) as name:
                name.write_text(str(os.getpid()))
                time.sleep(600)
        if __name__ == "__main__":
            list(batch.run([planning.Task(Path(n), Path(sys.argv[1], n)) for n in "ab"], start, 2, FORKS))
    """
    (tmp_path / "run.py").write_text(code.replace("FORKS", str(forks)))
    (tmp_path / "out").mkdir()
    with subprocess.Popen([sys.executable, tmp_path / "run.py", tmp_path / "out"]) as process:
        deadline = time.monotonic() + 60
        pids: list[int] = []
        while len(pids) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
            texts = [path.read_text() for path in (tmp_path / "out").iterdir()]
            pids = [int(text) for text in texts if text]
        process.kill()
    assert len(pids) == 2
    while os.listdir(tmp_path / "out") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert os.listdir(tmp_path / "out") == []


def test_interrupts_are_the_main_threads() -> None:
    """Another thread, in which somebody's program calls refpose, can ask for none; it works all the same."""

    def work() -> bool:
        with batch.stop_on_interrupt():
            return batch.stopping()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(work).result() is False


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_has_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is there when processes are forked."""
    pytest.importorskip("tqdm")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    before = threading.active_count()
    with progress.Bar(3, "files") as bar:
        assert threading.active_count() == before
        for _ in range(2):
            time.sleep(0.15)  # tqdm shows no more than ten a second
            bar.advance()
        bar.say("a line", terminal)
    assert "a line\n" in terminal.getvalue()
    assert "2/3" in terminal.getvalue()


def cannot_start() -> batch.Work:
    raise ValueError("no weights")


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_keeps_all_from_starting_is_said_once(jobs: int) -> None:
    with pytest.raises(ValueError, match="no weights"):
        list(batch.run([planning.Task(Path("a"), Path("b"))], cannot_start, jobs))


def test_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    for jobs in (1, 2):
        plan = planning.Plan([planning.Task(Path("a"), Path("b"))] * 5)
        assert progress.report(batch.run([], start, jobs), plan, 0, "files") == 0
    assert capsys.readouterr().err == "0 files done, 5 skipped, 0 failed\n" * 2
