"""What refpose does not have of MediaPipe: it can be imported and named, and says so where it is used."""

from __future__ import annotations

import sys
import typing
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.resources import files
from types import ModuleType
from typing import Any, NoReturn

_PACKAGE = __name__.rpartition(".")[0]

# What MediaPipe's modules import, and programs take from there
_LIBRARIES = {"np": "numpy", "cv2": "cv2", "plt": "matplotlib.pyplot"}
_LIBRARIES |= {name: name for name in ("collections", "dataclasses", "enum", "math", "os")}
_TYPES = {"Any", "Iterable", "List", "Mapping", "NamedTuple", "Optional", "Tuple", "Union"}


def explain(name: str) -> str:
    """The message for a dotted name that is missing."""
    name = name.replace("mediapipe.v1.", "mediapipe.")
    return (
        f"refpose has no {name}: it stands in for mediapipe.solutions.pose, holistic's pose, drawing_utils, "
        "drawing_styles and framework.formats.landmark_pb2, and for Tasks' PoseLandmarker. Hands, faces and the rest "
        "of MediaPipe need MediaPipe itself."
    )


@cache
def modules() -> frozenset[str]:
    """All modules of MediaPipe 0.10.21, without their "mediapipe." in front, and of 1.2.3, with "v1." instead."""
    return frozenset(files(_PACKAGE).joinpath("_modules.txt").read_text("utf-8").split())


class _Part(type):
    """The class of what stands for a class, a function or a constant that is missing."""

    missing: str

    def _complain(cls, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError(explain(cls.missing))

    __call__ = __getitem__ = __contains__ = _complain

    def __iter__(cls) -> Iterator[Any]:
        cls._complain()

    def __getattr__(cls, name: str) -> NoReturn:
        if name.startswith("__"):  # asked for by Python's own tools
            raise AttributeError(name)
        cls._complain()


def part(name: str) -> Any:
    """A stand-in for what is missing under a dotted name, which raises NotImplementedError when it is used.

    It is a class, so that it can stand in annotations, `isinstance` and lists of base classes.
    """
    module, _, last = name.rpartition(".")
    return _Part(last, (), {"missing": name, "__module__": module, "__doc__": explain(name)})


class _Module(ModuleType):
    """A module that is missing; it has every name, as `part`."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}", name=name)
        found = _submodule(self.__name__, name) or part(f"{self.__name__.removeprefix('refpose.')}.{name}")
        setattr(self, name, found)
        return found


def _submodule(package: str, name: str) -> ModuleType | None:
    full = f"{package}.{name}"
    return import_module(full) if _listed(full) in modules() else None


def _listed(name: str) -> str:
    """The name of a module of this package, or of `mediapipe`, as `modules` has it."""
    inner = name.removeprefix("refpose.").removeprefix("mediapipe.")
    return f"python.{inner}" if inner.startswith("solutions.") else inner


def module(package: str, name: str, **contents: Any) -> None:
    """Put a missing module into a package, with what there is of it."""
    found = import_module(f"{package}.{name}")
    vars(found).update(contents)


def attributes(package: str, *missing: str) -> Callable[[str], Any]:
    """A `__getattr__` for a module: what MediaPipe has there and refpose has not.

    Parameters
    ----------
    package : str
        The module's name.
    *missing : str
        Classes and functions that are missing.

    Type checkers must not see it, or they would take every name for granted.
    """
    name_of_it = package.removeprefix("refpose.")

    def __getattr__(name: str) -> Any:
        found: Any = part(f"{name_of_it}.{name}") if name in missing else None
        if found is None:
            inside = "__path__" in vars(sys.modules[package])
            found = _submodule(package, name) if inside else _imported(package, name)
        if found is None:
            raise AttributeError(explain(f"{name_of_it}.{name}"), name=name)
        setattr(sys.modules[package], name, found)
        return found

    return __getattr__


def _imported(module: str, name: str) -> Any:
    """What MediaPipe's modules import from elsewhere: libraries, types, and each other."""
    if name in _LIBRARIES:
        try:
            return import_module(_LIBRARIES[name])
        except ImportError as error:
            raise AttributeError(f"{module}.{name}: {error}", name=name) from error
    if name in _TYPES:
        return getattr(typing, name)
    homes = [home for home in sorted(modules()) if home.endswith(f".{name}") and not home.startswith("v1.")]
    return import_module(f"{_PACKAGE}.{homes[0]}") if homes else None


class _Same(Loader):
    """Gives a module under a second name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def exec_module(self, module: ModuleType) -> None:
        sys.modules[module.__name__] = import_module(self.name)


class _Empty(Loader):
    """Makes a `_Module`."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Module(spec.name, explain(spec.name.removeprefix("refpose.")))

    def exec_module(self, module: ModuleType) -> None:
        pass


class Finder(MetaPathFinder):
    """Finds what is below this package under MediaPipe's names, and the modules that are missing.

    ``mediapipe.python.solutions`` is ``mediapipe.solutions``, where MediaPipe's sources are; and once `install` was
    called, ``mediapipe`` is this package, or one inside. It comes first in `sys.meta_path`: others would load modules
    twice.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        root = fullname.partition(".")[0] if fullname.startswith("mediapipe.") else _PACKAGE
        if not fullname.startswith(f"{root}."):
            return None
        package = getattr(sys.modules.get(root), "__name__", "")
        if package != _PACKAGE and not package.startswith(f"{_PACKAGE}."):
            return None  # MediaPipe itself
        inner = fullname.removeprefix(f"{root}.")
        if inner == "python.solutions" or inner.startswith("python.solutions."):
            inner = inner.removeprefix("python.")
        real = f"{package}.{inner}"
        if real != fullname:
            path = import_module(real.rpartition(".")[0]).__path__
            found = real in sys.modules or self.find_spec(real, path)
            return ModuleSpec(fullname, _Same(real), is_package=True) if found else None
        found = PathFinder.find_spec(fullname, path)
        if found is None and (name := _listed(fullname)) in modules():
            is_package = any(other.startswith(f"{name}.") for other in modules())
            found = ModuleSpec(fullname, _Empty(), is_package=is_package)
        return found
