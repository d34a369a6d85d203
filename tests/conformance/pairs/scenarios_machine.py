"""Codes that the machine brings about: its limits, what else goes on on it, and what it lacks."""

from __future__ import annotations

import contextlib
from uuid import UUID

from support import wait

import vsspy
from vsspy.enums import ObjectType, RestoreType, SnapshotContext

from .exercises_snapshots import TRANSPORTABLE, delete_all
from .model import scenario
from .raw import PROVIDER
from .scenes import UNKNOWN, Scene, World
from .server import KEY

B = "IVssBackupComponents"
ADD = f"{B}::AddToSnapshotSet"


def plain_set(s: Scene, context: int = SnapshotContext.FILE_SHARE_BACKUP) -> vsspy.BackupComponents:
    """A requester without writers, with its set started."""
    bc = s.requester()
    bc.initialize_for_backup()
    bc.set_context(context)
    bc.start_snapshot_set()
    return bc


@scenario(ADD, "VSS_E_MAXIMUM_NUMBER_OF_VOLUMES_REACHED", "machine")
def _the_65th_volume(world: World) -> None:
    with world.scene("nothing", "64 volumes") as s:
        bc = plain_set(s)
        *most, last = s.machine.volumes
        for volume in most:
            bc.add_to_snapshot_set(volume)
        bc.add_to_snapshot_set(last)


@scenario(ADD, "VSS_E_MAXIMUM_NUMBER_OF_SNAPSHOTS_REACHED", "machine")
def _the_513th_shadow_copy(world: World) -> None:
    with world.scene("nothing") as s, contextlib.ExitStack() as stack:
        stack.callback(delete_all, s.machine)
        for _ in range(512):
            with vsspy.BackupComponents(s.machine) as bc:
                bc.initialize_for_backup()
                bc.set_context(SnapshotContext.NAS_ROLLBACK)
                bc.start_snapshot_set()
                bc.add_to_snapshot_set("D:\\")
                wait(bc.do_snapshot_set())
        plain_set(s).add_to_snapshot_set("D:\\")


@scenario(ADD, "VSS_E_PROVIDER_NOT_REGISTERED", "argument")
def _no_such_provider(world: World) -> None:
    with world.scene("started") as s:
        s.bc.add_to_snapshot_set("C:\\", UUID(int=1))


@scenario(ADD, "VSS_E_VOLUME_NOT_SUPPORTED", "machine")
def _no_hardware(world: World) -> None:
    """Transportable shadow copies are for hardware providers (semantics 6), and there is none."""
    with world.scene("nothing") as s:
        plain_set(s, TRANSPORTABLE).add_to_snapshot_set("C:\\")


@scenario(ADD, "VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER", "machine")
def _system_provider_cannot(world: World) -> None:
    with world.scene("nothing") as s:
        plain_set(s, TRANSPORTABLE).add_to_snapshot_set("C:\\", PROVIDER)


@scenario(f"{B}::StartSnapshotSet", "VSS_E_SNAPSHOT_SET_IN_PROGRESS", "machine")
def _another_set(world: World) -> None:
    with world.scene("started") as s:
        plain_set(s)


@scenario("IVssBackupComponents::Query", "VSS_E_OBJECT_NOT_FOUND", "argument")
def _nothing_has_the_queried_id(world: World) -> None:
    with world.scene("snapped") as s:
        s.bc.query(UNKNOWN, ObjectType.SNAPSHOT)


@scenario("IVssBackupComponents::PostRestore", "VSS_E_OBJECT_NOT_FOUND", "state")
def _the_imported_set_is_gone(world: World) -> None:
    with world.scene("restore gathered") as s:
        s.bc.set_restore_state(RestoreType.IMPORT)
        s.bc.set_selected_for_restore(*KEY, True)
        wait(s.bc.pre_restore())
        s.bc.post_restore()
