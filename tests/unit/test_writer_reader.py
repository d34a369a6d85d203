"""The reader of writers' metadata, against an IVssExamineWriterMetadata made in C."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from ctypes_platform import CODES, POINTER, S_FALSE, S_OK, ComObject, ComponentInfo, CtypesPlatform, put, put_guid

import vsspy
from vsspy import errors, simulator
from vsspy.enums import ComponentType

INSTANCE, WRITER, PROVIDER = (UUID(int=n * 0x1111_2222_3333_4444_5555) for n in range(1, 4))


class FakeWriter:
    """An IVssExamineWriterMetadata with one component of everything."""

    def __init__(self, platform: CtypesPlatform, interface: str) -> None:
        self.platform = platform
        give = platform.give_bstr

        def identity(instance: int, writer: int, name: int, *rest: int) -> int:
            put_guid(instance, uuid4())  # a stored document's, and of no use
            put_guid(writer, WRITER)
            *instance_name, usage, source = rest
            put(usage, ctypes.c_int, 1)
            put(source, ctypes.c_int, 2)
            for out in instance_name:
                give(out, "instance")
            return give(name, "A Writer")

        def counts(include: int, exclude: int, components: int) -> int:
            put(exclude, ctypes.c_uint32, 1)
            put(components, ctypes.c_uint32, 2)
            return S_OK

        def method(kind: int, service: int, procedure: int, restore: int, reboot: int, mappings: int) -> int:
            put(kind, ctypes.c_int, 3)
            put(restore, ctypes.c_int, 3)
            put(reboot, ctypes.c_bool, True)
            put(mappings, ctypes.c_uint32, 1)
            give(service, "a service")
            return give(procedure, None)

        def schema(out: int) -> int:
            put(out, ctypes.c_uint32, 0x12)
            return S_OK

        def version(major: int, minor: int) -> int:
            put(major, ctypes.c_uint32, 2)
            put(minor, ctypes.c_uint32, 7)
            return S_OK

        def one(out: int) -> int:
            put(out, ctypes.c_uint32, 1)
            return S_OK

        def files(kind: str) -> Callable[[int, int], int]:
            return lambda index, out: self.file_set(f"{kind}{index}").give(out)

        self.object = ComObject(
            platform,
            interface,
            {
                "GetIdentity": identity,
                "GetIdentityEx": identity,
                "GetFileCounts": counts,
                "GetExcludeFile": files("exclude"),
                "GetComponent": lambda index, out: self.component(index).give(out),
                "GetRestoreMethod": method,
                "GetAlternateLocationMapping": files("mapping"),
                "GetBackupSchema": schema,
                "SaveAsXML": lambda out: give(out, "<WRITER_METADATA/>"),
                "GetVersion": version,
                "GetExcludeFromSnapshotCount": one,
                "GetExcludeFromSnapshotFile": files("leave"),
            },
        )

    def file_set(self, path: str) -> ComObject:
        give = self.platform.give_bstr

        def recursive(out: int) -> int:
            put(out, ctypes.c_bool, path.endswith("1"))
            return S_OK

        def alternate(out: int) -> int:
            if path.startswith("mapping"):
                return give(out, "elsewhere")
            return S_FALSE

        def mask(out: int) -> int:
            put(out, ctypes.c_uint32, 0x101)
            return S_OK

        handlers = {
            "GetPath": lambda out: give(out, path),
            "GetFilespec": lambda out: give(out, "*.dat"),
            "GetRecursive": recursive,
            "GetAlternateLocation": alternate,
            "GetBackupTypeMask": mask,
        }
        return ComObject(self.platform, "IVssWMFiledesc", handlers)

    def component(self, index: int) -> ComObject:
        database = index == 1
        icon = ctypes.create_string_buffer(b"icon", 4)
        info = ComponentInfo(
            type=1 if database else 2,
            logical_path=self.platform.bstr("a\\b" if database else None),
            name=self.platform.bstr(f"component {index}"),
            caption=self.platform.bstr("" if database else None),
            icon=ctypes.addressof(icon) if database else None,
            icon_size=4 if database else 0,
            restore_metadata=database,
            selectable=True,
            selectable_for_restore=database,
            flags=1,
            files=0 if database else 2,
            databases=1 if database else 0,
            log_files=2 if database else 0,
            dependencies=1 if database else 0,
        )
        out_now: list[int] = []

        def take(out: int) -> int:
            out_now.append(ctypes.addressof(info))
            put(out, POINTER, ctypes.addressof(info))
            return S_OK

        def give_back(address: int) -> int:
            out_now.remove(address)
            assert icon.raw == b"icon"
            for text in (info.logical_path, info.name, info.caption):
                self.platform.free(text)
            return S_OK

        def dependency(_index: int, out: int) -> int:
            def writer(to: int) -> int:
                put_guid(to, PROVIDER)
                return S_OK

            handlers = {
                "GetWriterId": writer,
                "GetLogicalPath": lambda to: S_FALSE,
                "GetComponentName": lambda to: self.platform.give_bstr(to, "needed"),
            }
            return ComObject(self.platform, "IVssWMDependency", handlers).give(out)

        def gone() -> int:
            assert out_now == [], "FreeComponentInfo comes before the last Release"
            return 0

        def files(kind: str) -> Callable[[int, int], int]:
            return lambda number, out: self.file_set(f"{kind}{number}").give(out)

        handlers: dict[str, Callable[..., int]] = {
            "GetComponentInfo": take,
            "FreeComponentInfo": give_back,
            "GetFile": files("file"),
            "GetDatabaseFile": files("database"),
            "GetDatabaseLogFile": files("log"),
            "GetDependency": dependency,
            "last_release": gone,
        }
        return ComObject(self.platform, "IVssWMComponent", handlers)


def gather(platform: CtypesPlatform, session_interface: str, writer_interface: str) -> vsspy.WriterMetadata:
    platform.newest = session_interface

    def count(out: int) -> int:
        put(out, ctypes.c_uint32, 1)
        return S_OK

    def writer(index: int, instance: int, out: int) -> int:
        assert index == 0
        put_guid(instance, INSTANCE)
        return FakeWriter(platform, writer_interface).object.give(out)

    platform.backup["GetWriterMetadataCount"] = count
    extended = session_interface != "IVssBackupComponents"
    platform.backup["GetWriterMetadataEx" if extended else "GetWriterMetadata"] = writer
    with vsspy.BackupComponents(platform) as bc:  # type: ignore[arg-type]  # stands in for a machine
        (found,) = bc.writer_metadata
    platform.assert_clean()
    return found


def test_writer_metadata() -> None:
    found = gather(CtypesPlatform(), "IVssBackupComponentsEx4", "IVssExamineWriterMetadataEx2")
    assert (found.writer_id, found.instance_id, found.name) == (WRITER, INSTANCE, "A Writer")
    assert (found.instance_name, found.version) == ("instance", (2, 7))
    assert (int(found.usage), int(found.source), int(found.backup_schema)) == (1, 2, 0x12)
    assert [f.path for f in found.exclude_files] == ["exclude0"]
    assert [f.path for f in found.exclude_files_from_snapshot] == ["leave0"]
    method = found.restore_method
    assert method is not None
    assert (int(method.method), method.service, method.user_procedure) == (3, "a service", None)
    assert (int(method.writer_restore), method.reboot_required) == (3, True)
    assert [(f.path, f.alternate_path) for f in method.alternate_location_mappings] == [("mapping0", "elsewhere")]
    files, database = found.components
    assert (files.type, files.name, files.logical_path, files.caption) == (
        ComponentType.FILEGROUP,
        "component 0",
        None,
        None,
    )
    assert (files.icon, files.selectable, files.selectable_for_restore) == (b"", True, False)
    assert [(f.path, f.filespec, f.recursive, f.alternate_path, int(f.backup_type)) for f in files.files] == [
        ("file0", "*.dat", False, None, 0x101),
        ("file1", "*.dat", True, None, 0x101),
    ]
    assert (database.type, database.logical_path, database.icon) == (ComponentType.DATABASE, "a\\b", b"icon")
    assert (database.restore_metadata, int(database.flags)) == (True, 1)
    assert [f.path for f in database.database_files] == ["database0"]
    assert [f.path for f in database.database_log_files] == ["log0", "log1"]
    (needed,) = database.dependencies
    assert (needed.writer_id, needed.logical_path, needed.component_name) == (PROVIDER, None, "needed")


def test_writer_metadata_of_an_older_system() -> None:
    found = gather(CtypesPlatform(), "IVssBackupComponents", "IVssExamineWriterMetadata")
    assert (found.writer_id, found.instance_id, found.name) == (WRITER, INSTANCE, "A Writer")
    assert (found.instance_name, found.version) == (None, (0, 0))
    assert list(found.exclude_files_from_snapshot) == []
    assert len(found.components) == 2


@pytest.mark.parametrize(
    "method",
    [
        "GetIdentityEx",
        "GetFileCounts",
        "GetComponent",
        "GetRestoreMethod",
        "GetBackupSchema",
        "SaveAsXML",
        "GetVersion",
    ],
)
def test_metadata_that_cannot_be_read(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    platform = CtypesPlatform()
    original = ComObject._call

    def call(self: ComObject, name: str, arguments: tuple[Any, ...]) -> int:
        if self.interface.startswith("IVssExamine") and name == method:
            return CODES["VSS_E_INVALID_XML_DOCUMENT"]
        return original(self, name, arguments)

    monkeypatch.setattr(ComObject, "_call", call)
    with pytest.raises(errors.InvalidXmlDocumentError) as caught:
        gather(platform, "IVssBackupComponentsEx4", "IVssExamineWriterMetadataEx2")
    assert str(caught.value.operation).endswith(f"::{method}")
    platform.assert_clean()


def test_no_restore_method(monkeypatch: pytest.MonkeyPatch) -> None:
    original = ComObject._call
    monkeypatch.setattr(
        ComObject,
        "_call",
        lambda self, name, arguments: S_FALSE if name == "GetRestoreMethod" else original(self, name, arguments),
    )
    assert gather(CtypesPlatform(), "IVssBackupComponentsEx4", "IVssExamineWriterMetadataEx2").restore_method is None


def test_a_large_writer_is_read_whole() -> None:
    """As many file sets as the System Writer of a server has, in one call of ours."""
    files = [vsspy.FileSet(f"C:\\folder {number // 100}", f"file{number}", number % 2 == 0) for number in range(19_000)]
    writer = simulator.Writer("Large", components=[simulator.Component("all", files=files)])
    with simulator.running(volumes={}, writers=[writer]) as machine:
        with vsspy.BackupComponents() as bc:
            bc.initialize_for_backup()
            bc.gather_writer_metadata().wait(60)
            calls = len(machine.trace)
            (found,) = bc.writer_metadata
            assert len(machine.trace) - calls >= 6 * len(files), "each one through its own object"
        assert machine.live_objects == 0
    assert list(found.components[0].files) == files
    assert found == writer.metadata
