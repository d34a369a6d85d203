"""What a backup says that it saved of each component, and whether that is still there."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from . import filesets
from ._paths import fold, separator, stored_as
from ._roots import shown
from ._safe_folders import SafeFolder, SafeRoot, is_elsewhere
from .enums import ComponentType
from .errors import UnsafePathError
from .ranges import Range, check_ranges

if TYPE_CHECKING:
    from uuid import UUID

__all__ = ["FileList", "parsed_ranges"]

_Key = tuple[str, str, str, str]
_File = tuple[str, "int | None"]


class FileList:
    """The contents of a backup's ``vsspy/files.json``.

    Args:
        values: as JSON gave them.

    Attributes:
        partial: the files of which the backup has parts only, by their live names, and the parts.

    Raises:
        ValueError, TypeError, KeyError, RangesError, FileSetError: it is damaged.
    """

    def __init__(self, values: Any) -> None:
        if not isinstance(values, dict):
            raise TypeError("it is no object")
        keys = [_key_of(each) for each in _list(values["components"])]
        self._names = {key: _full_name(each) for key, each in zip(keys, values["components"], strict=True)}
        self._files: dict[_Key, list[_File]] = {key: [] for key in keys}
        for path, size, owners in map(_list, _list(values["files"])):
            if type(size) is not int and size is not None:
                raise TypeError(f"the size of {_text(path)} is no number")
            stored_as(_text(path))
            for number in _list(owners):
                if type(number) is not int or not 0 <= number < len(keys):
                    raise ValueError(f"there is no component {number!r}")
                self._files[keys[number]].append((path, size))
        parts = [_list(each) for each in _list(values["partial_files"])]
        self.partial: Mapping[str, tuple[Range, ...]] = {_text(path): parsed_ranges(pairs) for path, pairs in parts}
        for path in self.partial:
            stored_as(path)

    def damage(
        self,
        root: SafeRoot,
        writer_id: UUID,
        kind: ComponentType,
        logical_path: str | None,
        name: str,
        only: Callable[[str], bool] | None,
    ) -> str | None:
        """What of a component is missing below *root* or changed, in words; None: all of it is there as it was.

        Args:
            only: says of a file whether it counts.
        """
        found = self._files.get(_key(str(writer_id), kind.name, logical_path, name))
        if found is None:
            return "the backup's list of files does not have it"
        return _damage(root, found if only is None else [each for each in found if only(each[0])])

    def all_damage(self, root: SafeRoot) -> Iterator[str]:
        """As ``damage`` for each component, with its name."""
        for key, files in self._files.items():
            if why := _damage(root, files):
                yield f"{self._names[key]}: {why}"


def parsed_ranges(pairs: Any) -> tuple[Range, ...]:
    """Ranges as JSON has them. Raises ValueError, TypeError or RangesError for what is none."""
    found = []
    for pair in _list(pairs):
        offset, length = _list(pair)
        if type(offset) is not int or type(length) is not int:
            raise ValueError("ranges are no numbers")
        found.append(Range(offset, length))
    return check_ranges(found)


def _damage(root: SafeRoot, files: list[_File]) -> str | None:
    troubles = 0
    first = ""
    for path, why in _look(root, files):
        if why is not None:
            troubles += 1
            first = first or f"{shown(path)} {why}"
    if not troubles:
        return None
    return f"the backup has only {len(files) - troubles} of its {len(files)} files: {first}"


def _look(root: SafeRoot, files: Iterable[_File]) -> Iterator[tuple[str, str | None]]:
    """Each file, and what is wrong with it; files of one folder come together, so that it is opened once."""
    with ExitStack() as stack:
        parent: tuple[str, ...] | None = None
        here: SafeFolder | None = None
        known: dict[str, str] | None = None
        why_not = ""
        for path, size in files:
            elements = stored_as(path).split(os.sep)
            folds = separator(path) == "\\"
            try:
                root.check(elements)
                if tuple(elements[:-1]) != parent:
                    stack.close()
                    parent, here, known, why_not = tuple(elements[:-1]), None, None, "is missing"
                    try:
                        here, _ = stack.enter_context(root.folder(_spelled(root, parent) if folds else parent))
                    except UnsafePathError as error:
                        why_not = f"is missing: {error.detail}"
                if here is None:
                    yield path, why_not
                    continue
                status = here.status(elements[-1])
                if status is None and folds:
                    if known is None:
                        known = {fold(name): name for name in here.names()}
                    status = here.status(known.get(fold(elements[-1]), elements[-1]))
                yield path, _why(status, size)
            except FileNotFoundError:
                yield path, "is missing"
            except OSError as error:
                yield path, f"cannot be looked up: {error.strerror or error}"
            except UnsafePathError as error:
                yield path, f"is missing: {error.detail}"


def _spelled(root: SafeRoot, elements: tuple[str, ...]) -> list[str]:
    """A folder's path in the letter case that it has; looking it up does not enter anything."""
    head = root.path.rstrip(os.sep) + os.sep
    return [each for each in filesets.resolve(head, elements)[len(head) :].split(os.sep) if each]


def _why(status: os.stat_result | None, size: int | None) -> str | None:
    if status is None:
        return "is missing"
    if size is None:
        return None if is_elsewhere(status) else "is no link any more"
    if is_elsewhere(status):
        return "is a link now"
    if not stat.S_ISREG(status.st_mode):
        return "is no file any more"
    return None if status.st_size == size else f"has {status.st_size} bytes instead of {size}"


def _key(writer_id: str, kind: str, logical_path: str | None, name: str) -> _Key:
    return writer_id.lower(), kind, fold(logical_path or ""), fold(name)


def _key_of(value: Any) -> _Key:
    path = value["logical_path"]
    return _key(
        _text(value["writer_id"]), _text(value["type"]), None if path is None else _text(path), _text(value["name"])
    )


def _full_name(value: Any) -> str:
    path, name = value["logical_path"], value["name"]
    return f"{path}\\{name}" if path else str(name)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{str(value)[:40]!r} is no text")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{str(value)[:40]!r} is no list")
    return value
