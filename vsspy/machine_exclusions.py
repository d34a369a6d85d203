"""What a computer says need not be backed up, and what VSS itself leaves out of its shadow copies (semantics 9.3)."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from . import _backend, filesets
from ._component_tree import glob
from ._paths import Location, VolumeNames, fold, separator
from .enums import SnapshotAttributes, SnapshotContext
from .errors import FileSetError, UnsupportedPlatformError
from .metadata import FileSet
from .result import LeftOut

if TYPE_CHECKING:
    from .metadata import WriterMetadata
    from .simulator import Machine

__all__ = ["MachineExclusions"]

_KEY: Final = r"SYSTEM\CurrentControlSet\Control\BackupRestore"
_SETTINGS: Final = r"SYSTEM\CurrentControlSet\Services\VSS\Settings"
_PROFILES: Final = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList"
_RECURSIVE: Final = re.compile(r"(.*\S)\s+/s", re.IGNORECASE | re.DOTALL)
_PREFIX: Final = re.compile(r"\$(UserProfile|AllVolumes)\$(?=\\)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MachineExclusions:
    r"""Lists of files that a computer keeps in its registry, below ``BackupRestore``.

    An entry is ``[drive][path]\name``, with `` /s`` behind it for all folders below too; ``*`` and ``?`` stand in the name
    only, environment variables anywhere, and ``\name`` means every volume (semantics 9.3). An entry that cannot be understood
    excludes nothing.

    Attributes:
        files_not_to_backup: entries by the value that they stand in. A value named like a writer that is backed up is
            ignored: that writer's own exclude list says what it needs.
        files_not_to_snapshot: entries by the value that they stand in; VSS deletes these files from a shadow copy as it
            is made. They may begin with ``$UserProfile$`` or ``$AllVolumes$``.
        user_profiles: the folders that ``$UserProfile$`` stands for; none where the computer has that switched off.
    """

    files_not_to_backup: Mapping[str, Sequence[str]] = field(default_factory=dict)
    files_not_to_snapshot: Mapping[str, Sequence[str]] = field(default_factory=dict)
    user_profiles: Sequence[str] = ()

    @classmethod
    def of(cls, backend: Machine | str | None) -> MachineExclusions:
        """Those of this computer with the real service; a simulated machine has none.

        Args:
            backend: as for BackupSession.

        Raises:
            OSError: the registry cannot be read.
        """
        simulated = _backend.resolve(backend).machine is not None
        return cls() if simulated or sys.platform != "win32" else cls.of_this_computer()

    @classmethod
    def of_this_computer(cls) -> MachineExclusions:
        """The lists of this computer's registry (``HKLM\\SYSTEM\\CurrentControlSet\\Control\\BackupRestore``).

        Raises:
            UnsupportedPlatformError: this is not Windows.
            OSError: the registry cannot be read.
        """
        if sys.platform == "win32":
            import winreg

            return _read(winreg)
        raise UnsupportedPlatformError("MachineExclusions", detail="the lists are in the registry of Windows")

    def not_to_backup(self, writers: Collection[str]) -> Iterator[tuple[str, FileSet]]:
        """The files that need no backup, each with its value, where these writers' components are backed up."""
        present = {fold(name) for name in writers}
        for value, entries in self.files_not_to_backup.items():
            if fold(value) not in present:
                for entry in entries:
                    try:
                        file_set = parse_entry(entry)
                    except FileSetError:
                        continue
                    if not set("*?").intersection(file_set.path):
                        yield value, file_set

    def not_to_snapshot(self) -> Iterator[tuple[str, FileSet]]:
        """The files that VSS leaves out of shadow copies, each with its value."""
        for value, entries in self.files_not_to_snapshot.items():
            for entry in entries:
                prefix = _PREFIX.match(entry.strip())
                rest = entry.strip()[prefix.end() :] if prefix else entry
                heads = self.user_profiles if prefix and fold(prefix[1]) == "USERPROFILE" else [""]
                for head in heads:
                    try:
                        yield value, parse_entry(head.rstrip("\\") + rest)
                    except FileSetError:
                        continue


def parse_entry(entry: str) -> FileSet:
    r"""An entry ``[drive][path]\name [/s]`` as a file set; one of every volume has a path without a drive.

    Raises:
        FileSetError: it names no file.
    """
    recursive = _RECURSIVE.fullmatch(entry.strip())
    path, mark, name = (recursive[1] if recursive else entry.strip()).rpartition("\\")
    if not mark or not name:
        raise FileSetError(f"{entry!r} names no file")
    return FileSet(path + "\\", name, recursive is not None)


def _read(registry: Any) -> MachineExclusions:
    """The lists of a registry, which the module winreg gives access to."""
    expand = _value(registry, _SETTINGS, "DisableUserProfileExpansion") in (None, 0)
    profiles = list(_profiles(registry)) if expand else []
    backup, snapshot = (
        dict(_lists(registry, f"{_KEY}\\{name}")) for name in ("FilesNotToBackup", "FilesNotToSnapshot")
    )
    return MachineExclusions(backup, snapshot, tuple(profiles))


def _lists(registry: Any, path: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    try:
        key = registry.OpenKey(registry.HKEY_LOCAL_MACHINE, path)
    except FileNotFoundError:
        return
    with key:
        for index in range(registry.QueryInfoKey(key)[1]):
            name, value, kind = registry.EnumValue(key, index)
            if kind == registry.REG_MULTI_SZ:
                yield name, tuple(value or ())


def _profiles(registry: Any) -> Iterator[str]:
    try:
        key = registry.OpenKey(registry.HKEY_LOCAL_MACHINE, _PROFILES)
    except FileNotFoundError:
        return
    with key:
        for index in range(registry.QueryInfoKey(key)[0]):
            path = _value(registry, f"{_PROFILES}\\{registry.EnumKey(key, index)}", "ProfileImagePath")
            if isinstance(path, str) and path:
                yield path


def _value(registry: Any, path: str, name: str) -> object:
    try:
        with registry.OpenKey(registry.HKEY_LOCAL_MACHINE, path) as key:
            return registry.QueryValueEx(key, name)[0]
    except FileNotFoundError:
        return None


class NotToBackup:
    """The machine's FilesNotToBackup as a session applies them, after the writers' own lists (semantics 9.3.4).

    Attributes:
        file_sets: what to exclude.
    """

    def __init__(
        self,
        exclusions: MachineExclusions | None = None,
        writers: Collection[str] = (),
        volumes: VolumeNames | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        volumes, environment = volumes or VolumeNames(), environment or {}
        entries = list((exclusions or MachineExclusions()).not_to_backup(writers))
        self.file_sets: tuple[FileSet, ...] = tuple(file_set for _, file_set in entries)
        self._volumes = volumes
        self._places = [
            (value, file_set, place)
            for value, file_set in entries
            for place in _places(file_set, volumes, environment, volumes)
        ]

    def why(self, path: str) -> str | None:
        """Why the file at the live *path*, or all in the folder (it ends in a separator), is excluded; None if it is not."""
        if not self._places:
            return None
        try:
            location = self._volumes.locate(path)
        except FileSetError:
            return None
        if location is None:
            return None
        is_folder = path.endswith(separator(location.volume))
        folder = location.elements if is_folder else location.elements[:-1]
        for value, file_set, place in self._places:
            inside = place.volume == location.volume and _begins(folder, place.elements)
            if not inside or (len(folder) > len(place.elements) and not file_set.recursive):
                continue
            name = "*" if is_folder else location.elements[-1]
            if file_set.filespec in ("*", "*.*") or (not is_folder and glob(file_set.filespec)(name)):
                return f"excluded by this computer's FilesNotToBackup: {value}"
        return None


def left_out_by_vss(
    exclusions: MachineExclusions,
    writers: Iterable[WriterMetadata],
    context: SnapshotContext | int,
    volumes: VolumeNames,
    environment: Mapping[str, str],
    roots: Mapping[str, filesets.Root],
) -> list[LeftOut]:
    """The files that exist and that shadow copies of these volumes do not have, since somebody deletes them there.

    Args:
        exclusions: for FilesNotToSnapshot, which count for nothing without writers, in shadow copies without recovery and
            in those of shared folders (semantics 9.3.5).
        writers: those that take part; each deletes what its own list says (semantics 9.3.6).
        context: the shadow copies' context with their attributes.
        volumes: the machine's volumes.
        environment: the machine's environment variables.
        roots: where the volumes that are in the set can be looked at, by their names in *volumes*.
    """
    if context & (SnapshotAttributes.NO_WRITERS | SnapshotAttributes.NO_AUTORECOVERY):
        return []
    found: dict[str, LeftOut] = {}

    def add(file_set: FileSet, reason: str, writer: WriterMetadata | None = None) -> None:
        for place in _places(file_set, volumes, environment, roots):
            root = roots.get(place.volume)
            if root is not None and _exists(root, place, file_set):
                name = place.volume + separator(place.volume).join([*place.elements, file_set.filespec])
                below = ", in all folders below too" if file_set.recursive else ""
                whose = (None, None, None) if writer is None else (writer.name, writer.writer_id, writer.instance_id)
                found.setdefault(fold(name), LeftOut("file", name, reason + below, *whose))

    if not context & SnapshotAttributes.CLIENT_ACCESSIBLE:
        for value, file_set in exclusions.not_to_snapshot():
            add(file_set, f"VSS deletes it from the shadow copy (FilesNotToSnapshot: {value})")
    for writer in writers:
        for file_set in writer.exclude_files_from_snapshot:
            add(file_set, "its writer deletes it from the shadow copy", writer)
    return list(found.values())


def _exists(root: filesets.Root, place: Location, file_set: FileSet) -> bool:
    """Whether there can be something that the file set means: the folder with a name pattern, else the file."""
    elements = list(place.elements)
    if any(set("*?").intersection(element) for element in elements):
        elements = elements[: next(i for i, element in enumerate(elements) if set("*?").intersection(element))]
    elif not set("*?").intersection(file_set.filespec) and not file_set.recursive:
        elements.append(file_set.filespec)
    return os.path.lexists(filesets.resolve(root.shadow, elements))


def _places(
    file_set: FileSet, volumes: VolumeNames, environment: Mapping[str, str], every: Iterable[str]
) -> list[Location]:
    try:
        return filesets.locate(file_set, volumes, environment, every)
    except FileSetError:
        return []  # of another computer, or of a volume that is not there


def _begins(elements: Sequence[str], head: Sequence[str]) -> bool:
    return len(elements) >= len(head) and all(map(_same, head, elements))


def _same(one: str, other: str) -> bool:
    return fold(one) == fold(other)
