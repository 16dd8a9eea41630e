"""``python -m refpose`` is the same as ``refpose``."""

from refpose.cli import entry

entry()
