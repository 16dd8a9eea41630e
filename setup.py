"""What pyproject.toml cannot say: the folder weights/ is the package refpose._weights when it is installed, and the C
engine is one extension with a static library for each instruction set, compiled with flags of its own.

Without a C compiler the package is installed without the engine: refpose then runs on NumPy.
"""

import glob
import platform

from setuptools import Extension, find_packages, setup
from setuptools.command.build_clib import build_clib
from setuptools.errors import CCompilerError, PlatformError

COMMON = ["-std=gnu11", "-O2", "-ffp-contract=off", "-Wall", "-Wextra"]
ISAS = {
    "x86_64": {
        "avx512": ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma", "-mf16c"],
        "avx2": ["-mavx2", "-mfma", "-mf16c"],
    },
    "aarch64": {"neon": []},
}
MACHINE = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
DEPENDS = [*glob.glob("src_c/*.inc"), *glob.glob("src_c/*.h"), *glob.glob("refpose/*.pxi")]


class OptionalLibraries(build_clib):
    """The extension is optional, so its libraries are."""

    def run(self) -> None:
        try:
            super().run()
        except (CCompilerError, PlatformError) as error:
            self.warn(f"the C engine was not built: {error}")
            self.distribution.ext_modules = []


libraries = [
    (f"rp_{isa}", {"sources": [f"src_c/isa_{isa}.c"], "cflags": [*COMMON, *flags], "obj_deps": {"": DEPENDS}})
    for isa, flags in ISAS.get(MACHINE, {}).items()
]
native = Extension(
    "refpose._native",
    [
        "refpose/_native.pyx",
        *(f"src_c/{name}.c" for name in ("ref", "program", "dispatch", "context", "threads", "stages_ref", "geometry")),
    ],
    include_dirs=["src_c"],
    extra_compile_args=COMMON,
    libraries=[name for name, _ in libraries],
    depends=DEPENDS,
    optional=True,
)

setup(
    packages=[*find_packages(include=["refpose", "refpose.*"]), "refpose._weights"],
    package_dir={"refpose._weights": "weights"},
    libraries=libraries,
    ext_modules=[native],
    cmdclass={"build_clib": OptionalLibraries},
)
