"""A session in asyncio: what waits runs on one thread of the session's own, and a task's cancellation cancels the session."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, TypeVar
from uuid import UUID

if TYPE_CHECKING:
    from ._selected import SelectedComponent
    from .metadata import WriterMetadata
    from .plan import Plan
    from .result import BackupResult
    from .session import BackupSession
    from .shadow import ShadowCopySet

__all__ = ["AsyncBackupSession"]

P = ParamSpec("P")
T = TypeVar("T")


class SessionThread:
    """The one thread on which a session's blocking calls run."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="vsspy-session")
        self._ended = False

    def end(self) -> None:
        """Lets the thread go when it has nothing more to do."""
        self._ended = True
        self._executor.shutdown(wait=False)

    async def run(self, cancel: Callable[[], None], call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a blocking call; when the task is cancelled, calls *cancel* and waits until the call has ended."""
        if self._ended:  # the session refuses the call, or has nothing to do
            return call(*args, **kwargs)
        context = contextvars.copy_context()
        work = self._executor.submit(functools.partial(context.run, call, *args, **kwargs))
        waiting = asyncio.wrap_future(work)
        cancelled: asyncio.CancelledError | None = None
        while not waiting.done():
            try:
                await asyncio.wait([waiting])
            except asyncio.CancelledError as error:  # again and again, perhaps: the clean-up is not to be left alone
                cancelled = cancelled or error
                cancel()
        problem = waiting.exception()
        if cancelled is None:
            return waiting.result()
        cancelled.__context__ = problem
        raise cancelled


class AsyncBackupSession:
    """A BackupSession inside ``async with``; what waits for VSS is to be awaited, all else is the session's own.

    ``async with BackupSession(...) as backup`` gives it. Awaited calls run one after the other on one thread that the session
    has for itself, with a copy of the task's context, so other tasks go on; ``on_progress`` and ``on_writer_failure`` are
    called there. When the task is cancelled (``asyncio.timeout`` does that too) the session is cancelled as by ``cancel``,
    and CancelledError goes on only when the clean-up is done: nothing runs on behind it.

    Reading is the program's business: ``files`` and the shadow copies are the blocking ones, for ``asyncio.to_thread``.
    """

    def __init__(self, session: BackupSession, thread: SessionThread) -> None:
        self._session = session
        self._thread = thread

    def __repr__(self) -> str:
        return f"<Async{repr(self._session)[1:]}"

    @property
    def session(self) -> BackupSession:
        """The session itself."""
        return self._session

    @property
    def writers(self) -> Sequence[WriterMetadata]:
        """As BackupSession.writers."""
        return self._session.writers

    @property
    def components(self) -> Sequence[SelectedComponent]:
        """As BackupSession.components."""
        return self._session.components

    @property
    def document(self) -> str | None:
        """As BackupSession.document."""
        return self._session.document

    @property
    def result(self) -> BackupResult:
        """As BackupSession.result."""
        return self._session.result

    @property
    def cancelled(self) -> bool:
        """As BackupSession.cancelled."""
        return self._session.cancelled

    def select(
        self,
        writer: str | UUID,
        component: str | None = None,
        *,
        under: Sequence[str | os.PathLike[str]] = (),
        required: bool = True,
    ) -> None:
        """As BackupSession.select. The arguments are those of BackupSession.select."""
        self._session.select(writer, component, under=under, required=required)

    def exclude(self, writer: str | UUID, component: str | None = None) -> None:
        """As BackupSession.exclude. The arguments are those of BackupSession.exclude."""
        self._session.exclude(writer, component)

    def cancel(self) -> None:
        """As BackupSession.cancel: the call that is awaited raises OperationCancelledError."""
        self._session.cancel()

    async def plan(self, count: bool = True) -> Plan:
        """As BackupSession.plan. The arguments are those of BackupSession.plan."""
        return await self._thread.run(self._session.cancel, self._session.plan, count)

    async def snapshot(self) -> ShadowCopySet:
        """As BackupSession.snapshot; raises CancelledError when the task was cancelled and the session has ended."""
        return await self._thread.run(self._session.cancel, self._session.snapshot)

    async def close(self) -> None:
        """As BackupSession.close."""
        await self._thread.run(self._session.cancel, self._session.close)
