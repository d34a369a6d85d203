"""A whole backup in the right order, and the right clean-up on every way out."""

from __future__ import annotations

import os
import time
import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self, TypedDict, Unpack
from uuid import UUID

from ._conversation import Conversation, Settings
from ._paths import volume_name
from ._phases import Phases, Progress, seconds
from ._selected import IncompleteBackupWarning, SelectedComponent, check_marked
from ._writers import FailurePolicy, WriterWatch
from .enums import BackupType, SnapshotAttributes, SnapshotContext
from .errors import (
    BadStateError,
    ClosedError,
    FileSetError,
    IncompleteBackupError,
    InvalidArgumentError,
    ReentrantCallError,
    ShadowCopyVanishedError,
    SnapshotSetInProgressError,
    VssError,
)
from .result import BackupResult
from .retry import Retry, pause
from .selection import Inclusion, Rule, check_rule
from .shadow import ShadowCopy, ShadowCopySet

if TYPE_CHECKING:
    from .metadata import WriterMetadata
    from .simulator import Machine

__all__ = [
    "BackupSession",
    "IncompleteBackupError",
    "IncompleteBackupWarning",
    "Progress",
    "SelectedComponent",
    "SessionOptions",
    "shadow_copy",
]


class SessionOptions(TypedDict, total=False):
    """The options that BackupSession and shadow_copy share; see BackupSession."""

    backup_type: BackupType
    context: SnapshotContext | int
    bootable_system_state: bool
    timeout: float
    phase_timeouts: Mapping[str, float]
    abort_timeout: float
    retry: Retry | None
    security: Literal["auto", "none"]
    on_writer_failure: FailurePolicy
    on_progress: Callable[[Progress], object] | None
    backend: Machine | str | None


class BackupSession:
    """A backup: gathers the writers, makes shadow copies of the volumes with them, and tells them how it went.

    A context manager. Entering gathers the writers' metadata; ``snapshot`` makes the shadow copies; leaving completes the
    backup, or aborts it if an exception is on its way. On any error or Ctrl-C the operation under way is cancelled,
    ``AbortBackup`` is called where it is due, and what the session made is deleted; what goes wrong in that clean-up is a
    note on the first error. Use it from one thread at a time.

    Args:
        volumes: names of volumes (``C:\\``, a mounted folder, a volume GUID path); a missing final separator is added.
        backup_type: COPY, the default, leaves the writers' backup history alone.
        context: what kind of shadow copies, also combined with attributes by ``|`` (semantics 6). One without writers
            makes the session one without writers.
        writers: False makes a plain copy without writers: FILE_SHARE_BACKUP instead of BACKUP, and so on.
        select_components: False lets all writers freeze and thaw and claims no component (SetBackupState's parameter).
        bootable_system_state: SetBackupState's parameter.
        timeout: seconds that each wait may take.
        phase_timeouts: other limits for single waits, by the name of the method that starts them (``do_snapshot_set``).
        abort_timeout: seconds to wait for a cancelled operation to end before AbortBackup is called all the same.
        retry: how to wait while another set is in progress; None does not wait.
        security: ``auto`` calls ``vsspy.initialize_security`` first, so that writers may call back.
        on_writer_failure: what to do when the writer of a selected component failed: ``raise`` WritersFailedError,
            ``report`` it in the result only, or a function that gets the failed writers' WriterStatus and may raise. If
            the session goes on, that writer's components count as failed.
        on_progress: called with a Progress at the beginning and end of each phase, in the calling thread.
        backend: a simulated machine, ``windows`` or ``simulator``; by default the one in effect.

    Raises:
        InvalidArgumentError: no volume, or an option that makes no sense.
    """

    def __init__(
        self,
        *volumes: str | os.PathLike[str],
        backup_type: BackupType = BackupType.COPY,
        context: SnapshotContext | int = SnapshotContext.BACKUP,
        writers: bool = True,
        select_components: bool = True,
        bootable_system_state: bool = False,
        timeout: float = 300.0,
        phase_timeouts: Mapping[str, float] | None = None,
        abort_timeout: float = 30.0,
        retry: Retry | None = Retry(),  # noqa: B008 (immutable)
        security: Literal["auto", "none"] = "auto",
        on_writer_failure: FailurePolicy = "raise",
        on_progress: Callable[[Progress], object] | None = None,
        backend: Machine | str | None = None,
    ) -> None:
        self._state: Literal["new", "open", "snapped", "closed"] = "new"
        if not volumes:
            raise _invalid("a backup needs at least one volume")
        if context == SnapshotContext.ALL:
            raise _invalid("the context ALL cannot make shadow copies")
        if security not in ("auto", "none"):
            raise _invalid(f"security is 'auto' or 'none', not {security!r}")
        if not isinstance(backup_type, BackupType):
            raise _invalid(f"backup_type is a BackupType, not {backup_type!r}")
        if not writers:  # each context with writers and the one without differ in this bit
            context |= SnapshotAttributes.NO_WRITERS
        context = next((known for known in SnapshotContext if known == context), context)
        with_writers = not context & SnapshotAttributes.NO_WRITERS
        try:
            names = tuple(dict.fromkeys(volume_name(volume) for volume in volumes))
        except FileSetError as error:
            raise _invalid(f"a volume's name is a full path, without '..': {error.detail}") from None
        self._settings = Settings(
            names,
            backup_type,
            context,
            with_writers,
            with_writers and select_components,
            bootable_system_state,
            seconds(abort_timeout, "abort_timeout"),
            security,
            backend,
        )
        self.result = BackupResult("", backup_type, context, names)
        self._retry = retry or Retry(deadline=0)
        self._phases = Phases(self.result, timeout, phase_timeouts or {}, on_progress)
        self._watch = WriterWatch(self.result, on_writer_failure)
        self._talk: Conversation | None = None
        self._rules: list[Rule] = []
        self._selected: tuple[SelectedComponent, ...] = ()
        self._shadows: ShadowCopySet | None = None
        self._copy_began = 0.0
        self._process = os.getpid()
        self._busy: dict[str, list[str]] = {}  # the call that runs

    # -- what is there ---------------------------------------------------------------------------------------------

    @property
    def writers(self) -> Sequence[WriterMetadata]:
        """The writers of the gather; empty without writers."""
        return () if self._talk is None else self._talk.writers

    @property
    def components(self) -> Sequence[SelectedComponent]:
        """The components that were included by name, once ``snapshot`` has made the shadow copies.

        Raises BadStateError before.
        """
        if self._shadows is None:
            raise self._wrong_state("components", "call snapshot() first")
        return self._selected

    @property
    def document(self) -> str | None:
        """The Backup Components Document as last saved: after the shadow copies were made, and after BackupComplete."""
        return self.result.document

    # -- selection -------------------------------------------------------------------------------------------------

    def select(
        self,
        writer: str | UUID,
        component: str | None = None,
        *,
        under: Sequence[str | os.PathLike[str]] = (),
        required: bool = True,
    ) -> None:
        """Includes components of a writer. The first call replaces the default: every component that lives on the volumes.

        What the writer wants in each of its backups comes along. Rules are kept, and applied again on a retry.

        Args:
            writer: its name (letter case does not matter), class id, instance id or instance name.
            component: its full name or name, for all that is below it too; None for all components.
            under: live folders: only components whose whole file sets lie in them.
            required: False if it is fine that nothing of this can be backed up.

        Raises:
            ObjectNotFoundError: there is no such writer or component.
            SelectionError: the component only comes with another one (semantics 8.2). ``snapshot`` raises it when a
                required rule brings nothing in.
            BadStateError: the shadow copies are made already, or the session claims no components.
        """
        if not self._settings.select_components:
            raise self._wrong_state("select", "this session claims no components")
        folders = tuple(os.fspath(folder) for folder in under)
        self._add_rule(Rule("select", writer, component, folders, required))

    def exclude(self, writer: str | UUID, component: str | None = None) -> None:
        """Leaves a writer or a component of it out, whatever is selected; arguments and errors as for ``select``.

        A set of which a part is left out is left out too; without a component that it wants in each of its backups a writer
        is left out whole (R5 of semantics 8.2).
        """
        self._add_rule(Rule("exclude", writer, component))

    def _add_rule(self, rule: Rule) -> None:
        with self._use(rule.kind):
            self._expect("open", rule.kind)
            check_rule(rule, self.writers)
            self._rules.append(rule)

    # -- life ------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        with self._use("entering the session"):
            self._expect("new", "entering the session")
            self._state = "open"
            try:
                self._talk = Conversation(self._settings, self._phases, self._watch, self.result)
                self._talk.begin()
            except BaseException as error:
                self._fail(error)
                raise
        return self

    def snapshot(self) -> ShadowCopySet:
        """Makes the shadow copies: AddComponent for what is selected, PrepareForBackup, DoSnapshotSet, writers' status.

        Waits while another set is in progress, as ``retry`` says. When it fails the session is over.

        Returns:
            The shadow copies by volume.

        Raises:
            WritersFailedError: the writer of a selected component failed, and ``on_writer_failure`` is ``raise``.
            WaitTimeoutError: a phase took longer than its limit.
            SnapshotSetInProgressError: another set was in progress until the deadline.
            SelectionError, NotSupportedError: what is selected cannot be backed up so.
            VssError: what VSS says.
        """
        with self._use("snapshot"):
            self._expect("open", "snapshot")
            try:
                self._shadows = self._make_set()
            except BaseException as error:
                self._fail(error)
                raise
            self._state = "snapped"
            self._copy_began = self._phases.elapsed
            return self._shadows

    def close(self) -> None:
        """Ends the session without completing the backup: AbortBackup where it is due, and release. Does nothing twice.

        Ctrl-C is raised when all steps are done; other problems are in ``result.notes``.
        """
        with self._use("close"):
            if self._state != "closed":
                interrupt = self._fail(Exception("closed"))
                if interrupt is not None:
                    raise interrupt

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._use("leaving the session"):
            if self._state == "closed":
                return
            if self._state == "snapped":
                self._phases.record("copy", self._copy_began)
            if error is None:
                self._finish()
                return
            lost = self._lost() if isinstance(error, OSError) else None
            if lost is not None:
                self._fail(lost)
                raise lost from error
            self._fail(error)

    def __del__(self, _warn: Callable[..., None] = warnings.warn, _getpid: Callable[[], int] = os.getpid) -> None:
        if getattr(self, "_state", "closed") in ("open", "snapped") and self._process == _getpid():
            _warn(f"{self!r} was never closed; use it in a with statement", ResourceWarning, source=self)
            self._fail(Exception("forgotten"))

    def __repr__(self) -> str:
        return f"<BackupSession of {', '.join(self.result.volumes)}: {self._state}>"

    # -- how it goes on --------------------------------------------------------------------------------------------

    def _make_set(self) -> ShadowCopySet:
        """Makes the set, with a new COM object for each try while another set is in progress."""
        delays: Iterator[float] | None = None
        while True:
            talk = self._conversation()
            try:
                chosen = talk.select(self._rules)
                shadows = talk.make_set()
            except SnapshotSetInProgressError as error:
                delays = delays or self._retry.delays(time.monotonic())
                delay = None if talk.abort_due else next(delays, None)
                if delay is None:
                    error.add_note(f"gave up after {self.result.tries} tries, {self._phases.elapsed:.1f} s")
                    raise
                talk.release()
                self._phases.tell(
                    "start_snapshot_set", "retrying", f"another set is in progress; next try in {delay:.1f} s"
                )
            else:
                self._selected = tuple(self._component(each, shadows) for each in chosen.inclusions)
                return shadows
            pause(delay)
            self._talk = Conversation(self._settings, self._phases, self._watch, self.result)
            self._talk.begin()

    def _component(self, inclusion: Inclusion, shadows: ShadowCopySet) -> SelectedComponent:
        this = weakref.ref(self)  # a forgotten session is to be found out at once, not when the collector finds a cycle

        def is_open() -> bool:
            session = this()
            return session is not None and session._state == "snapped"

        component = SelectedComponent(inclusion, shadows, self._conversation().surroundings, self.result, is_open)
        component.fail(self._watch.failure_of(inclusion.writer.instance_id))
        return component

    def _finish(self) -> None:
        """Completes the backup; what is missing is told when all is over."""
        talk = self._conversation()
        try:
            if self._shadows is not None:
                self._shadows.check()
                if self._settings.writers:
                    talk.complete(self._selected)
                self.result.completed = True
                if self._settings.writers:
                    talk.last_status()
        except BaseException as error:
            self._fail(error)
            raise
        try:
            self._end()
            talk.release()
        except VssError as error:
            talk.note(f"release: {error}")
        except BaseException:  # Ctrl-C, perhaps before the object was released
            talk.release()
            raise
        check_marked(self._selected, self._settings.backup_type, stacklevel=4)

    def _fail(self, error: BaseException) -> KeyboardInterrupt | None:
        """Ends the session because of *error*, on which problems of the clean-up become notes; returns a Ctrl-C among them."""
        self._end()
        return None if self._talk is None else self._talk.abandon(error)

    def _end(self) -> None:
        self._state = "closed"
        self.result.components = [each.outcome() for each in self._selected]

    def _lost(self) -> ShadowCopyVanishedError | None:
        try:
            if self._shadows is not None:
                self._shadows.check()
        except ShadowCopyVanishedError as error:
            return error
        return None

    # -- one call at a time ----------------------------------------------------------------------------------------

    @contextmanager
    def _use(self, what: str) -> Iterator[None]:
        """Refuses a second call while one runs: from another thread, or from a writer that the first one called."""
        mine = [what]  # told from another call's by identity, so that a Ctrl-C at any point here leaves nothing behind
        try:
            holder = self._busy.setdefault("call", mine)  # atomic; a lock could stay taken after a Ctrl-C
            if holder is not mine:
                raise ReentrantCallError(f"BackupSession::{what}", detail=f"the session is busy: {holder[0]}")
            yield
        finally:
            if (
                "call" in self._busy and self._busy["call"] is mine
            ):  # no call, so no moment at which Ctrl-C is looked for
                del self._busy["call"]

    def _expect(self, state: str, what: str) -> None:
        if self._state != state:
            raise self._wrong_state(what, f"the session is {self._state}, not {state}")

    def _wrong_state(self, what: str, detail: str) -> VssError:
        if self._state == "closed":
            return ClosedError("BackupSession")
        return BadStateError("VSS_E_BAD_STATE", f"BackupSession::{what}", detail=detail)

    def _conversation(self) -> Conversation:
        if self._talk is None:
            raise ClosedError("BackupSession")
        return self._talk


@contextmanager
def shadow_copy(
    volume: str | os.PathLike[str], *, writers: bool = True, **options: Unpack[SessionOptions]
) -> Iterator[ShadowCopy]:
    """A shadow copy of one volume for the time of a ``with`` statement.

    Writers freeze and thaw, but no component is claimed, so no writer takes this for a backup of its data; a writer that
    fails is only reported. Errors are BackupSession's.

    Args:
        volume: as for BackupSession.
        writers: False makes a plain FILE_SHARE_BACKUP copy.
        options: as for BackupSession.

    Yields:
        The ShadowCopy.
    """
    with BackupSession(volume, writers=writers, select_components=False, **options) as session:
        yield session.snapshot()[os.fspath(volume)]


def _invalid(detail: str) -> InvalidArgumentError:
    return InvalidArgumentError("E_INVALIDARG", "BackupSession", detail=detail)
