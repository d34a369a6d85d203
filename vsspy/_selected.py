"""A component that a session backs up."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from ._component_files import ComponentFiles, Wanted
from ._named_files import Named
from .enums import BackupType
from .errors import ClosedError, IncompleteBackupError
from .result import ComponentResult, ComponentState
from .selection import Inclusion

if TYPE_CHECKING:
    from ._machine import Surroundings
    from ._session_options import Settings
    from .filesets import BackupFile
    from .metadata import ComponentMetadata, WriterMetadata
    from .result import BackupResult
    from .shadow import ShadowCopySet

_STRICT: Final = (BackupType.FULL, BackupType.INCREMENTAL, BackupType.DIFFERENTIAL, BackupType.LOG)


class IncompleteBackupWarning(UserWarning):
    """Components that nobody marked counted as not backed up (copy backups)."""


class SelectedComponent:
    """A component that was included by name (AddComponent), with all that comes with it.

    One call of mark_succeeded or mark_failed is due for each; without it the component counts as not backed up, and its
    writer is told so (SetBackupSucceeded).

    Attributes:
        writer: the writer's metadata.
        metadata: the component's metadata.
        implicit: the components below it that come with it (semantics 8.2).
        because: the component whose dependency brought it in, with its writer's name; None if it was selected.
        state: ``unmarked``, ``succeeded`` or ``failed``.
        reason: why it failed.
    """

    def __init__(
        self,
        inclusion: Inclusion,
        shadows: ShadowCopySet,
        surroundings: Surroundings,
        result: BackupResult,
        is_open: Callable[[], bool],
        settings: Settings,
        named: Named = Named(),  # noqa: B008 (immutable)
    ) -> None:
        self.writer: WriterMetadata = inclusion.writer
        self.metadata: ComponentMetadata = inclusion.component
        self.implicit: tuple[ComponentMetadata, ...] = inclusion.implicit
        self.because: str | None = inclusion.because
        self.state: ComponentState = "unmarked"
        self.reason: str | None = None
        self._inclusion = inclusion
        self._named = named
        self._shadows = shadows
        self._surroundings = surroundings
        self._result = result
        self._is_open = is_open
        self._settings = settings

    @property
    def full_name(self) -> str:
        """Logical path and name (semantics 8.1)."""
        return self.metadata.full_name

    def __repr__(self) -> str:
        return f"<SelectedComponent {self.full_name!r} of {self.writer.name!r}: {self.state}>"

    def files(self, onerror: Callable[[OSError], object] | None = None) -> Iterator[BackupFile]:
        """The files of the whole component set on the shadow copies, each once, in the order of their names.

        Those that a backup of this type saves: what the writer named as differenced and partial files comes first, then
        the masks of the file sets decide (semantics 9.5, 10). Of a file with ``ranges`` only these parts are to be saved.
        Ranges files come last, from the live volume. What the writer's exclude list takes out goes into the
        result's ``left_out``, and so do mount points and links on the way to a file set, which are not entered
        (semantics 9.1.3); what is to be read live goes into ``read_live``.

        Args:
            onerror: called with the OSError of a folder or file that cannot be read, which goes into ``left_out`` too and
                makes the component fail (semantics 8.5); the rest follows. Without it the error is raised. What a writer
                named and cannot be had comes as one with ``errno.EINVAL``; a file with such ranges follows whole.

        Raises:
            OSError: see *onerror*.
            RangesError: the writer named parts of a file that it cannot have; see *onerror*.
            FileSetError: the writer named files on a volume without a shadow copy; see *onerror*.
            ShadowCopyVanishedError: the shadow copy is gone.
            ClosedError: the session has ended.
            OperationCancelledError: ``cancel`` was called.
        """
        for file, _ in files_of([self], onerror):
            yield file

    def mark_succeeded(self) -> None:
        """Says that all files of the component set were saved. Without effect if its writer failed or a part was marked failed.

        One failed file means that the whole set failed (semantics 8.5).
        """
        self._check_open()
        if self.state != "failed":
            self.state = "succeeded"

    def mark_failed(self, reason: str) -> None:
        """Says that something of the component set was not saved; its writer hears that the backup failed.

        Args:
            reason: why; it stands in the result.
        """
        self._check_open()
        self.fail(reason)

    def fail(self, reason: str | None) -> None:
        """Makes it count as failed, for the first reason that was given."""
        if reason is not None and self.state != "failed":
            self.state, self.reason = "failed", reason

    def _check_open(self) -> None:
        if not self._is_open():
            raise ClosedError("SelectedComponent")

    def outcome(self) -> ComponentResult:
        """What the result says about it."""
        return ComponentResult(
            self.writer.name,
            self.writer.writer_id,
            self.writer.instance_id,
            self.full_name,
            self.state,
            self.reason,
            tuple(component.full_name for component in self.implicit),
        )


def files_of(
    components: Sequence[SelectedComponent], onerror: Callable[[OSError], object] | None
) -> Iterator[tuple[BackupFile, list[SelectedComponent]]]:
    """The files of some components of one session, each once, with the components that it belongs to: see SelectedComponent."""
    if not components:
        return
    one = components[0]
    one._check_open()
    wanted = [Wanted(each, each._inclusion, each._named) for each in components]
    reader = ComponentFiles(wanted, one._shadows, one._surroundings, one._settings, one._result, onerror)
    try:
        for each in reader.files():
            yield each
            one._check_open()
    except OSError:
        one._check_open()
        one._shadows.check()
        raise
    # On a shadow copy that went away in between, every folder looks as if it had never been there.
    one._check_open()
    one._shadows.check()


def check_marked(components: Iterable[SelectedComponent], backup_type: BackupType, *, stacklevel: int) -> None:
    """Raises IncompleteBackupError, or warns for copies, if nobody said of some component whether it was saved."""
    unmarked = [f"{each.writer.name}: {each.full_name}" for each in components if each.state == "unmarked"]
    if not unmarked:
        return
    what = f"nobody said that these components were saved, so they count as failed: {', '.join(unmarked)}"
    if backup_type in _STRICT:
        raise IncompleteBackupError(what)
    warnings.warn(what, IncompleteBackupWarning, stacklevel=stacklevel)
