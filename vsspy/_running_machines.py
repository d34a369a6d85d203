"""The machines that are in use in this process, and their end."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal
from uuid import UUID

from . import _core, _simulator
from ._faults import Fault
from ._simulated_machine import Machine, machines
from ._simulated_writers import Writer

_running: list[Machine] = []  # the innermost is the last; changed by one operation at a time


def current() -> Machine | None:
    """The machine of the innermost :func:`running` of this process, whatever thread it is in; None if there is none."""
    return next((machine for machine in reversed(_running) if not machine.closed), None)


@contextlib.contextmanager
def running(
    *,
    volumes: Mapping[str, str | os.PathLike[str]],
    writers: Iterable[Writer] = (),
    faults: Iterable[Fault] = (),
    environment: Mapping[str, str] | None = None,
    state: str | os.PathLike[str] | None = None,
    level: Literal["xp", "vista", "7", "8"] = "8",
    device_names: Literal["folder", "nt"] = "folder",
    hardware_provider: bool | Literal["legacy"] = False,
    writers_blocking_revert: Iterable[UUID] = (),
    virtual_time: bool = False,
    persistent_state: str | os.PathLike[str] | None = None,
    strict_components: bool = False,
    components_until: Literal["StartSnapshotSet", "PrepareForBackup", "DoSnapshotSet"] = "PrepareForBackup",
) -> Iterator[Machine]:
    """Run a simulated machine; inside the block it is the backend.

    Args:
        volumes: the folder of each volume, by name: ``C:\\``, a mounted folder, or a POSIX mount point. The final
            separator may be left out here; the API wants it.
        writers: the writers that run.
        faults: what goes wrong.
        environment: the variables in writers' paths; by default those of a plain server on ``C:``.
        state: the folder that holds the machines' folders, where shadow copies are; by default one per user below the
            temporary folder.
        level: the system: ``"xp"`` (Server 2003), ``"vista"`` (and Server 2008), ``"7"`` (2008 R2), ``"8"`` (2012 and
            later). Old ones lack interfaces, and report E_UNEXPECTED for VSS_E_UNEXPECTED (semantics 15).
        device_names: whether a shadow copy's device is its folder, which can be opened, or has the form that Windows
            gives it.
        hardware_provider: whether there is a hardware provider, which is asked before the system's own (semantics 7.1):
            for transportable sets, importing, breaking and recovery sets. Its shadow copies can be imported on any
            machine of this process that has one too. ``"legacy"``: one that is too old for recovery sets.
        writers_blocking_revert: classes of writers that object to a revert of a volume with components of theirs, as
            the registry's ``WritersBlockingRevert`` lists them; ``vsspy.should_block_revert`` tells.
        virtual_time: the machine's clock stands still and jumps, when all of the service waits, to the first moment that
            anybody waits for: a time-out of a minute takes none, and the same program sees the same times again.
        persistent_state: a folder in which persistent shadow copies, storage areas and volumes' GUIDs outlive the machine
            (made where there is none). Several processes may use it at once: each sees what the others made and
            deleted, and one of them makes a snapshot set at a time. Without it everything goes with the machine.
        strict_components: whether AddComponent refuses a component that its writer's metadata does not have, with
            VSS_E_OBJECT_NOT_FOUND; the pages do not say that it does (semantics 8.2, R7).
        components_until: the call after which it is too late for AddComponent, where the pages differ (semantics 2.3).

    Raises:
        ObjectNotFoundError: a volume's folder does not exist.
        ObjectAlreadyExistsError: two volumes of one name, or two writers with one instance id.
        InvalidArgumentError: an argument has no meaning.
        AccessDeniedError: the state folder belongs to somebody else.
    """
    given = locals()  # the arguments, which are those of Machine
    with _in_use(Machine(**given)) as machine:
        yield machine


@contextlib.contextmanager
def opened(folder: str | os.PathLike[str]) -> Iterator[Machine]:
    """Run the machine of a machine folder; inside the block it is the backend.

    What is persistent stays in ``folder/state`` for the next one, and several processes may run it at once.

    Args:
        folder: the folder of a ``machine.xml``, as :func:`configure` writes it and docs/other-languages.md describes it.

    Raises:
        ObjectNotFoundError: it has none, or names something that does not exist.
        InvalidXmlDocumentError: what it says has no meaning; the detail names the file, the line and what to do.
        ObjectAlreadyExistsError: two volumes of one name, or two writers with one instance id.
        AccessDeniedError: something cannot be read, or the state belongs to somebody else.
    """
    with _in_use(Machine._of_folder(folder)) as machine:
        yield machine


@contextlib.contextmanager
def _in_use(machine: Machine) -> Iterator[Machine]:
    """The machine is the backend, and closed at the end."""
    _running.append(machine)
    try:
        if sys.platform == "win32":
            machine._platform()
        yield machine
    finally:
        with contextlib.suppress(ValueError):  # a child after a fork has none
            _running.remove(machine)
        if sys.platform == "win32":
            outer = current()
            if outer is not None:
                outer._platform()
            else:
                _simulator.clear_current()
        machine.close()


EXIT_LIMIT = 10.0  # seconds


@atexit.register
def _close_all() -> None:
    """Sessions first, so that their writers hear of the end; a callback that hangs holds the exit up no longer than the limit."""
    end = time.monotonic() + EXIT_LIMIT
    _core.close_everything(EXIT_LIMIT)
    if _simulator.stop_callbacks(max(0.0, end - time.monotonic())):
        for machine in list(machines):
            machine.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_running.clear)
