"""What Windows' event log says about VSS: `wevtutil` asked, and its XML read."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

_NAMESPACE = "{http://schemas.microsoft.com/win/2004/08/events/event}"
_DAY = 86_400_000  # milliseconds, as timediff has them


@dataclass(frozen=True, slots=True)
class Event:
    """One entry.

    Attributes:
        log: ``"Application"`` or ``"System"``.
        source: who wrote it.
        number: the event's id.
        level: 1 critical, 2 error, 3 warning (Learn, wes/eventmanifestschema-leveltype-complextype).
        time: ISO 8601, UTC, as the log has it.
        text: its message in one line, else its data.
    """

    log: str
    source: str
    number: int
    level: int
    time: str
    text: str


def wevtutil_arguments(log: str, source: str, days: int, count: int) -> list[str]:
    """The arguments that ask for the newest errors and warnings of a source (Learn, windows-commands/wevtutil)."""
    query = (
        f"*[System[Provider[@Name='{source}'] and (Level=1 or Level=2 or Level=3) "
        f"and TimeCreated[timediff(@SystemTime) <= {days * _DAY}]]]"
    )
    return ["qe", log, f"/q:{query}", "/f:RenderedXml", f"/c:{count}", "/rd:true", "/uni:true"]


def read_events(log: str, output: bytes) -> list[Event]:
    """What wevtutil wrote: one Event element after the other, without a root.

    Raises:
        ValueError: it is nothing of that kind.
    """
    text = _decoded(output).strip().removeprefix("\ufeff")
    try:
        root = ElementTree.fromstring(
            f"<Events>{text}</Events>"
        )  # inside of a root there can be no DTD, so no entities
    except ElementTree.ParseError as error:
        raise ValueError(f"wevtutil answered what is no list of events ({error})") from None
    return [_event(log, each) for each in root.iter(f"{_NAMESPACE}Event")]


def _decoded(output: bytes) -> str:
    wide = output[:2] in {b"\xff\xfe", b"<\0"} or output[1:2] == b"\0"
    return output.decode("utf-16-le" if wide else "utf-8", "replace")


def _event(log: str, element: ElementTree.Element) -> Event:
    def inside(path: str) -> ElementTree.Element | None:
        return element.find("/".join(_NAMESPACE + name for name in path.split("/")))

    def number(path: str) -> int:
        found = inside(path)
        text = (found.text or "").strip() if found is not None else ""
        return int(text) if text.isascii() and text.isdigit() else 0

    provider, time, message = inside("System/Provider"), inside("System/TimeCreated"), inside("RenderingInfo/Message")
    said = (message.text if message is not None else None) or " ".join(_data(element))
    return Event(
        log,
        provider.get("Name", "") if provider is not None else "",
        number("System/EventID"),
        number("System/Level"),
        time.get("SystemTime", "") if time is not None else "",
        " ".join(said.split()),
    )


def _data(element: ElementTree.Element) -> Iterator[str]:
    for each in element.iter(f"{_NAMESPACE}Data"):
        if each.text and each.text.strip():
            yield each.text.strip()


def recent_events(log: str, source: str, *, days: int = 7, count: int = 5) -> list[Event]:
    """The newest errors and warnings of a source in a log.

    Raises:
        OSError: wevtutil is not there, or refuses.
        ValueError: what it answers cannot be read.
    """
    tool = os.path.join(os.environ.get("SystemRoot", r"C:\Windows"), "System32", "wevtutil.exe")
    try:
        arguments = wevtutil_arguments(log, source, days, count)
        done = subprocess.run([tool, *arguments], check=False, capture_output=True, timeout=60)
    except subprocess.TimeoutExpired:
        raise OSError("wevtutil did not answer within 60 s") from None
    if done.returncode:
        reason = " ".join(_decoded(done.stderr).split()) or f"exit code {done.returncode}"
        raise OSError(f"wevtutil refused: {reason}")
    return read_events(log, done.stdout)
