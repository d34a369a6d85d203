"""Codes that come from what a shadow copy is, and from what else goes on with it: revert, break, recover, expose."""

from __future__ import annotations

import shutil

from support import wait

import vsspy
from vsspy.enums import HardwareOptions, ObjectType, RecoveryOptions, SnapshotAttributes, SnapshotContext

from .exercises_snapshots import TRANSPORTABLE, persistent, snapshot_set
from .model import scenario
from .scenarios_machine import plain_set
from .scenes import Scene, World

B = "IVssBackupComponents"
REVERT = f"{B}::RevertToSnapshot"
ADD_TO_RECOVERY = f"{B}Ex3::AddSnapshotToRecoverySet"
RECOVER = f"{B}Ex3::RecoverSet"


@scenario(f"{B}::BreakSnapshotSet", "VSS_E_PROVIDER_VETO", "machine")
def _software_is_not_broken(world: World) -> None:
    with world.scene("persistent") as s:
        s.bc.break_snapshot_set(s.set_id)


@scenario(f"{B}Ex2::BreakSnapshotSetEx", "VSS_E_PROVIDER_VETO", "machine")
def _software_is_not_broken_either(world: World) -> None:
    with world.scene("persistent") as s:
        wait(s.bc.break_snapshot_set_ex(s.set_id))


@scenario(f"{B}::RevertToSnapshot", "VSS_E_UNSUPPORTED_CONTEXT", "state")
def _not_persistent(world: World) -> None:
    with world.scene("snapped") as s:
        other = s.requester()
        other.initialize_for_backup()
        other.set_context(SnapshotContext.ALL)
        other.revert_to_snapshot(s.order.shadow_id)


@scenario(REVERT, "E_NOTIMPL", "machine")
def _hardware_does_not_revert(world: World) -> None:
    with world.scene("persistent", "hardware") as s:
        s.bc.revert_to_snapshot(s.shadow_id)


@scenario(REVERT, "VSS_E_REVERT_IN_PROGRESS", "machine")
def _one_revert_at_a_time(world: World) -> None:
    with world.scene("reverting", "reverting") as s:
        s.bc.revert_to_snapshot(s.shadow_id)


@scenario(REVERT, "VSS_E_VOLUME_IN_USE", "machine")
def _the_volume_is_in_use(world: World) -> None:
    """A set under creation holds it."""
    with world.scene("persistent") as s:
        plain_set(s).add_to_snapshot_set("C:\\")
        s.bc.revert_to_snapshot(s.shadow_id, False)


@scenario(REVERT, "VSS_E_VOLUME_NOT_SUPPORTED", "machine")
def _the_volume_is_elsewhere(world: World) -> None:
    """A shadow copy that was imported from another computer, which still has the volume."""
    with (
        world.scene("transportable", "hardware") as source,
        vsspy.BackupComponents(world.machine("other hardware")) as bc,
    ):
        world.watch("other hardware")
        bc.initialize_for_backup(source.document)
        wait(bc.import_snapshots())
        try:
            bc.revert_to_snapshot(source.shadow_id)
        finally:
            bc.delete_snapshots(source.shadow_id, ObjectType.SNAPSHOT)


@scenario(f"{B}::QueryRevertStatus", "E_NOTIMPL", "machine")
def _before_vista(world: World) -> None:
    with world.scene("init", "xp") as s:
        s.bc.query_revert_status("C:\\")


@scenario(f"{B}::QueryRevertStatus", "VSS_E_VOLUME_NOT_SUPPORTED", "machine")
def _an_exposed_shadow_copy_is_no_volume(world: World) -> None:
    with world.scene("exposed") as s:
        s.bc.query_revert_status("X:\\")


@scenario(f"{B}Ex2::BreakSnapshotSetEx", "VSS_E_BREAK_REVERT_ID_FAILED", "machine")
def _the_original_is_there(world: World) -> None:
    with world.scene("imported", "hardware") as s:
        wait(s.bc.break_snapshot_set_ex(s.set_id, HardwareOptions.BREAKEX_FLAG_REVERT_IDENTITY_ALL))


@scenario(ADD_TO_RECOVERY, "VSS_E_LEGACY_PROVIDER", "machine")
def _too_old(world: World) -> None:
    with world.scene("recovery", "legacy hardware") as s:
        s.bc.add_snapshot_to_recovery_set(s.shadow_id)


@scenario(RECOVER, "VSS_E_LEGACY_PROVIDER", "machine")
def _too_old_to_recover(world: World) -> None:
    with world.scene("recovery", "legacy hardware") as s:
        wait(s.bc.recover_set())


@scenario(ADD_TO_RECOVERY, "VSS_E_RESYNC_IN_PROGRESS", "machine")
def _one_resync_at_a_time(world: World) -> None:
    with world.scene("recovery set", "resynchronising") as s:
        other = s.requester()
        other.initialize_for_restore(s.document)
        with s.bc.recover_set():
            other.add_snapshot_to_recovery_set(s.shadow_id)


@scenario(ADD_TO_RECOVERY, "VSS_E_SNAPSHOT_NOT_IN_SET", "argument")
def _of_another_set(world: World) -> None:
    with world.scene("recovery", "hardware") as s:
        s.bc.add_snapshot_to_recovery_set(s.set_id)


@scenario(ADD_TO_RECOVERY, "VSS_E_VOLUME_NOT_SUPPORTED", "machine")
def _a_shadow_copy_as_destination(world: World) -> None:
    with world.scene("nothing", "hardware") as s:
        exposed_on_hardware(s)
        document = snapshot_set(s, TRANSPORTABLE, "C:\\")
        bc = s.requester()
        bc.initialize_for_restore(document)
        bc.add_snapshot_to_recovery_set(s.shadow_ids[0], 0, "X:\\")


def exposed_on_hardware(s: Scene) -> None:
    persistent(s)
    s.bc.expose_snapshot(s.shadow_id, None, SnapshotAttributes.EXPOSED_LOCALLY, "X:")


@scenario(RECOVER, "VSS_E_UNSELECTED_VOLUME", "machine")
def _another_volume_lies_on_it(world: World) -> None:
    with world.scene("recovery set", "mounted hardware") as s:
        wait(s.bc.recover_set())


@scenario(RECOVER, "VSS_E_CANNOT_REVERT_DISKID", "machine")
def _the_identity_is_taken(world: World) -> None:
    with world.scene("recovery", "hardware") as s:
        s.bc.add_snapshot_to_recovery_set(s.shadow_id, 0, "D:\\")
        wait(s.bc.recover_set(RecoveryOptions.REVERT_IDENTITY_ALL))


@scenario(RECOVER, "VSS_E_PROVIDER_VETO", "machine")
def _its_lun_has_gone(world: World) -> None:
    with world.scene("recovery set", "hardware") as s:
        other = s.requester()
        other.initialize_for_backup()
        other.set_context(SnapshotContext.ALL)
        other.delete_snapshots(s.shadow_id, ObjectType.SNAPSHOT)
        wait(s.bc.recover_set())


@scenario(f"{B}::ExposeSnapshot", "VSS_E_PROVIDER_VETO", "machine")
def _the_shadow_copy_has_gone(world: World) -> None:
    """Somebody removed what there was to expose."""
    with world.scene("nothing", "losing") as s:
        snapshot_set(s, SnapshotContext.APP_ROLLBACK, "C:\\")
        bc = s.requester()
        bc.initialize_for_backup()
        bc.set_context(SnapshotContext.ALL)
        shutil.rmtree(s.machine.shadow_copies[0].folder)
        bc.expose_snapshot(s.shadow_ids[0], None, SnapshotAttributes.EXPOSED_REMOTELY, "share")
