"""The registry's writer, with hives that are at work."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from uuid import UUID, uuid5

from .._writer_description import Component
from ..enums import RestoreMethod, SourceType, UsageType, WriterRestore
from ..metadata import FileSet, RestoreMethodInfo
from ._live import LiveWriter
from ._pages import DatabaseState, PageStore, check_pages, recover_pages

WRITER_ID = UUID("afbab4a2-367d-4d15-a586-71dbb18f8485")
_PATH = "C:\\Windows\\system32\\config"
HIVES = ("default", "SAM", "SECURITY", "software", "system")
"""The hives that are made; each has a log beside it (``.LOG``), which is not backed up."""
_LISTED = (*HIVES, "COMPONENTS", "DRIVERS", "BBI")
_WITH_EXCLUDED_LOG = ("default", "SECURITY", "software", "system", "COMPONENTS")


class RegistryWriter(LiveWriter):
    """The hives of a Windows folder: one component, and the hives' logs left out of the backup.

    Name, class id and shape are those of a captured document of Server 2012 R2 (vss_xml.md 2): what a requester saves is the
    hives without their logs, so a hive has to be whole at Freeze. What stands in the files is made up: pages with
    checksums, and two sequence numbers in the head that differ while a change is under way.

    Args:
        root: the folder of the volume ``C:\\``.
        instance_id: as for :class:`vsspy.simulator.Writer`.
        live: False: no thread is at work; :meth:`work` is.
    """

    def __init__(self, root: str | PathLike[str], *, instance_id: UUID | None = None, live: bool = True) -> None:
        super().__init__(
            "Registry Writer",
            live=live,
            writer_id=WRITER_ID,
            instance_id=instance_id,
            components=[
                Component(
                    "Registry",
                    caption="Registry",
                    selectable=True,
                    files=[
                        *(FileSet(_PATH, name) for name in _LISTED[:5]),
                        FileSet("C:\\Windows\\System32\\SMI\\Store\\Machine", "schema.dat"),
                        *(FileSet(_PATH, name) for name in _LISTED[5:]),
                    ],
                )
            ],
            exclude_files=[FileSet(_PATH, f"{name}.LOG") for name in _WITH_EXCLUDED_LOG],
            usage=UsageType.BOOTABLESYSTEMSTATE,
            source=SourceType.OTHER,
            version=(0, 0),
            restore_method=RestoreMethodInfo(
                RestoreMethod.RESTORE_AT_REBOOT_IF_CANNOT_REPLACE,
                None,
                None,
                WriterRestore.NEVER,
                reboot_required=True,
            ),
        )
        self._folder = Path(root) / "Windows" / "System32" / "config"
        for name in HIVES:
            hive = self.hive(name)
            self._stores[name] = PageStore(hive, hive.with_name(f"{name}.LOG"), uuid5(WRITER_ID, name))

    def hive(self, name: str) -> Path:
        """Where a hive is.

        Args:
            name: one of :data:`HIVES`.
        """
        return self._folder / name

    @staticmethod
    def check(hive: str | PathLike[str]) -> DatabaseState:
        """Proves a hive consistent by what is in it, without its log.

        Args:
            hive: the file, wherever it was copied to.

        Raises:
            InconsistentDataError: it is not; it says what is wrong.
            OSError: it cannot be read.
        """
        return check_pages(hive)

    @staticmethod
    def recover(hive: str | PathLike[str], log: str | PathLike[str]) -> DatabaseState:
        """Rolls a hive forward by its log, as loading it does.

        Args:
            hive: the hive; it is written.
            log: its log.

        Raises:
            InconsistentDataError: the log is another hive's, or does not reach back far enough.
            OSError: a file cannot be read or written.
        """
        return recover_pages(hive, [log])
