"""From the PATHs, --volume and --to of a command line to volumes, places in them, and names below DIR. Nothing is created here."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .._filecopy import reason
from .._paths import Location, VolumeNames, fold, separator, split, stored_as, volume_name
from .._roots import shown
from ..errors import InvalidArgumentError
from ..result import LeftOut
from .errors import CommandError
from .staging import STAGING

__all__ = ["DOCUMENTS", "Place", "Places", "target_folder"]

DOCUMENTS = "vsspy"  # the folder of DIR that takes documents and report


@dataclass(frozen=True, slots=True)
class Place:
    """A file or folder to back up.

    Attributes:
        path: Its full name as VSS and writers know it: `/srv/data`, `C:\\Data`.
        volume: The name of the volume it lies on, with its final separator.
        inside: Its name below the volume's root, with the separators of this system; "" is the root itself.
        below: Where it goes below DIR.
        local: Where it really is.
        is_folder: False for a single file.
    """

    path: str
    volume: str
    inside: str
    below: str
    local: str
    is_folder: bool


@dataclass(frozen=True, slots=True)
class Places:
    """What a backup is about.

    Attributes:
        places: One for each PATH.
        volumes: The simulated volumes, name to folder; empty where the real ones are used.
    """

    places: Sequence[Place]
    volumes: Mapping[str, str]

    @property
    def volume_names(self) -> list[str]:
        """The volumes that PATHs lie on, each once."""
        return list(dict.fromkeys(place.volume for place in self.places))


def _is_windows_name(path: str) -> bool:
    return path[1:2] == ":" or path.startswith("\\\\")


def parse_volumes(texts: Iterable[str]) -> dict[str, str]:
    """The NAME=FOLDER of --volume.

    Raises:
        CommandError: It is not of that form, the folder does not exist, or a name or folder comes twice.
    """
    volumes: dict[str, str] = {}
    for text in texts:
        name, equals, folder = text.partition("=")
        if not (name and equals and folder):
            raise CommandError(f"--volume {shown(text)}: write NAME=FOLDER, for example 'C:\\=/srv/image'")
        try:
            name = volume_name(name)
        except InvalidArgumentError:
            raise CommandError(
                f"--volume {shown(text)}: {shown(name)} is no volume name; write C:\\ or a full path such as /mnt/data"
            ) from None
        if not os.path.isdir(folder):
            raise CommandError(f"--volume {shown(text)}: {shown(folder)} is not a folder")
        if any(fold(name) == fold(other) for other in volumes):
            raise CommandError(f"--volume: {shown(name)} is given twice")
        volumes[name] = os.path.realpath(folder)
    return volumes


def target_folder(text: str) -> str:
    """DIR as a full path.

    Raises:
        CommandError: It is empty, or it, or what should be a folder above it, is a file.
    """
    if not text:  # a variable that is not set, say, and not the folder that happens to be the current one
        raise CommandError("--to is empty; give a folder")
    directory = os.path.abspath(text)
    folder = directory
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    if not os.path.isdir(folder):
        what = "is a file" if os.path.isfile(folder) else "is no folder"
        raise CommandError(f"--to {shown(text)}: {shown(folder)} {what}; give a folder")
    return directory


def find_places(paths: Sequence[str], volumes: Mapping[str, str], directory: str | None, *, simulated: bool) -> Places:
    """Looks every PATH up and checks all that can be checked before anything is made.

    Args:
        paths: As given: names in the volumes of --volume, or places on this machine.
        volumes: Those of --volume.
        directory: DIR, a full path; None where nothing is to be made.
        simulated: Whether folders become simulated volumes.

    Raises:
        CommandError: A PATH is missing, given twice, within another one or in none of the volumes; DIR lies inside a PATH or a PATH in DIR.
    """
    used = dict(volumes)
    places = [_find(path, used, simulated) for path in paths]
    if simulated:
        places, used = _merge(places, used, volumes)
    target = None if directory is None else os.path.realpath(directory)
    for number, place in enumerate(places):
        local = os.path.realpath(place.local)
        if target is not None and _within(target, local) and place.is_folder:
            raise CommandError(
                f"--to {shown(target)} lies inside {shown(place.path)}, which is to be backed up; choose a folder outside it"
            )
        if target is not None and _within(local, target):
            raise CommandError(
                f"{shown(place.path)} lies inside --to {shown(target)}; choose another folder for the backup"
            )
        first = place.below.split(os.sep)[0]
        if fold(first) in {fold(DOCUMENTS), fold(STAGING)} or not first:
            raise CommandError(
                f"{shown(place.path)} cannot be backed up: its name below DIR is taken by vsspy's own folder"
            )
        for other in places[:number]:
            if _within(local, os.path.realpath(other.local)):
                _refuse_pair(place, other)
            if _within(os.path.realpath(other.local), local):
                _refuse_pair(other, place)
            mine, theirs = fold(place.below) + os.sep, fold(other.below) + os.sep
            if mine.startswith(theirs) or theirs.startswith(mine):
                raise CommandError(
                    f"{shown(place.path)} and {shown(other.path)} would be written to the same place below DIR"
                )
    return Places(places, used if simulated else {})


def may_touch(places: Iterable[Place], items: Iterable[LeftOut], volumes: VolumeNames) -> list[LeftOut]:
    """Those files, named by pattern, that may lie in a PATH: their folder does, or the PATH lies below it.

    Args:
        places: The PATHs.
        items: Files that are left out.
        volumes: The machine's volumes, with all their names.
    """
    asked = [location for place in places if (location := volumes.locate(place.path)) is not None]
    found = []
    for item in items:
        mark = separator(item.name)
        folder = volumes.locate(item.name.rpartition(mark)[0] + mark)
        for location in asked:
            if folder is not None and folder.volume == location.volume:
                pairs = zip(folder.elements, location.elements, strict=False)
                if all(fold(one) == fold(other) for one, other in pairs):
                    found.append(item)
                    break
    return found


def _refuse_pair(inner: Place, outer: Place) -> None:
    if inner.path == outer.path:
        raise CommandError(f"{shown(inner.path)} is given twice; name it once")
    raise CommandError(f"{shown(inner.path)} lies inside {shown(outer.path)}, which is backed up whole; leave it out")


def _within(path: str, folder: str) -> bool:
    path, folder = os.path.normcase(path), os.path.normcase(folder)
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _find(path: str, volumes: dict[str, str], simulated: bool) -> Place:
    if not path:
        raise CommandError("a PATH is empty; give a file or folder")
    local = os.path.abspath(path)
    # On Windows a place in a FOLDER looks like a name on the volume that it plays.
    is_place = sys.platform == "win32" and any(_within(os.path.realpath(local), each) for each in volumes.values())
    if simulated and not is_place and (sys.platform != "win32" or volumes):
        place = _find_by_name(path, volumes)
        if place is not None:
            return place
    st = _status(path, local)
    if simulated:
        return _find_local(local, st, volumes)
    return _find_windows(path, local, st)


def _status(path: str, local: str) -> os.stat_result:
    try:
        st = os.stat(local)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        detail = "does not exist" if missing else f"cannot be read: {reason(error)}"
        hint = ""
        if missing and sys.platform != "win32" and _is_windows_name(path):
            hint = f"; say which folder plays this volume: --volume '{path[:2]}\\=FOLDER'" if path[1:2] == ":" else ""
        raise CommandError(f"{shown(path)} {detail}{hint}") from error
    if not (stat.S_ISDIR(st.st_mode) or stat.S_ISREG(st.st_mode)):
        raise CommandError(f"{shown(path)} is neither a file nor a folder; only these can be backed up")
    return st


def _find_by_name(path: str, volumes: Mapping[str, str]) -> Place | None:
    """PATH as the name of something on one of the simulated volumes of --volume."""
    names = VolumeNames([name] for name in volumes)
    try:
        location = names.locate(path)
    except InvalidArgumentError:
        return None
    return None if location is None else _place(path, location, volumes)


def _spelling(folder: str, elements: Iterable[str], mark: str) -> list[str]:
    """The names as they are spelled on the disk: those of a Windows volume are found in any letter case."""
    found: list[str] = []
    for element in elements:
        try:
            names = sorted(os.listdir(os.path.join(folder, *found))) if mark == "\\" else []
        except OSError:
            names = []
        same = [name for name in names if name == element] or [name for name in names if fold(name) == fold(element)]
        found.append(same[0] if same else element)
    return found


def _place(path: str, location: Location, volumes: Mapping[str, str]) -> Place:
    folder = volumes[location.volume]
    local = os.path.join(folder, *_spelling(folder, location.elements, separator(location.volume)))
    st = _status(path, local)
    real = os.path.realpath(local)
    if not _within(real, folder):
        raise CommandError(f"{shown(path)} leads out of its volume, to {shown(real)}; name that place itself")
    inside = os.path.relpath(local, folder) if location.elements else ""
    real_inside = "" if real == folder else os.path.relpath(real, folder)
    mark = separator(location.volume)
    full = location.volume + inside.replace(os.sep, mark)
    if split(location.volume)[1]:
        full = full.rstrip(mark)  # a mounted folder; only a root's name ends in a separator
    return Place(full, location.volume, real_inside, stored_as(full), local, stat.S_ISDIR(st.st_mode))


def _find_local(local: str, st: os.stat_result, volumes: dict[str, str]) -> Place:
    """PATH as a place on this machine: in a folder that plays a volume, else a volume by itself."""
    real = os.path.realpath(local)
    homes = [(folder, name) for name, folder in volumes.items() if _within(real, folder)]
    if homes:
        folder, name = max(homes, key=lambda home: len(home[0]))
        inside = "" if real == folder else os.path.relpath(real, folder)
        return _place(local, Location(name, tuple(inside.split(os.sep)) if inside else ()), volumes)
    is_folder = stat.S_ISDIR(st.st_mode)
    home = local if is_folder else os.path.dirname(local)
    volumes[volume_name(home)] = os.path.realpath(home)
    inside = "" if is_folder else os.path.basename(real)
    if not is_folder and os.path.dirname(real) != os.path.realpath(home):
        raise CommandError(f"{shown(local)} is a link to {shown(real)}; name that file itself")
    return Place(local, volume_name(home), inside, stored_as(local), local, is_folder)


def _merge(places: list[Place], used: dict[str, str], given: Mapping[str, str]) -> tuple[list[Place], dict[str, str]]:
    """Drops the volumes that lie within another one: a file's folder may hold a folder that is a PATH too."""
    kept = {
        name: folder
        for name, folder in used.items()
        if name in given or not any(other != folder and _within(folder, other) for other in used.values())
    }
    merged = []
    for place in places:
        if place.volume not in kept:
            merged.append(_find_inside(place, kept))
        else:
            merged.append(place)
    return merged, kept


def _find_inside(place: Place, volumes: Mapping[str, str]) -> Place:
    real = os.path.realpath(place.local)
    folder, name = max(
        ((folder, name) for name, folder in volumes.items() if _within(real, folder)), key=lambda home: len(home[0])
    )
    return Place(place.path, name, os.path.relpath(real, folder), place.below, place.local, place.is_folder)


def _find_windows(path: str, local: str, st: os.stat_result) -> Place:
    """PATH on a real Windows: its volume is asked for, since a volume may be mounted in a folder."""
    if sys.platform == "win32":
        import ctypes

        real = os.path.realpath(local)
        buffer = ctypes.create_unicode_buffer(32768)
        kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
        if not kernel32.GetVolumePathNameW(ctypes.c_wchar_p(real), buffer, ctypes.c_uint32(len(buffer))):
            why = ctypes.FormatError(ctypes.get_last_error()).strip()
            raise CommandError(f"{shown(path)}: its volume is not known: {why}")
        volume = volume_name(buffer.value)
        if volume.startswith("\\\\") and not volume.startswith("\\\\?\\"):
            raise CommandError(f"{shown(path)} is on a network share; run the backup on the server that has it")
        inside = "" if len(real) < len(volume) else real[len(volume) :]
        return Place(local, volume, inside, stored_as(local), local, stat.S_ISDIR(st.st_mode))
    else:
        raise CommandError("the windows backend exists on Windows only; leave --backend out to use the simulator")
