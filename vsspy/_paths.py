"""Names of volumes and files as VSS and writers spell them, on any platform: text only, nothing is looked up on a disk."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from .errors import FileSetError

_DRIVE: Final = re.compile(r"[A-Za-z]:")
_VARIABLE: Final = re.compile(r"%([^%]+)%")


def fold(name: str) -> str:
    """A file name for comparison without regard to case, one character for one (semantics 9.1.4)."""
    upper = name.upper()
    if len(upper) == len(name):
        return upper
    return "".join(up if len(up := char.upper()) == 1 else char for char in name)


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
        for names in volumes:
            self.add(*names)

    def add(self, name: str, *aliases: str) -> str:
        """Adds a volume, or aliases of one that is known by any of these names; returns the name that stands for it."""
        names = [volume_name(each) for each in (name, *aliases)]
        known = next((self._volumes[key] for key in map(_key, names) if key in self._volumes), names[0])
        for each in names:
            self._volumes[_key(each)] = known
        return known

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(self._volumes.values()))

    def identify(self, name: str | os.PathLike[str]) -> str | None:
        """The name that stands for the volume called *name*, or None if there is no such volume."""
        return self._volumes.get(_key(volume_name(name)))

    def mounted_in(self, volume: str) -> set[tuple[str, ...]]:
        """The folders at which volumes are mounted in *volume*, by the elements of their paths below it, folded."""
        found: set[tuple[str, ...]] = set()
        for key in self._volumes:
            above = next((cut for cut in range(len(key) - 1, 0, -1) if key[:cut] in self._volumes), None)
            if above is not None and self._volumes[key[:above]] == volume:
                found.add(tuple(map(fold, key[above:])))
        return found

    def locate(self, path: str) -> Location | None:
        """Where *path* lies: the volume with the longest name that *path* begins with; None if there is none.

        Raises FileSetError for a path that is not a full one, or that names no volume (``\\Folder``: every volume).
        """
        root, elements = split(path)
        if root == "\\":
            raise FileSetError(f"{path!r} names no volume")
        head = _root_key(root)
        folded = elements if root == "/" else [fold(element) for element in elements]
        for count in range(len(elements), -1, -1):
            volume = self._volumes.get((head, *folded[:count]))
            if volume is not None:
                return Location(volume, tuple(elements[count:]))
        return None


def _root_key(root: str) -> str:
    return root if root == "/" else fold(root)


def _key(name: str) -> tuple[str, ...]:
    root, elements = split(name)
    return (_root_key(root), *(elements if root == "/" else map(fold, elements)))
