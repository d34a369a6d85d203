"""docs/reference/json.md: what each command prints with --json, made from the JSON Schemas in vsspy/cli/schemas."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["json_page"]

_SCHEMAS = Path(__file__).resolve().parent.parent / "vsspy/cli/schemas"


def _resolved(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """A node, with what it refers to below the schema's definitions; its own description comes first."""
    if "$ref" in node:
        found: Any = schema
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return {**_resolved(found, schema), **{key: value for key, value in node.items() if key != "$ref"}}
    return node


def _type(node: dict[str, Any]) -> str:
    if "const" in node:
        return f"`{json.dumps(node['const'])}`"
    if "enum" in node:
        return ", ".join(f"`{json.dumps(value)}`" for value in node["enum"])
    for key in ("anyOf", "oneOf"):
        if key in node:
            return " or ".join(dict.fromkeys(_type(each) for each in node[key]))
    kind = node.get("type", "any")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _rows(
    node: dict[str, Any], schema: dict[str, Any], path: str, above: tuple[str, ...] = ()
) -> Iterator[tuple[str, str, str]]:
    """Each property below a node: its path, its type, what it means. What refers to itself is followed once."""
    if node.get("$ref") in above:
        return
    above = (*above, node["$ref"]) if "$ref" in node else above
    node = _resolved(node, schema)
    for name, value in node.get("properties", {}).items():
        where = f"{path}.{name}" if path else name
        found = _resolved(value, schema)
        optional = "" if name in node.get("required", ()) else ", may be missing"
        yield where, _type(found) + optional, found.get("description", "")
        yield from _rows(value, schema, where, above)
    if isinstance(node.get("items"), dict):
        yield from _rows(node["items"], schema, f"{path}[]", above)
    if isinstance(node.get("additionalProperties"), dict):
        yield from _rows(node["additionalProperties"], schema, f"{path}.*", above)
    for key in ("anyOf", "oneOf"):
        for each in node.get(key, ()):
            yield from _rows(each, schema, path, above)


def json_page(notice: str) -> str:
    """The page.

    Args:
        notice: its first line, which says that it is generated.
    """
    lines = [
        notice,
        "",
        "# JSON of the command line",
        "",
        "With `--json` a command prints one JSON object on stdout and nothing else there. `vsspy schema COMMAND` prints the JSON Schema",
        "(draft 7) that it keeps to; this page says the same in words. A property's name stays, and keeps its meaning, from version to",
        "version; new ones may come. Times are ISO 8601 in UTC, sizes bytes, GUIDs in lower case without braces. `[]` is each entry of",
        "a list, `*` each name in an object. A text that is no valid Unicode has its odd parts written as `\\udc80`.",
    ]
    for path in sorted(_SCHEMAS.glob("*.json")):
        schema = json.loads(path.read_text(encoding="utf-8"))
        lines += ["", f"## {path.stem}", "", f"`{schema['title']} --json`: {schema['description']}", ""]
        lines += ["| property | type | meaning |", "| --- | --- | --- |"]
        for where, kind, meaning in _rows(schema, schema, ""):
            cell = meaning.replace("|", "\\|")
            lines.append(f"| `{where}` | {kind} | {cell} |")
    return "\n".join(lines) + "\n"
