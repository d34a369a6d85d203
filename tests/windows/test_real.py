"""On the real service: the calls that the simulator stands in for. Administrators only; VSSPY_REAL=1 asks for it."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import pytest

import vsspy

pytestmark = pytest.mark.real
PATIENCE = 600.0  # seconds: a busy server's writers may take minutes


def test_writers_describe_themselves() -> None:
    with vsspy.BackupComponents() as components:
        components.initialize_for_backup()
        components.set_backup_state(
            select_components=False, bootable_system_state=False, backup_type=vsspy.BackupType.COPY
        )
        components.gather_writer_metadata().wait(PATIENCE)
        writers = list(components.writer_metadata)
        assert "System Writer" in {writer.name for writer in writers}
        for writer in writers:
            read = vsspy.WriterMetadata.from_xml(writer.to_xml())
            assert (read.writer_id, read.name, len(read.components)) == (
                writer.writer_id,
                writer.name,
                len(writer.components),
            )
        components.free_writer_metadata()
        components.abort_backup()


def test_a_shadow_copy_is_as_the_volume_was(tmp_path: Path) -> None:
    file = tmp_path / f"{uuid.uuid4()}.txt"
    file.write_text("before", encoding="utf-8")
    drive = Path(os.path.realpath(file)).anchor
    with vsspy.shadow_copy(drive) as shadow:
        file.write_text("after", encoding="utf-8")
        copied = os.fspath(shadow / os.path.relpath(os.path.realpath(file), drive))
        with open(copied, encoding="utf-8") as stream:
            assert stream.read() == "before"
    assert file.read_text(encoding="utf-8") == "after"


def test_out_of_order_is_a_bad_state() -> None:
    with vsspy.BackupComponents() as components, pytest.raises(vsspy.BadStateError):
        components.start_snapshot_set()
