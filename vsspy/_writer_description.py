"""What a simulated writer says of itself: its components, and the document that Identify makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ._simulated_clock import MOST_NANOSECONDS, check_sleep, nanoseconds
from ._writer_document import write_document
from .enums import BackupSchema, ComponentFlags, ComponentType
from .errors import from_hresult
from .metadata import ComponentMetadata, Dependency, FileSet, RestoreMethodInfo, WriterMetadata

if TYPE_CHECKING:
    from . import _simulator

_NO_FLAGS = ComponentFlags(0)


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


def as_metadata(components: Iterable[Component | ComponentMetadata]) -> list[ComponentMetadata]:
    """Components as a document has them."""
    return [each.metadata() if isinstance(each, Component) else each for each in components]


class Description:
    """A writer's metadata while one of its events runs.

    Attributes:
        metadata: what it says of itself now.
    """

    def __init__(self, handle: _simulator.WriterEventHandle, metadata: WriterMetadata) -> None:
        self._handle = handle
        self.metadata = metadata

    def sleep(self, seconds: float) -> None:
        """Waits on the machine's clock."""
        span = nanoseconds(seconds, "WriterEvent.sleep")
        hresult, now = self._handle.now()
        check_sleep(hresult or self._handle.sleep(min(now + span, MOST_NANOSECONDS)), "WriterEvent.sleep")

    def change(
        self,
        components: Iterable[Component | ComponentMetadata] | None,
        exclude_files: Iterable[FileSet] | None,
        exclude_files_from_snapshot: Iterable[FileSet] | None,
        backup_schema: BackupSchema | None,
        restore_method: RestoreMethodInfo | None,
    ) -> None:
        """A new document; what is None stays as it is."""
        now = self.metadata
        text = write_document(
            name=now.name,
            writer_id=now.writer_id,
            instance_id=now.instance_id,
            instance_name=now.instance_name,
            usage=now.usage,
            source=now.source,
            version=now.version,
            backup_schema=now.backup_schema if backup_schema is None else backup_schema,
            restore_method=now.restore_method if restore_method is None else restore_method,
            components=as_metadata(now.components if components is None else components),
            exclude_files=list(now.exclude_files if exclude_files is None else exclude_files),
            exclude_files_from_snapshot=list(
                now.exclude_files_from_snapshot if exclude_files_from_snapshot is None else exclude_files_from_snapshot
            ),
        )
        made = WriterMetadata.from_xml(text)
        if (hresult := self._handle.set_metadata(text)) & 0x80000000:
            raise from_hresult(hresult, "IVssCreateWriterMetadata", f"what {now.name} says of itself")
        self.metadata = made
