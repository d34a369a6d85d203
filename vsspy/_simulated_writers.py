"""Writers of a simulated machine: described in Python, or by documents that real writers made."""

from __future__ import annotations

import re
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Self
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

from . import _simulator
from ._faults import EVENTS, code_of
from ._writer_description import Component, Description, as_metadata
from ._writer_document import write_document
from ._writer_events import WriterEvent, WriterEventComponent
from .enums import (
    ApplicationLevel,
    BackupSchema,
    BackupType,
    RestoreType,
    SourceType,
    SubscribeMask,
    UsageType,
)
from .errors import InvalidArgumentError, InvalidXmlDocumentError
from .metadata import ComponentMetadata, FileSet, RestoreMethodInfo, WriterMetadata

_NONRETRYABLE = code_of("VSS_E_WRITERERROR_NONRETRYABLE")

FREEZE_TIMEOUT = 60.0
"""Seconds from Freeze to Thaw unless the writer says otherwise (semantics 5)."""

_serving = threading.local()  # the instances whose handlers run on this thread


def serving() -> tuple[UUID, ...]:
    """The instance ids of the writers whose handlers run on the calling thread."""
    found: tuple[UUID, ...] = getattr(_serving, "instances", ())
    return found


SUBSCRIPTION = SubscribeMask.BACKUP_EVENTS_FLAG | SubscribeMask.RESTORE_EVENTS_FLAG
"""What a writer subscribes to unless it says otherwise (``CVssWriter::Subscribe``)."""


class WriterVeto(Exception):
    """Raised by a writer's callback: the writer fails at this event, with a code that the requester sees in its status.

    Args:
        code: the failure, by name or HRESULT.
        message: what ``GetWriterStatusEx`` gives as the application's message.
        application: the application's own HRESULT, which ``GetWriterStatusEx`` gives too.

    Raises:
        InvalidArgumentError: there is no such code, or it is no failure.
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
        if not self.code >> 31:
            raise InvalidArgumentError("E_INVALIDARG", "WriterVeto", detail=f"{code} is no failure")
        self.message = message
        self.application = code_of(application)


Callback = Callable[[WriterEvent], object]


class Writer:
    """A writer of a simulated machine, or the base of one: methods ``on_identify(self, event)``, ``on_freeze(self, event)``
    and so on of a subclass are its handlers, as are callables that the arguments of these names give.

    A handler gets a :class:`WriterEvent`. It runs on one of the service's threads, and must not use the session that it
    is called for. An exception is the writer's veto: :class:`WriterVeto` states the code, anything else is
    ``VSS_E_WRITERERROR_NONRETRYABLE``; its traceback stands in the trace. A writer that fails in ``on_identify`` is
    missing from that requester's writers (semantics 4.2).

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
        subscription: what it wants to hear of. Without ``BACKUP_EVENTS_FLAG`` it gets no PrepareBackup and
            BackupComplete, nor PostSnapshot unless ``POST_SNAPSHOT_FLAG`` asks for it; without ``RESTORE_EVENTS_FLAG``
            no PreRestore and PostRestore. It passes the states of an event that it declined like one that took it well,
            and is stable again after the shadow copy.
        on_identify, on_prepare_backup, on_prepare_snapshot, on_freeze, on_thaw, on_post_snapshot, on_backup_complete,
            on_backup_shutdown, on_abort, on_pre_restore, on_post_restore: the handlers. Which events of a restore come
            follows from ``restore_method``; a writer without one gets both (semantics 11.2).

    Attributes:
        metadata: what it says of itself; ``WriterEvent.set_metadata`` changes it.

    Raises:
        InvalidArgumentError: a handler cannot be called.
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
        subscription: SubscribeMask = SUBSCRIPTION,
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
            components=as_metadata(components),
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
        given = dict(zip(map(handler_name, EVENTS), handlers, strict=True))
        self._set(WriterMetadata.from_xml(text), level, freeze_timeout, subscription, given)

    def _set(
        self,
        metadata: WriterMetadata,
        level: int,
        freeze_timeout: float,
        subscription: int,
        handlers: Mapping[str, Callback | None],
    ) -> None:
        self.metadata: WriterMetadata = metadata
        self.level = ApplicationLevel(level)
        self.freeze_timeout = freeze_timeout
        self.subscription = SubscribeMask(subscription)
        for name, handler in handlers.items():
            if handler is not None:
                setattr(self, name, handler)  # found as a subclass's method is
        for name in map(handler_name, EVENTS):
            found = getattr(self, name, None)
            if found is not None and not callable(found):
                raise InvalidArgumentError("E_INVALIDARG", "Writer", detail=f"{name}={found!r} cannot be called")

    def handler(self, event: str) -> Callback | None:
        """What the writer does at an event, None if nothing.

        Args:
            event: the event's name: ``"Freeze"``.
        """
        found: Callback | None = getattr(self, handler_name(event), None)
        return found

    def start(self) -> None:
        """The writer's service starts: called by each machine that it is added to, once it can be called. Does nothing
        here."""

    def stop(self) -> None:
        """The writer's service ends: called by each machine when it closes or the writer is removed. Does nothing
        here."""

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
        subscription: SubscribeMask = SUBSCRIPTION,
        **handlers: Callback | None,
    ) -> Self:
        """A writer with the metadata of a Writer Metadata Document.

        Args:
            document: the file that holds it, or its text (or bytes), which has a ``<`` in it.
            level, freeze_timeout, subscription: as for :class:`Writer`.
            handlers: ``on_freeze`` and so on, as for :class:`Writer`.

        Raises:
            InvalidXmlDocumentError: it is no such document.
            OSError: the file cannot be read.
        """
        if unknown := handlers.keys() - set(map(handler_name, EVENTS)):
            raise TypeError(f"Writer.from_xml() got unexpected keyword arguments: {', '.join(sorted(unknown))}")
        content = document.encode("utf-8", "surrogatepass") if isinstance(document, str) else document
        if not isinstance(content, bytes) or b"<" not in content:
            content = Path(document.decode() if isinstance(document, bytes) else document).read_bytes()
        made = cls.__new__(cls)
        made._set(WriterMetadata.from_xml(content), level, freeze_timeout, subscription, handlers)
        return made

    @classmethod
    def folder(cls, path: str | PathLike[str]) -> list[Self]:
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
        description = Description(handle, self.metadata)
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
            _description=description,
        )
        outer = serving()
        _serving.instances = (*outer, event.instance_id)
        try:
            if handler := self.handler(name):
                handler(event)
        except WriterVeto as veto:
            handle.set_application_failure(veto.application, veto.message)
            return veto.code, traceback.format_exc()
        except BaseException:  # noqa: BLE001 - whatever it is, the service must not see it
            return _NONRETRYABLE, traceback.format_exc()
        finally:
            _serving.instances = outer
        self.metadata = description.metadata
        return None


def handler_name(event: str) -> str:
    """The method that handles an event."""
    return "on_" + re.sub(r"(?<!^)(?=[A-Z])", "_", event).lower()


def _natural(file: Path) -> list[tuple[int, str]]:
    """WM2.xml comes before WM10.xml."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", file.name.lower())]
