"""Build vsspy's two extension modules, and off Windows libvssapi.so of the same objects; everything else stands in
pyproject.toml."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from glob import glob
from typing import Any

from pybind11.setup_helpers import Pybind11Extension
from setuptools import setup
from setuptools.command.build_ext import build_ext

WINDOWS = sys.platform == "win32"
SHARED = ["csrc/com/*.cpp", "csrc/documents/*.cpp"]
MODULES = {
    "vsspy._core": [*SHARED, "csrc/filesets/*.cpp", "csrc/requester/*.cpp", "csrc/bindings/*.cpp"],
    "vsspy._simulator": [*SHARED, "csrc/simulator/*.cpp", "csrc/simulator/bindings/*.cpp"],
}
# The simulator for requesters in other languages. In a folder of its own: beside the modules Python would take it for one.
LIBRARY = "vsspy.lib.libvssapi"
if sys.platform.startswith("linux"):
    MODULES[LIBRARY] = [*SHARED, "csrc/simulator/*.cpp", "csrc/simulator/dll/*.cpp"]
if WINDOWS:
    # What comes from <...> (the Windows SDK, pybind11) is not ours to warn about. 4100 and 4458: an unused parameter, and
    # one that is called like a member.
    COMPILE = ["/W4", "/wd4100", "/wd4458", "/utf-8", "/Zc:__cplusplus"]
    COMPILE += ["/external:anglebrackets", "/external:W0"]
    LIBRARIES = ["ole32", "oleaut32", "advapi32", "uuid", "vssapi", "delayimp"]
    LINK = ["/DELAYLOAD:vssapi.dll", "/IGNORE:4199"]  # 4199: the simulator's module imports nothing of vssapi.dll
else:
    COMPILE = ["-Wall", "-Wextra", "-Wno-non-virtual-dtor", "-Wno-missing-field-initializers", "-pthread"]
    LIBRARIES = []
    LINK = ["-pthread"]
# Only the exports are seen; what has threads cannot be unloaded. tools/library.py links with the same options.
LINK_LIBRARY = [*LINK, "@csrc/simulator/dll/libvssapi.options"]
if os.environ.get("CI"):  # a compiler that nobody here has may warn of more; users still get their build
    COMPILE.append("/WX" if WINDOWS else "-Werror")


def sources(patterns: list[str]) -> list[str]:
    return sorted(name.replace(os.sep, "/") for pattern in patterns for name in glob(pattern))


class ParallelBuild(build_ext):
    """Compile files side by side, and those that both modules share once.

    pybind11's ParallelCompile replaces a method that the MSVC compiler overrides, and so does nothing there; this one
    calls whatever `compile` the compiler has, with one file at a time.
    """

    def get_ext_filename(self, fullname: str) -> str:
        found: str = super().get_ext_filename(fullname)  # type: ignore[no-untyped-call]
        return os.path.join(os.path.dirname(found), "libvssapi.so") if "libvssapi" in fullname else found

    def copy_extensions_to_source(self) -> None:
        os.makedirs("vsspy/lib", exist_ok=True)  # setuptools copies into packages only, which are there
        super().copy_extensions_to_source()

    def build_extensions(self) -> None:
        compiler: Any = self.compiler
        if compiler.compiler_type == "msvc" and not compiler.initialized:
            compiler.initialize()  # not by several threads at once
        compile_serially = compiler.compile
        objects: dict[str, list[str]] = {}

        def compile_one(name: str, options: dict[str, Any]) -> list[str]:
            made: list[str] = compile_serially([name], **options)
            return made

        def compile_in_parallel(files: list[str], **options: Any) -> list[str]:
            missing = [name for name in files if name not in objects]
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                objects.update(zip(missing, pool.map(lambda name: compile_one(name, options), missing), strict=True))
            return [made for name in files for made in objects[name]]

        compiler.compile = compile_in_parallel
        super().build_extensions()


setup(
    ext_modules=[
        Pybind11Extension(
            name,
            sources(patterns),
            depends=sources(["csrc/*/*.h", "csrc/*/*/*.h"]),
            cxx_std=20,
            extra_compile_args=COMPILE,
            extra_link_args=LINK_LIBRARY if name == LIBRARY else LINK,
            libraries=LIBRARIES,
        )
        for name, patterns in MODULES.items()
    ],
    cmdclass={"build_ext": ParallelBuild},
)
