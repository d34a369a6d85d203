"""The system files' writer, with an installer that is at work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from uuid import UUID

from .._writer_description import Component
from ..enums import ComponentFlags, RestoreMethod, SourceType, UsageType, WriterRestore
from ..metadata import FileSet, RestoreMethodInfo
from ._catalog import CatalogStore, check_catalog
from ._live import LiveWriter

WRITER_ID = UUID("e8132975-6f93-4464-a53e-1050253ae220")
_CATALOGS = "{F750E6C3-38EE-11D1-85E5-00C04FC295EE}"
_FILES = {
    "c:\\windows\\system32": ("ntdll.dll", "kernel32.dll", "tracert.exe"),
    "c:\\windows\\system32\\en-us": ("tracert.exe.mui", "zipfldr.dll.mui"),
    "c:\\windows\\inf": ("adp80xx.inf",),
}
_SERVICES = {"c:\\windows\\system32": ("spoolsv.exe",)}


def _names(files: Mapping[str, Sequence[str]]) -> list[str]:
    """Paths below the volume's root, in the letter case that Windows has them in."""
    cased = {"windows": "Windows", "system32": "System32", "inf": "INF", "en-us": "en-US"}
    return [
        "/".join([*(cased[part] for part in folder.split("\\")[1:]), name])
        for folder, names in files.items()
        for name in names
    ]


class SystemWriter(LiveWriter):
    """System files and a catalog with their checksums: an installer replaces a file first and its entry then.

    Name, class id and shape are those of a captured document of Server 2012 R2 (vss_xml.md 2): two components, whole folders
    beside file sets that name a single file in lower case; here they are few. The files' contents and the catalog are made
    up.

    Args:
        root: the folder of the volume ``C:\\``.
        instance_id: as for :class:`vsspy.simulator.Writer`.
        live: False: no thread is at work; :meth:`work` is.
    """

    def __init__(self, root: str | PathLike[str], *, instance_id: UUID | None = None, live: bool = True) -> None:
        def single(files: Mapping[str, Sequence[str]]) -> list[FileSet]:
            return [FileSet(folder, name) for folder, names in files.items() for name in names]

        super().__init__(
            "System Writer",
            live=live,
            writer_id=WRITER_ID,
            instance_id=instance_id,
            components=[
                Component(
                    "System Files",
                    caption="System Files",
                    selectable=True,
                    files=[
                        FileSet(f"C:\\Windows\\system32\\CatRoot\\{_CATALOGS}", "*", recursive=True),
                        FileSet("%systemroot%\\winsxs", "*.*", recursive=True),
                        *single(_FILES),
                    ],
                ),
                Component(
                    "Win32 Services Files",
                    caption="Win32 Services Files",
                    selectable=True,
                    flags=ComponentFlags.NOT_SYSTEM_STATE,
                    files=single(_SERVICES),
                ),
            ],
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
        folder = Path(root)
        names = [*_names(_FILES), *_names(_SERVICES), "Windows/WinSxS/manifests.txt"]
        self._stores["system files"] = CatalogStore(_catalog(folder), folder, names)

    @staticmethod
    def check(root: str | PathLike[str]) -> dict[str, int]:
        """Proves the system files consistent with their catalog, by what is in them.

        Args:
            root: the folder that the volume was copied to.

        Returns:
            The version of each file, by its path below ``root`` with ``/``.

        Raises:
            InconsistentDataError: they are not; it says what is wrong.
            OSError: a file cannot be read.
        """
        return check_catalog(_catalog(Path(root)), root)


def _catalog(root: Path) -> Path:
    return root / "Windows" / "System32" / "CatRoot" / _CATALOGS / "files.cat"
