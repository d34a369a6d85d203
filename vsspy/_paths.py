"""Names of volumes and files as VSS and writers spell them, on any platform: text only, nothing is looked up on a disk."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from . import _core
from .errors import FileSetError

_DRIVE: Final = re.compile(r"[A-Za-z]:")
_VARIABLE: Final = re.compile(r"%([^%]+)%")


def fold(name: str) -> str:
    """A file name for comparison without regard to case, one character for one (semantics 9.1.4)."""
    return _core.fold(name)


def separator(path: str) -> str:
    """What separates the elements of *path*: ``/`` below a POSIX mount point, a backslash everywhere else."""
    return "/" if path.startswith("/") else "\\"


def split(path: str) -> tuple[str, list[str]]:
    """The root of *path* (``C:\\``, ``\\\\?\\Volume{...}\\``, ``\\\\server\\share\\``, ``\\`` or ``/``) and the elements below.

    Raises FileSetError for a relative path and for one with ``..`` in it.
    """
    if path.startswith("/") and not path.startswith("//"):
        root, rest = "/", path[1:]
    else:
        path = path.replace("/", "\\")
        if path.startswith(("\\\\.\\", "\\??\\")):  # other ways to write it, as the registry has them
            path = "\\\\?\\" + path[4:]
        if path[:8].upper() == "\\\\?\\UNC\\":
            path = "\\\\" + path[8:]
        elif path.startswith("\\\\?\\") and _DRIVE.match(path, 4):
            path = path[4:]
        if _DRIVE.match(path) and path[2:3] in ("", "\\"):
            root, rest = path[0].upper() + ":\\", path[3:]
        elif path.startswith("\\\\?\\"):
            name, _, rest = path[4:].partition("\\")
            root = f"\\\\?\\{name}\\"
        elif path.startswith("\\\\"):
            server, _, rest = path[2:].partition("\\")
            share, _, rest = rest.partition("\\")
            root = f"\\\\{server}\\{share}\\"
        elif path.startswith("\\"):
            root, rest = "\\", path[1:]
        else:
            raise FileSetError(f"{path!r} is not a full path")
    elements = [element for element in rest.split(separator(root)) if element not in ("", ".")]
    if ".." in elements:
        raise FileSetError(f"{path!r} contains '..'")
    return root, elements


def volume_name(name: str | os.PathLike[str]) -> str:
    """The name of a volume as VSS wants it: with its final separator (semantics 7.1); ``c:`` becomes ``C:\\``."""
    root, elements = split(os.fspath(name))
    return "".join([root, *(element + separator(root) for element in elements)])


def stored_as(path: str) -> str:
    """Where a file or folder with that full name goes below the folder of a backup: ``/srv/data`` to ``srv/data``, ``C:\\Data`` to
    ``C/Data``.

    Raises FileSetError as ``split`` does.
    """
    root, elements = split(path)
    head = root.replace("\\\\?\\", "").replace(":", "").strip("\\/")
    return os.sep.join([part for part in head.split("\\") if part] + elements)


def expand_variables(text: str, environment: Mapping[str, str]) -> str:
    """*text* with each ``%Name%`` replaced; names are compared without regard to case.

    Raises FileSetError for a variable that the machine does not have.
    """
    if "%" not in text:
        return text
    values = {fold(name): value for name, value in environment.items()}

    def value(match: re.Match[str]) -> str:
        try:
            return values[fold(match[1])]
        except KeyError:
            raise FileSetError(f"the environment variable {match[0]} is not defined") from None

    return _VARIABLE.sub(value, text)


@dataclass(frozen=True, slots=True)
class Location:
    """A folder or file by its volume (the first of the volume's names) and the elements below the volume's root."""

    volume: str
    elements: tuple[str, ...]


class VolumeNames:
    """The volumes of a machine, each with all its names: drive, mounted folders, volume GUID path.

    Args:
        volumes: for each volume its names; the first is the one that stands for the volume in a Location.
    """

    def __init__(self, volumes: Iterable[Iterable[str]] = ()) -> None:
        self._volumes: dict[tuple[str, ...], str] = {}
        self._inner: dict[str, dict[tuple[str, ...], str]] = {}  # by volume, what _mounts has worked out
        for names in volumes:
            self.add(*names)

    def add(self, name: str, *aliases: str) -> str:
        """Adds a volume, or aliases of one that is known by any of these names; returns the name that stands for it."""
        names = [volume_name(each) for each in (name, *aliases)]
        self._inner.clear()
        known = next((self._volumes[key] for key in map(_key, names) if key in self._volumes), names[0])
        for each in names:
            self._volumes[_key(each)] = known
        return known

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(self._volumes.values()))

    def copy(self) -> VolumeNames:
        """The same names, to which more can be added."""
        made = VolumeNames()
        made._volumes.update(self._volumes)
        return made

    def identify(self, name: str | os.PathLike[str]) -> str | None:
        """The name that stands for the volume called *name*, or None if there is no such volume."""
        full = volume_name(name)
        location = self.locate(full) if full != "\\" else None
        return location.volume if location is not None and not location.elements else None

    def mounted_in(self, volume: str) -> set[tuple[str, ...]]:
        """The folders at which volumes are mounted in *volume*, by the elements of their paths below it, folded."""
        return {tuple(map(fold, elements)) for elements in self._mounts(volume)}

    def _mounts(self, volume: str) -> dict[tuple[str, ...], str]:
        """The volumes mounted in *volume*, by the elements of the folders below it, which are folded if its names are."""
        if volume not in self._inner:
            found = self._inner[volume] = {}
            for key, mounted in self._volumes.items():
                above = next((cut for cut in range(len(key) - 1, 0, -1) if key[:cut] in self._volumes), None)
                if above is not None and self._volumes[key[:above]] == volume:
                    found[key[above:]] = mounted
        return self._inner[volume]

    def locate(self, path: str) -> Location | None:
        """Where *path* lies: the volume with the longest name that *path* begins with; None if there is none.

        Raises FileSetError for a path that is not a full one, or that names no volume (``\\Folder``: every volume).
        """
        root, elements = split(path)
        if root == "\\":
            raise FileSetError(f"{path!r} names no volume")
        folded = elements if root == "/" else [fold(element) for element in elements]
        volume, at = self._volume_above((_root_key(root), *folded))
        # A folder in which a volume is mounted may be reached by any name of the volume around it.
        while volume is not None:
            mounts = self._mounts(volume)
            below = elements if separator(volume) == "/" else folded
            last = min(len(below), at + max(map(len, mounts), default=0))  # paths in documents may be of any depth
            inner = next((end for end in range(at + 1, last + 1) if tuple(below[at:end]) in mounts), None)
            if inner is None:
                return Location(volume, tuple(elements[at:]))
            volume, at = mounts[tuple(below[at:inner])], inner
        return None

    def _volume_above(self, key: tuple[str, ...]) -> tuple[str | None, int]:
        """The volume with the longest name that *key* begins with, and how many elements follow its root there."""
        for end in range(min(len(key), max(map(len, self._volumes), default=0)), 0, -1):
            if key[:end] in self._volumes:
                return self._volumes[key[:end]], end - 1
        return None, 0


def _root_key(root: str) -> str:
    return root if root == "/" else fold(root)


def _key(name: str) -> tuple[str, ...]:
    root, elements = split(name)
    return (_root_key(root), *(elements if root == "/" else map(fold, elements)))
