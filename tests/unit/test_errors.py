"""The error table: every failing code has its class, and errors carry what a person needs."""

from __future__ import annotations

import errno
import json
import pickle
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import vsspy
from vsspy import errors
from vsspy._properties import WriterStatus
from vsspy.enums import WriterState

API: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data/vss_api.json").read_text(encoding="utf-8"))
MORE: dict[str, int] = {
    name: int(value, 16)
    for name, value, _ in json.loads((Path(__file__).parents[2] / "tools/hresults.json").read_text(encoding="utf-8"))[
        "codes"
    ]
}
FAILURES = {e["name"]: int(e["value"], 16) for e in API["errors"] if int(e["value"], 16) >> 31}
CLASSES = sorted(
    (c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.VssError) and c.codes),
    key=lambda c: c.__name__,
)


PUBLIC = sorted(
    (c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.VssError)),
    key=lambda c: c.__name__,
)


@pytest.mark.parametrize(("name", "code"), sorted({**FAILURES, **MORE}.items()))
def test_every_failing_code_has_its_own_kind_of_error(name: str, code: int) -> None:
    cls = errors.lookup(name)
    assert cls is not errors.VssError
    assert code in cls.codes
    assert errors.lookup(code) is cls
    assert errors.lookup(code - (1 << 32)) is cls, "a signed HRESULT is the same"
    error = errors.from_hresult(code, "IVssBackupComponents::Query")
    assert type(error) is cls
    assert (error.hresult, error.name, error.operation) == (code, name, "IVssBackupComponents::Query")
    assert name in str(error)
    assert f"0x{code:08X}" in str(error)


def test_every_code_that_a_method_or_function_names_is_a_code() -> None:
    named = {r["code"] for interface in API["interfaces"] for m in interface["methods"] for r in m["returns"]}
    named |= {r["code"] for function in API["functions"] for r in function["returns"]}
    named |= set(re.findall(r"VSS_[ES]_[A-Z_0-9]+", json.dumps([API["structs"], API["ownership"], API["enums"]])))
    assert named <= {e["name"] for e in API["errors"]}
    assert len(named) > 40


def test_vsspys_own_codes_are_those_of_the_core() -> None:
    header = (Path(__file__).parents[2] / "csrc/com/hresult.h").read_text(encoding="utf-8")
    core = {name: int(value, 16) for name, value in re.findall(r"HRESULT (VSSPY_E_\w+) = .*\((0x\w+)U\)", header)}
    assert core == {name: code for name, code in MORE.items() if name.startswith("VSSPY_")}


@pytest.mark.parametrize("cls", PUBLIC)
def test_every_class_says_what_it_is_and_what_to_do(cls: type[errors.VssError]) -> None:
    assert cls.__doc__
    assert "hint" in vars(cls), "its own, not that of its base"
    assert re.search(r"[.!]$", cls.hint)
    for name in re.findall(r"\b(?:query_providers|[a-z]+_[a-z_]+)\(", cls.hint):
        assert any(hasattr(thing, name[:-1]) for thing in (vsspy, vsspy.BackupComponents)), name


def test_success_codes_are_values_but_cancelled() -> None:
    success = [e["name"] for e in API["errors"] if not int(e["value"], 16) >> 31]
    owned = {name for name in success if errors.lookup(name) is not errors.VssError}
    assert owned == {"VSS_S_ASYNC_CANCELLED"}
    assert errors.lookup("VSS_S_ASYNC_CANCELLED") is errors.OperationCancelledError


def test_a_code_nobody_registered_keeps_its_number() -> None:
    error = errors.from_hresult(0x8AAA1234 - (1 << 32), "IVssAsync::Wait")
    assert type(error) is errors.VssError
    assert (error.hresult, error.name) == (0x8AAA1234, "0x8AAA1234")
    assert "0x8AAA1234" in str(error)
    copy: Any = pickle.loads(pickle.dumps(error))
    assert (type(copy), copy.hresult, str(copy)) == (errors.VssError, 0x8AAA1234, str(error))


def test_a_name_nobody_knows_is_refused() -> None:
    with pytest.raises(LookupError, match="VSS_E_NO_SUCH_CODE"):
        errors.lookup("VSS_E_NO_SUCH_CODE")
    with pytest.raises(ValueError, match="32 bits"):
        errors.lookup(1 << 40)
    with pytest.raises(TypeError):
        errors.lookup(None)  # type: ignore[arg-type]


def test_names_are_found_in_any_case() -> None:
    assert errors.lookup("vss_e_bad_state") is errors.BadStateError


def test_one_class_for_the_two_unexpected_codes() -> None:
    assert errors.lookup("VSS_E_UNEXPECTED") is errors.lookup("E_UNEXPECTED") is errors.UnexpectedError


@pytest.mark.parametrize(
    ("name", "built_in", "number", "windows"),
    [
        ("E_ACCESSDENIED", PermissionError, errno.EACCES, 5),
        ("E_INVALIDARG", ValueError, errno.EINVAL, 87),
        ("E_OUTOFMEMORY", MemoryError, errno.ENOMEM, 14),
        ("E_NOTIMPL", NotImplementedError, errno.ENOSYS, 0x80004001),
        ("VSS_E_OBJECT_NOT_FOUND", LookupError, errno.ENOENT, 0x80042308),
        ("ERROR_TIMEOUT", TimeoutError, errno.ETIMEDOUT, 1460),
    ],
)
def test_built_in_kinds(name: str, built_in: type[Exception], number: int, windows: int) -> None:
    error = errors.from_hresult(errors.lookup(name).codes[0], "IVssBackupComponents::Query")
    assert isinstance(error, built_in)
    assert isinstance(error, errors.VssError)
    assert getattr(error, "errno", None) == number
    assert getattr(error, "winerror", None) == windows


@pytest.mark.parametrize("cls", CLASSES)
def test_errors_pickle_with_all_they_carry(cls: type[errors.VssError]) -> None:
    error = errors.from_hresult(cls.codes[-1], "IVssBackupComponents::DoSnapshotSet", "in a test")
    error.phase, error.volume, error.elapsed = "snapshot", "C:\\", 1.5
    error.add_note("a note")
    copy: Any = pickle.loads(pickle.dumps(error))
    assert type(copy) is cls
    assert str(copy) == str(error)
    assert (copy.hresult, copy.operation, copy.detail) == (error.hresult, error.operation, "in a test")
    assert (copy.phase, copy.volume, copy.elapsed, copy.__notes__) == ("snapshot", "C:\\", 1.5, ["a note"])
    assert getattr(copy, "errno", None) == getattr(error, "errno", None)


def test_retry_advice_is_that_of_the_pages() -> None:
    advised = [
        "VSS_E_FLUSH_WRITES_TIMEOUT",
        "VSS_E_HOLD_WRITES_TIMEOUT",
        "VSS_E_PROVIDER_VETO",
        "VSS_E_UNEXPECTED_PROVIDER_ERROR",
        "VSS_E_WRITERERROR_OUTOFRESOURCES",
        "VSS_E_WRITERERROR_TIMEOUT",
        "VSS_E_WRITERERROR_RETRYABLE",
    ]  # semantics 5
    for name in [*advised, "VSS_E_SNAPSHOT_SET_IN_PROGRESS"]:
        assert errors.lookup(name).retryable, name
    for name in ("VSS_E_WRITERERROR_NONRETRYABLE", "VSS_E_BAD_STATE", "E_INVALIDARG", "VSS_E_VOLUME_NOT_SUPPORTED"):
        assert not errors.lookup(name).retryable, name


def test_families() -> None:
    for name in FAILURES:
        if name.startswith("VSS_E_WRITER"):
            assert issubclass(errors.lookup(name), errors.WriterError), name
        if name.startswith("VSS_E_PROVIDER"):
            assert issubclass(errors.lookup(name), errors.ProviderError), name
        if "XML_DOCUMENT" in name:
            assert issubclass(errors.lookup(name), errors.DocumentError), name
        if name.startswith("VSS_E_ASRERROR"):
            assert issubclass(errors.lookup(name), errors.RecoveryError), name
    assert issubclass(errors.InsufficientStorageError, errors.StorageError)
    assert issubclass(errors.SnapshotSetInProgressError, errors.SnapshotError)


def test_a_code_belongs_to_one_class() -> None:
    with pytest.raises(TypeError, match="BadStateError"):
        type("Second", (errors.VssError,), {}, codes=("VSS_E_BAD_STATE",))
    assert errors.lookup("VSS_E_BAD_STATE") is errors.BadStateError


def test_errors_are_at_home_in_vsspy_errors() -> None:
    public = [getattr(errors, name) for name in errors.__all__]
    assert {thing.__module__ for thing in public} == {"vsspy.errors"}
    classes = {name for name, c in vars(errors).items() if isinstance(c, type) and issubclass(c, errors.VssError)}
    assert classes == set(errors.__all__) - {"from_hresult", "lookup", "writer_error"}
    for name in errors.__all__:
        assert getattr(vsspy, name) is getattr(errors, name)


def test_a_missing_interface_says_which_system_has_it() -> None:
    first = {}
    for interface in API["interfaces"]:
        if re.search(r"(Ex|\d)$", interface["name"]):
            systems = [method["min_os"] for method in interface["methods"]]
            first[interface["name"]] = min(systems, key=lambda text: ("SP1 /" in text, text))
    assert len(first) == 11
    for interface, system in first.items():
        error = errors.from_hresult(FAILURES["E_NOINTERFACE"], f"{interface}::Any", interface)
        assert type(error) is errors.NotSupportedError
        assert interface in str(error)
        assert system in str(error)


def status(name: str, failure: str, state: WriterState = WriterState.FAILED_AT_FREEZE) -> WriterStatus:
    code = 0 if failure == "S_OK" else FAILURES[failure]
    return WriterStatus(uuid4(), uuid4(), name, state, vsspy.HResult(code), failure, None, None)


def test_a_writers_status_as_an_error() -> None:
    failed = status("SQL", "VSS_E_WRITERERROR_TIMEOUT")
    error = errors.writer_error(failed, "IVssBackupComponents::DoSnapshotSet")
    assert type(error) is errors.WriterTimeoutError
    assert error.writer is failed
    assert "SQL" in str(error)
    foreign = errors.writer_error(status("SQL", "E_FAIL"))
    assert type(foreign) is errors.WriterError
    assert foreign.name == "E_FAIL"
    silent = errors.writer_error(status("SQL", "S_OK"))
    assert isinstance(silent, errors.WriterError)
    assert silent.hresult == FAILURES["VSS_E_UNEXPECTED_WRITER_ERROR"]


def test_several_writers_are_a_group() -> None:
    timeout = errors.writer_error(status("A", "VSS_E_WRITERERROR_TIMEOUT"))
    refusal = errors.writer_error(status("B", "VSS_E_WRITERERROR_NONRETRYABLE"))
    group = errors.WritersFailedError("two writers failed", [timeout, refusal], operation="DoSnapshotSet")
    assert group.hresult == timeout.hresult
    assert not group.retryable
    assert "two writers failed" in str(group)
    matching, rest = group.split(errors.WriterTimeoutError)
    assert isinstance(matching, errors.WritersFailedError)
    assert matching.retryable
    assert matching.exceptions == (timeout,)
    assert rest is not None
    assert rest.exceptions == (refusal,)
    copy = pickle.loads(pickle.dumps(group))
    assert [str(e) for e in copy.exceptions] == [str(timeout), str(refusal)]
    assert (copy.operation, copy.retryable, str(copy)) == ("DoSnapshotSet", False, str(group))
    try:
        raise group
    except* errors.WriterNonRetryableError as caught:
        assert caught.exceptions == (refusal,)
    except* errors.WriterTimeoutError as caught:
        assert caught.exceptions == (timeout,)


@pytest.mark.parametrize(
    "error",
    [
        errors.FileSetError("no such volume"),
        errors.SelectionError("not selectable"),
        errors.IncompleteBackupError("one component"),
        errors.ShadowCopyVanishedError("it is gone"),
    ],
)
def test_what_sessions_refuse_is_an_error_like_the_others(error: errors.VssError) -> None:
    error.phase = "snapshot"
    copy: Any = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (str(copy), copy.detail, copy.phase) == (str(error), error.detail, "snapshot")
    assert errors.lookup(error.hresult) is not type(error), "the code stays with the class that VSS's answers get"


def test_the_writer_of_an_error_survives_pickling() -> None:
    error = errors.writer_error(status("SQL", "VSS_E_WRITERERROR_TIMEOUT"))
    copy: Any = pickle.loads(pickle.dumps(error))
    assert copy.writer == error.writer
    state: Any = pickle.loads(pickle.dumps(errors.BadStateError("VSS_E_BAD_STATE", "IVssBackupComponents::Query")))
    assert state.missing_call is None


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("RPC_S_SERVER_UNAVAILABLE", errors.ServiceUnavailableError),
        ("REGDB_E_CLASSNOTREG", errors.ClassNotRegisteredError),
        ("RPC_E_DISCONNECTED", errors.ConnectionLostError),
        ("CO_E_NOTINITIALIZED", errors.ApartmentError),
        ("RPC_E_SERVERCALL_RETRYLATER", errors.CallRejectedError),
        ("ERROR_DISK_FULL", errors.InsufficientStorageError),
        ("ERROR_NOT_READY", errors.DeviceError),
        ("ERROR_FILE_NOT_FOUND", errors.ObjectNotFoundError),
    ],
)
def test_codes_of_com_and_win32(name: str, family: type[errors.VssError]) -> None:
    assert errors.lookup(name) is family
    assert issubclass(family, errors.ComError) == name.startswith(("RPC_", "REGDB_", "CO_"))


def test_an_hresult_prints_as_what_it_is_called() -> None:
    code = vsspy.BadStateError().hresult
    assert code == 0x80042301
    assert (str(code), f"{code}", code.name) == ("VSS_E_BAD_STATE",) * 3
    assert repr(code) == "<HResult VSS_E_BAD_STATE: 0x80042301>"
    assert f"{code:08X}" == "80042301"
    assert str(vsspy.HResult(0x8ABCDEF0)) == "0x8ABCDEF0"
    assert pickle.loads(pickle.dumps(code)).name == "VSS_E_BAD_STATE"
    assert json.dumps({"code": code}) == '{"code": 2147754753}'
