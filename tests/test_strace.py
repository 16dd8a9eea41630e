"""No verb opens a socket, and none writes anything but its outputs, as strace sees it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import small_inputs

MODEL = ["--model", "lite"]
# What shows that a file is written, made, renamed or removed, or that the network is used.
CALLS = (
    "%net,open,openat,creat,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,link,linkat,symlink,truncate"
)
WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE")
FAILED = re.compile(r"= -1 E")
# A process of refpose's own, and a process of a pool, are told apart by semaphores, which are files there.
ALLOWED = re.compile(r"/dev/(null|tty|shm/(sem\.)?[\w-]+)|/proc/self/.*")

COMMANDS = {
    "image": ["image", "p.png", "-o", "out", "--csv", "--mask", *MODEL],
    "image in processes": ["image", "in", "-o", "out", "--jobs", "2", *MODEL],
    "video": ["video", "v.mp4", "-o", "out", "--csv", "--json", "--h5", "--parquet", *MODEL],
    "dump": ["dump", "p.png", "-o", "out/p.h5", *MODEL],
    "report": ["report", "p.png", "-o", "out/p.html", *MODEL],
    "evaluate": [
        "evaluate",
        "truth.json",
        "--mode",
        "full",
        "--min-joints",
        "4",
        "--plot",
        "out/p.png",
        "--save-results",
        "out",
        *MODEL,
    ],
    "compare": ["compare", "mine.h5", "p.png", *MODEL],
    "export": ["export", "t.csv", "-o", "out", "--to", "trc", "openpose"],
    "inspect": ["inspect", "lite", "--json"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The inputs."""
    if sys.platform != "linux" or shutil.which("strace") is None:
        pytest.skip("there is no strace here")
    folder = tmp_path_factory.mktemp("traced")
    small_inputs.write(folder)
    for command in (["dump", "p.png", "-o", "mine.h5"], ["video", "v.mp4", "--csv", "t.csv"]):
        subprocess.run([sys.executable, "-m", "refpose", *command, *MODEL], cwd=folder, check=True, capture_output=True)
    return folder


def traced(folder: Path, command: list[str]) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """What a command says, and the lines of strace about it and its processes."""
    log = folder / "log"
    home = folder / "home"
    home.mkdir(exist_ok=True)
    environment = {**os.environ, "HOME": str(home), "TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    trace = ["strace", "-f", "-qq", "--seccomp-bpf", "-s", "4096", "-e", f"trace={CALLS}", "-o", str(log)]
    words = [*trace, sys.executable, "-m", "refpose", *command]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if not log.exists() or "ptrace" in done.stderr:
        pytest.skip(f"strace may not look at processes here: {done.stderr.strip()}")
    lines = [line for line in log.read_text().splitlines() if "resumed>" not in line]
    log.unlink()
    return done, lines


def paths(line: str, folder: Path) -> list[Path]:
    """The paths that a call is about."""
    return [Path(os.path.normpath(folder / text)) for text in re.findall(r'"((?:[^"\\]|\\.)*)"', line)]


@pytest.mark.full
@pytest.mark.parametrize("name", COMMANDS)
def test_no_socket_and_no_surprise(folder: Path, name: str) -> None:
    if name == "evaluate":
        pytest.importorskip("matplotlib")
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    done, lines = traced(folder, COMMANDS[name])
    assert done.returncode in ((0, 1) if name == "compare" else (0,)), done.stderr
    assert any("openat" in line for line in lines)
    assert [line for line in lines if re.search(r"\b(socket|connect|bind|listen|sendto|sendmsg)\(", line)] == []
    changing = [line for line in lines if (WRITING.search(line) or "open" not in line) and not FAILED.search(line)]
    for line in changing:
        for path in paths(line, folder):
            home = folder / "home"  # temporary files, and the list of fonts that Matplotlib keeps
            assert path.is_relative_to(out) or path.is_relative_to(home) or ALLOWED.fullmatch(str(path)), line
    assert {path: path.stat().st_mtime_ns for path in before} == before
    left = [path for path in (folder / "home").rglob("*") if path.is_file() and "matplotlib" not in str(path)]
    assert left == []
    assert bool(list(out.iterdir())) == (name not in ("compare", "inspect"))
