"""What DiskShadow's commands do, through vsspy."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self
from uuid import UUID

from ..administration import administration, import_shadow_copies, providers, shadow_copies
from ..enums import HardwareOptions, ObjectType, SnapshotAttributes
from ..errors import VssError
from ..volumes import should_block_revert
from . import listing
from .making import Making, Settings
from .metadata import Metadata
from .restoring import Restoring, check_restore
from .script import Command, ScriptError

if TYPE_CHECKING:
    from .._properties import SnapshotProperties
    from ..simulator import Machine

__all__ = ["Interpreter"]

Execute = Callable[[list[str], Mapping[str, str]], int]

_GUID = re.compile(r"\{?[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}?")


class _Refused(Exception):
    """A command cannot be done; the text says why."""


def _execute(arguments: list[str], environment: Mapping[str, str]) -> int:
    return subprocess.run(arguments, env=dict(environment), check=False).returncode


class Interpreter:
    """Runs the commands of DiskShadow's scripts.

    A context manager. Leaving it without an error ends what is open as ``exit`` does; leaving it on an error, one of
    :meth:`run` too, gives the backup that is open up: writers are told so, and its shadow copies are deleted, persistent
    ones too. What ``end backup`` ended stays. Use it from one thread.

    Args:
        say: called with each line that DiskShadow would print.
        execute: runs a program with its environment for ``exec`` and returns its exit code.
        parameters: what follows the script on the command line, ``%DISKSH_PARAM_1%`` and so on.
        timeout: seconds that each wait for VSS may take.
        backend: as for :class:`vsspy.BackupComponents`.
    """

    def __init__(
        self,
        say: Callable[[str], object] = print,
        *,
        execute: Execute = _execute,
        parameters: Iterable[str] = (),
        timeout: float = 300.0,
        backend: Machine | str | None = None,
    ) -> None:
        self._say = say
        self._execute = execute
        self._timeout = timeout
        self._backend = backend
        self._parameters = {f"DISKSH_PARAM_{number}": value for number, value in enumerate(parameters, 1)}
        self.exited = False
        """Whether ``exit`` was run."""
        self._forget()

    def _forget(self) -> None:
        self._settings = Settings()
        self._aliases: dict[str, str] = {}
        self._volumes: dict[str, tuple[str | None, UUID | None]] = {}  # alias and provider by the volume's name
        self._making: Making | None = None
        self._restoring: Restoring | None = None
        self._loaded: Metadata | None = None

    # --- life --------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self._give_up(error)
        else:
            self._finish()

    def run(self, command: Command) -> None:
        """Run one command.

        Raises:
            ScriptError: it failed; ``__cause__`` is VSS's error. Nothing of the backup or restore that was open is left.
        """
        try:
            getattr(self, "_" + command.name.replace(" ", "_"))(command)
        except (_Refused, VssError, OSError, ValueError) as error:
            failed = ScriptError(command.line, f"{command.name}: {_reason(error)}")
            self._give_up(error)
            raise failed from error
        except BaseException as error:  # Ctrl-C
            self._give_up(error)
            raise

    def _give_up(self, error: BaseException) -> None:
        making, restoring = self._making, self._restoring
        self._making = self._restoring = None
        if restoring is not None:
            restoring.close()
        if making is not None:
            for note in making.give_up(error):
                self._say(note)

    def _finish(self) -> None:
        """What exit and reset do: a backup that is open ends, with its writers told of no success."""
        making, restoring = self._making, self._restoring
        self._making = self._restoring = None
        try:
            if restoring is not None:
                restoring.close()
                self._say("begin restore without end restore: the writers were told that their files are not whole.")
        finally:
            if making is not None:
                for note in making.leave():
                    self._say(note)

    @property
    def aliases(self) -> Mapping[str, str]:
        """The aliases that there are now."""
        return dict(self._aliases)

    # --- words -------------------------------------------------------------------------------------------------------

    def _expand(self, text: str) -> str:
        """Aliases and environment variables in %...% replaced."""
        names = {name.casefold(): value for name, value in os.environ.items()}
        names |= {name.casefold(): value for name, value in {**self._parameters, **self._aliases}.items()}

        def value(match: re.Match[str]) -> str:
            found = names.get(match[1].casefold())
            if found is None:
                raise _Refused(f"{match[0]} is no alias and no environment variable")
            return found

        return re.sub(r"%([^%\s]+)%", value, text)

    def _arguments(self, command: Command) -> list[str]:
        return [self._expand(each) for each in command.arguments]

    def _id(self, text: str, what: str) -> UUID:
        if not _GUID.fullmatch(text):
            raise _Refused(f"{text} is no id of a {what}; list shadows all shows them")
        return UUID(text)

    # --- settings ----------------------------------------------------------------------------------------------------

    def _set(self, command: Command) -> None:
        for line in self._settings.lines():
            self._say(line)

    def _set_context(self, command: Command) -> None:
        self._idle("set context")
        self._settings.set_context([each.casefold() for each in self._arguments(command)])

    def _set_option(self, command: Command) -> None:
        self._idle("set option")
        self._settings.set_options([each.casefold() for each in self._arguments(command)])

    def _set_verbose(self, command: Command) -> None:
        (word,) = (each.casefold() for each in self._arguments(command))
        if word not in {"on", "off"}:
            raise _Refused("it is on or off")
        self._settings.verbose = word == "on"

    def _set_metadata(self, command: Command) -> None:
        self._idle("set metadata")
        (self._settings.metadata,) = self._arguments(command)

    def _idle(self, what: str) -> None:
        if self._making is not None:
            raise _Refused(f"{what} comes before create; reset begins anew")

    def _load_metadata(self, command: Command) -> None:
        (path,) = self._arguments(command)
        try:
            self._loaded = Metadata.load(path)
        except ValueError as error:
            raise _Refused(f"{path} is no metadata file: {error}") from error
        self._aliases |= self._loaded.aliases
        for name, value in self._loaded.aliases.items():
            self._say(f"Alias {name} for {value} loaded.")

    def _writer_verify(self, command: Command) -> None:
        self._idle("writer verify")
        self._settings.verified.append(self._expand(_unquoted(command.rest)))

    def _writer_exclude(self, command: Command) -> None:
        self._idle("writer exclude")
        self._settings.excluded.append(self._expand(_unquoted(command.rest)))

    def _add(self, command: Command) -> None:
        for name, (alias, _) in self._volumes.items():
            self._say(f"Volume {name}" + (f" alias {alias}" if alias else ""))
        self._say(f"{len(self._volumes)} volumes in the shadow copy set.")
        for name, value in self._aliases.items():
            self._say(f"%{name}% = {value}")
        if not self._aliases:
            self._say("No aliases in the environment.")

    def _add_alias(self, command: Command) -> None:
        name, value = command.arguments[0], self._expand(command.arguments[1])
        self._alias(name, value)

    def _alias(self, name: str, value: str) -> None:
        known = {each.casefold(): each for each in self._aliases}
        self._aliases[known.get(name.casefold(), name)] = value

    def _add_volume(self, command: Command) -> None:
        self._idle("add volume")
        volume, *more = self._arguments(command)
        options = {key.casefold(): value for key, value in zip(more[::2], more[1::2], strict=False)}
        if len(more) % 2 or not options.keys() <= {"alias", "provider"} or len(options) * 2 != len(more):
            raise _Refused("after the volume come: alias <alias>, provider <providerid>")
        provider = self._id(options["provider"], "provider") if "provider" in options else None
        name = volume if volume.endswith(("\\", "/")) else volume + ("/" if volume.startswith("/") else "\\")
        if any(name.casefold() == each.casefold() for each in self._volumes):
            raise _Refused(f"{volume} is in the set already")
        self._settings.check_volume(name, provider, self._backend)
        self._volumes[name] = (options.get("alias"), provider)

    # --- shadow copies -----------------------------------------------------------------------------------------------

    def _create(self, command: Command) -> None:
        self._idle("create")
        if not self._volumes:
            raise _Refused("there is no volume in the set: add volume comes first")
        making = Making(self._settings, self._timeout, self._backend)
        self._making = making
        making.create({name: provider for name, (_, provider) in self._volumes.items()}, self._verbose)
        for number, (name, copy) in enumerate(making.copies.items(), 1):
            self._new_alias(self._volumes[name][0] or f"VSS_SHADOW_{number}", copy.snapshot_id, "shadow copy")
        self._new_alias("VSS_SHADOW_SET", making.set_id, "shadow copy set")
        making.save_metadata(self._aliases)
        self._tell(list(making.copies.values()))

    def _verbose(self, line: str) -> None:
        if self._settings.verbose:
            self._say(line)

    def _new_alias(self, name: str, value: UUID, what: str) -> None:
        self._alias(name, f"{{{value}}}")
        self._say(f"Alias {name} for {what} ID {{{value}}} set as environment variable.")

    def _begin_backup(self, command: Command) -> None:
        self._idle("begin backup")
        self._settings.full = True

    def _end_backup(self, command: Command) -> None:
        making = self._making
        if making is None:
            raise _Refused("there is no backup: create comes first")
        self._making = None
        try:
            making.end(self._aliases)
        except BaseException as error:
            making.give_up(error)
            raise
        self._settings.full = False
        self._volumes.clear()

    def _exec(self, command: Command) -> None:
        (program,) = self._arguments(command)
        program = os.path.abspath(program) if os.path.isfile(program) else program
        environment = {**os.environ, **self._parameters, **self._aliases}
        code = self._execute([program], environment)
        if code:
            raise _Refused(f"{program} failed with exit code {code}")

    def _reset(self, command: Command) -> None:
        self._finish()
        self._forget()

    def _exit(self, command: Command) -> None:
        self._finish()
        self.exited = True

    # --- restore -----------------------------------------------------------------------------------------------------

    def _need_metadata(self) -> Metadata:
        if self._loaded is None or self._loaded.document is None:
            raise _Refused("there is no Backup Components Document: load metadata of a backup with writers comes first")
        return self._loaded

    def _begin_restore(self, command: Command) -> None:
        if self._restoring is not None:
            raise _Refused("a restore is open already")
        loaded = self._need_metadata()
        self._restoring = restoring = Restoring(self._settings, self._timeout, self._backend)
        restoring.begin(loaded, self._verbose)

    def _end_restore(self, command: Command) -> None:
        if self._restoring is None:
            raise _Refused("there is no restore: begin restore comes first")
        restoring, self._restoring = self._restoring, None
        restoring.end()

    def _simulate_restore(self, command: Command) -> None:
        check_restore(self._need_metadata(), self._settings, self._timeout, self._backend, self._say)

    # --- what there is -----------------------------------------------------------------------------------------------

    def _list(self, command: Command) -> None:
        self._list_writers(command)  # windows-commands/list-writers: list alone is that

    def _tell(self, copies: list[SnapshotProperties]) -> None:
        names = {value.casefold(): name for name, value in self._aliases.items()}
        for line in listing.shadow_lines(copies, names):
            self._say(line)

    def _list_shadows(self, command: Command) -> None:
        self._tell(self._found([each.casefold() for each in self._arguments(command)], {"all", "set", "id"}))

    def _list_providers(self, command: Command) -> None:
        for line in listing.provider_lines(providers(self._backend)):
            self._say(line)

    def _list_writers(self, command: Command) -> None:
        kind = command.arguments[0].casefold() if command.arguments else "metadata"
        if kind not in {"metadata", "detailed", "status"}:
            raise _Refused("list writers takes metadata, detailed or status")
        for line in listing.writer_lines(kind, self._timeout, self._backend):
            self._say(line)

    def _found(self, words: list[str], allowed: set[str]) -> list[SnapshotProperties]:
        """The shadow copies that the words of list and delete mean."""
        how, value = words[0], words[1] if len(words) > 1 else None
        if how not in allowed or (how == "all") != (value is None):
            raise _Refused(f"say which: {', '.join(sorted(allowed))}")
        if value is None:
            return shadow_copies(backend=self._backend)
        if how == "set":
            return shadow_copies(set_id=self._id(value, "shadow copy set"), backend=self._backend)
        if how == "id":
            return shadow_copies(snapshot_id=self._id(value, "shadow copy"), backend=self._backend)
        if how == "exposed":
            return [self._exposed(value)]
        volume = value if value.endswith(("\\", "/")) else value + ("/" if value.startswith("/") else "\\")
        found = shadow_copies(volume, backend=self._backend)
        return found[:1] if how == "oldest" else found

    def _exposed(self, place: str) -> SnapshotProperties:
        def plain(name: str) -> str:
            return name.rstrip("\\/").casefold()

        share = plain(place).rpartition("\\")[2] if place.startswith("\\\\") else plain(place)
        for copy in shadow_copies(backend=self._backend):
            if copy.exposed_name is not None and plain(copy.exposed_name) in {plain(place), share}:
                return copy
        raise _Refused(f"no shadow copy is exposed as {place}")

    def _delete_shadows(self, command: Command) -> None:
        allowed = {"all", "volume", "oldest", "set", "id", "exposed"}
        words = self._arguments(command)
        copies = self._found([words[0].casefold(), *words[1:]], allowed)
        with administration(self._backend) as components:
            for copy in copies:
                if self._making is not None and self._making.has(copy.snapshot_id):
                    self._making.doomed.append(copy.snapshot_id)
                    self._say(f"Shadow copy {{{copy.snapshot_id}}} will be deleted when its backup is over.")
                    continue
                components.delete_snapshots(copy.snapshot_id, ObjectType.SNAPSHOT, True)
                self._say(f"Shadow copy {{{copy.snapshot_id}}} deleted.")
        self._say(f"{len(copies)} shadow copies.")

    def _expose(self, command: Command) -> None:
        text, place = self._arguments(command)
        snapshot_id = self._id(text, "shadow copy")
        local = re.fullmatch(r"[A-Za-z]:\\?", place) or re.match(r"[A-Za-z]:[\\/]|/", place)
        how = SnapshotAttributes.EXPOSED_LOCALLY if local else SnapshotAttributes.EXPOSED_REMOTELY
        name = place[:2] if re.fullmatch(r"[A-Za-z]:\\?", place) else place
        if place.startswith("\\\\"):
            name = place.rstrip("\\").rpartition("\\")[2]
        with administration(self._backend) as components:
            exposed = components.expose_snapshot(snapshot_id, None, how, name)
        if self._making is not None:
            self._making.exposed.append(snapshot_id)
        self._say(f"The shadow copy {{{snapshot_id}}} is exposed as {exposed}.")

    def _unexpose(self, command: Command) -> None:
        (text,) = self._arguments(command)
        snapshot_id = UUID(text) if _GUID.fullmatch(text) else self._exposed(text).snapshot_id
        with administration(self._backend) as components:
            components.unexpose_snapshot(snapshot_id)
        self._say(f"The shadow copy {{{snapshot_id}}} is exposed no more.")

    # --- hardware, and the way back ----------------------------------------------------------------------------------

    def _import(self, command: Command) -> None:
        found = import_shadow_copies(self._need_metadata().document or "", timeout=self._timeout, backend=self._backend)
        self._tell(found)

    def _mask(self, command: Command) -> None:
        (text,) = self._arguments(command)
        self._break_set(self._id(text, "shadow copy set"), HardwareOptions.BREAKEX_FLAG_MASK_LUNS)

    def _break(self, command: Command) -> None:
        words = self._arguments(command)
        if len(words) == 2 and words[0].casefold() != "writable":
            raise _Refused("the form of the command is: break [writable] <setid>")
        writable = HardwareOptions.BREAKEX_FLAG_MAKE_READ_WRITE if len(words) == 2 else HardwareOptions(0)
        self._break_set(self._id(words[-1], "shadow copy set"), writable)

    def _break_set(self, set_id: UUID, flags: HardwareOptions) -> None:
        with (
            administration(self._backend) as components,
            components.break_snapshot_set_ex(set_id, flags) as operation,
        ):
            operation.wait(timeout=self._timeout)

    def _revert(self, command: Command) -> None:
        (text,) = self._arguments(command)
        snapshot_id = self._id(text, "shadow copy")
        copies = shadow_copies(snapshot_id=snapshot_id, backend=self._backend)
        if not copies:
            raise _Refused(f"there is no shadow copy {text}")
        volume = copies[0].original_volume
        if should_block_revert(volume, self._backend):
            raise _Refused(f"a writer objects to setting {volume} back")
        with administration(self._backend) as components:
            components.revert_to_snapshot(snapshot_id)
        self._say(f"{volume} is being set back to the shadow copy {{{snapshot_id}}}.")


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def _reason(error: BaseException) -> str:
    if isinstance(error, VssError) and error.hint and error.hint not in str(error):
        return f"{error} ({error.hint})"
    return " ".join(str(error).split())
