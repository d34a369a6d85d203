"""Each point of semantics 15 can be injected: how, and what a requester sees then. Failures of VSS and its providers.

Access denied on each method that lists it, like each other code of a method's page, is a pair of tests/conformance
(test_pairs.py); here stands how the kinds of failures are asked for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from support import (
    Backup,
    events,
    server,
)

import vsspy
from vsspy import simulator
from vsspy._codes import CODES

B = "IVssBackupComponents"
DO = f"{B}::DoSnapshotSet"
ADD = f"{B}::AddToSnapshotSet"
START = f"{B}::StartSnapshotSet"
SYSTEM_PROVIDER = UUID("b5946137-7b9f-4925-af80-51abd60b20d5")


class Failure(NamedTuple):
    """What is injected while a backup goes to a state, and the error that the requester gets there."""

    faults: list[simulator.Fault]
    error: type[vsspy.VssError]
    state: str = "snapped"
    options: dict[str, Any] = {}  # noqa: RUF012 - nobody changes it


def at_result(code: str, **more: Any) -> list[simulator.Fault]:
    return [simulator.Fault(DO, code, at="result", **more)]


FAILURES = {
    "flush time-out": Failure(at_result("VSS_E_FLUSH_WRITES_TIMEOUT"), vsspy.FlushWritesTimeoutError),
    "hold time-out": Failure(at_result("VSS_E_HOLD_WRITES_TIMEOUT"), vsspy.HoldWritesTimeoutError),
    "transaction freeze time-out": Failure(
        at_result("VSS_E_TRANSACTION_FREEZE_TIMEOUT"), vsspy.lookup("VSS_E_TRANSACTION_FREEZE_TIMEOUT")
    ),
    "transaction thaw time-out": Failure(
        at_result("VSS_E_TRANSACTION_THAW_TIMEOUT"), vsspy.lookup("VSS_E_TRANSACTION_THAW_TIMEOUT")
    ),
    "insufficient storage": Failure(at_result("VSS_E_INSUFFICIENT_STORAGE"), vsspy.InsufficientStorageError),
    "storage of one volume": Failure(
        at_result("VSS_E_INSUFFICIENT_STORAGE", volume="C:\\"), vsspy.InsufficientStorageError
    ),
    "provider veto": Failure(at_result("VSS_E_PROVIDER_VETO"), vsspy.ProviderVetoError),
    "unexpected provider error": Failure(at_result("VSS_E_UNEXPECTED_PROVIDER_ERROR"), vsspy.UnexpectedProviderError),
    "reboot required": Failure([simulator.Fault(DO, "VSS_E_REBOOT_REQUIRED")], vsspy.RebootRequiredError),
    "another set in progress": Failure(
        [simulator.Fault(START, "VSS_E_SNAPSHOT_SET_IN_PROGRESS")], vsspy.SnapshotSetInProgressError, "set"
    ),
    "volume limit": Failure(
        [simulator.Fault(ADD, "VSS_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED")],
        vsspy.lookup("VSS_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED"),
        "set",
    ),
    "snapshot limit": Failure(
        [simulator.Fault(ADD, "VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED")],
        vsspy.lookup("VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED"),
        "set",
    ),
    "nested volume limit": Failure(
        [simulator.Fault(ADD, "VSS_E_NESTED_VOLUME_LIMIT")], vsspy.NestedVolumeLimitError, "set"
    ),
    "provider not registered": Failure(
        [simulator.Fault(ADD, "VSS_E_PROVIDER_NOT_REGISTERED")], vsspy.ProviderNotRegisteredError, "set"
    ),
    "volume not supported": Failure(
        [simulator.Fault(ADD, "VSS_E_VOLUME_NOT_SUPPORTED", volume="C:\\")],
        vsspy.lookup("VSS_E_VOLUME_NOT_SUPPORTED"),
        "set",
    ),
    "volume not supported by the provider": Failure(
        [simulator.Fault(ADD, "VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER")],
        vsspy.VolumeNotSupportedByProviderError,
        "set",
    ),
    "access denied": Failure([simulator.Fault(START, "E_ACCESSDENIED")], vsspy.AccessDeniedError, "set"),
    "old systems' unexpected": Failure(
        [simulator.Fault(START, "VSS_E_UNEXPECTED")], vsspy.UnexpectedError, "set", {"level": "vista"}
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_failure(tmp_path: Path, name: str) -> None:
    """A typed error; nothing is left, nobody stays frozen, and the next backup is a good one."""
    failure = FAILURES[name]
    (fault,) = failure.faults
    once = simulator.Fault(fault.where, fault.code, at=fault.at, volume=fault.volume, nth=1)
    with server(tmp_path, faults=[once], **failure.options) as machine:
        with vsspy.BackupComponents() as components:
            backup = Backup(components)
            with pytest.raises(failure.error) as caught:
                getattr(backup, f"to_{failure.state}")()
            assert type(caught.value) is failure.error
            old = name.startswith("old")
            assert caught.value.hresult == (CODES["E_UNEXPECTED"] if old else fault.hresult)
            components.abort_backup()
        seen = events(machine)
        if fault.place == "result":  # where a provider fails the writers are frozen, and are told
            assert seen[: seen.index("Abort")][-1] == "Freeze"
        assert not machine.shadow_copies
        with vsspy.BackupComponents() as components:
            Backup(components).to_done()
