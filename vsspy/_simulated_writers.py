"""Writers of a simulated machine: described in Python, or by documents that real writers made."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from . import _simulator
from ._faults import EVENTS, code_of
from ._writer_document import write_document
from ._writer_events import WriterEvent, WriterEventComponent
from .enums import (
    ApplicationLevel,
    BackupSchema,
    BackupType,
    ComponentFlags,
    ComponentType,
    RestoreType,
    SourceType,
    UsageType,
)
from .errors import InvalidXmlDocumentError
from .metadata import ComponentMetadata, Dependency, FileSet, RestoreMethodInfo, WriterMetadata

_NO_FLAGS = ComponentFlags(0)
_NONRETRYABLE = code_of("VSS_E_WRITERERROR_NONRETRYABLE")

FREEZE_TIMEOUT = 60.0
"""Seconds from Freeze to Thaw unless the writer says otherwise (semantics 5)."""


class WriterVeto(Exception):
    """Raised by a writer's callback: the writer fails at this event, with a code that the requester sees in its status.

    Args:
        code: the failure, by name or HRESULT.
        message: what ``GetWriterStatusEx`` gives as the application's message.
        application: the application's own HRESULT, which ``GetWriterStatusEx`` gives too.
    """

    def __init__(
        self,
        code: str | int = "VSS_E_WRITERERROR_NONRETRYABLE",
        message: str | None = None,
        *,
        application: str | int = 0,
    ) -> None:
        super().__init__(code, message)
        self.code = code_of(code)
        self.message = message
        self.application = code_of(application)


Callback = Callable[[WriterEvent], object]


@dataclass(frozen=True, kw_only=True)
class Component:
    """A component of a writer; the arguments are what ``ComponentMetadata`` has, the name first."""

    name: str = field(kw_only=False)
    logical_path: str | None = field(default=None, kw_only=False)
    type: ComponentType = ComponentType.FILEGROUP
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

    def metadata(self) -> ComponentMetadata:
        """What a requester reads."""
        return ComponentMetadata(**vars(self))


class Writer:
    """A writer of a simulated machine.

    A callback gets a :class:`WriterEvent`. It runs on one of the service's threads, and must not use the session that it
    is called for. An exception is the writer's veto: :class:`WriterVeto` states the code, anything else is
    ``VSS_E_WRITERERROR_NONRETRYABLE``; its traceback stands in the trace.

    Args:
        name: the writer's name.
        writer_id: its class; by default one that follows from the name.
        instance_id: its instance; by default a new one, as an ordinary writer has at each start (vss_xml.md 2.3).
        instance_name: tells instances of one class apart.
        components: what it saves and restores.
        exclude_files: file sets that no component includes (semantics 9.3).
        exclude_files_from_snapshot: file sets that the writer deletes from the shadow copy.
        usage, source, version, backup_schema, restore_method: what the metadata says.
        level: freeze goes from the front end to the system (semantics 4.2).
        freeze_timeout: seconds from Freeze to Thaw; when they are over the writer fails with
            ``VSS_E_WRITERERROR_TIMEOUT`` and gets Abort (semantics 5).
        on_identify, on_prepare_backup, on_prepare_snapshot, on_freeze, on_thaw, on_post_snapshot, on_backup_complete,
            on_backup_shutdown, on_abort, on_pre_restore, on_post_restore: the callbacks. Which events of a restore come
            follows from ``restore_method``; a writer without one gets both (semantics 11.2).
    """

    def __init__(
        self,
        name: str,
        *,
        writer_id: UUID | None = None,
        instance_id: UUID | None = None,
        instance_name: str | None = None,
        components: Iterable[Component | ComponentMetadata] = (),
        exclude_files: Iterable[FileSet] = (),
        exclude_files_from_snapshot: Iterable[FileSet] = (),
        usage: UsageType = UsageType.USERDATA,
        source: SourceType = SourceType.OTHER,
        version: tuple[int, int] = (1, 0),
        backup_schema: BackupSchema = BackupSchema.UNDEFINED,
        restore_method: RestoreMethodInfo | None = None,
        level: ApplicationLevel = ApplicationLevel.SYSTEM,
        freeze_timeout: float = FREEZE_TIMEOUT,
        on_identify: Callback | None = None,
        on_prepare_backup: Callback | None = None,
        on_prepare_snapshot: Callback | None = None,
        on_freeze: Callback | None = None,
        on_thaw: Callback | None = None,
        on_post_snapshot: Callback | None = None,
        on_backup_complete: Callback | None = None,
        on_backup_shutdown: Callback | None = None,
        on_abort: Callback | None = None,
        on_pre_restore: Callback | None = None,
        on_post_restore: Callback | None = None,
    ) -> None:
        text = write_document(
            name=name,
            writer_id=writer_id or uuid5(NAMESPACE_URL, f"vsspy:writer:{name}"),
            instance_id=instance_id or uuid4(),
            instance_name=instance_name,
            usage=usage,
            source=source,
            version=version,
            backup_schema=backup_schema,
            restore_method=restore_method,
            components=[each.metadata() if isinstance(each, Component) else each for each in components],
            exclude_files=list(exclude_files),
            exclude_files_from_snapshot=list(exclude_files_from_snapshot),
        )
        handlers = (
            on_identify,
            on_prepare_backup,
            on_prepare_snapshot,
            on_freeze,
            on_thaw,
            on_post_snapshot,
            on_backup_complete,
            on_backup_shutdown,
            on_abort,
            on_pre_restore,
            on_post_restore,
        )
        self._set(WriterMetadata.from_xml(text), level, freeze_timeout, dict(zip(EVENTS, handlers, strict=True)))

    def _set(
        self, metadata: WriterMetadata, level: int, freeze_timeout: float, callbacks: Mapping[str, Callback | None]
    ) -> None:
        self.metadata: WriterMetadata = metadata
        self.level = ApplicationLevel(level)
        self.freeze_timeout = freeze_timeout
        self.callbacks = {event: callback for event, callback in callbacks.items() if callback is not None}

    @property
    def name(self) -> str:
        """The writer's name."""
        return self.metadata.name

    @property
    def writer_id(self) -> UUID:
        """The writer's class."""
        return self.metadata.writer_id

    @property
    def instance_id(self) -> UUID:
        """The writer's instance."""
        return self.metadata.instance_id

    def __repr__(self) -> str:
        return f"<Writer {self.name!r} {self.instance_id}>"

    @classmethod
    def from_xml(
        cls,
        document: str | bytes | PathLike[str],
        *,
        level: ApplicationLevel = ApplicationLevel.SYSTEM,
        freeze_timeout: float = FREEZE_TIMEOUT,
        **callbacks: Callback | None,
    ) -> Writer:
        """A writer with the metadata of a Writer Metadata Document.

        Args:
            document: the file that holds it, or its text (or bytes), which has a ``<`` in it.
            level, freeze_timeout: as for :class:`Writer`.
            callbacks: ``on_freeze`` and so on, as for :class:`Writer`.

        Raises:
            InvalidXmlDocumentError: it is no such document.
            OSError: the file cannot be read.
        """
        events = {_handler_name(event): event for event in EVENTS}
        if unknown := callbacks.keys() - events.keys():
            raise TypeError(f"Writer.from_xml() got unexpected keyword arguments: {', '.join(sorted(unknown))}")
        content = document.encode("utf-8", "surrogatepass") if isinstance(document, str) else document
        if not isinstance(content, bytes) or b"<" not in content:
            content = Path(document.decode() if isinstance(document, bytes) else document).read_bytes()
        made = cls.__new__(cls)
        chosen = {events[name]: callback for name, callback in callbacks.items()}
        made._set(WriterMetadata.from_xml(content), level, freeze_timeout, chosen)
        return made

    @classmethod
    def folder(cls, path: str | PathLike[str]) -> list[Writer]:
        """The writers of a folder: one for each Writer Metadata Document in it (``*.xml``), ordered by file name.

        Other documents that a capture has beside them (a Backup Components Document, a manifest) are passed over.

        Args:
            path: the folder.

        Raises:
            InvalidXmlDocumentError: a document is damaged; the detail names the file.
            OSError: the folder or a file cannot be read.
        """
        writers = []
        for file in sorted((each for each in Path(path).iterdir() if each.suffix.lower() == ".xml"), key=_natural):
            content = file.read_bytes()
            plain = content.replace(b"\0", b"")  # UTF-16 comes without a mark, too
            if b"<WRITER_METADATA" not in plain and any(
                root in plain for root in (b"<BACKUP_COMPONENTS", b"<Manifest")
            ):
                continue
            try:
                writers.append(cls.from_xml(content if b"<" in content else b"<"))
            except InvalidXmlDocumentError as error:
                raise InvalidXmlDocumentError(
                    error.hresult, error.operation, detail=f"{file}: {error.detail}"
                ) from None
        return writers

    def _dispatch(
        self,
        handle: _simulator.WriterEventHandle,
        name: str,
        writer: str,
        writer_id: bytes,
        instance_id: bytes,
        session_id: bytes,
        snapshot_set_id: bytes,
        settings: tuple[bool, bool, int, bool, int],
        components: list[_simulator.EventComponent],
    ) -> tuple[int, str] | None:
        """What the service calls; gives the veto's code and what the trace is to keep of it."""
        select, bootable, backup_type, partial, restore_type = settings
        event = WriterEvent(
            name=name,
            writer=writer,
            writer_id=UUID(bytes_le=writer_id),
            instance_id=UUID(bytes_le=instance_id),
            session_id=UUID(bytes_le=session_id),
            snapshot_set_id=UUID(bytes_le=snapshot_set_id) if any(snapshot_set_id) else None,
            select_components=select,
            bootable_system_state=bootable,
            backup_type=BackupType(backup_type),
            partial_file_support=partial,
            restore_type=RestoreType(restore_type),
            components=tuple(WriterEventComponent(handle, i, values, partial) for i, values in enumerate(components)),
        )
        try:
            self.callbacks[name](event)
        except WriterVeto as veto:
            handle.set_application_failure(veto.application, veto.message)
            return veto.code, traceback.format_exc()
        except BaseException:  # noqa: BLE001 - whatever it is, the service must not see it
            return _NONRETRYABLE, traceback.format_exc()
        return None


def _handler_name(event: str) -> str:
    return "on_" + re.sub(r"(?<!^)(?=[A-Z])", "_", event).lower()


def _natural(file: Path) -> list[tuple[int, str]]:
    """WM2.xml comes before WM10.xml."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", file.name.lower())]
