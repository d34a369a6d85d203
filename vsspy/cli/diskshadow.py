"""`vsspy diskshadow`: scripts of DiskShadow."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import IO, Any

import click

from .._filecopy import reason
from .._roots import shown
from ..diskshadow import Command, Interpreter, ScriptError, parse, parse_line
from ..diskshadow.script import USAGES
from .console import complain
from .errors import CommandError
from .examined import text
from .machine import machine_options
from .main import guarded
from .options import folders_option, json_option, on_machine
from .report import as_json
from .running import run_command

__all__ = ["command"]

_LARGEST = 1 << 24  # characters of a script
_PROMPT = "DISKSHADOW> "


@click.command(name="diskshadow", short_help="Run a script of DiskShadow.")
@click.argument("words", metavar="[SCRIPT [PARAMETER]...]", nargs=-1)
@click.option("-s", "script", metavar="SCRIPT", help="The script, as DiskShadow takes it.")
@click.option("-l", "--log", "log", metavar="FILE", help="Write what is printed into FILE too.")
@click.option(
    "--timeout",
    metavar="S",
    type=click.FloatRange(0, min_open=True),
    default=300.0,
    help="Limit in seconds for each wait.",
)
@json_option
@folders_option
@machine_options
@guarded
def command(
    words: tuple[str, ...],
    script: str | None,
    log: str | None,
    timeout: float,
    as_json_text: bool,
    folders: tuple[str, ...],
    backend: str | None,
    writers_from: str | None,
) -> int:
    """Run SCRIPT, a script of DiskShadow, which Windows itself has on servers only; its /s and /l are understood too.

    Without SCRIPT commands are read from stdin; where that is a terminal, one after the other. The PARAMETERs are %DISKSH_PARAM_1% and
    so on in the script. The whole script is read before anything is done: one that has a line that is no command does nothing. Where
    a command fails nothing after it is run, and the backup that is open is given up: its shadow copies are deleted, the persistent
    ones too.

    \b
    Examples:
      vsspy diskshadow backup.dsh
      vsspy diskshadow -s backup.dsh D: --log backup.log
      echo list shadows all | vsspy diskshadow

    \b
    Exit codes:
      0    all was done
      1    a command failed; what came before it was done, and an open backup given up
      2    nothing was done
      130  Ctrl-C, 143 SIGTERM: an open backup was given up
    """
    script, log, parameters = _arguments(words, script, log)
    interactive = script is None and sys.stdin.isatty() and not as_json_text
    commands = () if interactive else _read(script)
    with ExitStack() as stack:
        lines: list[str] = []
        say = _teller(lines, None if log is None else stack.enter_context(_log(log)), quiet=as_json_text)
        interrupts, _ = stack.enter_context(on_machine(backend, folders, writers_from))

        def execute(program: list[str], environment: Mapping[str, str]) -> int:
            try:
                return run_command(program, environment, interrupts, quiet_stdout=as_json_text)
            except CommandError as error:
                raise OSError(str(error)) from error  # for the interpreter, which says in which line

        interpreter = Interpreter(
            say,
            execute=execute,
            parameters=parameters,
            timeout=timeout,
        )
        if interactive:
            return _talk(interpreter)
        with interrupts.impatient():
            return _run(interpreter, commands, script, lines, as_json_text)


def _arguments(words: Sequence[str], script: str | None, log: str | None) -> tuple[str | None, str | None, list[str]]:
    """The script, the log and the parameters, with DiskShadow's own /s and /l among the words."""
    left = list(words)
    for mark in ("/l", "/L"):
        if mark in left:
            place = left.index(mark)
            if log is not None or place + 1 >= len(left):
                raise CommandError("/l needs one file")
            log = left[place + 1]
            del left[place : place + 2]
    if left and left[0] in {"/s", "/S"}:
        del left[0]
        if script is not None or not left:
            raise CommandError("/s needs one script")
    if script is None and left:
        script = left.pop(0)
    return script, log, left


def _read(script: str | None) -> tuple[Command, ...]:
    name = "stdin" if script is None else script
    try:
        if script is None:
            found = sys.stdin.read(_LARGEST + 1)
        else:
            with open(script, "rb") as stream:
                data = stream.read(_LARGEST + 1)
            wide = data[:2] in {b"\xff\xfe", b"\xfe\xff"}
            found = data.decode("utf-16" if wide else "utf-8-sig", "surrogateescape" if not wide else "strict")
    except OSError as error:
        raise CommandError(f"{shown(name)}: {reason(error)}") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{shown(name)} is no text") from error
    if len(found) > _LARGEST or "\0" in found:
        raise CommandError(f"{shown(name)} is no script")
    try:
        return parse(found)
    except ScriptError as error:
        raise CommandError(f"{shown(name)}: {text(str(error))}; nothing was done") from error


@contextmanager
def _log(path: str) -> Iterator[IO[str]]:
    try:
        stream = open(path, "w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115 (closed below)
    except OSError as error:
        raise CommandError(f"{shown(path)}: {reason(error)}") from error
    with stream:
        yield stream


def _teller(lines: list[str], log: IO[str] | None, *, quiet: bool) -> Callable[[str], None]:
    def say(line: str) -> None:
        plain = text(line) or ""
        lines.append(plain)
        if log is not None:
            log.write(plain + "\n")
        if not quiet:
            click.echo(plain)

    return say


def _run(
    interpreter: Interpreter, commands: Sequence[Command], script: str | None, lines: list[str], as_json_text: bool
) -> int:
    done: list[dict[str, Any]] = []
    failed: ScriptError | None = None
    try:
        with interpreter:
            for each in commands:
                del lines[:]
                done.append({"line": each.line, "command": each.name, "output": []})
                interpreter.run(each)
                done[-1]["output"] = list(lines)
                if interpreter.exited:
                    break
    except ScriptError as error:
        failed = error
        done[-1]["output"] = list(lines)
        complain(f"{shown(script) + ': ' if script else ''}{text(str(error))}")
    if as_json_text:
        values = {
            "good": failed is None,
            "commands": done,
            "aliases": {shown(name): shown(value) for name, value in interpreter.aliases.items()},
            "error": None if failed is None else {"line": failed.line, "reason": text(failed.reason)},
        }
        click.echo(as_json(values, ascii_only=True), nl=False)
    return 0 if failed is None else 1


def _talk(interpreter: Interpreter) -> int:
    """Commands from a terminal: an error ends what was open, and not the conversation."""
    code = 0
    with interpreter:
        while not interpreter.exited:
            try:
                line = input(_PROMPT)
            except EOFError:
                break
            if line.strip().casefold() in {"?", "/?", "help"}:
                click.echo("\n".join(USAGES))
                continue
            try:
                each = parse_line(line)
                if each is not None:
                    interpreter.run(each)
            except ScriptError as error:
                complain(text(error.reason) or "")
                code = 1
    return code
