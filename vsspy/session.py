"""A whole backup in the right order, and the right clean-up on every way out."""

from __future__ import annotations

import os
import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self, Unpack
from uuid import UUID

from ._async_session import AsyncBackupSession, SessionThread
from ._backup_types import TypeOptions, UnsupportedType
from ._conversation import Conversation
from ._named_files import Named
from ._one_call import OneCall
from ._phases import Phases, Progress
from ._selected import IncompleteBackupWarning, SelectedComponent, check_marked, files_of
from ._session_options import Security, SessionOptions, Settings, VolumePolicy
from ._volume_policies import Membership, VolumeLeftOut
from ._writers import FailurePolicy, WriterWatch
from .enums import BackupType, SnapshotContext
from .errors import (
    BadStateError,
    ClosedError,
    IncompleteBackupError,
    ObjectNotFoundError,
    SnapshotSetInProgressError,
    VssError,
)
from .plan import Plan
from .result import BackupResult
from .retry import Retry, Tries
from .selection import Inclusion, Rule, check_rule
from .shadow import ShadowCopy, ShadowCopySet

if TYPE_CHECKING:
    from .filesets import BackupFile
    from .machine_exclusions import MachineExclusions
    from .metadata import WriterMetadata
    from .simulator import Machine

__all__ = [
    "AsyncBackupSession",
    "BackupSession",
    "IncompleteBackupError",
    "IncompleteBackupWarning",
    "Progress",
    "SelectedComponent",
    "SessionOptions",
    "VolumePolicy",
    "shadow_copy",
]


class BackupSession:
    """A backup: gathers the writers, makes shadow copies of the volumes with them, and tells them how it went.

    A context manager, for ``async with`` too (see AsyncBackupSession). Entering gathers the writers' metadata; ``snapshot`` makes the shadow copies; leaving completes the
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
        volume_policies: by volume name: ``required``, the default, fails the session if the volume cannot be in the set;
            ``preferred`` reads it live then, and ``never`` always does. See ``result.read_live``.
        machine_exclusions: the machine's lists of files that need no backup, and of files that VSS leaves out of shadow
            copies; None for those of this computer's registry. A simulated machine has none of its own.
        lease: whether a lease file says what the session made, for ``vsspy.cleanup`` after the process was killed. None:
            where shadow copies outlive the process: with the real service, and with machines of persistent state.
        lease_folder: where lease files are; by default where ``vsspy.leases`` looks.
        provider: the id of the provider that makes the shadow copies; None lets VSS choose (semantics 7.1).
        previous: the Backup Components Document of the backup that an incremental, differential or log backup builds on:
            its stamps go to the writers that need them (SetPreviousBackupStamp; semantics 10).
        previous_time: when that backup began. Of the files that a writer names for backup if they have changed, those that
            have not changed since then are not saved; without it all of them are, and so are those of a
            component that *previous* has not saved.
        partial_files: whether the program saves parts of files where ``BackupFile.ranges`` says so (SetBackupState).
        unsupported_type: what becomes of writers whose schema does not know *backup_type*: ``full`` saves all of their
            files, ``leave out`` none. ``result`` says so.

    Raises:
        InvalidArgumentError: no volume, or an option that makes no sense.
        InvalidXmlDocumentError: *previous* is no Backup Components Document.
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
        security: Security = "auto",
        on_writer_failure: FailurePolicy = "raise",
        on_progress: Callable[[Progress], object] | None = None,
        backend: Machine | str | None = None,
        volume_policies: Mapping[str, VolumePolicy] | None = None,
        machine_exclusions: MachineExclusions | None = None,
        lease: bool | None = None,
        lease_folder: str | os.PathLike[str] | None = None,
        provider: UUID | None = None,
        previous: str | bytes | None = None,
        previous_time: datetime | None = None,
        partial_files: bool = False,
        unsupported_type: UnsupportedType = "full",
    ) -> None:
        self._state: Literal["new", "open", "snapped", "closed"] = "new"
        self._settings = Settings.of(
            volumes,
            backup_type=backup_type,
            context=context,
            writers=writers,
            select_components=select_components,
            bootable_system_state=bootable_system_state,
            abort_timeout=abort_timeout,
            security=security,
            backend=backend,
            volume_policies=volume_policies,
            machine_exclusions=machine_exclusions,
            lease=lease,
            lease_folder=lease_folder,
            provider=provider,
            types=TypeOptions.of(previous, previous_time, partial_files, unsupported_type),
        )
        self.result = BackupResult("", backup_type, self._settings.context, self._settings.volumes)
        self._tries = Tries(retry or Retry(deadline=0))
        self._phases = Phases(self.result, timeout, phase_timeouts or {}, on_progress)
        self._watch = WriterWatch(self.result, on_writer_failure, self._phases.log)
        self._membership = Membership(self._settings, self.result, self._phases.log)
        self._talk: Conversation | None = None
        self._rules: list[Rule] = []
        self._selected: tuple[SelectedComponent, ...] = ()
        self._shadows: ShadowCopySet | None = None
        self._copy_began = 0.0
        self._process = os.getpid()
        self._use = OneCall("BackupSession")

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

    def files(
        self, onerror: Callable[[OSError], object] | None = None
    ) -> Iterator[tuple[BackupFile, list[SelectedComponent]]]:
        """The files of all components in one walk: each once, with the components that it belongs to.

        As ``SelectedComponent.files`` for each of them, but that a file which several name comes once: whole if one of them
        has it whole, else with the parts that any of them names.

        Args:
            onerror: as for ``SelectedComponent.files``.

        Raises:
            BadStateError: before ``snapshot``.
            OSError, RangesError, FileSetError, ShadowCopyVanishedError, ClosedError: as for ``SelectedComponent.files``.
        """
        return files_of(list(self.components), onerror)

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

        So does all that a component depends on, and a component without that is left out (R6 of semantics 8.2).

        Args:
            writer: its name (letter case does not matter), class id, instance id or instance name, or a glob of names
                (``*`` and ``?``).
            component: its full name or name, or a glob: of full names if it has a backslash in it, else of names. All that
                is below it counts too; None for all components.
            under: live folders: only components whose whole file sets lie in them, and so does all that comes with them.
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

    def plan(self, count: bool = True) -> Plan:
        """What the backup would do now, with the rules that were given: volumes, writers, components, what is left out and why.

        Asks VSS about the volumes (IsVolumeSupported) and changes nothing. The session goes on as if it had not been asked.

        Args:
            count: whether to count files and bytes, for which the folders of the live volumes are read.

        Raises:
            SelectionError, NotSupportedError: what is selected cannot be backed up so; ``snapshot`` would say so too.
            OperationCancelledError: ``cancel`` was called.
            BadStateError: the shadow copies are made already.
            VssError: what VSS says of a volume.
        """
        with self._use("plan"):
            self._expect("open", "plan")
            return self._conversation().plan(self._rules, count=count)

    # -- life ------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        with self._use("entering the session"):
            self._expect("new", "entering the session")
            self._state = "open"
            try:
                self._begin()
            except BaseException as error:
                self._fail(error)
                raise
        return self

    def snapshot(self) -> ShadowCopySet:
        """Makes the shadow copies: AddComponent for what is selected, PrepareForBackup, DoSnapshotSet, writers' status.

        Waits while another set is in progress, and tries again, as ``retry`` says. When it fails the session is over.
        Where no volume is to be in a set, by ``volume_policies``, nothing of this is called and no component included.

        Returns:
            The shadow copies by volume; a LiveVolume for one that its policy left out of the set.

        Raises:
            WritersFailedError: the writer of a selected component failed, and ``on_writer_failure`` is ``raise``.
            WaitTimeoutError: a phase took longer than its limit.
            OperationCancelledError: ``cancel`` was called.
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

    def cancel(self) -> None:
        """Asks the session to stop. Returns at once; any thread may call it at any time, a signal handler too, and again.

        What the session waits for ends within 200 ms with OperationCancelledError, and so do a pause between two tries, the
        iteration of ``files()``, marking, and the end of the block. The clean-up is done in the session's own thread: the
        operation under way is cancelled, and AbortBackup is called where it is due. A backup that is complete stays good.
        """
        self._phases.cancellation.request()

    @property
    def cancelled(self) -> bool:
        """Whether somebody called ``cancel``; for a program's own loops while it copies."""
        return self._phases.cancellation.wanted

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

    async def __aenter__(self) -> AsyncBackupSession:
        self._thread = SessionThread()
        try:
            await self._thread.run(self.cancel, self.__enter__)
        except BaseException:
            self._thread.end()
            raise
        return AsyncBackupSession(self, self._thread)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await self._thread.run(self.cancel, self.__exit__, kind, error, traceback)
        finally:
            self._thread.end()

    def __del__(self, _warn: Callable[..., None] = warnings.warn, _getpid: Callable[[], int] = os.getpid) -> None:
        if getattr(self, "_state", "closed") in ("open", "snapped") and self._process == _getpid():
            _warn(f"{self!r} was never closed; use it in a with statement", ResourceWarning, source=self)
            self._fail(Exception("forgotten"))

    def __repr__(self) -> str:
        return f"<BackupSession of {', '.join(self.result.volumes)}: {self._state}>"

    # -- how it goes on --------------------------------------------------------------------------------------------

    def _make_set(self) -> ShadowCopySet:
        """Makes the set; each further try has a new COM object."""
        while True:
            talk = self._conversation()
            self._watch.may_try_again = self._tries.after_failure
            try:
                chosen = talk.select(self._rules)
                shadows = talk.make_set()
            except VolumeLeftOut as left_out:
                self._try_again(talk, left_out, "add_to_snapshot_set", 0.0, f"{left_out} is read live")
            except VssError as error:
                again = self._tries.delay(error)
                if again is None:
                    if self.result.tries > 1 or isinstance(error, SnapshotSetInProgressError):
                        error.add_note(f"gave up after {self.result.tries} tries, {self._phases.elapsed:.1f} s")
                    raise
                self._try_again(talk, error, error.phase or "start_snapshot_set", *again)
            else:
                self._selected = tuple(self._component(each, shadows) for each in chosen.inclusions)
                return shadows

    def _try_again(self, talk: Conversation, error: Exception, phase: str, delay: float, why: str) -> None:
        """Ends a try that came to nothing, waits, and begins another."""
        interrupt = talk.abandon(error)
        if interrupt is not None:
            raise interrupt
        self._phases.tell(phase, "retrying", f"{why}; next try in {delay:.1f} s")
        self._phases.cancellation.pause(delay)
        result = self.result
        result.set_id = result.freeze_window = result.document = None
        result.shadow_copies = []
        self._watch.begin_again()
        self._begin()

    def _begin(self) -> None:
        self._talk = Conversation(self._settings, self._phases, self._watch, self.result, self._membership)
        self._talk.begin()

    def _component(self, inclusion: Inclusion, shadows: ShadowCopySet) -> SelectedComponent:
        this = weakref.ref(self)  # a forgotten session is to be found out at once, not when the collector finds a cycle

        def is_open() -> bool:
            session = this()
            if session is None or session._state != "snapped":
                return False
            session._phases.cancellation.check()
            return True

        talk, metadata = self._conversation(), inclusion.component
        key = (inclusion.writer.instance_id, metadata.type, metadata.logical_path or "", metadata.name)
        named = talk.named.get(key, Named())
        component = SelectedComponent(
            inclusion, shadows, talk.surroundings, self.result, is_open, self._settings, named
        )
        component.fail(self._watch.failure_of(inclusion.writer.instance_id))
        return component

    def _finish(self) -> None:
        """Completes the backup; what is missing is told when all is over."""
        talk = self._conversation()
        try:
            self._phases.cancellation.check()
            if self._shadows is not None:
                self._shadows.check()
                with_writers = self._settings.writers and bool(talk.members)
                if with_writers:
                    talk.complete(self._selected)
                self.result.completed = True
                talk.settle()
                if with_writers:
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

    def _lost(self) -> ObjectNotFoundError | None:
        try:
            if self._shadows is not None:
                self._shadows.check()
        except ObjectNotFoundError as error:
            return error
        return None

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
        yield session.snapshot().shadow_copies[0]
