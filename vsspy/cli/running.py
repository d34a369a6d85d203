"""Running a command on shadow copies: what stands for them in its arguments, its environment, its signals, its exit code."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from .._filecopy import reason
from .._paths import fold, volume_name
from .._roots import shown
from ..errors import InvalidArgumentError
from .errors import CommandError
from .interrupts import Interrupts

if TYPE_CHECKING:
    from ..shadow import ShadowCopy

__all__ = ["Placeholders", "run_command", "shadow_environment", "split_command", "wait_for_end"]

_OF_CMD = frozenset('"%!^&|<>\n\r')  # what cmd.exe takes for more than itself
_BRACES = re.compile(r"\{\{([^{}]*)\}\}|\{([^{}]*)\}[\\/]?")


class Placeholders:
    """`{C:}`, `{C:\\}` and `{0}` in a command's arguments.

    Args:
        volumes: The volumes as the command line names them, in their order.
    """

    def __init__(self, volumes: Sequence[str]) -> None:
        self._volumes = list(volumes)
        self._by_name = {_key(volume): volume for volume in volumes}

    def volume(self, text: str) -> str | None:
        """The volume that a text in braces stands for; None where it stands for none, and stays as it is.

        Raises:
            CommandError: It is a volume's name, but not one of these.
        """
        if re.fullmatch(r"[0-9]+", text):
            number = int(text)
            return self._volumes[number] if number < len(self._volumes) else None
        found = self._by_name.get(_key(text))
        if found is None and (re.fullmatch(r"[A-Za-z]:[\\/]?", text) or text.startswith("\\\\?\\")):
            raise CommandError(f"{{{shown(text)}}} is not among the volumes of this command; add -v {shown(text)}")
        return found

    def check(self, arguments: Sequence[str]) -> None:
        """Finds out before anything is made what cannot work.

        Raises:
            CommandError: A volume is none of these, or there is no such program.
        """
        filled = self.fill(arguments, dict.fromkeys(self._volumes, ""))
        if filled[0] == arguments[0] and shutil.which(filled[0]) is None:
            raise CommandError(f"{shown(filled[0])} is not a program that could be run; nothing was made")
        if sys.platform == "win32" and (why := why_not_batch(shutil.which(filled[0]) or filled[0], filled[1:])):
            raise CommandError(f"{why}; nothing was made")

    def fill(self, arguments: Sequence[str], roots: Mapping[str, str]) -> list[str]:
        """The arguments with each placeholder replaced by the root of the volume's shadow copy.

        A root ends in a separator, since without it a device cannot be opened; one that follows the placeholder is not doubled.
        `{{0}}` stands for the text `{0}`; braces around anything else stay as they are.
        """

        def put(match: re.Match[str]) -> str:
            volume = self.volume(match[1] if match[2] is None else match[2])
            if volume is None:
                return match[0]
            return roots[volume] if match[1] is None else match[0][1:-1]

        return [_BRACES.sub(put, argument) for argument in arguments]


def why_not_batch(program: str, arguments: Sequence[str]) -> str | None:
    """Why Windows would not give a batch file these arguments as they are; None if it would.

    Windows runs a batch file by cmd.exe, whoever starts it (the documentation of Python's subprocess, "Security
    Considerations"), and that takes some characters for its own.
    """
    if not program.lower().endswith((".bat", ".cmd")):
        return None
    risky = next((text for text in arguments if any(char in _OF_CMD for char in text)), None)
    if risky is None:
        return None
    return (
        f"{shown(program)} is a batch file, to which {shown(risky)} would not come as it is; put it into the batch file"
    )


def _key(name: str) -> str:
    try:
        name = volume_name(name)
    except InvalidArgumentError:
        return "?" + name  # no volume's name is like that
    return name if name.startswith("/") else fold(name)


def shadow_environment(copies: Mapping[str, ShadowCopy]) -> dict[str, str]:
    """This process's environment with VSSPY_SHADOW_0 and so on, the roots; their volumes, their ids, and the id of the set."""
    found = dict(os.environ)
    for number, (volume, copy) in enumerate(copies.items()):
        found["VSSPY_SHADOW_SET"] = str(copy.set_id)
        found[f"VSSPY_SHADOW_{number}"] = copy.root
        found[f"VSSPY_SHADOW_{number}_VOLUME"] = volume
        found[f"VSSPY_SHADOW_{number}_ID"] = str(copy.snapshot_id)
    return found


def split_command(text: str) -> list[str]:
    """The words of --exec's COMMAND: as a POSIX shell parts them, on Windows those of a command line there, without any shell.

    Raises:
        CommandError: A quote is not closed, or there is no word.
    """
    try:
        words = shlex.split(text, posix=sys.platform != "win32")
    except ValueError as error:
        raise CommandError(f"--exec {shown(text)}: {error}") from error
    if sys.platform == "win32":
        words = [word[1:-1] if len(word) > 1 and word[0] == word[-1] == '"' else word for word in words]
    if not words:
        raise CommandError("--exec needs a command")
    return words


def run_command(
    arguments: Sequence[str], environment: Mapping[str, str], interrupts: Interrupts, *, quiet_stdout: bool = False
) -> int:
    """Runs a command without a shell, and hands signals on to it.

    Args:
        arguments: The program, which is looked for in PATH, and its arguments.
        environment: All of its environment.
        interrupts: What has the signals now.
        quiet_stdout: Send its output to stderr, since stdout is taken.

    Returns:
        Its exit code; 128 and the number of the signal that ended it.

    Raises:
        CommandError: It cannot be started.
    """
    child: subprocess.Popen[bytes] | None = None
    early: list[int] = []
    seen: list[int] = []

    def hand_on(number: int) -> None:
        seen.append(number)
        if sys.platform != "win32":  # there the console has told it
            if child is None:
                early.append(number)
            elif number != signal.SIGINT or len(seen) > 1 or not _in_foreground():
                child.send_signal(number)

    words = list(arguments)
    if sys.platform == "win32":
        words[0] = shutil.which(words[0]) or words[0]  # CreateProcess would find .exe only
    with interrupts.handed_on(hand_on):
        try:
            child = subprocess.Popen(words, env=dict(environment), stdout=2 if quiet_stdout else None)
        except OSError as error:
            raise CommandError(f"{shown(arguments[0])} cannot be started: {reason(error)}") from error
        for number in early:
            child.send_signal(number)
        code = child.wait()
    return 128 - code if code < 0 else code


def _in_foreground() -> bool:
    """Whether a terminal gives Ctrl-C to this process and its children alike."""
    if sys.platform != "win32":
        try:
            terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
        except OSError:
            return False
        try:
            return os.tcgetpgrp(terminal) == os.getpgrp()
        except OSError:
            return False
        finally:
            os.close(terminal)
    else:
        return True


def wait_for_end(interrupts: Interrupts, check: Callable[[], object], *, every: float = 1.0) -> None:
    """Returns at Ctrl-C or another signal that asks for the end.

    Args:
        interrupts: What has the signals now.
        check: Called again and again; what it raises ends the wait too.
        every: Seconds from one call of it to the next.
    """
    over = threading.Event()
    with interrupts.handed_on(lambda number: over.set()):
        while not over.wait(every):
            check()
