"""An application's writer: component sets, and files that have to go together."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

from .._writer_description import Component
from .._writer_events import WriterEvent
from ..enums import ApplicationLevel, BackupSchema, RestoreMethod, SourceType, UsageType, WriterRestore
from ..metadata import Dependency, FileSet, RestoreMethodInfo
from ._catalog import CatalogStore, check_catalog
from ._live import LiveWriter

WRITER_ID = uuid5(NAMESPACE_URL, "vsspy:writer:Example Mail Writer")
_SETS = {
    "store": ("Mailboxes/ann.box", "Mailboxes/bob.box", "Index/words.idx"),
    "archive": ("Archive/2024.box", "Archive/2025.box"),
}


class ApplicationWriter(LiveWriter):
    """A mail server that does not exist, with everything that component sets can have. All of it is made up, after the
    worked example of semantics 8.3.

    ======================  =============  ==========  ==========  ===========================================
    logical path            name           selectable  alone (1)   files
    ======================  =============  ==========  ==========  ===========================================
    none                    Configuration  no          no          ``Config``: always backed up with the writer
    none                    Store          yes         yes         ``store.lst``, which lists what is below
    ``Store``               Mailboxes      no          yes         ``Mailboxes``
    ``Store``               Index          no          no          ``Index``
    ``Store``               Archive        yes         yes         ``Archive``, with ``archive.lst``
    ======================  =============  ==========  ==========  ===========================================

    (1) selectable for restore. ``Store`` depends on another writer's component, if that is given. ``*.tmp`` is left out of
    the backup; ``Cache`` is said to be left out of the shadow copy. Files that cannot be replaced go to ``Recovered``. In a restore PreRestore
    stops the server, and PostRestore starts it with what is there.

    Args:
        root: the folder of the volume.
        volume: the volume's name.
        folder: where the application lies on it.
        depends_on: components of other writers that have to be saved together with ``Store``.
        instance_id, instance_name: as for :class:`vsspy.simulator.Writer`.
        live: False: no thread is at work; :meth:`work` is.
    """

    def __init__(
        self,
        root: str | PathLike[str],
        *,
        volume: str = "C:\\",
        folder: str = "Mail",
        depends_on: Dependency | None = None,
        instance_id: UUID | None = None,
        instance_name: str | None = None,
        live: bool = True,
    ) -> None:
        path = volume + folder

        def files(name: str) -> FileSet:
            return FileSet(f"{path}\\{name}", "*", recursive=True)

        super().__init__(
            "Example Mail Writer",
            live=live,
            writer_id=WRITER_ID,
            instance_id=instance_id,
            instance_name=instance_name,
            components=[
                Component("Configuration", files=[files("Config")]),
                Component(
                    "Store",
                    caption="All mail",
                    selectable=True,
                    selectable_for_restore=True,
                    files=[FileSet(path, "store.lst")],
                    dependencies=[] if depends_on is None else [depends_on],
                ),
                Component("Mailboxes", "Store", selectable_for_restore=True, files=[files("Mailboxes")]),
                Component("Index", "Store", files=[files("Index")]),
                Component(
                    "Archive",
                    "Store",
                    selectable=True,
                    selectable_for_restore=True,
                    files=[files("Archive"), FileSet(path, "archive.lst")],
                ),
            ],
            exclude_files=[FileSet(path, "*.tmp", recursive=True)],
            exclude_files_from_snapshot=[files("Cache")],
            usage=UsageType.USERDATA,
            source=SourceType.NONTRANSACTEDDB,
            backup_schema=BackupSchema.COPY,
            restore_method=RestoreMethodInfo(
                RestoreMethod.RESTORE_IF_CAN_REPLACE,
                None,
                None,
                WriterRestore.ALWAYS,
                reboot_required=False,
                alternate_location_mappings=[
                    FileSet(f"{path}\\{name}", "*", recursive=True, alternate_path=f"{path}\\Recovered\\{name}")
                    for name in ("Mailboxes", "Index", "Archive")
                ],
            ),
            level=ApplicationLevel.FRONT_END,
        )
        self._folder = Path(root).joinpath(*folder.split("\\"))
        self._catalogs = {
            name: CatalogStore(self._folder / f"{name}.lst", self._folder, files) for name, files in _SETS.items()
        }
        self._stores.update(self._catalogs)

    def start(self) -> None:
        """Open the files, which are made where there are none, and begin to work; a machine calls it."""
        for name, text in (("Config/mail.ini", "[mail]\n"), ("Mailboxes/draft.tmp", "draft"), ("Cache/page", "page")):
            file = self._folder.joinpath(*name.split("/"))
            if not file.exists():
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(text.encode("ascii"))
        super().start()

    @staticmethod
    def check(folder: str | PathLike[str], name: str = "store") -> dict[str, int]:
        """Proves a component set's files consistent with their list, by what is in them.

        Args:
            folder: where the application's folder was copied to.
            name: ``"store"`` or ``"archive"``.

        Returns:
            The version of each file, by its path below ``folder`` with ``/``.

        Raises:
            InconsistentDataError: they are not; it says what is wrong.
            OSError: a file cannot be read.
        """
        return check_catalog(Path(folder) / f"{name}.lst", folder)

    def on_pre_restore(self, event: WriterEvent) -> None:
        """At this event the server stops: nothing is written while files are replaced."""
        with self._lock:
            self._complete()
            self._paused.update(self._catalogs)

    def on_post_restore(self, event: WriterEvent) -> None:
        """At this event the server starts with what is there."""
        with self._lock:
            for name, store in self._catalogs.items():
                store.attach()
                self._paused.discard(name)
