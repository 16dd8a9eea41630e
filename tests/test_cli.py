"""The command line itself: verbs, exit codes, messages."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import refpose
from refpose import cli
from refpose.engine import resolve
from refpose.extras import MissingExtra, require


def refpose_process(*args: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "refpose", *map(str, args)], capture_output=True, text=True, **options)


def run_verb(monkeypatch: pytest.MonkeyPatch, action: object) -> int:
    """Run a verb that does what `action` does."""
    tool = SimpleNamespace(__doc__="", add_arguments=lambda parser: None, run=action)
    monkeypatch.setattr(cli, "VERBS", {"try": "a verb for tests"})
    monkeypatch.setattr(cli.importlib, "import_module", lambda name: tool)
    return cli.main(["try"])


def raising(error: BaseException) -> object:
    def run(args: argparse.Namespace) -> int:
        raise error

    return run


def test_version() -> None:
    done = refpose_process("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"refpose {refpose.__version__}\n", "")


def test_help_names_every_verb() -> None:
    done = refpose_process("--help")
    assert done.returncode == 0
    assert done.stderr == ""
    for verb, summary in cli.VERBS.items():
        assert verb in done.stdout
        assert summary.split(":")[0] in " ".join(done.stdout.split())


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main([verb, "--help"])
    assert left.value.code == 0
    text = capsys.readouterr().out
    assert f"usage: refpose {verb}" in text
    assert "`" not in text


def actions(verb: str) -> list[argparse.Action]:
    """The arguments of a verb."""
    return cli.verbs(cli.parser([verb]))[verb]._actions


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_default_is_told(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main([verb, "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for action in actions(verb):
        assert action.help, action
        value = action.default
        if action.nargs != 0 and value not in (None, argparse.SUPPRESS, []) and "default" not in action.help:
            told = value if isinstance(value, str | int | float | Path) else ", ".join(map(str, value))
            assert f"{action.help.replace('%%', '%')} ({told})" in text


def test_what_is_drawn_is_said_in_the_same_way_everywhere() -> None:
    own = [
        {
            name
            for action in actions(verb)
            for name in action.option_strings
            if action.dest.startswith("draw_") or action.dest == "roi"
        }
        for verb in ("image", "video", "camera")
    ]
    drawn = {f"--{no}draw-{part}" for no in ("", "no-") for part in ("roi", "box", "skeleton")}
    assert own == [{"--roi", "--draw-angles", *drawn}] * 3


@pytest.mark.parametrize(
    "args", [["inspect", "efficientpose"], ["dump"], ["bench", "nonsense"], ["inspect", "lite", "--nonsense"]]
)
def test_late_errors_tell_the_usage_of_the_verb(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(args)
    assert left.value.code == 2
    assert capsys.readouterr().err.startswith(f"usage: refpose {args[0]} ")


@pytest.mark.parametrize("args", [[], ["dance"], ["--nonsense"], ["image"], ["inspect", "nobody"]])
def test_wrong_usage_is_2(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(args)
    assert left.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("usage: refpose")


@pytest.mark.parametrize("verb", ["convert", "dump", "export", "image", "report", "video"])
def test_results_are_not_written_to_standard_output(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main([verb, "input", "-o", "-"])
    assert "argument -o/--output: results are not written to standard output; ./- is" in capsys.readouterr().err


def test_code_of_the_verb_is_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_verb(monkeypatch, lambda args: 0) == 0
    assert run_verb(monkeypatch, lambda args: 1) == 1


@pytest.mark.parametrize("error", [ValueError("that is odd"), OSError("that is odd"), MissingExtra("that is odd")])
def test_expected_failures_are_1_and_a_line(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_verb(monkeypatch, raising(error)) == 1
    assert capsys.readouterr().err == "refpose try: that is odd\n"


def test_arguments_that_do_not_go_together_are_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        run_verb(monkeypatch, raising(argparse.ArgumentError(None, "one or the other")))
    assert left.value.code == 2
    assert capsys.readouterr().err.endswith("refpose try: error: one or the other\n")


def test_mistakes_of_the_program_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError):
        run_verb(monkeypatch, raising(ZeroDivisionError()))


def test_interrupt_is_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_verb(monkeypatch, raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "refpose: interrupted\n"


@pytest.mark.skipif(os.name != "posix", reason="reads /dev/stdin")
@pytest.mark.parametrize("args", [["image", "-o", "out"], ["image", "-o", "out/stdin.png"], ["dump", "-o", "out/a.h5"]])
def test_picture_from_standard_input(args: list[str], astronaut: Path, tmp_path: Path) -> None:
    """From a pipe, so that nothing can be read twice."""
    (tmp_path / "out").mkdir()
    command = [sys.executable, "-m", "refpose", args[0], "-", *args[1:]]
    done = subprocess.run(command, input=astronaut.read_bytes(), capture_output=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"person" in done.stdout
    if args[0] == "image":
        record = json.loads((tmp_path / "out" / "stdin.json").read_text())
        assert len(record["people"]) == 1


@pytest.mark.skipif(os.name != "posix", reason="needs a shell with pipes")
def test_reader_that_leaves_is_no_traceback() -> None:
    command = [sys.executable, "-m", "refpose", "inspect", "heavy"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 1


def test_info(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFPOSE_SOMETHING", "set")
    assert cli.main(["info", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["refpose"] == refpose.__version__
    assert found["engine"] == resolve("auto")
    assert set(found["libraries"]) >= {"numpy", "h5py", "pillow"}
    assert found["environment"]["REFPOSE_SOMETHING"] == "set"
    assert cli.main(["info"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == list(found)


def test_completion_knows_verbs_and_options(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("shtab")
    assert cli.main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    for verb in cli.VERBS:
        assert f"_shtab_refpose_{verb}_option_strings" in script
    assert " --no-draw-roi " in script
    assert "_shtab_refpose_image_pos_0_COMPGEN=_shtab_compgen_files" in script
    with pytest.raises(SystemExit):
        cli.main(["completion", "cmd.exe"])


def test_missing_extra_names_the_command() -> None:
    with pytest.raises(MissingExtra, match=r'no_such_module is needed .*: pip install "refpose\[video\]"'):
        require("no_such_module.sub", "video")


def test_error_inside_an_extra_is_not_taken_for_its_absence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "half_installed.py").write_text("import something_else_that_is_missing\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="something_else") as caught:
        require("half_installed", "video")
    assert not isinstance(caught.value, MissingExtra)


@pytest.mark.parametrize("verb", cli.VERBS)
def test_descriptions_have_no_code_in_them(verb: str) -> None:
    text = importlib.import_module(f"refpose.tools.{verb}").__doc__ or ""
    assert re.findall(r"^ +\w+ [+]?= .*|^ +[\w.]+\(.*\)$", text, re.MULTILINE) == []
