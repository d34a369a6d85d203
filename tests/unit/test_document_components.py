"""WriterComponents and DocumentComponent over a service made in C: each method of IVssComponent to Ex2."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from ctypes_platform import CODES, S_OK, wide_text
from foreign_components import (
    EXPECTED,
    FULL,
    INSTANCE,
    KEY,
    TICKS,
    TIME,
    WRITER,
    ForeignDocument,
    Refusal,
    opened,
    the_component,
)

import vsspy
from vsspy import errors
from vsspy.enums import ComponentType, FileRestoreStatus, RestoreTarget, RollForwardType

COLLECTIONS = sorted(name for name, value in EXPECTED.items() if isinstance(value, tuple))


def test_an_object_with_two_tables() -> None:
    with opened(KEY, KEY | {"GetComponentName": "other"}) as (platform, _, bc):
        (writer,) = bc.writer_components
        assert (writer.writer_id, writer.instance_id) == (WRITER, INSTANCE)
        assert [each.name for each in writer.components] == ["name", "other"]
        assert repr(writer) == f"<WriterComponents writer_id={WRITER} components=2>"
        assert repr(writer.components[0]) == "<DocumentComponent 'a\\\\b\\\\name' FILEGROUP>"
        assert "IVssWriterComponentsExt::QueryInterface" not in platform.names(), "it has no IID"
    assert "closed" in repr(writer)


def test_every_property() -> None:
    with opened(FULL) as (_, _, bc):
        component = the_component(bc)
        assert {name: getattr(component, name) for name in EXPECTED} == EXPECTED
    properties = {name for name, value in vars(vsspy.DocumentComponent).items() if isinstance(value, property)}
    assert properties == set(EXPECTED)


def test_what_is_not_set() -> None:
    unset: dict[str, Any] = {
        name: [] if isinstance(value, list) else None
        for name, value in FULL.items()
        if name not in ("GetComponentType", "GetComponentName")
    }
    unset |= {"GetFailure": (S_OK, S_OK, None, 0), "GetRollForward": (1, None), "GetRestoreTarget": 1}
    unset |= {"IsSelectedForRestore": False, "GetFileRestoreStatus": 0, "GetAuthoritativeRestore": False}
    with opened(unset | {"GetComponentType": 77, "GetComponentName": "name"}) as (_, _, bc):
        component = the_component(bc)
        found = {name: getattr(component, name) for name in EXPECTED}
        assert repr(component) == "<DocumentComponent 'name' UNKNOWN_77>"
    assert {name for name, value in found.items() if value == ()} == set(COLLECTIONS)
    assert {name: value for name, value in found.items() if value is not None and value != ()} == {
        "name": "name",
        "type": ComponentType(77),
        "restore_target": RestoreTarget.ORIGINAL,
        "roll_forward": vsspy.RollForward(RollForwardType.NONE, None),
        "selected_for_restore": False,
        "file_restore_status": FileRestoreStatus.UNDEFINED,
        "authoritative_restore": False,
    }


@pytest.mark.parametrize("name", ["writer_components", "components", *COLLECTIONS])
def test_collections_are_sequences(name: str) -> None:
    with opened(FULL, FULL, FULL) as (_, _, bc):
        component = bc.writer_components[0].components[0]
        owners: dict[str, Any] = {"writer_components": bc, "components": bc.writer_components[0]}
        found = getattr(owners.get(name, component), name)
        assert isinstance(found, Sequence)
        assert len(found) == len(list(found))
        assert found[-1] is found[len(found) - 1]
        assert tuple(found[:]) == tuple(found)
        assert list(found[::-1]) == list(reversed(found))
        for outside in (len(found), -len(found) - 1):
            with pytest.raises(IndexError):
                found[outside]
        if name in COLLECTIONS:
            assert found == getattr(component, name)
            assert hash(found) == hash(getattr(component, name))


SETTERS: list[tuple[str, tuple[Any, ...], str, tuple[Any, ...]]] = [
    ("set_backup_metadata", ("d",), "SetBackupMetadata", ("d",)),
    ("set_backup_stamp", ("s",), "SetBackupStamp", ("s",)),
    ("add_partial_file", ("p", "f", "r", "m"), "AddPartialFile", ("p", "f", "r", "m")),
    ("add_directed_target", tuple("abcdef"), "AddDirectedTarget", tuple("abcdef")),
    ("set_restore_metadata", ("d",), "SetRestoreMetadata", ("d",)),
    ("set_restore_target", (RestoreTarget.DIRECTED,), "SetRestoreTarget", (3,)),
    ("set_pre_restore_failure_message", ("m",), "SetPreRestoreFailureMsg", ("m",)),
    ("set_post_restore_failure_message", ("m",), "SetPostRestoreFailureMsg", ("m",)),
    ("set_prepare_for_backup_failure_message", ("m",), "SetPrepareForBackupFailureMsg", ("m",)),
    ("set_post_snapshot_failure_message", ("m \ud800",), "SetPostSnapshotFailureMsg", ("m \ud800",)),
    ("set_failure", (0x800423F2, -1, "why"), "SetFailure", (0x800423F2, 0xFFFFFFFF, "why", 0)),
    ("set_failure", (0,), "SetFailure", (0, 0, None, 0)),
    ("add_differenced_files_by_last_modify_lsn", ("p", "f", True, "l"), "AddDifferencedFilesByLastModifyLSN", ("p", "f", 1, "l")),
]  # fmt: skip


def plain(argument: Any) -> Any:
    return argument & 0xFFFFFFFF if isinstance(argument, int) else argument


@pytest.mark.parametrize("code", ["S_OK", "VSS_E_BAD_STATE", "VSS_E_OBJECT_ALREADY_EXISTS"])
@pytest.mark.parametrize(("name", "arguments", "method", "expected"), SETTERS)
def test_setters(name: str, arguments: tuple[Any, ...], method: str, expected: tuple[Any, ...], code: str) -> None:
    received: list[tuple[Any, ...]] = []
    texts = {each for each in expected if isinstance(each, str)}

    def receive(self: ForeignDocument, _name: str, given: tuple[Any, ...], result: int) -> int:
        assert len(given) == len(expected)
        received.append(
            tuple(wide_text(g) if e is None or e in texts else plain(g) for g, e in zip(given, expected, strict=True))
        )
        return result

    with pytest.MonkeyPatch.context() as patch, opened(KEY | {method: CODES[code]}) as (_, _, bc):
        patch.setattr(ForeignDocument, "_receive", receive)
        component = the_component(bc)
        if code == "S_OK":
            getattr(component, name)(*arguments)
        else:
            with pytest.raises(errors.lookup(code)) as caught:
                getattr(component, name)(*arguments)
            assert str(caught.value.operation).endswith(f"::{method}")
    assert received == [expected]


@pytest.mark.parametrize(("name", "arguments"), [(name, arguments) for name, arguments, _, _ in SETTERS])
def test_texts_with_a_null_character_are_refused(name: str, arguments: tuple[Any, ...]) -> None:
    with opened(KEY) as (platform, _, bc):
        component = the_component(bc)
        before = len(platform.calls)
        for index, argument in enumerate(arguments):
            if isinstance(argument, str):
                wrong = [*arguments[:index], "a\0b", *arguments[index + 1 :]]
                with pytest.raises(errors.InvalidArgumentError, match="null character"):
                    getattr(component, name)(*wrong)
        assert len(platform.calls) == before


@pytest.mark.parametrize(
    ("time", "ticks"),
    [
        (None, 0),
        (0, 0),
        (TICKS, TICKS),
        (2**64 - 1, 2**64 - 1),
        (TIME, TICKS // 10 * 10),
        (TIME.astimezone(timezone(timedelta(hours=-7, minutes=-30))), TICKS // 10 * 10),
        (datetime(1601, 1, 1, tzinfo=UTC), 0),
        (datetime.max.replace(tzinfo=UTC), 2650467743999999990),
    ],
)
def test_times_of_differenced_files(time: datetime | int | None, ticks: int) -> None:
    with opened(KEY | {"AddDifferencedFilesByLastModifyTime": S_OK}) as (_, document, bc):
        the_component(bc).add_differenced_files_by_last_modify_time("p", "*", True, time)
        ((_, _, _, recursive, given),) = document.received
    assert recursive == 1
    assert given.high << 32 | given.low == ticks


@pytest.mark.parametrize(
    "time",
    [datetime(2020, 1, 1), datetime(1600, 12, 31, tzinfo=UTC), -1, 2**64],  # naive on purpose
)
def test_times_that_are_none(time: datetime | int) -> None:
    with opened(KEY) as (platform, _, bc):
        component = the_component(bc)
        before = len(platform.calls)
        with pytest.raises(errors.InvalidArgumentError) as caught:
            component.add_differenced_files_by_last_modify_time("p", "*", False, time)
        assert caught.value.operation == "IVssComponent::AddDifferencedFilesByLastModifyTime"
        assert len(platform.calls) == before
        with pytest.raises(TypeError, match="'str' object cannot be interpreted as an integer"):
            component.add_differenced_files_by_last_modify_time("p", "*", False, "now")  # type: ignore[arg-type]


EX = {
    "prepare_for_backup_failure_message", "post_snapshot_failure_message", "authoritative_restore", "roll_forward",
    "restore_name",
}  # fmt: skip


@pytest.mark.parametrize("newest", ["IVssComponent", "IVssComponentEx"])
def test_older_systems_lack_interfaces(newest: str) -> None:
    missing = {"failure": "IVssComponentEx2"}
    if newest == "IVssComponent":
        missing |= dict.fromkeys(EX, "IVssComponentEx")
    first = {"IVssComponentEx": "Windows Vista / Windows Server 2008", "IVssComponentEx2": "Windows 7"}
    with opened(FULL, newest=newest) as (_, _, bc):
        component = the_component(bc)
        for name, value in EXPECTED.items():
            if name not in missing:
                assert getattr(component, name) == value
                continue
            with pytest.raises(errors.NotSupportedError, match=f"{missing[name]}, .*{first[missing[name]]}") as caught:
                getattr(component, name)
            assert str(caught.value.operation).startswith(f"{missing[name]}::Get")
        with pytest.raises(errors.NotSupportedError, match="IVssComponentEx2"):
            component.set_failure(0)


def test_an_interface_is_asked_for_once() -> None:
    with opened(FULL) as (platform, _, bc):
        component = the_component(bc)
        for _ in range(3):
            assert component.restore_name == "new name"
        assert platform.names().count("IVssComponentEx2::QueryInterface") == 1


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_failures_are_raised_under_the_methods_name(name: str) -> None:
    index = sorted(EXPECTED).index(name)
    refused = {
        method: [Refusal("VSS_E_INVALID_XML_DOCUMENT")] if isinstance(value, list) else Refusal("VSS_E_INVALID_XML_DOCUMENT")
        for method, value in FULL.items()
    }  # fmt: skip
    with opened(refused) as (platform, _, bc):
        component = the_component(bc)
        before = len(platform.calls)
        with pytest.raises(errors.InvalidXmlDocumentError) as caught:
            getattr(component, name)
        called = {call.split("::")[1] for call, _ in platform.calls[before:]}
        assert str(caught.value.operation).split("::")[1] in called, index


def test_a_failure_in_the_middle_of_a_collection() -> None:
    items = [("p", "f", "r", "m"), Refusal("VSS_E_OBJECT_NOT_FOUND")]
    with opened(KEY | {"GetPartialFile/GetPartialFileCount": items}) as (_, _, bc):
        with pytest.raises(errors.ObjectNotFoundError) as caught:
            _ = the_component(bc).partial_files
        assert caught.value.operation == "IVssComponent::GetPartialFile"
