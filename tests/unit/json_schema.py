"""What a command prints with --json, judged by its JSON Schema in vsspy/cli/schemas."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import fastjsonschema

from vsspy.cli.schema import schema_text


@functools.cache
def _validator(name: str) -> Callable[[Any], Any]:
    made: Callable[[Any], Any] = fastjsonschema.compile(json.loads(schema_text(name)), use_default=False)
    return made


def check_json(name: str, value: Any) -> Any:
    """Fails where a value is not what the schema of a command says; nothing that the schema does not name may be in it.

    Args:
        name: the command, its words joined by a hyphen: ``"list-shadows"``.
        value: what the command printed, a text that has to be one JSON object and nothing else; or the object itself.

    Returns:
        The object.
    """
    found = json.loads(value) if isinstance(value, str) else value
    assert isinstance(found, dict), f"{name} --json is not one object"
    _validator(name)(found)
    return found
