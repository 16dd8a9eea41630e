"""Optional dependencies: imported where they are used, and named with the command that installs them when missing."""

from __future__ import annotations

import importlib
from typing import Any


class MissingExtra(ImportError):
    """An optional dependency is not installed; the message says which, and how to get it."""


def require(module: str, extra: str) -> Any:
    """Import an optional dependency.

    Parameters
    ----------
    module : str
        Full name of the module, for example ``"matplotlib.pyplot"``.
    extra : str
        The extra of refpose that brings it, for example ``"plot"``.

    Returns
    -------
    module
        The imported module.

    Raises
    ------
    MissingExtra
        When the module is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != module.partition(".")[0]:
            raise
        raise MissingExtra(
            f'{error.name} is needed for this and is not installed; get it with: pip install "refpose[{extra}]"',
            name=error.name,
        ) from error
