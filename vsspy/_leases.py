"""What killed sessions left: finding it by their lease files, and removing it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any, Literal
from uuid import UUID

from ._lease_files import (
    LARGEST,
    SUFFIX,
    UNFINISHED,
    VERSION,
    check_folder,
    default_folder,
    guarded,
    host,
    lock,
    open_file,
)
from ._session_log import fields, logger
from .backup_components import BackupComponents
from .enums import ObjectType, SnapshotContext
from .errors import ObjectNotFoundError, VssError

__all__ = ["CleanedLease", "CleanupReport", "Lease", "cleanup", "leases"]


@dataclass(frozen=True, slots=True)
class Lease:
    """What one session said in its lease file before it made its shadow copies.

    Attributes:
        path: the file.
        alive: whether the session's process still runs.
        pid: the process.
        host: the computer's name.
        started: when the set was begun.
        program: the program's name, as its command line had it.
        backend: ``windows`` or ``simulator``.
        machine: of a simulated machine that outlives the process, the folder that keeps it.
        context: the context of the shadow copies.
        set_id: the set's id.
        shadow_copies: the shadow copies' ids, by volume.
    """

    path: str
    alive: bool
    pid: int
    host: str
    started: datetime
    program: str
    backend: Literal["windows", "simulator"]
    machine: str | None
    context: SnapshotContext | int
    set_id: UUID
    shadow_copies: Mapping[str, UUID]
    _volumes: Mapping[str, str] = field(default_factory=dict, repr=False)
    _in_state: bool = field(default=False, repr=False)

    @property
    def volumes(self) -> tuple[str, ...]:
        """The volumes of the set."""
        return tuple(self.shadow_copies)


@dataclass(frozen=True, slots=True)
class CleanedLease:
    """What :func:`cleanup` did about one lease file.

    Attributes:
        path: the file.
        outcome: ``in use`` (its process runs), ``cleaned``, ``would be cleaned`` (a dry run), or ``left alone``.
        lease: what the file says; None where it cannot be read.
        shadow_copies: the ids of the shadow copies that were deleted, or would be.
        problem: why it was left alone; None where nothing is wrong.
    """

    path: str
    outcome: Literal["in use", "cleaned", "would be cleaned", "left alone"]
    lease: Lease | None = None
    shadow_copies: tuple[UUID, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class CleanupReport:
    """What :func:`cleanup` did.

    Attributes:
        folder: where it looked.
        dry_run: whether it only said what it would do.
        leases: one entry for each lease file.
    """

    folder: str
    dry_run: bool
    leases: tuple[CleanedLease, ...]

    @property
    def good(self) -> bool:
        """Whether no lease was left alone."""
        return all(each.problem is None for each in self.leases)


def leases(folder: str | os.PathLike[str] | None = None) -> list[Lease]:
    """The lease files of sessions that run, and of those whose process ended before they could clean up.

    Files that cannot be read are left out, with a warning in the log; :func:`cleanup` tells of them.

    Args:
        folder: where to look; by default ``%ProgramData%\\vsspy\\leases``, off Windows ``$XDG_STATE_HOME/vsspy/leases``.

    Raises:
        OSError: the folder cannot be read; ``PermissionError`` if it is a link, somebody else's, or open to others.
    """
    found = []
    for path in _files(where := _folder(folder)):
        try:
            with _looked_at(where, path) as (lease, _):
                found.append(lease)
        except FileNotFoundError:
            continue  # its session has just ended
        except (OSError, ValueError) as error:
            logger.warning("the lease file %s cannot be read: %s", path, error, extra=fields("note"))
    return found


def cleanup(folder: str | os.PathLike[str] | None = None, dry_run: bool = False) -> CleanupReport:
    """Remove what killed sessions left: their shadow copies (``DeleteSnapshots``, by set), and then their lease files.

    Nothing else is touched. Left alone and reported are: a lease that cannot be read, one of another computer, and one whose
    set holds shadow copies that it does not name. Sets that were left on purpose, by a session with a context that outlives
    it which ended well, are in no lease.

    Args:
        folder: where to look; as for :func:`leases`.
        dry_run: True only tells what would be done.

    Returns:
        What was done about each lease file.

    Raises:
        OSError: the folder cannot be read; ``PermissionError`` if it is a link, somebody else's, or open to others.
    """
    where = _folder(folder)
    paths = _files(where)
    if paths and not dry_run:
        _sweep(where)
    return CleanupReport(where, dry_run, tuple(done for path in paths if (done := _clean(where, path, dry_run))))


def _sweep(folder: str) -> None:
    """Removes what a process left that was killed while it wrote its lease, before it made anything."""
    with guarded(folder):
        for name in os.listdir(folder):
            if name.endswith(SUFFIX + UNFINISHED):
                os.unlink(os.path.join(folder, name))


def _folder(folder: str | os.PathLike[str] | None) -> str:
    return default_folder() if folder is None else os.path.abspath(folder)


def _files(folder: str) -> list[str]:
    if not os.path.lexists(folder):
        return []
    check_folder(folder)
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(SUFFIX)]


@contextmanager
def _looked_at(folder: str, path: str) -> Iterator[tuple[Lease, IO[bytes]]]:
    """A lease, whose lock is ours as long as this is entered if it was nobody's.

    Raises OSError, or ValueError for what is no lease.
    """
    with guarded(folder):
        file = open_file(path, os.O_RDWR)
    try:
        alive = not lock(file)
        yield _read(path, file, alive), file
    finally:
        file.close()


def _read(path: str, file: IO[bytes], alive: bool) -> Lease:
    text = file.read(LARGEST + 1)
    if len(text) > LARGEST:
        raise ValueError("it is too large")
    try:
        values = json.loads(text)
        if values["version"] != VERSION:
            raise ValueError(f"it is of another version, {values['version']}")
        return _lease(path, values, alive)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"it is no lease: {error!r}") from error


def _lease(path: str, values: dict[str, Any], alive: bool) -> Lease:
    backend, machine = values["backend"], values["machine"]
    if backend not in ("windows", "simulator"):
        raise ValueError(f"there is no backend {backend!r}")
    context = int(values["context"])
    in_state = machine is not None and machine["folder"] is None
    kept = None if machine is None else machine["state"] if in_state else machine["folder"]
    return Lease(
        path=path,
        alive=alive,
        pid=int(values["pid"]),
        host=str(values["host"]),
        started=datetime.fromisoformat(values["started"]),
        program=str(values["program"]),
        backend=backend,
        machine=None if kept is None else str(kept),
        context=next((known for known in SnapshotContext if known == context), context),
        set_id=UUID(values["set_id"]),
        shadow_copies={str(name): UUID(text) for name, text in values["shadow_copies"].items()},
        _volumes={} if machine is None else {str(name): str(each) for name, each in machine["volumes"].items()},
        _in_state=in_state,
    )


def _clean(folder: str, path: str, dry_run: bool) -> CleanedLease | None:
    lease = None
    try:
        with _looked_at(folder, path) as (lease, file):
            if lease.alive:
                return CleanedLease(path, "in use", lease)
            if lease.host != host():
                return CleanedLease(path, "left alone", lease, (), f"it is of another computer: {lease.host}")
            gone = _remove(lease, dry_run)
            if dry_run:
                return CleanedLease(path, "would be cleaned", lease, gone)
            with guarded(folder):
                if os.name == "nt":  # where a file that is open cannot go
                    file.close()
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
            return CleanedLease(path, "cleaned", lease, gone)
    except FileNotFoundError:
        if lease is None:
            return None  # its session has just ended
        raise
    except (OSError, VssError, ValueError) as error:
        return CleanedLease(path, "left alone", lease, (), str(error))


def _remove(lease: Lease, dry_run: bool) -> tuple[UUID, ...]:
    """Deletes what is left of a lease's set; gives the ids of what there was.

    Raises VssError, and ValueError if the set is not what the lease says.
    """
    if lease.backend == "simulator" and (lease.machine is None or not os.path.isdir(lease.machine)):
        return ()  # it went with its machine
    with _backend(lease) as backend, BackupComponents(backend) as components:
        components.initialize_for_backup()
        components.set_context(SnapshotContext.ALL)
        left = tuple(copy.snapshot_id for copy in components.query() if copy.snapshot_set_id == lease.set_id)
        foreign = set(left) - set(lease.shadow_copies.values())
        if foreign:
            raise ValueError(
                f"the set {lease.set_id} holds a shadow copy that the lease does not name: {foreign.pop()}"
            )
        if left and not dry_run:
            with contextlib.suppress(ObjectNotFoundError):  # somebody was faster
                components.delete_snapshots(lease.set_id, ObjectType.SNAPSHOT_SET, True)
    return left


@contextmanager
def _backend(lease: Lease) -> Iterator[Any]:
    if lease.backend == "windows":
        yield "windows"
        return
    from . import simulator

    assert lease.machine is not None
    if lease._in_state:
        with simulator.running(volumes=lease._volumes, persistent_state=lease.machine) as machine:
            yield machine
    else:
        with simulator.opened(lease.machine) as machine:
            yield machine
