"""What ``vsspy backup`` made: its files by their live names, its documents and its report.

Nothing in the folder is trusted: names in it never lead out of it, and links in it are not followed.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Self

from . import filesets
from ._file_list import FileList, parsed_ranges
from ._paths import VolumeNames, fold, separator, split, stored_as
from ._restore_files import Source, open_below
from ._roots import shown
from ._safe_folders import SafeRoot, is_elsewhere
from .enums import BackupType
from .errors import (
    BackupFolderError,
    FileSetError,
    InvalidXmlDocumentError,
    RangesError,
    RestoreError,
    UnsafePathError,
)
from .filesets import BackupFile
from .metadata import WriterMetadata
from .ranges import Range

if TYPE_CHECKING:
    from uuid import UUID

    from .enums import ComponentType
    from .metadata import FileSet

__all__ = ["BackupFolder"]

_DOCUMENTS: Final = "vsspy"
_COMPONENTS: Final = "backup-components.xml"
_FILES: Final = "files.json"


class BackupFolder:
    """A folder that ``vsspy backup`` made, to restore from; a context manager that holds it open.

    Args:
        path: the folder that was the backup's ``--to``.

    Raises:
        BackupFolderError: it is not such a folder, or its report is missing, or that or its list of files is damaged.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if not os.fspath(path):
            raise BackupFolderError("the name of the backup's folder is empty")
        self.path = os.path.abspath(os.fspath(path))
        try:
            # Names in it are as this system has them, whatever the volumes are called.
            self._root = SafeRoot(self.path, windows_names=sys.platform == "win32")
        except OSError as error:
            raise BackupFolderError(f"{self.path}: {error.strerror or error}") from error
        try:
            self.report: Mapping[str, Any] = self._read_report()
            self._files = self._read_files()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Lets the folder go; a second call does nothing."""
        self._root.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<BackupFolder {self.path}>"

    # --- what it says about itself -------------------------------------------------------------------------------------

    @cached_property
    def document(self) -> str:
        """The Backup Components Document. Raises BackupFolderError if there is none: the backup was made without writers."""
        name = os.path.join(_DOCUMENTS, _COMPONENTS)
        data = self._read(_DOCUMENTS, _COMPONENTS, missing="the backup was made without writers")
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise self._wrong(name, f"is not UTF-8: {error.reason}") from error

    @property
    def has_document(self) -> bool:
        """Whether writers took part in the backup."""
        try:
            with self._root.folder([_DOCUMENTS]) as (folder, _):
                return folder.status(_COMPONENTS) is not None
        except (OSError, UnsafePathError):
            return False

    @cached_property
    def writers(self) -> Sequence[WriterMetadata]:
        """The writers' metadata as of the backup. Raises BackupFolderError for a document that cannot be read."""
        try:
            with self._root.folder([_DOCUMENTS, "writers"]) as (folder, _):
                names = sorted(name for name in folder.names() if name.lower().endswith(".xml"))
        except FileNotFoundError:
            return ()
        except (OSError, UnsafePathError) as error:
            raise self._wrong(os.path.join(_DOCUMENTS, "writers"), str(error)) from error
        found = []
        for name in names:
            try:
                found.append(WriterMetadata.from_xml(self._read(_DOCUMENTS, "writers", name)))
            except InvalidXmlDocumentError as error:
                raise self._wrong(os.path.join(_DOCUMENTS, "writers", name), str(error.detail)) from error
        return tuple(found)

    @property
    def backup_type(self) -> BackupType:
        """What writers were told about the backup."""
        return BackupType[self.report["backup_type"]]

    @property
    def previous(self) -> str | None:
        """The folder of the backup that this one builds on, as it was then; None for one that stands alone."""
        found: str | None = self.report.get("previous")
        return found

    @cached_property
    def partial_files(self) -> Mapping[str, tuple[Range, ...]]:
        """The files of which the backup has parts only, by their live names, and the parts."""
        if self._files is not None:
            return self._files.partial
        return {each["path"]: parsed_ranges(each["ranges"]) for each in self.report.get("partial_files", ())}

    @property
    def has_file_list(self) -> bool:
        """Whether the backup tells which files it has of each component, as ``check_component`` wants to know."""
        return self._files is not None

    @property
    def volumes(self) -> Sequence[str]:
        """The names of the volumes that it has files of, as the backup had them."""
        return tuple(dict.fromkeys(place["volume"] for place in self.report["paths"]))

    # --- its files -------------------------------------------------------------------------------------------------------

    def path_of(self, live: str | os.PathLike[str]) -> str | None:
        """Where the backup has the file or folder that was *live* on the machine; None if it has not.

        On a volume with a Windows name letter case does not matter. Links in the backup are not followed.

        Raises:
            FileSetError: *live* is no full path.
        """
        text = os.fspath(live)
        names = VolumeNames([volume] for volume in self.volumes)
        location = names.locate(text)
        root = None if location is None else self._root_of(location.volume)
        if location is None or root is None:
            return None
        found = filesets.resolve(root, location.elements) if separator(location.volume) == "\\" else os.sep.join(
            [root.rstrip(os.sep), *location.elements]
        )  # fmt: skip
        try:
            elements = self._elements(found)
            with self._root.folder(elements[:-1]) as (folder, _):
                return found if not elements or folder.status(elements[-1]) is not None else None
        except (OSError, UnsafePathError):
            return None

    def files(
        self,
        file_sets: Iterable[FileSet],
        *,
        excludes: Iterable[FileSet] = (),
        volumes: VolumeNames | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Iterator[BackupFile]:
        """The files of *file_sets* that the backup has, each once; ``shadow_path`` is where it has them.

        Args:
            file_sets: as in the writers' metadata of the backup.
            excludes: the writer's exclude list.
            volumes: the machine's volumes with all their names, so that file sets may use any of them.
            environment: the environment variables in their paths.

        Raises:
            FileSetError: a file set that cannot be understood, or of a volume that the backup has nothing of.
            OSError: a folder of the backup cannot be read.
        """
        known = VolumeNames() if volumes is None else volumes.copy()
        for name in self.volumes:
            known.add(name)
        roots = {}
        for name in dict.fromkeys([*self.volumes, *known]):
            shadow = self._root_of(name)
            identity = known.identify(name)
            if shadow is not None and identity is not None and identity not in roots:
                roots[identity] = filesets.Root(name, shadow)
        parts = {fold(path): ranges for path, ranges in self.partial_files.items()}
        found = filesets.expand(
            self._there(file_sets, known, environment or {}, roots),
            excludes=excludes,
            volumes=known,
            environment=environment or {},
            roots=roots,
        )
        for file in found:
            ranges = parts.get(fold(self._recorded(file.path))) if parts else None
            yield file if ranges is None else replace(file, ranges=ranges)

    def open(self, file: BackupFile) -> AbstractContextManager[Source]:
        """A file of :meth:`files`, opened without following a link; for RestoreSession.

        Args:
            file: one of them.

        Raises:
            UnsafePathError: a link is on the way.
            OSError: it cannot be read.
        """
        return open_below(self._root, self.elements_of(file))

    def elements_of(self, file: BackupFile) -> Sequence[str]:
        """The elements of a file's name below the folder.

        Args:
            file: one of :meth:`files`.
        """
        return self._elements(file.shadow_path)

    def tree(self) -> Iterator[tuple[str, ...]]:
        """All files of the backup without its documents, each by the elements of its name below the folder."""
        return (elements for elements, is_file in self._walk() if is_file)

    def _walk(self) -> Iterator[tuple[tuple[str, ...], bool]]:
        """The files, and the folders with nothing in them; True for a file."""
        stack: list[tuple[str, ...]] = [()]
        while stack:
            elements = stack.pop()
            with self._root.folder(elements) as (folder, _):
                below = []
                names = sorted(folder.names())
                if elements and not names:
                    yield elements, False
                for name in names:
                    status = folder.status(name)
                    if status is None or (not elements and fold(name) in _OWN):
                        continue
                    if _is_folder(status):
                        below.append((*elements, name))
                    else:
                        yield (*elements, name), True
                stack.extend(reversed(below))

    def stored(self, elements: Sequence[str]) -> AbstractContextManager[Source]:
        """A file of :meth:`tree`, opened without following a link.

        Args:
            elements: its name below the folder.

        Raises:
            UnsafePathError: a link is on the way.
            OSError: it cannot be read.
        """
        return open_below(self._root, elements)

    def _states(self, elements: Sequence[str]) -> Sequence[os.stat_result]:
        """Of the folders on the way to a folder, its own last."""
        with self._root.folder(elements) as (_, states):
            return states

    def ranges_of(self, elements: Sequence[str]) -> tuple[Range, ...] | None:
        """The parts that the backup has of a file of :meth:`tree`; None for all of it.

        Args:
            elements: its name below the folder.
        """
        return self._stored_parts.get(self._stored_key(os.sep.join(elements)))

    @cached_property
    def _stored_parts(self) -> Mapping[str, tuple[Range, ...]]:
        return {self._stored_key(stored_as(path)): ranges for path, ranges in self.partial_files.items()}

    def _stored_key(self, name: str) -> str:
        # In names for people an escape begins with a backslash, which split() took for a separator.
        return fold(name if self._files is not None else shown(name).replace("\\", os.sep))

    # --- whether it is whole -------------------------------------------------------------------------------------------

    def check_component(
        self,
        writer_id: UUID,
        type: ComponentType,
        logical_path: str | None,
        name: str,
        *,
        only: Callable[[str], bool] | None = None,
    ) -> None:
        """Proves that the backup still has what it saved of a component: each file, as the same kind and with the same size.

        A backup without a list of its files (see ``has_file_list``) proves nothing.

        Args:
            writer_id, type, logical_path, name: the component that has an entry of its own in the document.
            only: says of a live name whether that file counts; by default all do.

        Raises:
            RestoreError: it has not; it says how many it has, and the first that is missing or changed.
        """
        if self._files is None:
            return
        why = self._files.damage(self._root, writer_id, type, logical_path, name, only)
        if why is not None:
            raise RestoreError(why)

    def missing(self, count: int) -> Iterator[str]:
        """What is wrong with the whole of a backup that has *count* files, links included: in words, component by component."""
        counts = [self.report.get(key) for key in ("files", "links", "hard_links")]
        expected = sum(each for each in counts if each is not None)
        if count < expected:
            yield f"the backup has only {count} of its {expected} files"
        if self._files is not None:
            yield from self._files.all_damage(self._root)

    # --- the rest --------------------------------------------------------------------------------------------------------

    def _recorded(self, path: str) -> str:
        """A path as the keys of ``partial_files`` have it: the report alone, of an older backup, has names for people."""
        return path if self._files is not None else shown(path)

    def _there(
        self,
        file_sets: Iterable[FileSet],
        volumes: VolumeNames,
        environment: Mapping[str, str],
        roots: Mapping[str, filesets.Root],
    ) -> Iterator[FileSet]:
        """Those of which the backup has the volume; where a list tells of all files, none of one without a folder was saved.

        Raises FileSetError without a list for one of which it has nothing.
        """
        saved = {volumes.identify(name) for name in self.volumes if self._is_absent(name)}
        for each in file_sets:
            away = [
                place.volume
                for place in filesets.locate(each, volumes, environment, roots)
                if place.volume not in roots
            ]
            if not away:
                yield each
            elif self._files is None or away[0] not in saved:
                raise FileSetError(f"the backup has nothing of {away[0]}")

    def _elements(self, path: str) -> list[str]:
        rest = path[len(self._root.path.rstrip(os.sep)) :]
        return [element for element in rest.split(os.sep) if element]

    def _root_of(self, volume: str) -> str | None:
        """The folder that has the files of a volume, with its final separator; None if there is none."""
        elements = [element for element in stored_as(volume).split(os.sep) if element]
        try:
            if elements:
                self._root.check(elements)
            with self._root.folder(elements) as (folder, _):
                return folder.path.rstrip(os.sep) + os.sep
        except (OSError, UnsafePathError):
            return None

    def _is_absent(self, volume: str) -> bool:
        """Whether there is nothing at all where the files of a volume would be."""
        elements = [element for element in stored_as(volume).split(os.sep) if element]
        try:
            self._root.check(elements)
            with self._root.folder(elements):
                return False
        except FileNotFoundError:
            return True
        except (OSError, UnsafePathError):
            return False

    def _read(self, *elements: str, missing: str = "it is missing") -> bytes:
        name = os.path.join(*elements)
        try:
            with open_below(self._root, elements) as source:
                if source.file is None:
                    raise self._wrong(name, "is a link, which is not followed")
                return source.file.read()
        except FileNotFoundError as error:
            raise self._wrong(name, f"is not there: {missing}") from error
        except OSError as error:
            raise self._wrong(name, error.strerror or str(error)) from error
        except UnsafePathError as error:
            raise self._wrong(name, str(error.detail)) from error

    def _wrong(self, name: str, what: str) -> BackupFolderError:
        return BackupFolderError(f"{os.path.join(self.path, name)} {what}")

    def _read_report(self) -> Mapping[str, Any]:
        name = os.path.join(_DOCUMENTS, "report.json")
        data = self._read(_DOCUMENTS, "report.json", missing="this is no folder that vsspy backup made")
        try:
            report = json.loads(data)
            _check_report(report)
        except (ValueError, RecursionError, KeyError, TypeError, RangesError, FileSetError) as error:
            what = error.detail if isinstance(error, RangesError | FileSetError) else error
            raise self._wrong(name, f"is damaged: {what}") from error
        assert isinstance(report, dict)
        return report

    def _read_files(self) -> FileList | None:
        try:
            with self._root.folder([_DOCUMENTS]) as (folder, _):
                if folder.status(_FILES) is None:
                    return None  # of an older version
        except (OSError, UnsafePathError) as error:
            raise self._wrong(_DOCUMENTS, str(error)) from error
        data = self._read(_DOCUMENTS, _FILES)
        try:
            return FileList(json.loads(data))
        except (ValueError, RecursionError, KeyError, TypeError, RangesError, FileSetError) as error:
            what = error.detail if isinstance(error, RangesError | FileSetError) else error
            raise self._wrong(os.path.join(_DOCUMENTS, _FILES), f"is damaged: {what}") from error


_OWN: Final = {fold(_DOCUMENTS), fold(".vsspy-staging")}


def _is_folder(status: os.stat_result) -> bool:
    return stat.S_ISDIR(status.st_mode) and not is_elsewhere(status)


def _check_report(report: Any) -> None:
    """Raises ValueError, TypeError, KeyError, RangesError or FileSetError for what no report says."""
    if not isinstance(report, dict):
        raise TypeError("it is no object")
    if report["backup_type"] not in BackupType.__members__:
        raise ValueError(f"there is no type of backup {report['backup_type']!r}")
    for place in _list(report["paths"]):
        for key in ("path", "volume"):
            if not isinstance(place[key], str):
                raise TypeError(f"a {key} is no text")
            split(place[key])
    if not isinstance(report.get("previous"), str | None):
        raise TypeError("previous is no text")
    for each in _list(report.get("partial_files", [])):
        split(each["path"])
        parsed_ranges(each["ranges"])
    for key in ("files", "links", "hard_links"):
        if type(report.get(key, 0)) is not int:
            raise TypeError(f"{key} is no number")


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{str(value)[:40]!r} is no list")
    return value
