"""What the tests of shadow copies share: sessions that only look, persistent copies, and codes by name."""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from support import RawPlatform, wait

import vsspy
from vsspy import simulator
from vsspy.enums import SnapshotAttributes, SnapshotContext

WINDOWS = sys.platform == "win32"
UNKNOWN = UUID("0badc0de-0000-0000-0000-000000000000")
NO_ID = UUID(int=0)
SYSTEM_PROVIDER = UUID("b5946137-7b9f-4925-af80-51abd60b20d5")
TRANSPORTABLE = SnapshotContext.BACKUP | SnapshotAttributes.NO_WRITERS | SnapshotAttributes.TRANSPORTABLE


@contextlib.contextmanager
def fails(name: str) -> Iterator[None]:
    """The block fails with a code, by its name."""
    with pytest.raises(vsspy.VssError) as caught:
        yield
    assert caught.value.name == name


def session(
    context: int = SnapshotContext.ALL,
    *,
    document: str | None = None,
    machine: simulator.Machine | None = None,
) -> vsspy.BackupComponents:
    """A session that is initialised for a backup, in a context that makes it see every shadow copy."""
    components = vsspy.BackupComponents(machine)
    try:
        components.initialize_for_backup(document)
        components.set_context(context)
    except BaseException:
        components.close()
        raise
    return components


def make_in(
    components: vsspy.BackupComponents, volumes: Sequence[str] = ("C:\\",), provider: UUID | None = None
) -> tuple[UUID, list[UUID]]:
    """Makes a set in a session of a context without writers; the ids of the set and of its shadow copies."""
    set_id = components.start_snapshot_set()
    shadows = [components.add_to_snapshot_set(volume, provider) for volume in volumes]
    wait(components.do_snapshot_set())
    return set_id, shadows


def make(
    context: int = SnapshotContext.NAS_ROLLBACK, volumes: Sequence[str] = ("C:\\",), provider: UUID | None = None
) -> tuple[UUID, list[UUID]]:
    """The same in a session of its own, which is gone afterwards."""
    with session(context) as components:
        return make_in(components, volumes, provider)


def tree(folder: Path) -> dict[str, str | None]:
    """Every file below a folder with its text; folders have None, links what they lead to."""
    found: dict[str, str | None] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        else:
            found[name] = None if path.is_dir() else path.read_text(encoding="utf-8")
    return found


def call_entry_point(machine: simulator.Machine, name: str, volume: str | None, *outputs: Any) -> int:
    """An entry point about a volume as a foreign requester calls it; an output of None is a NULL pointer."""
    platform = RawPlatform(machine)
    text = None if volume is None else ctypes.create_string_buffer(volume.encode("utf-16-le") + b"\0\0")
    arguments = [ctypes.c_void_p(None if each is None else ctypes.addressof(each)) for each in (text, *outputs)]
    if platform._capsule is None:
        return int(getattr(platform._library, f"{name}Internal")(*arguments)) & 0xFFFFFFFF
    prototype = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * (len(arguments) + 1))
    field = {"ShouldBlockRevert": "should_block_revert", "IsVolumeSnapshotted": "is_volume_snapshotted"}[name]
    return int(prototype(getattr(platform._table, field))(platform._table.context, *arguments)) & 0xFFFFFFFF
