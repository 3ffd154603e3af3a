"""Builds the wheel; compiles the hot modules with mypyc where a C compiler is there.

Which modules are compiled stands in pyproject.toml under [tool.natalog]. The wheel also carries what lives
at the top of the repository and is read at run time (`DATA`), under natalog/_data.
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
import tomllib
from pathlib import Path
from typing import Any

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
# Read through natalog.resources, which looks in natalog/_data first and at the top of a checkout second.
DATA = ("schemas", "topics.yaml", "deploy/kafka/pom.xml", "deploy/prometheus")


def hot_sources() -> list[str]:
    """Paths of the modules to compile that exist, relative to the root."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["natalog"]["compiled"]
    paths = [Path("services", *name.split(".")).with_suffix(".py") for name in declared]
    return [str(path) for path in paths if (ROOT / path).is_file()]


def has_compiler() -> bool:
    """Whether a C compiler and Python's headers are there."""
    headers = Path(sysconfig.get_paths()["include"], "Python.h")
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()[0]
    return headers.is_file() and (shutil.which(compiler) or shutil.which("cc")) is not None


def extensions() -> list[Any]:
    """The one extension of all hot modules, or nothing where it cannot or need not be built."""
    # An editable install stays interpreted: scripts/setup compiles in place, with its own stamp.
    if not {"build_ext", "bdist_wheel"} & set(sys.argv):
        return []
    sources = hot_sources()
    if not sources:
        return []
    if not has_compiler():
        print("natalog: no C compiler or no Python headers: the hot modules stay interpreted")
        return []
    from mypyc.build import mypycify

    built: list[Any] = mypycify(
        ["--config-file", str(ROOT / "pyproject.toml"), *sources],
        opt_level="3",
        group_name="natalog_hot",
    )
    for extension in built:
        # Without these every call from one compiled function to another goes through a table and is never inlined.
        # (A new list: mypyc gives all extensions the same one.)
        inlined = ["-fno-semantic-interposition", "-fvisibility=hidden"]
        extension.extra_compile_args = [*extension.extra_compile_args, *inlined]
    return built


class BuildWithData(build_py):
    """Copies DATA into the built package."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib, "natalog", "_data")
        for name in DATA:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, target / name, dirs_exist_ok=True)
            elif source.is_file():
                (target / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target / name)


setup(ext_modules=extensions(), cmdclass={"build_py": BuildWithData})
