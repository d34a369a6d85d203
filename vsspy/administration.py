"""What there is on a computer: its shadow copies, providers, volumes and storage areas, each in one call.

These open a :class:`~vsspy.BackupComponents` in the context ``ALL``, which sees every shadow copy (semantics 6), and close it
again; what they do not do is a method of that class, of :class:`~vsspy.SnapshotManagement` or of
:class:`~vsspy.DifferentialSnapshotManagement`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from . import _backend, filesets
from ._machine import Surroundings, ensure_security
from ._management_properties import DiffAreaProperties
from ._properties import ProviderProperties, SnapshotProperties, WriterStatus
from ._volumes import local_volume_names
from .backup_components import BackupComponents
from .enums import ObjectType, SnapshotCompatibility, SnapshotContext
from .errors import AccessDeniedError, FileSetError, InvalidArgumentError, ObjectNotFoundError, VssError
from .selection import file_sets
from .snapshot_management import DifferentialSnapshotManagement
from .volumes import is_volume_snapshotted

if TYPE_CHECKING:
    from .metadata import WriterMetadata
    from .simulator import Machine

__all__ = [
    "VolumeState",
    "administration",
    "import_shadow_copies",
    "providers",
    "shadow_copies",
    "storage_areas",
    "volume_states",
    "volumes_reverting",
    "writers",
    "writers_on",
]


@dataclass(frozen=True, slots=True)
class VolumeState:
    """A volume, and what shadow copies have to do with it.

    Attributes:
        names: every name of the volume: drives and mounted folders first, the volume GUID path last.
        providers: the ids of the providers that can make a shadow copy of it; empty where none can.
        has_shadow_copies: whether there are any now.
        compatibility: what cannot be done with the volume as long as they exist.
    """

    names: tuple[str, ...]
    providers: tuple[UUID, ...]
    has_shadow_copies: bool
    compatibility: SnapshotCompatibility

    @property
    def name(self) -> str:
        """The name that people know it by."""
        return self.names[0]

    @property
    def path(self) -> str:
        """Its volume GUID path."""
        return self.names[-1]


@contextmanager
def administration(backend: Machine | str | None = None, *, document: str | None = None) -> Iterator[BackupComponents]:
    """A requester that sees every shadow copy, whoever made it (``SetContext`` with ``VSS_CTX_ALL``).

    Args:
        backend: as for :class:`~vsspy.BackupComponents`.
        document: the saved Backup Components Document of a transportable set that is to be imported.

    Yields:
        The requester, initialised.

    Raises:
        AccessDeniedError: the caller is no administrator.
        InvalidXmlDocumentError: ``document`` is no such document.
        UnsupportedPlatformError: there is no VSS here, and no simulated machine in use.
    """
    with BackupComponents(backend) as components:
        components.initialize_for_backup(document)
        components.set_context(SnapshotContext.ALL)
        yield components


def shadow_copies(
    volume: str | None = None,
    *,
    set_id: UUID | None = None,
    snapshot_id: UUID | None = None,
    backend: Machine | str | None = None,
) -> list[SnapshotProperties]:
    """The shadow copies that exist, the oldest first (``Query``).

    Args:
        volume: only those of this volume, by any of its names.
        set_id: only those of this set.
        snapshot_id: only this one.
        backend: as for :class:`~vsspy.BackupComponents`.

    Raises:
        ObjectNotFoundError: there is no such volume.
        InvalidArgumentError: ``volume`` is not a volume's name.
        VssError: what VSS says.
    """
    volumes = Surroundings.of(backend).volumes
    wanted = None
    if volume is not None:
        try:
            wanted = volumes.identify(volume)
        except FileSetError as error:
            raise InvalidArgumentError("E_INVALIDARG", "shadow_copies", detail=str(error.detail)) from None
        if wanted is None:
            raise ObjectNotFoundError(
                "VSS_E_OBJECT_NOT_FOUND", "shadow_copies", detail=f"{volume} is no volume of this computer"
            )
    with administration(backend) as components, components.query() as found:
        copies = [
            copy
            for copy in found
            if (wanted is None or volumes.identify(copy.original_volume) == wanted)
            and (set_id is None or copy.snapshot_set_id == set_id)
            and (snapshot_id is None or copy.snapshot_id == snapshot_id)
        ]
    return sorted(copies, key=lambda copy: (copy.creation_time, str(copy.snapshot_id)))


def providers(backend: Machine | str | None = None) -> list[ProviderProperties]:
    """The providers that are registered (``Query``).

    Args:
        backend: as for :class:`~vsspy.BackupComponents`.
    """
    with (
        administration(backend) as components,
        components.query(returned_objects_type=ObjectType.PROVIDER) as found,
    ):
        return list(found)


def volume_states(backend: Machine | str | None = None) -> list[VolumeState]:
    """The volumes of the computer, and what VSS says about each (``IsVolumeSupported``, ``IsVolumeSnapshotted``).

    A volume that VSS will say nothing about (a CD's, say) counts as one without providers.

    Args:
        backend: as for :class:`~vsspy.BackupComponents`.
    """
    known = [provider.provider_id for provider in providers(backend)]
    with administration(backend) as components:
        return [_state(components, names, known, backend) for names in _volume_names(backend)]


def _volume_names(backend: Machine | str | None) -> list[list[str]]:
    machine = _backend.machine_of(backend)
    return local_volume_names() if machine is None else [[*each] for each in machine.volume_paths.items()]


def _state(
    components: BackupComponents, names: list[str], known: list[UUID], backend: Machine | str | None
) -> VolumeState:
    path = names[-1]

    def supports(provider: UUID) -> bool:
        try:
            return components.is_volume_supported(path, provider)
        except VssError:
            return False

    supporting = tuple(provider for provider in known if supports(provider))
    try:
        found = is_volume_snapshotted(path, backend)
    except VssError:
        return VolumeState(tuple(names), supporting, False, SnapshotCompatibility(0))
    return VolumeState(tuple(names), supporting, found.present, found.compatibility)


def storage_areas(
    volume: str | None = None, *, on: str | None = None, backend: Machine | str | None = None
) -> list[DiffAreaProperties]:
    """The storage areas of a volume's shadow copies, or those of all volumes (``QueryDiffAreasForVolume``,
    ``QueryDiffAreasOnVolume``).

    Args:
        volume: the volume that is copied, with its final separator; None for all.
        on: only those that lie on this volume.
        backend: as for :class:`~vsspy.BackupComponents`.

    Raises:
        ObjectNotFoundError: there is no such volume.
        NotSupportedError: this system's storage areas cannot be managed.
        VssError: what VSS says. Where all volumes are asked for, those that it will say nothing about are left out, unless that
            is all of them.
    """
    areas: list[DiffAreaProperties] = []
    names = Surroundings.of(backend).volumes
    with DifferentialSnapshotManagement(backend=backend) as management:
        if on is not None:
            with management.query_diff_areas_on_volume(on) as there:
                wanted = None if volume is None else names.identify(volume)
                return [each for each in there if volume is None or names.identify(each.volume_name) == wanted]
        failures: list[VssError] = []
        names_asked = [volume] if volume is not None else [each[-1] for each in _volume_names(backend)]
        for name in names_asked:
            try:
                with management.query_diff_areas_for_volume(name) as found:
                    areas += found
            except VssError as error:
                failures.append(error)
    if failures and len(failures) == len(names_asked):
        raise failures[0]
    return areas


def volumes_reverting(backend: Machine | str | None = None) -> list[str]:
    """The volumes that are being set back to a shadow copy now, by their volume GUID paths (``QueryRevertStatus``;
    semantics 7.6).

    Args:
        backend: as for :class:`~vsspy.BackupComponents`.

    Raises:
        AccessDeniedError: the caller is no administrator.
    """
    found: list[str] = []
    with administration(backend) as components:
        for names in _volume_names(backend):
            try:
                components.query_revert_status(names[-1]).close()
            except AccessDeniedError:
                raise
            except VssError:
                continue  # none is, or VSS will say nothing about this volume
            found.append(names[-1])
    return found


def import_shadow_copies(
    document: str, *, timeout: float | None = None, backend: Machine | str | None = None
) -> list[SnapshotProperties]:
    """Import a transportable set (``ImportSnapshots``; semantics 7.6).

    Args:
        document: the Backup Components Document that was saved where the set was made.
        timeout: seconds to wait; None for no limit. What runs on then is not cancelled by this.
        backend: as for :class:`~vsspy.BackupComponents`.

    Returns:
        The shadow copies that are there now and were not before; on the computer that made the set they were there, but
        without a device.

    Raises:
        InvalidXmlDocumentError: ``document`` is no such document.
        BadStateError: it describes no transportable set.
        ImportFailedError: nothing could be imported; the LUNs are the requester's to clean up.
        WaitTimeoutError: it took longer.
        VssError: what VSS says.
    """
    before = set(shadow_copies(backend=backend))
    with administration(backend, document=document) as components, components.import_snapshots() as operation:
        operation.wait(timeout=timeout)
        with components.query() as found:
            return [copy for copy in found if copy not in before]


def writers(
    *, timeout: float = 300.0, backend: Machine | str | None = None
) -> list[tuple[WriterMetadata, WriterStatus | None]]:
    """The writers, and how each is now (``GatherWriterMetadata``, ``GatherWriterStatus``).

    A state says most right after the steps of a backup (semantics 4.4); at other times it is that of the last one.

    Args:
        timeout: seconds that the writers may take to answer, each time.
        backend: as for :class:`~vsspy.BackupComponents`.

    Returns:
        Each writer with its status; None for one that told none.

    Raises:
        WaitTimeoutError: the writers took longer.
        WriterInfrastructureError: writers cannot be reached.
        VssError: what VSS says.
    """
    ensure_security(backend)
    with BackupComponents(backend) as components:
        components.initialize_for_backup()
        with components.gather_writer_metadata() as operation:
            operation.wait(timeout=timeout)
        found = list(components.writer_metadata)
        components.free_writer_metadata()
        with components.gather_writer_status() as operation:
            operation.wait(timeout=timeout)
        states = {status.instance_id: status for status in components.writer_status}
        components.free_writer_status()
    return [(writer, states.get(writer.instance_id)) for writer in found]


def writers_on(volume: str, *, timeout: float = 300.0, backend: Machine | str | None = None) -> list[WriterMetadata]:
    """The writers with components that have files on a volume (``GatherWriterMetadata``).

    Where :func:`~vsspy.should_block_revert` says that a writer objects to a revert, it is one of these: the registry's
    ``WritersBlockingRevert`` says which (reference page of ``ShouldBlockRevert``).

    Args:
        volume: the volume, by any of its names.
        timeout: seconds that the writers may take to answer.
        backend: as for :class:`~vsspy.BackupComponents`.

    Raises:
        WaitTimeoutError: the writers took longer.
        VssError: what VSS says.
    """
    surroundings = Surroundings.of(backend)
    wanted = surroundings.volumes.identify(volume)
    members = [] if wanted is None else [wanted]

    def touches(writer: WriterMetadata) -> bool:
        for component in writer.components:
            for each in file_sets(component):
                try:
                    places = filesets.locate(each, surroundings.volumes, surroundings.environment, members)
                except FileSetError:
                    continue
                if any(place.volume == wanted for place in places):
                    return True
        return False

    return [writer for writer, _ in writers(timeout=timeout, backend=backend) if touches(writer)]
