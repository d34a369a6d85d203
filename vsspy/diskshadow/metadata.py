"""The metadata file of DiskShadow: a cabinet with the documents of a shadow copy set, its aliases, and a table of contents.

What is in it was seen in a file that Windows Server 2012 R2 made (vss_xml 5): ``BCDocument.xml``, ``WM0.xml`` and so on for each writer,
``Manifest.xml`` in UTF-16 without a mark, and a log.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self
from uuid import UUID
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from .._cabinet import CabinetError, read_cabinet, write_cabinet
from ..backup_document import BackupDocument
from ..errors import VssError
from ..metadata import WriterMetadata

if TYPE_CHECKING:
    from .._properties import SnapshotProperties

__all__ = ["Metadata"]

_MANIFEST, _DOCUMENT, _LOG = "Manifest.xml", "BCDocument.xml", "vsspy.log"
_LARGEST = 256 << 20


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a metadata file holds.

    Attributes:
        document: the Backup Components Document; None for a set that was made without writers.
        writers: the Writer Metadata Documents of the gather.
        aliases: the aliases, each the id of a shadow copy or of a set in braces, or any text.
    """

    document: str | None
    writers: Sequence[WriterMetadata] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, path: str) -> Self:
        """Read one, of vsspy or of DiskShadow itself.

        Args:
            path: where it is.

        Raises:
            OSError: it cannot be read.
            ValueError: it is no such file; the text says why.
        """
        with open(path, "rb") as stream:
            data = stream.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise ValueError("it is too large for a metadata file")
        files = {name.rpartition("\\")[2].casefold(): content for name, content in read_cabinet(data).items()}
        manifest = files.get(_MANIFEST.casefold())
        if manifest is None:
            raise CabinetError(f"it holds no {_MANIFEST}")
        raw = files.get(_DOCUMENT.casefold())
        try:
            document = None if raw is None else _text(raw)
            if raw is not None:
                BackupDocument.from_xml(raw)
            writers = [
                WriterMetadata.from_xml(content)
                for name, content in files.items()
                if name.startswith("wm") and name.endswith(".xml")
            ]
        except VssError as error:
            raise CabinetError(f"a document in it is broken: {error}") from error
        return cls(document, writers, _aliases(manifest))

    def save(self, path: str, set_id: UUID, copies: Sequence[SnapshotProperties], names: Mapping[UUID, str]) -> None:
        """Write one; a file that is there is replaced, whole or not at all.

        Args:
            path: where.
            set_id: the set.
            copies: its shadow copies.
            names: the volume of each by the shadow copy's id.

        Raises:
            OSError: it cannot be written.
        """
        files: dict[str, bytes] = {}
        if self.document is not None:
            files[_DOCUMENT] = self.document.encode("utf-8")
        for number, writer in enumerate(self.writers):
            files[f"WM{number}.xml"] = writer.to_xml().encode("utf-8", "backslashreplace")
        files[_MANIFEST] = self._manifest(set_id, copies, names).encode("utf-16-le", "surrogatepass")
        files[_LOG] = b"Written by vsspy.\r\n"
        folder = os.path.dirname(os.path.abspath(path))
        descriptor, staged = tempfile.mkstemp(dir=folder, suffix=".tmp")
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(write_cabinet(files))
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(staged, path)
        except BaseException:
            os.unlink(staged)
            raise

    def _manifest(self, set_id: UUID, copies: Sequence[SnapshotProperties], names: Mapping[UUID, str]) -> str:
        by_value = {value.casefold(): name for name, value in self.aliases.items()}

        def element(name: str, inside: str = "", **attributes: str) -> str:
            written = "".join(f" {key} = {_quoted(value)}" for key, value in attributes.items())
            return f"<{name}{written} >{inside}</{name}>"

        machine = copies[0].originating_machine if copies else ""
        shadows = "".join(
            element(
                "ShadowCopy",
                GUID=f"{{{copy.snapshot_id}}}",
                Alias=by_value.get(f"{{{copy.snapshot_id}}}", ""),
                OriginalVolume=names.get(copy.snapshot_id, copy.original_volume),
                Provider=f"{{{copy.provider_id}}}",
            )
            for copy in copies
        )
        writers = "".join(
            element("Writer", Name=writer.name.replace(" ", "%s"), MetadataFile=f"WM{number}.xml")
            for number, writer in enumerate(self.writers)
        )
        parts = [element("ShadowCopySet", shadows, GUID=f"{{{set_id}}}", MachineName=machine)]
        if self.document is not None:
            parts.append(element("BackupComponents", File=_DOCUMENT))
        aliases = "".join(element("Alias", Name=name, Value=value) for name, value in self.aliases.items())
        parts += [
            element("Aliases", aliases),
            element("Writers", writers, Count=str(len(self.writers))),
            element("Logfile", Name=_LOG),
        ]
        return element("Manifest", "".join(parts))


def _quoted(value: str) -> str:
    """An attribute's value in single quotes, as DiskShadow writes them."""
    return "'" + escape(value, {"'": "&apos;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}) + "'"


def _text(data: bytes) -> str:
    for encoding, mark in (("utf-8-sig", b""), ("utf-16", b"\xff\xfe"), ("utf-16", b"\xfe\xff")):
        if mark and not data.startswith(mark):
            continue
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise CabinetError("a document in it is in no known encoding")


def _aliases(manifest: bytes) -> dict[str, str]:
    wide = manifest[:2] in {b"\xff\xfe", b"<\0"}
    text = manifest.decode("utf-16-le" if wide else "utf-8", "replace").removeprefix("\ufeff")
    if "<!" in text:
        raise CabinetError(f"{_MANIFEST} has a declaration, which none of DiskShadow's has")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise CabinetError(f"{_MANIFEST} cannot be read: {error}") from None
    return {each.get("Name", ""): each.get("Value", "") for each in root.iter("Alias") if each.get("Name")}
