"""A component that a session backs up."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from . import filesets
from .enums import BackupType
from .errors import ClosedError, IncompleteBackupError
from .result import ComponentResult, ComponentState, LeftOut
from .selection import Inclusion

if TYPE_CHECKING:
    from ._machine import Surroundings
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
    ) -> None:
        self.writer: WriterMetadata = inclusion.writer
        self.metadata: ComponentMetadata = inclusion.component
        self.implicit: tuple[ComponentMetadata, ...] = inclusion.implicit
        self.state: ComponentState = "unmarked"
        self.reason: str | None = None
        self._inclusion = inclusion
        self._shadows = shadows
        self._surroundings = surroundings
        self._result = result
        self._is_open = is_open

    @property
    def full_name(self) -> str:
        """Logical path and name (semantics 8.1)."""
        return self.metadata.full_name

    def __repr__(self) -> str:
        return f"<SelectedComponent {self.full_name!r} of {self.writer.name!r}: {self.state}>"

    def files(self, onerror: Callable[[OSError], object] | None = None) -> Iterator[BackupFile]:
        """The files of the whole component set on the shadow copies, each once, in the order of their names.

        What the writer's exclude list takes out goes into the result's ``left_out``, and so do mount points and links on
        the way to a file set, which are not entered (semantics 9.1.3).

        Args:
            onerror: called with the OSError of a folder or file that cannot be read, which goes into ``left_out`` too and
                makes the component fail (semantics 8.5); the rest follows. Without it the error is raised.

        Raises:
            OSError: see *onerror*.
            ShadowCopyVanishedError: the shadow copy is gone.
            ClosedError: the session has ended.
        """
        self._check_open()
        known = {item.name for item in self._result.left_out if item.kind == "file"}

        def leave_out(path: str, reason: str) -> None:
            if path not in known:
                known.add(path)
                writer = self.writer
                self._result.left_out.append(
                    LeftOut("file", path, reason, writer.name, writer.writer_id, writer.instance_id)
                )

        def unreadable(error: OSError) -> None:
            self._shadows.check()
            if onerror is None:
                raise error
            reason = error.strerror or str(error)
            leave_out(str(error.filename), reason)
            self.fail(f"{error.filename}: {reason}")
            onerror(error)

        try:
            yield from filesets.expand(
                self._inclusion.file_sets,
                excludes=self.writer.exclude_files,
                volumes=self._surroundings.volumes,
                environment=self._surroundings.environment,
                roots=self._shadows.roots(),
                onerror=unreadable,
                onleaveout=leave_out,
            )
        except OSError:
            self._shadows.check()
            raise
        # On a shadow copy that went away in between, every folder looks as if it had never been there.
        self._check_open()
        self._shadows.check()

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


def check_marked(components: Iterable[SelectedComponent], backup_type: BackupType, *, stacklevel: int) -> None:
    """Raises IncompleteBackupError, or warns for copies, if nobody said of some component whether it was saved."""
    unmarked = [f"{each.writer.name}: {each.full_name}" for each in components if each.state == "unmarked"]
    if not unmarked:
        return
    what = f"nobody said that these components were saved, so they count as failed: {', '.join(unmarked)}"
    if backup_type in _STRICT:
        raise IncompleteBackupError(what)
    warnings.warn(what, IncompleteBackupWarning, stacklevel=stacklevel)
