"""Scripts of DiskShadow, run through vsspy: Windows itself has that tool on servers only.

The language is that of its reference pages (Microsoft Learn, windows-server/administration/windows-commands: diskshadow, and a page
for each command) and of what the tool prints for ``/?``; ``docs/limits.md`` says where this differs.
"""

from __future__ import annotations

from .interpreter import Interpreter
from .metadata import Metadata
from .script import Command, ScriptError, parse, parse_line

__all__ = ["Command", "Interpreter", "Metadata", "ScriptError", "parse", "parse_line"]
