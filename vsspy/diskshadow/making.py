"""create to end backup: a session of vsspy, held open between the commands."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from ..administration import administration
from ..enums import BackupType, ObjectType, SnapshotAttributes, SnapshotContext
from ..errors import IncompleteBackupError, ObjectNotFoundError, VssError
from ..session import BackupSession, IncompleteBackupWarning
from ..shadow import ShadowCopy
from .metadata import Metadata

if TYPE_CHECKING:
    from .._properties import SnapshotProperties
    from ..metadata import WriterMetadata
    from ..simulator import Machine

__all__ = ["Making", "Settings", "split_component"]

# windows-commands/set-context; that it is volatile unless set: VSS's own default context.
_CONTEXTS = {
    ("clientaccessible",): SnapshotContext.CLIENT_ACCESSIBLE,
    ("persistent",): SnapshotContext.APP_ROLLBACK,
    ("persistent", "nowriters"): SnapshotContext.NAS_ROLLBACK,
    ("volatile",): SnapshotContext.BACKUP,
    ("volatile", "nowriters"): SnapshotContext.FILE_SHARE_BACKUP,
}

# windows-commands/set-option
_OPTIONS = {
    "differential": SnapshotAttributes.DIFFERENTIAL,
    "plex": SnapshotAttributes.PLEX,
    "transportable": SnapshotAttributes.TRANSPORTABLE,
    "rollbackrecover": SnapshotAttributes.ROLLBACK_RECOVERY,
    "txfrecover": SnapshotAttributes.TXF_RECOVERY,
    "noautorecover": SnapshotAttributes.NO_AUTORECOVERY,
}


@dataclass(slots=True)
class Settings:
    """What the set and writer commands say.

    Attributes:
        context: the words of set context.
        options: those of set option.
        verbose: whether details are printed.
        metadata: where the metadata file goes; None for none.
        full: whether begin backup was run: a full backup, not a copy.
        verified, excluded: writers and components, as the script names them.
    """

    context: tuple[str, ...] = ("volatile",)
    options: tuple[str, ...] = ()
    verbose: bool = False
    metadata: str | None = None
    full: bool = False
    verified: list[str] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """What set without parameters lists."""
        yield f"Context: {' '.join(self.context)}"
        yield f"Options: {' '.join(self.options) or 'none'}"
        yield f"Verbose: {'on' if self.verbose else 'off'}"
        yield f"Metadata: {self.metadata or 'none'}"

    def set_context(self, words: list[str]) -> None:
        """Raises ValueError for words that are no context."""
        if tuple(words) not in _CONTEXTS:
            raise ValueError(f"{' '.join(words)} is no context")
        self.context = tuple(words)

    def set_options(self, words: list[str]) -> None:
        """Raises ValueError for words that are no options, or do not go together."""
        for word in words:
            if word not in _OPTIONS:
                raise ValueError(f"{word} is no option")
        clash = {"noautorecover"} <= set(words) and {"rollbackrecover", "txfrecover"} & set(words)
        if clash or {"differential", "plex"} <= set(words):
            raise ValueError(f"{' and '.join(words)} do not go together")
        self.options = tuple(dict.fromkeys(words))

    @property
    def snapshot_context(self) -> SnapshotContext | int:
        """The context with the options' attributes."""
        context = int(_CONTEXTS[self.context])
        for word in self.options:
            context |= int(_OPTIONS[word])
        return context

    @property
    def with_writers(self) -> bool:
        """Whether writers take part."""
        return not int(_CONTEXTS[self.context]) & SnapshotAttributes.NO_WRITERS

    @property
    def transportable(self) -> bool:
        """Whether the set is for another computer."""
        return "transportable" in self.options

    def check_volume(self, name: str, provider: UUID | None, backend: Machine | str | None) -> None:
        """Raises ValueError where no shadow copy of the volume can be made; what VSS says otherwise."""
        with administration(backend) as components:
            if not components.is_volume_supported(name, provider):
                raise ValueError(f"there is no provider that can make a shadow copy of {name}")


def split_component(text: str) -> tuple[str | UUID, str | None]:
    r"""A writer, or ``writer:\component``; the writer by name or by id in braces."""
    writer, colon, component = text.partition(":\\")
    name = writer.strip()
    key: str | UUID = name
    if name.startswith("{") and name.endswith("}"):
        with suppress(ValueError):
            key = UUID(name)
    return key, component if colon else None


class Making:
    """A shadow copy set under work.

    Args:
        settings: what the script has said.
        timeout: seconds that each wait may take.
        backend: where.
    """

    def __init__(self, settings: Settings, timeout: float, backend: Machine | str | None) -> None:
        self._settings = settings
        self._timeout = timeout
        self._backend = backend
        self._session: BackupSession | None = None
        self._writers: tuple[WriterMetadata, ...] = ()
        self.copies: dict[str, SnapshotProperties] = {}
        self.exposed: list[UUID] = []  # what went to a drive or folder since
        self.doomed: list[
            UUID
        ] = []  # what the script deletes; not before the end, since a backup has to have its copies

    @property
    def set_id(self) -> UUID:
        """The set's id."""
        return next(iter(self.copies.values())).snapshot_set_id

    def has(self, snapshot_id: UUID) -> bool:
        """Whether a shadow copy belongs to the set."""
        return any(copy.snapshot_id == snapshot_id for copy in self.copies.values())

    def create(self, volumes: Mapping[str, UUID | None], told: Callable[[str], object]) -> None:
        """Make the shadow copies of volumes with their providers.

        Raises:
            ValueError: the set cannot be made like that.
            VssError: what VSS says.
        """
        settings = self._settings
        chosen = set(volumes.values())
        if len(chosen) > 1:
            raise ValueError("all volumes of a set have the same provider here")
        if settings.transportable and settings.metadata is None:
            raise ValueError("a transportable set needs a metadata file: set metadata comes first")
        session = BackupSession(
            *volumes,
            backup_type=BackupType.FULL if settings.full else BackupType.COPY,
            context=settings.snapshot_context,
            writers=settings.with_writers,
            select_components=settings.with_writers,
            bootable_system_state=settings.with_writers,
            provider=chosen.pop(),
            timeout=self._timeout,
            backend=self._backend,
        )
        session.__enter__()
        self._session = session
        self._writers = tuple(session.writers)
        for text in settings.excluded if settings.with_writers else ():
            session.exclude(*split_component(text))
            told(f"Excluded: {text}")
        if settings.with_writers:
            self._verify(session)
        shadows = session.snapshot()
        for name in volumes:
            copy = shadows[name]
            assert isinstance(copy, ShadowCopy)  # every volume is required
            self.copies[name] = copy.properties
        for component in session.components if settings.with_writers else ():
            told(f"Included: {component.writer.name}:\\{component.metadata.full_name}")
        for left in session.result.left_out:
            told(f"Left out: {left.name}: {left.reason}")

    def _verify(self, session: BackupSession) -> None:
        plan = session.plan(count=False)
        for text in self._settings.verified:
            writer, component = split_component(text)
            for each in plan.components:
                names = {each.full_name.casefold(), *(name.casefold() for name in each.implicit)}
                is_writer = (
                    writer in {each.writer_id, each.instance_id} or str(writer).casefold() == each.writer.casefold()
                )
                if (is_writer and (component is None or component.casefold() in names)) or (
                    component is None and str(writer).casefold() in names
                ):
                    break
            else:
                raise ValueError(f"{text} is not in the backup, and writer verify demands it")

    def save_metadata(self, aliases: Mapping[str, str]) -> None:
        """Write the metadata file, where one is wanted."""
        if self._settings.metadata is None or self._session is None:
            return
        names = {copy.snapshot_id: name for name, copy in self.copies.items()}
        metadata = Metadata(self._session.result.document, self._writers, dict(aliases))
        metadata.save(self._settings.metadata, self.set_id, list(self.copies.values()), names)

    def end(self, aliases: Mapping[str, str]) -> None:
        """end backup: each component counts as saved, as with DiskShadow, and the writers are told.

        Raises:
            VssError: what VSS or a writer says; nothing is left then.
        """
        assert self._session is not None
        if self._settings.with_writers:
            for component in self._session.components:
                if component.reason is None:  # its writer has not failed
                    component.mark_succeeded()
        self._session.__exit__(None, None, None)
        self.save_metadata(aliases)
        self._session = None
        self._delete()

    def leave(self) -> list[str]:
        """exit or reset without end backup: the writers hear of no success. Returns what a person should know."""
        session, self._session = self._session, None
        if session is None:
            return []
        notes = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", IncompleteBackupWarning)
            try:
                session.__exit__(None, None, None)
            except IncompleteBackupError:
                notes.append("begin backup without end backup: the writers were told that nothing was saved.")
        self._delete()
        return notes

    def _delete(self) -> None:
        with administration(self._backend) as components:
            for snapshot_id in self.doomed:
                with suppress(ObjectNotFoundError):  # a volatile one has gone with its session
                    components.delete_snapshots(snapshot_id, ObjectType.SNAPSHOT, True)

    def give_up(self, error: BaseException) -> list[str]:
        """Take back what was made. Returns what went wrong with that."""
        session, self._session = self._session, None
        notes: list[str] = []
        for snapshot_id in self.exposed if session is not None else ():
            try:
                with administration(self._backend) as components:
                    components.unexpose_snapshot(snapshot_id)
            except VssError as problem:
                notes.append(f"{{{snapshot_id}}} is still exposed: {problem}")
        if session is not None:
            try:
                session.__exit__(type(error), error, error.__traceback__)
            except VssError as problem:  # the shadow copies are gone, which is why the script failed
                notes.append(str(problem))
            notes += session.result.notes
        return notes
