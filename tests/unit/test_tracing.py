"""`vsspy.trace` and `simulator.record`: one format from both sides of the calls, and nothing added to them."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from support import backup_in, server, wait, writer

import vsspy
from vsspy import simulator


def read(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The header and the other lines of a trace."""
    header, *lines = (json.loads(line) for line in path.read_text(encoding="ascii").splitlines())
    return header, lines


def calls(lines: list[dict[str, Any]]) -> list[tuple[str, str, dict[str, str]]]:
    """Name, HRESULT and arguments of each call, in the order in which they began."""
    made = sorted((line for line in lines if line["kind"] == "call"), key=lambda line: line["number"])
    return [(line["name"], line["hresult"], line.get("arguments", {})) for line in made]


def converse(components: vsspy.BackupComponents) -> None:
    """A backup with a bit of everything, and failures."""
    components.initialize_for_backup()
    components.set_context(vsspy.SnapshotContext.BACKUP)
    components.disable_writer_classes([])
    components.set_backup_state(True, False, vsspy.BackupType.FULL, True)
    wait(components.gather_writer_metadata())
    writers = components.writer_metadata
    components.start_snapshot_set()
    with pytest.raises(vsspy.ObjectNotFoundError):
        components.add_to_snapshot_set("Z:\\")
    shadow = components.add_to_snapshot_set("C:\\")
    for each in writers:
        kind, path, name = each.components[0].type, each.components[0].logical_path, each.components[0].name
        components.add_component(each.instance_id, each.writer_id, kind, path, name)
        components.set_backup_options(each.writer_id, kind, path, name, "options")
        components.set_previous_backup_stamp(each.writer_id, kind, path, name, "stamp")
    wait(components.prepare_for_backup())
    wait(components.gather_writer_status())
    assert len(components.writer_status) == 2
    components.free_writer_status()
    wait(components.do_snapshot_set())
    components.get_snapshot_properties(shadow)
    with components.query() as found:
        assert len(list(found)) == 1
    for view in components.writer_components:
        assert view.writer_id in {each.writer_id for each in writers}
        component = view.components[0]
        assert component.name == "data"
        assert component.backup_options == "options"
        assert component.partial_files == ()
        assert component.alternate_location_mappings == ()
        with pytest.raises(vsspy.BadStateError):
            component.set_backup_metadata("data")
    for each in writers:
        first = each.components[0]
        components.set_backup_succeeded(
            each.instance_id, each.writer_id, first.type, first.logical_path, first.name, True
        )
    wait(components.backup_complete())
    assert "BACKUP_COMPONENTS" in components.save_as_xml()
    components.delete_snapshots(shadow, vsspy.ObjectType.SNAPSHOT, force_delete=True)
    with pytest.raises(vsspy.BadStateError):
        components.set_context(vsspy.SnapshotContext.BACKUP)


def test_both_sides_tell_the_same(tmp_path: Path) -> None:
    """Every call that the service sees is in the requester's trace, with the same arguments and HRESULT."""
    with (
        server(tmp_path) as machine,
        simulator.record(tmp_path / "service"),
        vsspy.trace(tmp_path / "requester") as file,
    ):
        assert file == tmp_path / "requester"
        with vsspy.BackupComponents() as components:
            converse(components)
        vsspy.is_volume_snapshotted("C:\\")
        vsspy.should_block_revert("C:\\")
        with vsspy.SnapshotManagement() as management:
            assert management.get_min_diff_area_size()
            with management.get_provider_mgmt_interface() as differential:
                with differential.query_volumes_supported_for_diff_areas("C:\\") as volumes:
                    assert len(list(volumes)) == 1
                with pytest.raises(vsspy.VssError):
                    differential.add_diff_area("C:\\", "Z:\\", 1 << 40)
    header, lines = read(tmp_path / "requester")
    service_header, service_lines = read(tmp_path / "service")
    assert calls(lines) == calls(service_lines)
    assert calls(lines) == [
        (entry.name, f"0x{entry.hresult:08X}", entry.arguments) for entry in machine.trace if entry.kind == "call"
    ]
    assert (header["format"], header["version"]) == (service_header["format"], service_header["version"])
    assert (header["side"], service_header["side"]) == ("requester", "service")
    assert header["machine"]["volumes"] == service_header["machine"]["volumes"] == dict(machine.volume_paths)
    assert header["machine"]["level"] == service_header["machine"]["level"] == "8"
    assert {line["name"] for line in service_lines if line["kind"] == "event"} >= {"One Writer::Freeze"}


def test_results_and_outcomes(tmp_path: Path) -> None:
    with (
        server(tmp_path),
        simulator.record(tmp_path / "service"),
        vsspy.trace(tmp_path / "requester"),
        vsspy.BackupComponents() as components,
    ):
        converse(components)
    _, lines = read(tmp_path / "requester")
    _, service_lines = read(tmp_path / "service")
    for side in (lines, service_lines):
        numbers = {line["number"]: line["name"] for line in side if line["kind"] == "call"}
        results = [line for line in side if line["kind"] == "result"]
        assert [line["name"].rpartition("::")[2] for line in results] == [
            "GatherWriterMetadata",
            "PrepareForBackup",
            "GatherWriterStatus",
            "DoSnapshotSet",
            "BackupComplete",
        ]
        assert all(numbers[line["of"]] == line["name"] and line["hresult"] == "0x0004230A" for line in results)
        assert all(line["start"] <= line["end"] for line in side if "start" in line)
    outcomes = [line["outcome"] for line in lines if line["kind"] == "outcome"]
    assert outcomes == [line["outcome"] for line in service_lines if line["kind"] == "outcome"]
    assert {name for outcome in outcomes for name in outcome} == {
        "writer_metadata",
        "writer_status",
        "snapshot_set_id",
        "snapshot_id",
        "snapshot",
        "backup_components",
    }


def test_sessions_and_threads_are_told_apart(tmp_path: Path) -> None:
    def one() -> None:
        with vsspy.BackupComponents() as components:
            components.initialize_for_backup()
            wait(components.gather_writer_metadata())
            assert len(components.writer_metadata) == 2

    with server(tmp_path), vsspy.trace(tmp_path / "trace"):
        threads = [threading.Thread(target=one) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    _, lines = read(tmp_path / "trace")
    by_session: dict[str, set[int]] = {}
    for line in lines:
        if line["kind"] == "call":
            by_session.setdefault(line["session"], set()).add(line["thread"])
    assert len(by_session) == 4
    assert all(len(found) == 1 for found in by_session.values())
    assert len(set.union(*by_session.values())) == 4
    numbers = [line["number"] for line in lines if "number" in line]
    assert len(numbers) == len(set(numbers))


def test_nested_traces(tmp_path: Path) -> None:
    """Each has what was called while it was on; what began before it is not in it, nor what came of that."""
    with server(tmp_path), vsspy.trace(tmp_path / "outer"), vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        operation = components.gather_writer_metadata()
        with vsspy.trace(tmp_path / "inner"):
            wait(operation)
        components.free_writer_metadata()
    outer, inner = (read(tmp_path / name)[1] for name in ("outer", "inner"))
    assert [line for line in outer if line in inner] == inner
    assert {line["name"] for line in inner} <= {"IVssAsync::Wait", "IVssAsync::QueryStatus"}
    assert [line["kind"] for line in outer].count("result") == 1


def test_off_again(tmp_path: Path) -> None:
    with server(tmp_path):
        with vsspy.trace(tmp_path / "trace"):
            vsspy.is_volume_snapshotted("C:\\")
        size = (tmp_path / "trace").stat().st_size
        vsspy.is_volume_snapshotted("C:\\")
        assert (tmp_path / "trace").stat().st_size == size
        with vsspy.trace(tmp_path / "trace"):
            pass
        assert len((tmp_path / "trace").read_text(encoding="ascii").splitlines()) == 1


def test_each_line_is_there_at_once(tmp_path: Path) -> None:
    with server(tmp_path), vsspy.trace(tmp_path / "trace") as path, simulator.record(tmp_path / "service"):
        for number in range(1, 4):
            vsspy.is_volume_snapshotted("C:\\")
            for file in (path, tmp_path / "service"):
                assert len(file.read_text(encoding="ascii").splitlines()) == 1 + number


def test_texts_of_any_kind(tmp_path: Path) -> None:
    """Quotes, control characters, other alphabets, characters beyond the first plane and lone surrogates survive."""
    name = 'C:\\a"b\\\n\x01\u00e9\u4e2d\U0001f600\ud800\\'
    with server(tmp_path), vsspy.trace(tmp_path / "trace"), pytest.raises(vsspy.VssError):
        vsspy.is_volume_snapshotted(name)
    (call,) = read(tmp_path / "trace")[1]
    assert call["arguments"] == {"pwszVolumeName": name}


def test_without_a_backend(tmp_path: Path) -> None:
    """A machine that is named for the call is traced, too."""
    if sys.platform == "win32":
        pytest.skip("there the system's VSS is the backend")
    with server(tmp_path) as machine:
        pass
    with vsspy.trace(tmp_path / "trace"), simulator.running(volumes={"C:\\": tmp_path / "C"}, state=tmp_path / "state"):
        vsspy.is_volume_snapshotted("C:\\")
    header, (call,) = read(tmp_path / "trace")
    assert machine.closed
    assert "machine" not in header
    assert call["name"] == "IsVolumeSnapshotted"


@pytest.mark.parametrize("start", [vsspy.trace, simulator.record])
def test_cannot_be_written(tmp_path: Path, start: Any) -> None:
    with server(tmp_path), pytest.raises(vsspy.VssError, match="missing"), start(tmp_path / "missing" / "trace"):
        pass


def test_no_machine(tmp_path: Path) -> None:
    with pytest.raises(vsspy.BadStateError), simulator.record(tmp_path / "trace"):
        pass


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full is Linux's")
@pytest.mark.parametrize("start", [vsspy.trace, simulator.record])
def test_disk_full(tmp_path: Path, start: Any) -> None:
    """The backup does not suffer; whoever asked for the trace is warned."""
    with server(tmp_path), pytest.warns(vsspy.TraceWarning, match="to its end"), start("/dev/full"):
        vsspy.is_volume_snapshotted("C:\\")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fork_writes_nothing(tmp_path: Path) -> None:
    with server(tmp_path) as machine, vsspy.trace(tmp_path / "trace"):
        vsspy.is_volume_snapshotted("C:\\")
        child = os.fork()
        if child == 0:
            with vsspy.trace(tmp_path / "child"):
                pass
            os._exit(0 if machine.closed else 1)
        assert os.waitpid(child, 0)[1] == 0
        vsspy.is_volume_snapshotted("C:\\")
    assert [line["name"] for line in read(tmp_path / "trace")[1]] == ["IsVolumeSnapshotted"] * 2
    assert read(tmp_path / "child")[1] == []


def test_record_keeps_an_event_s_note(tmp_path: Path) -> None:
    def veto(event: simulator.WriterEvent) -> None:
        raise simulator.WriterVeto("VSS_E_WRITERERROR_TIMEOUT", "words")

    with (
        backup_in("new", tmp_path, writers=[writer(on_freeze=veto)]) as (_, backup),
        simulator.record(tmp_path / "trace"),
    ):
        backup.to_done()
    (freeze,) = [line for line in read(tmp_path / "trace")[1] if line["name"] == "One Writer::Freeze"]
    assert (freeze["hresult"], freeze["writer"]) == ("0x800423F2", "One Writer")
    assert "WriterVeto" in freeze["note"]
