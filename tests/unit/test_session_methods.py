"""Every method of BackupComponents to Ex4: what VSS is given, what an old system lacks, what is refused by its name."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints
from uuid import UUID

import pytest
from backup_support import METHODS, accept, clean
from ctypes_platform import CODES, INTERFACES, POINTER, S_OK, CtypesPlatform, Guid, Operation, put

import vsspy
from vsspy import errors
from vsspy.enums import (
    ComponentType,
    FileRestoreStatus,
    HardwareOptions,
    RecoveryOptions,
    RestoreType,
    RollForwardType,
    SnapshotAttributes,
)

WRITER, INSTANCE, SNAPSHOT, NOBODY = UUID(int=1 << 90), UUID(int=2 << 90), UUID(int=3 << 90), UUID(int=0)
LONE = "lone \ud800 surrogate"
KEY = (WRITER, ComponentType.DATABASE, "a\\b", "name é")
VSS_KEY = (WRITER, 1, "a\\b", "name é")
BackupComponents = vsspy.BackupComponents

# Method of VSS, the call, and what VSS is given.
CALLS: list[tuple[str, Callable[[BackupComponents], object], tuple[Any, ...]]] = [
    ("InitializeForRestore", lambda b: b.initialize_for_restore(f"<x a='{LONE}'/>"), (f"<x a='{LONE}'/>",)),
    ("SetRestoreState", lambda b: b.set_restore_state(RestoreType.IMPORT), (2,)),
    ("SetSelectedForRestore", lambda b: b.set_selected_for_restore(*KEY, True), (*VSS_KEY, True)),
    ("SetSelectedForRestore", lambda b: b.set_selected_for_restore(*KEY, False), (*VSS_KEY, False)),
    ("SetSelectedForRestoreEx", lambda b: b.set_selected_for_restore_ex(*KEY, True), (*VSS_KEY, True, NOBODY)),
    (
        "SetSelectedForRestoreEx",
        lambda b: b.set_selected_for_restore_ex(*KEY, False, INSTANCE),
        (*VSS_KEY, False, INSTANCE),
    ),
    ("SetRestoreOptions", lambda b: b.set_restore_options(*KEY, '"a"="b"'), (*VSS_KEY, '"a"="b"')),
    ("SetAdditionalRestores", lambda b: b.set_additional_restores(*KEY, True), (*VSS_KEY, True)),
    (
        "AddAlternativeLocationMapping",
        lambda b: b.add_alternative_location_mapping(*KEY, "C:\\p", "*.db", True, "D:\\q"),
        (*VSS_KEY, "C:\\p", "*.db", True, "D:\\q"),
    ),
    (
        "AddRestoreSubcomponent",
        lambda b: b.add_restore_subcomponent(*KEY, "a\\b\\name é", "sub"),
        (*VSS_KEY, "a\\b\\name é", "sub", False),
    ),
    (
        "AddRestoreSubcomponent",
        lambda b: b.add_restore_subcomponent(*KEY, "", "sub", repair=True),
        (*VSS_KEY, "", "sub", True),
    ),
    (
        "SetFileRestoreStatus",
        lambda b: b.set_file_restore_status(*KEY, FileRestoreStatus.FAILED),
        (*VSS_KEY, 3),
    ),
    (
        "AddNewTarget",
        lambda b: b.add_new_target(*KEY, "C:\\p", LONE, False, "D:\\q"),
        (*VSS_KEY, "C:\\p", LONE, False, "D:\\q"),
    ),
    (
        "SetRangesFilePath",
        lambda b: b.set_ranges_file_path(*KEY, 0xFFFFFFFF, "C:\\r"),
        (*VSS_KEY, 0xFFFFFFFF, "C:\\r"),
    ),
    ("SetAuthoritativeRestore", lambda b: b.set_authoritative_restore(*KEY, True), (*VSS_KEY, True)),
    ("SetRollForward", lambda b: b.set_roll_forward(*KEY, RollForwardType.ALL), (*VSS_KEY, 2, None)),
    ("SetRollForward", lambda b: b.set_roll_forward(*KEY, RollForwardType.PARTIAL, "pt"), (*VSS_KEY, 3, "pt")),
    ("SetRestoreName", lambda b: b.set_restore_name(*KEY, "new"), (*VSS_KEY, "new")),
    ("PreRestore", lambda b: b.pre_restore().wait(), ()),
    ("PostRestore", lambda b: b.post_restore().wait(), ()),
    ("ImportSnapshots", lambda b: b.import_snapshots().wait(), ()),
    ("BreakSnapshotSet", lambda b: b.break_snapshot_set(SNAPSHOT), (SNAPSHOT,)),
    ("BreakSnapshotSetEx", lambda b: b.break_snapshot_set_ex(SNAPSHOT).wait(), (SNAPSHOT, 0)),
    (
        "BreakSnapshotSetEx",
        lambda b: b.break_snapshot_set_ex(SNAPSHOT, HardwareOptions.BREAKEX_FLAG_MAKE_READ_WRITE).wait(),
        (SNAPSHOT, 2),
    ),
    ("UnexposeSnapshot", lambda b: b.unexpose_snapshot(SNAPSHOT), (SNAPSHOT,)),
    ("RevertToSnapshot", lambda b: b.revert_to_snapshot(SNAPSHOT), (SNAPSHOT, 0)),
    ("RevertToSnapshot", lambda b: b.revert_to_snapshot(SNAPSHOT, True), (SNAPSHOT, 1)),
    ("QueryRevertStatus", lambda b: b.query_revert_status("C:\\").wait(), ("C:\\",)),
    ("PreFastRecovery", lambda b: b.pre_fast_recovery(SNAPSHOT, 5).wait(), (SNAPSHOT, 5)),
    ("FastRecovery", lambda b: b.fast_recovery(SNAPSHOT).wait(), (SNAPSHOT, 0)),
    ("AddSnapshotToRecoverySet", lambda b: b.add_snapshot_to_recovery_set(SNAPSHOT), (SNAPSHOT, 0, None)),
    (
        "AddSnapshotToRecoverySet",
        lambda b: b.add_snapshot_to_recovery_set(SNAPSHOT, destination_volume="D:\\"),
        (SNAPSHOT, 0, "D:\\"),
    ),
    ("RecoverSet", lambda b: b.recover_set().wait(), (0,)),
    ("RecoverSet", lambda b: b.recover_set(RecoveryOptions.NO_VOLUME_CHECK).wait(), (0x200,)),
    ("RecoverSet", lambda b: b.recover_set(-1).wait(), (0xFFFFFFFF,)),
]


@pytest.mark.parametrize(("method", "call", "expected"), CALLS, ids=[f"{i}-{c[0]}" for i, c in enumerate(CALLS)])
def test_what_vss_is_given(method: str, call: Callable[[BackupComponents], object], expected: tuple[Any, ...]) -> None:
    with clean() as (platform, bc):
        seen = accept(platform, method)
        call(bc)
        assert seen == [expected]
        assert platform.names().count(f"{platform.newest}::{method}") == 1


def test_no_logical_path_is_null() -> None:
    with clean() as (platform, bc):
        seen = accept(platform, "SetRestoreOptions")
        bc.set_restore_options(WRITER, ComponentType.FILEGROUP, None, "c", "")
        bc.set_restore_options(WRITER, ComponentType.FILEGROUP, "", "c", "")
        assert seen == [(WRITER, 2, None, "c", ""), (WRITER, 2, "", "c", "")]


@pytest.mark.parametrize("answer", ["X:\\", "", None])
def test_expose_snapshot(answer: str | None) -> None:
    with clean() as (platform, bc):
        seen: list[tuple[Any, ...]] = []

        def expose(snapshot: Guid, root: int | None, attributes: int, place: int | None, out: int) -> int:
            seen.append((snapshot.uuid(), root is None, attributes, place is None))
            put(out, POINTER, platform.task_string(answer))
            return S_OK

        platform.backup["ExposeSnapshot"] = expose
        local = SnapshotAttributes.EXPOSED_LOCALLY
        assert bc.expose_snapshot(SNAPSHOT, None, local, "X:") == (answer or "")
        assert bc.expose_snapshot(SNAPSHOT, "folder", 1 << 31, None) == (answer or "")
        assert seen == [(SNAPSHOT, True, 0x100000, False), (SNAPSHOT, False, -(1 << 31), True)]
        assert platform.memory == {}


def test_root_and_logical_prefix_paths() -> None:
    with clean() as (platform, bc):
        seen: list[Any] = []

        def split(path: int, root: int, prefix: int, normalize: int) -> int:
            seen.append((bool(path), normalize))
            put(root, POINTER, platform.task_string("\\\\server\\share\\"))
            put(prefix, POINTER, None)
            return S_OK

        platform.backup["GetRootAndLogicalPrefixPaths"] = split
        paths = bc.get_root_and_logical_prefix_paths("\\\\server\\share\\a", normalize_fqdn_for_root_path=True)
        assert paths == vsspy.RootAndLogicalPrefixPaths(root_path="\\\\server\\share\\", logical_prefix="")
        bc.get_root_and_logical_prefix_paths("C:\\")
        assert seen == [(True, 1), (True, 0)]
        assert platform.memory == {}


ASYNCHRONOUS = sorted(
    name for name, method in METHODS.items() if method["params"] and method["params"][-1]["type"] == "IVssAsync**"
)


def name_of(method: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", method).lower()


def kinds_of(hint: Any) -> tuple[type, ...]:
    """The types that a parameter takes; of an enumeration, its numbers too."""
    alternatives = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    plain = [get_origin(kind) or kind for kind in alternatives]
    return tuple(int if issubclass(kind, int) and kind is not bool else kind for kind in plain)


def sample(hint: Any) -> Any:
    """A plausible argument."""
    samples: dict[type, Any] = {str: "text", bool: True, int: 1, UUID: WRITER, Iterable: [WRITER]}
    return next(samples[kind] for kind in kinds_of(hint) if kind in samples)


def parameters(method: str) -> dict[str, Any]:
    function = getattr(BackupComponents, method)
    hints = get_type_hints(function)
    return {name: hints[name] for name in list(inspect.signature(function).parameters)[1:]}


PUBLIC = {
    name
    for name, value in inspect.getmembers(BackupComponents, inspect.isfunction)
    if not name.startswith("_") and name != "close"
}
ARGUMENTS = sorted((method, name) for method in PUBLIC for name in parameters(method))


def called(bc: BackupComponents, method: str, **changed: Any) -> object:
    arguments = {name: sample(hint) for name, hint in parameters(method).items()}
    assert set(changed) <= set(arguments)
    return getattr(bc, method)(**(arguments | changed))


def takes(kind: type) -> list[Any]:
    """The parameters of a type."""
    return [
        pytest.param(method, name, id=f"{method}-{name}")
        for method, name in ARGUMENTS
        if kind in kinds_of(parameters(method)[name])
    ]


@pytest.mark.parametrize("method", ASYNCHRONOUS)
def test_an_operation_that_fails(method: str) -> None:
    with clean() as (platform, bc):
        fake = Operation(platform)
        platform.backup[method] = lambda *arguments: fake.object.give(arguments[-1])
        with called(bc, name_of(method)) as operation:  # type: ignore[attr-defined]  # an AsyncOperation
            fake.end(CODES["VSS_E_UNEXPECTED"])
            with pytest.raises(errors.UnexpectedError) as caught:
                operation.wait()
        assert caught.value.operation == f"{METHODS[method]['interface']}::{method}"
        platform.backup[method] = lambda *arguments: S_OK  # and no object
        with pytest.raises(errors.UnexpectedError, match="no IVssAsync"):
            called(bc, name_of(method))


NEWER = {
    method["name"]: method["interface"]
    for method in METHODS.values()
    if method["interface"] != "IVssBackupComponents" and name_of(method["name"]) in PUBLIC
}


@pytest.mark.parametrize("method", sorted(NEWER))
def test_a_system_without_the_interface(method: str) -> None:
    interface = NEWER[method]
    with clean(newest=INTERFACES[interface]["base"]) as (platform, bc):
        platform.calls.clear()
        for _ in range(2):
            with pytest.raises(errors.NotSupportedError, match=f"this system has no {interface}, .*Windows") as caught:
                called(bc, name_of(method))
        assert caught.value.operation == f"{interface}::{method}"
        assert caught.value.name == "E_NOINTERFACE"
        assert len(platform.calls) == 1, "asked for once"


@pytest.mark.parametrize(("method", "name"), takes(str))
def test_a_null_character_is_refused_by_name(method: str, name: str) -> None:
    with clean() as (platform, bc):
        platform.calls.clear()
        with pytest.raises(errors.InvalidArgumentError, match=f"{name} has a null character") as caught:
            called(bc, method, **{name: "a\0b"})
        assert name_of((caught.value.operation or "").split("::")[1]) == method
        assert [call for call in platform.names() if "QueryInterface" not in call and "Release" not in call] == []


# These have out-parameters, and tests of their own.
GIVES_MORE = {"expose_snapshot", "get_root_and_logical_prefix_paths", "add_to_snapshot_set", "is_volume_supported"}


@pytest.mark.parametrize(("method", "name"), [one for one in takes(str) if one.values[0] not in GIVES_MORE])
def test_a_lone_surrogate_goes_through(method: str, name: str) -> None:
    vss = next(vss for vss in METHODS if name_of(vss) == method)
    with clean() as (platform, bc):
        seen = accept(platform, vss)
        made = called(bc, method, **{name: LONE})
        assert LONE in seen[0]
        if isinstance(made, vsspy.AsyncOperation):
            made.close()


@pytest.mark.parametrize(("method", "name"), takes(int))
def test_an_integer_out_of_range_is_refused_by_name(method: str, name: str) -> None:
    with clean() as (platform, bc):
        platform.calls.clear()
        for value in (1 << 32, -(1 << 31) - 1, 1 << 70):
            with pytest.raises(errors.InvalidArgumentError, match=f"{name} has to be from") as caught:
                called(bc, method, **{name: value})
            assert str(value) in str(caught.value)
        assert platform.calls == []


@pytest.mark.parametrize(("method", "name"), [pytest.param(*both, id="-".join(both)) for both in ARGUMENTS])
def test_wrong_types(method: str, name: str) -> None:
    """A TypeError for what is of another type, and no call."""
    kinds = kinds_of(parameters(method)[name])
    with clean() as (platform, bc):
        platform.calls.clear()
        for value in (object(), 1.5, b"bytes", "x", 7, [1]):
            is_right = any(isinstance(value, kind) for kind in kinds) or (int in kinds and isinstance(value, int))
            if is_right or (bool in kinds and hasattr(value, "__bool__")):  # true or false, as everywhere in Python
                continue
            with pytest.raises(TypeError):
                called(bc, method, **{name: value})
        assert platform.calls == []


def test_an_object_of_another_class_is_no_session() -> None:
    """A method that is called on something else: the arguments do not fit, which is all that happens."""
    core = vsspy._core.Session
    for method in ("gather_writer_metadata", "import_snapshots", "pre_restore"):
        with pytest.raises(TypeError):
            getattr(core, method)(object())


@pytest.mark.parametrize("timeout", ["5", [], object()])
def test_a_timeout_of_another_type(timeout: Any) -> None:
    with clean() as (platform, bc):
        platform.operation("GatherWriterMetadata")
        with bc.gather_writer_metadata() as operation, pytest.raises(TypeError):
            operation.wait(timeout)


@pytest.mark.parametrize("timeout", [-1, float("nan"), -1e300])
def test_a_timeout_that_is_none(timeout: float) -> None:
    with clean() as (platform, bc):
        platform.operation("GatherWriterMetadata")
        with bc.gather_writer_metadata() as operation, pytest.raises(errors.InvalidArgumentError):
            operation.wait(timeout)


@pytest.mark.parametrize("timeout", [10**400, 1e300])
def test_a_timeout_longer_than_time(timeout: float) -> None:
    with clean() as (platform, bc):
        platform.operation("GatherWriterMetadata").end()
        with bc.gather_writer_metadata() as operation:
            operation.wait(timeout)


def test_every_method_is_there() -> None:
    read_whole = {"get_writer_metadata", "get_writer_status", "get_writer_components"}
    for method in METHODS:
        name = name_of(method)
        whole = name.removesuffix("_ex").removesuffix("_count")
        assert name in PUBLIC or whole in read_whole, method
    for name in read_whole:
        assert isinstance(getattr(BackupComponents, name.removeprefix("get_")), property)


def test_a_closed_object_refuses_every_method() -> None:
    platform = CtypesPlatform()
    bc = vsspy.BackupComponents(platform)  # type: ignore[arg-type]  # stands in for a machine
    bc.close()
    platform.calls.clear()
    for method in sorted(PUBLIC):
        with pytest.raises(errors.ClosedError):
            called(bc, method)
    assert platform.calls == []
