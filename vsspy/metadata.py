"""What a writer says about itself: its Writer Metadata Document, read without any backend.

The values are immutable and compare by what they hold. Long lists (the System Writer of a server has some 19,000 file
sets) are views: a ``FileSet`` comes into being when it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Generic, TypeVar, overload
from uuid import UUID

from vsspy import _core
from vsspy.enums import (
    BackupSchema,
    ComponentFlags,
    ComponentType,
    FileSpecBackupType,
    RestoreMethod,
    SourceType,
    UsageType,
    WriterRestore,
)

__all__ = ["ComponentMetadata", "Dependency", "FileSet", "RestoreMethodInfo", "WriterMetadata"]

T_co = TypeVar("T_co", covariant=True)

_NO_FLAGS = ComponentFlags(0)
_EVERY_BACKUP = FileSpecBackupType.ALL_BACKUP_REQUIRED | FileSpecBackupType.ALL_SNAPSHOT_REQUIRED


class _View(Sequence[T_co], Generic[T_co]):
    """A sequence whose items are made when asked for; it equals, hashes and pickles like the tuple of them."""

    __slots__ = ("_count", "_make")

    def __init__(self, count: int, make: Callable[[int], T_co]) -> None:
        self._count = count
        self._make = make

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> T_co: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T_co]: ...
    def __getitem__(self, index: int | slice) -> T_co | Sequence[T_co]:
        places = range(self._count)[index]
        if isinstance(places, int):
            return self._make(places)
        make = self._make
        return _View(len(places), lambda number: make(places[number]))

    def __iter__(self) -> Iterator[T_co]:
        return map(self._make, range(self._count))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _View | tuple):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return tuple, (tuple(self),)

    def __repr__(self) -> str:
        shown = [repr(item) for item in self[:3]]
        if self._count > len(shown):
            shown.append(f"... {self._count} in all")
        return f"[{', '.join(shown)}]"


@dataclass(frozen=True, slots=True)
class FileSet:
    """Files that a writer names together (``IVssWMFiledesc``; semantics 9.1).

    ``path`` is a folder, with environment variables as the writer wrote them; ``filespec`` a name pattern with ``*`` and
    ``?``; ``recursive`` says whether it holds in the folders below too. ``alternate_path`` is where a backup reads the files
    instead; in an alternate location mapping it is where a restore may put them. ``backup_type`` says for which
    types of backup they must be copied, and from the shadow copy.
    """

    path: str
    filespec: str
    recursive: bool = False
    alternate_path: str | None = None
    backup_type: FileSpecBackupType = _EVERY_BACKUP


@dataclass(frozen=True, slots=True)
class Dependency:
    """A component of another writer that has to be saved and restored with this one (``IVssWMDependency``)."""

    writer_id: UUID
    logical_path: str | None
    component_name: str


@dataclass(frozen=True, slots=True)
class RestoreMethodInfo:
    """How a writer's files are restored (``IVssExamineWriterMetadata::GetRestoreMethod``)."""

    method: RestoreMethod
    service: str | None
    user_procedure: str | None
    writer_restore: WriterRestore
    reboot_required: bool
    alternate_location_mappings: Sequence[FileSet] = ()


@dataclass(frozen=True, slots=True, repr=False)
class ComponentMetadata:
    """What a writer saves and restores as one (``IVssWMComponent``).

    ``files`` are those of a file group, ``database_files`` and ``database_log_files`` those of a database; the lists of the
    other type are empty (semantics 14). ``icon`` is the bytes of an icon file, or empty.
    """

    type: ComponentType
    logical_path: str | None
    name: str
    caption: str | None = None
    icon: bytes = b""
    restore_metadata: bool = False
    notify_on_backup_complete: bool = False
    selectable: bool = False
    selectable_for_restore: bool = False
    flags: ComponentFlags = _NO_FLAGS
    files: Sequence[FileSet] = ()
    database_files: Sequence[FileSet] = ()
    database_log_files: Sequence[FileSet] = ()
    dependencies: Sequence[Dependency] = ()

    @property
    def full_name(self) -> str:
        """The logical path and the name with a backslash between, or the name alone at the root (semantics 8.1)."""
        return f"{self.logical_path}\\{self.name}" if self.logical_path else self.name

    def __repr__(self) -> str:
        sets = len(self.files) + len(self.database_files) + len(self.database_log_files)
        return f"<ComponentMetadata {self.full_name!r} {self.type.name} selectable={self.selectable} file_sets={sets}>"


@dataclass(frozen=True, slots=True, repr=False)
class WriterMetadata:
    """One writer instance and all that it says about itself (``IVssExamineWriterMetadata`` to ``Ex2``).

    Two of them are equal if their values are; the text they were read from does not count.
    """

    writer_id: UUID
    instance_id: UUID
    instance_name: str | None
    name: str
    usage: UsageType
    source: SourceType
    version: tuple[int, int]
    backup_schema: BackupSchema
    restore_method: RestoreMethodInfo | None
    components: Sequence[ComponentMetadata]
    exclude_files: Sequence[FileSet]
    exclude_files_from_snapshot: Sequence[FileSet]
    _text: str | _core.WriterDocument = field(compare=False)

    @property
    def include_files(self) -> Sequence[FileSet]:
        """Always empty: the list of files to include is reserved (``GetIncludeFile``, and its count of
        ``GetFileCounts``; semantics 14), so VSS is not asked."""
        return ()

    @classmethod
    def from_xml(cls, text: str | bytes) -> WriterMetadata:
        """Read a Writer Metadata Document: its text, or the bytes of a file (UTF-8 or UTF-16, with or without a mark).

        Needs no backend. Raises ``InvalidXmlDocumentError``, whose detail says where and why, for anything else: text that
        is not well-formed or has a DTD, another document, a missing attribute, a wrong GUID, number or word.
        """
        return cls._from_document(_core.read_writer_metadata(text))

    @classmethod
    def _from_document(cls, document: _core.WriterDocument) -> WriterMetadata:
        """Make the public value of what the core has read, from text or through COM."""
        writer_id, instance_id, instance_name, name, usage, source, major, minor, schema = document.identity()
        return cls(
            writer_id=writer_id,
            instance_id=instance_id,
            instance_name=instance_name,
            name=name,
            usage=UsageType(usage),
            source=SourceType(source),
            version=(major, minor),
            backup_schema=BackupSchema(schema),
            restore_method=_restore_method(document),
            components=_View(document.component_count, lambda index: _component(document.component(index))),
            exclude_files=_file_sets(document.exclude_files),
            exclude_files_from_snapshot=_file_sets(document.exclude_files_from_snapshot),
            _text=document,
        )

    def to_xml(self) -> str:
        """Return the document's text as it was read, or as the writer's service handed it out (``SaveAsXML``)."""
        return self._text if isinstance(self._text, str) else self._text.xml()

    def __reduce__(self) -> tuple[Any, ...]:
        # Values, not text: what came through COM stays readable even where the text's form is not known here.
        values = (getattr(self, each.name) for each in fields(self) if each.name != "_text")
        return WriterMetadata, (*values, self.to_xml())

    def __repr__(self) -> str:
        return f"<WriterMetadata {self.name!r} writer_id={self.writer_id} components={len(self.components)}>"


def _file_set(values: tuple[str, str, bool, str | None, int]) -> FileSet:
    path, filespec, recursive, alternate_path, backup_type = values
    return FileSet(path, filespec, recursive, alternate_path, FileSpecBackupType(backup_type))


def _file_sets(sets: _core.FileSetList) -> Sequence[FileSet]:
    return _View(len(sets), lambda index: _file_set(sets.get(index)))


def _component(component: _core.ComponentDocument) -> ComponentMetadata:
    kind, logical_path, name, caption, icon, *flags, mask = component.fields()
    restore_metadata, notify_on_backup_complete, selectable, selectable_for_restore = flags
    return ComponentMetadata(
        type=ComponentType(kind),
        logical_path=logical_path,
        name=name,
        caption=caption,
        icon=icon,
        restore_metadata=restore_metadata,
        notify_on_backup_complete=notify_on_backup_complete,
        selectable=selectable,
        selectable_for_restore=selectable_for_restore,
        flags=ComponentFlags(mask),
        files=_file_sets(component.files),
        database_files=_file_sets(component.database_files),
        database_log_files=_file_sets(component.database_log_files),
        dependencies=_View(component.dependency_count, lambda index: Dependency(*component.dependency(index))),
    )


def _restore_method(document: _core.WriterDocument) -> RestoreMethodInfo | None:
    found = document.restore_method()
    if found is None:
        return None
    method, service, user_procedure, writer_restore, reboot_required, mappings = found
    return RestoreMethodInfo(
        RestoreMethod(method),
        service,
        user_procedure,
        WriterRestore(writer_restore),
        reboot_required,
        _file_sets(mappings),
    )
