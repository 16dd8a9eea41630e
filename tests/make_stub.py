"""Write ``refpose/__init__.pyi``, the public names for type checkers, from the list in ``refpose/__init__.py``."""

from __future__ import annotations

from pathlib import Path

import refpose

ROOT = Path(__file__).resolve().parent.parent
STUB = ROOT / "refpose" / "__init__.pyi"


def stub() -> str:
    """The text of the stub."""
    lines = ['"""The public names. Written by tests/make_stub.py from the list in __init__.py; do not edit."""', ""]
    lines += [f"from . import {module} as {module}" for module in refpose._MODULES]
    lines += [f"from .{home} import {name} as {name}" for home, names in refpose._NAMES.items() for name in names]
    # in the order that ruff wants
    ordered = sorted(refpose.__all__, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    names = "\n".join(f'    "{name}",' for name in ordered)
    return "\n".join(lines) + f"\n\n__version__: str\n__all__ = [\n{names}\n]\n"


if __name__ == "__main__":
    STUB.write_text(stub(), "utf-8")
