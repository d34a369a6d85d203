"""Calls out of order: VSS_E_BAD_STATE; what is there already, and what is not there yet."""

from __future__ import annotations

from collections.abc import Callable

from support import ONE_INSTANCE

from .model import EXERCISES, PAIRS, SCENARIOS, Pair, scenario, scenario_for
from .raw import raw_restore
from .scenes import UNKNOWN, Scene, World, stage
from .server import KEY

BAD_STATE = "VSS_E_BAD_STATE"

#: vsspy asks for the count first, which fails in its stead; a foreign requester may not.
BEHIND_A_COUNT = {
    "IVssBackupComponents::GetWriterComponents",
    "IVssBackupComponents::GetWriterMetadata",
    "IVssBackupComponentsEx::GetWriterMetadataEx",
    "IVssBackupComponents::GetWriterStatus",
    "IVssBackupComponentsEx3::GetWriterStatusEx",
}

#: A second call is what is out of order.
TWICE = {"IVssBackupComponents::InitializeForBackup", "IVssBackupComponents::InitializeForRestore"}


@stage("uninitialised")
def uninitialised(s: Scene) -> None:
    """A new object, and ids for the calls that want one."""
    s.backup()
    s.shadow_id = s.set_id = s.order.shadow_id = s.order.set_id = UNKNOWN


@stage("backup component")
def backup_component(s: Scene) -> None:
    """A component in a backup, where what belongs to a restore is out of order."""
    s.backup()
    s.order.to_snapped()
    s.component = s.bc.writer_components[0].components[0]


def on_a_new_object(pair: Pair) -> None:
    """Any method of IVssBackupComponents before either initialise call (semantics 2.5)."""
    given = EXERCISES[pair.method][0]

    def run(world: World) -> None:
        with world.scene("uninitialised", given.machine) as scene:
            given.call(scene)

    scenario_for(*pair, "state", run)


def raw_on_a_new_object(pair: Pair) -> None:
    def run(world: World) -> int:
        with world.scene("raw new") as scene:
            found: int = scene.raw.call(pair.method)
            return found

    scenario_for(*pair, "state", run, in_python=False)


def twice(pair: Pair) -> None:
    given = EXERCISES[pair.method][0]

    def run(world: World) -> None:
        with world.scene("new") as scene:
            given.call(scene)
            given.call(scene)

    scenario_for(*pair, "state", run)


def refused_to_requesters(pair: Pair) -> None:
    """Writers' own methods (semantics 2.5)."""
    given = EXERCISES[pair.method][0]

    def run(world: World) -> None:
        with world.scene(given.stage, given.machine) as scene:
            given.call(scene)

    scenario_for(*pair, "state", run)


def in_a_backup(method: str, read: Callable[[Scene], object]) -> None:
    def run(world: World) -> None:
        with world.scene("backup component") as scene:
            read(scene)

    scenario_for(method, BAD_STATE, "state", run)


def stale(method: str) -> None:
    """A view from before PreRestore (semantics 2.6); vsspy refuses it by itself, so that a foreign requester asks."""

    def run(world: World) -> int:
        with world.scene("stale", "restoring") as scene:
            found: int = scene.raw.call(method)
            return found

    scenario_for(method, BAD_STATE, "state", run, in_python=False)


@stage("stale")
def stale_view(s: Scene) -> None:
    raw_restore(s)
    s.raw.finish("IVssBackupComponents::PreRestore")


C = "IVssComponent"


@scenario(f"{C}::GetRestoreTarget", "VSS_E_OBJECT_NOT_FOUND", "state")
def _no_target_before_pre_restore(world: World) -> None:
    with world.scene("restore selected") as s:
        _ = s.bc.writer_components[0].components[0].restore_target


in_a_backup(f"{C}::IsSelectedForRestore", lambda s: s.component.selected_for_restore)
in_a_backup(f"{C}::GetFileRestoreStatus", lambda s: s.component.file_restore_status)
stale(f"{C}::GetPartialFile")
stale(f"{C}Ex2::GetFailure")


def existing(method: str, stage_name: str, call: Callable[[Scene], object], machine: str = "plain") -> None:
    """The same thing twice."""

    def run(world: World) -> None:
        with world.scene(stage_name, machine) as scene:
            call(scene)
            call(scene)

    scenario_for(method, "VSS_E_OBJECT_ALREADY_EXISTS", "state", run)


existing("IVssBackupComponents::AddComponent", "gathered", lambda s: s.bc.add_component(ONE_INSTANCE, *KEY))
existing(
    "IVssDifferentialSoftwareSnapshotMgmt::AddDiffArea",
    "one area",
    lambda s: s.areas.add_diff_area("C:\\", "D:\\", 1 << 30),
    "management",
)


def generated() -> None:
    for pair in PAIRS:
        if pair.code != BAD_STATE or pair in SCENARIOS:
            continue
        if pair.method in BEHIND_A_COUNT:
            raw_on_a_new_object(pair)
        elif pair.method in TWICE:
            twice(pair)
        elif pair.method.startswith("IVssBackupComponents"):
            on_a_new_object(pair)
        elif EXERCISES[pair.method][0].refused:
            refused_to_requesters(pair)


generated()
