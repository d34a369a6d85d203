"""How file sets become walks through volumes: what each means on this machine, and which files come from where.

The walk itself is C++ (csrc/filesets). It knows groups of file sets by number; here they have keys.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

from . import _core
from ._paths import Location, VolumeNames, expand_variables, fold, separator, split
from .enums import BackupType, FileSpecBackupType
from .errors import FileSetError

if TYPE_CHECKING:
    from .filesets import Root
    from .metadata import FileSet

Key = TypeVar("Key")
File = TypeVar("File")
_BATCH: Final = 512  # files that come over from C++ at once,
_SLICE: Final = 0.05  # and seconds until fewer come: Ctrl-C is seen in between
EXCLUDED: Final = "excluded by its writer"
_REASONS: Final = (
    EXCLUDED,
    "another volume is mounted there",
    "a mount point or reparse point, which is not entered",
    "its name has a backslash in it",
    "a link, which is not followed",
)
_REQUIRED: Final = {
    BackupType.DIFFERENTIAL: FileSpecBackupType.DIFFERENTIAL_BACKUP_REQUIRED,
    BackupType.INCREMENTAL: FileSpecBackupType.INCREMENTAL_BACKUP_REQUIRED,
    BackupType.LOG: FileSpecBackupType.LOG_BACKUP_REQUIRED,
}


def is_required(file_set: FileSet, backup_type: BackupType) -> bool:
    """Whether *file_set* has to be copied in a backup of this type (semantics 9.5); all but three types look at the full bit."""
    return bool(file_set.backup_type & _REQUIRED.get(backup_type, FileSpecBackupType.FULL_BACKUP_REQUIRED))


def locate(
    file_set: FileSet, volumes: VolumeNames, environment: Mapping[str, str], every: Iterable[str]
) -> list[Location]:
    """The folders that the path of *file_set* means on this machine: one, or one on each of *every* if it names no volume.

    Raises FileSetError for an unknown environment variable, a volume that the machine does not have, or a file
    specification that is not a name.
    """
    _check_filespec(file_set)
    return _locate_path(file_set.path, volumes, environment, every)


def _is_filespec(text: str) -> bool:
    return text != "" and "\\" not in text and "/" not in text


def _check_filespec(file_set: FileSet) -> None:
    if not _is_filespec(file_set.filespec):
        raise FileSetError(f"{file_set.filespec!r} is not a file specification")


def _locate_path(
    path: str, volumes: VolumeNames, environment: Mapping[str, str], every: Iterable[str]
) -> list[Location]:
    path = expand_variables(path, environment)
    root, elements = split(path)
    if root == "\\":
        return [Location(volume, tuple(elements)) for volume in every]
    location = volumes.locate(path)
    if location is None:
        raise FileSetError(f"{path} is on a volume that is not known here")
    return [location]


class _Tree(NamedTuple):
    """A walk to come: the volume that is read and, of file sets with an alternate path, that one and the path itself."""

    volume: str
    is_live: bool = False
    alternate: Location | None = None
    path: Location | None = None


class Expansion(Generic[Key, File]):
    """File sets of some groups, and the walks that find their files.

    Args:
        make: makes a file of path, shadow path, size, whether it is a link, time of its last write, and whether it is live.
        keys: of the groups, by number; the other arguments are those of filesets.expand_groups.
    """

    def __init__(
        self,
        make: Callable[[str, str, int, bool, int, bool], File],
        keys: tuple[Key, ...],
        volumes: VolumeNames,
        environment: Mapping[str, str],
        roots: Mapping[str, Root],
        live_roots: Mapping[str, Root] | None,
        onerror: Callable[[OSError, tuple[Key, ...]], object] | None,
        onleaveout: Callable[[str, str, tuple[Key, ...]], object] | None,
    ) -> None:
        self._make = make
        self._keys = keys
        self._volumes = volumes
        self._environment = environment
        self._roots = roots
        self._live_roots = live_roots or {}
        self._reads_live = live_roots is not None
        self._onerror = onerror
        self._onleaveout = onleaveout
        self._plan = _core.FileSetPlan()
        self._trees: dict[_Tree, int] = {}
        self._exclusions: dict[str, int] = {}
        # Thousands of file sets share a path, and all components of a writer its exclude list: each is understood once.
        self._folders: dict[tuple[str, str | None, bool], list[int]] = {}
        self._excluded: dict[str, list[int]] = {}
        self._not_required: list[tuple[str, str, Key]] = []

    def add(self, group: int, file_sets: Iterable[FileSet], backup_type: BackupType) -> None:
        """File sets of a group, by its number.

        Raises FileSetError for one that cannot be understood, or that lies where no shadow copy is.
        """
        for file_set in file_sets:
            _check_filespec(file_set)
            if not is_required(file_set, backup_type):
                reason = f"its writer does not ask for it in {backup_type.name.lower()} backups"
                self._not_required += [(name, reason, self._keys[group]) for name in self._names(file_set)]
                continue
            is_live = self._reads_live and FileSpecBackupType.CREATED_DURING_BACKUP in file_set.backup_type
            where = (file_set.path, file_set.alternate_path, is_live)
            if where not in self._folders:
                self._folders[where] = list(self._make_folders(*where))
            for folder in self._folders[where]:
                self._plan.add(folder, file_set.filespec, file_set.recursive, group)

    def exclude(self, group: int, file_sets: Iterable[FileSet]) -> None:
        """An exclusion that means nothing here excludes nothing: writers list volumes that are not there."""
        for file_set in file_sets:
            if not _is_filespec(file_set.filespec):
                continue
            if file_set.path not in self._excluded:
                self._excluded[file_set.path] = list(self._make_exclusions(file_set.path))
            for folder in self._excluded[file_set.path]:
                self._plan.add(folder, file_set.filespec, file_set.recursive, group)

    def _make_exclusions(self, path: str) -> Iterator[int]:
        try:
            locations = _locate_path(path, self._volumes, self._environment, {**self._roots, **self._live_roots})
        except FileSetError:
            return
        for location in locations:
            if location.volume not in self._exclusions:
                self._exclusions[location.volume] = self._plan.new_tree()
            yield self._plan.folder(self._exclusions[location.volume], location.elements)

    def _make_folders(self, path: str, alternate_path: str | None, is_live: bool) -> Iterator[int]:
        roots = self._live_roots if is_live else self._roots
        for location in _locate_path(path, self._volumes, self._environment, roots):
            reads = [(_Tree(location.volume, is_live), location)]
            if alternate_path:
                others = _locate_path(alternate_path, self._volumes, self._environment, [location.volume])
                reads = [(_Tree(other.volume, is_live, other, location), other) for other in others]
            for tree, place in reads:
                if tree.volume not in roots:
                    raise FileSetError(f"there is no shadow copy of {tree.volume}")
                if tree not in self._trees:
                    self._trees[tree] = self._plan.new_tree()
                yield self._plan.folder(self._trees[tree], place.elements)

    def _names(self, file_set: FileSet) -> list[str]:
        """What a file set is called that nothing is looked up for."""
        try:
            locations = locate(file_set, self._volumes, self._environment, self._roots)
        except FileSetError:
            return [f"{file_set.path}\\{file_set.filespec}"]
        return [self._live_folder(location) + file_set.filespec for location in locations]

    def _live_folder(self, location: Location) -> str:
        root = self._roots.get(location.volume) or self._live_roots.get(location.volume)
        live = location.volume if root is None else root.live
        return "".join([live, *(element + live[-1] for element in location.elements)])

    def files(self, between: Callable[[], object] | None = None) -> Iterator[tuple[File, tuple[Key, ...]]]:
        """All files, with the keys of the groups that they belong to; those that are read elsewhere than on their own shadow copy first."""
        if self._onleaveout is not None:
            for name, reason, key in self._not_required:
                self._onleaveout(name, reason, (key,))
        # Files that were read elsewhere, which are few: None where one is done with, else the groups that are to be added.
        met: dict[str, Collection[int] | None] = {}
        for tree in sorted(self._trees, key=lambda tree: (tree.alternate is None, not tree.is_live, tree.volume)):
            yield from self._files_of(tree, met, between)

    def _files_of(
        self, tree: _Tree, met: dict[str, Collection[int] | None], between: Callable[[], object] | None
    ) -> Iterator[tuple[File, tuple[Key, ...]]]:
        root = (self._live_roots if tree.is_live else self._roots)[tree.volume]
        is_ordinary = tree.alternate is None and not tree.is_live
        walk = self._start(tree, root)
        sets: dict[int, tuple[Key, ...]] = {}
        while (events := walk.next(_BATCH, _SLICE)) is not None:
            if between is not None:
                between()
            for event in events:
                keys = sets.get(event[-1])
                if keys is None:
                    keys = sets[event[-1]] = self._keys_of(walk.groups(event[-1]))
                if event[0] == 0:
                    _, path, shadow_path, size, is_link, modified, groups = event
                    if met or not is_ordinary:
                        more = self._meet(tree, path, walk.groups(groups), met)
                        if more is None:
                            continue
                        keys = self._keys_of({*walk.groups(groups), *more})
                    yield self._make(path, shadow_path, size, is_link, modified, tree.is_live), keys
                elif event[0] == 1:
                    if self._onleaveout is not None:
                        self._onleaveout(event[1], _REASONS[event[2]], keys)
                elif self._onerror is None:
                    raise event[1]
                else:
                    self._onerror(event[1], keys)

    def _start(self, tree: _Tree, root: Root) -> _core.FileSetWalk:
        place, volume = None, tree.volume
        if tree.alternate is not None and tree.path is not None:
            volume = tree.path.volume
            place = (len(tree.alternate.elements), self._live_folder(tree.path), tree.path.elements)
        return _core.FileSetWalk(
            self._plan,
            self._trees[tree],
            self._exclusions.get(volume, 0),  # 0: nothing
            root.live,
            root.shadow,
            list(self._volumes.mounted_in(tree.volume)),
            place,
        )

    def _keys_of(self, groups: Iterable[int]) -> tuple[Key, ...]:
        return tuple(self._keys[group] for group in sorted(groups))

    def _meet(
        self, tree: _Tree, path: str, groups: Collection[int], met: dict[str, Collection[int] | None]
    ) -> Collection[int] | None:
        """Groups that a file belongs to, too; None where it comes, or came, from somewhere else."""
        name = path if separator(path) == "/" else fold(path)
        if name in met or (tree.alternate is None and not tree.is_live):
            return met.get(name, ())
        volume = tree.volume if tree.path is None else tree.path.volume
        live = self._live_folder(Location(volume, ()))
        elements = path[len(live) :].split(live[-1])
        ordinary, exclusions = self._trees.get(_Tree(volume)), self._exclusions.get(volume, 0)
        asked = set(self._plan.match(ordinary, elements)) if ordinary is not None else set()
        asked -= {*self._plan.match(exclusions, elements)}
        if tree.alternate is None:
            if asked and os.path.lexists(self._roots[volume].shadow + self._roots[volume].shadow[-1].join(elements)):
                met[name] = groups  # frozen there
                return None
            asked.clear()  # those who ask for what was frozen get nothing of later
        met[name] = None
        return asked
