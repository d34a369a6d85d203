"""Lease files: what a session may leave if its process is killed, said before it is made, and held by a lock as long as it lives."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import stat
import sys
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, Final, Self
from uuid import UUID, uuid4

from ._backend import resolve

if TYPE_CHECKING:
    from ._session_options import Settings

VERSION: Final = 1
SUFFIX: Final = ".json"
UNFINISHED: Final = ".new"  # behind the suffix
LARGEST: Final = 1 << 20  # bytes: more is no lease

_GUARD: Final = ".lock"  # held for the moment in which a lease is made or looked at
_GUARD_PATIENCE: Final = 10.0  # seconds

if sys.platform == "win32":
    import msvcrt

    _LOCKED_BYTE: Final = 1 << 30  # far behind the text, since what is locked cannot be read

    def lock(file: IO[bytes]) -> bool:
        """Takes the lock of an open file; False if somebody has it. The system drops it with the process."""
        file.seek(_LOCKED_BYTE)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            file.seek(0)
        return True

    def _is_link(status: os.stat_result) -> bool:
        return bool(status.st_file_attributes & stat.FILE_ATTRIBUTE_REPARSE_POINT)

    def default_folder() -> str:
        """Where lease files are."""
        return os.path.join(os.environ.get("ProgramData") or r"C:\ProgramData", "vsspy", "leases")

else:
    import fcntl

    def lock(file: IO[bytes]) -> bool:
        """Takes the lock of an open file; False if somebody has it. The system drops it with the process."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _is_link(status: os.stat_result) -> bool:
        return stat.S_ISLNK(status.st_mode)

    def default_folder() -> str:
        """Where lease files are."""
        home = os.environ.get("XDG_STATE_HOME", "")
        if not os.path.isabs(home):  # what the XDG specification says of a relative one
            home = os.path.join(os.path.expanduser("~"), ".local", "state")
        return os.path.join(home, "vsspy", "leases")


def host() -> str:
    """This computer's name."""
    return platform.node()


def check_folder(folder: str) -> None:
    """Raises PermissionError for a folder that is a link, or that others than its owner and we may write to."""
    status = os.lstat(folder)
    if _is_link(status) or not stat.S_ISDIR(status.st_mode):
        raise PermissionError(f"{folder} is not a folder itself, so no lease file is kept there")
    if sys.platform != "win32" and (status.st_uid != os.geteuid() or status.st_mode & 0o022):
        raise PermissionError(f"{folder} is somebody else's, or others may write to it, so no lease file is kept there")


def open_file(path: str, flags: int = os.O_RDONLY) -> IO[bytes]:
    """Opens a lease file, which is never reached through a link; raises OSError."""
    if sys.platform == "win32":  # which has no O_NOFOLLOW
        with contextlib.suppress(FileNotFoundError):
            if _is_link(os.lstat(path)):
                raise PermissionError(f"{path} is a link")
    flags |= getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise PermissionError(f"{path} is no file")
        return os.fdopen(descriptor, "r+b" if flags & os.O_RDWR else "rb")
    except BaseException:
        os.close(descriptor)
        raise


@contextmanager
def guarded(folder: str) -> Iterator[None]:
    """As long as this is entered nobody else makes a lease in the folder, or looks whether one is held."""
    end = time.monotonic() + _GUARD_PATIENCE
    with open_file(os.path.join(folder, _GUARD), os.O_RDWR | os.O_CREAT) as file:
        while not lock(file):
            if time.monotonic() > end:
                raise TimeoutError(f"{folder} has been in use for {_GUARD_PATIENCE:g} s")
            time.sleep(0.01)
        yield


def lease_wanted(settings: Settings) -> bool:
    """Whether a session has a lease file: as it was told, else where shadow copies can outlive the process."""
    if settings.lease is not None:
        return settings.lease
    machine = resolve(settings.backend).machine
    return machine is None or machine._folder is not None or machine._persistent_state is not None


def _describe(settings: Settings, set_id: UUID, ids: Mapping[str, UUID]) -> dict[str, Any]:
    backend = resolve(settings.backend)
    machine = backend.machine
    return {
        "version": VERSION,
        "pid": os.getpid(),
        "host": host(),
        "started": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "program": sys.argv[0] if sys.argv else "",
        "backend": backend.name,
        "machine": None
        if machine is None
        else {
            "folder": machine._folder,
            "state": machine._persistent_state,
            "volumes": {name: str(folder) for name, folder in machine.volumes.items()},
        },
        "context": int(settings.context),
        "set_id": str(set_id),
        "shadow_copies": {name: str(snapshot_id) for name, snapshot_id in ids.items()},
    }


class HeldLease:
    """The lease file of a running session of this process."""

    def __init__(self, path: str, file: IO[bytes]) -> None:
        self._path = path
        self._file = file
        _held.add(self)

    @classmethod
    def take(cls, settings: Settings, set_id: UUID, ids: Mapping[str, UUID]) -> Self:
        """Writes a lease file and holds it; raises OSError."""
        folder = settings.lease_folder or default_folder()
        os.makedirs(folder, mode=0o700, exist_ok=True)
        check_folder(folder)
        text = json.dumps(_describe(settings, set_id, ids), indent=1).encode()
        path = os.path.join(folder, uuid4().hex + SUFFIX)
        with guarded(folder):  # else somebody could find it before it is locked, and take it for a dead one's
            new = path + UNFINISHED
            try:
                with open_file(new, os.O_RDWR | os.O_CREAT | os.O_EXCL) as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                os.rename(new, path)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(new)
                raise
            held = open_file(path, os.O_RDWR)
            try:
                if not lock(held):
                    raise PermissionError(f"{path} cannot be locked")
                return cls(path, held)
            except BaseException:
                held.close()
                os.unlink(path)
                raise

    def drop(self) -> None:
        """Nothing is left over: the file goes. Raises OSError."""
        _held.discard(self)
        with contextlib.suppress(OSError, ValueError):
            self._name_nothing()
        if sys.platform == "win32":  # a file that is open cannot go
            self._file.close()
        try:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)
        finally:
            self._file.close()

    def _name_nothing(self) -> None:
        """Should the file be found unlocked all the same, or stay, nobody is to take for left over what is there on purpose."""
        values = {**json.loads(self._file.read()), "set_id": str(UUID(int=0)), "shadow_copies": {}}
        self._file.seek(0)
        self._file.truncate()
        self._file.write(json.dumps(values, indent=1).encode())
        self._file.flush()

    def leave(self) -> None:
        """Something is left over: the file stays, as one that nobody holds."""
        _held.discard(self)
        self._file.close()


_held: weakref.WeakSet[HeldLease] = weakref.WeakSet()


def _forget() -> None:
    """A child of a fork does not hold its parent's leases: it may live longer."""
    for lease in list(_held):
        lease._file.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
