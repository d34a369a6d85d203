"""What a saved document says, for people: from the values that `--json` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

__all__ = ["print_backup", "print_writer"]

_FIRST = 10  # file sets of a component that are shown; the System Writer's has some 19,000


def _line(label: str, value: object) -> None:
    click.echo(f"  {label + ':':<18}{value}")


def _flags(values: Sequence[str]) -> str:
    return ", ".join(values) or "none"


def _joined(path: str, name: str) -> str:
    return path + ("" if path.endswith(("\\", "/")) or not path else "\\") + name


def _files(each: Mapping[str, Any]) -> str:
    return _joined(each["path"], each["filespec"]) + (" and below" if each["recursive"] else "")


def _file_set(each: Mapping[str, Any]) -> str:
    said = [_files(each)]
    if each["alternate_path"]:
        said.append(f"read from {each['alternate_path']}")
    required, snapshot = each["backup_required"], each["snapshot_required"]
    if len(required) < 4:
        said.append(f"required in: {_flags(required)}")
    if len(snapshot) < 4:
        said.append(f"from the shadow copy in: {_flags(snapshot)}")
    if each["created_during_backup"]:
        said.append("made while the backup runs")
    kind = "" if each["kind"] == "files" else f"{each['kind']}: "
    return kind + "; ".join(said)


def _first(items: Sequence[str], show_all: bool, indent: str) -> None:
    shown = items if show_all else items[:_FIRST]
    for item in shown:
        click.echo(indent + item)
    if len(items) > len(shown):
        click.echo(f"{indent}and {len(items) - len(shown)} more (--all shows them)")


def _selectability(component: Mapping[str, Any]) -> str:
    if component["mandatory"]:
        said = "in every backup of the writer"
    elif component["comes_with"] is not None and not component["selectable"]:
        said = f"comes with {component['comes_with']}"
    elif component["comes_with"] is not None:
        said = f"selectable, or comes with {component['comes_with']}"
    else:
        said = "selectable"
    return said + (", selectable for restore" if component["selectable_for_restore"] else "")


def _restore(method: Mapping[str, Any] | None) -> str:
    if method is None:
        return "the writer names none"
    said = [method["method"]]
    if method["service"]:
        said.append(f"service {method['service']}")
    if method["user_procedure"]:
        said.append(f"see {method['user_procedure']}")
    said.append(f"the writer takes part: {method['writer_restore']}")
    if method["reboot_required"]:
        said.append("restart afterwards")
    return "; ".join(said)


def _ordered(components: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, Mapping[str, Any] | str]]:
    """Depth and component, parents before children; elements of a path that are no component as text."""
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for component in components:
        by_name.setdefault(component["full_name"].casefold(), []).append(component)
    told: set[str] = set()
    for name in sorted(by_name):
        parts = by_name[name][0]["full_name"].split("\\")
        for depth in range(min(len(parts) - 1, 20)):
            above = "\\".join(parts[: depth + 1]).casefold()
            if above not in told and above not in by_name:
                yield depth, parts[depth]
            told.add(above)
        told.add(name)
        for component in by_name[name]:
            yield min(len(parts) - 1, 20), component


def print_writer(document: Mapping[str, Any], show_all: bool) -> None:
    """A Writer Metadata Document."""
    writer = document["writer"]
    click.echo(f"{writer['name']}: Writer Metadata Document, {document['file']}")
    _line("class id", writer["id"])
    named = f" ({writer['instance_name']})" if writer["instance_name"] else ""
    _line("instance id", writer["instance_id"] + named)
    _line("usage", f"{writer['usage']}, source {writer['source']}, version {writer['version']}")
    _line("backup schema", _flags(writer["backup_schema"]))
    _line("restore", _restore(writer["restore_method"]))
    for mapping in (writer["restore_method"] or {}).get("alternate_location_mappings", ()):
        click.echo(f"    {_files(mapping)} may go to {mapping['alternate_path']}")
    click.echo(f"Components ({len(writer['components'])}):")
    for depth, component in _ordered(writer["components"]):
        indent = "  " * (depth + 1)
        if isinstance(component, str):
            click.echo(f"{indent}{component}  (no component)")
            continue
        caption = f' "{component["caption"]}"' if component["caption"] else ""
        kind = "database, " if component["type"] == "database" else ""
        click.echo(f"{indent}{component['name']}{caption}  ({kind}{_selectability(component)})")
        if component["flags"]:
            click.echo(f"{indent}    flags: {_flags(component['flags'])}")
        _first([_file_set(each) for each in component["file_sets"]], show_all, indent + "    ")
        for each in component["dependencies"]:
            path = f"{each['logical_path']}\\" if each["logical_path"] else ""
            click.echo(f"{indent}    needs {path}{each['component_name']} of writer {each['writer_id']}")
    for title, key in (("Excluded", "exclude_files"), ("Deleted from the shadow copy", "exclude_files_from_snapshot")):
        if writer[key]:
            click.echo(f"{title} ({len(writer[key])}):")
            _first([_files(each) for each in writer[key]], show_all, "  ")


_CHOICES = {
    "selected_for_restore": "selected for restore",
    "restore_instance_id": "restored by instance",
    "additional_restores": "more restores follow",
    "restore_options": "restore options",
    "restore_metadata": "restore metadata",
    "restore_target": "restore target",
    "restore_name": "restored as",
    "authoritative_restore": "authoritative",
    "file_restore_status": "files restored",
    "backup_options": "backup options",
    "backup_stamp": "backup stamp",
    "previous_backup_stamp": "builds on the stamp",
    "backup_metadata": "backup metadata",
    "prepare_for_backup_failure_message": "failed to prepare",
    "post_snapshot_failure_message": "failed after the snapshot",
    "pre_restore_failure_message": "failed before the restore",
    "post_restore_failure_message": "failed after the restore",
}


def _value(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _component_lines(component: Mapping[str, Any]) -> Iterator[str]:
    for key, label in _CHOICES.items():
        if component[key] is not None:
            yield f"{label}: {_value(component[key])}"
    if component["failure"] is not None:
        failure = component["failure"]
        said = f" ({failure['application_message']})" if failure["application_message"] else ""
        yield f"failure: {failure['name']}, application's code 0x{failure['application_code']:08X}{said}"
    if component["roll_forward"] is not None:
        point = component["roll_forward"]["point"]
        yield f"roll forward: {component['roll_forward']['type']}{f' to {point}' if point else ''}"
    for file in component["partial_files"]:
        yield f"only in part: {_joined(file['path'], file['filename'])}, ranges {file['ranges'] or 'none'}"
    for file in component["differenced_files"]:
        yield f"changed: {_files(file)}" + (f" since {file['last_modify_time']}" if file["last_modify_time"] else "")
    for file in component["alternate_location_mappings"]:
        yield f"was restored elsewhere: {_files(file)} to {file['alternate_path']}"
    for file in component["new_targets"]:
        yield f"new target: {_files(file)} to {file['alternate_path']}"
    for target in component["directed_targets"]:
        yield (
            f"directed: {_joined(target['source_path'], target['source_filename'])} {target['source_ranges']} to "
            f"{_joined(target['destination_path'], target['destination_filename'])} {target['destination_ranges']}"
        )
    for part in component["restore_subcomponents"]:
        path = f"{part['logical_path']}\\" if part["logical_path"] else ""
        yield f"only this of it: {path}{part['component_name']}"


def print_backup(document: Mapping[str, Any]) -> None:
    """A Backup Components Document."""
    backup = document["backup"]
    click.echo(f"Backup Components Document, {document['file']}")
    _line("backup type", backup["backup_type"])
    _line("components", "chosen one by one" if backup["select_components"] else "not chosen: whole volumes")
    _line("system state", "bootable" if backup["bootable_system_state"] else "not asked for")
    _line("partial files", "supported" if backup["partial_file_support"] else "not supported")
    _line("snapshot set", backup["snapshot_set_id"] or "none")
    if backup["restore_type"] != "undefined":
        _line("restore type", backup["restore_type"])
    for each in backup["snapshot_set_descriptions"]:
        copies = ", ".join(str(copy) for copy in each["snapshot_ids"]) or "no shadow copy"
        _line("transportable", f"set {each['snapshot_set_id']}: {copies}")
    click.echo(f"Components ({sum(len(writer['components']) for writer in backup['writers'])}):")
    for writer in backup["writers"]:
        instance = f", {writer['instance_name']}" if writer["instance_name"] else ""
        click.echo(f"  {writer['name'] or 'writer'} {writer['id']} (instance {writer['instance_id']}{instance})")
        for component in writer["components"]:
            state = {True: "succeeded", False: "FAILED", None: "success not reported"}[component["backup_succeeded"]]
            kind = "database, " if component["type"] == "database" else ""
            click.echo(f"    {component['full_name']}  ({kind}{state})")
            for line in _component_lines(component):
                click.echo(f"      {line}")
