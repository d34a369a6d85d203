"""What the doctor asks of VSS itself, or of the simulator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import UUID

from . import _backend
from ._doctor_finding import Finding, asked
from ._leases import leases
from ._volumes import local_volume_paths
from .administration import providers, shadow_copies, storage_areas, volume_states, writers
from .backup_components import BackupComponents
from .enums import ProtectionFault, SnapshotAttributes, SnapshotContext, WriterState
from .errors import SecurityTooLateError, SnapshotSetInProgressError, VssError
from .snapshot_management import DifferentialSnapshotManagement

if TYPE_CHECKING:
    from ._properties import WriterStatus
    from .metadata import WriterMetadata
    from .simulator import Machine

# Limits of the system provider (semantics 5); a registry value can lower the second.
_MOST_COPIES = 512
_MOST_CLIENT_ACCESSIBLE = 64
_NEARLY = 0.9  # of a limit

_SQL_SERVER_WRITER = UUID("a65faa63-5ea8-4ebc-9dbd-a0c4db26912a")


def vss_findings(backend: Machine | str | None, timeout: float) -> list[Finding]:
    """Everything that needs a backend; one finding that says so where there is none."""
    try:
        resolved = _backend.resolve(backend)
    except VssError as error:
        return [Finding("module", "error", str(error), error.hint)]
    found = [Finding("module", "ok", f"vsspy talks to {_spoken(resolved.name)}")]
    found += asked("com-security", lambda: _security(backend))
    found += asked("providers", lambda: _providers(backend))
    if any(each.id == "providers" and each.severity != "ok" for each in found):
        return found  # nothing below can be asked either, and would only repeat it
    found += asked("snapshot-set", lambda: _set_in_progress(backend))
    found += asked("writers", lambda: _writers(backend, timeout))
    found += asked("storage", lambda: _storage(backend))
    found += asked("shadow-copies", lambda: _shadow_copies(backend))
    found += asked("leases", _leases)
    return found


def _spoken(name: str) -> str:
    return "a simulated machine" if name == "simulator" else "the Volume Shadow Copy Service"


def _security(backend: Machine | str | None) -> Iterator[Finding]:
    if _backend.security_scope(backend) not in _backend.secured:
        try:
            _backend.initialize_security(backend)
        except SecurityTooLateError as error:
            yield Finding("com-security", "warning", str(error), error.hint)
            return
    yield Finding("com-security", "ok", "writers may call this process back")


def _providers(backend: Machine | str | None) -> Iterator[Finding]:
    found = providers(backend)
    if not found:
        yield Finding("providers", "error", "no provider is registered: nothing can make shadow copies")
        return
    yield Finding("providers", "ok", f"registered: {', '.join(f'{each.name} {each.version}' for each in found)}")


def _set_in_progress(backend: Machine | str | None) -> Iterator[Finding]:
    # One set is made at a time on a computer, and only StartSnapshotSet tells (semantics 5).
    with BackupComponents(backend) as components:
        components.initialize_for_backup()
        components.set_context(SnapshotContext.FILE_SHARE_BACKUP)
        try:
            components.start_snapshot_set()
        except SnapshotSetInProgressError as error:
            yield Finding("snapshot-set", "warning", "another program is making shadow copies now", error.hint)
            return
        finally:
            components.abort_backup()
    yield Finding("snapshot-set", "ok", "no other program is making shadow copies now")


def _writers(backend: Machine | str | None, timeout: float) -> Iterator[Finding]:
    found = writers(timeout=timeout, backend=backend)
    wrong = [finding for writer, status in found for finding in _writer(writer, status)]
    yield from wrong
    if not wrong:
        names = ", ".join(dict.fromkeys(writer.name for writer, _ in found)) or "there are none"
        yield Finding("writers", "ok", f"{len(found)} answered, none has failed: {names}")


def _writer(writer: WriterMetadata, status: WriterStatus | None) -> Iterator[Finding]:
    if status is None or status.state == WriterState.UNKNOWN:
        # Semantics 4.3: it has a defect, or did not answer.
        yield Finding("writers", "warning", f"{writer.name} tells no state", _restart(writer))
    elif status.failed:
        # At other times than right after a step, a state is left from an earlier backup, anybody's (semantics 4.4).
        words = f", {status.application_message}" if status.application_message else ""
        what = f"{writer.name} is in state {status.state.name} since its last backup: {status.failure_name}{words}"
        yield Finding("writers", "warning", what, f"{_retry(status.failure_name)} {_restart(writer)}")


def _retry(name: str) -> str:
    # What requesters are told to do about each code (semantics 4.5 and 5).
    advice = {
        "VSS_E_WRITERERROR_INCONSISTENTSNAPSHOT": "Back up all volumes that hold its data in one set.",
        "VSS_E_WRITERERROR_OUTOFRESOURCES": "Wait ten minutes and back up again, at most three times.",
        "VSS_E_WRITERERROR_TIMEOUT": "Back up again when the computer has less to do: ten minutes later, at most three times.",
        "VSS_E_WRITERERROR_RETRYABLE": "Wait ten minutes and back up again, at most three times.",
        "VSS_E_WRITERERROR_NONRETRYABLE": "A second try will fail too: find the cause in the Application event log.",
    }
    return advice.get(name, "Find the cause in the Application event log.")


def _restart(writer: WriterMetadata) -> str:
    # Learn, sql/database-engine/configure-windows/sql-writer-service. Of other writers only their own words are known: the
    # service that is stopped and started for a restore (semantics 11.2).
    if writer.writer_id == _SQL_SERVER_WRITER:
        return "If it stays like that, restart its service (SQL Server VSS Writer)."
    if writer.restore_method is not None and writer.restore_method.service:
        return f"If it stays like that, restart its service ({writer.restore_method.service})."
    return "If it stays like that, restart the application or service that it belongs to."


def _volume_name(path: str, backend: Machine | str | None) -> str:
    machine = _backend.machine_of(backend)
    paths = local_volume_paths() if machine is None else machine.volume_paths
    return next((name for name, each in paths.items() if each.casefold() == path.casefold()), path)


def _storage(backend: Machine | str | None) -> Iterator[Finding]:
    areas = storage_areas(backend=backend)
    full = False
    for area in areas:
        limit = area.maximum_diff_space
        if limit is None or area.used_diff_space < _NEARLY * limit:
            continue
        full = True
        # Semantics 6: under storage pressure the system provider deletes the oldest shadow copies.
        volume = _volume_name(area.volume_name, backend)
        yield Finding(
            "storage",
            "warning",
            f"the shadow copies of {volume} use {area.used_diff_space} of {limit} bytes: the oldest will be deleted, a backup's "
            "own among them",
            f"Allow more with `vsspy storage resize`, or delete old shadow copies of {volume}.",
        )
    yield from (lost := list(_faults(backend)))
    if not full and not lost:
        what = (
            f"{len(areas)} storage areas, none is near its limit"
            if areas
            else "no storage area yet: VSS makes them itself"
        )
        yield Finding("storage", "ok", what)


def _faults(backend: Machine | str | None) -> Iterator[Finding]:
    """Volumes that went offline, or lost their shadow copies, when their storage failed (semantics 6)."""
    with DifferentialSnapshotManagement(backend=backend) as management:
        for volume in volume_states(backend):
            try:
                found = management.get_volume_protect_level(volume.path)
            except VssError:
                continue  # not on this system, or not for this volume
            if found.fault != ProtectionFault.NONE:
                state = (
                    "is offline so as to keep its shadow copies"
                    if found.offline_for_protection
                    else "lost its shadow copies"
                )
                yield Finding(
                    "storage",
                    "error" if found.offline_for_protection else "warning",
                    f"{volume.name} {state}: {found.fault.name}",
                    "Make room on the volume that stores them, then clear the fault (clear_volume_protect_fault).",
                )


def _shadow_copies(backend: Machine | str | None) -> Iterator[Finding]:
    found = shadow_copies(backend=backend)
    visible = SnapshotAttributes.CLIENT_ACCESSIBLE
    every = Counter(copy.original_volume for copy in found)
    accessible = Counter(copy.original_volume for copy in found if copy.attributes & visible)
    near = False
    for counts, limit, kind in ((every, _MOST_COPIES, ""), (accessible, _MOST_CLIENT_ACCESSIBLE, "client-accessible ")):
        for path, count in counts.items():
            if count >= _NEARLY * limit:
                near = True
                what = f"{_volume_name(path, backend)} has {count} {kind}shadow copies; {limit} are possible"
                yield Finding("shadow-copies", "warning", what, "Delete old ones with `vsspy delete`.")
    if not near:
        yield Finding("shadow-copies", "ok", f"{len(found)} exist, far from the limits")


def _leases() -> Iterator[Finding]:
    left = [lease for lease in leases() if not lease.alive]
    for lease in left:
        when = f"{lease.started:%Y-%m-%d %H:%M} UTC"
        what = f"{lease.program or 'a program'} (process {lease.pid}) ended in the middle of a backup of {', '.join(lease.volumes)}, {when}"
        yield Finding("leases", "warning", what, "Delete what it left: vsspy cleanup")
    if not left:
        yield Finding("leases", "ok", "no program ended in the middle of a backup")
