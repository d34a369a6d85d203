"""Making shadow copies for the commands that need some: create, exec and mount."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from .._paths import VolumeNames, volume_name
from .._roots import shown
from ..enums import SnapshotContext
from ..errors import InvalidArgumentError, ObjectNotFoundError
from ..session import BackupSession
from ..shadow import ShadowCopy
from .console import complain
from .errors import CommandError
from .interrupts import Interrupts
from .machine import folder_volumes, is_simulated, load_writers, machine
from .places import parse_volumes
from .values import VolumeNamer, shadow_facts, word
from .waiting import Waiting

if TYPE_CHECKING:
    from ..shadow import ShadowCopySet

__all__ = ["Taken", "Wish", "find_volumes", "outlives", "taken", "writer_failures"]


@dataclass(frozen=True, slots=True)
class Wish:
    """The shadow copies that a command wants.

    Attributes:
        volumes: The volumes as the command line names them; off Windows also folders that play one.
        folders: The values of --volume.
        components: What is claimed of writers: the writer, and the component or None for all of them.
        excluded: What is not, in the same form.
        timeout: Limit of each phase in seconds, None for the session's own.
    """

    volumes: Sequence[str]
    folders: Sequence[str] = ()
    backend: str | None = None
    writers_from: str | None = None
    context: int = SnapshotContext.BACKUP
    writers: bool = True
    provider: UUID | None = None
    components: Sequence[tuple[str, str | None]] = ()
    excluded: Sequence[tuple[str, str | None]] = ()
    timeout: float | None = None


@dataclass(slots=True)
class Taken:
    """Shadow copies that were made, as long as the session lasts.

    Attributes:
        copies: The shadow copies by the volumes' names, in the order of the command line.
        facts: The same as JSON has them.
    """

    session: BackupSession
    shadows: ShadowCopySet
    copies: Mapping[str, ShadowCopy]
    interrupts: Interrupts
    facts: list[dict[str, Any]]

    @property
    def names(self) -> list[str]:
        """The volumes' names."""
        return list(self.copies)

    @property
    def roots(self) -> dict[str, str]:
        """The roots of the shadow copies by the volumes' names."""
        return {name: copy.root for name, copy in self.copies.items()}


@contextmanager
def taken(wish: Wish, check: Callable[[Sequence[str]], object] = lambda names: None) -> Iterator[Taken]:
    """Makes shadow copies for the time of a ``with`` statement; the end of the block completes the backup.

    Args:
        wish: What is wanted.
        check: Called with the volumes' names before anything is made; what it raises ends the command.

    Raises:
        CommandError: The wish makes no sense.
        VssError: What VSS says.
    """
    simulated = is_simulated(wish.backend, other_options=bool(wish.folders or wish.writers_from))
    names, volumes = find_volumes(wish, simulated)
    check(names)
    writers = load_writers(wish.writers_from)
    options: dict[str, Any] = {} if wish.timeout is None else {"timeout": wish.timeout}
    with Interrupts() as interrupts, machine(simulated, volumes, writers), Waiting() as waiting:
        session = BackupSession(
            *names,
            context=wish.context,
            writers=wish.writers,
            select_components=bool(wish.components),
            provider=wish.provider,
            on_writer_failure="report",
            on_progress=waiting.phase,
            **options,
        )
        with interrupts.impatient(), session, interrupts.patient():
            for writer, component in wish.components:
                session.select(writer, component)
            for writer, component in wish.excluded:
                session.exclude(writer, component)
            with interrupts.impatient():
                shadows = _snapshot(session)
            waiting.stop()
            namer = VolumeNamer.here()
            copies = {name: copy for name in names if isinstance(copy := shadows[name], ShadowCopy)}
            facts = [shadow_facts(copy.properties, namer) for copy in copies.values()]
            yield Taken(session, shadows, copies, interrupts, facts)


def _snapshot(session: BackupSession) -> ShadowCopySet:
    try:
        return session.snapshot()
    except ObjectNotFoundError as error:
        if error.volume is None:
            raise
        raise CommandError(
            f"there is no volume {shown(error.volume)}; `vsspy list volumes` shows those there are ({error.name})"
        ) from error


def find_volumes(wish: Wish, simulated: bool) -> tuple[list[str], Mapping[str, str]]:
    """The volumes' names, and the simulated ones by name; a VOLUME that is a folder is one that plays itself."""
    given = parse_volumes(wish.folders)
    here = {**folder_volumes(simulated), **given}
    known = VolumeNames([name] for name in here)
    names: list[str] = []
    for text in wish.volumes:
        if not text:  # a variable that is not set, say, and not the current folder
            raise CommandError("a VOLUME is empty; `vsspy list volumes` shows those there are")
        try:
            name = volume_name(text)
        except InvalidArgumentError:
            name = volume_name(os.path.abspath(text))
        if simulated and not os.environ.get("VSSPY_SIMULATOR") and known.identify(name) is None:
            local = os.path.abspath(text)
            if not os.path.isdir(local) or os.path.dirname(local) == local:
                raise CommandError(
                    f"{shown(text)} is no volume of the simulated machine; say which folder plays it: --volume '{shown(name)}=FOLDER'"
                )
            name = volume_name(local)
            known.add(name)
            given[name] = os.path.realpath(local)
        if any(VolumeNames([[name]]).identify(other) for other in names):
            raise CommandError(f"{shown(text)} is given twice; name it once")
        names.append(name)
    return names, given


def outlives(backend: str | None) -> bool:
    """Whether what is persistent can outlive this command: not on a simulated machine that is made for it."""
    return not is_simulated(backend) or bool(os.environ.get("VSSPY_SIMULATOR"))


def writer_failures(session: BackupSession) -> list[dict[str, Any]]:
    """The writers of a session that failed, as JSON has them; each is told on stderr, too."""
    found = []
    for writer in session.result.writers:
        if not writer.failed:
            continue
        complain(f"the writer {writer.name} failed with {writer.failure_name} after {writer.phase}")
        found.append(
            {
                "name": shown(writer.name),
                "instance_id": str(writer.instance_id),
                "state": word(writer.state),
                "failure": writer.failure_name,
                "phase": writer.phase,
            }
        )
    return found


Hold = Callable[[Taken], int]
