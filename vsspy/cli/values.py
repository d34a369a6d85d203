"""How the commands take and show what VSS deals in: ids, sizes, and the names of contexts and attributes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from .._roots import shown
from ..enums import SnapshotAttributes, SnapshotContext

if TYPE_CHECKING:
    from .._properties import SnapshotProperties

__all__ = [
    "ATTRIBUTES",
    "CONTEXTS",
    "Guid",
    "VolumeNamer",
    "context_name",
    "flag_names",
    "shadow_facts",
    "word",
]

CONTEXTS = {
    name: getattr(SnapshotContext, name.replace("-", "_").upper())
    for name in (
        "backup",
        "file-share-backup",
        "app-rollback",
        "nas-rollback",
        "client-accessible",
        "client-accessible-writers",
    )
}
"""The contexts that shadow copies can be made in (semantics 6)."""

ATTRIBUTES = {
    name: getattr(SnapshotAttributes, name.replace("-", "_").upper())
    for name in (
        "transportable",
        "differential",
        "plex",
        "no-autorecovery",
        "not-transacted",
        "rollback-recovery",
        "txf-recovery",
    )
}
"""The attributes that a requester may add to a context (semantics 6)."""

_CONTEXT_BITS = (
    SnapshotAttributes.PERSISTENT
    | SnapshotAttributes.CLIENT_ACCESSIBLE
    | SnapshotAttributes.NO_AUTO_RELEASE
    | SnapshotAttributes.NO_WRITERS
)


class Guid(click.ParamType[UUID]):
    """An id, with or without braces."""

    name = "ID"

    def __init__(self, what: str = "shadow copy", where: str = "vsspy list shadows") -> None:
        self._what = what
        self._where = where

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> UUID:
        if isinstance(value, UUID):
            return value
        if re.fullmatch(r"\{?[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}?", value):
            return UUID(value)
        return self.fail(f"{shown(value)} is no id of a {self._what}; `{self._where}` shows them", parameter, context)


def word(value: IntEnum) -> str:
    """VSS's name of a value as the command line writes it: created, wait-for-freeze."""
    return value.name.lower().replace("_", "-")


def flag_names(flags: IntFlag) -> list[str]:
    """The names of the bits that are set, in VSS's order; a bit without a name as its number."""
    names = []
    left = int(flags)
    for flag in type(flags):
        if flag.name and flag.value and flags & flag == flag:
            names.append(flag.name.lower().replace("_", "-"))
            left &= ~flag.value
    return names + ([hex(left & 0xFFFFFFFF)] if left else [])


def context_name(attributes: SnapshotAttributes) -> str | None:
    """The context that shadow copies with these attributes are made in; None where no documented one fits."""
    bits = int(attributes & _CONTEXT_BITS)
    return next((name for name, context in CONTEXTS.items() if context == bits), None)


class VolumeNamer:
    """Turns VSS's names of volumes into those that people know.

    Args:
        names: the name of each volume by its volume GUID path.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = {path.casefold(): name for path, name in names.items()}

    @classmethod
    def here(cls) -> VolumeNamer:
        """That of the machine in use, or of this computer."""
        from .._backend import machine_of
        from .._volumes import local_volume_paths

        machine = machine_of()
        paths = local_volume_paths() if machine is None else machine.volume_paths
        return cls({path: name for name, path in paths.items()})

    def __call__(self, path: str) -> str:
        return self._names.get(path.casefold(), path)


def shadow_facts(copy: SnapshotProperties, namer: VolumeNamer) -> dict[str, Any]:
    """A shadow copy as JSON has it."""
    return {
        "id": str(copy.snapshot_id),
        "set_id": str(copy.snapshot_set_id),
        "volume": shown(namer(copy.original_volume)),
        "volume_path": shown(copy.original_volume),
        "device": shown(copy.device_object),
        "created": copy.created.isoformat(),
        "attributes": flag_names(copy.attributes),
        "context": context_name(copy.attributes),
        "state": word(copy.state),
        "provider_id": str(copy.provider_id),
        "originating_machine": shown(copy.originating_machine),
        "service_machine": shown(copy.service_machine),
        "exposed": None if copy.exposed_name is None else shown(copy.exposed_name),
        "exposed_path": None if copy.exposed_path is None else shown(copy.exposed_path),
        "snapshots_in_set": copy.snapshots_count,
    }
