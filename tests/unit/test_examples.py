"""The example programs run as they stand; `tools/check.py types` has mypy judge them as a user's programs."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from vsspy import simulator

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[simulator.Machine]:
    with simulator.running(
        volumes={"C:\\": EXAMPLES / "server"},
        writers=simulator.Writer.folder(EXAMPLES / "writers"),
        state=tmp_path / "state",
    ) as machine:
        yield machine
    assert machine.live() == []
    assert machine.shadow_copies == []


def test_inventory(machine: simulator.Machine, capsys: pytest.CaptureFixture[str]) -> None:
    assert load("inventory").main() == 0
    said = capsys.readouterr().out
    assert "provider " in said
    assert "writer Shop Database Writer: " in said
    assert "storage for C:\\: 0" in said
    assert machine.notes == []


def test_copy_shop(machine: simulator.Machine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "target"
    target.mkdir()
    assert load("copy_shop").main(str(target)) == 0
    saved = [path.name.partition("-")[2] for path in target.iterdir()]
    assert "shop.db" in saved
    assert "Shop Database Writer STABLE" in capsys.readouterr().out
    assert machine.notes == []


def test_a_refusal_is_said_with_a_remedy(machine: simulator.Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.add_fault(simulator.Fault("IVssBackupComponents::GatherWriterMetadata", "VSS_E_WRITER_INFRASTRUCTURE"))
    assert load("inventory").main() == 1
    assert "COM+ Event System" in capsys.readouterr().out
