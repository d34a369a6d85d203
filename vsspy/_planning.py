"""How a plan is made: what VSS says of the volumes, what the rules select, and what of that lies on the volumes now."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from ._backup_types import effective_type, type_notes
from ._selected import SelectedComponent, files_of
from ._volume_policies import CANNOT_BE_IN_THE_SET
from .errors import FileSetError, ProviderError
from .filesets import Root
from .machine_exclusions import left_out_by_vss
from .plan import Plan, PlannedComponent, PlannedVolume, PlannedWriter
from .result import BackupResult, LeftOut
from .shadow import LiveVolume, ShadowCopySet

if TYPE_CHECKING:
    from ._machine import Surroundings
    from ._session_options import Settings
    from ._volume_policies import Membership
    from .backup_components import BackupComponents
    from .machine_exclusions import MachineExclusions
    from .metadata import WriterMetadata
    from .selection import Inclusion, Selection


@dataclass(frozen=True, slots=True)
class Planner:
    """What a plan is made of.

    Attributes:
        writers: all of the gather.
        volumes: all names that the session has for each volume, by the first of them.
        check: raises OperationCancelledError if somebody asked the session to stop.
    """

    settings: Settings
    surroundings: Surroundings
    exclusions: MachineExclusions
    writers: Sequence[WriterMetadata]
    membership: Membership
    volumes: Mapping[str, list[str]]
    check: Callable[[], None]

    def plan(self, bc: BackupComponents, chosen: Selection, *, count: bool) -> Plan:
        """The plan for what is *chosen*; asks VSS about the volumes (IsVolumeSupported), and counts files on them."""
        settings = self.settings
        self.check()
        volumes = [self._volume(bc, name, names) for name, names in self.volumes.items()]
        live = [LeftOut("volume", each.name, each.reason or "") for each in volumes if not each.protected]
        scratch = BackupResult(bc.backend_name, settings.backup_type, settings.context, tuple(self.volumes))
        scratch.left_out = list(chosen.left_out)
        scratch.notes = list(type_notes(chosen.inclusions, settings.types, settings.backup_type))
        counts = self._count(chosen.inclusions, scratch) if count else None
        part = self._taking_part(chosen.inclusions)
        return Plan(
            backend=bc.backend_name,
            backup_type=settings.backup_type,
            volumes=tuple(volumes),
            writers=tuple(self._writer(each, each.instance_id in part) for each in self.writers),
            components=tuple(
                _component(each, None if counts is None else counts.each[index])
                for index, each in enumerate(chosen.inclusions)
            ),
            files=None if counts is None else counts.files,
            bytes=None if counts is None else counts.bytes,
            left_out=tuple(scratch.left_out),
            read_live=(*live, *scratch.read_live),
            left_out_by_vss=tuple(self.left_out_by_vss(part, [each.name for each in volumes if each.protected])),
            notes=tuple(scratch.notes),
        )

    def _volume(self, bc: BackupComponents, name: str, names: list[str]) -> PlannedVolume:
        policy = self.membership.policy(names)
        if name in self.membership.reasons:
            return PlannedVolume(name, policy, False, self.membership.reasons[name])
        try:
            supported = bc.is_volume_supported(name, self.settings.provider)
        except (*CANNOT_BE_IN_THE_SET, ProviderError) as error:
            return PlannedVolume(name, policy, False, str(error))
        return PlannedVolume(name, policy, supported, None if supported else "no provider supports it")

    def _taking_part(self, inclusions: Iterable[Inclusion]) -> set[UUID]:
        """The writers that hear of the backup after their metadata was gathered (semantics 4.2)."""
        if self.settings.select_components:
            return {each.writer.instance_id for each in inclusions}
        return {each.instance_id for each in self.writers}

    def _writer(self, writer: WriterMetadata, takes_part: bool) -> PlannedWriter:
        kind = effective_type(writer, self.settings.backup_type) if takes_part else None
        return PlannedWriter(writer.name, writer.writer_id, writer.instance_id, writer.instance_name, takes_part, kind)

    def left_out_by_vss(self, part: Collection[UUID], members: Iterable[str]) -> list[LeftOut]:
        """The files that shadow copies of the volumes *members* do not have, where the writers *part* take part."""
        surroundings = self.surroundings
        wanted = {surroundings.volumes.identify(name) for name in members}
        return left_out_by_vss(
            self.exclusions,
            [writer for writer in self.writers if writer.instance_id in part],
            self.settings.context,
            surroundings.volumes,
            surroundings.environment,
            {name: root for name, root in surroundings.live_roots().items() if name in wanted},
        )

    def _count(self, inclusions: Sequence[Inclusion], scratch: BackupResult) -> _Counts:
        """Counts as the session would read, but on the live volumes; what is in the way becomes a note."""
        surroundings = self.surroundings
        roots = surroundings.live_roots()
        live = {
            name: LiveVolume(roots[identity].shadow, name, surroundings.volumes, "counting")
            for name in self.volumes
            if name not in self.membership.reasons and (identity := surroundings.volumes.identify(name)) in roots
        }
        shadows = _LiveSet(UUID(int=0), live, surroundings.volumes)
        components = [
            SelectedComponent(each, shadows, surroundings, scratch, lambda: True, self.settings) for each in inclusions
        ]
        counts = _Counts([(0, 0)] * len(components))
        numbers = {id(each): index for index, each in enumerate(components)}
        try:
            for file, owners in files_of(components, lambda error: scratch.notes.append(f"not counted: {error}")):
                self.check()
                counts.add(file.size, [numbers[id(owner)] for owner in owners])
        except (FileSetError, OSError) as error:
            scratch.notes.append(f"not all files could be counted: {error}")
        return counts


class _LiveSet(ShadowCopySet):
    """Live volumes that stand for the shadow copies which are yet to be made."""

    def roots(self) -> dict[str, Root]:
        """The volumes' root folders."""
        return {
            identity: Root(each.volume, each.root)
            for each in self.values()
            if (identity := self._volumes.identify(each.volume)) is not None
        }


@dataclass(slots=True)
class _Counts:
    """Files and bytes: of each component, and of all with each file once."""

    each: list[tuple[int, int]]
    files: int = 0
    bytes: int = 0

    def add(self, size: int, owners: Iterable[int]) -> None:
        self.files += 1
        self.bytes += size
        for owner in owners:
            files, total = self.each[owner]
            self.each[owner] = files + 1, total + size


def _component(inclusion: Inclusion, counted: tuple[int, int] | None) -> PlannedComponent:
    files, size = (None, None) if counted is None else counted
    return PlannedComponent(
        inclusion.writer.name,
        inclusion.writer.writer_id,
        inclusion.writer.instance_id,
        inclusion.component.full_name,
        tuple(each.full_name for each in inclusion.implicit),
        inclusion.because,
        files,
        size,
    )
