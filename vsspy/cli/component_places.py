"""Where the components of --component lie: their volumes, which have to be in the set, and the folders that their files go to below DIR."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .. import filesets
from .._machine import Surroundings
from .._paths import Location, fold, separator, split, stored_as
from .._roots import shown
from ..errors import FileSetError
from ..selection import Rule, check_rule, resolve
from .errors import CommandError
from .places import DOCUMENTS, Place
from .staging import STAGING

if TYPE_CHECKING:
    from ..metadata import FileSet, WriterMetadata
    from ..selection import Inclusion

__all__ = ["ComponentPlaces", "check_replaceable", "find_components", "topmost"]


@dataclass(frozen=True, slots=True)
class ComponentPlaces:
    """Where components lie.

    Attributes:
        volumes: The volumes that they have files on.
        folders: The folders of their file sets, none within another one.
        unknown: Why paths of theirs mean nothing on this machine.
    """

    volumes: Sequence[str] = ()
    folders: Sequence[Place] = ()
    unknown: Sequence[str] = ()


def find_components(
    writers: Sequence[WriterMetadata], rules: Sequence[Rule], surroundings: Surroundings, directory: str | None
) -> ComponentPlaces:
    """Looks up what the rules select; what lies nowhere is left to the session to refuse.

    Args:
        directory: DIR, a full path; None where nothing is to be made.

    Raises:
        CommandError: DIR lies in such a folder, or a folder has vsspy's own name below DIR.
        ObjectNotFoundError, SelectionError: There is nothing that the rules select.
    """
    for rule in rules:
        check_rule(rule, writers)
    chosen = resolve(writers, rules, lambda component: None)
    volumes: dict[str, None] = {}
    folders: dict[str, Place] = {}
    unknown: list[str] = []
    for location, file_set in _locations(chosen.inclusions, surroundings, volumes, unknown):
        place = _place(location, surroundings)
        if directory is not None:
            _check_target(place, file_set, directory)
        folders.setdefault(fold(place.below), place)
    return ComponentPlaces(list(volumes), topmost(folders.values()), unknown)


def _locations(
    inclusions: Iterable[Inclusion], surroundings: Surroundings, volumes: dict[str, None], unknown: list[str]
) -> Iterator[tuple[Location, FileSet]]:
    for inclusion in inclusions:
        for file_set in inclusion.file_sets:
            for path in (file_set.path, file_set.alternate_path):
                if path is None:
                    continue
                try:
                    found = filesets.locate(
                        replace(file_set, path=path), surroundings.volumes, surroundings.environment, ()
                    )
                except FileSetError as error:
                    unknown.append(str(error.detail))
                    continue
                volumes.update((location.volume, None) for location in found)
                if path is file_set.path:
                    yield from ((location, file_set) for location in found)


def _place(location: Location, surroundings: Surroundings) -> Place:
    """The folder as it is spelled on its volume, as far as it is there."""
    root = surroundings.live_roots()[location.volume].shadow
    mark = separator(location.volume)
    local = filesets.resolve(root, location.elements) if mark == "\\" else root + os.sep.join(location.elements)
    inside = local[len(root) :]
    path = location.volume + inside.replace(os.sep, mark)
    if split(location.volume)[1] or inside:
        path = path.rstrip(mark)  # only the name of a volume's root ends in a separator
    return Place(path, location.volume, inside, stored_as(path), local, True)


def _check_target(place: Place, file_set: FileSet, directory: str) -> None:
    target, local = os.path.realpath(directory), os.path.realpath(place.local)
    if file_set.recursive and (os.path.normcase(target) + os.sep).startswith(
        os.path.normcase(local).rstrip(os.sep) + os.sep
    ):
        raise CommandError(
            f"--to {shown(directory)} lies inside {shown(place.path)}, which a component has; choose a folder outside it"
        )
    if fold(place.below.split(os.sep)[0]) in {fold(DOCUMENTS), fold(STAGING)}:
        raise CommandError(
            f"{shown(place.path)} cannot be backed up: its name below DIR is taken by vsspy's own folder"
        )


def topmost(places: Iterable[Place]) -> list[Place]:
    """Those that lie in no other one, by their names below DIR."""
    kept: list[Place] = []
    for place in sorted(places, key=lambda place: len(place.below)):
        if not any(_is_in(place.below, other.below) for other in kept):
            kept.append(place)
    return sorted(kept, key=lambda place: place.path)


def _is_in(below: str, folder: str) -> bool:
    return (fold(below) + os.sep).startswith(fold(folder) + os.sep)


def check_replaceable(directory: str, folders: Sequence[Place], paths: Sequence[Place]) -> None:
    """Refuses to replace a folder of DIR that an earlier backup did not write whole: something else may be in it.

    Args:
        folders: Folders of components.
        paths: The PATHs, whose copies are replaced in any case.

    Raises:
        CommandError: There is such a folder.
    """
    written = [below for below in _written(directory) if not any(_is_in(below, place.below) for place in paths)]
    for folder in folders:
        if any(_is_in(folder.below, place.below) for place in paths):
            continue
        full = os.path.join(directory, folder.below)
        if not os.path.lexists(full):
            continue
        mine = any(_is_in(folder.below, below) for below in written)
        if not mine or any(_is_in(below, folder.below) and not _is_in(folder.below, below) for below in written):
            raise CommandError(
                f"{shown(full)} is there already, and a component's files go there: remove it, or choose another folder for the backup"
            )


def _written(directory: str) -> list[str]:
    """The names below DIR that an earlier backup wrote whole, as its report says."""
    try:
        with open(os.path.join(directory, DOCUMENTS, "report.json"), encoding="utf-8") as stream:
            report: Mapping[str, Any] = json.load(stream)
        return [str(place["below"]) for place in report["paths"]]
    except (OSError, ValueError, TypeError, KeyError):
        return []
