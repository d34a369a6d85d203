"""IVssWriterComponentsExt and IVssComponent to Ex2 as a foreign requester has them: raw calls, NULL pointers included."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from restores import component, components_document
from support import (
    BAD_STATE,
    E_INVALIDARG,
    METHODS,
    ONE_ID,
    ONE_INSTANCE,
    S_OK,
    TWO_INSTANCE,
    Guid,
    RawObject,
    RawPlatform,
    code,
    server,
)

from vsspy import simulator

S_FALSE = 1
NOT_FOUND = code("VSS_E_OBJECT_NOT_FOUND")
VIEWS = ("IVssComponent", "IVssComponentEx", "IVssComponentEx2")
COMPONENT = {name: (view, method) for view in VIEWS for name, method in METHODS[view].items()}
GETTERS = [name for name in COMPONENT if name.startswith(("Get", "Is"))]
INDEXED = [name for name in GETTERS if COMPONENT[name][1]["params"][0]["type"] == "UINT"]
SETTERS = [name for name in COMPONENT if name not in GETTERS]
RESERVED = "AddDifferencedFilesByLastModifyLSN"

ATTRIBUTES = (
    ' logicalPath="path" backupStamp="stamp" backupSucceeded="yes" backupOptions="backup" previousBackupStamp="before" '
    'selectedForRestore="yes" restoreOptions="restore" additionalRestores="yes" restoreTarget="alternate" '
    'fileRestoreStatus="failed" prepareForBackupFailureMsg="one" postSnapshotFailureMsg="two" '
    'preRestoreFailureMsg="three" postRestoreFailureMsg="four" authoritativeRestore="yes" rollForwardType="partial" '
    'rollForwardPoint="noon" restoreName="new" failure="0x800423f3" applicationFailure="0x80070005" '
    'applicationMessage="sorry"'
)
CHILDREN = (
    '<BACKUP_METADATA metadata="how"/><RESTORE_METADATA metadata="what"/>'
    '<PARTIAL_FILE path="p" filespec="f" ranges="0:1" metadata="m"/>'
    '<DIFFERENCED_FILE path="p" filespec="f" recursive="yes" lastModifyTime="4294967298"/>'
    '<ALTERNATE_LOCATION_MAPPING path="p" filespec="f" recursive="yes" alternatePath="q"/>'
    '<NEW_TARGET path="p" filespec="f" recursive="no" alternatePath="r"/>'
    '<DIRECTED_TARGET sourcePath="a" sourceFilespec="b" sourceRanges="0:1" targetPath="c" targetFilespec="d" '
    'targetRanges="1:1"/><RESTORE_SUBCOMPONENT logicalPath="path\\data" componentName="part"/>'
)
FULL = components_document((ONE_INSTANCE, ONE_ID, component(attributes=ATTRIBUTES, inside=CHILDREN)))
EMPTY = components_document((ONE_INSTANCE, ONE_ID, component()))

#: What each getter gives for FULL and for EMPTY: its HRESULT and its outputs, of which pointers to objects are left out.
VALUES: dict[str, tuple[tuple[int, list[Any]], tuple[int, list[Any]]]] = {
    "GetLogicalPath": ((S_OK, ["path"]), (S_FALSE, [None])),
    "GetComponentType": ((S_OK, [2]), (S_OK, [2])),
    "GetComponentName": ((S_OK, ["data"]), (S_OK, ["data"])),
    "GetBackupSucceeded": ((S_OK, [1]), (S_FALSE, [0])),
    "GetAlternateLocationMappingCount": ((S_OK, [1]), (S_OK, [0])),
    "GetBackupMetadata": ((S_OK, ["how"]), (S_FALSE, [None])),
    "GetPartialFileCount": ((S_OK, [1]), (S_OK, [0])),
    "GetPartialFile": ((S_OK, ["p", "f", "0:1", "m"]), (NOT_FOUND, [None] * 4)),
    "IsSelectedForRestore": ((S_OK, [1]), (S_OK, [0])),
    "GetAdditionalRestores": ((S_OK, [1]), (S_FALSE, [0])),
    "GetNewTargetCount": ((S_OK, [1]), (S_OK, [0])),
    "GetDirectedTargetCount": ((S_OK, [1]), (S_OK, [0])),
    "GetDirectedTarget": ((S_OK, ["a", "b", "0:1", "c", "d", "1:1"]), (NOT_FOUND, [None] * 6)),
    "GetRestoreMetadata": ((S_OK, ["what"]), (S_FALSE, [None])),
    "GetRestoreTarget": ((S_OK, [2]), (NOT_FOUND, [0])),
    "GetPreRestoreFailureMsg": ((S_OK, ["three"]), (S_FALSE, [None])),
    "GetPostRestoreFailureMsg": ((S_OK, ["four"]), (S_FALSE, [None])),
    "GetBackupStamp": ((S_OK, ["stamp"]), (S_FALSE, [None])),
    "GetPreviousBackupStamp": ((S_OK, ["before"]), (S_FALSE, [None])),
    "GetBackupOptions": ((S_OK, ["backup"]), (S_FALSE, [None])),
    "GetRestoreOptions": ((S_OK, ["restore"]), (S_FALSE, [None])),
    "GetRestoreSubcomponentCount": ((S_OK, [1]), (S_OK, [0])),
    "GetRestoreSubcomponent": ((S_OK, ["path\\data", "part", 0]), (NOT_FOUND, [None, None, 0])),
    "GetFileRestoreStatus": ((S_OK, [3]), (S_OK, [0])),
    "GetDifferencedFilesCount": ((S_OK, [1]), (S_OK, [0])),
    "GetDifferencedFile": ((S_OK, ["p", "f", 1, None, 4294967298]), (NOT_FOUND, [None, None, 0, None, 0])),
    "GetPrepareForBackupFailureMsg": ((S_OK, ["one"]), (S_FALSE, [None])),
    "GetPostSnapshotFailureMsg": ((S_OK, ["two"]), (S_FALSE, [None])),
    "GetAuthoritativeRestore": ((S_OK, [1]), (S_OK, [0])),
    "GetRollForward": ((S_OK, [3, "noon"]), (S_OK, [0, None])),
    "GetRestoreName": ((S_OK, ["new"]), (S_OK, [None])),
    "GetFailure": ((S_OK, [0x800423F3, 0x80070005, "sorry", 0]), (S_OK, [0, 0, None, 0])),
}
FILES = {"GetAlternateLocationMapping": "q", "GetNewTarget": "r"}


class Reader:
    """A requester with a document, and the views of its first component."""

    def __init__(self, machine: simulator.Machine, stack: contextlib.ExitStack, document: str) -> None:
        self.platform = RawPlatform(machine)
        self.session = stack.enter_context(self.platform.backup_components())
        slot = METHODS["IVssBackupComponents"]["InitializeForRestore"]["vtable_index"]
        with self.platform.bstr(document) as text:
            assert self.session.slot(slot, text) == S_OK
        self.writer = RawObject("IVssWriterComponents", self._take("GetWriterComponents", self.session, 0))
        stack.callback(self._release_writer)
        self.view = stack.enter_context(RawObject("IVssComponent", self._take("GetComponent", self.writer, 0)))

    def _release_writer(self) -> None:
        # IVssWriterComponentsExt has two bases, and IUnknown is the second one
        with RawObject("IUnknown", self.writer.address + ctypes.sizeof(ctypes.c_void_p)):
            pass

    @staticmethod
    def _take(method: str, of: RawObject, index: int) -> int:
        out = ctypes.c_void_p()
        assert of.call(method, index, out) == S_OK
        assert out.value
        return out.value

    def call(self, name: str, *arguments: Any) -> int:
        """A method of the view; its slots are those of the one chain of IVssComponent to Ex2."""
        view = RawObject(COMPONENT[name][0], self.view.address)
        return view.call(name, *arguments)

    def get(self, name: str, index: int = 0) -> tuple[int, list[Any]]:
        """A getter's HRESULT and outputs; texts as str, everything else as the number that stands there."""
        outs = [None if p["type"] == "UINT" else ctypes.c_uint64(0) for p in COMPONENT[name][1]["params"]]
        hresult = self.call(name, *(index if out is None else out for out in outs))
        values: list[Any] = []
        for parameter, out in zip(COMPONENT[name][1]["params"], outs, strict=True):
            if out is not None:
                values.append(self._text(out.value) if parameter["type"] == "BSTR*" else out.value)
        return hresult, values

    def _text(self, address: int) -> str | None:
        if not address:
            return None
        units = ctypes.cast(address, ctypes.POINTER(ctypes.c_uint16))
        count = next(i for i in range(1000) if not units[i])
        text = ctypes.string_at(address, 2 * count).decode("utf-16-le")
        self.platform.free_bstr(address)
        return text

    def pre_restore(self) -> None:
        assert self.session.finish("GatherWriterMetadata") == 0x0004230A
        assert self.session.finish("PreRestore") == 0x0004230A


@contextlib.contextmanager
def reading(folder: Path, document: str) -> Iterator[Reader]:
    with server(folder) as machine, contextlib.ExitStack() as stack:
        yield Reader(machine, stack, document)


def test_every_getter_has_its_values() -> None:
    assert set(VALUES) | set(FILES) == set(GETTERS)


@pytest.mark.parametrize("full", [True, False], ids=["full", "empty"])
def test_what_getters_give(tmp_path: Path, full: bool) -> None:
    """Each value, and what stands for one that is not set: S_FALSE, a default, or VSS_E_OBJECT_NOT_FOUND."""
    with reading(tmp_path, FULL if full else EMPTY) as reader:
        for name, (for_full, for_empty) in VALUES.items():
            assert reader.get(name) == (for_full if full else for_empty), name
        for name, alternate in FILES.items():
            out = ctypes.c_void_p()
            assert reader.call(name, 0, out) == (S_OK if full else NOT_FOUND)
            if not full:
                assert not out.value
                continue
            with RawObject("IVssWMFiledesc", out.value or 0) as files:
                text = ctypes.c_uint64(0)
                assert files.call("GetAlternateLocation", text) == S_OK
                assert reader._text(text.value) == alternate


def test_indices_out_of_range(tmp_path: Path) -> None:
    with reading(tmp_path, FULL) as reader:
        for name in INDEXED:
            for index in (1, 0xFFFFFFFF):
                assert reader.get(name, index)[0] == NOT_FOUND, name
        out = ctypes.c_void_p()
        assert reader.writer.call("GetComponent", 1, out) == NOT_FOUND
        assert reader.session.call("GetWriterComponents", 1, out) == NOT_FOUND
        assert not out.value


def test_null_pointers(tmp_path: Path) -> None:
    """Any one missing output is E_INVALIDARG, in a good view and in a stale one (semantics 1.6)."""
    with reading(tmp_path, FULL) as reader:
        for stale in (False, True):
            if stale:
                reader.pre_restore()
            for name in GETTERS:
                parameters = COMPONENT[name][1]["params"]
                outs = [0 if p["type"] == "UINT" else ctypes.c_uint64(0) for p in parameters]
                for position, parameter in enumerate(parameters):
                    if parameter["type"] != "UINT":
                        missing = [None if i == position else out for i, out in enumerate(outs)]
                        assert reader.call(name, *missing) == E_INVALIDARG, (name, position)
            assert reader.writer.call("GetComponentCount", None) == E_INVALIDARG
            assert reader.writer.call("GetWriterInfo", None, Guid()) == E_INVALIDARG
            assert reader.writer.call("GetWriterInfo", Guid(), None) == E_INVALIDARG
            assert reader.writer.call("GetComponent", 0, None) == E_INVALIDARG


def test_stale_views(tmp_path: Path) -> None:
    """After PreRestore a view has to be fetched again (semantics 2.6): VSS_E_BAD_STATE, our choice of code."""
    with reading(tmp_path, FULL) as reader:
        reader.pre_restore()
        for name in GETTERS:
            assert reader.get(name)[0] == BAD_STATE, name
        out = ctypes.c_uint64(0)
        assert reader.writer.call("GetComponentCount", out) == BAD_STATE
        assert reader.writer.call("GetComponent", 0, out) == BAD_STATE
        assert reader.writer.call("GetWriterInfo", Guid(), Guid()) == BAD_STATE


def test_the_target_without_a_writer_s_word(tmp_path: Path) -> None:
    """VSS_RT_ORIGINAL once the writers were asked (reference page)."""
    with server(tmp_path) as machine, contextlib.ExitStack() as stack:
        reader = Reader(machine, stack, EMPTY)
        reader.pre_restore()
        writer = ctypes.c_void_p()
        assert reader.session.call("GetWriterComponents", 0, writer) == S_OK
        reader.writer, old = RawObject("IVssWriterComponents", writer.value or 0), reader.writer
        out = ctypes.c_void_p()
        assert reader.writer.call("GetComponent", 0, out) == S_OK
        with RawObject("IVssComponent", out.value or 0) as view:
            reader.view, stale = view, reader.view
            assert reader.get("GetRestoreTarget") == (S_OK, [1])
            assert reader.get("IsSelectedForRestore") == (S_OK, [0])
            reader.view = stale
        reader._release_writer()
        reader.writer = old


def test_what_only_a_restore_has(tmp_path: Path) -> None:
    """In a backup: VSS_E_BAD_STATE, or nothing there (semantics 2.5)."""
    with server(tmp_path) as machine, contextlib.ExitStack() as stack:
        platform = RawPlatform(machine)
        session = stack.enter_context(platform.backup_components())
        slot = METHODS["IVssBackupComponents"]["InitializeForBackup"]["vtable_index"]
        assert session.slot(slot, ctypes.c_void_p()) == S_OK
        assert session.call("SetBackupState", True, False, 1, False) == S_OK
        assert session.finish("GatherWriterMetadata") == 0x0004230A
        assert session.call("AddComponent", ONE_INSTANCE, ONE_ID, 2, None, "data") == S_OK
        reader = Reader.__new__(Reader)
        reader.platform, reader.session = platform, session
        reader.writer = RawObject("IVssWriterComponents", Reader._take("GetWriterComponents", session, 0))
        stack.callback(reader._release_writer)
        reader.view = stack.enter_context(RawObject("IVssComponent", Reader._take("GetComponent", reader.writer, 0)))
        assert reader.get("IsSelectedForRestore")[0] == BAD_STATE
        assert reader.get("GetFileRestoreStatus")[0] == BAD_STATE
        assert reader.get("GetRestoreTarget") == (NOT_FOUND, [0])
        assert reader.get("GetAdditionalRestores") == (S_FALSE, [0])
        assert reader.get("GetRestoreName") == (S_OK, [None])


def good_arguments(name: str) -> list[Any]:
    kinds = [p["type"] for p in COMPONENT[name][1]["params"]]
    return ["text" if kind == "LPCWSTR" else 1 if kind == "VSS_RESTORE_TARGET" else 0 for kind in kinds]


@pytest.mark.parametrize("name", [name for name in SETTERS if name != RESERVED])
def test_setters_are_for_writers(tmp_path: Path, name: str) -> None:
    """A requester is told VSS_E_BAD_STATE, after its arguments were looked at (semantics 2.5)."""
    with reading(tmp_path, EMPTY) as reader:
        good = good_arguments(name)
        assert reader.call(name, *good) == BAD_STATE
        for position, parameter in enumerate(COMPONENT[name][1]["params"]):
            bad = list(good)
            if parameter["type"] == "LPCWSTR" and parameter["name"] not in ("wszMetadata", "wszApplicationMessage"):
                bad[position] = None
            elif parameter["type"] == "VSS_RESTORE_TARGET":
                bad[position] = 0
            elif name == "SetFailure" and parameter["name"] == "dwReserved":
                bad[position] = 1
            else:
                continue
            assert reader.call(name, *bad) == E_INVALIDARG, parameter["name"]
        assert reader.call(name, *good) == BAD_STATE
        out = ctypes.c_void_p()
        assert reader.session.call("SaveAsXML", out) == S_OK
        assert reader._text(out.value or 0) == EMPTY.replace("></COMPONENT>", "/>")


def test_the_reserved_setter(tmp_path: Path) -> None:
    with reading(tmp_path, EMPTY) as reader:
        assert reader.call(RESERVED, "text", "text", 0, None) == code("E_NOTIMPL")


def test_writers_info(tmp_path: Path) -> None:
    document = components_document((TWO_INSTANCE, ONE_ID, component()))
    with reading(tmp_path, document) as reader:
        instance, writer = Guid(), Guid()
        assert reader.writer.call("GetWriterInfo", instance, writer) == S_OK
        assert (bytes(instance), bytes(writer)) == (TWO_INSTANCE.bytes_le, ONE_ID.bytes_le), "those of the backup"
