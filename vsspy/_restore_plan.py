"""Where the files of a component go: its writer's restore method, and the targets of writer and requester (semantics 11.2, 11.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

from . import filesets
from ._paths import Location, VolumeNames, expand_variables, fold, separator, split
from ._restore_files import Piece
from .enums import RestoreMethod, RestoreTarget
from .errors import FileSetError, RangesError, RestoreError
from .ranges import Range, parse_ranges

if TYPE_CHECKING:
    from ._document_values import DirectedTarget
    from .filesets import BackupFile
    from .metadata import FileSet, RestoreMethodInfo

How = Literal["original", "alternate", "new target", "directed", "reboot"]

Files = Callable[[], Iterator["BackupFile"]]


@dataclass(frozen=True, slots=True)
class Goal:
    """Where a file of the backup goes, and how.

    Attributes:
        file: in the backup.
        target: its live name.
        how: ``original``: its own place; ``alternate``: its writer's alternate location mapping; ``new target``: where the
            requester redirected it; ``directed``: where its writer did; ``reboot``: its own place, at the next start.
        pieces: what of the file goes where in the target; None: all of it.
    """

    file: BackupFile
    target: str
    how: How
    pieces: tuple[Piece, ...] | None = None


class Look(Protocol):
    """What can be told of a live path."""

    def exists(self, path: str) -> bool:
        """Whether something is there."""

    def why_not_replaceable(self, path: str) -> str | None:
        """Why it cannot be replaced."""


@dataclass(slots=True)
class Redirection:
    """File sets that go to other folders: alternate location mappings, or new targets.

    Attributes:
        used: which of them took a file.
    """

    file_sets: Sequence[FileSet]
    volumes: VolumeNames
    environment: Mapping[str, str]
    used: dict[FileSet, None] = field(default_factory=dict)
    _folders: dict[FileSet, Location | None] = field(default_factory=dict)

    def target_of(self, path: str) -> str | None:
        """Where the file *path* goes; None if none of the file sets takes it."""
        place = self._locate(path)
        for file_set in self.file_sets:
            below = self._below(file_set, place)
            if below is None or file_set.alternate_path is None:
                continue
            self.used[file_set] = None
            folder = expand_variables(file_set.alternate_path, self.environment)
            mark = separator(folder)
            return folder.rstrip(mark) + mark + mark.join(below)
        return None

    def _locate(self, path: str) -> Location:
        """Where a path of the backup lies, which may be on a volume that this machine does not have."""
        found = self.volumes.locate(path)
        if found is None:
            root, elements = split(path)
            return Location(root, tuple(elements))
        return found

    def _below(self, file_set: FileSet, place: Location) -> tuple[str, ...] | None:
        """The elements of a file below a file set's folder; None if it does not belong to the set."""
        if file_set not in self._folders:
            try:
                self._folders[file_set] = self._locate(expand_variables(file_set.path, self.environment))
            except FileSetError:
                self._folders[file_set] = None  # a path that means nothing here has no files
        folder = self._folders[file_set]
        if folder is None or folder.volume != place.volume:
            return None
        depth = len(folder.elements)
        same = (lambda name: name) if separator(place.volume) == "/" else fold
        if len(place.elements) <= depth or any(
            same(one) != same(other) for one, other in zip(folder.elements, place.elements, strict=False)
        ):
            return None
        below = place.elements[depth:]
        if len(below) > 1 and not file_set.recursive:
            return None
        return below if filesets.matches(file_set.filespec, below[-1]) else None


@dataclass(slots=True)
class Plan:
    """How one component set is restored.

    Args:
        method: its writer's, as of the backup.
        target: what its writer wants, said in PreRestore.
        mappings: its writer's alternate location mappings.
        new_targets: where the requester redirected its file sets.
        directed: where its writer directed files, by their folded names.
    """

    method: RestoreMethodInfo | None
    target: RestoreTarget
    mappings: Redirection
    new_targets: Redirection
    directed: Mapping[str, Sequence[DirectedTarget]]

    def goals(self, files: Files, look: Look) -> Iterator[Goal]:
        """Where each file goes: directed over new target over mapping over original (semantics 11.3).

        The files are gone through twice where the method asks for all or nothing.

        Raises:
            RestoreError: the component cannot be restored so.
        """
        how = self._way(files, look)
        self.mappings.used.clear()  # what was only looked up does not count
        directed: dict[str, BackupFile] = {}
        for file in files():
            if fold(file.path) in self.directed:
                directed[fold(file.path)] = file  # last: parts may go into files that are restored themselves
                continue
            new = self.new_targets.target_of(file.path)
            if new is not None:
                yield _goal(file, new, "new target")
            elif how == "alternate":
                mapped = self.mappings.target_of(file.path)
                if mapped is None:
                    raise RestoreError(f"no alternate location is mapped for {file.path}")
                yield _goal(file, mapped, how)
            else:
                yield _goal(file, file.path, how)
        for name, file in directed.items():
            yield from (_directed(file, each) for each in self.directed[name])
        if missing := set(self.directed) - set(directed):
            raise RestoreError(f"its writer directed {min(missing)}, which is not in the backup")

    def _way(self, files: Files, look: Look) -> How:
        """What becomes of the files that neither writer nor requester sends somewhere by themselves."""
        method = RestoreMethod.UNDEFINED if self.method is None else self.method.method
        if method is RestoreMethod.RESTORE_AT_REBOOT:
            return "reboot"  # a target does not influence restart-time moves
        if self.target is RestoreTarget.ORIGINAL_LOCATION:
            return "original"
        if self.target is RestoreTarget.ALTERNATE or method is RestoreMethod.RESTORE_TO_ALTERNATE_LOCATION:
            self._check_mapped(files, "its writer wants it at its alternate location")
            return "alternate"

        def free() -> Iterator[BackupFile]:
            return (file for file in files() if self._is_free(file))

        if method is RestoreMethod.RESTORE_IF_NOT_THERE:
            there = next((file.path for file in free() if look.exists(file.path)), None)
            if there is None:
                return "original"
            self._check_mapped(free, f"{there} is there")
            for file in free():
                mapped = self.mappings.target_of(file.path)
                if mapped is not None and look.exists(mapped):
                    raise RestoreError(f"{there} is there, and so is {mapped}, its alternate location")
            return "alternate"
        if method in (RestoreMethod.RESTORE_IF_CAN_REPLACE, RestoreMethod.RESTORE_AT_REBOOT_IF_CANNOT_REPLACE):
            refused = _first_refused((file.path for file in free()), look)
            if refused is None:
                return "original"
            if method is RestoreMethod.RESTORE_AT_REBOOT_IF_CANNOT_REPLACE:
                return "reboot"
            self._check_mapped(free, f"{refused[0]} cannot be replaced: {refused[1]}")
            again = _first_refused((self.mappings.target_of(file.path) or file.path for file in free()), look)
            if again is not None:
                raise RestoreError(
                    f"neither {refused[0]} ({refused[1]}) nor its alternate location {again[0]} ({again[1]}) can be replaced"
                )
            return "alternate"
        return "original"

    def _is_free(self, file: BackupFile) -> bool:
        return fold(file.path) not in self.directed and self.new_targets.target_of(file.path) is None

    def _check_mapped(self, files: Files, why: str) -> None:
        for file in files():
            if self._is_free(file) and self.mappings.target_of(file.path) is None:
                raise RestoreError(f"{why}, and no alternate location is mapped for {file.path}")


def _first_refused(paths: Iterable[str], look: Look) -> tuple[str, str] | None:
    for path in paths:
        reason = look.why_not_replaceable(path)
        if reason is not None:
            return path, reason
    return None


def _goal(file: BackupFile, target: str, how: How) -> Goal:
    if file.ranges is None:
        return Goal(file, target, how)
    return Goal(file, target, how, tuple(Piece(each.offset, each.offset, each.length) for each in file.ranges))


def _directed(file: BackupFile, by: DirectedTarget) -> Goal:
    mark = separator(by.destination_path)
    target = by.destination_path.rstrip(mark) + mark + by.destination_filename
    try:
        source, goal = (_ranges(text) for text in (by.source_ranges, by.destination_ranges))
    except RangesError as error:
        raise RestoreError(f"its writer directed {file.path} by ranges that are none: {error.detail}") from error
    if source is None and goal is None:
        return _goal(file, target, "directed")
    if source is None or goal is None:
        # the whole of the one goes to, or comes from, the parts of the other
        known = source or goal or ()
        total = sum(each.length for each in known)
        source, goal = source or (Range(0, total),), goal or (Range(0, total),)
    if sum(each.length for each in source) != sum(each.length for each in goal):
        raise RestoreError(f"its writer directed {file.path} to parts of another length")
    return Goal(file, target, "directed", tuple(_pair(source, goal)))


def _ranges(text: str) -> tuple[Range, ...] | None:
    return parse_ranges(text) if text.strip() else None


def _pair(source: Sequence[Range], target: Sequence[Range]) -> Iterator[Piece]:
    """The bytes of *source* in their order to those of *target*."""
    theirs = list(target)
    for each in source:
        offset, left = each.offset, each.length
        while left:
            head = theirs[0]
            count = min(left, head.length)
            yield Piece(offset, head.offset, count)
            offset, left = offset + count, left - count
            theirs[0] = Range(head.offset + count, head.length - count)
            if not theirs[0].length:
                theirs.pop(0)


def within(file_sets: Iterable[FileSet], volumes: VolumeNames, environment: Mapping[str, str]) -> Callable[[str], bool]:
    """Tells of a file, by its live name, whether one of *file_sets* takes it."""
    places = Redirection([replace(each, alternate_path=each.path) for each in file_sets], volumes, environment)
    return lambda path: places.target_of(path) is not None


def new_places(file_sets: Iterable[FileSet], to: str, environment: Mapping[str, str]) -> dict[FileSet, str]:
    """The folder that each file set of a component goes to, below *to*: as they lie to each other, from their common folder on.

    Raises FileSetError for a path that cannot be understood.
    """
    sets = list(dict.fromkeys(file_sets))
    paths: dict[FileSet, list[str]] = {}
    for each in sets:
        root, elements = split(expand_variables(each.path, environment))
        paths[each] = [root.strip("\\/?.").replace(":", ""), *elements]
    common = 0
    rows = list(paths.values())
    while rows and all(len(row) > common for row in rows) and len({fold(row[common]) for row in rows}) == 1:
        common += 1
    mark = separator(to)
    below = {each: [element for element in row[common:] if element] for each, row in paths.items()}
    return {each: mark.join([to.rstrip(mark), *rest]) if rest else to for each, rest in below.items()}
