"""What MediaPipe 0.10.21 says of wrong arguments: the text of pybind11, which binds its C++ classes."""

from __future__ import annotations

from typing import Any


def incompatible(function: str, signatures: tuple[str, ...], *args: Any, **kwargs: Any) -> TypeError:
    """The error of a call that fits no signature of a function or a constructor (``__init__``)."""
    kind = "constructor" if function == "__init__" else "function"
    lines = [f"{function}(): incompatible {kind} arguments. The following argument types are supported:"]
    lines += [f"    {number}. {signature}" for number, signature in enumerate(signatures, 1)]
    invoked = ", ".join(map(repr, args))
    if kwargs:
        named = ", ".join(f"{name}={value!r}" for name, value in kwargs.items())
        invoked += f"{'; ' if args else ''}kwargs: {named}"
    return TypeError("\n".join([*lines, "", f"Invoked with: {invoked}"]))
