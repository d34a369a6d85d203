"""Each code sample of the guides runs as it stands; one that cannot says why in its info string."""

from __future__ import annotations

import inspect
import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plugin_support import run_test_file
from restore_support import save as save_all

import vsspy
from vsspy import simulator, simulator_writers, testing

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[2]
GUIDES = ("user-guide.md", "simulator.md", "testing.md")
_BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def logger() -> Iterator[None]:
    """A sample may add a handler to vsspy's logger, which is not to speak in other tests."""
    log = logging.getLogger("vsspy")
    handlers, level = list(log.handlers), log.level
    yield
    log.handlers[:] = handlers
    log.setLevel(level)


def samples() -> list[Any]:
    found = []
    for guide in GUIDES:
        text = (ROOT / "docs" / guide).read_text(encoding="utf-8")
        for match in _BLOCK.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(pytest.param(guide, line, match[1], match[2], id=f"{guide}:{line}"))
    return found


@pytest.mark.parametrize(("guide", "line", "info", "code"), samples())
def test_a_sample_runs(
    guide: str, line: int, info: str, code: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    language, _, reason = info.partition(" ")
    if language != "python":
        pytest.fail(f"{guide}:{line}: say the language of a sample, and use python")
    if reason:
        assert reason.startswith("not run: "), "an info string is 'python', or 'python not run: WHY'"
        return
    compiled = compile("\n" * line + code, str(ROOT / "docs" / guide), "exec")
    if guide == "testing.md":  # each is a test file
        run_test_file(request.getfixturevalue("pytester"), code)
        return
    target = tmp_path / "target"
    target.mkdir()
    saved: list[str] = []

    def save(path: str, shadow_path: str) -> None:
        shutil.copy2(shadow_path, target / str(len(saved)))
        saved.append(path)

    if guide == "simulator.md":
        root = tmp_path / "root"
        (root / "Data").mkdir(parents=True)
        (root / "Data" / "a.txt").write_text("a")
        exec(compiled, {"vsspy": vsspy, "root": root})  # noqa: S102 (our own samples)
        return
    for drive in ("c", "d"):
        (tmp_path / drive).mkdir()
    shutil.copytree(ROOT / "examples" / "server" / "Shop", tmp_path / "c" / "Shop")
    with simulator.running(
        volumes={"C:\\": tmp_path / "c", "D:\\": tmp_path / "d"},
        writers=simulator.Writer.folder(ROOT / "examples" / "writers"),
        state=tmp_path / "state",
    ) as machine:
        if "BackupFolder(" in code:
            save_all(tmp_path / "backup", "C:\\", "D:\\")
        names = {"vsspy": vsspy, "shutil": shutil, "target": target, "save": save, "backup": tmp_path / "backup"}
        exec(compiled, names)  # noqa: S102
        assert machine.live() == []
        assert machine.shadow_copies == []


@pytest.mark.parametrize("guide", GUIDES)
def test_links_of_a_guide_lead_somewhere(guide: str) -> None:
    assert guide in (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#:]+)\)", (ROOT / "docs" / guide).read_text(encoding="utf-8")):
        assert (ROOT / "docs" / link).exists(), link


@pytest.mark.parametrize("module", [vsspy, simulator, simulator_writers, testing], ids=lambda module: module.__name__)
def test_every_public_name_has_help(module: Any) -> None:
    """What `help()` shows: a text of its own for each class, function, method and property."""
    bare = []
    for name in module.__all__:
        value = getattr(module, name)
        if callable(value) and not value.__doc__:
            bare.append(name)
        if not inspect.isclass(value) or issubclass(value, (BaseException, int)):
            continue
        for member, thing in vars(value).items():
            plain = thing.__func__ if isinstance(thing, (classmethod, staticmethod)) else thing
            shown = not member.startswith("_") and (inspect.isfunction(plain) or isinstance(plain, property))
            if shown and not plain.__doc__:
                bare.append(f"{name}.{member}")
    assert bare == []
