"""The text of a Writer Metadata Document for a writer that is described in Python (vss_xml.md section 2)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from uuid import UUID

from ._xml_text import xml_element
from .enums import BackupSchema, ComponentType, RestoreMethod, SourceType, UsageType, WriterRestore
from .metadata import ComponentMetadata, FileSet, RestoreMethodInfo

_USAGE = {
    UsageType.BOOTABLESYSTEMSTATE: "BOOTABLE_SYSTEM_STATE",
    UsageType.SYSTEMSERVICE: "SYSTEM_SERVICE",
    UsageType.USERDATA: "USER_DATA",
    UsageType.OTHER: "OTHER",
}
_SOURCE = {
    SourceType.TRANSACTEDDB: "TRANSACTION_DB",
    SourceType.NONTRANSACTEDDB: "NONTRANSACTED_DB",
    SourceType.OTHER: "OTHER",
}
_METHOD = {
    RestoreMethod.RESTORE_IF_NOT_THERE: "RESTORE_IF_NOT_THERE",
    RestoreMethod.RESTORE_IF_CAN_REPLACE: "RESTORE_IF_CAN_BE_REPLACED",
    RestoreMethod.STOP_RESTORE_START: "STOP_RESTORE_START",
    RestoreMethod.RESTORE_TO_ALTERNATE_LOCATION: "RESTORE_TO_ALTERNATE_LOCATION",
    RestoreMethod.RESTORE_AT_REBOOT: "REPLACE_AT_REBOOT",
    RestoreMethod.RESTORE_AT_REBOOT_IF_CANNOT_REPLACE: "REPLACE_AT_REBOOT_IF_CANNOT_REPLACE",
    RestoreMethod.CUSTOM: "CUSTOM",
    RestoreMethod.RESTORE_STOP_START: "RESTORE_STOP_START",
}
_WRITER_RESTORE = {
    WriterRestore.NEVER: "never",
    WriterRestore.IF_REPLACE_FAILS: "if_replace_fails",
    WriterRestore.ALWAYS: "always",
}


def write_document(
    *,
    name: str,
    writer_id: UUID,
    instance_id: UUID,
    instance_name: str | None,
    usage: UsageType,
    source: SourceType,
    version: tuple[int, int],
    backup_schema: BackupSchema,
    restore_method: RestoreMethodInfo | None,
    components: Sequence[ComponentMetadata],
    exclude_files: Sequence[FileSet],
    exclude_files_from_snapshot: Sequence[FileSet],
) -> str:
    """Write the document in the canonical form of vss_xml.md 4.6. Raises ``KeyError`` for an undefined enum value."""
    parts = [
        xml_element(
            "IDENTIFICATION",
            writerId=str(writer_id),
            instanceId=str(instance_id),
            instanceName=instance_name,
            friendlyName=name,
            usage=_USAGE[usage],
            dataSource=_SOURCE[source],
            majorVersion=version[0],
            minorVersion=version[1],
        )
    ]
    if restore_method is not None:
        parts.append(_restore_method(restore_method))
    locations = [_component(component) for component in components]
    for element, file_sets in (
        ("EXCLUDE_FILES", exclude_files),
        ("EXCLUDE_FILES_FROM_SNAPSHOT", exclude_files_from_snapshot),
    ):
        locations += [xml_element(element, path=s.path, filespec=s.filespec, recursive=s.recursive) for s in file_sets]
    if locations:
        parts.append(xml_element("BACKUP_LOCATIONS", locations))
    return xml_element(
        "WRITER_METADATA",
        parts,
        xmlns="x-schema:#VssWriterMetadataInfo",
        version="1.2",
        backupSchema=int(backup_schema) or None,
    )


def _restore_method(method: RestoreMethodInfo) -> str:
    mappings = [
        xml_element(
            "ALTERNATE_LOCATION_MAPPING",
            path=each.path,
            filespec=each.filespec,
            recursive=each.recursive,
            alternatePath=each.alternate_path,
        )
        for each in method.alternate_location_mappings
    ]
    return xml_element(
        "RESTORE_METHOD",
        mappings,
        method=_METHOD[method.method],
        writerRestore=_WRITER_RESTORE[method.writer_restore],
        rebootRequired=method.reboot_required,
        service=method.service,
        userProcedure=method.user_procedure,
    )


def _component(component: ComponentMetadata) -> str:
    database = component.type is ComponentType.DATABASE
    children = [_file_set("FILE_LIST", each, recursive=each.recursive) for each in component.files]
    children += [_file_set("DATABASE_FILES", each) for each in component.database_files]
    children += [_file_set("DATABASE_LOGFILES", each) for each in component.database_log_files]
    children += [
        xml_element(
            "DEPENDENCY",
            writerId=str(each.writer_id),
            logicalPath=each.logical_path,
            componentName=each.component_name,
        )
        for each in component.dependencies
    ]
    return xml_element(
        "DATABASE" if database else "FILE_GROUP",
        children,
        logicalPath=component.logical_path or None,
        componentName=component.name,
        caption=component.caption,
        icon=base64.b64encode(component.icon).decode("ascii") or None,
        restoreMetadata=component.restore_metadata,
        notifyOnBackupComplete=component.notify_on_backup_complete,
        selectable=component.selectable,
        selectableForRestore=component.selectable_for_restore,
        componentFlags=int(component.flags),
    )


def _file_set(element: str, file_set: FileSet, recursive: bool | None = None) -> str:
    return xml_element(
        element,
        path=file_set.path,
        filespec=file_set.filespec,
        recursive=recursive,
        alternatePath=file_set.alternate_path,
        filespecBackupType=int(file_set.backup_type),
    )
