"""What ``vsspy backup`` made: its files by their live names, its documents and its report.

Nothing in the folder is trusted: names in it never lead out of it, and links in it are not followed.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Self

from . import filesets
from ._paths import VolumeNames, fold, separator, split, stored_as
from ._restore_files import Source, open_below
from ._safe_folders import SafeRoot, is_elsewhere
from .enums import BackupType
from .errors import BackupFolderError, FileSetError, InvalidXmlDocumentError, RangesError, UnsafePathError
from .filesets import BackupFile
from .metadata import WriterMetadata
from .ranges import Range, check_ranges

if TYPE_CHECKING:
    from .metadata import FileSet

__all__ = ["BackupFolder"]

_DOCUMENTS: Final = "vsspy"
_COMPONENTS: Final = "backup-components.xml"


class BackupFolder:
    """A folder that ``vsspy backup`` made, to restore from; a context manager that holds it open.

    Args:
        path: the folder that was the backup's ``--to``.

    Raises:
        BackupFolderError: it is not such a folder, or its report is missing or damaged.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.abspath(os.fspath(path))
        try:
            # Names in it are as this system has them, whatever the volumes are called.
            self._root = SafeRoot(self.path, windows_names=sys.platform == "win32")
        except OSError as error:
            raise BackupFolderError(f"{self.path}: {error.strerror or error}") from error
        try:
            self.report: Mapping[str, Any] = self._read_report()
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
        return {each["path"]: _ranges(each["ranges"]) for each in self.report.get("partial_files", ())}

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
            file_sets, excludes=excludes, volumes=known, environment=environment or {}, roots=roots
        )  # fmt: skip
        for file in found:
            ranges = parts.get(fold(file.path)) if parts else None
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
        stack: list[tuple[str, ...]] = [()]
        while stack:
            elements = stack.pop()
            with self._root.folder(elements) as (folder, _):
                below = []
                for name in sorted(folder.names()):
                    status = folder.status(name)
                    if status is None or (not elements and fold(name) in _OWN):
                        continue
                    if _is_folder(status):
                        below.append((*elements, name))
                    else:
                        yield (*elements, name)
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

    def ranges_of(self, elements: Sequence[str]) -> tuple[Range, ...] | None:
        """The parts that the backup has of a file of :meth:`tree`; None for all of it.

        Args:
            elements: its name below the folder.
        """
        return self._stored_parts.get(fold(os.sep.join(elements)))

    @cached_property
    def _stored_parts(self) -> Mapping[str, tuple[Range, ...]]:
        return {fold(stored_as(path)): ranges for path, ranges in self.partial_files.items()}

    # --- the rest --------------------------------------------------------------------------------------------------------

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


_OWN: Final = {fold(_DOCUMENTS), fold(".vsspy-staging")}


def _is_folder(status: os.stat_result) -> bool:
    return stat.S_ISDIR(status.st_mode) and not is_elsewhere(status)


def _ranges(pairs: Sequence[Sequence[int]]) -> tuple[Range, ...]:
    return check_ranges(Range(offset, length) for offset, length in pairs)


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
        for pair in _list(each["ranges"]):
            offset, length = _list(pair)
            if type(offset) is not int or type(length) is not int:
                raise ValueError(f"the ranges of {each['path']} are no numbers")
        _ranges(each["ranges"])


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{str(value)[:40]!r} is no list")
    return value
