"""Which engine runs: what was asked for, what was built, and what this CPU can do."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from ..stages.table import NUMPY, Stages

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
    if _native() is None:
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
    if native is None:
        raise RuntimeError("refpose was installed without its native engine (no C compiler?): use engine='numpy'")
    found: tuple[str, ...] = native.isas()
    wanted = os.environ.get("REFPOSE_ISA", found[0])
    if wanted not in native.KNOWN_ISAS:
        raise ValueError(f"REFPOSE_ISA: expected one of {', '.join(native.KNOWN_ISAS)}, found {wanted!r}")
    if wanted not in found:
        raise RuntimeError(f"REFPOSE_ISA: this machine cannot run {wanted!r}, only {', '.join(found)}")
    return wanted


@cache
def _native() -> Any:
    """The extension module, or None, said once, where it was not built."""
    try:
        from . import _native as native
    except ImportError as error:
        import logging

        logging.getLogger("refpose").warning("no native engine, NumPy's is ten times slower: %s", error)
        return None
    return native


def stages(engine: str) -> Stages:
    """The functions of the pipeline around the networks, in the engine's form.

    Raises
    ------
    ValueError
        No engine of that name.
    """
    if resolve(engine) != "native":
        return NUMPY
    native = _native()
    compiled = native.Stages(native_isa())
    return Stages(
        expf=compiled.expf,
        sinf=native.sinf,
        cosf=native.cosf,
        atan2f=native.atan2f,
        crop_matrix=native.crop_matrix,
        warp_f32=compiled.warp_f32,
        warp_mask=compiled.warp_mask,
        refine=compiled.refine,
        landmarks=compiled.landmarks,
        one_euro=compiled.one_euro,
        network_input=compiled.network_input,
        find_peaks=compiled.find_peaks,
    )
