"""Which engine runs: what was asked for, what was built, and what this CPU can do."""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from ..stages.table import NUMPY, NUMPY_ROUNDED, Stages

_FOLDER = Path(__file__).resolve().parents[2]  # that of the sources, or one without src_c where refpose is installed

ENGINES = ("auto", "native", "numpy", "reference")


def resolve(engine: str) -> str:
    """The engine that is meant: ``"auto"`` is the native one where it was built and the CPU has a fused multiply-add,
    else NumPy's.

    Raises
    ------
    ValueError
        No engine of that name.
    RuntimeError
        The native engine was asked for but not built, or not for this CPU.
    """
    if engine not in ENGINES:
        raise ValueError(f"no engine {engine!r}: expected one of {', '.join(ENGINES)}")
    if engine == "native":
        native_isa()
    if engine != "auto":
        return engine
    if isinstance(_native(), str):
        return "numpy"
    return "numpy" if native_isa() == "ref" and "REFPOSE_ISA" not in os.environ else "native"


def native_isa() -> str:
    """The instruction set whose kernels run: the best this CPU has, or what the environment variable REFPOSE_ISA names.

    Raises
    ------
    ValueError
        REFPOSE_ISA names no instruction set.
    RuntimeError
        REFPOSE_ISA names one that this CPU does not have, or the engine was not built.
    """
    native = _native()
    if isinstance(native, str):
        raise RuntimeError(native)
    found: tuple[str, ...] = native.isas()
    wanted = os.environ.get("REFPOSE_ISA", found[0])
    if wanted not in native.KNOWN_ISAS:
        raise ValueError(f"REFPOSE_ISA: expected one of {', '.join(native.KNOWN_ISAS)}, found {wanted!r}")
    if wanted not in found:
        raise RuntimeError(f"REFPOSE_ISA: this machine cannot run {wanted!r}, only {', '.join(found)}")
    return wanted


def kernel_texts() -> dict[str, str]:
    """What each kernel computes, in the words of src_c/kernels.h; nothing where the engine was not built."""
    native = _native()
    return {} if isinstance(native, str) else dict(native.kernels())


@cache
def _native() -> ModuleType | str:
    """The extension module; or, where there is none, what to do about it, which is also logged once."""
    try:
        native = import_module("._native", __package__)
        if (_FOLDER / "src_c").is_dir() and _sources_hash() != getattr(native, "SOURCES", None):
            raise ImportError("there is an engine of other sources than those in the folder")
        return native
    except ImportError as error:
        why = _no_engine(error)
        import logging

        logging.getLogger("refpose").warning("%s. Until then NumPy does the work, ten times slower.", why)
        return why


def _sources_hash() -> str:
    """What setup.py calls SOURCES_HASH, for a source folder."""
    patterns = ("refpose/engine/*.pxi", "refpose/engine/*.pyx", "src_c/*.[ch]", "src_c/*.inc")
    sources = sorted(path for pattern in patterns for path in _FOLDER.glob(pattern))
    import hashlib

    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]


def _no_engine(error: ImportError) -> str:
    compiler = "C compiler and Python's headers (Debian: apt-get install gcc python3-dev; Windows: LLVM's clang-cl)"
    command = '"pip install --force-reinstall --no-deps --no-cache-dir ."'
    if (_FOLDER / "src_c").is_dir():
        return (
            f"refpose is imported from its source folder {_FOLDER}, where its native engine is not built ({error}); "
            f"type there, with a {compiler}: {command}"
        )
    return (
        f"refpose was installed without its native engine ({error}); install a {compiler}, "
        f"then type in the folder of refpose's sources: {command}"
    )


def stages(engine: str, rounded: bool = False) -> Stages:
    """The functions of the pipeline around the networks, in the engine's form.

    `rounded` asks for the correctly rounded expf, sinf, cosf and atan2f (`refpose.stages.rounded`) instead of glibc's.

    Raises
    ------
    ValueError
        No engine of that name.
    """
    if resolve(engine) != "native":
        return NUMPY_ROUNDED if rounded else NUMPY
    isa = native_isa()
    native: Any = _native()
    compiled = native.Stages(isa, rounded)
    return Stages(
        expf=compiled.expf,
        sinf=native.rounded_sinf if rounded else native.sinf,
        cosf=native.rounded_cosf if rounded else native.cosf,
        atan2f=native.rounded_atan2f if rounded else native.atan2f,
        probability=compiled.probability,
        crop_matrix=native.crop_matrix,
        warp_f32=compiled.warp_f32,
        warp_mask=compiled.warp_mask,
        refine=compiled.refine,
        landmarks=compiled.landmarks,
        one_euro=compiled.one_euro,
        network_input=compiled.network_input,
        find_peaks=compiled.find_peaks,
        draw_lines=native.draw_lines,
        draw_circles=native.draw_circles,
        decode_jpeg=native.decode_jpeg,
    )
