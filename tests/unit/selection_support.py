"""Writers described in a few words, as their documents describe them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID
from xml.sax.saxutils import quoteattr

from vsspy.metadata import ComponentMetadata, WriterMetadata
from vsspy.selection import Selection

NAMESPACE = "x-schema:#VssWriterMetadataInfo"
Described = tuple[str, bool]  # full name, selectable


def writer(
    components: Sequence[Described],
    name: str = "Demo Writer",
    number: int = 1,
    instance_name: str = "",
    inside: str | Mapping[str, str] = "",
    instance: int | None = None,
) -> WriterMetadata:
    """A writer with these components; *inside* goes into each of them, or by full name into some."""
    groups = []
    for full_name, selectable in components:
        path, _, leaf = full_name.rpartition("\\")
        logical = f"logicalPath={quoteattr(path)} " if path else ""
        more = inside if isinstance(inside, str) else inside.get(full_name, "")
        groups.append(
            f'<FILE_GROUP {logical}componentName={quoteattr(leaf)} restoreMetadata="no" notifyOnBackupComplete="no" '
            f'selectable="{"yes" if selectable else "no"}" selectableForRestore="no" componentFlags="0">{more}</FILE_GROUP>'
        )
    called = f"instanceName={quoteattr(instance_name)} " if instance_name else ""
    return WriterMetadata.from_xml(
        f'<WRITER_METADATA xmlns="{NAMESPACE}" version="1.2"><IDENTIFICATION writerId="{UUID(int=number)}" '
        f'instanceId="{UUID(int=1000 + (number if instance is None else instance))}" {called}friendlyName={quoteattr(name)} '
        f'usage="USER_DATA" dataSource="OTHER" majorVersion="1" minorVersion="0"/><BACKUP_LOCATIONS>{"".join(groups)}'
        "</BACKUP_LOCATIONS></WRITER_METADATA>"
    )


def depends_on(number: int, full_name: str) -> str:
    """The element of a component that depends on another one, of the writer with this number."""
    path, _, leaf = full_name.rpartition("\\")
    logical = f"logicalPath={quoteattr(path)} " if path else ""
    return f'<DEPENDENCY writerId="{UUID(int=number)}" {logical}componentName={quoteattr(leaf)}/>'


def everywhere(component: ComponentMetadata) -> str | None:
    return None


def missing(*names: str) -> Callable[[ComponentMetadata], str | None]:
    return lambda component: "its volume is missing" if component.full_name in names else None


def explicit(chosen: Selection) -> list[str]:
    return [inclusion.component.full_name for inclusion in chosen.inclusions]


def included(chosen: Selection) -> set[str]:
    return {c.full_name for each in chosen.inclusions for c in (each.component, *each.implicit)}
