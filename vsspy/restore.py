"""A whole restore in the right order, and no writer left in it on any way out (semantics 11)."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Literal, Self
from uuid import UUID

from ._one_call import OneCall
from ._paths import split
from ._phases import Phases, Progress, seconds
from ._restore_choosing import Chooser, Services
from ._restore_selection import Choice, RestoreRule
from ._restore_source import AtReboot, RestoreSource, native_at_reboot
from ._restore_talk import WAITING, RestoreSettings, RestoreTalk
from ._restore_work import CopySteps, RestoreWork, words
from ._restored import RestoredComponent, RestoredResult, RestoreFile, RestoreResult
from ._writers import FailurePolicy, WriterWatch
from .backup_document import BackupDocument
from .enums import BackupType, RestoreType
from .errors import (
    BadStateError,
    ClosedError,
    IncompleteRestoreError,
    InvalidArgumentError,
    OperationCancelledError,
    SelectionError,
    VssError,
)
from .selection import Rule

if TYPE_CHECKING:
    from .metadata import WriterMetadata
    from .result import LeftOut
    from .simulator import Machine

__all__ = ["RestoreFile", "RestoreResult", "RestoreSession", "RestoreSource", "RestoredComponent", "RestoredResult"]


class RestoreSession:
    """A restore: tells the writers of it, puts the files where writers and their methods say, and tells how it went.

    ::

        with vsspy.BackupFolder("E:\\\\Backup") as folder:
            with vsspy.RestoreSession(folder.document, folder.writers) as restore:
                restore.select("SqlServerWriter", "Orders")
                restore.prepare()
                restore.restore_files(folder)

    ``select`` and ``redirect`` come first, then ``prepare`` (PreRestore: writers stop using their data), then files; the end of the
    block is PostRestore. A restore cannot be aborted: after an error or Ctrl-C writers hear through SetFileRestoreStatus that their
    files are not whole, and then PostRestore, so that none is left waiting. Facts are of semantics 8.4 and 11.

    Each backup of an incremental chain is a restore of its own, the full one first, all but the last with ``additional``.

    Args:
        document: the Backup Components Document as it was saved at the backup.
        writers: the writers' metadata of that time: they tell file sets and restore methods (semantics 11.1.3).
        additional: whether further restores of the components follow (SetAdditionalRestores), for all of them or called with each: a
            writer that waits for what never comes leaves its data offline.
        without_writers: whether components of writers that do not run are restored as plain files.
        restore_type: what SetRestoreState is told.
        services: called as ``services(name, "stop")`` and ``services(name, "start")`` for restore methods that want a service
            stopped; without it such components are refused.
        at_reboot: called as ``at_reboot(path, target)`` for each file that is to be moved into place at the next start. By default
            MoveFileExW where Windows itself is restored.
        timeout: limit in seconds for each wait on VSS; phase_timeouts: other ones by phase (``gather_writer_metadata``,
            ``pre_restore``, ``post_restore``, ``gather_writer_status``).
        abort_timeout: limit for each wait of the clean-up.
        security, on_writer_failure, on_progress, backend: as for BackupSession.

    Raises:
        InvalidXmlDocumentError: *document* is no Backup Components Document.
        InvalidArgumentError: an option that makes no sense.

    Attributes:
        result: what was done so far.
    """

    def __init__(
        self,
        document: str,
        writers: Sequence[WriterMetadata],
        *,
        additional: bool | Callable[[RestoredComponent], bool] = False,
        without_writers: bool = False,
        restore_type: RestoreType = RestoreType.BY_COPY,
        services: Services | None = None,
        at_reboot: AtReboot | None = None,
        timeout: float = 300.0,
        phase_timeouts: Mapping[str, float] | None = None,
        abort_timeout: float = 30.0,
        security: Literal["auto", "none"] = "auto",
        on_writer_failure: FailurePolicy = "raise",
        on_progress: Callable[[Progress], object] | None = None,
        backend: Machine | str | None = None,
    ) -> None:
        self._state: Literal["new", "open", "prepared", "closed"] = "new"
        if security not in ("auto", "none"):
            raise _invalid(f"security is 'auto' or 'none', not {security!r}")
        saved = BackupDocument.from_xml(document)
        self._choice = Choice(saved, writers)
        self._rules: list[RestoreRule] = []
        self._without_writers = without_writers
        self._services = services
        self._at_reboot = at_reboot
        self._settings = RestoreSettings(
            document, saved.backup_type, restore_type, additional, seconds(abort_timeout, "abort_timeout"), security, backend
        )  # fmt: skip
        self.result = RestoreResult("", restore_type, additional is True)
        self._phases = Phases(self.result, timeout, phase_timeouts or {}, on_progress, WAITING)
        self._watch = WriterWatch(self.result, on_writer_failure)
        self._talk: RestoreTalk | None = None
        self._work: RestoreWork | None = None
        self._components: tuple[RestoredComponent, ...] = ()
        self._steps = CopySteps(self._phases.cancellation)
        self._process = os.getpid()
        self._use = OneCall("RestoreSession")

    # --- what is there -------------------------------------------------------------------------------------------------

    @property
    def writers(self) -> Sequence[WriterMetadata]:
        """The writers that run now."""
        return () if self._talk is None else self._talk.writers

    @property
    def backup_type(self) -> BackupType:
        """Of the backup, as its document has it."""
        return self._settings.backup_type

    @property
    def components(self) -> Sequence[RestoredComponent]:
        """What is restored: as the rules are now, before ``prepare``; raises SelectionError as that does."""
        if self._state == "open":
            found, self.result.left_out = self._choose()
            return found
        return self._components

    # --- selection -------------------------------------------------------------------------------------------------------

    def select(
        self,
        writer: str | UUID,
        component: str | None = None,
        *,
        instance: UUID | None = None,
        options: str | None = None,
    ) -> None:
        """Restores components of a writer. The first call replaces the default: everything that was saved.

        A component that had an entry of its own in the backup (``AddComponent``) is always restorable. One that came with another
        is restored alone if it is selectable for restore (SetSelectedForRestore on the one, AddRestoreSubcomponent for the other;
        semantics 8.4); what of the set is not selected then stays as it is.

        Args:
            writer: its name (or a glob), class id, or instance id or name as of the backup.
            component: its full name or name, or a glob; None for all of them.
            instance: the instance id of the running writer that is to restore it (SetSelectedForRestoreEx); by default VSS
                chooses: the instance of the backup, else one of the same name, else any of the class.
            options: what the writer understands (SetRestoreOptions; semantics 11.4): ``'"Roll Forward"="None"'``, say.

        Raises:
            ObjectNotFoundError: the backup has no such writer or component.
            SelectionError: it only comes with another component, or (from ``prepare``) cannot be restored.
        """
        self._add(RestoreRule(Rule("select", writer, component), instance=instance, options=options))

    def exclude(self, writer: str | UUID, component: str | None = None) -> None:
        """Leaves a writer or a component of it as it is, whatever is selected; arguments and errors as for ``select``."""
        self._add(RestoreRule(Rule("exclude", writer, component)))

    def redirect(self, writer: str | UUID, component: str | None = None, *, to: str | os.PathLike[str]) -> None:
        """Restores components to another folder, and tells their writer so (AddNewTarget for each file set).

        File sets of several folders keep their places to each other below *to*. What the writer makes of the files there is its own
        affair; a database server attaches them, say. To get at files without any writer, use ``vsspy.extract``.

        Args:
            writer, component: as for ``select``; a component that has an entry of its own, or one above it.
            to: a full live path.

        Raises:
            ObjectNotFoundError: the backup has no such writer or component.
            SelectionError: the component only came with another one; from ``prepare``: its writer cannot be redirected, since it
                lacks ``BackupSchema.WRITER_SUPPORTS_NEW_TARGET``.
            FileSetError: *to* is no full path.
        """
        folder = os.fspath(to)
        split(folder)
        rule = Rule("select", writer, component)
        self._add(RestoreRule(rule, to=folder))
        if component is not None and not self._choice.names_explicit(rule):
            self._rules.pop()
            raise SelectionError(f"{component} came with another component: redirect that one")

    def _add(self, rule: RestoreRule) -> None:
        with self._use(rule.rule.kind):
            self._expect("open", rule.rule.kind)
            self._choice.check(rule.rule)
            self._rules.append(rule)

    # --- life ------------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        with self._use("entering the session"):
            self._expect("new", "entering the session")
            self._state = "open"
            try:
                self._talk = RestoreTalk(self._settings, self._phases, self._watch, self.result)
                self._talk.begin()
                at_reboot = self._at_reboot or native_at_reboot(self.result.backend)
                self._work = RestoreWork(
                    self._talk, self.backup_type, self.result, self._services, at_reboot, self._steps
                )
            except BaseException as error:
                self._fail(error)
                raise
        return self

    def prepare(self, source: RestoreSource | None = None) -> Sequence[RestoredComponent]:
        """Tells the writers: selection, targets, PreRestore, their status; stops the services that have to be stopped.

        When it fails the session is over.

        Args:
            source: the backup, as ``restore_files`` gets it. Components of which it has not everything any more are refused before
                any writer hears of the restore, and have the state ``none``; otherwise, once their files are asked for.

        Returns:
            The components that are restored; each knows what its writer wants of it.

        Raises:
            SelectionError: what is named cannot be restored.
            RestoreError: nothing is left to restore, or the backup has nothing of it whole.
            WritersFailedError: the writer of a selected component failed, and ``on_writer_failure`` is ``raise``.
            WaitTimeoutError: a phase took longer than its limit.
            VssError: what VSS says.
        """
        with self._use("prepare"):
            self._expect("open", "prepare")
            try:
                self._components, self.result.left_out = self._choose()
                self.result.notes.extend(self._choice.missing_dependencies(each._chosen for each in self._components))
                if source is not None:
                    self._working().refuse_damaged(self._components, source)
                self._working().prepare(self._components)
            except BaseException as error:
                self._fail(error)
                raise
            self._state = "prepared"
            return self._components

    def files(self, source: RestoreSource, component: RestoredComponent | None = None) -> Iterator[RestoreFile]:
        """The files to put in place, component by component, each with its target.

        Before ``prepare`` it is a preview, which does not know what writers will want; afterwards it is what ``place`` takes, and a
        component counts as restored when each of its files was placed.

        Args:
            source: the backup: a BackupFolder, or something like it.
            component: only of this one.

        Raises:
            RestoreError: a component's writer or its restore method does not let it be restored so (semantics 11.2), or the backup
                has not all of its files any more, and none of them is touched.
            FileSetError: a file set of it means nothing on this machine, or the backup has nothing of its volume.
            OSError: the backup cannot be read.
        """
        if self._state not in ("open", "prepared"):
            raise self._wrong_state("files", f"the session is {self._state}")
        for each in self.components if component is None else (component,):
            yield from self._working().goals(each, source)

    def place(self, file: RestoreFile, source: str | os.PathLike[str] | BinaryIO | None = None) -> None:
        """Puts a file in place: written beside, made durable, then renamed; links on the way are never followed.

        Args:
            file: one of ``files``.
            source: a file, or what can be read, with the whole content; None: the backup that ``files`` was given.

        Raises:
            OSError: it cannot be read or written; what was there is as it was, and the component counts as failed.
            RestoreError: it has no place; UnsafePathError: a link is on the way.
        """
        self._expect("prepared", "place")
        self._working().place(file, source)

    def restore_files(
        self,
        source: RestoreSource,
        *,
        onerror: Callable[[OSError | VssError], object] | None = None,
        on_file: Callable[[RestoreFile], object] | None = None,
        on_bytes: Callable[[int], object] | None = None,
    ) -> None:
        """Puts the files of all components in place.

        Args:
            source: the backup.
            onerror: called with the error of a file or component that cannot be restored, which its result tells too; the rest
                follows. Without it the error is raised.
            on_file: called with each file before it is placed.
            on_bytes: called with the number of bytes after each step of a copy.

        Raises:
            OSError, RestoreError, FileSetError: see *onerror*.
            OperationCancelledError: somebody called ``cancel``.
        """
        with self._use("restore_files"):
            self._expect("prepared", "restore_files")
            self._steps.on_bytes = on_bytes
            with self._phases("restore"):
                for component in self._components:
                    try:
                        for file in self._working().goals(component, source):
                            self._phases.cancellation.check()
                            if on_file is not None:
                                on_file(file)
                            try:
                                self.place(file)
                            except (OSError, VssError) as error:
                                self._tell(error, onerror)
                    except (OSError, VssError) as error:
                        if component.reason is None:
                            component.mark_failed(words(error))
                        self._tell(error, onerror)

    def cancel(self) -> None:
        """Ends the session as Ctrl-C would, from any thread and at any moment: what waits or copies raises
        OperationCancelledError within 200 ms."""
        self._phases.cancellation.request()

    def close(self) -> None:
        """Ends the session early: SetFileRestoreStatus and PostRestore where writers heard of the restore, and release. Does
        nothing twice. Ctrl-C is raised when all steps are done; other problems are in ``result.notes``."""
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
            if error is None:
                self._finish()
            else:
                self._fail(error)

    def __del__(self, _warn: Callable[..., None] = warnings.warn, _getpid: Callable[[], int] = os.getpid) -> None:
        if getattr(self, "_state", "closed") in ("open", "prepared") and self._process == _getpid():
            _warn(f"{self!r} was never closed; use it in a with statement", ResourceWarning, source=self)
            self._fail(Exception("forgotten"))

    def __repr__(self) -> str:
        return f"<RestoreSession of {len(self._components)} components: {self._state}>"

    # --- how it goes on --------------------------------------------------------------------------------------------------

    def _choose(self) -> tuple[tuple[RestoredComponent, ...], list[LeftOut]]:
        at_reboot = self._at_reboot or native_at_reboot(self.result.backend)
        chooser = Chooser(
            self.writers,
            self._without_writers,
            has_services=self._services is not None,
            has_reboot=at_reboot is not None,
        )
        return chooser.choose(self._choice.resolve(self._rules))

    def _finish(self) -> None:
        """Completes the restore; what is missing is told when all is over."""
        try:
            if self._state == "prepared":
                self._working().finish()
                self.result.completed = True
        except BaseException as error:
            self._fail(error)
            raise
        idle = [each for each in self._components if each._expected is None and each.reason is None and not each.files]
        try:
            self._end()
            self._release()
        except VssError as error:
            self._phases.log.note(f"release: {error}")
        except BaseException:  # Ctrl-C, perhaps before the object was released
            self._release()
            raise
        if idle:
            names = ", ".join(f"{each.writer.name}: {each.full_name}" for each in idle)
            raise IncompleteRestoreError(f"nobody restored these components, and their writers heard so: {names}")

    def _fail(self, error: BaseException) -> KeyboardInterrupt | None:
        """Ends the session because of *error*, on which problems of the clean-up become notes; returns a Ctrl-C among them."""
        self._end()
        if self._talk is None:
            return None
        work = self._work
        told = [] if work is None else work.told
        try:
            return self._talk.abandon(error, told, lambda steps: None if work is None else work.clean_up(steps))
        finally:
            if work is not None:
                work.close()

    def _end(self) -> None:
        self._state = "closed"
        self.result.components = [each.outcome() for each in self._components]

    def _release(self) -> None:
        self._working().close()
        if self._talk is not None:
            self._talk.release()

    def _tell(self, error: OSError | VssError, onerror: Callable[[OSError | VssError], object] | None) -> None:
        if onerror is None or isinstance(error, OperationCancelledError):
            raise error
        onerror(error)

    def _expect(self, state: str, what: str) -> None:
        if self._state != state:
            raise self._wrong_state(what, f"the session is {self._state}, not {state}")

    def _wrong_state(self, what: str, detail: str) -> VssError:
        if self._state == "closed":
            return ClosedError("RestoreSession")
        return BadStateError("VSS_E_BAD_STATE", f"RestoreSession::{what}", detail=detail)

    def _working(self) -> RestoreWork:
        if self._work is None:
            raise ClosedError("RestoreSession")
        return self._work


def _invalid(detail: str) -> InvalidArgumentError:
    return InvalidArgumentError("E_INVALIDARG", "RestoreSession", detail=detail)
