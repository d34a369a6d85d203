"""BackupComponents on objects made in C: what VSS was given, and what it is to answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ctypes_platform import CODES, INTERFACES, S_OK, CtypesPlatform, Guid, Operation, wide_text

import vsspy

METHODS: dict[str, dict[str, Any]] = {
    method["name"]: {**method, "interface": name}
    for name, interface in INTERFACES.items()
    if name.startswith("IVssBackupComponents")
    for method in interface["methods"]
}


def components(platform: CtypesPlatform) -> vsspy.BackupComponents:
    return vsspy.BackupComponents(platform)  # type: ignore[arg-type]  # stands in for a machine


@contextmanager
def clean(newest: str = "IVssBackupComponentsEx4") -> Iterator[tuple[CtypesPlatform, vsspy.BackupComponents]]:
    """A platform and its session; in the end every object and all memory has to be back."""
    platform = CtypesPlatform()
    platform.newest = newest
    with components(platform) as bc:
        yield platform, bc
    platform.assert_clean()


def readable(platform: CtypesPlatform, kind: str, value: Any) -> Any:
    """An argument as VSS sees it."""
    if isinstance(value, Guid):
        return value.uuid()
    if kind == "BSTR":
        return platform.bstr_text(value)
    return wide_text(value) if kind in ("LPCWSTR", "VSS_PWSZ") else value


def accept(platform: CtypesPlatform, method: str) -> list[tuple[Any, ...]]:
    """Make a method succeed, with an operation that is over where it gives one, and keep its readable arguments."""
    seen: list[tuple[Any, ...]] = []
    parameters = METHODS[method]["params"]

    def handler(*arguments: Any) -> int:
        given = zip(parameters, arguments, strict=True)
        seen.append(tuple(readable(platform, p["type"], value) for p, value in given if p["dir"] == "in"))
        if parameters and parameters[-1]["type"] == "IVssAsync**":
            operation = Operation(platform)
            operation.end()
            return operation.object.give(arguments[-1])
        return S_OK

    platform.backup[method] = handler
    return seen


def refuse(platform: CtypesPlatform, *methods: str) -> None:
    """Make methods answer VSS_E_BAD_STATE."""
    for method in methods:
        platform.backup[method] = lambda *arguments: CODES["VSS_E_BAD_STATE"]


def missing(call: Callable[[], object]) -> tuple[str | None, str]:
    """The call that a BadStateError says was missing, and what it says."""
    try:
        call()
    except vsspy.BadStateError as error:
        return error.missing_call, str(error)
    raise AssertionError("it was not refused")
