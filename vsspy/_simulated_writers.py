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
from .enums import ApplicationLevel, BackupSchema, ComponentFlags, ComponentType, SourceType, UsageType
from .errors import InvalidXmlDocumentError, from_hresult
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


class WriterEventComponent:
    """A component as a writer sees it in an event: an explicit one of the Backup Components Document.

    Attributes:
        logical_path: None at the root.
        name: the component's name.
        type: file group or database.
        backup_succeeded: what the requester said; None if it said nothing, which counts as failed (semantics 12.2).
        backup_options, previous_backup_stamp: texts of the requester, None if not set.
        backup_stamp, backup_metadata: texts of the writer, None if not set.
    """

    logical_path: str | None
    name: str
    type: ComponentType
    backup_succeeded: bool | None
    backup_options: str | None
    backup_stamp: str | None
    previous_backup_stamp: str | None
    backup_metadata: str | None

    def __init__(self, handle: _simulator.WriterEventHandle, index: int, values: _simulator.EventComponent) -> None:
        self._handle = handle
        self._index = index
        self.logical_path = values["logical_path"]
        self.name = values["name"]
        self.type = ComponentType(values["type"])
        self.backup_succeeded = values["backup_succeeded"]
        self.backup_options = values["backup_options"]
        self.backup_stamp = values["backup_stamp"]
        self.previous_backup_stamp = values["previous_backup_stamp"]
        self.backup_metadata = values["backup_metadata"]

    def __repr__(self) -> str:
        return f"<WriterEventComponent {self.name!r} of {self.logical_path!r}>"

    def set_backup_stamp(self, stamp: str) -> None:
        """``IVssComponent::SetBackupStamp``. Raises ``BadStateError`` from BackupComplete on, and after the event."""
        self._set(1, stamp, "SetBackupStamp")
        self.backup_stamp = stamp

    def set_backup_metadata(self, data: str) -> None:
        """``IVssComponent::SetBackupMetadata``, once: then ``ObjectAlreadyExistsError``; too late: ``BadStateError``."""
        self._set(2, data, "SetBackupMetadata")
        self.backup_metadata = data

    def set_prepare_for_backup_failure_message(self, message: str) -> None:
        """``IVssComponentEx::SetPrepareForBackupFailureMsg``; raises ``BadStateError`` outside PrepareBackup."""
        self._set(3, message, "SetPrepareForBackupFailureMsg")

    def set_post_snapshot_failure_message(self, message: str) -> None:
        """``IVssComponentEx::SetPostSnapshotFailureMsg``; raises ``BadStateError`` outside PostSnapshot."""
        self._set(4, message, "SetPostSnapshotFailureMsg")

    def set_failure(self, code: str | int, message: str | None = None, *, application: str | int = 0) -> None:
        """``IVssComponentEx2::SetFailure``; the writer vetoes with VSS_E_WRITERERROR_PARTIAL_FAILURE besides.

        Args:
            code: the component's failure, by name or HRESULT.
            message: the application's message.
            application: the application's own HRESULT.
        """
        hresult = self._handle.set_component_failure(self._index, code_of(code), code_of(application), message)
        _check(hresult, "IVssComponentEx2::SetFailure")

    def _set(self, which: int, value: str, method: str) -> None:
        _check(self._handle.set_component_text(self._index, which, value), f"IVssComponent::{method}")


def _check(hresult: int, operation: str) -> None:
    if hresult & 0x80000000:
        raise from_hresult(hresult, operation, "")


@dataclass(frozen=True, slots=True)
class WriterEvent:
    """An event that a writer's callback gets, on one of the service's threads.

    Attributes:
        name: ``"Freeze"`` and so on.
        writer: the writer's name.
        writer_id, instance_id: which writer.
        session_id: the requester's session (``IVssBackupComponentsEx3::GetSessionId``).
        snapshot_set_id: the snapshot set, None where none was made.
        components: the writer's components; PrepareBackup, PostSnapshot and BackupComplete have them (semantics 4.1).
    """

    name: str
    writer: str
    writer_id: UUID
    instance_id: UUID
    session_id: UUID
    snapshot_set_id: UUID | None
    components: Sequence[WriterEventComponent]


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
            on_backup_shutdown, on_abort: the callbacks.
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
        components: list[_simulator.EventComponent],
    ) -> tuple[int, str] | None:
        """What the service calls; gives the veto's code and what the trace is to keep of it."""
        event = WriterEvent(
            name=name,
            writer=writer,
            writer_id=UUID(bytes_le=writer_id),
            instance_id=UUID(bytes_le=instance_id),
            session_id=UUID(bytes_le=session_id),
            snapshot_set_id=UUID(bytes_le=snapshot_set_id) if any(snapshot_set_id) else None,
            components=tuple(WriterEventComponent(handle, i, values) for i, values in enumerate(components)),
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
