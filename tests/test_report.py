"""refpose report: what is on the page, and what a real browser makes of it."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from refpose import Pose, cli
from refpose.images import read_image
from refpose.networks import record
from refpose.study import report
from refpose.tasks import TasksPose

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--enable-logging=stderr", "--virtual-time-budget=5000"),
)

needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")


def data_of(page: Path) -> dict[str, Any]:
    text = page.read_text("utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def browse(
    page: Path, tmp_path: Path, *flags: str, size: str = "1280,6400", query: str = ""
) -> tuple[str, Image.Image]:
    """What the page looks like after its script ran, as text and as a picture; fails on messages of the console."""
    picture = tmp_path / "page.png"
    outputs = []
    for flag in ("--dump-dom", f"--screenshot={picture}"):
        profile = tmp_path / f"profile{len(list(tmp_path.iterdir()))}"
        command = [str(BROWSER), *FLAGS, *flags, f"--user-data-dir={profile}", f"--window-size={size}", flag]
        done = subprocess.run(
            [*command, page.as_uri() + query], capture_output=True, text=True, timeout=120, check=True
        )
        assert "CONSOLE" not in done.stderr, [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        outputs.append(done.stdout)
    with Image.open(picture) as image:
        return outputs[0], image.convert("RGB")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, astronaut: Path) -> Path:
    path = tmp_path_factory.mktemp("report") / "astronaut.html"
    assert cli.main(["report", str(astronaut), "-o", str(path)]) == 0
    return path


def test_one_self_contained_page(page: Path) -> None:
    assert page.stat().st_size < 8_000_000
    text = page.read_text("utf-8")
    assert text.count("<script") == 2
    assert not re.search(
        r'(src|href)="?https?:|@import|url\(|fetch\(|XMLHttpRequest|<link (?!rel="icon" href="data:,")', text
    )
    assert set(re.findall(r"https?://[\w./]+", text)) == {"http://www.w3.org/2000/svg"}


def test_data(page: Path, astronaut: Path) -> None:
    data = data_of(page)
    person = Pose(mode="image").process(read_image(astronaut))[0]
    np.testing.assert_allclose(data["landmarks"]["image"], person.landmarks, atol=6e-6)
    np.testing.assert_allclose(data["landmarks"]["world"], person.world_landmarks, atol=6e-5)
    corners = np.array(data["roi"]["corners"]) * 512
    np.testing.assert_allclose(corners, person.roi.corners_px(512, 512), atol=0.01)
    assert len(data["detector"]["candidates"]) == len(person.detection.candidates_sq)
    assert [n["name"] for n in data["networks"]] == ["detector", "full"]
    for network in data["networks"]:
        tape = record(network["name"])
        assert [layer["name"] for layer in network["layers"]] == [step.name for step in tape.steps]
        members = sorted(n for block in network["blocks"] for n in block["layers"])
        assert members == list(range(len(tape.steps)))
        assert sum(block["macs"] for block in network["blocks"]) == tape.macs
        assert all(network["blocks"][a]["x"] < network["blocks"][b]["x"] for a, b in network["edges"])
        places = {(b["x"], b["level"], b["name"]) for b in network["blocks"]}
        assert len(places) == len(network["blocks"])
    assert {name for name, _ in data["times"]} >= {"letterbox", "detector network", "landmark network", "refinement"}


def test_a_title_cannot_break_out(tmp_path: Path, astronaut: Path) -> None:
    title = "</script><script>alert(1)</script> “ü” & <b>"
    report.write(tmp_path / "a.html", Pose("lite", "image"), read_image(astronaut), title)
    assert data_of(tmp_path / "a.html")["title"] == title
    assert (tmp_path / "a.html").read_text("utf-8").count("</script>") == 2


def test_bad_input(tmp_path: Path, astronaut: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="mode='image'"):
        report.write(tmp_path / "a.html", Pose("lite"), read_image(astronaut), "a")
    assert cli.main(["report", str(tmp_path / "no.png"), "-o", str(tmp_path / "a.html")]) == 1
    assert cli.main(["report", str(astronaut), "-o", str(tmp_path / "no" / "a.html"), "--model", "lite"]) == 1
    assert not list(tmp_path.iterdir())
    capsys.readouterr()


@needs_browser
def test_in_a_browser(page: Path, tmp_path: Path, astronaut: Path) -> None:
    dom, shot = browse(page, tmp_path)
    assert "One person, found with a score of <b>0.807</b>" in dom
    assert dom.count('class="block') == sum(len(network["blocks"]) for network in data_of(page)["networks"][1:])
    for heading in ("The picture", "Finding a person", "The networks", "In metres", "The mask", "Time"):
        assert f"</i>{heading}</h2>" in dom
    # The picture is where the page says, in its own colours: compare its lower left part, which nothing is drawn on.
    pixels = np.asarray(shot)
    photo = np.asarray(Image.open(astronaut).convert("RGB").resize((654, 654), Image.Resampling.BOX)).astype(int)
    patch = photo[250:330, 8:60]
    found = min(
        np.abs(pixels[y : y + 80, x : x + 52] - patch).mean() for y in range(700, 860, 1) for x in range(84, 96, 1)
    )
    assert found < 12


PROBE = """<script>
setTimeout(() => {
  const canvas = $("world");
  const read = () => canvas.toDataURL();
  const found = {};
  const button = name => [...document.querySelectorAll("button")].find(b => b.textContent.startsWith(name));
  button("the camera").click(); found.front = read();
  button("behind").click(); found.behind = read();
  canvas.setPointerCapture = () => {};
  canvas.dispatchEvent(new PointerEvent("pointerdown", { clientX: 10, clientY: 10 }));
  canvas.dispatchEvent(new PointerEvent("pointermove", { clientX: 60, clientY: 30 }));
  canvas.dispatchEvent(new PointerEvent("pointerup", {}));
  found.dragged = read();
  found.opened = $("opened").querySelector("h3").textContent;
  document.querySelector('[aria-label="decoder/stage32"]').dispatchEvent(new MouseEvent("click"));
  found.clicked = $("opened").querySelector("h3").textContent;
  found.layers = [...$("opened").querySelectorAll("h4")].map(e => e.textContent);
  found.maps = $("opened").querySelectorAll(".maps canvas").length;
  const lateral = document.querySelector('[aria-label="decoder/lateral32"]');
  lateral.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
  found.histograms = $("opened").querySelectorAll(".hist svg").length;
  button("left wrist").click();
  const rows = document.querySelectorAll("tr.pick.on"), windows = $("cropsvg").querySelectorAll("rect");
  found.picked = [$("picked").textContent, rows.length, windows.length];
  button("detector:").click();
  found.blocks = document.querySelectorAll(".block").length;
  document.body.dataset.found = JSON.stringify(found);
}, 1000);
</script></body>"""


@needs_browser
def test_everything_answers_to_the_mouse(page: Path, tmp_path: Path) -> None:
    probed = tmp_path / "probed.html"
    probed.write_text(page.read_text("utf-8").replace("</body>", PROBE), "utf-8")
    dom, _ = browse(probed, tmp_path)
    text = re.search(r'data-found="([^"]*)"', dom)
    assert text is not None
    found = json.loads(html.unescape(text[1]))
    views = [found[view] for view in ("front", "behind", "dragged")]
    assert min(map(len, views)) > 10_000  # an empty canvas is much shorter
    assert len(set(views)) == 3
    assert found["opened"] == "encoder/block1"
    assert found["clicked"] == "decoder/stage32"
    assert found["layers"] == ["decoder/stage32/upsample", "decoder/stage32/add"]
    assert found["maps"] == 2 * report.MAPS
    assert found["histograms"] == 2
    assert found["picked"] == ["left wrist", 1, 1]
    assert found["blocks"] == len(data_of(page)["networks"][0]["blocks"])


@needs_browser
def test_dark(page: Path, tmp_path: Path) -> None:
    for scheme, paper in (("0", (18, 20, 23)), ("1", (247, 245, 240))):
        folder = tmp_path / scheme
        folder.mkdir()
        _, shot = browse(page, folder, f"--blink-settings=preferredColorScheme={scheme}")
        assert shot.getpixel((5, 5)) == paper


@needs_browser
def test_narrow(page: Path, tmp_path: Path) -> None:
    """On a phone nothing is wider than the page."""
    probe = page.read_text("utf-8").replace(
        "</body>",
        "<script>document.body.dataset.width = document.documentElement.scrollWidth + '/' + innerWidth</script></body>",
    )
    narrow = tmp_path / "narrow.html"
    narrow.write_text(probe, "utf-8")
    dom, _ = browse(narrow, tmp_path, size="500,900")
    found = re.search(r'data-width="(\d+)/(\d+)"', dom)
    assert found is not None
    assert int(found[1]) <= int(found[2])


@pytest.mark.parametrize("tasks", [(), ("--tasks", "1.2.3")])
def test_several_people(pair: Path, tmp_path: Path, tasks: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "page.html"
    assert cli.main(["report", str(pair), "-o", str(path), "--model", "lite", "--people", "2", *tasks]) == 0
    assert capsys.readouterr().out.startswith("2 people -> ")
    data = data_of(path)
    pose = TasksPose("lite", "image", 2, "1.2.3") if tasks else Pose("lite", "image", people=2)
    people = pose.process(read_image(pair))
    (other,) = data["others"]
    for person, found in zip(people, (data, other), strict=True):
        np.testing.assert_allclose(found["landmarks"]["image"], person.landmarks, atol=6e-6)
        np.testing.assert_allclose(found["blend"][1:5], person.detection.box_n, atol=6e-6)
    assert data["decisions"] == [f"region {place}: found by the detector" for place in (0, 1)]
    if BROWSER is not None and not tasks:
        dom, _ = browse(path, tmp_path, size="1280,2000")
        assert "Person 1 of 2, found with a score of" in dom
        assert "<li>region 1: found by the detector</li>" in dom
        dom, _ = browse(path, tmp_path, size="1280,2000", query="?person=1")
        assert "Person 2 of 2, found with a score of" in dom
        assert f"confirmed with <b>{people[1].score:.3f}</b>" in dom


@needs_browser
@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("coffee", (), "no candidate of the detector reaches the score 0.5"),
        ("astronaut", ("--min-tracking-confidence", "0.99"), "presence 0.979 is not above 0.99"),
    ],
)
def test_nobody(tmp_path: Path, root: Path, name: str, options: tuple[str, ...], text: str) -> None:
    picture = root / "tests" / "golden" / "images" / f"{name}.png"
    path = tmp_path / "page.html"
    assert cli.main(["report", str(picture), "-o", str(path), *options]) == 0
    dom, _ = browse(path, tmp_path, size="1280,2000")
    assert f"Nobody was found: <b>{text}</b>" in dom
    assert '<section id="metres" class="none">' in dom
