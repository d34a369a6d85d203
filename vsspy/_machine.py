"""The machine that a session works on: its volumes, its environment, and what of a writer lies where."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from . import _backend, filesets
from ._backend import initialize_security
from ._paths import Location, VolumeNames, fold, separator
from ._volumes import local_environment, local_volumes
from .errors import FileSetError, SecurityTooLateError
from .machine_exclusions import MachineExclusions, NotToBackup
from .selection import file_sets

if TYPE_CHECKING:
    from .metadata import ComponentMetadata, FileSet
    from .simulator import Machine


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The machine that the backend is.

    Attributes:
        volumes: its volumes with all their names.
        environment: its environment variables.
        folders: of a simulated machine, the folder that plays each volume, by the volume's name in *volumes*.
        not_to_backup: the machine's FilesNotToBackup, once it is known which writers are backed up.
    """

    volumes: VolumeNames
    environment: dict[str, str]
    folders: Mapping[str, str] = field(default_factory=dict)
    not_to_backup: NotToBackup = field(default_factory=NotToBackup)

    @classmethod
    def of(cls, backend: Machine | str | None) -> Surroundings:
        """Those of a simulated machine, or of this computer."""
        machine = _backend.resolve(backend).machine
        if machine is None:
            return cls(local_volumes(), local_environment())
        volumes = VolumeNames(machine.volume_paths.items())
        folders = {volumes.add(name): os.path.realpath(folder) for name, folder in machine.volumes.items()}
        return cls(volumes, dict(machine.environment), folders)

    def without(self, exclusions: MachineExclusions, writers: Collection[str]) -> Surroundings:
        """The same, where files that need no backup are left out while components of these writers are backed up."""
        return replace(self, not_to_backup=NotToBackup(exclusions, writers, self.volumes, self.environment))

    def live_roots(self) -> dict[str, filesets.Root]:
        """The volumes themselves, as filesets.expand takes them: what is read there is not frozen."""
        return {
            name: filesets.Root(name, os.path.join(self.folders[name], "") if name in self.folders else name)
            for name in self.volumes
        }


class SecurityWarning(RuntimeWarning):
    """The process's COM security was set before vsspy could set it; writers may be refused when they call back."""


def ensure_security(backend: Machine | str | None) -> None:
    """``vsspy.initialize_security`` unless it was called; too late is a SecurityWarning, once (semantics 1.2)."""
    scope = _backend.security_scope(backend)
    if scope in _backend.secured:
        return
    try:
        initialize_security(backend)
    except SecurityTooLateError as error:
        _backend.secured.add(scope)
        warnings.warn(f"{error}. {error.hint}", SecurityWarning, stacklevel=_callers_level())


def _callers_level() -> int:
    """The ``stacklevel`` with which a warning names the program's line, not one of vsspy's or of ``with`` itself."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in ("vsspy", "contextlib"):
        level, frame = level + 1, frame.f_back
    return level


class Places:
    """Tells whether components lie on the volumes of a session; each path is looked up once.

    Args:
        volumes: the volumes of the set by any of their names.
        live: why a volume of the session is not in the set but read live, by any of its names.
    """

    def __init__(
        self, surroundings: Surroundings, volumes: Sequence[str], live: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._volumes = surroundings.volumes
        self._environment = surroundings.environment
        self._members = [identity for name in volumes if (identity := self._volumes.identify(name)) is not None]
        self._live = {identity: live[name] for name in live if (identity := self._volumes.identify(name)) is not None}
        self._known: dict[str, list[Location] | str] = {}

    def why_not(self, component: ComponentMetadata) -> str | None:
        """Why a component does not live on the volumes; None if it does, which one without files always does."""
        for found in self._locations(component):
            if isinstance(found, str):
                return found
            for location in found:
                if location.volume not in self._members:
                    why = self._live.get(location.volume)
                    return f"it has files on {location.volume}, which is not in the set" + (f": {why}" if why else "")
        return None

    def why_not_under(self, component: ComponentMetadata, folders: Sequence[str]) -> str | None:
        """Why the file sets of a component do not all lie in *folders*; None if they do."""
        places = [place for folder in folders if (place := self._volumes.locate(folder)) is not None]
        for found in self._locations(component):
            if isinstance(found, str):
                return found
            for location in found:
                if not any(_is_below(location, place) for place in places):
                    where = location.volume + separator(location.volume).join(location.elements)
                    return f"it has files in {where}, which is not in a selected folder"
        return None

    def _locations(self, component: ComponentMetadata) -> Iterator[list[Location] | str]:
        for file_set in file_sets(component):
            if file_set.path not in self._known:
                self._known[file_set.path] = self._locate(file_set)
            yield self._known[file_set.path]

    def _locate(self, file_set: FileSet) -> list[Location] | str:
        try:
            return filesets.locate(file_set, self._volumes, self._environment, self._members)
        except FileSetError as error:
            return str(error.detail)


def _is_below(location: Location, folder: Location) -> bool:
    if location.volume != folder.volume or len(location.elements) < len(folder.elements):
        return False
    if separator(location.volume) == "/":
        return location.elements[: len(folder.elements)] == folder.elements
    return all(fold(one) == fold(other) for one, other in zip(location.elements, folder.elements, strict=False))
