"""Shadow copies as places to read from: paths that keep the root's final separator, and the way from live paths and back."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from . import filesets
from ._backup_reading import BackupReading, elements_below
from ._paths import VolumeNames, fold, separator
from .errors import FileSetError, InvalidArgumentError, ObjectNotFoundError, ShadowCopyVanishedError

if TYPE_CHECKING:
    from .backup_components import SnapshotProperties


# Where a shadow copy without a device would be read: nowhere. With an empty name it would be the root of the live volume.
_NO_DEVICE = "\\\\?\\GLOBALROOT\\Device\\NotSurfaced"


class VolumeRoot(BackupReading, os.PathLike[str]):
    """The root folder of a volume's data as a path: what shadow copies and live volumes have in common.

    Attributes:
        volume: the volume's name as the session has it (``C:\\``).
        root: the root folder, with its final separator.
        is_live: whether what is read here may change meanwhile.
    """

    is_live: bool

    def __init__(self, root: str, volume: str, volumes: VolumeNames, *aliases: str) -> None:
        self.volume = volume
        self._volumes = volumes
        self._identity = volumes.add(volume, *aliases)
        self._separator = "/" if root.startswith("/") else "\\"
        self.root = root.rstrip(self._separator) + self._separator

    def __fspath__(self) -> str:
        return self.root

    def __str__(self) -> str:
        return self.root

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.volume} at {self.root}>"

    def __truediv__(self, relative: str | os.PathLike[str]) -> Path:
        """The file or folder *relative* below the root, joined as text.

        On a volume with a Windows name both separators will do, on a simulated one too. Nothing else is changed: names that
        Win32 would alter or take for devices (``CON``, ``a.``, ``a `` with its blank) mean what they say in ``\\\\?\\`` paths,
        and ``file:stream`` is passed on (``.\\f:stream`` where the file's name is one letter). Raises InvalidArgumentError for
        the root itself (use ``os.fspath(shadow)``), a full path and ``..``.
        """
        elements = elements_below(os.fspath(relative), self.volume)
        if not elements:
            raise InvalidArgumentError(
                "E_INVALIDARG", "ShadowCopy", detail=f"{relative!r} is not a path below the root"
            )
        return Path(self.root + self._separator.join(elements))

    def path(self, live: str | os.PathLike[str]) -> str:
        """Where to read the file or folder that is *live* on the volume; its root with the final separator.

        Takes any name of the volume (drive, mounted folder, volume GUID path, share), and of the volume that it is mounted in.
        The elements below stay as they are, as with ``/``. On a simulated volume whose file system
        tells letter cases apart, names are looked up as Windows would. Raises InvalidArgumentError for a path that is on
        another volume.
        """
        text = os.fspath(live)
        location = self._volumes.locate(text)
        if location is None or location.volume != self._identity:
            raise InvalidArgumentError("E_INVALIDARG", "ShadowCopy", detail=f"{text} is not on {self.volume}")
        if self._separator == "/" and separator(self.volume) == "\\":
            return filesets.resolve(self.root, location.elements)
        return self.root + self._separator.join(location.elements)

    def live(self, path: str | os.PathLike[str]) -> str:
        """The live name of a file or folder of this shadow copy; the volume's name for the root.

        Raises InvalidArgumentError for a path that is not in the shadow copy, and for one that no name on the volume can mean.
        """
        text = os.fspath(path)
        if self._separator == "\\":
            text = text.replace("/", "\\")
        if self._same(text + self._separator, self.root):
            text = self.root
        if not self._same(text[: len(self.root)], self.root):
            raise InvalidArgumentError("E_INVALIDARG", "ShadowCopy", detail=f"{text} is not in {self.root}")
        rest = text[len(self.root) :]
        elements = [element for element in rest.split(self._separator) if element not in ("", ".")]
        if ".." in elements:
            raise InvalidArgumentError("E_INVALIDARG", "ShadowCopy", detail=f"{text!r} contains '..'")
        if separator(self.volume) == "\\" and any("\\" in element for element in elements):
            # only a simulated volume has such names, and the live name would be another one's
            raise InvalidArgumentError("E_INVALIDARG", "ShadowCopy", detail=f"{text!r} has no name on {self.volume}")
        return self.volume + separator(self.volume).join(elements)

    def _same(self, one: str, other: str) -> bool:
        return one == other if self._separator == "/" else fold(one) == fold(other)

    @property
    def alive(self) -> bool:
        """Whether it can still be read; asks each time and raises nothing."""
        try:
            self.check()
        except ObjectNotFoundError:
            return False
        return True


class ShadowCopy(VolumeRoot):
    """The shadow copy of one volume; a path to its root folder.

    ``os.fspath(shadow)`` ends with a separator, since the root of a device cannot be opened without it (semantics 7.3),
    and pathlib would strip it. Below the root ``shadow / "Users"`` is a ``pathlib.Path``.

    Attributes:
        volume: the volume's name as the session has it (``C:\\``).
        root: the root folder, with its final separator.
        is_live: False; a LiveVolume says True.
        properties: what GetSnapshotProperties told.
    """

    is_live: Literal[False] = False

    def __init__(
        self, properties: SnapshotProperties, volume: str, volumes: VolumeNames, *, simulated: bool = False
    ) -> None:
        self.properties = properties
        self._simulated = simulated
        super().__init__(properties.device_object or _NO_DEVICE, volume, volumes, properties.original_volume)

    @property
    def snapshot_id(self) -> UUID:
        """The shadow copy's id."""
        return self.properties.snapshot_id

    @property
    def set_id(self) -> UUID:
        """The id of the shadow copy set."""
        return self.properties.snapshot_set_id

    @property
    def device(self) -> str:
        """The device's name, without the final separator; empty for a transportable one that was not imported."""
        return (self.root[:-1] or self.root) if self.properties.device_object else ""

    @property
    def volume_path(self) -> str:
        """The volume GUID path of the volume, with its final separator."""
        return self.properties.original_volume

    def check(self) -> None:
        """Raises ShadowCopyVanishedError if the shadow copy is not there any more."""
        if not self.properties.device_object:
            return  # transportable: there is nothing to look at before it is imported
        if self._simulated and self.root.startswith("\\\\?\\GLOBALROOT\\"):
            return  # a device name that is only there to be looked at
        try:
            os.stat(self.root)
        except OSError as error:
            raise ShadowCopyVanishedError(f"the shadow copy of {self.volume} at {self.root} is gone") from error


class LiveVolume(VolumeRoot):
    """A volume that its policy left out of the set: what is read here is not frozen, and may change while it is read.

    Has the members of ShadowCopy that make sense without a shadow copy; ``is_live`` tells the two apart.

    Attributes:
        volume: the volume's name as the session has it (``C:\\``).
        root: its root folder, with the final separator.
        is_live: True.
        reason: why it is not in the set.
    """

    is_live: Literal[True] = True

    def __init__(self, root: str, volume: str, volumes: VolumeNames, reason: str) -> None:
        super().__init__(root, volume, volumes)
        self.reason = reason

    def check(self) -> None:
        """Raises ObjectNotFoundError if the volume is not there any more."""
        try:
            os.stat(self.root)
        except OSError as error:
            raise ObjectNotFoundError(
                "VSS_E_OBJECT_NOT_FOUND", "LiveVolume", detail=f"the volume {self.volume} at {self.root} is gone"
            ) from error


class ShadowCopySet(Mapping[str, ShadowCopy | LiveVolume]):
    """The shadow copies of a session by volume, under any name of the volume; iteration gives the session's names.

    A volume that its policy left out of the set is here as a LiveVolume.

    Attributes:
        set_id: the set's id; the nil UUID where no volume is in a set, so that none was made.
    """

    def __init__(
        self,
        set_id: UUID,
        shadow_copies: Mapping[str, ShadowCopy | LiveVolume],
        volumes: VolumeNames,
    ) -> None:
        self.set_id = set_id
        self._copies = dict(shadow_copies)
        self._volumes = volumes

    def __getitem__(self, volume: str | os.PathLike[str]) -> ShadowCopy | LiveVolume:
        try:
            identity = self._volumes.identify(volume)
        except FileSetError:
            raise KeyError(volume) from None
        for name, copy in self._copies.items():
            if identity is not None and self._volumes.identify(name) == identity:
                return copy
        raise KeyError(volume)

    def __iter__(self) -> Iterator[str]:
        return iter(self._copies)

    def __len__(self) -> int:
        return len(self._copies)

    def __repr__(self) -> str:
        return f"<ShadowCopySet {self.set_id} of {', '.join(self._copies)}>"

    def path(self, live: str | os.PathLike[str]) -> str:
        """Where to read *live*, on whichever volume of the set it is; see ShadowCopy.path."""
        location = self._volumes.locate(os.fspath(live))
        for copy in self._copies.values():
            if location is not None and location.volume == self._volumes.identify(copy.volume):
                return copy.path(live)
        raise InvalidArgumentError(
            "E_INVALIDARG", "ShadowCopySet", detail=f"{os.fspath(live)} is on no volume of the set"
        )

    @property
    def shadow_copies(self) -> tuple[ShadowCopy, ...]:
        """The shadow copies alone, without volumes that are read live."""
        return tuple(copy for copy in self._copies.values() if isinstance(copy, ShadowCopy))

    @property
    def alive(self) -> bool:
        """Whether all of them can still be read; asks each time and raises nothing."""
        return all(copy.alive for copy in self._copies.values())

    def check(self) -> None:
        """Raises ShadowCopyVanishedError if a shadow copy is not there any more, ObjectNotFoundError for a live volume."""
        for copy in self._copies.values():
            copy.check()

    def roots(self) -> dict[str, filesets.Root]:
        """The shadow copies' root folders by the name that stands for the volume, as filesets.expand takes them: of a volume
        that is read live there is none, so that no component's files are read there by the way."""
        return {
            identity: filesets.Root(copy.volume, copy.root)
            for copy in self.shadow_copies
            if (identity := self._volumes.identify(copy.volume)) is not None
        }
