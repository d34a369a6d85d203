"""`vsspy revert`: a volume is set back, a writer may object, and what cannot be done is one line."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path
from uuid import UUID

import pytest
from cli_support import ROOT, Runner, make_runner, make_server
from json_schema import check_json

from vsspy import simulator
from vsspy.administration import administration
from vsspy.metadata import WriterMetadata

UNKNOWN = "0badc0de-0000-0000-0000-000000000000"
DOCUMENT = ROOT / "examples" / "writers" / "shop_database.xml"


@pytest.fixture
def vsspy(capsys: pytest.CaptureFixture[str]) -> Runner:
    return make_runner(capsys)


def create(vsspy: Runner, *options: str) -> str:
    done = vsspy("create", "C:\\", "--persistent", "--no-writers", *options, "--json")
    return str(check_json("create", done.output)["shadow_copies"][0]["id"])


@pytest.mark.parametrize("wait", [True, False])
def test_a_volume_is_set_back(vsspy: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait: bool) -> None:
    """A simulated machine is switched off with the command, so it is waited for there in any case."""
    server = make_server(tmp_path, monkeypatch)
    copy = create(vsspy)
    (server["C"] / "file").write_text("later", encoding="ascii")
    (server["C"] / "more").write_text("later", encoding="ascii")
    done = vsspy("revert", copy, "--yes", "--json", *(["--wait"] if wait else []))
    assert done.code == 0 and done.error == ""
    assert check_json("revert", done.output) == {"id": copy, "volume": "C:\\", "done": True, "failure": None}
    assert (server["C"] / "file").read_text(encoding="ascii") == "C"
    assert not (server["C"] / "more").exists()
    assert vsspy("revert", copy, "--yes", "--wait").output.startswith("C:\\ is set back to 20")


def test_a_writer_objects(vsspy: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = WriterMetadata.from_xml(DOCUMENT.read_bytes())
    server = make_server(
        tmp_path,
        monkeypatch,
        writers=[simulator.Writer.from_xml(DOCUMENT)],
        writers_blocking_revert=[writer.writer_id],
    )
    copy = create(vsspy)
    (server["C"] / "file").write_text("later", encoding="ascii")
    done = vsspy("revert", copy, "--yes", "--wait")
    assert done.code == 2 and "a writer objects to setting C:\\ back" in done.error and writer.name in done.error
    assert (server["C"] / "file").read_text(encoding="ascii") == "later"


def test_it_fails_on_the_way(vsspy: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_server(
        tmp_path,
        monkeypatch,
        faults=[simulator.Fault("IVssBackupComponents::QueryRevertStatus", "E_OUTOFMEMORY", at="call")],
    )
    copy = create(vsspy)
    done = vsspy("revert", copy, "--yes", "--wait", "--json")
    facts = check_json("revert", done.output)
    assert done.code == 1 and not facts["done"] and "E_OUTOFMEMORY" in facts["failure"]
    assert "setting C:\\ back failed" in done.error


@pytest.mark.parametrize(
    ("fault", "arguments", "words"),
    [
        (None, ["x"], ("x is no id",)),
        (None, [UNKNOWN, "--yes"], ("there is no shadow copy",)),
        (None, ["ID"], ("Set C:\\ back to 20", "What was written since is lost", "--yes")),
        ("VSS_E_VOLUME_IN_USE", ["ID", "--yes"], ("--force-dismount",)),
        ("VSS_E_REVERT_IN_PROGRESS", ["ID", "--yes"], ("VSS_E_REVERT_IN_PROGRESS",)),
    ],
    ids=str,
)
def test_one_line_and_nothing_done(
    vsspy: Runner,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fault: str | None,
    arguments: list[str],
    words: tuple[str, ...],
) -> None:
    faults = [simulator.Fault("IVssBackupComponents::RevertToSnapshot", fault)] if fault else []
    server = make_server(tmp_path, monkeypatch, faults=faults)
    copy = create(vsspy)
    (server["C"] / "file").write_text("later", encoding="ascii")
    done = vsspy("revert", *[copy if word == "ID" else word for word in arguments])
    assert done.code == 2 and done.output == "" and done.error.count("\n") == 1, done
    for word in words:
        assert word in done.error
    assert (server["C"] / "file").read_text(encoding="ascii") == "later"


def test_reverts_are_listed(vsspy: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_server(tmp_path, monkeypatch)
    copy = create(vsspy)
    assert vsspy("list", "reverts").output == "There are no reverts under way.\n"
    with simulator.opened(tmp_path / "server") as machine:
        monkeypatch.setattr(simulator, "opened", lambda folder: contextlib.nullcontext(machine))
        machine.add_fault(simulator.Fault("IVssBackupComponents::RevertToSnapshot", delay=math.inf))
        with administration() as components:
            components.revert_to_snapshot(UUID(copy))
        (found,) = check_json("list-reverts", vsspy("list", "reverts", "--json").output)["reverts"]
        assert found == {"volume": "C:\\", "volume_path": machine.volume_paths["C:\\"]}
        assert "C:\\" in vsspy("list", "reverts").output
