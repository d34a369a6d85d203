"""Writers as classes: their handlers, what they say of themselves, what they subscribe to; several of a class; coming and
going."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from support import (
    DOCUMENT,
    FILEGROUP,
    ONE_ID,
    ONE_INSTANCE,
    TWO_INSTANCE,
    Backup,
    events,
    server,
    states,
    statuses,
    wait,
    writer,
)

import vsspy
from vsspy import simulator
from vsspy.enums import BackupSchema, BackupType, RestoreMethod, SubscribeMask, WriterRestore, WriterState
from vsspy.metadata import RestoreMethodInfo

THREE_INSTANCE = UUID("66666666-7777-8888-9999-000000000003")
BACKUP_ORDER = [
    "Identify",
    "PrepareBackup",
    "PrepareSnapshot",
    "Freeze",
    "Thaw",
    "PostSnapshot",
    "BackupComplete",
    "BackupShutdown",
]
SELECTED = (ONE_ID, FILEGROUP, None, "data")


def one_more(
    instance_id: UUID, name: str | None = None, restores: WriterRestore = WriterRestore.ALWAYS, **options: Any
) -> simulator.Writer:
    """An instance of the class that the first writer of the other tests has."""
    return simulator.Writer(
        "One Writer",
        writer_id=ONE_ID,
        instance_id=instance_id,
        instance_name=name,
        components=[simulator.Component("data", selectable=True)],
        restore_method=RestoreMethodInfo(
            RestoreMethod.RESTORE_IF_CAN_REPLACE, None, None, restores, reboot_required=False
        ),
        **options,
    )


def back_up(backup: Backup) -> None:
    """A whole backup."""
    backup.to_snapped()
    backup.succeeded("data", True)
    wait(backup.components.backup_complete())


# --- handlers


class Recording(simulator.Writer):
    """Handlers as methods, for two events only."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            "One Writer",
            writer_id=ONE_ID,
            instance_id=ONE_INSTANCE,
            components=[simulator.Component("data", selectable=True)],
            **options,
        )
        self.seen: list[str] = []

    def on_freeze(self, event: simulator.WriterEvent) -> None:
        self.seen.append(event.name)

    def on_post_snapshot(self, event: simulator.WriterEvent) -> None:
        self.seen.append(event.name)
        event.components[0].set_backup_stamp("mine")


def test_methods_of_a_subclass_are_its_handlers(tmp_path: Path) -> None:
    one = Recording()
    with server(tmp_path, writers=[one]), vsspy.BackupComponents() as components:
        back_up(Backup(components))
        assert components.writer_components[0].components[0].backup_stamp == "mine"
    assert one.seen == ["Freeze", "PostSnapshot"]


def test_an_argument_s_handler_comes_first(tmp_path: Path) -> None:
    heard: list[str] = []
    one = Recording(on_freeze=lambda event: heard.append(event.name), on_thaw=lambda event: heard.append(event.name))
    with server(tmp_path, writers=[one]), vsspy.BackupComponents() as components:
        back_up(Backup(components))
    assert (heard, one.seen) == (["Freeze", "Thaw"], ["PostSnapshot"])


def test_a_document_can_make_a_subclass(tmp_path: Path) -> None:
    class Vetoing(simulator.Writer):
        def on_freeze(self, event: simulator.WriterEvent) -> None:
            raise simulator.WriterVeto("VSS_E_WRITERERROR_OUTOFRESOURCES")

    one = Vetoing.from_xml(writer().metadata.to_xml())
    assert isinstance(one, Vetoing)
    with server(tmp_path, writers=[one]), vsspy.BackupComponents() as components:
        Backup(components).to_snapped()
        assert statuses(components)["One Writer"].failure_name == "VSS_E_WRITERERROR_OUTOFRESOURCES"
    with pytest.raises(TypeError, match="on_frost"):
        simulator.Writer.from_xml(writer().metadata.to_xml(), on_frost=None)


# --- OnIdentify


def gathered(machine: simulator.Machine) -> list[vsspy.WriterMetadata]:
    with vsspy.BackupComponents(machine) as components:
        components.initialize_for_backup()
        wait(components.gather_writer_metadata())
        return list(components.writer_metadata)


def test_identify_may_change_what_the_writer_says(tmp_path: Path) -> None:
    class Growing(Recording):
        def on_identify(self, event: simulator.WriterEvent) -> None:
            number = len(self.metadata.components)
            event.set_metadata(
                components=[*self.metadata.components, simulator.Component(f"part {number}", selectable=True)],
                exclude_files=[simulator.FileSet("C:\\data", "*.tmp")],
                exclude_files_from_snapshot=[simulator.FileSet("C:\\data", "*.cache")],
                backup_schema=BackupSchema.TIMESTAMPED,
                restore_method=RestoreMethodInfo(
                    RestoreMethod.CUSTOM, None, None, WriterRestore.NEVER, reboot_required=True
                ),
            )

    one = Growing()
    with server(tmp_path, writers=[one]) as machine:
        with vsspy.BackupComponents(machine) as early:
            early.initialize_for_backup()
            early.set_backup_state(True, False, BackupType.FULL)
            wait(early.gather_writer_metadata())
            (first,) = early.writer_metadata
            (second,) = gathered(machine)
            assert [each.name for each in first.components] == ["data", "part 1"]
            assert [each.name for each in second.components] == ["data", "part 1", "part 2"]
            (again,) = early.writer_metadata
            assert again == first, "a session keeps what it gathered"
            early.add_component(ONE_INSTANCE, ONE_ID, FILEGROUP, None, "part 1")
            assert 'backupSchema="32"' in early_document(early)
        for found in (first, second):
            assert (found.writer_id, found.instance_id, found.name) == (ONE_ID, ONE_INSTANCE, "One Writer")
            assert found.exclude_files == (simulator.FileSet("C:\\data", "*.tmp"),)
            assert found.exclude_files_from_snapshot == (simulator.FileSet("C:\\data", "*.cache"),)
            assert found.backup_schema == BackupSchema.TIMESTAMPED
            assert found.restore_method is not None
            assert found.restore_method.method is RestoreMethod.CUSTOM
        assert one.metadata == second


def early_document(components: vsspy.BackupComponents) -> str:
    """The document, which can be saved once writers were told of it."""
    components.start_snapshot_set()
    components.add_to_snapshot_set("C:\\")
    wait(components.prepare_for_backup())
    document = components.save_as_xml()
    components.abort_backup()
    return document


def test_what_is_not_given_stays(tmp_path: Path) -> None:
    one = writer(
        backup_schema=BackupSchema.LAST_MODIFY,
        exclude_files=[simulator.FileSet("C:\\data", "*.tmp")],
        on_identify=lambda event: event.set_metadata(backup_schema=BackupSchema.COPY),
    )
    before = one.metadata
    with server(tmp_path, writers=[one]) as machine:
        (found,) = gathered(machine)
    assert found.backup_schema == BackupSchema.COPY
    assert (found.components, found.exclude_files) == (before.components, before.exclude_files)


def test_a_writer_that_fails_in_identify_is_missing_and_changes_nothing(tmp_path: Path) -> None:
    class Failing(Recording):
        fails = True

        def on_identify(self, event: simulator.WriterEvent) -> None:
            event.set_metadata(backup_schema=BackupSchema.COPY)
            if self.fails:
                raise RuntimeError("not today")

    one = Failing()
    with server(tmp_path, writers=[one, writer("Two Writer")]) as machine:
        assert [each.name for each in gathered(machine)] == ["Two Writer"]
        assert one.metadata.backup_schema == 0
        with vsspy.BackupComponents(machine) as components:
            components.initialize_for_backup()
            wait(components.gather_writer_metadata())
            assert set(statuses(components)) == {"Two Writer"}, "nor does it have a status (semantics 4.2)"
        one.fails = False
        assert [each.name for each in gathered(machine)] == ["One Writer", "Two Writer"]
        assert one.metadata.backup_schema == BackupSchema.COPY


def test_metadata_change_in_identify_only(tmp_path: Path) -> None:
    kept: list[simulator.WriterEvent] = []

    def late(event: simulator.WriterEvent) -> None:
        with pytest.raises(vsspy.BadStateError):
            event.set_metadata(components=[])
        kept.append(event)

    with server(tmp_path, writers=[writer(on_identify=kept.append, on_prepare_backup=late)]) as machine:
        with vsspy.BackupComponents(machine) as components:
            Backup(components).to_prepared()
        assert len(kept) == 2
        with pytest.raises(vsspy.BadStateError):
            kept[0].set_metadata(components=[])
        assert not any(entry.note for entry in machine.trace)


def test_who_a_writer_is_never_changes(tmp_path: Path) -> None:
    """The service takes no document of somebody else."""
    codes: list[int] = []

    def pretend(event: simulator.WriterEvent) -> None:
        for other in (writer("Two Writer"), one_more(ONE_INSTANCE, "a name")):
            codes.append(event._description._handle.set_metadata(other.metadata.to_xml()))
        codes.append(event._description._handle.set_metadata("no document"))

    with server(tmp_path, writers=[writer(on_identify=pretend)]) as machine:
        (found,) = gathered(machine)
    assert codes == [0x80070057, 0x80070057, 0x80042311]
    assert [each.name for each in found.components] == ["data", "more"]


# --- subscriptions

BACKUP, RESTORE = SubscribeMask.BACKUP_EVENTS_FLAG, SubscribeMask.RESTORE_EVENTS_FLAG


@pytest.mark.parametrize(
    ("mask", "declined"),
    [
        (BACKUP | RESTORE, set()),
        (SubscribeMask.ALL_FLAGS, set()),
        (RESTORE, {"PrepareBackup", "PostSnapshot", "BackupComplete"}),
        (RESTORE | SubscribeMask.POST_SNAPSHOT_FLAG, {"PrepareBackup", "BackupComplete"}),
    ],
)
def test_declined_backup_events_are_not_sent(tmp_path: Path, mask: SubscribeMask, declined: set[str]) -> None:
    with server(tmp_path, writers=[writer(subscription=mask), writer("Two Writer")]) as machine:
        with vsspy.BackupComponents() as components:
            backup = Backup(components)
            backup.to_prepared()
            assert states(components)["One Writer"] is WriterState.STABLE
            wait(components.do_snapshot_set())
            open_work = "BackupComplete" not in declined
            expected = WriterState.WAITING_FOR_BACKUP_COMPLETE if open_work else WriterState.STABLE
            assert states(components)["One Writer"] is expected, "without open work it is stable at once"
            backup.succeeded("data", True)
            wait(components.backup_complete())
            assert states(components)["One Writer"] is WriterState.STABLE
        assert events(machine) == [each for each in BACKUP_ORDER if each not in declined]


@pytest.mark.parametrize(("mask", "received"), [(BACKUP | RESTORE, ["PreRestore", "PostRestore"]), (BACKUP, [])])
def test_declined_restore_events_are_not_sent(tmp_path: Path, mask: SubscribeMask, received: list[str]) -> None:
    with server(tmp_path, writers=[writer(subscription=mask)]) as machine, vsspy.BackupComponents() as components:
        selected(components)
        wait(components.pre_restore())
        wait(components.post_restore())
        assert states(components) == {"One Writer": WriterState.STABLE}
        assert events(machine) == ["Identify", *received]


# --- several instances of a class


def selected(components: vsspy.BackupComponents, instance_id: UUID | None = None, document: str = DOCUMENT) -> None:
    """A restore with component ``data`` of the first writer selected."""
    components.initialize_for_restore(document)
    wait(components.gather_writer_metadata())
    if instance_id is None:
        components.set_selected_for_restore(*SELECTED, True)
    else:
        components.set_selected_for_restore_ex(*SELECTED, True, instance_id)


def receivers(machine: simulator.Machine, event: str) -> int:
    return events(machine).count(event)


class Heard:
    """Instances of one class that keep which of them got which event."""

    def __init__(self) -> None:
        self.events: list[tuple[UUID, str]] = []

    def __call__(self, event: simulator.WriterEvent) -> None:
        self.events.append((event.instance_id, event.name))

    def instance(self, instance_id: UUID, **options: Any) -> simulator.Writer:
        names = ("on_prepare_backup", "on_freeze", "on_pre_restore", "on_post_restore")
        handlers: dict[str, Any] = dict.fromkeys(names, self)
        return one_more(instance_id, **handlers, **options)


@pytest.mark.parametrize("level", ["xp", "vista", "8"])
@pytest.mark.parametrize(
    ("restores", "on_server_2003"),
    [
        ((WriterRestore.ALWAYS, WriterRestore.NEVER, WriterRestore.NEVER), [0, 1, 2]),
        ((WriterRestore.NEVER, WriterRestore.ALWAYS, WriterRestore.IF_REPLACE_FAILS), [0, 1]),
    ],
)
def test_which_instances_take_part_in_a_backup(
    tmp_path: Path, level: str, restores: Sequence[WriterRestore], on_server_2003: list[int]
) -> None:
    """On Server 2003 all of them only if no more than one wants the events of restores (semantics 4.2)."""
    heard = Heard()
    ids = (ONE_INSTANCE, TWO_INSTANCE, THREE_INSTANCE)
    writers = [heard.instance(each, restores=wants) for each, wants in zip(ids, restores, strict=True)]
    with server(tmp_path, writers=writers, level=level), vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        components.set_backup_state(False, False, BackupType.FULL)
        wait(components.gather_writer_metadata())
        components.start_snapshot_set()
        components.add_to_snapshot_set("C:\\")
        wait(components.prepare_for_backup())
        wait(components.do_snapshot_set())
        wait(components.gather_writer_status())
        waiting = {
            each.instance_id
            for each in components.writer_status
            if each.state is WriterState.WAITING_FOR_BACKUP_COMPLETE
        }
        components.free_writer_status()
        components.abort_backup()
    expected = [ids[each] for each in (on_server_2003 if level == "xp" else (0, 1, 2))]
    assert [instance for instance, name in heard.events if name == "Freeze"] == expected
    assert waiting == set(expected)


@pytest.mark.parametrize(
    ("level", "chosen", "receiver"),
    [
        ("8", None, ONE_INSTANCE),
        ("8", TWO_INSTANCE, TWO_INSTANCE),
        ("8", THREE_INSTANCE, THREE_INSTANCE),
        ("vista", TWO_INSTANCE, TWO_INSTANCE),
        ("xp", None, TWO_INSTANCE),
    ],
)
def test_one_instance_gets_the_events_of_a_restore(
    tmp_path: Path, level: str, chosen: UUID | None, receiver: UUID
) -> None:
    """The one that was chosen, else the one of the backup; on Server 2003 one that wants them."""
    heard = Heard()
    wants = WriterRestore.ALWAYS if level != "xp" else WriterRestore.NEVER
    writers = [
        heard.instance(ONE_INSTANCE, restores=wants),
        heard.instance(TWO_INSTANCE),
        heard.instance(THREE_INSTANCE, restores=wants),
    ]
    with server(tmp_path, writers=writers, level=level), vsspy.BackupComponents() as components:
        selected(components, chosen)
        wait(components.pre_restore())
        wait(components.post_restore())
    assert heard.events == [(receiver, "PreRestore"), (receiver, "PostRestore")]


def test_on_server_2003_the_instance_of_the_backup_counts_for_nothing(tmp_path: Path) -> None:
    heard = Heard()
    writers = [heard.instance(TWO_INSTANCE), heard.instance(ONE_INSTANCE)]
    with server(tmp_path, writers=writers, level="xp"), vsspy.BackupComponents() as components:
        selected(components)
        wait(components.pre_restore())
    assert heard.events == [(TWO_INSTANCE, "PreRestore")]


def test_instance_names_route_a_restore_on_another_day(tmp_path: Path) -> None:
    heard = Heard()
    writers = [heard.instance(uuid4(), name=name) for name in ("first", "second")]
    document = DOCUMENT.replace(f'writerId="{ONE_ID}"', f'writerId="{ONE_ID}" instanceName="second"')
    with server(tmp_path, writers=writers), vsspy.BackupComponents() as components:
        selected(components, document=document)
        wait(components.pre_restore())
    assert heard.events == [(writers[1].instance_id, "PreRestore")]


# --- writers that come and go


def test_a_writer_comes_to_a_running_machine(tmp_path: Path) -> None:
    with server(tmp_path, writers=[writer()]) as machine:
        with vsspy.BackupComponents(machine) as early:
            early.initialize_for_backup()
            wait(early.gather_writer_metadata())
            machine.add_writer(writer("Two Writer"))
            assert set(statuses(early)) == {"One Writer"}
        assert [each.name for each in gathered(machine)] == ["One Writer", "Two Writer"]
        with pytest.raises(vsspy.ObjectAlreadyExistsError):
            machine.add_writer(writer())
    with pytest.raises(vsspy.ClosedError):
        machine.add_writer(writer())
    with pytest.raises(vsspy.ClosedError):
        machine.remove_writer(ONE_INSTANCE)


def test_a_writer_leaves(tmp_path: Path) -> None:
    with server(tmp_path) as machine:
        machine.remove_writer(ONE_INSTANCE)
        assert [each.name for each in gathered(machine)] == ["Two Writer"]
        with vsspy.BackupComponents(machine) as components:
            components.initialize_for_backup()
            assert set(statuses(components)) == {"Two Writer"}
        with pytest.raises(vsspy.ObjectNotFoundError):
            machine.remove_writer(ONE_INSTANCE)
        machine.add_writer(writer())
        assert [each.name for each in gathered(machine)] == ["Two Writer", "One Writer"]


def test_starting_and_stopping_go_with_the_machine(tmp_path: Path) -> None:
    calls: list[str] = []

    class Service(Recording):
        def start(self) -> None:
            calls.append("start")

        def stop(self) -> None:
            calls.append("stop")

    with server(tmp_path, writers=[Service()]) as machine:
        assert calls == ["start"]
        machine.remove_writer(ONE_INSTANCE)
        assert calls == ["start", "stop"]
        machine.add_writer(Service())
    assert calls == ["start", "stop"] * 2
    with pytest.raises(vsspy.ObjectAlreadyExistsError), server(tmp_path, writers=[Service(), Service()]):
        pass
    assert calls == ["start", "stop"] * 3, "what could not be added was not started"


@pytest.mark.parametrize(
    ("leaves", "received"),
    [
        ("gathered", ["Identify"]),
        ("prepared", ["Identify", "PrepareBackup"]),
        ("snapped", BACKUP_ORDER[:6]),
        ("done", BACKUP_ORDER[:7]),
    ],
)
def test_a_writer_that_vanishes_in_a_backup_does_not_respond(tmp_path: Path, leaves: str, received: list[str]) -> None:
    with server(tmp_path) as machine:
        with vsspy.BackupComponents() as components:
            backup = Backup(components)
            for state in ("gathered", "prepared", "snapped", "done"):
                step(backup, state)
                if state == leaves:
                    machine.remove_writer(ONE_INSTANCE)
            found = statuses(components)["One Writer"]
            assert (found.state, found.failure_name) == (WriterState.UNKNOWN, "VSS_E_WRITER_NOT_RESPONDING")
            assert found.failed
            assert len(components.writer_metadata) == 2, "what was gathered stays"
        assert events(machine) == received


def step(backup: Backup, state: str) -> None:
    """One step further to a state."""
    components = backup.components
    if state == "gathered":
        backup.to_gathered()
    elif state == "prepared":
        backup.add()
        components.start_snapshot_set()
        components.add_to_snapshot_set("C:\\")
        wait(components.prepare_for_backup())
    elif state == "snapped":
        wait(components.do_snapshot_set())
    else:
        wait(components.backup_complete())


@pytest.mark.parametrize(("event", "after"), [("on_prepare_snapshot", 3), ("on_freeze", 4), ("on_thaw", 5)])
def test_a_writer_may_vanish_while_it_is_asked(tmp_path: Path, event: str, after: int) -> None:
    """The backup goes on without it, and nobody stays frozen."""
    leave: list[Callable[[UUID], None]] = []
    options: dict[str, Any] = {event: lambda _: leave[0](ONE_INSTANCE)}
    heard: list[str] = []
    with server(
        tmp_path, writers=[writer(**options), writer("Two Writer", on_thaw=lambda e: heard.append(e.name))]
    ) as (machine):
        leave.append(machine.remove_writer)
        with vsspy.BackupComponents() as components:
            components.initialize_for_backup()
            components.set_backup_state(False, False, BackupType.FULL)
            wait(components.gather_writer_metadata())
            components.start_snapshot_set()
            components.add_to_snapshot_set("C:\\")
            wait(components.prepare_for_backup())
            wait(components.do_snapshot_set())
            found = statuses(components)
            assert found["One Writer"].failure_name == "VSS_E_WRITER_NOT_RESPONDING"
            assert found["Two Writer"].state is WriterState.WAITING_FOR_BACKUP_COMPLETE
            assert len(machine.shadow_copies) == 1
            wait(components.backup_complete())
        assert events(machine) == BACKUP_ORDER[:after]
        assert heard == ["Thaw"]


def test_a_session_reports_a_writer_that_vanished(tmp_path: Path) -> None:
    with server(tmp_path) as machine:
        with pytest.raises(ExceptionGroup) as failed, vsspy.BackupSession("C:\\") as backup:
            backup.select("One Writer")
            assert backup.writers
            machine.remove_writer(ONE_INSTANCE)
            backup.snapshot()
        assert failed.group_contains(vsspy.WriterNotRespondingError)
        assert not machine.shadow_copies


def test_a_writer_that_is_gone_cannot_be_selected_for_a_restore(tmp_path: Path) -> None:
    with server(tmp_path) as machine, vsspy.BackupComponents() as components:
        components.initialize_for_restore(DOCUMENT)
        wait(components.gather_writer_metadata())
        machine.remove_writer(ONE_INSTANCE)
        with pytest.raises(vsspy.ObjectNotFoundError):
            components.set_selected_for_restore(*SELECTED, True)
        with pytest.raises(vsspy.ObjectNotFoundError):
            components.set_selected_for_restore_ex(*SELECTED, True, ONE_INSTANCE)


def test_another_instance_restores_what_the_one_that_is_gone_saved(tmp_path: Path) -> None:
    heard = Heard()
    writers = [heard.instance(ONE_INSTANCE), heard.instance(TWO_INSTANCE)]
    with server(tmp_path, writers=writers) as machine, vsspy.BackupComponents() as components:
        components.initialize_for_restore(DOCUMENT)
        wait(components.gather_writer_metadata())
        machine.remove_writer(ONE_INSTANCE)
        components.set_selected_for_restore(*SELECTED, True)
        wait(components.pre_restore())
        machine.remove_writer(TWO_INSTANCE)
        wait(components.post_restore())
        assert {each.failure_name for each in statuses(components).values()} == {"VSS_E_WRITER_NOT_RESPONDING"}
    assert heard.events == [(TWO_INSTANCE, "PreRestore")]


# --- failures of components


def test_a_writer_that_fails_before_a_restore_takes_no_further_part(tmp_path: Path) -> None:
    def refuse(event: simulator.WriterEvent) -> None:
        raise simulator.WriterVeto

    with server(tmp_path, writers=[writer(on_pre_restore=refuse)]) as machine, vsspy.BackupComponents() as components:
        selected(components)
        wait(components.pre_restore())
        wait(components.post_restore())
        assert states(components) == {"One Writer": WriterState.FAILED_AT_PRE_RESTORE}
        assert events(machine) == ["Identify", "PreRestore"]


@pytest.mark.parametrize("event", ["on_prepare_backup", "on_post_snapshot"])
def test_a_writer_with_failed_components_goes_on_with_the_others(tmp_path: Path, event: str) -> None:
    def refuse(event: simulator.WriterEvent) -> None:
        event.components[1].set_failure("VSS_E_WRITERERROR_RETRYABLE", "this one")
        raise simulator.WriterVeto("VSS_E_WRITERERROR_PARTIAL_FAILURE", "one of two")

    options: dict[str, Any] = {event: refuse}
    with server(tmp_path, writers=[writer(**options)]) as machine:
        with vsspy.BackupComponents() as components:
            backup = Backup(components)
            backup.to_gathered()
            backup.add("data")
            backup.add("more")
            components.start_snapshot_set()
            components.add_to_snapshot_set("C:\\")
            wait(components.prepare_for_backup())
            wait(components.do_snapshot_set())
            wait(components.backup_complete())
            status = statuses(components)["One Writer"]
            assert status.failure_name == "VSS_E_WRITERERROR_PARTIAL_FAILURE"
            assert status.failed
        assert events(machine) == BACKUP_ORDER
