"""File sets: what a writer's component consists of, found on the shadow copies (semantics 9).

All file sets of a component become one tree of folders, and that tree is walked once: each file comes up once however many
file sets name it, in an order that depends on names only, and a folder is listed only where a pattern asks for it.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ._paths import Location, VolumeNames, expand_variables, fold, split
from .errors import FileSetError

if TYPE_CHECKING:
    from .metadata import FileSet

OnError = Callable[[OSError], None]
OnLeaveOut = Callable[[str, str], None]
_ALL: Final = ("*", "*.*")  # both mean all files, also those without a dot (semantics 9.1.2)
_REPARSE_POINT: Final = 0x400  # FILE_ATTRIBUTE_REPARSE_POINT


@dataclass(frozen=True, slots=True)
class BackupFile:
    """A file that belongs to a component.

    Attributes:
        path: its name on the live volume (``C:\\Data\\a.txt``), the one to restore to.
        shadow_path: where to read it, on the shadow copy.
        size: bytes.
        is_link: True for a symbolic link, which is itself what belongs to the component, not what it points to.
    """

    path: str
    shadow_path: str
    size: int
    is_link: bool = False

    def __fspath__(self) -> str:
        return self.shadow_path


@dataclass(frozen=True, slots=True)
class Root:
    """The root folder of a shadow copy: its name on the live volume and on the shadow copy, each with its final separator."""

    live: str
    shadow: str


def locate(
    file_set: FileSet, volumes: VolumeNames, environment: Mapping[str, str], every: Iterable[str]
) -> list[Location]:
    """The folders that the path of *file_set* means on this machine: one, or one on each of *every* if it names no volume.

    Raises FileSetError for an unknown environment variable, a volume that the machine does not have, or a file
    specification that is not a name.
    """
    _check_filespec(file_set)
    return _locate_path(file_set.path, volumes, environment, every)


def _check_filespec(file_set: FileSet) -> None:
    if not file_set.filespec or "\\" in file_set.filespec or "/" in file_set.filespec:
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


def expand(
    file_sets: Iterable[FileSet],
    *,
    excludes: Iterable[FileSet] = (),
    volumes: VolumeNames,
    environment: Mapping[str, str],
    roots: Mapping[str, Root],
    onerror: OnError | None = None,
    onleaveout: OnLeaveOut | None = None,
) -> Iterator[BackupFile]:
    """The files of *file_sets* that exist on the shadow copies, each once, folder by folder in the order of their names.

    Folders that do not exist count as empty; links are not followed and other volumes not entered (semantics 9.1.3).
    On a volume with a Windows name a file or folder with a backslash in its own name, which only a simulated volume can
    have, is left out: its live path would be another one's.

    Args:
        excludes: the writer's exclude list, which wins over every file set (semantics 9.3.1).
        volumes: the machine's volumes.
        environment: the machine's environment variables.
        roots: the shadow copies by the volume's name in *volumes*.
        onerror: called with the OSError of a folder or file that cannot be read; without it the error is raised.
        onleaveout: called with the live path of each file that is left out, and why; a folder of which everything is left
            out is named instead of its files, with a final separator.

    Raises:
        FileSetError: a file set that cannot be understood, or that lies on a volume without a shadow copy.
        OSError: a folder that cannot be read.
    """
    included = _plan(file_sets, volumes, environment, roots)
    for volume in included:
        if volume not in roots:
            raise FileSetError(f"there is no shadow copy of {volume}")
    excluded = _plan_excludes(excludes, volumes, environment, roots)
    for volume in sorted(included):
        walk = _Walk(roots[volume], volumes.mounted_in(volume), onerror, onleaveout or _do_nothing)
        yield from walk.files(included[volume], excluded.get(volume, _NOTHING))


def _do_nothing(path: str, reason: str) -> None:
    pass


@dataclass(slots=True)
class _Node:
    """A folder that file sets name, and what they want in it.

    Spellings that differ in letter case only are kept: file systems that tell them apart may have each of them.
    """

    spellings: set[str] = field(default_factory=set)
    names: dict[str, set[str]] = field(default_factory=dict)  # files without wildcards: folded, as spelled
    patterns: list[str] = field(default_factory=list)
    deep: list[str] = field(default_factory=list)  # patterns that hold in all folders below, too
    children: dict[str, _Node] = field(default_factory=dict)

    def below(self, elements: Iterable[str]) -> _Node:
        node = self
        for element in elements:
            node = node.children.setdefault(fold(element), _Node())
            node.spellings.add(element)
        return node

    def add(self, file_set: FileSet) -> None:
        if file_set.recursive:
            self.deep.append(file_set.filespec)
        elif "*" in file_set.filespec or "?" in file_set.filespec:
            self.patterns.append(file_set.filespec)
        else:
            self.names.setdefault(fold(file_set.filespec), set()).add(file_set.filespec)


class _Matcher:
    """Any of some file specifications; names are given folded."""

    __slots__ = ("_match", "everything")

    def __init__(self, patterns: Iterable[str]) -> None:
        folded = dict.fromkeys(fold(pattern) for pattern in patterns)
        self.everything = any(pattern in _ALL for pattern in folded)
        expression = "|".join(
            "".join(".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern)
            for pattern in folded
        )
        self._match = re.compile(expression, re.DOTALL).fullmatch

    def __call__(self, name: str) -> bool:
        return self.everything or self._match(name) is not None


def matches(filespec: str, name: str) -> bool:
    """Whether the file called *name* matches *filespec*: ``*``, ``?`` and ``*.*`` (everything), without regard to case."""
    return _Matcher([filespec])(fold(name))


def _plan(
    file_sets: Iterable[FileSet], volumes: VolumeNames, environment: Mapping[str, str], every: Iterable[str]
) -> dict[str, _Node]:
    trees: dict[str, _Node] = {}
    folders: dict[str, list[_Node]] = {}  # thousands of file sets share a path: understand each path once
    for file_set in file_sets:
        _check_filespec(file_set)
        if file_set.path not in folders:
            folders[file_set.path] = [
                trees.setdefault(location.volume, _Node()).below(location.elements)
                for location in _locate_path(file_set.path, volumes, environment, every)
            ]
        for node in folders[file_set.path]:
            node.add(file_set)
    return trees


def _plan_excludes(
    file_sets: Iterable[FileSet], volumes: VolumeNames, environment: Mapping[str, str], every: Iterable[str]
) -> dict[str, _Node]:
    """As _plan, but an exclusion that means nothing here excludes nothing: writers list volumes that are not there."""
    trees: dict[str, _Node] = {}
    for file_set in file_sets:
        try:
            locations = locate(file_set, volumes, environment, every)
        except FileSetError:
            continue
        for location in locations:
            trees.setdefault(location.volume, _Node()).below(location.elements).add(file_set)
    return trees


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder about to be read: its elements below the root, and what is wanted and not wanted in it."""

    elements: tuple[str, ...]
    wanted: _Node
    deep: tuple[_Matcher, ...]
    unwanted: _Node
    deep_unwanted: tuple[_Matcher, ...]
    named: bool  # by a file set, not found in a listing: it need not exist


_NOTHING: Final = _Node()
_EXCLUDED: Final = "excluded by its writer"


class _Walk:
    """The way through the folders of one shadow copy."""

    def __init__(
        self, root: Root, mounted: set[tuple[str, ...]], onerror: OnError | None, onleaveout: OnLeaveOut
    ) -> None:
        self._root = root
        self._mounted = mounted
        self._onerror = onerror
        self._onleaveout = onleaveout
        self._device = os.lstat(root.shadow).st_dev

    def files(self, wanted: _Node, unwanted: _Node) -> Iterator[BackupFile]:
        stack = [self._read(_Folder((), wanted, (), unwanted, (), False))]
        while stack:
            item = next(stack[-1], None)
            if item is None:
                stack.pop()
            elif isinstance(item, BackupFile):
                yield item
            else:
                stack.append(self._read(item))

    def _read(self, folder: _Folder) -> Iterator[BackupFile | _Folder]:
        live, shadow = (
            "".join([root, *(element + root[-1] for element in folder.elements)])
            for root in (self._root.live, self._root.shadow)
        )
        wanted, unwanted = folder.wanted, folder.unwanted
        deep = (*folder.deep, _Matcher(wanted.deep)) if wanted.deep else folder.deep
        deep_unwanted = (*folder.deep_unwanted, _Matcher(unwanted.deep)) if unwanted.deep else folder.deep_unwanted
        if any(matcher.everything for matcher in deep_unwanted):
            self._onleaveout(live, _EXCLUDED)
            return
        patterns = (*deep, _Matcher(wanted.patterns)) if wanted.patterns else deep
        no_patterns = (*deep_unwanted, _Matcher(unwanted.patterns)) if unwanted.patterns else deep_unwanted
        try:
            directory = _Directory(shadow, listed=bool(patterns))
            files = set(directory.find_all(wanted.names.values()))
            children = {
                name: child for child in wanted.children.values() for name in directory.find_all([child.spellings])
            }
            names = directory.names if patterns else sorted({*files, *children})
        except (FileNotFoundError, NotADirectoryError) as error:
            if not folder.named:
                _report(error, self._onerror)
            return
        except OSError as error:
            _report(error, self._onerror)
            return
        for name in names:
            try:
                status = directory.status(name)
            except OSError as error:
                _report(error, self._onerror)
                continue
            folded = fold(name)
            child = children.get(name)
            if stat.S_ISDIR(status.st_mode):
                if not deep and child is None:
                    continue
                below = (*folder.elements, name)
                if reason := self._why_not_enter(below, status):
                    self._onleaveout(live + name + live[-1], reason)
                    continue
                yield _Folder(
                    below,
                    child or _NOTHING,
                    deep,
                    unwanted.children.get(folded, _NOTHING),
                    deep_unwanted,
                    child is not None,
                )
                continue
            is_link = stat.S_ISLNK(status.st_mode)
            if child is not None and is_link:
                self._onleaveout(live + name + live[-1], "a link, which is not followed")
            if name in files or any(matcher(folded) for matcher in patterns):
                if not is_link and not stat.S_ISREG(status.st_mode):
                    continue  # a pipe, a socket or a device holds nothing to back up
                if folded in unwanted.names or any(matcher(folded) for matcher in no_patterns):
                    self._onleaveout(live + name, _EXCLUDED)
                elif live[-1] in name:
                    self._onleaveout(live + name, "its name has a backslash in it")
                else:
                    yield BackupFile(live + name, shadow + name, status.st_size, is_link)

    def _why_not_enter(self, elements: tuple[str, ...], status: os.stat_result) -> str | None:
        if self._mounted and tuple(map(fold, elements)) in self._mounted:
            return "another volume is mounted there"
        if self._root.live[-1] in elements[-1]:
            return "its name has a backslash in it"
        return "a mount point or reparse point, which is not entered" if _is_elsewhere(status, self._device) else None


class _Directory:
    """One folder of a shadow copy: looked up by name where it can be, listed where it must be."""

    def __init__(self, path: str, *, listed: bool) -> None:
        self.path = path
        self._entries: dict[str, os.DirEntry[str]] | None = None
        self._folded: dict[str, str] | None = None
        if listed:
            self._list()

    def _list(self) -> dict[str, os.DirEntry[str]]:
        if self._entries is None:
            with os.scandir(self.path) as entries:
                self._entries = {entry.name: entry for entry in sorted(entries, key=lambda entry: entry.name)}
        return self._entries

    @property
    def names(self) -> list[str]:
        return list(self._list())

    def find(self, spelling: str) -> str | None:
        """The name of the entry that *spelling* means: that very name if there is one, else the first that differs in case."""
        if self._entries is None:
            try:
                os.lstat(self.path + spelling)
            except FileNotFoundError:
                pass
            else:
                return spelling
        entries = self._list()
        if spelling in entries:
            return spelling
        if self._folded is None:
            self._folded = {}
            for name in entries:
                self._folded.setdefault(fold(name), name)
        return self._folded.get(fold(spelling))

    def find_all(self, spellings: Iterable[set[str]]) -> Iterator[str]:
        """The entries that any of some spellings mean; names may come twice."""
        for group in spellings:
            if len(group) > 1:
                self._list()  # a disk that ignores letter case would find one entry under each spelling
            for spelling in group:
                name = self.find(spelling)
                if name is not None:
                    yield name

    def status(self, name: str) -> os.stat_result:
        if self._entries is not None and name in self._entries:
            return self._entries[name].stat(follow_symlinks=False)
        return os.lstat(self.path + name)


def resolve(root: str, elements: Iterable[str]) -> str:
    """*elements* below the folder *root*, each in the letter case that it has there; as given from the first missing one on."""
    elements = list(elements)
    path = root
    for index, element in enumerate(elements):
        try:
            name = _Directory(path, listed=False).find(element)
        except OSError:
            name = None
        if name is None:
            return path + root[-1].join(elements[index:])
        path += name + root[-1]
    return path if not elements else path[:-1]


def _is_elsewhere(status: os.stat_result, device: int) -> bool:
    """Whether a folder is a mount point or a reparse point, which a shadow copy does not carry the content of."""
    attributes: int = getattr(status, "st_file_attributes", 0)
    if attributes & _REPARSE_POINT:
        return True
    return os.name != "nt" and status.st_dev != device


def _report(error: OSError, onerror: OnError | None) -> None:
    if onerror is None:
        raise error
    onerror(error)
