"""What VSS says about shadow copies, providers and writers, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from uuid import UUID

from ._filetime import nearest_time
from ._hresult import HResult
from .enums import ProviderType, SnapshotAttributes, SnapshotState, WriterState

if TYPE_CHECKING:
    from datetime import datetime

    from . import _core


@dataclass(frozen=True, slots=True)
class SnapshotProperties:
    """A shadow copy (``VSS_SNAPSHOT_PROP``).

    Attributes:
        snapshot_id, snapshot_set_id, provider_id: ids of the shadow copy, of its set, and of its provider.
        snapshots_count: shadow copies in the set when it was made; later deletions do not lower it.
        device_object: the device to read it from, without a final backslash.
        original_volume: the volume it is a copy of, as a volume GUID path.
        originating_machine, service_machine: where the volume was, and where the service ran.
        exposed_name, exposed_path: where it is exposed, and which part of it; None where it is not.
        attributes: how it was made, and what became of it.
        creation_time: 100 ns since 1601, UTC.
        state: ``SnapshotState.CREATED`` for one that can be used.
    """

    snapshot_id: UUID
    snapshot_set_id: UUID
    snapshots_count: int
    device_object: str
    original_volume: str
    originating_machine: str
    service_machine: str
    exposed_name: str | None
    exposed_path: str | None
    provider_id: UUID
    attributes: SnapshotAttributes
    creation_time: int
    state: SnapshotState

    @property
    def created(self) -> datetime:
        """``creation_time`` as an aware time (UTC), to the microsecond; the last one there is for what no time holds."""
        return nearest_time(self.creation_time)

    @classmethod
    def _of(cls, raw: _core._RawSnapshot) -> Self:
        (
            snapshot,
            snapshot_set,
            count,
            device,
            volume,
            origin,
            service,
            name,
            path,
            provider,
            attributes,
            made,
            state,
        ) = raw
        return cls(
            snapshot_id=snapshot,
            snapshot_set_id=snapshot_set,
            snapshots_count=count,
            device_object=device or "",
            original_volume=volume or "",
            originating_machine=origin or "",
            service_machine=service or "",
            exposed_name=name,
            exposed_path=path,
            provider_id=provider,
            attributes=SnapshotAttributes(attributes),
            creation_time=made,
            state=SnapshotState(state),
        )


@dataclass(frozen=True, slots=True)
class ProviderProperties:
    """A provider (``VSS_PROVIDER_PROP``): its id, name, kind, version, the version's id, and its COM class."""

    provider_id: UUID
    name: str
    type: ProviderType
    version: str
    version_id: UUID
    class_id: UUID

    @classmethod
    def _of(cls, raw: _core._RawProvider) -> Self:
        provider, name, kind, version, version_id, class_id = raw
        return cls(provider, name or "", ProviderType(kind), version or "", version_id, class_id)


@dataclass(frozen=True, slots=True)
class WriterStatus:
    """How a writer is (``GetWriterStatusEx`` where the system has it, else ``GetWriterStatus``; semantics 4.3 to 4.5).

    Attributes:
        instance_id, writer_id, name: which writer.
        state: where it is in the backup, or where it failed.
        failure: the HRESULT that it failed with, unsigned; 0 for none.
        failure_name: its name, ``"S_OK"`` for none.
        application_failure, application_message: the code and text of the application behind the writer; None where
            the system cannot tell, or no text was given.
    """

    instance_id: UUID
    writer_id: UUID
    name: str
    state: WriterState
    failure: HResult
    failure_name: str
    application_failure: HResult | None
    application_message: str | None

    @property
    def failed(self) -> bool:
        """True for a failure code, a failed state, or a state that is not known: the writer did not answer."""
        return bool(self.failure & 0x80000000) or self.state is WriterState.UNKNOWN or "FAILED" in self.state.name

    @classmethod
    def _of(cls, raw: _core._RawWriterStatus) -> Self:
        instance, writer, name, state, failure, application, message = raw
        code = HResult(failure)
        told = None if application is None else HResult(application)
        return cls(instance, writer, name, WriterState(state), code, code.name, told, message)


@dataclass(frozen=True, slots=True)
class RootAndLogicalPrefixPaths:
    """A path in two parts (``GetRootAndLogicalPrefixPaths``).

    Attributes:
        root_path: the root that a shadow copy can be made of.
        logical_prefix: what stands before a file's place below that root.
    """

    root_path: str
    logical_prefix: str
