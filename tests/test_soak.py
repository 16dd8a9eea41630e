"""The soak: people come and go in it, and other bits, memory or descriptors that grow would be seen."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent.parent))
pytest.importorskip("fuzz", reason="only in the repository")
from fuzz import soak
from refpose import Pose


def test_people_enter_and_leave() -> None:
    pose = Pose("lite", people=3)
    frames = [
        [person.id for person in pose.process(frame, timestamp=number / soak.RATE)]
        for number, frame in enumerate(soak.crowd())
    ]
    assert {len(ids) for ids in frames} == {0, 1, 2, 3}
    assert frames[-1] == []
    assert set(chain(*frames)) == {0, 1, 2}


def test_pieces_of_videos_come_out_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("av")
    monkeypatch.setattr(soak, "PIECES", 1)
    monkeypatch.setattr(soak, "ALONE", 8)
    monkeypatch.setattr(soak, "CROWD", 8)
    pieces = soak.Pieces(tmp_path, "lite")
    assert pieces() == pieces()
    first = pieces()
    monkeypatch.setattr(soak, "PIECES", 2)  # each piece begins anew
    assert pieces() != first


def part(found: Iterator[list[str]], used: Iterator[soak.Used]) -> soak.Part:
    do: Callable[[], tuple[list[str], soak.Used]] = lambda: (next(found), next(used))  # noqa: E731
    return soak.Part(do, 10)


def test_faults_are_seen(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    flat = soak.Used(100 << 20, 5)
    same: list[str] = ["a", "a"]

    def wrong(found: Iterator[list[str]], used: Iterator[soak.Used]) -> list[str]:
        return soak.repeat({"part": part(found, used)}, 0.01, 0.0)

    warm = [soak.Used(1, 1), soak.Used(2, 1), soak.Used(3, 1)]
    assert wrong(repeat(same), chain(warm, repeat(flat))) == []
    assert "10 frames" in capsys.readouterr().out
    assert "round 1 gave ['a', 'b'], not a" in wrong(repeat(["a", "b"]), repeat(flat))[0]
    assert "round 3 gave ['b'], not a" in wrong(chain([same, same], repeat(["b"])), repeat(flat))[0]
    leaks = (soak.Used(flat.memory, k) for k in range(1 << 30))
    assert "grew" in wrong(repeat(same), leaks)[0]
    grows = (soak.Used(k << 27, 5) for k in range(1 << 30))
    assert "grew" in wrong(repeat(same), grows)[0]
