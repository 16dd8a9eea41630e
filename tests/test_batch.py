"""Many files in one go: names, parts, what is left to do, failures, processes."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import pytest

from refpose.tools import batch

ENDINGS = [".png", ".json"]


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(path.name)


def plan(out: Path, *inputs: Path) -> dict[str, str]:
    tasks = batch.plan([str(path) for path in inputs], out, {".jpg", ".png", ".gif"}, ENDINGS)
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
    tasks = batch.plan([str(tmp_path / "in")], tmp_path / "in" / "out", {".jpg", ".png"}, ENDINGS)
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
        batch.plan([str(tmp_path / "a.png")], tmp_path, {".png"}, ENDINGS)


def test_single_result_by_name(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg", tmp_path / "b.jpg")
    inputs = [str(tmp_path / "a.jpg"), str(tmp_path / "b.jpg")]
    assert batch.plan(inputs[:1], tmp_path / "x" / "c.png", {".jpg"}, ENDINGS) == [
        batch.Task(tmp_path / "a.jpg", tmp_path / "x" / "c")
    ]
    for several in (inputs, [str(tmp_path)]):
        with pytest.raises(argparse.ArgumentError, match="name of one file; for several inputs, name a folder"):
            batch.plan(several, tmp_path / "c.png", {".jpg"}, ENDINGS)
    for name in ("c.jpg", "c.csv"):
        with pytest.raises(argparse.ArgumentError, match=rf"{name}: expected a folder or a name that ends in \.png"):
            batch.plan(inputs[:1], tmp_path / name, {".jpg"}, ENDINGS)
    with pytest.raises(ValueError, match="is an input"):
        batch.plan([str(tmp_path / "a.jpg")], tmp_path / "a.png", {".jpg"}, [".png", ".jpg"])
    (tmp_path / "folder.png").mkdir()
    assert len(batch.plan(inputs, tmp_path / "folder.png", {".jpg"}, ENDINGS)) == 2


def test_missing_input_and_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere: no such file"):
        plan(tmp_path / "out", tmp_path / "nowhere")
    (tmp_path / "in").mkdir()
    with pytest.raises(ValueError, match=r"in: no file in this folder ends in one of \.gif \.jpg \.png"):
        plan(tmp_path / "out", tmp_path / "in")


def test_shards_make_up_the_whole() -> None:
    tasks = [batch.Task(Path(str(k)), Path(str(k))) for k in range(11)]
    parts = [batch.shard(tasks, (i, 4)) for i in range(1, 5)]
    assert sorted((task for part in parts for task in part), key=tasks.index) == tasks
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("text", ["0/4", "5/4", "4", "a/b", "1/0", "-1/4", "1/4/2", "/"])
def test_shards_that_are_none(text: str) -> None:
    parser = argparse.ArgumentParser(exit_on_error=False)
    batch.add_arguments(parser, "files")
    with pytest.raises(argparse.ArgumentError, match=r"expected i/n"):
        parser.parse_args([f"--shard={text}"])


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5"])
def test_jobs_that_are_none(text: str) -> None:
    parser = argparse.ArgumentParser(exit_on_error=False)
    batch.add_arguments(parser, "files")
    with pytest.raises(argparse.ArgumentError, match="expected a whole number, 1 or more"):
        parser.parse_args([f"--jobs={text}"])


def options(resume: bool = False, force: bool = False) -> argparse.Namespace:
    return argparse.Namespace(resume=resume, force=force)


def test_results_that_are_there_are_kept_unless_forced(tmp_path: Path) -> None:
    tasks = [batch.Task(Path("a.jpg"), tmp_path / "a"), batch.Task(Path("b.jpg"), tmp_path / "b")]
    assert batch.unfinished(tasks, ENDINGS, {}, options()) == tasks
    touch(tmp_path / "a.png", tmp_path / "b.json")
    with pytest.raises(FileExistsError, match=r"a\.png \(and 1 more\): already there; --force overwrites"):
        batch.unfinished(tasks, ENDINGS, {}, options())
    assert batch.unfinished(tasks, ENDINGS, {}, options(force=True)) == tasks


@pytest.mark.parametrize(
    ("record", "finished"),
    [
        ('{"source": "a.jpg", "settings": {"model": "full"}}', True),
        ('{"source": "a.jpg", "settings": {"model": "lite"}}', False),
        ('{"source": "a.png", "settings": {"model": "full"}}', False),
        ('{"source": "a.jpg", "sett', False),
        ("[]", False),
        ("", False),
    ],
)
def test_resume_takes_what_is_complete_and_alike(tmp_path: Path, record: str, finished: bool) -> None:
    task = batch.Task(Path("a.jpg"), tmp_path / "a")
    settings = {"model": "full"}
    (tmp_path / "a.json").write_text(record)
    assert batch.unfinished([task], ENDINGS, settings, options(resume=True)) == [task]  # the PNG is missing
    touch(tmp_path / "a.png")
    assert batch.unfinished([task], ENDINGS, settings, options(resume=True)) == ([] if finished else [task])


def test_folders_are_made_and_left_empty(tmp_path: Path) -> None:
    batch.make_folders([batch.Task(Path("a"), tmp_path / "x" / "y" / "a")])
    assert os.listdir(tmp_path / "x" / "y") == []


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    touch(tmp_path / "file")
    with pytest.raises(OSError, match=r"file.out: results cannot be written to this folder"):
        batch.make_folders([batch.Task(Path("a"), tmp_path / "file" / "out" / "a")])


def start() -> batch.Work:
    return work


def work(task: batch.Task) -> str:
    if task.source.name == "bad":
        raise ValueError(f"{task.source}: is bad")
    if task.source.name == "bug":
        raise KeyError("bug")
    if task.source.name == "killed":
        os._exit(9)
    return f"done in {os.getpid()}"


@pytest.mark.parametrize("jobs", [1, 2])
def test_failures_do_not_stop_the_rest(capsys: pytest.CaptureFixture[str], jobs: int) -> None:
    tasks = [batch.Task(Path(name), Path("out", name)) for name in ["a", "bad", "b", "bug", "c"]]
    assert batch.report(batch.run(tasks, start, jobs), len(tasks), 3, "files") == 1
    captured = capsys.readouterr()
    assert sorted(line.split(":")[0] for line in captured.out.splitlines()) == ["a", "b", "c"]
    assert str(os.getpid()) in captured.out or jobs == 2
    assert sorted(captured.err.splitlines()) == [
        "3 files done, 3 skipped, 2 failed",
        "bad: is bad",
        "bug: KeyError: 'bug'",
    ]


def test_death_of_a_process_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    tasks = [batch.Task(Path(name), Path("out", name)) for name in ["killed", "a"]]
    assert batch.report(batch.run(tasks, start, 2), len(tasks), 0, "files") == 1
    assert "killed: BrokenProcessPool: " in capsys.readouterr().err


def cannot_start() -> batch.Work:
    raise ValueError("no weights")


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_keeps_all_from_starting_is_said_once(jobs: int) -> None:
    with pytest.raises(ValueError, match="no weights"):
        list(batch.run([batch.Task(Path("a"), Path("b"))], cannot_start, jobs))


def test_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    for jobs in (1, 2):
        assert batch.report(batch.run([], start, jobs), 0, 5, "files") == 0
    assert capsys.readouterr().err == "0 files done, 5 skipped, 0 failed\n" * 2
