"""What DiskShadow's list commands print, in the form of the reference pages' examples (list-writers, list-providers)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from ..administration import writers

if TYPE_CHECKING:
    from .._properties import ProviderProperties, SnapshotProperties
    from ..metadata import FileSet, WriterMetadata
    from ..simulator import Machine

__all__ = ["provider_lines", "shadow_lines", "writer_lines"]


def shadow_lines(copies: Iterable[SnapshotProperties], aliases: Mapping[str, str]) -> Iterator[str]:
    """Shadow copies.

    Args:
        copies: which.
        aliases: names by ids in braces and lower case.
    """
    count = 0
    for count, copy in enumerate(copies, 1):
        snapshot, whole = f"{{{copy.snapshot_id}}}", f"{{{copy.snapshot_set_id}}}"
        yield f"* Shadow copy ID = {snapshot}" + (f" %{aliases[snapshot]}%" if snapshot in aliases else "")
        yield f"        - Shadow copy set: {whole}" + (f" %{aliases[whole]}%" if whole in aliases else "")
        yield f"        - Original count of shadow copies = {copy.snapshots_count}"
        yield f"        - Original volume name: {copy.original_volume}"
        yield f"        - Creation time: {copy.created:%Y-%m-%d %H:%M:%S} UTC"
        yield f"        - Shadow copy device name: {copy.device_object}"
        yield f"        - Originating machine: {copy.originating_machine}"
        yield f"        - Service machine: {copy.service_machine}"
        yield f"        - Exposed as {copy.exposed_name}" if copy.exposed_name else "        - Not exposed"
        yield f"        - Provider ID: {{{copy.provider_id}}}"
        yield f"        - Attributes: {str(copy.attributes).partition('.')[2].replace('|', ' ')}"
    yield f"Number of shadow copies listed: {count}"


def provider_lines(found: Iterable[ProviderProperties]) -> Iterator[str]:
    """Providers."""
    count = 0
    for count, each in enumerate(found, 1):
        yield f"* ProviderID: {{{each.provider_id}}}"
        yield f"        Type: [{int(each.type)}] VSS_PROV_{each.type.name}"
        yield f"        Name: {each.name}"
        yield f"        Version: {each.version}"
        yield f"        CLSID: {{{each.class_id}}}"
    yield f"{count} provider{'' if count == 1 else 's'} registered."


def writer_lines(kind: str, timeout: float, backend: Machine | str | None) -> Iterator[str]:
    """Writers.

    Args:
        kind: ``status``, ``metadata`` (components and excluded files too) or ``detailed`` (files too).
        timeout: seconds that writers may take to answer.
        backend: where.
    """
    found = writers(timeout=timeout, backend=backend)
    yield f"Listing writer {kind} ..."
    for writer, status in found:
        yield f"* WRITER {writer.name}"
        if status is not None:
            yield f"        - Status: {int(status.state)} (VSS_WS_{status.state.name})"
            yield f"        - Writer Failure code: 0x{int(status.failure):08x} ({status.failure_name})"
        yield f"        - Writer ID: {{{writer.writer_id}}}"
        yield f"        - Instance ID: {{{writer.instance_id}}}"
        if kind != "status":
            yield from _components(writer, files=kind == "detailed")
    yield f"{len(found)} writer{'' if len(found) == 1 else 's'} listed."


def _components(writer: WriterMetadata, *, files: bool) -> Iterator[str]:
    for component in writer.components:
        yield f"        + Component {writer.name}:\\{component.full_name}"
        yield f"                - Selectable: {str(component.selectable).upper()}"
        if files:
            for sets in (component.files, component.database_files, component.database_log_files):
                yield from (f"                - File: {_file(each)}" for each in sets)
    yield from (f"        - Excluded: {_file(each)}" for each in writer.exclude_files)


def _file(each: FileSet) -> str:
    return f"Path = {each.path}, Filespec = {each.filespec}, Recursive = {'yes' if each.recursive else 'no'}"
