"""What pyproject.toml cannot say: the folder weights/ is the package refpose._weights when it is installed, and the C
engine is one extension with a static library for each instruction set, compiled with flags of its own.

Without a C compiler the package is installed without the engine: refpose then runs on NumPy. On Windows the compiler is
clang-cl; Microsoft's own does not know the vector extensions.

Every build leaves a copy of the engine in the source folder, because Python started there imports that folder and not
what was installed.
"""

import glob
import gzip
import os
import platform
import re
import shutil
import sys
import sysconfig
import tarfile
import time
from hashlib import sha256
from pathlib import Path

from setuptools import Extension, find_packages, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_clib import build_clib
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist
from setuptools.errors import CCompilerError, PlatformError

LEVEL = [] if "-O" in os.environ.get("CFLAGS", "") else ["-O2"]
DEBUG = [] if "-g" in os.environ.get("CFLAGS", "").split() else ["-g0"]  # twelve times as large with it
COMMON = ["-std=gnu11", *LEVEL, *DEBUG, "-ffp-contract=off", "-Wall", "-Wextra"]
HARDENED = ["-fstack-protector-strong", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=3"] if os.name == "posix" else []
LINKED = ["-Wl,-z,relro,-z,now"] if sys.platform == "linux" else []
ISAS = {
    "x86_64": {
        "avx512": ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma", "-mf16c"],
        "avx2": ["-mavx2", "-mfma", "-mf16c"],
    },
    "aarch64": {"neon": []},
}
if sys.platform == "darwin":  # one architecture at a time: the flags above are for one
    os.environ.setdefault("ARCHFLAGS", f"-arch {platform.machine()}")
TARGET = os.environ["ARCHFLAGS"] if sys.platform == "darwin" else sysconfig.get_platform()
MACHINE = {"amd64": "x86_64", "arm64": "aarch64"}.get(name := re.split("[- ]", TARGET)[-1], name)
LIMITED = platform.python_implementation() == "CPython" and not sysconfig.get_config_var("Py_GIL_DISABLED")
PATTERNS = ("refpose/engine/*.pxi", "refpose/engine/*.pyx", "src_c/*.[ch]", "src_c/*.inc")
SOURCES = sorted(path for pattern in PATTERNS for path in glob.glob(pattern))
# What the engine was built from: refpose.engine.select refuses one of other sources in the source folder.
SOURCES_HASH = sha256(b"".join(Path(path).read_bytes() for path in SOURCES)).hexdigest()[:16]
DEPENDS = ["setup.py", *SOURCES]


NO_ENGINE = """refpose's C engine was not built ({}); it runs on NumPy, ten times slower. Install a C compiler and \
Python's headers (Debian: apt-get install gcc python3-dev; Windows: LLVM's clang-cl), then type again: \
pip install --force-reinstall --no-deps --no-cache-dir ."""


class OptionalLibraries(build_clib):
    """The extension is optional, so its libraries are."""

    def run(self) -> None:
        try:
            super().run()
        except (CCompilerError, PlatformError) as error:
            self.distribution.no_engine = error

    def build_libraries(self, libraries: list) -> None:
        use_clang(self.compiler)
        super().build_libraries(libraries)


class Extensions(build_ext):
    def build_extension(self, extension: Extension) -> None:
        built, here = Path(self.get_ext_fullpath(extension.name)), Path(self.get_ext_filename(extension.name))
        try:
            if hasattr(self.distribution, "no_engine"):
                raise self.distribution.no_engine
            use_clang(self.compiler)
            super().build_extension(extension)
        except (CCompilerError, PlatformError) as error:
            for older in (built, here):
                older.unlink(missing_ok=True)
            self.warn(NO_ENGINE.format(error))
            raise
        if not self.inplace:
            shutil.copyfile(built, here)


class Wheel(bdist_wheel):
    def write_wheelfile(self, *args: str, **options: str) -> None:
        """The last file that is written: all get the same permissions, whatever those of who builds it."""
        super().write_wheelfile(*args, **options)
        for path in Path(self.bdist_dir).rglob("*"):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)

    def get_tag(self) -> tuple[str, str, str]:
        """A wheel without the engine serves every platform, and must not be taken for one with it."""
        if not Path(self.get_finalized_command("build_ext").get_ext_fullpath(native.name)).exists():
            self.root_is_pure = True
            return "py3", "none", "any"
        return super().get_tag()


class Sources(sdist):
    def make_archive(self, base_name: str, format: str, root_dir=None, base_dir=None, owner=None, group=None) -> str:
        """The same bytes from the same sources: times, owners, order and permissions of this disk are left out."""
        epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())

        def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
            entry.mtime, entry.uid, entry.gid, entry.uname, entry.gname = epoch, 0, 0, "", ""
            entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
            return entry

        path = f"{base_name}.tar.gz"
        with (
            open(path, "wb") as file,
            gzip.GzipFile("", "wb", 9, file, epoch) as packed,
            tarfile.open(fileobj=packed, mode="w") as archive,
        ):
            for entry in [Path(base_dir), *sorted(Path(base_dir).rglob("*"))]:
                archive.add(entry, recursive=False, filter=plain)
        return path


def use_clang(compiler: object) -> None:
    """Replace Microsoft's compiler, not its linker."""
    if sys.platform == "win32":
        compiler.initialize()
        compiler.cc = "clang-cl"


def flags(*some: str) -> list[str]:
    return [f"/clang:{flag}" for flag in some] if sys.platform == "win32" else list(some)


libraries = [
    (
        f"rp_{isa}",
        {"sources": [f"src_c/isa_{isa}.c"], "cflags": flags(*COMMON, *HARDENED, *own), "obj_deps": {"": DEPENDS}},
    )
    for isa, own in ISAS.get(MACHINE, {}).items()
]
native = Extension(
    "refpose.engine._native",
    [
        "refpose/engine/_native.pyx",
        *(
            f"src_c/{name}.c"
            for name in "ref program dispatch context threads stages_ref geometry packing draw jpeg".split()
        ),
    ],
    include_dirs=["src_c"],
    extra_compile_args=flags(*COMMON, *HARDENED),
    extra_link_args=LINKED,
    define_macros=[("RP_SOURCES", f"0x{SOURCES_HASH}ULL"), *([("Py_LIMITED_API", "0x030A0000")] if LIMITED else [])],
    py_limited_api=LIMITED,
    libraries=[name for name, _ in libraries],
    depends=DEPENDS,
    optional=True,
)

# An index shows the README alone: there, its links must lead to the project.
HOME = "https://github.com/refpose/refpose/blob/main/"
README = re.sub(r"\]\((?!https?:|#)", f"]({HOME}", Path("README.md").read_text("utf-8"))

setup(
    long_description=README,
    long_description_content_type="text/markdown",
    packages=[*find_packages(include=["refpose", "refpose.*"]), "refpose._weights"],
    package_dir={"refpose._weights": "weights"},
    libraries=libraries,
    ext_modules=[native],
    cmdclass={"bdist_wheel": Wheel, "build_clib": OptionalLibraries, "build_ext": Extensions, "sdist": Sources},
    options={"bdist_wheel": {"py_limited_api": "cp310"}} if LIMITED else {},
)
