"""Shadow copies as places to read from: paths that keep the root's final separator, and the way from live paths and back."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from . import filesets
from ._paths import VolumeNames, fold, separator
from .errors import FileSetError, InvalidArgumentError, ShadowCopyVanishedError

if TYPE_CHECKING:
    from .backup_components import SnapshotProperties


class ShadowCopy(os.PathLike[str]):
    """The shadow copy of one volume; a path to its root folder.

    ``os.fspath(shadow)`` ends with a separator, since the root of a device cannot be opened without it (semantics 7.3),
    and pathlib would strip it. Below the root ``shadow / "Users"`` is a ``pathlib.Path``.

    Attributes:
        volume: the volume's name as the session has it (``C:\\``).
        properties: what GetSnapshotProperties told.
    """

    def __init__(
        self, properties: SnapshotProperties, volume: str, volumes: VolumeNames, *, simulated: bool = False
    ) -> None:
        self.properties = properties
        self._simulated = simulated
        self.volume = volume
        self._volumes = volumes
        self._identity = volumes.add(volume, properties.original_volume)
        device = properties.device_object
        self._separator = "/" if device.startswith("/") else "\\"
        self.root: str = device.rstrip(self._separator) + self._separator

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
        """The device's name, without the final separator."""
        return self.properties.device_object

    @property
    def volume_path(self) -> str:
        """The volume GUID path of the volume, with its final separator."""
        return self.properties.original_volume

    def __fspath__(self) -> str:
        return self.root

    def __str__(self) -> str:
        return self.root

    def __repr__(self) -> str:
        return f"<ShadowCopy of {self.volume} at {self.root}>"

    def __truediv__(self, relative: str | os.PathLike[str]) -> Path:
        """The file or folder *relative* below the root, joined as text.

        On a volume with a Windows name both separators will do, on a simulated one too. Raises InvalidArgumentError for
        the root itself (use ``os.fspath(shadow)``), a full path and ``..``.
        """
        text = os.fspath(relative)
        is_windows = separator(self.volume) == "\\"
        if is_windows:
            text = text.replace("\\", "/")
        elements = [element for element in text.split("/") if element not in ("", ".")]
        if not elements or ".." in elements or text.startswith("/") or (is_windows and ":" in elements[0][1:2]):
            raise InvalidArgumentError("E_INVALIDARG", "ShadowCopy", detail=f"{text!r} is not a path below the root")
        return Path(self.root + self._separator.join(elements))

    def path(self, live: str | os.PathLike[str]) -> str:
        """Where to read the file or folder that is *live* on the volume; its root with the final separator.

        Takes any name of the volume (drive, mounted folder, volume GUID path). On a simulated volume whose file system
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

        Raises InvalidArgumentError for a path that is not in the shadow copy.
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
        return self.volume + separator(self.volume).join(elements)

    def _same(self, one: str, other: str) -> bool:
        return one == other if self._separator == "/" else fold(one) == fold(other)

    def check(self) -> None:
        """Raises ShadowCopyVanishedError if the shadow copy is not there any more."""
        if self._simulated and self.root.startswith("\\\\?\\GLOBALROOT\\"):
            return  # a device name that is only there to be looked at
        try:
            os.stat(self.root)
        except OSError as error:
            raise ShadowCopyVanishedError(f"the shadow copy of {self.volume} at {self.root} is gone") from error


class ShadowCopySet(Mapping[str, ShadowCopy]):
    """The shadow copies of a session by volume, under any name of the volume; iteration gives the session's names."""

    def __init__(self, set_id: UUID, shadow_copies: Mapping[str, ShadowCopy], volumes: VolumeNames) -> None:
        self.set_id = set_id
        self._copies = dict(shadow_copies)
        self._volumes = volumes

    def __getitem__(self, volume: str | os.PathLike[str]) -> ShadowCopy:
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

    def check(self) -> None:
        """Raises ShadowCopyVanishedError if one of them is not there any more."""
        for copy in self._copies.values():
            copy.check()

    def roots(self) -> dict[str, filesets.Root]:
        """The root folders by the name that stands for the volume, as filesets.expand takes them."""
        return {
            identity: filesets.Root(copy.volume, copy.root)
            for copy in self._copies.values()
            if (identity := self._volumes.identify(copy.volume)) is not None
        }
