"""The writers of a simulated machine: they come and go while it runs."""

from __future__ import annotations

import contextlib
import threading
from uuid import UUID

from . import _simulator
from ._faults import EVENTS
from ._simulated_writers import Writer, serving
from ._typed_errors import typed_errors
from .errors import InvalidArgumentError


class SimulatedWriters:
    """The part of :class:`vsspy.simulator.Machine` that is about its writers."""

    _handle: _simulator.MachineHandle

    def __init__(self) -> None:
        self._writers: dict[UUID, Writer] = {}
        self._changing_writers = threading.Lock()

    def _check_open(self, operation: str) -> None:
        raise NotImplementedError

    def add_writer(self, writer: Writer) -> None:
        """Let one more writer run: gathers from now on find it.

        Args:
            writer: the writer.

        Raises:
            ObjectAlreadyExistsError: a writer with that instance id runs.
            InvalidArgumentError: its freeze time-out is no time.
            OSError: a writer with files cannot make them.
            ClosedError: the machine is closed.
        """
        self._check_open("add_writer")
        self._add_writer(writer)

    def _add_writer(self, writer: Writer) -> None:
        if not isinstance(writer, Writer):
            raise InvalidArgumentError(
                "E_INVALIDARG",
                "Machine.add_writer",
                detail=f"{writer!r} is no simulator.Writer; Writer(name) and Writer.from_xml(path) make one",
            )
        if not 0 < writer.freeze_timeout < 10**9:
            detail = f"freeze_timeout={writer.freeze_timeout}: a number of seconds above 0"
            raise InvalidArgumentError("E_INVALIDARG", f"writer {writer.name}", detail=detail)
        events = sum(1 << index for index, name in enumerate(EVENTS) if writer.handler(name))
        with self._changing_writers:
            with typed_errors(f"writer {writer.name}"):
                self._handle.add_writer(
                    writer.metadata.to_xml(),
                    int(writer.level),
                    round(writer.freeze_timeout * 1e9),
                    events,
                    int(writer.subscription) & 0xFFFFFFFF,
                    writer._dispatch if events else None,
                )
            try:
                writer.start()
            except BaseException:
                self._handle.remove_writer(writer.instance_id.bytes_le)
                raise
            self._writers[writer.instance_id] = writer

    def remove_writer(self, instance_id: UUID) -> None:
        """Take a writer away, as if its service had ended, also in the middle of a backup or restore.

        It gets no event any more. In the status of a requester that gathered it, it is ``WriterState.UNKNOWN`` with
        ``VSS_E_WRITER_NOT_RESPONDING`` (semantics 4.3); nothing of it can be selected for a restore (semantics 8.4).

        Args:
            instance_id: which one.

        Raises:
            ObjectNotFoundError: no such writer runs.
            ClosedError: the machine is closed.
        """
        self._check_open("remove_writer")
        with self._changing_writers:
            with typed_errors(f"writer {instance_id}"):
                self._handle.remove_writer(instance_id.bytes_le)
            writer = self._writers.pop(instance_id, None)
        if writer is not None:
            writer.stop()

    def _is_calling(self) -> bool:
        """Whether the calling thread runs a handler of one of the machine's writers."""
        return any(instance_id in self._writers for instance_id in serving())

    def _stop_writers(self) -> None:
        with self._changing_writers:
            writers = list(self._writers.values())
            self._writers.clear()
        with contextlib.ExitStack() as stopping:  # each of them, whatever one of them raises
            for writer in writers:
                stopping.callback(writer.stop)
