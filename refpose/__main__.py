"""``python -m refpose`` is the same as ``refpose``."""

from .cli import entry

entry()
