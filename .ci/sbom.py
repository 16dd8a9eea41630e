"""Write a CycloneDX bill of materials for a wheel: ``python sbom.py WHEEL OUT.json``.

The wheel is installed with its dependencies into an environment of its own, which cyclonedx-bom describes; the networks
are added, with the hashes that they are known by.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path


def networks(wheel: Path) -> list[dict[str, object]]:
    """The trained networks in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return [
            {
                "type": "machine-learning-model",
                "bom-ref": name,
                "name": Path(name).name,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
                "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(archive.read(name)).hexdigest()}],
                "description": "converted from Google's BlazePose models, no value changed; refpose/_weights/README.md",
            }
            for name in sorted(archive.namelist())
            if name.startswith("refpose/_weights/") and name.endswith(".h5")
        ]


def main(wheel: Path, out: Path) -> None:
    """Describe a wheel."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=False)
        python = Path(folder, "Scripts" if sys.platform == "win32" else "bin", "python")
        subprocess.run([sys.executable, "-m", "pip", "--python", python, "install", "--quiet", wheel], check=True)
        options = ("--output-reproducible", "--spec-version", "1.6", "--output-file", out)
        subprocess.run([sys.executable, "-m", "cyclonedx_py", "environment", *options, python], check=True)
    bill = json.loads(out.read_text("utf-8"))
    for component in bill["components"]:  # not where the wheel lay on this machine
        links = [link for link in component.get("externalReferences", []) if not link["url"].startswith("file:")]
        component["externalReferences"] = links
    bill["components"] += networks(wheel)
    out.write_text(json.dumps(bill, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
