"""Which files a backup has of each component: noted while they are found, written as `vsspy/files.json` when they are copied."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator, Sequence
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .._roots import Root
    from ..session import SelectedComponent
    from .copy_result import Parts

__all__ = ["FileList"]

_MEMORY: Final = 8 << 20  # bytes, until the notes go to a temporary file


class FileList:
    """The files of the components that a backup is of. Names stay what they are, lone surrogates included: JSON in ASCII keeps them."""

    def __init__(self) -> None:
        self._notes = SpooledTemporaryFile(max_size=_MEMORY, mode="w+", encoding="ascii")  # noqa: SIM115 - closed by close()
        self._components: Sequence[SelectedComponent] = ()
        self._numbers: dict[int, int] = {}

    def close(self) -> None:
        """Lets the notes go."""
        self._notes.close()

    def begin(self, components: Sequence[SelectedComponent]) -> None:
        """Says which components the files belong to."""
        self._components = components
        self._numbers = {id(each): number for number, each in enumerate(components)}

    def add(self, path: str, stored: str, in_tree: bool, owners: Sequence[SelectedComponent]) -> None:
        """Notes a file.

        Args:
            path: Its live name.
            stored: Its name below DIR.
            in_tree: Whether it comes with a PATH.
        """
        self._notes.write(json.dumps([path, stored, in_tree, [self._numbers[id(each)] for each in owners]]) + "\n")

    def not_copied(self, target: Root) -> Iterator[tuple[str, list[SelectedComponent]]]:
        """The files of components that come with a PATH, and did not."""
        for path, stored, in_tree, owners in self._all():
            if in_tree and not target.exists(stored):
                yield path, [self._components[number] for number in owners]

    def lines(self, target: Root, partial: Sequence[Parts]) -> Iterator[str]:
        """The text of files.json, with the kinds and sizes that the files in *target* have. What is not in it failed, which is told."""
        yield '{\n"components": [\n'
        for number, each in enumerate(self._components):
            facts = {
                "writer_id": str(each.writer.writer_id),
                "instance_id": str(each.writer.instance_id),
                "type": each.metadata.type.name,
                "logical_path": each.metadata.logical_path,
                "name": each.metadata.name,
            }
            yield (",\n" if number else "") + json.dumps(facts)
        yield '\n],\n"files": [\n'
        comma = ""
        for path, stored, _, owners in self._all():
            try:
                status = target.lstat(stored)
            except (FileNotFoundError, NotADirectoryError):
                continue
            size = None if stat.S_ISLNK(status.st_mode) else status.st_size
            yield comma + json.dumps([path, size, owners])
            comma = ",\n"
        yield '\n],\n"partial_files": [\n'
        comma = ""
        for part in partial:
            yield comma + json.dumps([part.path, [[each.offset, each.length] for each in part.ranges]])
            comma = ",\n"
        yield "\n]\n}\n"

    def _all(self) -> Iterator[tuple[str, str, bool, list[int]]]:
        self._notes.seek(0)
        for line in self._notes:
            path, stored, in_tree, owners = json.loads(line)
            yield path, stored, in_tree, owners
