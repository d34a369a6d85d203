"""Build vsspy's two extension modules; everything else stands in pyproject.toml."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from glob import glob
from typing import Any

from pybind11.setup_helpers import Pybind11Extension
from setuptools import setup
from setuptools.command.build_ext import build_ext

SHARED = ["csrc/com/*.cpp", "csrc/documents/*.cpp"]
MODULES = {
    "vsspy._core": [*SHARED, "csrc/requester/*.cpp", "csrc/bindings/*.cpp"],
    "vsspy._simulator": [*SHARED, "csrc/simulator/*.cpp", "csrc/simulator/bindings/*.cpp"],
}


def sources(patterns: list[str]) -> list[str]:
    return sorted(name.replace(os.sep, "/") for pattern in patterns for name in glob(pattern))


class ParallelBuild(build_ext):
    """Compile the files of an extension side by side: a MSVC build would otherwise take one after the other."""

    def build_extensions(self) -> None:
        if self.compiler.compiler_type == "msvc":
            super().build_extensions()
            return
        compile_serially = self.compiler.compile

        def compile_in_parallel(files: list[str], **options: Any) -> list[str]:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                lists = pool.map(lambda name: compile_serially([name], **options), files)
            return [name for objects in lists for name in objects]

        self.compiler.compile = compile_in_parallel  # type: ignore[method-assign]
        super().build_extensions()


warnings = ["/W4", "/WX", "/wd4100"] if sys.platform == "win32" else ["-Wall", "-Wextra", "-Werror", "-Wno-non-virtual-dtor"]

setup(
    ext_modules=[
        Pybind11Extension(
            name,
            sources(patterns),
            depends=sources(["csrc/**/*.h", "csrc/*/*.h"]),
            cxx_std=20,
            extra_compile_args=warnings,
        )
        for name, patterns in MODULES.items()
    ],
    cmdclass={"build_ext": ParallelBuild},
)
