"""The JSON Schemas of the commands: each command that prints JSON has one, and each says everything that it allows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click
import fastjsonschema
import pytest
from cli_support import Runner, make_runner
from json_schema import check_json

from vsspy.cli.main import cli
from vsspy.cli.schema import schema_names, schema_text


@pytest.fixture
def vsspy(capsys: pytest.CaptureFixture[str]) -> Runner:
    return make_runner(capsys)


def commands(group: click.Group, *above: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        if isinstance(found, click.Group):
            yield from commands(found, *above, name)
        else:
            yield "-".join((*above, name)), found


COMMANDS = dict(commands(cli))


def objects(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        if "properties" in node or node.get("type") == "object":
            yield path, node
        for key, value in node.items():
            yield from objects(value, f"{path}/{key}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from objects(value, f"{path}/{number}")


def test_each_command_that_prints_json_has_a_schema() -> None:
    printing = {name for name, command in COMMANDS.items() if any("--json" in option.opts for option in command.params)}
    assert printing == set(schema_names())


@pytest.mark.parametrize("name", schema_names())
def test_a_schema_names_all_that_it_allows(name: str) -> None:
    schema = json.loads(schema_text(name))
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert schema["title"].replace(" ", "-") == f"vsspy-{name}"
    assert schema["description"] and schema["type"] == "object"
    fastjsonschema.compile(schema)
    for path, node in objects(schema):
        if "properties" in node and not path.endswith("/properties"):
            assert node.get("additionalProperties") is False, path
            assert set(node.get("required", ())) <= set(node["properties"]), path
            for property_name, value in node["properties"].items():
                assert "description" in value or "$ref" in value, f"{path}: {property_name}"


@pytest.mark.parametrize("value", ["[]", "{}", '{"shadow_copies": [], "more": 1}', '{"shadow_copies": [{}]}', "1 2"])
def test_check_json_finds_what_is_wrong(value: str) -> None:
    with pytest.raises((AssertionError, ValueError)):
        check_json("list-shadows", value)


def test_check_json_takes_what_is_right() -> None:
    assert check_json("list-shadows", '{"shadow_copies": []}') == {"shadow_copies": []}


def test_the_command_prints_a_schema(vsspy: Runner) -> None:
    assert vsspy("schema").output.split() == schema_names()
    for words in (["list", "shadows"], ["list-shadows"]):
        done = vsspy("schema", *words)
        assert done.code == 0 and done.output == schema_text("list-shadows")
    done = vsspy("schema", "nonsense")
    assert done.code == 2 and done.error.count("\n") == 1 and "list-shadows" in done.error
