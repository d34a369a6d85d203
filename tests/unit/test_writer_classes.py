"""Writers as classes: their handlers, what they say of themselves, what they subscribe to."""

from __future__ import annotations

from pathlib import Path

import pytest
from instance_support import (
    BACKUP_ORDER,
    Recording,
    back_up,
    gathered,
    one_more,
    selected,
)
from support import (
    FILEGROUP,
    ONE_ID,
    ONE_INSTANCE,
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

# --- handlers


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


def test_a_handler_that_cannot_be_called_is_refused_at_once() -> None:
    class Constant(simulator.Writer):
        on_thaw = 3

    with pytest.raises(vsspy.InvalidArgumentError, match="on_freeze='later' cannot be called"):
        simulator.Writer("One Writer", on_freeze="later")  # type: ignore[arg-type]
    with pytest.raises(vsspy.InvalidArgumentError, match="on_thaw=3 cannot be called"):
        Constant("One Writer")
    with pytest.raises(vsspy.InvalidArgumentError, match="on_abort=0 cannot be called"):
        simulator.Writer.from_xml(writer().metadata.to_xml(), on_abort=0)  # type: ignore[arg-type]


# --- OnIdentify


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
