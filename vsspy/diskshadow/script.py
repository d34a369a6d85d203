"""The language of DiskShadow's scripts: lines into commands, nothing run.

Commands and their forms are those of the reference pages (windows-commands/diskshadow and the page of each command).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["USAGES", "Command", "ScriptError", "parse", "parse_line"]


class ScriptError(Exception):
    """A command that cannot be understood, or that failed.

    Attributes:
        line: its line in the script, from 1.
        reason: what is wrong.
    """

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason

    def __reduce__(self) -> tuple[type[ScriptError], tuple[int, str]]:
        return type(self), (self.line, self.reason)


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        line: its line in the script, from 1.
        name: its words in lower case: ``"begin backup"``.
        arguments: what follows, quotes taken away, aliases not replaced yet.
        rest: the same as one text, as it stands in the line: names of writers have blanks.
    """

    line: int
    name: str
    arguments: tuple[str, ...] = ()
    rest: str = ""


# Each command's form, and the least and the most of its arguments. Without any, the original shows its help.
_FORMS: dict[str, tuple[str, int, int]] = {
    "set": ("set", 0, 0),
    "set context": ("set context {clientaccessible | persistent [nowriters] | volatile [nowriters]}", 1, 2),
    "set option": (
        "set option {[differential | plex] [transportable] [[rollbackrecover] [txfrecover] | [noautorecover]]}",
        1,
        5,
    ),
    "set verbose": ("set verbose {on | off}", 1, 1),
    "set metadata": ("set metadata [<drive>:][<path>]<metadata.cab>", 1, 1),
    "load metadata": ("load metadata [<drive>:][<path>]<metadata.cab>", 1, 1),
    "writer verify": ("writer verify {<writer> | <component>}", 1, 99),
    "writer exclude": ("writer exclude {<writer> | <component>}", 1, 99),
    "add": ("add", 0, 0),
    "add volume": ("add volume <volume> [alias <alias>] [provider <providerid>]", 1, 5),
    "add alias": ("add alias <aliasname> <aliasvalue>", 2, 2),
    "create": ("create", 0, 0),
    "exec": ("exec <file>", 1, 1),
    "begin backup": ("begin backup", 0, 0),
    "end backup": ("end backup", 0, 0),
    "begin restore": ("begin restore", 0, 0),
    "end restore": ("end restore", 0, 0),
    "simulate restore": ("simulate restore", 0, 0),
    "reset": ("reset", 0, 0),
    "list": ("list writers metadata", 0, 0),
    "list shadows": ("list shadows {all | set <setID> | id <shadowID>}", 1, 2),
    "list providers": ("list providers", 0, 0),
    "list writers": ("list writers [metadata | detailed | status]", 0, 1),
    "delete shadows": (
        "delete shadows {all | volume <volume> | oldest <volume> | set <setID> | id <shadowID> | exposed <place>}",
        1,
        2,
    ),
    "import": ("import", 0, 0),
    "mask": ("mask <shadowsetID>", 1, 1),
    "expose": ("expose <shadowID> {<drive:> | <share> | <mountpoint>}", 2, 2),
    "unexpose": ("unexpose {<shadowID> | <drive:> | <share> | <mountpoint>}", 1, 1),
    "break": ("break [writable] <setid>", 1, 2),
    "revert": ("revert <shadowcopyID>", 1, 1),
    "exit": ("exit", 0, 0),
}
USAGES = tuple(form for form, _, _ in _FORMS.values())
"""The form of each command, for help."""

_WORD = re.compile(r'"([^"]*)"|(\S+)')
_SPELLINGS = {"set context transportable": "set option transportable"}  # the example of windows-commands/import has it


def parse(text: str) -> tuple[Command, ...]:
    """The commands of a script.

    Args:
        text: the whole script.

    Raises:
        ScriptError: a line is no command of DiskShadow, or not in its form.
    """
    return tuple(_commands(text.removeprefix("\ufeff").splitlines()))


def _commands(lines: Iterable[str]) -> Iterator[Command]:
    for number, line in enumerate(lines, 1):
        command = parse_line(line, number)
        if command is not None:
            yield command


def parse_line(line: str, number: int = 1) -> Command | None:
    """The command in a line; None for an empty one and for a remark (``rem``, ``#``).

    Args:
        line: the line.
        number: its number, for messages.

    Raises:
        ScriptError: it is no command of DiskShadow, or not in its form.
    """
    text = line.strip()
    first = text.split(None, 1)[0].casefold() if text else ""
    if not text or text.startswith("#") or first == "rem":
        return None
    if text.count('"') % 2:
        raise ScriptError(number, f"a quotation mark is not closed: {text}")
    text = _SPELLINGS.get(" ".join(text.casefold().split()), text)
    found = list(_WORD.finditer(text))
    words = [match[1] if match[1] is not None else match[2] for match in found]
    two, one = " ".join(words[:2]).casefold(), words[0].casefold()
    name = two if len(words) > 1 and two in _FORMS else one
    if name not in _FORMS or (name in {"set", "add", "list"} and len(words) > 1):
        raise ScriptError(number, _unknown(two, one))
    taken = 2 if name == two and len(words) > 1 else 1
    arguments = tuple(words[taken:])
    form, least, most = _FORMS[name]
    if not least <= len(arguments) <= most:
        raise ScriptError(number, f"the form of the command is: {form}")
    return Command(number, name, arguments, text[found[taken].start() :] if arguments else "")


def _unknown(two: str, one: str) -> str:
    forms = [form for name, (form, _, _) in _FORMS.items() if name.split()[0] == one and " " in name]
    if forms:
        return f"{two} is no command of DiskShadow; there is: {'; '.join(forms)}"
    return f"{one} is no command of DiskShadow"
