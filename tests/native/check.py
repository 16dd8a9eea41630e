"""Build check.c with one or more compilers and let it compare the C engine with recorded cases, without Python.

    python tests/native/check.py                                  gcc and clang, -O2 and -O3, all networks
    python tests/native/check.py --cc aarch64-linux-gnu-gcc --run 'qemu-aarch64 -L /usr/aarch64-linux-gnu'

Any warning of a compiler is an error.
"""

from __future__ import annotations

import argparse
import os
import runpy
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from unittest import mock

import cases

ROOT = Path(__file__).resolve().parents[2]
WRAPPED = [f"-Wl,--wrap={name}" for name in ("malloc", "calloc", "realloc", "aligned_alloc")]


def build(cc: str, flags: list[str], folder: Path) -> Path:
    """Compile the engine as setup.py does, with this compiler and these flags added, and link check.c to it."""
    with mock.patch("setuptools.setup"):
        recipe = runpy.run_path(str(ROOT / "setup.py"))
    machine = subprocess.run([cc, "-dumpmachine"], check=True, capture_output=True, text=True).stdout.split("-")[0]
    isas: dict[str, list[str]] = recipe["ISAS"][machine]
    sources = {source: [] for source in recipe["native"].sources if source.endswith(".c")}
    sources |= {f"src_c/isa_{isa}.c": isa_flags for isa, isa_flags in isas.items()}
    sources["tests/native/check.c"] = []
    folder.mkdir(parents=True, exist_ok=True)
    objects = []
    sanitized = any(flag.startswith("-fsanitize") for flag in flags)  # they replace the allocator themselves
    for source, extra in sources.items():
        objects.append(folder / f"{Path(source).stem}.o")
        options = [*recipe["COMMON"], *recipe["HARDENED"], *extra, "-Werror", "-Isrc_c", *flags]
        options += [] if sanitized else ["-DCOUNT_ALLOCATIONS"]
        subprocess.run([cc, *options, "-c", source, "-o", objects[-1]], check=True, cwd=ROOT)
    link = [*flags, *([] if sanitized else WRAPPED), *objects, "-o", folder / "check", "-lm", "-pthread"]
    subprocess.run([cc, *link], check=True, cwd=ROOT)
    return folder / "check"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cc", nargs="+", help="compilers; gcc and clang, if they are there, by default")
    parser.add_argument(
        "--flags", nargs="+", default=["-O2", "-O3"], help="sets of flags, each tried with each compiler"
    )
    parser.add_argument("--run", default="", help="command that runs what was built, for another processor")
    parser.add_argument("--networks", nargs="+", choices=cases.NETWORKS, default=cases.NETWORKS)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "check")
    args = parser.parse_args()
    compilers = args.cc or [cc for cc in ("gcc", "clang") if shutil.which(cc)]
    for program in (*compilers, *shlex.split(args.run)[:1]):
        if not shutil.which(program):
            print(f"no {program}: on Debian, {packages(program)}", file=sys.stderr)
            return 2
    folder = args.folder.resolve()
    os.chdir(ROOT)  # setup.py reads what lies beside it
    shutil.rmtree(folder, ignore_errors=True)
    written: list[Any] = cases.write_all(folder / "cases", args.networks)
    codes = []
    for cc in compilers:
        for flags in args.flags:
            start = time.monotonic()
            check = build(cc, shlex.split(flags), folder / f"{cc}{flags.replace(' ', '')}")
            print(f"{cc} {flags}: ", end="", flush=True)
            done = subprocess.run([*shlex.split(args.run), check, *written])
            print(f"    {time.monotonic() - start:.0f} s")
            codes.append(done.returncode)
    return int(any(codes))


def packages(program: str) -> str:
    """What to install for a program that is missing."""
    if program.startswith("aarch64"):
        return "apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
    return f"apt-get install {'qemu-user' if program.startswith('qemu') else program}"


if __name__ == "__main__":
    sys.exit(main())
