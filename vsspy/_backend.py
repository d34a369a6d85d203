"""Which VSS is talked to: the system's, or a simulated machine's."""

from __future__ import annotations

import os
import sys
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import _core
from .errors import ClosedError, InvalidArgumentError, UnsupportedPlatformError

if TYPE_CHECKING:
    from .simulator import Machine

_OPERATION = "BackupComponents"


@dataclass(frozen=True, slots=True)
class Backend:
    """A platform table, and what reports call it."""

    name: str  # "windows" or "simulator"
    platform: Any  # the capsule
    machine: Machine | None = None  # kept, since the table is its


def resolve(backend: Machine | str | None = None) -> Backend:
    """Find the backend.

    An explicit one wins: a machine, ``"windows"``, or ``"simulator"`` for the machine in use, or where there is none that
    of the machine folder that ``VSSPY_SIMULATOR`` names. Else it is the machine of the innermost
    ``vsspy.simulator.running``, else what ``VSSPY_BACKEND`` says, else the system's own VSS.

    Raises:
        UnsupportedPlatformError: there is no VSS here, and no simulated machine in use.
        InvalidArgumentError: no such backend; or ``VSSPY_BACKEND=simulator`` alone on Windows, where it would turn a
            real backup into a fake one.
        ObjectNotFoundError, InvalidXmlDocumentError, AccessDeniedError: the machine folder of ``VSSPY_SIMULATOR`` cannot
            be opened; the detail says why.
        ClosedError: the machine is closed.
    """
    if backend is None:
        machine = _current_machine()
        return (
            _simulated(machine) if machine is not None else _named(os.environ.get("VSSPY_BACKEND") or "windows", True)
        )
    if isinstance(backend, str):
        return _named(backend, False)
    return _simulated(backend)


def machine_of(backend: Machine | str | None = None) -> Machine | None:
    """The simulated machine that :func:`resolve` finds, None for the system's VSS."""
    return resolve(backend).machine


def initialize_security(backend: Machine | str | None = None) -> None:
    """Set the process's security towards COM as a requester needs it (``CoInitializeSecurity``).

    Packet privacy, identify, dynamic cloaking, and a descriptor that admits the accounts that writers run under
    (semantics 1.2). It can be done once in a process, before anything else makes COM choose its defaults.
    :class:`BackupComponents` never does it by itself.

    Args:
        backend: as for :class:`BackupComponents`.

    Raises:
        SecurityTooLateError: it was done before, by whomever; backups may work all the same.
        UnsupportedPlatformError: there is no VSS here.
    """
    _core.initialize_security(resolve(backend).platform)
    secured.add(security_scope(backend))


class Process:
    """Stands for this process where something is to be known of it or of a simulated machine."""


_PROCESS = Process()
secured: weakref.WeakSet[Machine | Process] = (
    weakref.WeakSet()
)  # where it was done: sessions ask, so as not to do it twice


def security_scope(backend: Machine | str | None) -> Machine | Process:
    """What has one security towards COM: the process, off Windows a simulated machine."""
    machine = resolve(backend).machine
    return _PROCESS if machine is None or sys.platform == "win32" else machine


def _current_machine() -> Machine | None:
    """The machine in use, without loading the simulator for those who never asked for it."""
    simulator = sys.modules.get("vsspy.simulator")
    current = getattr(simulator, "current", None)  # missing while the module is being imported
    machine: Machine | None = current() if current is not None else None
    return machine


def _named(name: str, from_environment: bool) -> Backend:
    if name == "windows":
        if sys.platform != "win32" and from_environment and os.environ.get("VSSPY_SIMULATOR"):
            raise UnsupportedPlatformError(
                _OPERATION,
                detail="VSSPY_SIMULATOR describes a machine, which VSSPY_BACKEND=simulator makes the backend",
            )
        return Backend("windows", _core.windows_platform())
    if name != "simulator":
        what = "VSSPY_BACKEND" if from_environment else "backend"
        raise InvalidArgumentError(
            "E_INVALIDARG", _OPERATION, detail=f'{what} has to be windows or simulator, not "{name}"'
        )
    machine = _current_machine()
    if machine is not None:
        return _simulated(machine)
    folder = os.environ.get("VSSPY_SIMULATOR")
    if folder:
        from ._machine_folder import environment_machine

        return _simulated(environment_machine(folder))
    if from_environment and sys.platform == "win32":
        raise InvalidArgumentError(
            "E_INVALIDARG", _OPERATION, detail="VSSPY_BACKEND=simulator alone would turn a real backup into a fake one"
        )
    raise UnsupportedPlatformError(
        _OPERATION, detail="no simulated machine is in use: see vsspy.simulator.running(...)"
    )


def _simulated(machine: Machine) -> Backend:
    make_platform = getattr(machine, "_platform", None)
    if make_platform is None:
        raise InvalidArgumentError(
            "E_INVALIDARG", _OPERATION, detail=f"backend has to be a simulated machine or a name, not {machine!r}"
        )
    if machine.closed:
        raise ClosedError(_OPERATION, detail="the simulated machine is closed")
    capsule = make_platform()
    # On Windows the machine plays the vssapi.dll that is loaded, which is reached as in production.
    return Backend("simulator", _core.windows_platform() if capsule is None else capsule, machine)
