"""The kinds of table, by the ending of their files."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager

from .form import Form, Table
from .hdf5 import write_hdf5
from .parquet import write_parquet
from .text import write_csv, write_json

KINDS: dict[str, Callable[[str | os.PathLike[str], Form], AbstractContextManager[Table]]] = {
    ".csv": write_csv,
    ".parquet": write_parquet,
    ".h5": write_hdf5,
    ".json": write_json,
}
"""How a table is written, by the ending of its file."""
