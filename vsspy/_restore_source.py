"""Where a restore reads from, and where it writes to."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ._paths import VolumeNames, separator
from ._restore_files import Source, Target
from ._safe_folders import SafeRoot
from .errors import RestoreError

if TYPE_CHECKING:
    from uuid import UUID

    from ._machine import Surroundings
    from ._restore_plan import Goal
    from .enums import ComponentType
    from .filesets import BackupFile
    from .metadata import FileSet

AtReboot = Callable[[str, str], object]
"""Has a file moved to another name at the next start of the system: from, to."""


class RestoreSource(Protocol):
    """A backup to restore from: ``vsspy.BackupFolder``, or a program's own."""

    def files(
        self,
        file_sets: Iterable[FileSet],
        *,
        excludes: Iterable[FileSet] = (),
        volumes: VolumeNames | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Iterator[BackupFile]:
        """The files of *file_sets* that it has, without *excludes*; the same ones each time."""

    def open(self, file: BackupFile) -> AbstractContextManager[Source]:
        """One of them, open for reading."""


@runtime_checkable
class CheckedSource(Protocol):
    """A source that can tell whether it still has all that was saved, as ``vsspy.BackupFolder`` does."""

    path: str

    @property
    def has_file_list(self) -> bool:
        """Whether it can tell that of this backup."""

    def check_component(
        self,
        writer_id: UUID,
        type: ComponentType,
        logical_path: str | None,
        name: str,
        *,
        only: Callable[[str], bool] | None = None,
    ) -> None:
        """Raises RestoreError if it has not all of a component."""


class LivePlaces:
    """The machine's volumes as places to write to.

    Args:
        surroundings: the machine.
        on_moved: gets the number of bytes after each step; it may raise to stop.
    """

    def __init__(self, surroundings: Surroundings, on_moved: Callable[[int], None]) -> None:
        self._volumes = surroundings.volumes
        self._folders = surroundings.folders
        self._on_moved = on_moved
        self._targets: dict[str, Target] = {}
        self.lost: dict[str, None] = {}

    def close(self) -> None:
        """Lets the volumes go."""
        for target in self._targets.values():
            target.root.close()
        self._targets.clear()

    def sync(self) -> None:
        """Makes the names of what was put in place durable."""
        for target in self._targets.values():
            target.sync()

    def exists(self, path: str) -> bool:
        """Whether something is at a live path."""
        target, elements = self._find(path)
        return target.exists(elements)

    def why_not_replaceable(self, path: str) -> str | None:
        """Why a live path cannot be written now."""
        target, elements = self._find(path)
        return target.why_not_replaceable(elements)

    def put(self, goal: Goal, source: Source, at_reboot: AtReboot | None) -> None:
        """Puts a file where it goes.

        Raises RestoreError (UnsafePathError among them) and OSError; what was there is as it was.
        """
        target, elements = self._find(goal.target)
        target.on_lost = lambda what, why: self.lost.setdefault(f"{goal.target}: {what}: {why}")
        if goal.how == "reboot":
            if goal.pieces is not None:
                raise RestoreError(
                    f"{goal.target} cannot be completed at the next start: the backup has parts of it only"
                )
            if at_reboot is None:
                raise RestoreError(
                    f"{goal.target} is in use, and only Windows moves files into place at its next start"
                )
            at_reboot(*target.put_beside(elements, source))
        elif goal.pieces is not None:
            target.patch(elements, source, goal.pieces, whole=goal.file.ranges is not None and goal.how != "directed")
        else:
            target.put(elements, source)

    def _find(self, path: str) -> tuple[Target, tuple[str, ...]]:
        location = self._volumes.locate(path)
        if location is None:
            raise RestoreError(f"{path} is on a volume that this machine does not have")
        if location.volume not in self._targets:
            folder = self._folders.get(location.volume, location.volume)
            root = SafeRoot(folder, windows_names=separator(location.volume) == "\\")
            self._targets[location.volume] = Target(root, self._on_moved)
        return self._targets[location.volume], location.elements


def native_at_reboot(backend: str) -> AtReboot | None:
    """MoveFileExW with the delay until the restart, where the real Windows is what is restored; else None."""
    if sys.platform == "win32" and backend == "windows":
        return _move_at_reboot
    return None


def _move_at_reboot(source: str, target: str) -> None:
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        if not kernel.MoveFileExW(ctypes.c_wchar_p(source), ctypes.c_wchar_p(target), ctypes.c_uint32(0x1 | 0x4)):
            code = ctypes.get_last_error()
            raise OSError(0, ctypes.FormatError(code).strip(), target, code)
    else:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), target)
