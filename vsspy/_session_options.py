"""The options of a backup session, and their checks."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypedDict, get_args
from uuid import UUID

from ._backup_types import TypeOptions
from ._paths import VolumeNames, volume_name
from ._phases import Progress, seconds
from ._writers import FailurePolicy
from .enums import BackupType, SnapshotAttributes, SnapshotContext
from .errors import FileSetError, InvalidArgumentError
from .retry import Retry

if TYPE_CHECKING:
    from .machine_exclusions import MachineExclusions
    from .simulator import Machine

__all__ = ["Security", "SessionOptions", "Settings", "VolumePolicy", "invalid", "policies_of"]

VolumePolicy = Literal["required", "preferred", "never"]
"""What a session does with a volume: see BackupSession's ``volume_policies``."""

Security = Literal["auto", "none"]

_POLICIES: Final = get_args(VolumePolicy)


class SessionOptions(TypedDict, total=False):
    """The options that BackupSession and shadow_copy share; see BackupSession."""

    backup_type: BackupType
    context: SnapshotContext | int
    bootable_system_state: bool
    timeout: float
    phase_timeouts: Mapping[str, float]
    abort_timeout: float
    retry: Retry | None
    security: Security
    on_writer_failure: FailurePolicy
    on_progress: Callable[[Progress], object] | None
    backend: Machine | str | None
    lease: bool | None
    lease_folder: str | os.PathLike[str] | None
    provider: UUID | None


@dataclass(frozen=True, slots=True)
class Settings:
    """What stays the same over all tries of a session, checked.

    Attributes:
        volumes: the volumes' names, each once.
        writers: whether writers take part.
        policies: what to do with each volume that is not required, by its name in *volumes*.
        machine_exclusions: None for those of the machine.
        types: how it deals with types.
    """

    volumes: tuple[str, ...]
    backup_type: BackupType
    context: SnapshotContext | int
    writers: bool
    select_components: bool
    bootable_system_state: bool
    abort_timeout: float
    security: Security
    backend: Machine | str | None
    policies: Mapping[str, VolumePolicy]
    machine_exclusions: MachineExclusions | None
    lease: bool | None
    lease_folder: str | None
    provider: UUID | None
    types: TypeOptions

    @classmethod
    def of(
        cls,
        volumes: tuple[str | os.PathLike[str], ...],
        *,
        backup_type: BackupType,
        context: SnapshotContext | int,
        writers: bool,
        select_components: bool,
        bootable_system_state: bool,
        abort_timeout: float,
        security: Security,
        backend: Machine | str | None,
        volume_policies: Mapping[str, VolumePolicy] | None,
        machine_exclusions: MachineExclusions | None,
        lease: bool | None,
        lease_folder: str | os.PathLike[str] | None,
        provider: UUID | None = None,
        types: TypeOptions = TypeOptions(),  # noqa: B008 (immutable)
    ) -> Settings:
        """The options as BackupSession takes them; raises InvalidArgumentError for what makes no sense."""
        if not volumes:
            raise invalid("a backup needs at least one volume")
        if context == SnapshotContext.ALL:
            raise invalid("the context ALL cannot make shadow copies")
        if security not in ("auto", "none"):
            raise invalid(f"security is 'auto' or 'none', not {security!r}")
        if not isinstance(backup_type, BackupType):
            raise invalid(f"backup_type is a BackupType, not {backup_type!r}")
        if not writers:  # each context with writers and the one without differ in this bit
            context |= SnapshotAttributes.NO_WRITERS
        context = next((known for known in SnapshotContext if known == context), context)
        with_writers = not context & SnapshotAttributes.NO_WRITERS
        names = tuple(dict.fromkeys(_name(volume) for volume in volumes))
        return cls(
            volumes=names,
            backup_type=backup_type,
            context=context,
            writers=with_writers,
            select_components=with_writers and select_components,
            bootable_system_state=bootable_system_state,
            abort_timeout=seconds(abort_timeout, "abort_timeout"),
            security=security,
            backend=backend,
            policies=policies_of(names, volume_policies or {}),
            machine_exclusions=machine_exclusions,
            lease=lease,
            lease_folder=None if lease_folder is None else os.path.abspath(lease_folder),
            provider=provider,
            types=types,
        )


def policies_of(names: tuple[str, ...], policies: Mapping[str, VolumePolicy]) -> dict[str, VolumePolicy]:
    """The policy of each volume that has one, by the session's name of the volume.

    Raises InvalidArgumentError for a policy that there is not, and for a volume that is none of the session's.
    """
    mine = VolumeNames([name] for name in names)
    found: dict[str, VolumePolicy] = {}
    for volume, policy in policies.items():
        if policy not in _POLICIES:
            raise invalid(f"a volume's policy is one of {', '.join(_POLICIES)}, not {policy!r}")
        name = mine.identify(_name(volume))
        if name is None:
            raise invalid(f"volume_policies names {volume}, which is none of the session's volumes")
        found[name] = policy
    return found


def _name(volume: str | os.PathLike[str]) -> str:
    try:
        return volume_name(volume)
    except FileSetError as error:
        raise invalid(f"a volume's name is a full path, without '..': {error.detail}") from None


def invalid(detail: str) -> InvalidArgumentError:
    """The error for an option that makes no sense."""
    return InvalidArgumentError("E_INVALIDARG", "BackupSession", detail=detail)
