"""How vsspy calls the methods for shadow copies that exist: expose, revert, break, import, recover; and enumerations."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from support import wait

import vsspy
from vsspy.enums import BackupType, HardwareOptions, ObjectType, RecoveryOptions, SnapshotAttributes, SnapshotContext

from .exercises_backup import equals, query
from .model import exercise
from .scenes import Scene, stage

B = "IVssBackupComponents"
TRANSPORTABLE = int(SnapshotContext.APP_ROLLBACK) | int(SnapshotAttributes.TRANSPORTABLE)


def snapshot_set(s: Scene, context: int, *volumes: str) -> str:
    """A requester of its own makes a set of persistent shadow copies, saves its document, and is gone; afterwards the
    scene knows ``set_id`` and ``shadow_ids``, and in its end deletes what is left of them."""
    with vsspy.BackupComponents(s.machine) as bc:
        bc.initialize_for_backup()
        bc.set_context(context)
        bc.set_backup_state(True, False, BackupType.COPY)
        wait(bc.gather_writer_metadata())
        s.set_id = bc.start_snapshot_set()
        s.shadow_ids = [bc.add_to_snapshot_set(volume) for volume in volumes]
        wait(bc.prepare_for_backup())
        wait(bc.do_snapshot_set())
        document = bc.save_as_xml()
        wait(bc.backup_complete())
    s.stack.callback(delete_all, s.machine)
    return document


def delete_all(machine: Any) -> None:
    """Leave no shadow copy."""
    with vsspy.BackupComponents(machine) as bc:
        bc.initialize_for_backup()
        bc.set_context(SnapshotContext.ALL)
        for set_id in {each.set_id for each in machine.shadow_copies}:
            bc.delete_snapshots(set_id, ObjectType.SNAPSHOT_SET, force_delete=True)


@stage("persistent")
def persistent(s: Scene) -> None:
    """A persistent shadow copy, and a requester that sees it."""
    snapshot_set(s, SnapshotContext.APP_ROLLBACK, "C:\\")
    s.backup()
    s.bc.initialize_for_backup()
    s.bc.set_context(SnapshotContext.ALL)
    s.shadow_id = s.shadow_ids[0]


def expose(s: Scene) -> str:
    name: str = s.bc.expose_snapshot(s.shadow_id, None, SnapshotAttributes.EXPOSED_LOCALLY, "X:")
    s.stack.callback(delete_all, s.machine)
    return name


@stage("exposed")
def exposed(s: Scene) -> None:
    persistent(s)
    expose(s)


exercise(f"{B}::ExposeSnapshot", "persistent", expose, equals("X:\\"))
exercise(f"{B}Ex2::UnexposeSnapshot", "exposed", lambda s: s.bc.unexpose_snapshot(s.shadow_id))
exercise(f"{B}::RevertToSnapshot", "persistent", lambda s: s.bc.revert_to_snapshot(s.shadow_id, True))


@stage("reverting")
def reverting(s: Scene) -> None:
    """A revert of C: that is not over before the machine is."""
    snapshot_set(s, SnapshotContext.APP_ROLLBACK, "C:\\")
    s.stack.pop_all()  # the machine takes its shadow copies along
    s.backup()
    s.bc.initialize_for_backup()
    s.bc.set_context(SnapshotContext.ALL)
    s.shadow_id = s.shadow_ids[0]
    s.bc.revert_to_snapshot(s.shadow_id, True)


exercise(
    f"{B}::QueryRevertStatus", "reverting", lambda s: s.bc.query_revert_status("C:\\").close(), machine="reverting"
)


@stage("transportable")
def transportable(s: Scene) -> None:
    """A transportable set of the hardware provider, and another requester that has its document."""
    s.document = snapshot_set(s, TRANSPORTABLE, "C:\\")
    s.backup()
    s.bc.initialize_for_backup(s.document)
    s.shadow_id = s.shadow_ids[0]


@stage("imported")
def imported(s: Scene) -> None:
    transportable(s)
    wait(s.bc.import_snapshots())


@stage("recovery")
def recovery(s: Scene) -> None:
    """A restore with the document of a hardware set."""
    s.document = snapshot_set(s, TRANSPORTABLE, "C:\\")
    s.backup()
    s.bc.initialize_for_restore(s.document)
    s.shadow_id = s.shadow_ids[0]


@stage("recovery set")
def recovery_set(s: Scene) -> None:
    recovery(s)
    s.bc.add_snapshot_to_recovery_set(s.shadow_id)


HARDWARE = "hardware"
exercise(f"{B}::ImportSnapshots", "transportable", lambda s: wait(s.bc.import_snapshots()), machine=HARDWARE)
exercise(f"{B}::BreakSnapshotSet", "imported", lambda s: s.bc.break_snapshot_set(s.set_id), machine=HARDWARE)
exercise(
    f"{B}Ex2::BreakSnapshotSetEx",
    "imported",
    lambda s: wait(s.bc.break_snapshot_set_ex(s.set_id, HardwareOptions(0))),
    machine=HARDWARE,
)
exercise(
    f"{B}Ex3::AddSnapshotToRecoverySet",
    "recovery",
    lambda s: s.bc.add_snapshot_to_recovery_set(s.shadow_id),
    machine=HARDWARE,
)
exercise(f"{B}Ex3::RecoverSet", "recovery set", lambda s: wait(s.bc.recover_set(RecoveryOptions(0))), machine=HARDWARE)
exercise(f"{B}Ex2::PreFastRecovery", "init", lambda s: s.bc.pre_fast_recovery(UUID(int=1)))
exercise(f"{B}Ex2::FastRecovery", "init", lambda s: s.bc.fast_recovery(UUID(int=1)))


def paths(s: Scene) -> tuple[str, str]:
    found = s.bc.get_root_and_logical_prefix_paths("C:\\data\\file.txt")
    return found.root_path, found.logical_prefix


exercise(f"{B}Ex4::GetRootAndLogicalPrefixPaths", "init", paths, lambda found: equals("C:\\")(found[0]))

# IVssEnumObject


@stage("enumeration")
def enumeration(s: Scene) -> None:
    """The one shadow copy of a backup."""
    s.backup()
    s.order.to_snapped()
    s.enumeration = s.stack.enter_context(s.bc.query())


def cloned(s: Scene) -> list[UUID]:
    with s.enumeration.clone() as clone:
        return [each.snapshot_id for each in clone]


def count_is(number: int) -> Any:
    def check(found: list[object]) -> None:
        assert len(found) == number

    return check


exercise("IVssEnumObject::Next", "enumeration", lambda s: s.enumeration.next(1), count_is(1))
exercise("IVssEnumObject::Skip", "enumeration", lambda s: s.enumeration.skip(1), equals(True))
exercise("IVssEnumObject::Reset", "enumeration", lambda s: s.enumeration.reset())
exercise("IVssEnumObject::Clone", "enumeration", cloned, count_is(1))

# The reading of properties ends with their release; no code belongs to it
exercise("VssFreeSnapshotProperties", "snapped", query, count_is(1))
