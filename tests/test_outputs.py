"""What the verbs write: nothing of the user's is lost, and what is no regular file stays what it is."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import h5py
import numpy as np
import pytest

from refpose import cli, files, images
from refpose.tools import outputs

posix = pytest.mark.skipif(os.name != "posix", reason="pipes, links and devices as POSIX has them")


def run(*args: str | Path) -> int:
    return cli.main([*map(str, args), "--model", "lite"])


@pytest.fixture
def picture(tmp_path: Path, astronaut: Path) -> Path:
    (tmp_path / "p.png").write_bytes(astronaut.read_bytes())
    return tmp_path / "p.png"


# One rule for every verb

WRITERS = {"dump": "x.h5", "report": "x.html"}


@pytest.mark.parametrize("verb", WRITERS)
def test_input_is_never_overwritten(verb: str, picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = picture.read_bytes()
    alias = picture.with_name(WRITERS[verb])
    os.link(picture, alias)
    assert run(verb, picture, "-o", alias, "--force") == 1
    assert f"{alias}: is an input, and would be overwritten" in capsys.readouterr().err
    assert (picture.read_bytes(), alias.read_bytes()) == (before, before)


@pytest.mark.parametrize("verb", WRITERS)
def test_what_is_there_is_overwritten_by_force_only(
    verb: str, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / WRITERS[verb]
    out.write_text("mine")
    out.chmod(0o600)
    assert run(verb, picture, "-o", out) == 1
    assert capsys.readouterr().err == f"refpose {verb}: {out}: already there; --force overwrites\n"
    assert out.read_text() == "mine"
    assert run(verb, picture, "-o", out, "--force") == 0
    assert out.stat().st_size > 1000
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert sorted(os.listdir(tmp_path)) == ["p.png", WRITERS[verb]]


@pytest.mark.parametrize("verb", WRITERS)
@pytest.mark.parametrize("name", ["p.png", "x.txt", "x"])
def test_ending_that_does_not_fit(
    verb: str, name: str, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = picture.read_bytes()
    with pytest.raises(SystemExit) as left:
        run(verb, picture, "-o", tmp_path / name, "--force")
    assert left.value.code == 2
    assert f"{name}: expected a name that ends in " in capsys.readouterr().err
    assert picture.read_bytes() == before
    assert os.listdir(tmp_path) == ["p.png"]


@pytest.mark.parametrize("verb", WRITERS)
def test_folder_that_is_not_there(verb: str, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "absent" / WRITERS[verb]
    assert run(verb, picture, "-o", out) == 1
    assert capsys.readouterr().err == f"refpose {verb}: {tmp_path / 'absent'}: no such folder\n"


def test_two_results_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two results of one name"):
        outputs.check({tmp_path / "a.json": [".json"], tmp_path / "." / "x" / ".." / "a.json": [".json"]}, [], False)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("https://x.org/p.png", "https://x.org/p.png: addresses are not read, the network is never used; name a file"),
        ("clip.mp4", "clip.mp4: is a video; for videos there is refpose video"),
    ],
)
@pytest.mark.parametrize("verb", [*WRITERS, "image", "compare"])
def test_what_is_no_picture(
    verb: str,
    name: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clip.mp4").write_bytes(b"\0\0\0\x10ftypisom")
    rest = ["mine.h5", name] if verb == "compare" else [name, "-o", WRITERS.get(verb, "out")]
    assert run(verb, *rest) == 1
    assert message in capsys.readouterr().err


# What is no regular file


@posix
def test_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "file").write_text("old")
    link = tmp_path / "link"
    for target in ("far/file", "far/new"):
        link.symlink_to(target)
        files.write_bytes(link, b"new")
        assert os.readlink(link) == target
        assert (tmp_path / target).read_bytes() == b"new"
        link.unlink()
    assert sorted(os.listdir(tmp_path / "far")) == ["file", "new"]


@posix
@pytest.mark.parametrize("verb", WRITERS)
def test_link_to_something_is_something_there(verb: str, picture: Path, tmp_path: Path) -> None:
    (tmp_path / WRITERS[verb]).symlink_to("nowhere")
    assert run(verb, picture, "-o", tmp_path / WRITERS[verb]) == 1
    assert not (tmp_path / "nowhere").exists()


@posix
def test_circle_of_links_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="symbolic links"):
        files.write_bytes(tmp_path / "a", b"")
    assert sorted(os.listdir(tmp_path)) == ["a", "b"]


@posix
@pytest.mark.parametrize("verb", WRITERS)
def test_pipe_is_written_to(verb: str, picture: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()), daemon=True)
    reader.start()
    assert run(verb, picture, "-o", pipe) == 0
    reader.join(60)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert run(verb, picture, "-o", tmp_path / WRITERS[verb]) == 0
    assert len(got[0]) == pytest.approx((tmp_path / WRITERS[verb]).stat().st_size, rel=0.01)


@posix
@pytest.mark.parametrize("verb", WRITERS)
def test_devices_stay_devices(verb: str, picture: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(verb, picture, "-o", "/dev/null") == 0
    if Path("/dev/full").exists():
        assert run(verb, picture, "-o", "/dev/full") == 1
        assert "No space left on device" in capsys.readouterr().err
        assert stat.S_ISCHR(os.stat("/dev/full").st_mode)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@posix
@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="no /dev/stdout here")
def test_results_on_standard_output(picture: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "refpose", "dump", str(picture), "-o", "/dev/stdout", "--model", "lite"]
    piped = subprocess.run(command, capture_output=True, check=True).stdout
    with open(tmp_path / "x.h5", "wb") as file:
        subprocess.run(command, stdout=file, stderr=subprocess.DEVNULL, check=True)
    for data in (piped, (tmp_path / "x.h5").read_bytes()):
        (tmp_path / "y.h5").write_bytes(data)
        with h5py.File(tmp_path / "y.h5") as h5:
            assert h5["image"].shape == (512, 512, 3)
    assert Path("/dev/stdout").is_symlink()


def test_folder_and_socket_are_refused(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        files.write_bytes(tmp_path, b"")
    if os.name == "posix":
        import socket

        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(tmp_path / "s"))
            with pytest.raises(OSError, match="neither a file nor a pipe nor a character device"):
                files.write_bytes(tmp_path / "s", b"")
            assert stat.S_ISSOCK((tmp_path / "s").stat().st_mode)


# Whole or not at all


def test_error_names_the_file_and_not_the_temporary_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as error:
        files.write_bytes(tmp_path / "absent" / "a.txt", b"")
    assert str(error.value).endswith(f"'{tmp_path / 'absent' / 'a.txt'}'")


def test_a_link_into_a_folder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "p.png"
    images.write_png(picture, np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "x.png").symlink_to(tmp_path / "absent" / "x.png")
    command = ["image", str(picture), "-o", str(tmp_path / "x.png"), "--model", "lite", "--force"]
    assert cli.main(command) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"{picture}: [Errno 2] No such file or directory: '{tmp_path}/absent")
    assert ".refpose-" not in said


def test_failure_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(UnicodeEncodeError), files.replacing(tmp_path / "a") as temporary:
        temporary.write_text("half" + "\udcff" * 100_000)
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_temporary_files_of_the_dead_are_mentioned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = (
        "import os; from pathlib import Path; from refpose import files\n"
        f"with files.replacing({str(tmp_path / 'a.csv')!r}) as t: t.write_bytes(bytes(2_500_000)); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    with files.replacing(tmp_path / "b.csv") as mine:
        mine.touch()
        assert len(os.listdir(tmp_path)) == 2
        assert files.leftovers(tmp_path) == [path for path in tmp_path.iterdir() if path != mine]
        outputs.mention_leftovers([tmp_path])
    said = capsys.readouterr().err
    assert said.startswith(f"{tmp_path}: a temporary file of runs that were killed (2.5 MB), the first is .refpose-")


@pytest.mark.skipif(os.name != "posix", reason="file names that are bytes")
def test_names_that_are_not_utf8_can_be_shown() -> None:
    assert files.printable(os.fsdecode(b"a\xff\xc3\xa9.png")) == "a\\xffé.png"
