"""Several instances of one class of writers: which of them takes part in a backup, and which gets the restore."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from instance_support import (
    THREE_INSTANCE,
    Heard,
    selected,
)
from support import (
    DOCUMENT,
    ONE_ID,
    ONE_INSTANCE,
    TWO_INSTANCE,
    server,
    wait,
)

import vsspy
from vsspy.enums import BackupType, WriterRestore, WriterState


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
