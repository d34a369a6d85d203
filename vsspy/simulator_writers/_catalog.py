"""Files and a catalog that lists them: a change writes a file first, then its entry, and only both together are right.

The catalog has a line for each file (name, version, CRC-32 of the content) and its own CRC-32 in the end. The form is
made up.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator, Sequence
from os import PathLike, fspath
from pathlib import Path

from ._pages import InconsistentDataError


def _content(name: str, version: int) -> bytes:
    return f"{name} version {version}\r\n".encode() * 16


def _line(name: str, version: int, content: bytes) -> str:
    return f"{name}|{version}|{zlib.crc32(content):08x}\n"


def check_catalog(catalog: str | PathLike[str], root: str | PathLike[str]) -> dict[str, int]:
    """Proves files consistent with the catalog that lists them, from what is in both.

    Args:
        catalog: the catalog.
        root: the folder that the names in it belong to.

    Returns:
        The version of each file, by its name with ``/``.

    Raises:
        InconsistentDataError: they are not; it says what is wrong.
        OSError: a file cannot be read.
    """
    text = Path(fspath(catalog)).read_bytes()
    body, _, seal = text.rstrip(b"\n").rpartition(b"\n")
    body += b"\n"
    if seal != f"{zlib.crc32(body):08x}".encode():
        raise InconsistentDataError(f"{catalog} is damaged")
    versions = {}
    for line in body.decode().splitlines():
        name, version, checksum = line.split("|")
        content = Path(fspath(root)).joinpath(*name.split("/")).read_bytes()
        if f"{zlib.crc32(content):08x}" != checksum:
            raise InconsistentDataError(f"{name} is not the version {version} that {catalog} lists")
        versions[name] = int(version)
    return versions


class CatalogStore:
    """Files that are replaced one after the other, and their catalog.

    Args:
        catalog: the catalog.
        root: the folder that names belong to.
        names: the files, with ``/``.
    """

    def __init__(self, catalog: Path, root: Path, names: Sequence[str]) -> None:
        self.catalog = catalog
        self.root = root
        self.names = names
        self._versions: dict[str, int] = {}
        self._turn = 0

    def open(self) -> None:
        """Make the files where there are none, and read the catalog."""
        if not self.catalog.exists():
            self._versions = dict.fromkeys(self.names, 1)
            for name in self.names:
                self._write(name, 1)
            self._list()
        self.attach()

    def attach(self) -> None:
        """Take the files as they are now; where they do not fit they are made anew, as an installer repairs them."""
        try:
            self._versions = check_catalog(self.catalog, self.root)
        except (InconsistentDataError, FileNotFoundError):
            self._versions = {name: self._versions.get(name, 0) + 1 for name in self.names}
            for name, version in self._versions.items():
                self._write(name, version)
            self._list()

    def transaction(self) -> Generator[None, None, None]:
        """Replaces one file; stops where the catalog is still to be written."""
        name = self.names[self._turn % len(self.names)]
        self._turn += 1
        self._versions[name] += 1
        self._write(name, self._versions[name])
        yield
        self._list()

    def _write(self, name: str, version: int) -> None:
        path = self.root.joinpath(*name.split("/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_content(name, version))

    def _list(self) -> None:
        lines = "".join(_line(name, version, _content(name, version)) for name, version in self._versions.items())
        self.catalog.parent.mkdir(parents=True, exist_ok=True)
        self.catalog.write_bytes(lines.encode() + f"{zlib.crc32(lines.encode()):08x}\n".encode())
