"""File sets: what a writer's component consists of, found on the shadow copies (semantics 9).

All file sets of all components become one tree of folders, and that tree is walked once for each volume, in C++: each file
comes up once however many file sets name it, in an order that depends on names only, a folder is listed only where a
wildcard asks for it, and what is kept in memory does not grow with the number of files.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, TypeVar

from . import _core
from ._expansion import EXCLUDED, Expansion, locate
from ._paths import VolumeNames
from ._roots import open_to_read
from .enums import BackupType
from .ranges import Range, read_parts

if TYPE_CHECKING:
    from .metadata import FileSet

__all__ = ["EXCLUDED", "BackupFile", "Root", "expand", "expand_groups", "locate", "matches", "resolve"]

Key = TypeVar("Key")
OnError = Callable[[OSError], object]
OnLeaveOut = Callable[[str, str], object]


@dataclass(frozen=True, slots=True)
class BackupFile:
    """A file that belongs to a component.

    Attributes:
        path: its name on the live volume (``C:\\Data\\a.txt``), the one to restore to.
        shadow_path: where to read it, on the shadow copy.
        size: bytes.
        is_link: True for a symbolic link, which is itself what belongs to the component, not what it points to.
        modified: when it was last written, in nanoseconds since 1970, UTC.
        is_live: True where it is to be read on the live volume: the file sets that name it are of files that come into being
            while the backup runs (semantics 9.5), which no shadow copy has.
        ranges: the parts of it that belong to the backup; None for all of it (semantics 10).
    """

    path: str
    shadow_path: str
    size: int
    is_link: bool = False
    modified: int = 0
    is_live: bool = False
    ranges: tuple[Range, ...] | None = None

    def __fspath__(self) -> str:
        return self.shadow_path

    def chunks(self, stream: IO[bytes] | None = None, *, chunk_size: int = 1 << 20) -> Iterator[tuple[int, bytes]]:
        """What of it is to be saved, as pairs of offset and bytes: all of it, or its ``ranges``.

        Args:
            stream: the file, open for reading bytes, as ``ShadowCopy.open`` gives it; it stays open. None: it is opened, and
                closed again.
            chunk_size: how many bytes come at a time at most.

        Raises:
            OSError: it cannot be read, or ends before its ranges do; ``errno.ELOOP`` for a link.
        """
        if stream is not None:
            yield from read_parts(stream, self.ranges, chunk_size)
            return
        if self.is_link:
            raise OSError(errno.ELOOP, "links are not followed", self.shadow_path)
        with open_to_read(self.shadow_path) as opened:
            yield from read_parts(opened, self.ranges, chunk_size)


@dataclass(frozen=True, slots=True)
class Root:
    """The root folder of a shadow copy: its name on the live volume and on the shadow copy, each with its final separator."""

    live: str
    shadow: str


def matches(filespec: str, name: str) -> bool:
    """Whether the file called *name* matches *filespec* as Windows would have it, without regard to case.

    ``*`` is any number of characters. ``?`` is one that is no period; before a period and at the end of the name it may also
    be none: ``a??.txt`` matches ``a1.txt``. A period before ``*`` or ``?`` may be missing at the end of a name: ``a.*``
    matches ``a``. ``*.`` at the end means names without an extension, ``*.*`` all names. Short (8.3) names do not count.
    """
    return _core.matches(filespec, name)


def resolve(root: str, elements: Iterable[str]) -> str:
    """*elements* below the folder *root*, each in the letter case that it has there; as given from the first missing one on."""
    elements = list(elements)
    found = _core.real_names(root, elements)
    return root + root[-1].join([*found, *elements[len(found) :]])


def expand(
    file_sets: Iterable[FileSet],
    *,
    excludes: Iterable[FileSet] = (),
    volumes: VolumeNames,
    environment: Mapping[str, str],
    roots: Mapping[str, Root],
    onerror: OnError | None = None,
    onleaveout: OnLeaveOut | None = None,
    backup_type: BackupType = BackupType.COPY,
    live_roots: Mapping[str, Root] | None = None,
) -> Iterator[BackupFile]:
    """The files of *file_sets* that exist on the shadow copies, each once, folder by folder in the order of their names.

    Folders that do not exist count as empty; links are not followed and other volumes not entered (semantics 9.1.3).
    On a volume with a Windows name a file or folder with a backslash in its own name, which only a simulated volume can
    have, is left out: its live path would be another one's. A file set with an alternate path is read there, while its
    files' ``path`` and the exclusions go by the path itself (semantics 9.2); such files come first, then those of *live_roots*.

    Args:
        excludes: the writer's exclude list, which wins over every file set (semantics 9.3.1).
        volumes: the machine's volumes.
        environment: the machine's environment variables.
        roots: the shadow copies by the volume's name in *volumes*.
        onerror: called with the OSError of a folder or file that cannot be read; without it the error is raised.
        onleaveout: called with the live path of each file that is left out, and why; a folder of which everything is left
            out is named instead of its files, with a final separator; a file set that is not for this type of backup is
            named by its path and file specification.
        backup_type: which file sets' masks count (semantics 9.5).
        live_roots: where file sets of files that come into being while the backup runs (semantics 9.5) are read, by the
            volume's name: the live volumes. A file of theirs that an ordinary file set asks for, too, is read on the shadow
            copy if it is there. None: such file sets are read on the shadow copies, as all others.

    Raises:
        FileSetError: a file set that cannot be understood, or that lies on a volume without a shadow copy.
        OSError: a folder that cannot be read.
    """
    files = expand_groups(
        {None: (file_sets, excludes)},
        volumes=volumes,
        environment=environment,
        roots=roots,
        onerror=None if onerror is None else lambda error, _: onerror(error),
        onleaveout=None if onleaveout is None else lambda path, reason, _: onleaveout(path, reason),
        backup_type=backup_type,
        live_roots=live_roots,
    )
    for file, _ in files:
        yield file


def expand_groups(
    groups: Mapping[Key, tuple[Iterable[FileSet], Iterable[FileSet]]],
    *,
    volumes: VolumeNames,
    environment: Mapping[str, str],
    roots: Mapping[str, Root],
    onerror: Callable[[OSError, tuple[Key, ...]], object] | None = None,
    onleaveout: Callable[[str, str, tuple[Key, ...]], object] | None = None,
    backup_type: BackupType = BackupType.COPY,
    live_roots: Mapping[str, Root] | None = None,
    between: Callable[[], object] | None = None,
) -> Iterator[tuple[BackupFile, tuple[Key, ...]]]:
    """As ``expand`` for many components in one walk: each file once, with the keys of those that it belongs to.

    Exclusions hold for their own group only (semantics 9.3.2): a file that another group asks for comes up for that one.

    Args:
        groups: file sets and exclude list by any key.
        onerror: as for ``expand``; also called with the keys of the groups that may miss something by the error.
        onleaveout: as for ``expand``; also called with the keys of the groups that it is left out of.
        between: called now and then, at least each 50 ms or so, also where no file is found; may end the walk by an
            exception.

    Raises:
        FileSetError: as for ``expand``.
        OSError: as for ``expand``.
    """
    expansion = Expansion(BackupFile, tuple(groups), volumes, environment, roots, live_roots, onerror, onleaveout)
    for group, (file_sets, excludes) in enumerate(groups.values()):
        expansion.add(group, file_sets, backup_type)
        expansion.exclude(group, excludes)
    yield from expansion.files(between)
