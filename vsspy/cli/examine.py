"""`vsspy examine`: what saved documents say, on any platform."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import click

from .._cabinet import CabinetError, read_cabinet
from .._filecopy import reason
from .._roots import shown
from ..backup_document import BackupDocument
from ..errors import InvalidXmlDocumentError
from ..metadata import WriterMetadata
from .console import complain
from .errors import CommandError
from .examined import backup_facts, text, writer_facts
from .examined_text import print_backup, print_writer
from .main import guarded
from .report import as_json

__all__ = ["command"]

_LARGEST = 256 << 20  # bytes of one file; the documents of a server are some ten million


@click.command(name="examine", short_help="Show what saved documents of VSS say.")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option(
    "--all", "show_all", is_flag=True, help="Print every file set; without it the first ten of each component."
)
@click.option("--json", "as_json_text", is_flag=True, help="Print JSON on stdout.")
@guarded
def command(files: tuple[str, ...], show_all: bool, as_json_text: bool) -> int:
    """Show what saved documents of VSS say. This needs no VSS: it works on any platform.

    FILE is a Writer Metadata Document (what one writer would have backed up, and how it is restored), a Backup Components Document
    (what one backup saved), a metadata file of DiskShadow or `vsspy diskshadow` (.cab), or a folder with such files: DIR/vsspy of a
    backup, for example. Which one it is, the command finds out.

    Writers are named in a Backup Components Document by id only; give their own documents too to see their names.

    \b
    Examples:
      vsspy examine E:\\Backup\\vsspy
      vsspy examine backup-components.xml --json
      vsspy examine documents/SqlServerWriter.xml --all

    \b
    Exit codes:
      0    all were read
      1    some could not be read
      2    none could be read
    """
    found: list[tuple[str, WriterMetadata | BackupDocument]] = []
    errors: list[dict[str, str]] = []
    for name, data in _contents(files, errors):
        try:
            found.append((name, _read(data)))
        except InvalidXmlDocumentError as error:
            errors.append({"file": shown(name), "reason": str(text(error.detail or str(error)))})
    if not found and len(errors) == 1:
        raise CommandError(f"{errors[0]['file']}: {errors[0]['reason']}")
    facts = _facts(found)
    if not found:
        pass  # a command that ends with 2 prints no JSON
    elif as_json_text:
        click.echo(as_json({"documents": facts, "errors": errors}, ascii_only=True), nl=False)
    else:
        for number, each in enumerate(facts):
            click.echo("\n" if number else "", nl=False)
            print_writer(each, show_all) if each["kind"] == "writer-metadata" else print_backup(each)
    for problem in errors:
        complain(f"{problem['file']}: {problem['reason']}")
    return 0 if not errors else 1 if found else 2


def _facts(found: list[tuple[str, WriterMetadata | BackupDocument]]) -> list[dict[str, Any]]:
    writers = [document for _, document in found if isinstance(document, WriterMetadata)]
    facts: list[dict[str, Any]] = []
    for name, document in found:
        values: dict[str, Any] = {"file": shown(name), "kind": "writer-metadata", "writer": None, "backup": None}
        if isinstance(document, WriterMetadata):
            values["writer"] = writer_facts(document)
        else:
            values |= {"kind": "backup-components", "backup": backup_facts(document, writers)}
        facts.append(values)
    return facts


def _contents(files: tuple[str, ...], errors: list[dict[str, str]]) -> Iterator[tuple[str, bytes]]:
    """Each document's name and bytes: from files, from folders, out of cabinets."""
    for given in files:
        for path in _expanded(given, errors):
            try:
                with open(path, "rb") as stream:
                    data = stream.read(_LARGEST + 1)
            except OSError as error:
                errors.append({"file": shown(path), "reason": reason(error)})
                continue
            if len(data) > _LARGEST:
                errors.append({"file": shown(path), "reason": "it is too large for such a document"})
            elif data.startswith(b"MSCF"):
                yield from _unpacked(path, data, errors)
            else:
                yield path, data


def _expanded(given: str, errors: list[dict[str, str]]) -> list[str]:
    if not os.path.isdir(given):
        return [given]
    folders = [
        given,
        os.path.join(given, "writers"),
        os.path.join(given, "vsspy"),
        os.path.join(given, "vsspy", "writers"),
    ]
    try:
        paths = [
            os.path.join(folder, name)
            for folder in folders
            if os.path.isdir(folder)
            for name in sorted(os.listdir(folder))
            if name.lower().endswith(".xml") and name.lower() != "manifest.xml"  # DiskShadow's table of contents
        ]
    except OSError as error:
        errors.append({"file": shown(given), "reason": reason(error)})
        return []
    if not paths:
        errors.append({"file": shown(given), "reason": "the folder holds no document (*.xml)"})
    return paths


def _unpacked(path: str, data: bytes, errors: list[dict[str, str]]) -> Iterator[tuple[str, bytes]]:
    try:
        files = read_cabinet(data)
    except CabinetError as error:
        errors.append({"file": shown(path), "reason": f"the cabinet cannot be read: {text(str(error))}"})
        return
    for name, content in files.items():
        if name.lower().endswith(".xml") and name.lower() != "manifest.xml":
            yield f"{path}:{text(name)}", content


def _read(data: bytes) -> WriterMetadata | BackupDocument:
    """Whichever of the two documents it is.

    Raises:
        InvalidXmlDocumentError: neither, or a broken one.
    """
    try:
        return BackupDocument.from_xml(data)
    except InvalidXmlDocumentError as error:
        if "the root element is" not in (error.detail or ""):
            raise
        wrong_root = error
    try:
        return WriterMetadata.from_xml(data)
    except InvalidXmlDocumentError as error:
        if "the root element is" not in (error.detail or ""):
            raise
        detail = f"{(wrong_root.detail or '').partition(', not')[0]}: neither a Writer Metadata Document nor a Backup Components Document"
        raise InvalidXmlDocumentError(error.name, error.operation, detail=detail) from None
