"""A writer whose files change all the time, but not while it is frozen."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from .._simulated_writers import Writer, WriterVeto
from .._writer_events import WriterEvent, WriterEventComponent
from ..errors import NotSupportedError

INTERVAL = 0.002
"""Seconds between two writes of a writer's thread."""


class Store(Protocol):
    """Data that a writer works on: :meth:`transaction` stops in the middle once."""

    def open(self) -> None: ...
    def transaction(self) -> Generator[None, None, None]: ...


class LiveWriter(Writer):
    """A writer that works on its stores in a thread of its own while it is started.

    Freeze completes the transactions that are under way and stops; Thaw, Abort and BackupShutdown let it go on. Whatever
    happens between two events of a backup is therefore in the shadow copy as a whole or not at all, and without Freeze
    it may be there by halves.

    Args:
        name: the writer's name.
        live: False: no thread; :meth:`work` does what it would.
        options: as for :class:`vsspy.simulator.Writer`.
    """

    def __init__(self, name: str, *, live: bool, **options: Any) -> None:
        super().__init__(name, **options)
        self._live = live
        self._stores: dict[str, Store] = {}
        self._open: dict[str, Generator[None, None, None]] = {}
        self._paused: set[str] = set()  # stores that nobody may work on: their files are being replaced
        self._frozen = False
        self._held = 0
        self._starts = 0
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Open the files, which are made where there are none, and begin to work; a machine calls it."""
        with self._lock:
            if not self._starts:
                for store in self._stores.values():
                    store.open()
            self._starts += 1
            if self._starts > 1:
                return
            self._frozen = False
            if self._live:
                self._stopping.clear()
                self._thread = threading.Thread(target=self._run, name=f"{self.name} at work", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End the work as a service that is shut down: what is under way is completed. A machine calls it."""
        with self._lock:
            if not self._starts:
                return
            self._starts -= 1
            if self._starts:
                return
            thread, self._thread = self._thread, None
        self._stopping.set()
        if thread is not None:
            thread.join()
        with self._lock:
            self._complete()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def work(self, transactions: int = 1) -> None:
        """Complete transactions in each store, now; nothing while the writer is frozen.

        Args:
            transactions: how many in each store.
        """
        with self._lock:
            self._check_started()
            for _ in range(0 if self._frozen else transactions):
                self._complete()
                for name in self._workable():
                    self._open[name] = self._stores[name].transaction()
                self._complete()

    @contextlib.contextmanager
    def in_transaction(self) -> Iterator[None]:
        """For tests: in the block each store stands still in the middle of a transaction, between its two writes.

        Freeze completes it, as always; a copy that is made without Freeze has half of it.
        """
        with self._lock:
            self._check_started()
            self._complete()
            self._held += 1
            for name in self._workable():
                self._open[name] = self._stores[name].transaction()
                next(self._open[name])
        try:
            yield
        finally:
            with self._lock:
                self._held -= 1

    def on_freeze(self, event: WriterEvent) -> None:
        """At this event the writer completes what is under way, and writes nothing until Thaw."""
        with self._lock:
            self._complete()
            self._frozen = True

    def on_thaw(self, event: WriterEvent) -> None:
        """At this event the writer goes on."""
        self._go_on()

    def on_abort(self, event: WriterEvent) -> None:
        """At this event the writer goes on."""
        self._go_on()

    def on_backup_shutdown(self, event: WriterEvent) -> None:
        """At this event the writer goes on, should the requester have died."""
        self._go_on()

    def _go_on(self) -> None:
        with self._lock:
            self._frozen = False

    def _check_started(self) -> None:
        if not self._starts:
            raise RuntimeError(f"{self.name} was not started")

    def _workable(self) -> list[str]:
        return [name for name in self._stores if name not in self._paused]

    def _complete(self) -> None:
        for transaction in self._open.values():
            for _ in transaction:
                pass
        self._open.clear()

    def _advance(self, name: str) -> None:
        transaction = self._open.get(name) or self._stores[name].transaction()
        try:
            next(transaction)
        except StopIteration:
            self._open.pop(name, None)
        else:
            self._open[name] = transaction

    def _run(self) -> None:
        while not self._stopping.wait(INTERVAL):
            with self._lock:
                if self._frozen or self._held:
                    continue
                for name in self._workable():
                    try:
                        self._advance(name)
                    except OSError:  # its files were taken away: it goes offline
                        self._open.pop(name, None)
                        self._paused.add(name)


def refuse(event: WriterEvent, failures: Mapping[WriterEventComponent, str]) -> None:
    """Veto for some of the event's components, or for all, with a message for each. Nothing where there is no failure.

    Raises:
        WriterVeto: the writer's failure: partial where other components are good.
    """
    if not failures:
        return
    message = "; ".join(f"{component.name}: {text}" for component, text in failures.items())
    for component, text in failures.items():
        try:
            component.set_failure("VSS_E_WRITERERROR_NONRETRYABLE", text)
        except NotSupportedError:  # before Windows 7 a writer fails as a whole
            raise WriterVeto("VSS_E_WRITERERROR_NONRETRYABLE", message) from None
    partial = len(failures) < len(event.components)
    raise WriterVeto(f"VSS_E_WRITERERROR_{'PARTIAL_FAILURE' if partial else 'NONRETRYABLE'}", message)


def below(root: Path, volume: str, path: str) -> Path | None:
    """The place of a path of the simulated volume; None where it is on another one."""
    if path[: len(volume)].lower() != volume.lower():
        return None
    return root.joinpath(*[part for part in path[len(volume) :].split("\\") if part])
