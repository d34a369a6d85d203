"""IVssWriterComponentsExt and IVssComponent made in C, without type information, as a foreign service would have them."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from ctypes_platform import (
    CODES,
    HRESULT,
    POINTER,
    S_FALSE,
    S_OK,
    ComObject,
    CtypesPlatform,
    FileTime,
    _signed,
    _slots,
    put,
    put_guid,
)

import vsspy
from vsspy.enums import ComponentType, FileRestoreStatus, RestoreTarget, RollForwardType

INSTANCE, WRITER = (UUID(int=n * 0x1111_2222_3333_4444_5555) for n in (5, 6))
UINT = ctypes.c_uint32


class TwoTables(ComObject):
    """IVssWriterComponentsExt has two bases: IVssWriterComponents, without IUnknown, and then IUnknown. So it begins with
    two table pointers, and its reference is counted through the second one, whose `this` lies behind the first."""

    def __init__(self, platform: CtypesPlatform, handlers: dict[str, Callable[..., int]]) -> None:
        self.platform = platform
        self.interface = "IVssWriterComponentsExt"
        self.handlers = handlers
        self.references = 1
        self.iids = set()
        self.wrong_this: list[str] = []
        own = _slots("IVssWriterComponents")
        unknown = _slots("IVssComponent")
        self._functions = [self._method(0, *own[slot]) for slot in range(3)]
        self._functions += [self._method(1, *unknown[slot]) for slot in range(3)]
        addresses = [ctypes.cast(function, POINTER).value for function in self._functions]
        self._tables = [(POINTER * 3)(*addresses[:3]), (POINTER * 3)(*addresses[3:])]
        self._pointers = (POINTER * 2)(*(ctypes.addressof(table) for table in self._tables))
        self.address = ctypes.addressof(self._pointers)
        platform.objects[self.address] = self

    def _method(self, base: int, name: str, parameters: list[Any]) -> Any:
        expected = base * ctypes.sizeof(POINTER)
        result = UINT if name in ("AddRef", "Release") else HRESULT

        def function(this: int, *arguments: Any) -> int:
            if this != self.address + expected:
                self.wrong_this.append(name)
            if name in ("AddRef", "Release"):
                return self._count(name, 1 if name == "AddRef" else -1)
            if name == "QueryInterface":
                return _signed(self._query(*arguments))
            return _signed(self._call(name, arguments))

        return ctypes.CFUNCTYPE(result, POINTER, *parameters)(function)


class ForeignDocument:
    """A document with one writer, whose components are made from a table of what each method gives.

    A text or number is an out-parameter, None is S_FALSE, a tuple is several out-parameters; a list is the items behind a
    count; a number of an error is refused.
    """

    def __init__(self, platform: CtypesPlatform, *components: dict[str, Any], newest: str = "IVssComponentEx2") -> None:
        self.platform = platform
        self.components = components
        self.newest = newest
        self.received: list[tuple[Any, ...]] = []
        self.made: list[TwoTables] = []
        platform.backup["GetWriterComponentsCount"] = lambda out: self._put(out, 1)
        platform.backup["GetWriterComponents"] = lambda _index, out: self._writer().give(out)

    def _put(self, out: int, value: int, kind: Any = UINT) -> int:
        put(out, kind, value)
        return S_OK

    def _writer(self) -> TwoTables:
        def info(instance: int, writer: int) -> int:
            put_guid(instance, INSTANCE)
            put_guid(writer, WRITER)
            return S_OK

        made = TwoTables(
            self.platform,
            {
                "GetComponentCount": lambda out: self._put(out, len(self.components)),
                "GetWriterInfo": info,
                "GetComponent": lambda index, out: self._component(self.components[index]).give(out),
            },
        )
        self.made.append(made)
        return made

    def _component(self, values: dict[str, Any]) -> ComObject:
        handlers: dict[str, Callable[..., int]] = {}
        for name, value in values.items():
            if isinstance(value, list):
                singular, counter = name.split("/")
                handlers[counter] = lambda out, items=value: self._put(out, len(items))
                handlers[singular] = lambda index, *out, items=value: self._give(items[index], out)
            elif name.startswith(("Get", "Is")):
                handlers[name] = lambda *out, value=value: self._give(value, out)
            else:
                handlers[name] = lambda *arguments, name=name, code=value: self._receive(name, arguments, code)
        return ComObject(self.platform, self.newest, handlers)

    def _receive(self, name: str, arguments: tuple[Any, ...], code: int) -> int:
        self.received.append((name, *arguments))
        return code

    def _give(self, value: Any, out: Sequence[int]) -> int:
        if isinstance(value, Refusal):
            return value.code
        if value is None:
            return S_FALSE
        if isinstance(value, Files):
            return self._file_set(value).give(out[0])
        for address, each in zip(out, value if isinstance(value, tuple) else (value,), strict=True):
            if isinstance(each, str) or each is None:
                self.platform.give_bstr(address, each)
            elif isinstance(each, bool):
                put(address, ctypes.c_bool, each)
            elif isinstance(each, FileTime):
                ctypes.memmove(address, ctypes.addressof(each), ctypes.sizeof(each))
            else:
                put(address, ctypes.c_int32, _signed(each))
        return S_OK

    def _file_set(self, files: Files) -> ComObject:
        give = self.platform.give_bstr

        def boolean(out: int) -> int:
            put(out, ctypes.c_bool, files.recursive)
            return S_OK

        handlers: dict[str, Callable[..., int]] = {
            "GetPath": lambda out: give(out, files.path),
            "GetFilespec": lambda out: give(out, "*.dat"),
            "GetRecursive": boolean,
            "GetAlternateLocation": lambda out: give(out, files.alternate_path),
            "GetBackupTypeMask": lambda out: self._put(out, 0xF0F),
        }
        return ComObject(self.platform, "IVssWMFiledesc", handlers)


class Files:
    """What one IVssWMFiledesc says."""

    def __init__(self, path: str, recursive: bool, alternate_path: str | None) -> None:
        self.path, self.recursive, self.alternate_path = path, recursive, alternate_path


class Refusal:
    """A failing HRESULT."""

    def __init__(self, name: str) -> None:
        self.code = CODES[name]


KEY: dict[str, Any] = {"GetLogicalPath": "a\\b", "GetComponentType": 2, "GetComponentName": "name"}
TIME = datetime(2020, 2, 3, 4, 5, 6, 789012, tzinfo=UTC)
TICKS = 132251763067890127  # the same with 100 ns more than a datetime has


def filetime(ticks: int) -> FileTime:
    return FileTime(low=ticks & 0xFFFFFFFF, high=ticks >> 32)


FULL: dict[str, Any] = KEY | {
    "GetBackupSucceeded": True,
    "GetBackupMetadata": "metadata",
    "GetBackupStamp": "stamp",
    "GetPreviousBackupStamp": "before",
    "GetBackupOptions": "options",
    "IsSelectedForRestore": True,
    "GetAdditionalRestores": False,
    "GetRestoreMetadata": "restored",
    "GetRestoreTarget": 3,
    "GetPreRestoreFailureMsg": "pre",
    "GetPostRestoreFailureMsg": "post",
    "GetRestoreOptions": "",
    "GetFileRestoreStatus": 2,
    "GetPrepareForBackupFailureMsg": "prepare",
    "GetPostSnapshotFailureMsg": "snapshot \ud800",
    "GetAuthoritativeRestore": True,
    "GetRollForward": (3, "point"),
    "GetRestoreName": "new name",
    "GetFailure": (CODES["VSS_E_WRITERERROR_TIMEOUT"], 0x80070020, "sharing", 0),
    "GetPartialFile/GetPartialFileCount": [("p", "f", "0:1, 5:2", ""), ("q", "g", "x", "m")],
    "GetDifferencedFile/GetDifferencedFilesCount": [
        ("p", "*", 1, None, filetime(TICKS)),
        ("q", "*.x", 0, "lsn", filetime(0)),
        ("r", "*", 0, None, filetime(2**64 - 1)),
    ],
    "GetDirectedTarget/GetDirectedTargetCount": [("a", "b", "0:1", "c", "d", "2:1")],
    "GetRestoreSubcomponent/GetRestoreSubcomponentCount": [(None, "whole", False), ("path", "part", True)],
    "GetAlternateLocationMapping/GetAlternateLocationMappingCount": [Files("C:\\x", True, "D:\\x")],
    "GetNewTarget/GetNewTargetCount": [Files("C:\\y", False, "E:\\y"), Files("C:\\z", False, None)],
}
EXPECTED: dict[str, Any] = {
    "logical_path": "a\\b",
    "type": ComponentType.FILEGROUP,
    "name": "name",
    "backup_succeeded": True,
    "backup_metadata": "metadata",
    "backup_stamp": "stamp",
    "previous_backup_stamp": "before",
    "backup_options": "options",
    "selected_for_restore": True,
    "additional_restores": False,
    "restore_metadata": "restored",
    "restore_target": RestoreTarget.DIRECTED,
    "pre_restore_failure_message": "pre",
    "post_restore_failure_message": "post",
    "restore_options": "",
    "file_restore_status": FileRestoreStatus.ALL,
    "prepare_for_backup_failure_message": "prepare",
    "post_snapshot_failure_message": "snapshot \ud800",
    "authoritative_restore": True,
    "roll_forward": vsspy.RollForward(RollForwardType.PARTIAL, "point"),
    "restore_name": "new name",
    "failure": vsspy.ComponentFailure(
        vsspy.HResult(CODES["VSS_E_WRITERERROR_TIMEOUT"]),
        "VSS_E_WRITERERROR_TIMEOUT",
        vsspy.HResult(0x80070020),
        "sharing",
    ),
    "partial_files": (vsspy.PartialFile("p", "f", "0:1, 5:2", ""), vsspy.PartialFile("q", "g", "x", "m")),
    "differenced_files": (
        vsspy.DifferencedFile("p", "*", True, None, TIME, TICKS),
        vsspy.DifferencedFile("q", "*.x", False, "lsn", None, 0),
        vsspy.DifferencedFile("r", "*", False, None, None, 2**64 - 1),  # beyond the year 9999
    ),
    "directed_targets": (vsspy.DirectedTarget("a", "b", "0:1", "c", "d", "2:1"),),
    "restore_subcomponents": (
        vsspy.RestoreSubcomponent(None, "whole", False),
        vsspy.RestoreSubcomponent("path", "part", True),
    ),
    "alternate_location_mappings": (vsspy.FileSet("C:\\x", "*.dat", True, "D:\\x"),),
    "new_targets": (vsspy.FileSet("C:\\y", "*.dat", False, "E:\\y"), vsspy.FileSet("C:\\z", "*.dat")),
}


@contextmanager
def opened(
    *components: dict[str, Any], **options: Any
) -> Iterator[tuple[CtypesPlatform, ForeignDocument, vsspy.BackupComponents]]:
    """A session over such a document; everything has to be given back when it is closed, whoever holds views still."""
    platform = CtypesPlatform()
    document = ForeignDocument(platform, *components, **options)
    with vsspy.BackupComponents(platform) as bc:  # type: ignore[arg-type]  # stands in for a machine
        yield platform, document, bc
    platform.assert_clean()
    assert [name for writer in document.made for name in writer.wrong_this] == []


def the_component(bc: vsspy.BackupComponents) -> vsspy.DocumentComponent:
    ((component,),) = (writer.components for writer in bc.writer_components)
    return component
