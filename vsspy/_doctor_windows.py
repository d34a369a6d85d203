"""What the doctor looks at on the computer itself: Windows, this process, and the services of VSS."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from ._doctor_finding import Finding
from ._event_log import Event
from ._windows_state import Computer, ServiceState, this_computer

# What only Windows has, in the order of the findings.
_WINDOWS_ONLY = ("bitness", "elevation", "privileges", "service-vss", "service-swprv", "event-log")

_SERVICES = (
    ("service-vss", "VSS", "Volume Shadow Copy"),
    ("service-swprv", "swprv", "Microsoft Software Shadow Copy Provider"),
)
_NEEDED = ("SeBackupPrivilege", "SeRestorePrivilege")
_LOGS = (("Application", "VSS"), ("System", "volsnap"))  # where VSS and its driver write


def computer_findings(computer: Computer | None = None) -> list[Finding]:
    """What is to be said without VSS.

    Args:
        computer: the Windows to look at; None for this one.
    """
    computer = this_computer() if computer is None else computer
    found = [Finding("platform", "ok", f"{platform.platform()}, Python {platform.python_version()}")]
    if computer is None:
        reason = "not checked: only Windows has this"
        return found + [Finding(name, "unknown", reason) for name in _WINDOWS_ONLY]
    for name, look in _looks(computer):
        try:
            found += look()
        except (OSError, ValueError) as error:
            found.append(Finding(name, "unknown", f"not checked: {error}"))
    return found


def _looks(computer: Computer) -> Iterator[tuple[str, Callable[[], Iterable[Finding]]]]:
    yield "module", lambda: _module(computer)
    yield "bitness", lambda: _bitness(computer)
    yield "elevation", lambda: _elevation(computer)
    yield "privileges", lambda: _privileges(computer)
    for name, service, title in _SERVICES:
        yield name, partial(_service, computer, name, service, title)
    yield "event-log", lambda: _events(computer)


def _module(computer: Computer) -> list[Finding]:
    if computer.has_vssapi():
        return []  # the backend's own finding says that it was loaded
    advice = (
        "Use an edition of Windows that has the Volume Shadow Copy Service (Nano Server and some images leave it out)."
    )
    return [Finding("module", "error", "vssapi.dll is not in System32, or cannot be loaded", advice)]


def _bitness(computer: Computer) -> list[Finding]:
    # 32-bit requesters on 64-bit Windows are unsupported since Vista (semantics 1).
    if computer.is_32bit_on_64bit():
        what = "this is a 32-bit Python on a 64-bit Windows: VSS does not work for it"
        return [Finding("bitness", "error", what, "Install the 64-bit Python and vsspy for it.")]
    return [Finding("bitness", "ok", f"{'64' if sys.maxsize > 2**32 else '32'}-bit, like Windows")]


def _elevation(computer: Computer) -> list[Finding]:
    # Administrator or holder of the backup privileges, else E_ACCESSDENIED (semantics 1).
    if computer.is_elevated():
        return [Finding("elevation", "ok", "this process is elevated")]
    return [
        Finding(
            "elevation",
            "error",
            "this process is not elevated: VSS refuses it",
            "Use a prompt opened with Run as administrator.",
        )
    ]


def _privileges(computer: Computer) -> list[Finding]:
    held = computer.privileges()
    missing = [name for name in _NEEDED if name not in held]
    if not missing:
        return [Finding("privileges", "ok", f"held: {', '.join(_NEEDED)}")]
    what = f"not held: {', '.join(missing)}; files that their access lists protect cannot be read or restored"
    return [Finding("privileges", "warning", what, "Use an elevated prompt of an administrator or a backup operator.")]


def _service(computer: Computer, name: str, service: str, title: str) -> list[Finding]:
    return [_service_state(name, service, title, computer.service(service))]


def _service_state(name: str, service: str, title: str, state: ServiceState | None) -> Finding:
    if state is None:
        return Finding(
            name, "error", f"the service {service} ({title}) is not installed", "Repair Windows: sfc /scannow."
        )
    if state.disabled:
        advice = f"Let it start when it is needed: sc config {service} start= demand"
        return Finding(name, "error", f"the service {service} ({title}) is disabled", advice)
    # A stopped one is in order: it starts when it is called and stops when idle (semantics 5).
    return Finding(
        name,
        "ok",
        f"{service} ({title}) is {state.name}" + ("; it starts when it is needed" if state.name == "stopped" else ""),
    )


def _events(computer: Computer) -> list[Finding]:
    events = [event for log, source in _LOGS for event in computer.events(log, source)]
    return [_event(event) for event in events] or [
        Finding("event-log", "ok", "no error of VSS or volsnap in the last seven days")
    ]


def _event(event: Event) -> Finding:
    text = event.text if len(event.text) <= 300 else event.text[:297] + "..."
    what = f"{event.time} {event.log} log, {event.source} {event.number}: {text}"
    return Finding("event-log", "warning", what, _ADVICE.get((event.source.casefold(), event.number), ""))


_ADVICE = {
    # Semantics 1.2: observed with requesters that set no COM security; the backup may go on.
    ("vss", 8194): "A writer could not call a backup program back: that program should set COM security "
    "(vsspy.initialize_security). Backups may work all the same.",
}
