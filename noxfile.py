"""The checks by name, each in an environment of its own: `nox -s tests`. .ci/run does all of them in one."""

from __future__ import annotations

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["tests", "lint", "types"]
PROJECT = nox.project.load_toml("pyproject.toml")


def groups(*names: str) -> list[str]:
    return [line for name in names for line in nox.project.dependency_groups(PROJECT, name)]


@nox.session
def tests(session: nox.Session) -> None:
    """The suite on the installed package."""
    session.install(".[test]")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Format, ruff, clang-tidy, the layers, the workflows."""
    session.install(*groups("lint"))
    for check in ("lint", "layers", "tidy"):
        session.run("python", "tools/check.py", check)


@nox.session
def types(session: nox.Session) -> None:
    """mypy in strict mode, and the stubs against the built modules."""
    session.install(".[test]", *groups("types"))
    session.run("python", "tools/check.py", "types")


@nox.session
@nox.parametrize("kind", ["address", "thread"])
def sanitize(session: nox.Session, kind: str) -> None:
    """The suite on a build with sanitizers, after their self-test."""
    extras = PROJECT["project"]["optional-dependencies"]
    session.install(
        *extras["cli"], *(line for line in extras["test"] if not line.startswith("vsspy")), *groups("build")
    )
    session.run("python", "tools/sanitize.py", kind, *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """libFuzzer on the readers of documents; it takes clang++."""
    session.run("python", "tools/fuzz.py", *session.posargs)


@nox.session
@nox.parametrize("version", ["3.11", "3.13"])
def wine(session: nox.Session, version: str) -> None:
    """The Windows wheel, cross-built, and the suite on it under Wine."""
    session.run("python", "tools/wine.py", "test", "--python", version, *session.posargs)


@nox.session(name="wheels-check")
def wheels_check(session: nox.Session) -> None:
    """Which wheels a release would have."""
    session.install(*groups("wheels"))
    session.run("python", "tools/check.py", "wheels")
