"""A simulated machine: its volumes, writers and service, made once and readable when it is closed."""

from __future__ import annotations

import os
import re
import sys
import threading
import weakref
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal
from uuid import UUID

from . import _machine_folder, _simulator
from ._codes import CODES
from ._faults import Fault
from ._machine_records import ShadowCopyInfo, TraceEntry, shadow_copy_info, trace_entry
from ._native_paths import to_bytes
from ._simulated_clock import SimulatedClock
from ._simulated_machine_writers import SimulatedWriters
from ._simulated_storage import SimulatedStorage
from ._simulated_writers import Writer
from ._typed_errors import typed_errors
from .errors import (
    ClosedError,
    ForkedError,
    InvalidArgumentError,
    ObjectNotFoundError,
    ReentrantCallError,
    from_hresult,
)

PLAIN_SERVER: Mapping[str, str] = MappingProxyType(_simulator.plain_server())
"""The environment of a plain server that lives on ``C:``: a machine's default."""

_LEVELS = {"xp": 5, "vista": 6, "7": 7, "8": 8}
_DEADLINES = {"PrepareForBackup": 0, "StartSnapshotSet": 1, "DoSnapshotSet": 2}
_HARDWARE_PROVIDERS = {False: 0, True: 1, "legacy": 2}


def with_separator(name: str) -> str:
    """The name that the API knows: what was given, with the final separator."""
    if name.endswith(("\\", "/")):
        return name
    if "\\" in name or re.fullmatch("[A-Za-z]:", name):
        return name + "\\"
    if name.startswith("/"):
        return name + "/"
    raise InvalidArgumentError(
        "E_INVALIDARG", "Machine", detail=f"{name!r} is neither a Windows volume nor a mount point"
    )


class Machine(SimulatedWriters, SimulatedStorage, SimulatedClock):
    """A simulated machine. :func:`running` makes one; it stays readable when it is closed."""

    _folder: str | None = None  # where another process finds the same machine: its folder, or its state
    _persistent_state: str | None = None

    def __init__(
        self,
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
    ) -> None:
        if level not in _LEVELS:
            raise InvalidArgumentError(
                "E_INVALIDARG", "Machine", detail=f"level={level!r}: one of {', '.join(_LEVELS)}"
            )
        if device_names not in ("folder", "nt"):
            raise InvalidArgumentError("E_INVALIDARG", "Machine", detail=f"device_names={device_names!r}: folder or nt")
        if hardware_provider not in _HARDWARE_PROVIDERS:
            detail = f'hardware_provider={hardware_provider!r}: True, False or "legacy"'
            raise InvalidArgumentError("E_INVALIDARG", "Machine", detail=detail)
        if components_until not in _DEADLINES:
            detail = f"components_until={components_until!r}: one of {', '.join(_DEADLINES)}"
            raise InvalidArgumentError("E_INVALIDARG", "Machine", detail=detail)
        if not isinstance(volumes, Mapping):
            raise InvalidArgumentError(
                "E_INVALIDARG", "Machine", detail="volumes is a mapping: the folder of each, by name"
            )
        with typed_errors("Machine"):
            handle = _simulator.MachineHandle(
                b"" if state is None else to_bytes(state),
                _LEVELS[level],
                device_names == "nt",
                _HARDWARE_PROVIDERS[hardware_provider],
                virtual_time,
                strict_components,
                _DEADLINES[components_until],
                b"" if persistent_state is None else to_bytes(persistent_state),
            )
        self._begin(handle, {"level": level, "hardware_provider": hardware_provider})
        self._persistent_state = None if persistent_state is None else os.path.abspath(persistent_state)
        try:
            self.volumes: Mapping[str, Path] = MappingProxyType(
                {with_separator(name): Path(os.path.abspath(folder)) for name, folder in volumes.items()}
            )
            """The folder of each volume, by the name that the API knows: with the final separator."""
            self.environment: Mapping[str, str] = MappingProxyType(
                dict(PLAIN_SERVER if environment is None else environment)
            )
            """The environment variables that writers' paths hold."""
            if len(self.volumes) < len(volumes):
                raise from_hresult(CODES["VSS_E_OBJECT_ALREADY_EXISTS"], "Machine", "two volumes of one name")
            for name, folder in self.volumes.items():
                with typed_errors(f"volume {name}"):
                    handle.add_volume(name, to_bytes(folder))
            self.volume_paths: Mapping[str, str] = MappingProxyType(dict(handle.volumes()))
            """The GUID path of each volume (``\\\\?\\Volume{...}\\``), by the name that :attr:`volumes` has for it."""
            for name, value in self.environment.items():
                handle.set_environment(name, value)
            for writer_id in writers_blocking_revert:
                handle.block_revert(writer_id.bytes_le)
            for writer in writers:
                self._add_writer(writer)
            for fault in faults:
                self.add_fault(fault)
        except BaseException:
            self.close()
            raise
        machines.add(self)

    def _begin(self, handle: _simulator.MachineHandle, character: Mapping[str, str | bool]) -> None:
        super().__init__()
        self._process = os.getpid()
        self._closed = False
        self._capsule: Any = None
        self._settled: list[TraceEntry] = []  # entries that change no more
        self._reading = threading.Lock()
        self._handle = handle
        self._character = character  # what a trace says of the machine

    @classmethod
    def _of_folder(cls, folder: str | os.PathLike[str]) -> Machine:
        """The machine of a machine folder."""
        settings, handle = _machine_folder.open_machine(folder)
        machine = cls.__new__(cls)
        machine._begin(handle, {"level": settings["machine"][0]["level"]})
        machine._folder = os.path.abspath(folder)
        machine.volumes = MappingProxyType({each["name"]: Path(each["folder"]) for each in settings["volumes"]})
        machine.environment = MappingProxyType({each["name"]: each["value"] for each in settings["environment"]})
        machine.volume_paths = MappingProxyType(dict(handle.volumes()))
        machines.add(machine)
        return machine

    def add_fault(self, fault: Fault) -> None:
        """Let something go wrong from now on. Raises ``ClosedError``.

        Args:
            fault: what; its ``nth`` counts from now, too.

        Raises:
            ObjectNotFoundError: the machine has no such volume.
        """
        self._check_open("add_fault")
        if not isinstance(fault, Fault):
            raise InvalidArgumentError("E_INVALIDARG", "Machine.add_fault", detail=f"{fault!r} is no simulator.Fault")
        try:
            with typed_errors(f"fault in {fault.where}"):
                self._handle.add_fault(*fault._values())
        except ObjectNotFoundError as error:
            detail = f"no volume {fault.volume}; the machine has {', '.join(self.volumes) or 'none'}"
            raise ObjectNotFoundError(error.hresult, error.operation, detail=detail) from None

    @property
    def closed(self) -> bool:
        """Whether the machine is gone; in a child after a fork it is."""
        return self._closed or self._process != os.getpid()

    def close(self) -> None:
        """Stop the service, remove the shadow copies and the machine's folder. Again is nothing.

        What runs is cancelled and waited for, a writer's callback too. Objects that a requester still holds are dead
        then: their methods fail with RPC_E_DISCONNECTED.

        Raises:
            ReentrantCallError: a writer's callback cannot close its own machine.
        """
        if not self.closed:
            if self._is_calling():
                raise ReentrantCallError("Machine.close", detail="a writer cannot close its own machine")
            try:
                self._handle.close()
            finally:
                self._stop_writers()
            self._closed = True

    @property
    def trace(self) -> list[TraceEntry]:
        """Every call and writer's event, in the order in which they began. Raises ``ForkedError``."""
        self._check_process("trace")
        with self._reading:
            entries = [trace_entry(values) for values in self._handle.trace(len(self._settled))]
            all_entries = self._settled + entries
            ended = next((i for i, entry in enumerate(entries) if entry.end is None), len(entries))
            self._settled += entries[:ended]
            return all_entries

    @property
    def live_objects(self) -> int:
        """How many COM objects are not yet released: 0 when a program is clean. Raises ``ForkedError``."""
        self._check_process("live_objects")
        return self._handle.live_objects()

    def live(self) -> list[str]:
        """What is not yet released: a name for each COM object, and the number of strings where there are any.

        On Windows strings are the system's, and not counted. Raises ``ForkedError``.
        """
        self._check_process("live")
        return self._handle.live()

    @property
    def shadow_copies(self) -> list[ShadowCopyInfo]:
        """The shadow copies that exist now. Raises ``ForkedError``."""
        return self._copies("shadow_copies", broken=False)

    @property
    def broken(self) -> list[ShadowCopyInfo]:
        """What was a shadow copy until its set was broken, and is an ordinary volume now, in its folder. Raises
        ``ForkedError``."""
        return self._copies("broken", broken=True)

    @property
    def notes(self) -> list[str]:
        """What was not as it should be: shadow copies that were written to, files that a copy could not get in one
        piece, or that a revert could not replace. Raises ``ForkedError``."""
        self._check_process("notes")
        return self._handle.notes()

    def __repr__(self) -> str:
        return f"<Machine {', '.join(self.volumes)}{' closed' if self.closed else ''}>"

    def _copies(self, operation: str, *, broken: bool) -> list[ShadowCopyInfo]:
        self._check_process(operation)
        return [shadow_copy_info(values) for values in self._handle.shadow_copies() if values[-1] == broken]

    def _check_process(self, operation: str) -> None:
        if self._process != os.getpid():  # locks that the parent's threads held at the fork are held for ever here
            raise ForkedError(f"Machine.{operation}", detail="the simulated machine is the parent process's")

    def _check_open(self, operation: str) -> None:
        if self.closed:
            raise ClosedError(f"Machine.{operation}", detail="the simulated machine is closed")

    def _platform(self) -> Any:
        """The capsule "vsspy.platform"; None on Windows, where the machine plays the vssapi.dll that is loaded."""
        self._check_open("_platform")
        if sys.platform == "win32":
            self._handle.make_current()
            return None
        if self._capsule is None:
            self._capsule = self._handle.platform()
        return self._capsule


machines: weakref.WeakSet[Machine] = weakref.WeakSet()
"""All that are not yet collected."""
