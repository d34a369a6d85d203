"""The files of the components of a session: found on the shadow copies, and each saved as its writers want it."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from . import filesets
from ._backup_types import effective_type, whole_sets
from ._expansion import EXCLUDED
from ._named_files import Named, NamedFiles, together
from ._paths import fold, separator, split
from ._roots import open_to_read
from .errors import FileSetError, RangesError
from .metadata import FileSet
from .ranges import Range, read_ranges_file
from .result import LeftOut

if TYPE_CHECKING:
    from ._machine import Surroundings
    from ._selected import SelectedComponent
    from ._session_options import Settings
    from .errors import VssError
    from .filesets import BackupFile
    from .result import BackupResult
    from .selection import Inclusion
    from .shadow import ShadowCopySet

__all__ = ["ComponentFiles", "Wanted"]

_LIVE: Final = "it comes into being while the backup runs, so it is read live"
_RANGES_FILE: Final = "a ranges file, which its writer may make after the shadow copy, so it is read live"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A component and what belongs to it: its file sets by *inclusion*, and what its writer named for this backup."""

    component: SelectedComponent
    inclusion: Inclusion
    named: Named


class ComponentFiles:
    """One walk over the files of some components.

    Args:
        wanted: the components.
        shadows: the shadow copies.
        surroundings: the machine.
        settings: the session's.
        result: gets what is left out and what is read live.
        onerror: called for what cannot be read, after the component that it belongs to was made to fail.
    """

    def __init__(
        self,
        wanted: Sequence[Wanted],
        shadows: ShadowCopySet,
        surroundings: Surroundings,
        settings: Settings,
        result: BackupResult,
        onerror: Callable[[OSError], object] | None,
    ) -> None:
        self._wanted = wanted
        self._shadows = shadows
        self._surroundings = surroundings
        self._settings = settings
        self._result = result
        self._onerror = onerror
        self._left_out = {item.name for item in result.left_out if item.kind == "file"}
        self._told_live = {item.name for item in result.read_live if item.kind == "file"}

    def files(self) -> Iterator[tuple[BackupFile, list[SelectedComponent]]]:
        """Each file once, with the components that it belongs to.

        Raises, without *onerror*, OSError, RangesError and FileSetError for what a writer named and cannot be had.
        """
        plans = [self._plan(each) for each in self._wanted]
        extra = self._ranges_files(plans)
        for file, keys in self._walk(plans):
            found = extra.get(fold(file.path)) if extra else None
            if found is not None:
                found[1].extend(index for index in keys if index not in found[1])
                continue
            chosen: dict[int, BackupFile] = {}
            for index, mine in keys.items():
                wanted = plans[index].decide(file, mine)
                if wanted is not None:
                    chosen[index] = wanted
            if chosen:
                if file.is_live:
                    self._read_live(file.path, _LIVE)
                yield together(list(chosen.values())), [self._wanted[index].component for index in chosen]
        for file, owners in extra.values():
            if file.is_live:
                self._read_live(file.path, _RANGES_FILE)
            yield file, [self._wanted[index].component for index in owners]
        for each, plan in zip(self._wanted, plans, strict=True):
            for path in plan.missing():
                self._unreadable([each], FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path))

    def _plan(self, wanted: Wanted) -> NamedFiles:
        writer, backup_type, types = wanted.inclusion.writer, self._settings.backup_type, self._settings.types
        return NamedFiles(
            wanted.named,
            whole_sets(wanted.inclusion.file_sets, writer, backup_type),
            types.partial_files,
            types.time_of(wanted.inclusion),
            effective_type(writer, backup_type),
            self._read_ranges,
            self._why_not,
            lambda text: self._note(f"{writer.name}: {text}"),
            lambda path, error: self._refuse(wanted, path, error),
        )

    def _walk(self, plans: Sequence[NamedFiles]) -> Iterator[tuple[BackupFile, Mapping[int, list[Hashable]]]]:
        """Each file that any group of a plan asks for, with the groups by the plan's number."""
        machine = self._surroundings.not_to_backup.file_sets  # after the writers' own lists (semantics 9.3)
        groups = {
            (index, key): (file_sets, [*wanted.inclusion.writer.exclude_files, *machine])
            for index, (wanted, plan) in enumerate(zip(self._wanted, plans, strict=True))
            for key, file_sets in plan.groups.items()
        }

        def owners(keys: Iterable[tuple[int, Hashable]]) -> list[Wanted]:
            for index, key in keys:
                plans[index].account_for(key)
            return [self._wanted[index] for index in dict.fromkeys(index for index, _ in keys)]

        for file, keys in filesets.expand_groups(
            groups,
            volumes=self._surroundings.volumes,
            environment=self._surroundings.environment,
            roots=self._shadows.roots(),
            onerror=lambda error, keys: self._unreadable(owners(keys), error),
            onleaveout=lambda path, reason, keys: self._leave_out(owners(keys), path, reason),
            backup_type=self._settings.backup_type,
            live_roots=self._surroundings.live_roots(),
            between=self._wanted[0].component._check_open,
        ):
            found: dict[int, list[Hashable]] = {}
            for index, key in keys:
                found.setdefault(index, []).append(key)
            yield file, found

    # -- what it meets -------------------------------------------------------------------------------------------------

    def _leave_out(self, owners: Sequence[Wanted], path: str, reason: str) -> None:
        if path not in self._left_out:
            self._left_out.add(path)
            if reason == EXCLUDED:  # the walk knows one list, the machine's in it
                reason = self._surroundings.not_to_backup.why(path) or reason
            writer = owners[0].inclusion.writer
            self._result.left_out.append(
                LeftOut("file", path, reason, writer.name, writer.writer_id, writer.instance_id)
            )

    def _why_not(self, file_set: FileSet) -> str | None:
        roots = self._shadows.roots()
        volumes, environment = self._surroundings.volumes, self._surroundings.environment
        try:
            found = filesets.locate(file_set, volumes, environment, roots)
        except FileSetError as error:
            return str(error.detail)
        away = [place.volume for place in found if place.volume not in roots]
        return f"there is no shadow copy of {away[0]}" if away else None

    def _refuse(self, wanted: Wanted, path: str, error: VssError) -> None:
        if self._onerror is None:
            raise error
        wanted.component.fail(str(error.detail))
        self._onerror(OSError(errno.EINVAL, str(error.detail), path))

    def _unreadable(self, owners: Sequence[Wanted], error: OSError) -> None:
        self._shadows.check()
        if self._onerror is None:
            raise error
        reason = error.strerror or str(error)
        self._leave_out(owners, str(error.filename), reason)
        for wanted in owners:
            wanted.component.fail(f"{error.filename}: {reason}")
        self._onerror(error)

    def _read_live(self, path: str, reason: str) -> None:
        if path not in self._told_live:
            self._told_live.add(path)
            self._result.read_live.append(LeftOut("file", path, reason))

    def _note(self, text: str) -> None:
        if text not in self._result.notes:
            self._result.notes.append(text)

    # -- ranges files --------------------------------------------------------------------------------------------------

    def _ranges_files(self, plans: Sequence[NamedFiles]) -> dict[str, tuple[BackupFile, list[int]]]:
        """By their names, folded, with the numbers of the plans that name them."""
        found: dict[str, tuple[BackupFile, list[int]]] = {}
        for index, plan in enumerate(plans):
            for path in dict.fromkeys(plan.ranges_files):
                file = self._find(path)
                if file is None:
                    error = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
                    self._unreadable([self._wanted[index]], error)
                else:
                    found.setdefault(fold(file.path), (file, []))[1].append(index)
        return found

    def _read_ranges(self, path: str) -> tuple[Range, ...]:
        file = self._find(path)
        if file is None:
            raise RangesError(f"there is no ranges file {path!r}")
        try:
            with open_to_read(file.shadow_path) as stream:
                return read_ranges_file(stream)
        except OSError as error:
            raise RangesError(f"the ranges file {path!r} cannot be read: {error.strerror or error}") from error

    def _find(self, path: str) -> BackupFile | None:
        """A ranges file: on its volume, where a writer may make it after the shadow copy, or else on the shadow copy."""
        try:
            root, elements = split(path)
            if not elements or set(elements[-1]) & {"*", "?"}:
                return None
            file_set = FileSet(root + separator(root).join(elements[:-1]), elements[-1])
        except FileSetError:
            return None
        for roots, is_live in ((self._surroundings.live_roots(), True), (self._shadows.roots(), False)):
            try:
                volumes, environment = self._surroundings.volumes, self._surroundings.environment
                for file in filesets.expand([file_set], volumes=volumes, environment=environment, roots=roots):
                    return None if file.is_link else replace(file, is_live=is_live)
            except FileSetError:
                continue  # it lies on a volume that there is none of
        return None
