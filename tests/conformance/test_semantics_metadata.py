"""What semantics 14 says of writers' metadata: counts and indices, restore methods, infos, dependencies, defaults."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support import METHODS, S_OK, TWO_ID, Guid, RawObject, RawPlatform, code, server, wait, writer

import vsspy
from vsspy import simulator
from vsspy.enums import ComponentType, RestoreMethod, WriterRestore
from vsspy.metadata import RestoreMethodInfo

S_FALSE = 1
FINISHED = code("VSS_S_ASYNC_FINISHED")
NOT_FOUND = code("VSS_E_OBJECT_NOT_FOUND")
INITIALIZE = METHODS["IVssBackupComponents"]["InitializeForBackup"]["vtable_index"]


@contextmanager
def metadata_of(folder: Path, *writers: simulator.Writer) -> Iterator[list[RawObject]]:
    """Writers' IVssExamineWriterMetadata, as a foreign requester has them."""
    with server(folder, writers=writers) as machine, RawPlatform(machine).backup_components() as raw:
        assert raw.slot(INITIALIZE, ctypes.c_void_p()) == S_OK
        assert raw.finish("GatherWriterMetadata") == FINISHED
        found = []
        for index in range(len(writers)):
            out = ctypes.c_void_p()
            assert raw.call("GetWriterMetadata", index, Guid(), out) == S_OK
            found.append(RawObject("IVssExamineWriterMetadata", out.value or 0))
        out = ctypes.c_void_p()
        assert raw.call("GetWriterMetadata", len(writers), Guid(), out) == NOT_FOUND, "no writer at that index"
        try:
            yield found
        finally:
            for each in found:
                each.slot(2)


def taken(of: RawObject, method: str, index: int, interface: str) -> RawObject:
    out = ctypes.c_void_p()
    assert of.call(method, index, out) == S_OK
    return RawObject(interface, out.value or 0)


def test_counts_and_indices(tmp_path: Path) -> None:
    files = [simulator.FileSet("C:\\data", "*"), simulator.FileSet("C:\\more", "*")]
    described = simulator.Writer(
        "Described",
        components=[
            simulator.Component("group", files=files),
            simulator.Component(
                "base", type=ComponentType.DATABASE, database_files=files, database_log_files=files[:1]
            ),
        ],
        exclude_files=files,
    )
    with metadata_of(tmp_path, described) as (raw,):
        counts = [ctypes.c_uint32(7) for _ in range(3)]
        assert raw.call("GetFileCounts", *counts) == S_OK
        assert [each.value for each in counts] == [0, 2, 2], "none is included by the writer as a whole"
        out = ctypes.c_void_p()
        for method, count in (("GetExcludeFile", 2), ("GetComponent", 2), ("GetAlternateLocationMapping", 0)):
            assert raw.call(method, count, out) == NOT_FOUND, method
        for index, good in enumerate(({"GetFile"}, {"GetDatabaseFile", "GetDatabaseLogFile"})):
            with taken(raw, "GetComponent", index, "IVssWMComponent") as part:
                for method in ("GetFile", "GetDatabaseFile", "GetDatabaseLogFile"):
                    if method in good:
                        with taken(part, method, 0, "IVssWMFiledesc"):
                            pass
                        assert part.call(method, 2, out) == NOT_FOUND, method
                    else:
                        assert part.call(method, 0, out) == NOT_FOUND, method
                assert part.call("GetDependency", 0, out) == NOT_FOUND


def test_a_restore_method_that_nobody_declared(tmp_path: Path) -> None:
    """S_FALSE, and the outputs are as they were; where there is one it is told."""
    info = RestoreMethodInfo(RestoreMethod.RESTORE_AT_REBOOT, None, None, WriterRestore.ALWAYS, True, ())
    writers = [simulator.Writer("Without"), simulator.Writer("With", restore_method=info)]
    with metadata_of(tmp_path, *writers) as (without, declared):
        method, restores = ctypes.c_int32(-7), ctypes.c_int32(-7)
        service, procedure = ctypes.c_void_p(), ctypes.c_void_p()
        reboot, mappings = ctypes.c_uint8(7), ctypes.c_uint32(7)
        outputs = (method, service, procedure, restores, reboot, mappings)
        assert without.call("GetRestoreMethod", *outputs) == S_FALSE
        assert (method.value, restores.value, reboot.value) == (-7, -7, 7)
        assert declared.call("GetRestoreMethod", *outputs) == S_OK
        assert (method.value, restores.value, reboot.value, mappings.value) == (5, 3, 1, 0)
        assert not service.value
        assert not procedure.value


def test_component_info_outlives_nothing(tmp_path: Path) -> None:
    """It belongs to the component's object, by whose method it is given back (the machine's end looks)."""
    with metadata_of(tmp_path, writer()) as (raw,), taken(raw, "GetComponent", 0, "IVssWMComponent") as part:
        info = ctypes.c_void_p()
        assert part.call("GetComponentInfo", info) == S_OK
        held = RawObject("IVssWMComponent", part.address)
        free = METHODS["IVssWMComponent"]["FreeComponentInfo"]["vtable_index"]
        assert held.slot(free, ctypes.c_void_p(info.value)) == S_OK


def test_dependencies(tmp_path: Path) -> None:
    """A writer, a path and a component of it; a remote one is told by its path (rule R6)."""
    wanted = [vsspy.Dependency(TWO_ID, None, "one"), vsspy.Dependency(TWO_ID, "\\\\machine\\path", "two")]
    one = simulator.Writer("One", components=[simulator.Component("data", dependencies=wanted)])
    with server(tmp_path, writers=[one]), vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        wait(components.gather_writer_metadata())
        assert list(components.writer_metadata[0].components[0].dependencies) == wanted


def test_defaults_of_a_component(tmp_path: Path) -> None:
    """What a writer leaves out (semantics 8.4, 9.5): not selectable for restore, and every backup wants the file set."""
    text = writer().metadata.to_xml()
    shorter = text.replace(' selectableForRestore="no"', "").replace(' filespecBackupType="3855"', "")
    assert len(shorter) < len(text)
    read = vsspy.WriterMetadata.from_xml(shorter).components[0]
    assert not read.selectable_for_restore
    assert int(read.files[0].backup_type) == 0xF0F
