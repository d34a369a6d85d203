"""A database server's writer, with databases that are at work."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike, fspath
from pathlib import Path
from uuid import UUID, uuid4

from .._writer_description import Component
from .._writer_events import WriterEvent, WriterEventComponent
from ..enums import (
    ApplicationLevel,
    BackupSchema,
    BackupType,
    ComponentFlags,
    FileSpecBackupType,
    RestoreMethod,
    SourceType,
    UsageType,
    WriterRestore,
)
from ..errors import InvalidArgumentError
from ..metadata import FileSet, RestoreMethodInfo
from ._live import LiveWriter, below, refuse
from ._pages import DatabaseState, InconsistentDataError, PageStore, check_pages, read_log, recover_pages

WRITER_ID = UUID("a65faa63-5ea8-4ebc-9dbd-a0c4db26912a")
_NO_ROLL_FORWARD = '"Roll Forward"="None"'
_NOT_FOR_LOG = FileSpecBackupType(0xF0F) & ~FileSpecBackupType.LOG_BACKUP_REQUIRED
_NOT_IN_NAMES = frozenset('\\/:*?"<>|\0')
_INCREASING = (BackupType.FULL, BackupType.LOG)  # what the log is cut after (semantics 10)


class _Running:
    """What a database has to do with the backup or restore that is under way."""

    def __init__(self, store: PageStore) -> None:
        self.store = store
        self.sequence = 0  # at Freeze
        self.differential_to: int | None = None


class SqlServerWriter(LiveWriter):
    """Databases with data and log files, each a component that can be selected.

    Name, ids and shape are those of a captured document of SQL Server 2017 (vss_xml.md 2 and 3.7): file groups below the
    server's name, one file set for the data file and one for the log, flags 2, schema bits differential, copy,
    time-stamped, last-modify, new target and move. Log backups are an addition, which the real writer does not have; so
    is that a full backup cuts the log. What stands in the files is made up, as are the stamps.

    - A stamp names the database and its last transaction. A differential backup needs the stamp of the last full backup,
      a log backup one since which the log is whole, as ``previous_backup_stamp``: without it the component fails in
      PrepareBackup. A differential backup names the changed parts of the data file as partial file, if the requester can
      do with parts, else it takes the whole file.
    - BackupComplete cuts the log up to the shadow copy, of a full or log backup and of components only that the
      requester reported as saved.
    - PreRestore takes a selected database offline, or fails its component if it has options that nobody knows (known:
      ``"Roll Forward"="None"``). PostRestore rolls the data file forward by the log, and brings it online unless more
      restores are to follow. A component with a new target is brought into one piece there; the database goes on.

    Args:
        root: the folder of the volume that the databases are on.
        databases: their names.
        volume: the volume's name.
        folder: where the databases lie on it.
        server: the server's name, the components' logical path.
        instance_id, instance_name, level: as for :class:`vsspy.simulator.Writer`.
        live: False: no thread is at work; :meth:`work` is.

    Raises:
        InvalidArgumentError: two databases of one name, or a name that no file can have.
    """

    def __init__(
        self,
        root: str | PathLike[str],
        databases: Iterable[str] = ("master", "model", "msdb"),
        *,
        volume: str = "C:\\",
        folder: str = "MSSQL14.MSSQLSERVER\\MSSQL\\DATA",
        server: str = "SIMULATOR",
        instance_id: UUID | None = None,
        instance_name: str = "Microsoft SQL Server 2017:SQLWriter",
        level: ApplicationLevel = ApplicationLevel.BACK_END,
        live: bool = True,
    ) -> None:
        self._root = Path(root)
        self._volume = volume
        self._path = volume + folder
        self._server = server
        self._databases: dict[str, PageStore] = {}
        self._backups: dict[UUID, dict[str, _Running]] = {}
        if isinstance(databases, str):
            detail = "databases is a list of names, not one name"
            raise InvalidArgumentError("E_INVALIDARG", "SqlServerWriter", detail=detail)
        names = list(databases)
        super().__init__(
            "SqlServerWriter",
            live=live,
            writer_id=WRITER_ID,
            instance_id=instance_id,
            instance_name=instance_name,
            components=[self._component(name) for name in names],
            usage=UsageType.USERDATA,
            source=SourceType.TRANSACTEDDB,
            version=(0, 0),
            backup_schema=BackupSchema.DIFFERENTIAL
            | BackupSchema.LOG
            | BackupSchema.COPY
            | BackupSchema.TIMESTAMPED
            | BackupSchema.LAST_MODIFY
            | BackupSchema.WRITER_SUPPORTS_NEW_TARGET
            | BackupSchema.WRITER_SUPPORTS_RESTORE_WITH_MOVE,
            restore_method=RestoreMethodInfo(
                RestoreMethod.RESTORE_IF_CAN_REPLACE, None, None, WriterRestore.ALWAYS, reboot_required=False
            ),
            level=level,
        )
        for name in names:
            self._attach(name)

    def data_file(self, database: str) -> Path:
        """Where a database's data file is. Raises ``KeyError``."""
        return self._databases[database].data

    def log_file(self, database: str) -> Path:
        """Where a database's log is. Raises ``KeyError``."""
        return self._databases[database].log

    def add_database(self, name: str) -> None:
        """Make one more database; the next Identify has it.

        Args:
            name: its name.

        Raises:
            InvalidArgumentError: there is one of that name, or no file can have it.
        """
        with self._lock:
            self._attach(name)
            if self._starts:
                self._databases[name].open()

    def drop_database(self, name: str) -> None:
        """Give a database up: it is not worked on any more, and the next Identify does not have it. Its files stay.

        Args:
            name: its name. Raises ``KeyError``.
        """
        with self._lock:
            self._complete()
            del self._databases[name], self._stores[name]
            self._paused.discard(name)

    def state(self, database: str) -> DatabaseState:
        """What a database that runs holds, after the transaction that is under way.

        Args:
            database: its name. Raises ``KeyError``.
        """
        with self._lock:
            self._complete()
            return check_pages(self.data_file(database), self.log_file(database))

    def is_online(self, database: str) -> bool:
        """Whether a database is at work; one that is being restored is not. Raises ``KeyError``."""
        with self._lock:
            if database not in self._databases:
                raise KeyError(database)
            return database not in self._paused

    @staticmethod
    def check(data: str | PathLike[str]) -> DatabaseState:
        """Proves a database consistent by its files alone, wherever they were copied to: checksums, sums, sequence.

        Args:
            data: the data file, with the log beside it under the name that this writer gives it.

        Raises:
            InconsistentDataError: it is not; it says what is wrong.
            OSError: a file cannot be read.
        """
        return check_pages(data, log_of(data))

    @staticmethod
    def recover(
        data: str | PathLike[str], logs: Iterable[str | PathLike[str]] | None = None, *, until: int | None = None
    ) -> DatabaseState:
        """Rolls a copy of a database forward by its log, or by a chain of saved ones, and gives it an empty log.

        Args:
            data: the data file.
            logs: logs, oldest first; None: the one beside the data file.
            until: the last transaction to roll forward.

        Raises:
            InconsistentDataError: a log is missing, or another database's.
            OSError: a file cannot be read or written.
        """
        own = log_of(data)
        return recover_pages(data, [own] if logs is None else logs, new_log=own, until=until)

    # --- events

    def on_identify(self, event: WriterEvent) -> None:
        """At this event the writer says which databases there are now."""
        with self._lock:
            event.set_metadata(components=[self._component(name) for name in self._databases])

    def on_prepare_backup(self, event: WriterEvent) -> None:
        """At this event the writer looks at the stamps that the backup is to build on."""
        chosen: dict[str, _Running] = {}
        failures: dict[WriterEventComponent, str] = {}
        with self._lock:
            for component in event.components:
                store = self._databases.get(component.name)
                if store is None or component.name in self._paused:
                    failures[component] = "the database is not online"
                    continue
                running = chosen[component.name] = _Running(store)
                try:
                    running.differential_to = self._base_of(event.backup_type, component, store)
                except ValueError as error:
                    failures[component] = str(error)
                    del chosen[component.name]
            self._backups[event.session_id] = chosen
        refuse(event, failures)

    def on_freeze(self, event: WriterEvent) -> None:
        """At this event the writer completes what is under way, and notes where each database stands."""
        with self._lock:
            super().on_freeze(event)
            for running in self._backups.get(event.session_id, {}).values():
                running.sequence = running.store.sequence

    def on_post_snapshot(self, event: WriterEvent) -> None:
        """At this event the writer sets stamps, and names what of a data file changed since the last full backup."""
        chosen = self._backups.get(event.session_id, {})
        with self._lock:
            for component in event.components:
                if (running := chosen.get(component.name)) is None:
                    continue
                component.set_backup_stamp(f"{running.store.database}:{running.sequence}")
                if running.differential_to is not None and event.partial_file_support:
                    # what was written since Thaw is among them: a part too many does no harm
                    ranges = running.store.changed_since(running.differential_to)
                    component.add_partial_file(self._path, running.store.data.name, ranges)

    def on_backup_complete(self, event: WriterEvent) -> None:
        """At this event the writer cuts the logs of what was saved."""
        chosen = self._backups.get(event.session_id, {})
        if event.backup_type not in _INCREASING:
            return
        with self._lock:
            for component in event.components:
                if component.backup_succeeded and (running := chosen.get(component.name)) is not None:
                    self._complete()
                    running.store.truncate(running.sequence, full=event.backup_type is BackupType.FULL)

    def on_backup_shutdown(self, event: WriterEvent) -> None:
        """At this event the backup is over."""
        super().on_backup_shutdown(event)
        self._backups.pop(event.session_id, None)

    def on_pre_restore(self, event: WriterEvent) -> None:
        """At this event the writer takes the databases offline that are to be replaced."""
        failures: dict[WriterEventComponent, str] = {}
        with self._lock:
            for component in event.components:
                if not component.selected_for_restore:
                    continue
                if component.restore_options not in (None, "", _NO_ROLL_FORWARD):
                    failures[component] = f"unknown restore options: {component.restore_options}"
                    component.set_pre_restore_failure_message(failures[component])
                elif not component.new_targets and component.name in self._databases:
                    self._complete()
                    self._paused.add(component.name)
        refuse(event, failures)

    def on_post_restore(self, event: WriterEvent) -> None:
        """At this event the writer rolls what was restored forward, and brings it online."""
        failures: dict[WriterEventComponent, str] = {}
        with self._lock:
            for component in event.components:
                if not component.selected_for_restore:
                    continue
                try:
                    self._recover_restored(component)
                except (InconsistentDataError, OSError) as error:
                    failures[component] = str(error)
                    component.set_post_restore_failure_message(failures[component])
        refuse(event, failures)

    # --- the rest

    def _attach(self, name: str) -> None:
        if not name or set(name) & _NOT_IN_NAMES or name.casefold() in map(str.casefold, self._databases):
            why = "there is one" if name in self._databases else "it has to be the name of a file of its own"
            raise InvalidArgumentError("E_INVALIDARG", "SqlServerWriter", detail=f"database {name!r}: {why}")
        data = below(self._root, self._volume, f"{self._path}\\{name}.mdf")
        assert data is not None
        self._stores[name] = self._databases[name] = PageStore(data, log_of(data), uuid4())

    def _component(self, name: str) -> Component:
        return Component(
            name,
            self._server,
            notify_on_backup_complete=True,
            selectable=True,
            selectable_for_restore=True,
            flags=ComponentFlags.APP_ROLLBACK_RECOVERY,
            files=[
                FileSet(self._path, f"{name}.mdf", backup_type=_NOT_FOR_LOG),
                FileSet(self._path, f"{name}_log.ldf"),
            ],
        )

    def _base_of(self, backup_type: BackupType, component: WriterEventComponent, store: PageStore) -> int | None:
        """The transaction that a differential backup builds on; raises ``ValueError`` where the stamp does not do."""
        if backup_type not in (BackupType.DIFFERENTIAL, BackupType.LOG):
            return None
        database, _, number = (component.previous_backup_stamp or "").partition(":")
        if database != str(store.database) or not number.isdecimal():
            raise ValueError("no stamp of an earlier backup of this database")
        held = read_log(store.log)
        sequence = int(number)
        if backup_type is BackupType.LOG:
            if not held.base <= sequence <= held.last:
                raise ValueError(f"the log begins after transaction {held.base}, the stamp says {sequence}")
            return None
        if sequence != held.full:
            raise ValueError(f"the last full backup was of transaction {held.full}, the stamp says {sequence}")
        return sequence

    def _recover_restored(self, component: WriterEventComponent) -> None:
        moved = [target for target in component.new_targets if target.filespec.lower().endswith((".mdf", "*"))]
        until = 0 if component.restore_options == _NO_ROLL_FORWARD else None
        if moved:
            place = below(self._root, self._volume, moved[0].alternate_path or "")
            if place is None:
                raise InconsistentDataError(f"{moved[0].alternate_path} is not on this writer's volume")
            self.recover(place / f"{component.name}.mdf", until=until)
            return
        if component.name not in self._databases:
            self._attach(component.name)
        self._paused.add(component.name)
        store = self._databases[component.name]
        self.recover(store.data, until=until)
        if not component.additional_restores:
            store.attach()
            self._paused.discard(component.name)


def log_of(data: str | PathLike[str]) -> Path:
    """The log that stands beside a data file."""
    path = Path(fspath(data))
    return path.with_name(f"{path.stem}_log.ldf")
