"""Run recorded calls of a MediaPipe wheel against the facade: ``tasks_api_cases.py VERSION FOLDER quick|live``.

Prints what every call gave as JSON. FOLDER holds the bundles, the pictures and the original models.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import logging
import os
import re
import sys
import threading
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parent / "recorded" / "tasks_api.json"


def outcome(call: str, names: dict[str, Any]) -> list[str]:
    """What a line gives, in the recorded form."""
    try:
        body = ast.parse(call).body
        last = body.pop() if isinstance(body[-1], ast.Expr) else None
        exec(compile(ast.Module(body, []), "<call>", "exec"), names)
        if not isinstance(last, ast.Expr):
            return ["value", "None"]
        return ["value", repr(eval(compile(ast.Expression(last.value), "<call>", "eval"), names))]
    except BaseException as error:  # noqa: BLE001
        return ["exception", type(error).__name__, str(error)]


def play(version: str, folder: Path, live: bool) -> dict[str, list[list[str]]]:
    """The outcomes of all groups that wait for threads, or of all others."""
    from refpose import mediapipe

    mediapipe.install(version)
    recorded = json.loads(RECORDED.read_text())
    # OpenCV only reads pictures here
    preamble = recorded["preamble"].replace("import numpy as np, cv2", "import numpy as np, PIL.Image")
    preamble = preamble.replace(
        'cv2.imread(SPLIT + "/images/%s.png" % name)[:, :, ::-1]',
        'PIL.Image.open(SPLIT + "/images/%s.png" % name).convert("RGB")',
    )
    os.environ.update(SPLIT=str(folder), BUNDLES=str(folder / "bundles"), MODELS=str(folder / "models"))
    folders = (os.environ["BUNDLES"], "BUNDLES"), (os.getcwd(), "CWD"), (str(folder), "SPLIT")

    def clean(text: str) -> str:
        for path, name in folders:
            text = text.replace(path, name)
        text = re.sub(r"refpose\.mediapipe\.(v1\.)?", "mediapipe.", text)
        return re.sub(r"0x[0-9a-f]{6,}", "0x...", text).strip()

    found = {}
    kept: dict[str, Any] = {}
    exec(preamble + "\nkept = make()", kept)  # the networks are loaded once
    for group in recorded["groups"]:
        if bool(group.get("timing")) != live or group.get("version", version) != version:
            continue
        names: dict[str, Any] = {}
        exec(preamble, names)
        found[group["name"]] = [[clean(part) for part in outcome(call["call"], names)] for call in group["calls"]]
        names.clear()
    assert threading.active_count() < 20
    return found


if __name__ == "__main__":
    logging.disable()
    with contextlib.redirect_stdout(io.StringIO()):
        outcomes = play(sys.argv[1], Path(sys.argv[2]), sys.argv[3] == "live")
    json.dump(outcomes, sys.stdout)
