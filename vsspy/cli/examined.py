"""What a saved document says, as values that JSON knows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

from .._component_tree import ComponentTree
from .._roots import shown
from ..backup_document import BackupDocument, SavedComponent, SavedWriter
from ..enums import FileSpecBackupType
from ..metadata import ComponentMetadata, FileSet, RestoreMethodInfo, WriterMetadata
from .values import flag_names, word

__all__ = ["backup_facts", "text", "writer_facts"]

_TYPES = {"full": 0x1, "differential": 0x2, "incremental": 0x4, "log": 0x8}  # the masks' bits (semantics 9.5)


def text(value: str | None) -> str | None:
    """A text of a document for JSON and for a terminal: what is not printable is escaped, or it could steer the terminal."""
    if value is None:
        return None
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in shown(value))


def _types(mask: FileSpecBackupType, shift: int) -> list[str]:
    return [name for name, bit in _TYPES.items() if mask & (bit << shift)]


def _set_facts(files: FileSet) -> dict[str, Any]:
    return {
        "path": text(files.path),
        "filespec": text(files.filespec),
        "recursive": files.recursive,
        "alternate_path": text(files.alternate_path),
    }


def _file_set_facts(kind: str, files: FileSet) -> dict[str, Any]:
    return {
        "kind": kind,
        **_set_facts(files),
        "backup_required": _types(files.backup_type, 0),
        "snapshot_required": _types(files.backup_type, 8),
        "created_during_backup": bool(files.backup_type & FileSpecBackupType.CREATED_DURING_BACKUP),
    }


def _restore_facts(method: RestoreMethodInfo | None) -> dict[str, Any] | None:
    if method is None:
        return None
    return {
        "method": word(method.method),
        "service": text(method.service),
        "user_procedure": text(method.user_procedure),
        "writer_restore": word(method.writer_restore),
        "reboot_required": method.reboot_required,
        "alternate_location_mappings": [_set_facts(each) for each in method.alternate_location_mappings],
    }


def _component_facts(component: ComponentMetadata, tree: ComponentTree, index: int) -> dict[str, Any]:
    above = tree.selectable_ancestors(index)
    kinds = (
        ("files", component.files),
        ("database", component.database_files),
        ("log", component.database_log_files),
    )
    return {
        "name": text(component.name),
        "logical_path": text(component.logical_path or None),
        "full_name": text(component.full_name),
        "type": word(component.type),
        "caption": text(component.caption),
        "selectable": component.selectable,
        "selectable_for_restore": component.selectable_for_restore,
        "mandatory": tree.is_mandatory(index),
        "comes_with": text(tree.components[above[0]].full_name) if above else None,
        "restore_metadata": component.restore_metadata,
        "notify_on_backup_complete": component.notify_on_backup_complete,
        "flags": flag_names(component.flags),
        "icon_bytes": len(component.icon),
        "file_sets": [_file_set_facts(kind, each) for kind, sets in kinds for each in sets],
        "dependencies": [
            {
                "writer_id": str(each.writer_id),
                "logical_path": text(each.logical_path or None),
                "component_name": text(each.component_name),
            }
            for each in component.dependencies
        ],
    }


def writer_facts(writer: WriterMetadata) -> dict[str, Any]:
    """What a Writer Metadata Document says."""
    tree = ComponentTree(writer.components)
    return {
        "name": text(writer.name),
        "id": str(writer.writer_id),
        "instance_id": str(writer.instance_id),
        "instance_name": text(writer.instance_name),
        "usage": word(writer.usage),
        "source": word(writer.source),
        "version": f"{writer.version[0]}.{writer.version[1]}",
        "backup_schema": flag_names(writer.backup_schema),
        "restore_method": _restore_facts(writer.restore_method),
        "components": [_component_facts(each, tree, index) for index, each in enumerate(tree.components)],
        "exclude_files": [_set_facts(each) for each in writer.exclude_files],
        "exclude_files_from_snapshot": [_set_facts(each) for each in writer.exclude_files_from_snapshot],
    }


def _plain(value: Any) -> Any:
    """One of the small structures of a component."""
    return {
        field.name: text(found) if isinstance(found := getattr(value, field.name), str) else found
        for field in dataclasses.fields(value)
    }


def _saved_facts(component: SavedComponent) -> dict[str, Any]:
    failure, forward = component.failure, component.roll_forward
    return {
        "name": text(component.name),
        "logical_path": text(component.logical_path or None),
        "full_name": text(component.full_name),
        "type": word(component.type),
        "backup_succeeded": component.backup_succeeded,
        "backup_stamp": text(component.backup_stamp),
        "previous_backup_stamp": text(component.previous_backup_stamp),
        "backup_options": text(component.backup_options),
        "backup_metadata": text(component.backup_metadata),
        "partial_files": [_plain(each) for each in component.partial_files],
        "differenced_files": [
            {
                **_set_facts(FileSet(each.path, each.filespec, each.recursive)),
                "last_modify_time": each.last_modify_time.isoformat() if each.last_modify_time else None,
                "last_modify_filetime": each.last_modify_filetime,
            }
            for each in component.differenced_files
        ],
        "prepare_for_backup_failure_message": text(component.prepare_for_backup_failure_message),
        "post_snapshot_failure_message": text(component.post_snapshot_failure_message),
        "failure": None
        if failure is None
        else {
            "code": int(failure.hresult),
            "name": failure.name,
            "application_code": int(failure.application_hresult),
            "application_message": text(failure.application_message),
        },
        "selected_for_restore": component.selected_for_restore,
        "restore_instance_id": str(component.restore_instance_id) if component.restore_instance_id else None,
        "additional_restores": component.additional_restores,
        "restore_options": text(component.restore_options),
        "restore_metadata": text(component.restore_metadata),
        "restore_target": word(component.restore_target) if component.restore_target is not None else None,
        "restore_name": text(component.restore_name),
        "authoritative_restore": component.authoritative_restore,
        "roll_forward": {"type": word(forward.type), "point": text(forward.point)} if forward is not None else None,
        "file_restore_status": word(component.file_restore_status)
        if component.file_restore_status is not None
        else None,
        "alternate_location_mappings": [_set_facts(each) for each in component.alternate_location_mappings],
        "new_targets": [_set_facts(each) for each in component.new_targets],
        "directed_targets": [_plain(each) for each in component.directed_targets],
        "restore_subcomponents": [_plain(each) for each in component.restore_subcomponents],
        "pre_restore_failure_message": text(component.pre_restore_failure_message),
        "post_restore_failure_message": text(component.post_restore_failure_message),
    }


def _saved_writer_facts(writer: SavedWriter, names: Mapping[UUID, str]) -> dict[str, Any]:
    return {
        "name": text(names.get(writer.writer_id)),
        "id": str(writer.writer_id),
        "instance_id": str(writer.instance_id),
        "instance_name": text(writer.instance_name),
        "backup_schema": flag_names(writer.backup_schema),
        "components": [_saved_facts(each) for each in writer.components],
    }


def _set_descriptions(elements: Iterable[str]) -> list[dict[str, Any]]:
    """Of a transportable set: what another computer needs in order to import it (vss_xml 3.8). Only ids are known there."""
    found = []
    for element in elements:
        root = ElementTree.fromstring(element)  # our own reader's canonical text: no DTD, no entities, bounded depth
        if root.tag.rpartition("}")[2] == "SNAPSHOT_SET_DESCRIPTION":
            copies = [each for each in root if each.tag.rpartition("}")[2] == "SNAPSHOT_DESCRIPTION"]
            found.append(
                {
                    "snapshot_set_id": text(root.get("snapshotSetId")),
                    "snapshot_ids": [text(each.get("snapshotId")) for each in copies],
                }
            )
    return found


def backup_facts(document: BackupDocument, writers: Sequence[WriterMetadata]) -> dict[str, Any]:
    """What a Backup Components Document says; the writers' names come from their own documents, where those are given."""
    names = {writer.writer_id: writer.name for writer in writers}
    return {
        "backup_type": word(document.backup_type),
        "select_components": document.select_components,
        "bootable_system_state": document.bootable_system_state,
        "partial_file_support": document.partial_file_support,
        "snapshot_set_id": str(document.snapshot_set_id) if document.snapshot_set_id else None,
        "restore_type": word(document.restore_type),
        "writers": [_saved_writer_facts(each, names) for each in document.writers],
        "snapshot_set_descriptions": _set_descriptions(document.other_elements),
    }
