"""Every method of a requester as a call with arguments out of small pools, good and bad, for programs made at random."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar
from uuid import UUID

from pairs.server import DATA_FILES, DOCUMENT, one_writer
from support import FILEGROUP, ONE_ID, ONE_INSTANCE, TWO_ID, TWO_INSTANCE

import vsspy
from vsspy.enums import (
    BackupType,
    ComponentType,
    FileRestoreStatus,
    HardwareOptions,
    ObjectType,
    ProtectionLevel,
    RestoreType,
    RollForwardType,
    SnapshotAttributes,
    SnapshotContext,
)

api: Any = vsspy
T = TypeVar("T")
UNKNOWN = UUID("0badc0de-0000-0000-0000-000000000000")


class Pick(Protocol):
    """Chooses out of a pool."""

    def __call__(self, pool: Sequence[T], /) -> T: ...


class Requester:
    """One requester and all that it was handed out so far; it is used whatever state that is in."""

    def __init__(self, backend: Any) -> None:
        self.bc: Any = vsspy.BackupComponents(backend)
        self.ids: list[UUID] = [UNKNOWN, UUID(int=0)]
        self.documents: list[str | None] = [None, "", "<", DOCUMENT]
        self.operations: list[vsspy.AsyncOperation] = []
        self.views: list[Any] = []
        self.enumerations: list[Any] = []
        self.steps = 0  # of the right order

    def close(self) -> None:
        """Give everything back, in the order in which it came."""
        self.bc.close()
        for each in [*self.operations, *self.enumerations]:
            each.close()
        self.views.clear()


@contextlib.contextmanager
def typed_errors() -> Iterator[None]:
    """A call may fail, with a typed error only."""
    with contextlib.suppress(vsspy.VssError):
        yield


TYPES = [FILEGROUP, ComponentType.DATABASE, ComponentType(77)]
PATHS = ["path", None, "path\\data", ""]
NAMES = ["data", "base", "bare", "nothing", "", "\ud800", "x" * 300]
TEXTS = ["text", "", "a\0b", "\U0001f600" * 40]
WRITERS = [ONE_ID, TWO_ID, UNKNOWN]
INSTANCES = [ONE_INSTANCE, TWO_INSTANCE, UNKNOWN]
FOLDERS = [DATA_FILES.path, "C:\\none", ""]
FILESPECS = [DATA_FILES.filespec, "file.txt"]
VOLUMES = ["C:\\", "D:\\", "Q:\\", "C:", ""]
BOTH = [True, False]
PROVIDERS = [None, UUID("b5946137-7b9f-4925-af80-51abd60b20d5"), UNKNOWN]
CONTEXTS = [*SnapshotContext, int(SnapshotContext.APP_ROLLBACK) | int(SnapshotAttributes.TRANSPORTABLE), 0x12345]
OBJECTS = list(ObjectType)


def key(pick: Pick) -> tuple[Any, ...]:
    return pick(WRITERS), pick(TYPES), pick(PATHS), pick(NAMES)


def files(pick: Pick) -> tuple[Any, ...]:
    return pick(FOLDERS), pick(FILESPECS), pick(BOTH)


Call = Callable[[Requester, Pick], object]


def _starts(method: str, *arguments: Callable[[Requester, Pick], Any]) -> Call:
    def call(r: Requester, pick: Pick) -> None:
        r.operations.append(getattr(r.bc, method)(*(each(r, pick) for each in arguments)))

    return call


def _save(r: Requester, _: Pick) -> None:
    r.documents.append(r.bc.save_as_xml())


def _start_set(r: Requester, _: Pick) -> None:
    r.ids.append(r.bc.start_snapshot_set())


def _add_volume(r: Requester, pick: Pick) -> None:
    r.ids.append(r.bc.add_to_snapshot_set(pick(VOLUMES), pick(PROVIDERS)))


def _query(r: Requester, pick: Pick) -> None:
    queried = pick(r.ids) if pick([False, False, True]) else None
    kinds = [ObjectType.SNAPSHOT, ObjectType.PROVIDER, *OBJECTS]
    r.enumerations.append(r.bc.query(queried, pick([ObjectType.NONE, *OBJECTS]), pick(kinds)))


def _views(r: Requester, _: Pick) -> None:
    for writer in r.bc.writer_components:
        r.views += [writer, *writer.components]


def an_id(r: Requester, pick: Pick) -> UUID:
    """The youngest first."""
    return pick(r.ids[::-1])


SESSION: dict[str, Call] = {
    "initialize_for_backup": lambda r, pick: r.bc.initialize_for_backup(pick(r.documents)),
    "initialize_for_restore": lambda r, pick: r.bc.initialize_for_restore(pick([DOCUMENT, *filter(None, r.documents)])),
    "set_context": lambda r, pick: r.bc.set_context(pick(CONTEXTS)),
    "set_backup_state": lambda r, pick: r.bc.set_backup_state(
        pick(BOTH), pick(BOTH), pick([BackupType.FULL, *BackupType, BackupType(99)]), pick(BOTH)
    ),
    "enable_writer_classes": lambda r, pick: r.bc.enable_writer_classes([pick(WRITERS)]),
    "disable_writer_classes": lambda r, pick: r.bc.disable_writer_classes([pick(WRITERS)]),
    "disable_writer_instances": lambda r, pick: r.bc.disable_writer_instances([pick(INSTANCES)]),
    "gather_writer_metadata": _starts("gather_writer_metadata"),
    "writer_metadata": lambda r, _: r.bc.writer_metadata,
    "free_writer_metadata": lambda r, _: r.bc.free_writer_metadata(),
    "add_component": lambda r, pick: r.bc.add_component(pick(INSTANCES), *key(pick)),
    "set_backup_options": lambda r, pick: r.bc.set_backup_options(*key(pick), pick(TEXTS)),
    "set_previous_backup_stamp": lambda r, pick: r.bc.set_previous_backup_stamp(*key(pick), pick(TEXTS)),
    "set_backup_succeeded": lambda r, pick: r.bc.set_backup_succeeded(pick(INSTANCES), *key(pick), pick(BOTH)),
    "start_snapshot_set": _start_set,
    "add_to_snapshot_set": _add_volume,
    "is_volume_supported": lambda r, pick: r.bc.is_volume_supported(pick(VOLUMES), pick(PROVIDERS)),
    "prepare_for_backup": _starts("prepare_for_backup"),
    "do_snapshot_set": _starts("do_snapshot_set"),
    "get_snapshot_properties": lambda r, pick: r.bc.get_snapshot_properties(an_id(r, pick)),
    "query": _query,
    "delete_snapshots": lambda r, pick: r.bc.delete_snapshots(
        an_id(r, pick), pick([ObjectType.SNAPSHOT, *OBJECTS]), pick(BOTH)
    ),
    "gather_writer_status": _starts("gather_writer_status"),
    "writer_status": lambda r, _: r.bc.writer_status,
    "free_writer_status": lambda r, _: r.bc.free_writer_status(),
    "backup_complete": _starts("backup_complete"),
    "abort_backup": lambda r, _: r.bc.abort_backup(),
    "save_as_xml": _save,
    "get_session_id": lambda r, _: r.bc.get_session_id(),
    "writer_components": _views,
    "set_restore_state": lambda r, pick: r.bc.set_restore_state(
        pick([RestoreType.BY_COPY, *RestoreType, RestoreType(99)])
    ),
    "set_selected_for_restore": lambda r, pick: r.bc.set_selected_for_restore(*key(pick), pick(BOTH)),
    "set_selected_for_restore_ex": lambda r, pick: r.bc.set_selected_for_restore_ex(
        *key(pick), pick(BOTH), pick(INSTANCES)
    ),
    "set_restore_options": lambda r, pick: r.bc.set_restore_options(*key(pick), pick(TEXTS)),
    "set_additional_restores": lambda r, pick: r.bc.set_additional_restores(*key(pick), pick(BOTH)),
    "add_alternative_location_mapping": lambda r, pick: r.bc.add_alternative_location_mapping(
        *key(pick), *files(pick), pick(FOLDERS)
    ),
    "add_restore_subcomponent": lambda r, pick: r.bc.add_restore_subcomponent(
        *key(pick), pick(["path\\data", *TEXTS]), pick(["sub", *NAMES])
    ),
    "set_file_restore_status": lambda r, pick: r.bc.set_file_restore_status(
        *key(pick), pick([FileRestoreStatus.ALL, *FileRestoreStatus])
    ),
    "add_new_target": lambda r, pick: r.bc.add_new_target(*key(pick), *files(pick), pick(FOLDERS)),
    "set_ranges_file_path": lambda r, pick: r.bc.set_ranges_file_path(
        *key(pick), pick([0, 1, 0xFFFFFFFF]), pick(TEXTS)
    ),
    "pre_restore": _starts("pre_restore"),
    "post_restore": _starts("post_restore"),
    "set_authoritative_restore": lambda r, pick: r.bc.set_authoritative_restore(*key(pick), pick(BOTH)),
    "set_roll_forward": lambda r, pick: r.bc.set_roll_forward(
        *key(pick), pick([RollForwardType.ALL, *RollForwardType, RollForwardType(99)]), pick([None, *TEXTS])
    ),
    "set_restore_name": lambda r, pick: r.bc.set_restore_name(*key(pick), pick(TEXTS)),
    "import_snapshots": _starts("import_snapshots"),
    "break_snapshot_set": lambda r, pick: r.bc.break_snapshot_set(an_id(r, pick)),
    "break_snapshot_set_ex": _starts("break_snapshot_set_ex", an_id, lambda _, pick: pick([0, *HardwareOptions])),
    "expose_snapshot": lambda r, pick: r.bc.expose_snapshot(
        an_id(r, pick),
        pick([None, "data"]),
        pick([SnapshotAttributes.EXPOSED_LOCALLY, SnapshotAttributes.EXPOSED_REMOTELY, SnapshotAttributes(0)]),
        pick([None, "X:", "share", ""]),
    ),
    "unexpose_snapshot": lambda r, pick: r.bc.unexpose_snapshot(an_id(r, pick)),
    "revert_to_snapshot": lambda r, pick: r.bc.revert_to_snapshot(an_id(r, pick), pick(BOTH)),
    "query_revert_status": _starts("query_revert_status", lambda _, pick: pick(VOLUMES)),
    "pre_fast_recovery": _starts("pre_fast_recovery", an_id),
    "fast_recovery": _starts("fast_recovery", an_id),
    "add_snapshot_to_recovery_set": lambda r, pick: r.bc.add_snapshot_to_recovery_set(
        an_id(r, pick), 0, pick([None, *VOLUMES])
    ),
    "recover_set": _starts("recover_set"),
    "get_root_and_logical_prefix_paths": lambda r, pick: r.bc.get_root_and_logical_prefix_paths(
        pick(["C:\\data\\file.txt", "C:\\", "", "no path", "\\\\server\\share\\folder"]), pick(BOTH)
    ),
}
"""The methods of BackupComponents by name; what is picked first out of each pool is good."""

BACKUP = (
    "initialize_for_backup",
    "set_backup_state",
    "gather_writer_metadata",
    "add_component",
    "start_snapshot_set",
    "add_to_snapshot_set",
    "set_backup_options",
    "writer_components",
    "prepare_for_backup",
    "do_snapshot_set",
    "query",
    "writer_components",
    "set_backup_succeeded",
    "gather_writer_status",
    "save_as_xml",
    "backup_complete",
)
RESTORE = (
    "initialize_for_restore",
    "gather_writer_metadata",
    "set_selected_for_restore",
    "add_new_target",
    "writer_components",
    "pre_restore",
    "writer_components",
    "set_file_restore_status",
    "post_restore",
)
"""The right order, so that programs made at random get beyond the first calls."""

#: What is read of a view; the others are called.
VIEW_READS = [
    name
    for view in (getattr(vsspy, "DocumentComponent", object), getattr(vsspy, "WriterComponents", object))
    for name, member in vars(view).items()
    if isinstance(member, property)
]

OPERATION: dict[str, Callable[[vsspy.AsyncOperation], object]] = {
    "wait": lambda operation: operation.wait(timeout=60),
    "a short wait": lambda operation: operation.wait(timeout=0),
    "done": lambda operation: operation.done(),
    "status": lambda operation: operation.status,
    "cancel": lambda operation: operation.cancel(),
    "close": lambda operation: operation.close(),
    "repr": repr,
}

ENUMERATION: dict[str, Callable[[Any, int], object]] = {
    "next": lambda e, n: e.next(n),
    "skip": lambda e, n: e.skip(n),
    "reset": lambda e, _: e.reset(),
    "clone": lambda e, _: e.clone(),
    "list": lambda e, _: list(e),
    "close": lambda e, _: e.close(),
    "repr": lambda e, _: repr(e),
}


class Manager:
    """Snapshot management, and all that it was handed out so far."""

    def __init__(self, backend: Any) -> None:
        self.backend = backend
        self.management: Any = api.SnapshotManagement(backend)
        self.areas: Any = self.management.get_provider_mgmt_interface()
        self.examined: Any = api.ExamineWriterMetadata(DOCUMENTS[0], backend)
        self.enumerations: list[Any] = []

    def close(self) -> None:
        """Give everything back."""
        for each in [self.examined, *self.enumerations, self.areas, self.management]:
            each.close()


def _lists(method: str, *pools: Sequence[Any]) -> Callable[[Manager, Pick], object]:
    def call(m: Manager, pick: Pick) -> None:
        m.enumerations.append(getattr(m.areas, method)(*(pick(pool) for pool in pools)))

    return call


def _areas(method: str, *pools: Sequence[Any]) -> Callable[[Manager, Pick], object]:
    return lambda m, pick: getattr(m.areas, method)(*(pick(pool) for pool in pools))


def _volumes(m: Manager, pick: Pick) -> None:
    m.enumerations.append(m.management.query_volumes_supported_for_snapshots(pick(CONTEXTS), pick(PROVIDERS)))


def _provider(m: Manager, pick: Pick) -> None:
    m.management.get_provider_mgmt_interface(pick(PROVIDERS[:2] + PROVIDERS)).close()


DOCUMENTS = [one_writer().metadata.to_xml(), DOCUMENT, "<", ""]
SIZES = [None, 1 << 30, 0, 1, 1 << 28, -1, 1 << 62]
IDS = [UNKNOWN, UUID(int=0)]
MANAGEMENT: dict[str, Callable[[Manager, Pick], object]] = {
    "get_provider_mgmt_interface": _provider,
    "query_volumes_supported_for_snapshots": _volumes,
    "get_min_diff_area_size": lambda m, _: m.management.get_min_diff_area_size(),
    "add_diff_area": _areas("add_diff_area", VOLUMES, VOLUMES, SIZES),
    "change_diff_area_maximum_size": _areas("change_diff_area_maximum_size", VOLUMES, VOLUMES, SIZES),
    "change_diff_area_maximum_size_ex": _areas("change_diff_area_maximum_size_ex", VOLUMES, VOLUMES, SIZES, BOTH),
    "query_volumes_supported_for_diff_areas": _lists("query_volumes_supported_for_diff_areas", VOLUMES),
    "query_diff_areas_for_volume": _lists("query_diff_areas_for_volume", VOLUMES),
    "query_diff_areas_on_volume": _lists("query_diff_areas_on_volume", VOLUMES),
    "query_diff_areas_for_snapshot": _lists("query_diff_areas_for_snapshot", IDS),
    "migrate_diff_areas": _areas("migrate_diff_areas", VOLUMES, VOLUMES, VOLUMES),
    "query_migration_status": _areas("query_migration_status", VOLUMES, VOLUMES),
    "set_snapshot_priority": _areas("set_snapshot_priority", IDS, [0, 255]),
    "set_volume_protect_level": _areas("set_volume_protect_level", VOLUMES, [*ProtectionLevel, 99]),
    "get_volume_protect_level": _areas("get_volume_protect_level", VOLUMES),
    "clear_volume_protect_fault": _areas("clear_volume_protect_fault", VOLUMES),
    "delete_unused_diff_areas": _areas("delete_unused_diff_areas", VOLUMES),
    "query_snapshot_delta_bitmap": _areas("query_snapshot_delta_bitmap", IDS, IDS),
    "load_from_xml": lambda m, pick: m.examined.load_from_xml(pick(DOCUMENTS)),
    "save_as_xml": lambda m, _: m.examined.save_as_xml(),
    "metadata": lambda m, _: m.examined.metadata,
    "get_document": lambda m, _: m.examined.get_document(),
    "is_volume_snapshotted": lambda m, pick: api.is_volume_snapshotted(pick(VOLUMES), m.backend),
    "should_block_revert": lambda m, pick: api.should_block_revert(pick(VOLUMES), m.backend),
}
"""The methods of snapshot management and of documents, and the entry points, by name."""
