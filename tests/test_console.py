"""What a process says, and where: without a console, with names of every kind, and what C libraries say."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
import small_inputs
import videos
from PIL import Image

import refpose
from refpose import cli, files, messages

posix = pytest.mark.skipif(os.name != "posix", reason="closes descriptors, and names files, as POSIX does")
NAME = b"n\xff\n\x1b[2J\xc3\xa9"  # no UTF-8, with a new line, and what clears a terminal
SHOWN = "n\\xff\\n\\x1b[2J\u00e9"
WRITTEN = "n\\xff\n\x1b[2J\u00e9"


def refpose_process(*args: str | bytes | Path, **options: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "refpose", *args], check=False, **options)


@pytest.fixture
def picture(tmp_path: Path, astronaut: Path) -> Path:
    with Image.open(astronaut) as whole:
        whole.resize((128, 128)).save(tmp_path / "p.png")
    return tmp_path / "p.png"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return videos.write(tmp_path / "v.mp4", videos.scenes(3, 96, 128))


def commands(picture: Path, clip: Path, out: Path) -> dict[str, list[str]]:
    model = ["--model", "lite"]
    return {
        "a.json": ["image", f"{picture}", "-o", f"{out / 'a.png'}", *model],
        "b.csv": ["video", f"{clip}", "--csv", f"{out / 'b.csv'}", "--jobs", "1", *model],
        "c.h5": ["dump", f"{picture}", "-o", f"{out / 'c.h5'}", *model],
        "": ["inspect", "lite"],
    }


@posix
def test_closed_streams(picture: Path, clip: Path, tmp_path: Path) -> None:
    """Files that are opened get the numbers of the closed streams; what C libraries say must not go into them."""
    out = tmp_path / "out"
    out.mkdir()
    for name, command in commands(picture, clip, out).items():
        words = [sys.executable, "-m", "refpose", *command]
        done = subprocess.run(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *words], check=False)
        assert done.returncode == 0
        assert (out / name).exists()
    assert json.loads((out / "a.json").read_text())["people"]
    assert (out / "b.csv").read_text().startswith("source,frame,")


def test_without_streams_as_pythonw(picture: Path, clip: Path, tmp_path: Path) -> None:
    code = "import sys; sys.stdin = sys.stdout = sys.stderr = None; from refpose.cli import entry; entry()"
    for name, command in commands(picture, clip, tmp_path).items():
        assert subprocess.run([sys.executable, "-c", code, *command], check=False).returncode == 0
        assert (tmp_path / name).exists()
    wrong = subprocess.run([sys.executable, "-c", code, "image"], check=False)
    assert wrong.returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_stdout_that_is_full() -> None:
    with open("/dev/full", "w") as full:
        done = refpose_process("inspect", "lite", stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr == b"refpose inspect: [Errno 28] No space left on device\n"


@posix
@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_names_of_every_kind(picture: Path, clip: Path, tmp_path: Path, encoding: str) -> None:
    folder = os.fsencode(tmp_path)
    os.rename(picture, folder + b"/" + NAME + b".png")
    os.rename(clip, folder + b"/" + NAME + b".mp4")
    environment = {**os.environ, "PYTHONIOENCODING": f"{encoding}:strict"}
    shown = SHOWN if encoding == "utf-8" else SHOWN.replace("\u00e9", "\\xe9")
    out = folder + b"/out"
    for verb, ending, options in (
        ("image", b".png", ["--csv"]),
        ("video", b".mp4", ["--csv", "--json", "--h5"]),
        ("report", b".png", []),
    ):
        results = out if verb != "report" else out + b"/r.html"
        command = [verb, folder + b"/" + NAME + ending, "-o", results, *options, "--model", "lite", "--force"]
        done = refpose_process(*command, capture_output=True, env=environment)
        assert (done.returncode, done.stderr) == (0, b"")
        assert verb == "report" or f"{tmp_path}/{shown}{ending.decode()}: " in done.stdout.decode(encoding)
        assert done.stdout.count(b"\n") == 1
    found = sorted(os.listdir(out))
    assert found == sorted([*(NAME + ending for ending in (b".png", b".mp4", b".csv", b".json", b".h5")), b"r.html",
                            NAME + b".meta.json"])  # fmt: skip
    record = json.loads((Path(os.fsdecode(out)) / os.fsdecode(NAME + b".meta.json")).read_text("utf-8"))
    assert record["source"] == f"{tmp_path}/{WRITTEN}.mp4"
    with open(out + b"/" + NAME + b".csv", encoding="utf-8", newline="") as file:
        assert {row["source"] for row in csv.DictReader(file)} == {f"{tmp_path}/{WRITTEN}.mp4"}


@posix
def test_name_that_cannot_be_read_is_shown(tmp_path: Path) -> None:
    """And does not keep the others from being done."""
    (tmp_path / "in").mkdir()
    folder = os.fsencode(tmp_path / "in")
    with open(folder + b"/" + NAME + b".png", "wb") as file:
        file.write(b"no picture")
    Image.new("RGB", (64, 64)).save(tmp_path / "in" / "z.png")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = ["image", folder, "-o", tmp_path / "out", "--model", "lite"]
    done = refpose_process(*command, capture_output=True, env=environment)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{tmp_path}/in/".encode() + b"n\\xff\\n\\x1b[2J\\xe9.png: ")
    assert done.stdout.startswith(f"{tmp_path}/in/z.png: no person".encode())


def test_what_c_libraries_say_is_said_with_the_name(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), (1, 2, 3)).save(buffer, "TIFF", compression="tiff_adobe_deflate")
    data = bytearray(buffer.getvalue())
    for place in range(10, 20):
        data[place] ^= 0xFF
    (tmp_path / "bad.tif").write_bytes(data)
    done = refpose_process("image", tmp_path / "bad.tif", "-o", tmp_path / "out", capture_output=True)
    assert done.returncode == 1
    lines = done.stderr.decode().splitlines()
    assert len(lines) > 1
    assert all(line.startswith(f"{tmp_path / 'bad.tif'}: ") for line in lines)


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="Linux")
def test_pictures_are_read_without_room_for_temporary_files(
    picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(*_: Any, **__: Any) -> None:
        raise FileNotFoundError("No usable temporary directory found")

    monkeypatch.setattr("tempfile.gettempdir", nowhere)
    monkeypatch.setattr("tempfile.TemporaryFile", nowhere)
    messages.take_charge()
    assert refpose.images.read_image(picture).shape == (128, 128, 3)


def test_many_messages_about_a_file_are_counted(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    messages.take_charge()
    with messages.of(tmp_path / "a"):
        os.write(2, b"one\ntwo\nthree\nfour\nfive\n")
    assert capfd.readouterr().err.splitlines() == [
        *(f"{files.printable(tmp_path / 'a')}: {word}" for word in ("one", "two", "three")),
        f"{files.printable(tmp_path / 'a')}: 2 more messages",
    ]


@pytest.mark.skipif(os.name != "posix", reason="signals that wait")
def test_interrupt_while_modules_are_imported() -> None:
    code = """if True:
        import os, signal, sys
        from refpose import cli
        imported = cli.importlib.import_module
        def interrupted(name):
            os.kill(os.getpid(), signal.SIGINT)
            return imported(name)
        cli.importlib.import_module = interrupted
        sys.argv[1:] = ["info"]
        cli.entry()
    """
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout, found.stderr) == (130, "", "refpose: interrupted\n")


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_being_told_to_end(tmp_path: Path, number: int, code: int) -> None:
    (tmp_path / "in").mkdir()
    for k in range(300):
        Image.new("RGB", (640, 480)).save(tmp_path / "in" / f"{k}.png")
    command = [sys.executable, "-m", "refpose", "image", tmp_path / "in", "-o", tmp_path / "out", "--model", "lite"]
    before = signal.signal(number, signal.SIG_DFL)  # the tests may run under nohup
    try:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    finally:
        signal.signal(number, before)
    with process:
        while not list((tmp_path / "out").glob("*.json")) and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(number)
        _, said = process.communicate()
    assert (process.returncode, said) == (code, "refpose: terminated\n")
    assert not list((tmp_path / "out").glob(".refpose-*"))


@posix
def test_signals_that_are_ignored_stay_ignored(picture: Path, tmp_path: Path) -> None:
    """As nohup and background jobs have it."""
    command = [sys.executable, "-m", "refpose", "image", picture, "-o", tmp_path / "out", "--model", "lite"]
    ignoring = {signal.SIGINT: signal.SIG_IGN, signal.SIGHUP: signal.SIG_IGN}
    before = {number: signal.signal(number, handler) for number, handler in ignoring.items()}
    try:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGHUP)
        time.sleep(0.1)
    assert process.returncode == 0
    assert (tmp_path / "out" / "p.json").exists()


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with inputs for every verb."""
    folder = tmp_path_factory.mktemp("several")
    small_inputs.write(folder)
    (folder / "out").mkdir()
    for command in (["dump", "p.png", "-o", "mine.h5"], ["video", "v.mp4", "--csv", "t.csv"]):
        assert refpose_process(*command, "--model", "lite", cwd=folder, capture_output=True).returncode == 0
    return folder


LITE = ["--model", "lite", "--force"]
SAYING = {  # what each says on stdout, and the results that are there nevertheless
    "image": (["image", "p.png", "-o", "out", *LITE], ["p.png", "p.json"]),
    "image in processes": (["image", "in", "-o", "out", "--jobs", "2", *LITE], []),
    "video": (["video", "v.mp4", "-o", "out", "--csv", *LITE], ["v.mp4", "v.csv", "v.meta.json"]),
    "export": (["export", "t.csv", "-o", "out", "--to", "trc", "openpose", "--force"], ["t.trc", "t.openpose"]),
    "report": (["report", "p.png", "-o", "out/r.html", *LITE], ["r.html"]),
    "dump": (["dump", "p.png", "-o", "out/d.h5", *LITE], ["d.h5"]),
    "evaluate": (["evaluate", "truth.json", "--mode", "full", "--min-joints", "4", *LITE[:2]], []),
    "compare": (["compare", "mine.h5", "p.png", *LITE[:2]], []),
    "inspect": (["inspect", "lite", "--json"], []),
    "info": (["info"], []),
    "completion": (["completion", "bash"], []),
    "bench": (["bench", "networks", "--networks", "detector", "--engines", "numpy", "--seconds", "0.01", "--json"], []),
    "verify": (["verify", "--model", "lite"], []),
}
QUICK = ("image in processes", "export", "inspect")


@posix
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.full) for name in SAYING]
)
def test_the_reader_of_stdout_leaves(several: Path, name: str) -> None:
    """Quietly, as other programs; what was being written is there, whole, and nothing is left running."""
    command, results = SAYING[name]
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = refpose_process(*command, cwd=several, stdout=writer, stderr=subprocess.PIPE, timeout=300)
    finally:
        os.close(writer)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"Broken pipe" not in done.stderr
    assert all((several / "out" / result).exists() for result in results)
    assert not list(several.rglob(".refpose-*"))


@posix
@pytest.mark.parametrize("name", ["image in processes", pytest.param("bench", marks=pytest.mark.full)])
@pytest.mark.parametrize("full", [False, True])
def test_nobody_hears_stderr(several: Path, name: str, full: bool) -> None:
    """What is asked for is done all the same; a picture that fails is no reason to leave the others."""
    if full and not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    reader, writer = os.pipe()
    os.close(reader)
    command = [word for word in SAYING[name][0] if word != "--force"]
    if name != "bench":
        command[command.index("out")] = f"full{full}"
    shutil.copytree(several / "in", several / "bad", dirs_exist_ok=True)
    (several / "bad" / "a.png").write_bytes(b"no picture")
    command = ["bad" if word == "in" else word for word in command]
    with open("/dev/full" if full else writer, "wb") as nowhere:
        done = refpose_process(*command, cwd=several, stdout=subprocess.PIPE, stderr=nowhere, timeout=300)
    assert done.returncode == (0 if name == "bench" else 1)
    assert done.stdout.startswith(b"{" if name == "bench" else b"bad/b.png: ")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 cannot leave the current folder out")
@pytest.mark.parametrize("name", ["image in processes", pytest.param("bench", marks=pytest.mark.full)])
def test_modules_in_the_current_folder_are_not_executed(several: Path, tmp_path: Path, name: str) -> None:
    """What pictures were downloaded to may hold more; the processes that are started do not look there."""
    shutil.copytree(several / "in", tmp_path / "here" / "in")
    for module in ("pickle", "socket", "struct", "json", "h5py", "numpy", "refpose"):
        (tmp_path / "here" / f"{module}.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'w')")
    script = tmp_path / "refpose"  # as pip makes it: its own folder comes first, not the current one
    script.write_text("from refpose.cli import entry\nif __name__ == '__main__':\n    entry()\n")
    command = [sys.executable, script, *SAYING[name][0]]
    paths = os.pathsep.join([str(Path(refpose.__file__).parent.parent), *filter(os.path.isabs, sys.path)])
    environment = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run(command, cwd=tmp_path / "here", env=environment, capture_output=True, check=False)
    assert not (tmp_path / "executed").exists()
    assert done.returncode == 0, done.stderr


@posix
def test_the_reader_of_a_result_leaves(several: Path) -> None:
    """A pipe that was named as a result, unlike stdout, is one that something is said about."""
    os.mkfifo(several / "d.h5")
    with subprocess.Popen(["sh", "-c", "exec 3<d.h5; exec sleep 0.1"], cwd=several):
        done = refpose_process("dump", "p.png", "-o", "d.h5", *LITE[:2], cwd=several, capture_output=True)
    assert done.returncode == 1
    assert done.stderr == b"refpose dump: [Errno 32] Broken pipe: 'd.h5'\n"


def test_warnings_are_left_out_in_this_thread_alone() -> None:
    """Here warnings are errors; other threads' are shown meanwhile."""
    kept: list[str] = []

    def elsewhere() -> None:
        try:
            warnings.warn("elsewhere", stacklevel=1)
        except UserWarning as error:
            kept.append(str(error))

    with messages.quiet("some", "of these"):
        warnings.warn("some warning", stacklevel=1)
        with messages.quiet():
            warnings.warn("any", stacklevel=1)
        with pytest.raises(UserWarning, match="another"):
            warnings.warn("another", stacklevel=1)
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
    assert kept == ["elsewhere"]
    with pytest.raises(UserWarning, match="some warning"):
        warnings.warn("some warning", stacklevel=1)


def test_too_little_memory_is_said_in_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def much(_: Any) -> int:
        raise MemoryError("Unable to allocate 7.68 TiB")

    monkeypatch.setattr("refpose.tools.info.run", much)
    assert cli.main(["info"]) == 1
    assert capsys.readouterr().err == "refpose info: there is not enough memory: Unable to allocate 7.68 TiB\n"
