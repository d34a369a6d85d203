"""Machine folders: a simulated machine described by FOLDER/machine.xml, for any process and any language."""

from __future__ import annotations

import math
import os
import re
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from . import _simulator
from ._faults import EVENTS, Fault
from ._native_paths import to_bytes, to_text
from ._typed_errors import MACHINE_FOLDER, typed_errors
from ._xml_text import xml_element
from .enums import SubscribeMask
from .errors import InvalidArgumentError, ObjectAlreadyExistsError, VssError

if TYPE_CHECKING:
    from ._simulated_writers import Writer
    from .simulator import Machine

__all__ = ["MachineSettings", "configure", "open_machine", "read_settings"]

FILE = "machine.xml"

MachineSettings = dict[str, list[dict[str, str]]]
"""What a machine folder says, defaults included: a list of each kind of element, with its attributes as text."""

# The lists of a MachineSettings, by the elements that stand in them.
_LISTS = {
    "machine": "machine",
    "volume": "volumes",
    "variable": "environment",
    "writer": "writers",
    "fault": "faults",
    "writer_class": "writers_blocking_revert",
}
_FAULT_ATTRIBUTES = (
    "where",
    "code",
    "nth",
    "delay",
    "at",
    "effect",
    "volume",
    "probability",
    "seed",
    "dies",
    "application",
    "message",
)
_FAULT_DEFAULTS = {"delay": 0.0, "effect": "before", "dies": False}

Attribute = str | int | float | bool | None


def read_settings(folder: str | os.PathLike[str]) -> MachineSettings:
    """What a machine folder says; raises as ``vsspy.simulator.opened`` does."""
    with typed_errors(MACHINE_FOLDER):
        entries = _simulator.describe_folder(to_bytes(folder))
    settings: MachineSettings = {name: [] for name in _LISTS.values()}
    for element, index, name, value in entries:
        found = settings[_LISTS[element]]
        if index == len(found):
            found.append({})
        found[index][name] = to_text(value)
    return settings


def open_machine(folder: str | os.PathLike[str]) -> tuple[MachineSettings, _simulator.MachineHandle]:
    """The machine of a folder, and what the folder says."""
    settings = read_settings(folder)
    with typed_errors(MACHINE_FOLDER):
        return settings, _simulator.MachineHandle.open_folder(to_bytes(folder))


def configure(
    folder: str | os.PathLike[str],
    *,
    volumes: Mapping[str, str | os.PathLike[str]],
    writers: Iterable[Writer] | None = None,
    faults: Iterable[Fault] = (),
    environment: Mapping[str, str] | None = None,
    level: Literal["xp", "vista", "7", "8"] = "8",
    device_names: Literal["folder", "nt"] = "folder",
    hardware_provider: bool | Literal["legacy"] = False,
    writers_blocking_revert: Iterable[UUID] = (),
    virtual_time: bool = False,
    strict_components: bool = False,
    components_until: Literal["StartSnapshotSet", "PrepareForBackup", "DoSnapshotSet"] = "PrepareForBackup",
    overwrite: bool = False,
) -> Path:
    """Write a machine folder, which :func:`opened`, ``VSSPY_SIMULATOR`` and libvssapi make a machine of.

    Args:
        folder: the folder; made if it is missing.
        volumes: the folder of each volume, by name. A relative one is below ``folder``, and is made if it is missing.
        writers: the writers, whose documents are written to ``folder/writers``; None: whatever Writer Metadata Documents
            lie there when the machine is opened.
        environment: the variables in writers' paths; None: those of a plain server on ``C:``.
        faults, level, device_names, hardware_provider, writers_blocking_revert, virtual_time, strict_components,
            components_until: as for :func:`running`.
        overwrite: whether a ``machine.xml`` that is there is replaced.

    Returns:
        The path of ``machine.xml``.

    Raises:
        ObjectAlreadyExistsError: there is a ``machine.xml``, and ``overwrite`` is not set.
        ObjectNotFoundError: the folder of a volume does not exist.
        InvalidArgumentError: a writer has handlers in Python, which no file can hold, or a text cannot stand in XML.
        InvalidXmlDocumentError: an argument has no meaning; the folder is then as it was, but for what was made.
        OSError: something cannot be written.
    """
    root = Path(os.path.abspath(folder))
    file = root / FILE
    before = file.read_bytes() if file.exists() else None
    if before is not None and not overwrite:
        raise ObjectAlreadyExistsError(
            "VSS_E_OBJECT_ALREADY_EXISTS", "configure", detail=f"{file} exists; say overwrite=True to replace it"
        )
    chosen = None if writers is None else list(writers)
    for writer in chosen or ():
        _refuse_handlers(writer)
    root.mkdir(parents=True, exist_ok=True)
    groups = {
        "volumes": [_element("volume", name=name, folder=_volume_folder(root, path)) for name, path in volumes.items()],
        "environment": [_element("variable", name=name, value=value) for name, value in (environment or {}).items()],
        "writers": [_writer(root, number, writer) for number, writer in enumerate(chosen or (), 1)],
        "faults": [_fault(fault) for fault in faults],
        "writers_blocking_revert": [_element("writer_class", writer_id=str(each)) for each in writers_blocking_revert],
    }
    settings = _element(
        "machine",
        version=1,
        level=level,
        device_names=device_names,
        hardware_provider=hardware_provider,
        virtual_time=virtual_time,
        strict_components=strict_components,
        components_until=components_until,
    )
    lines = ['<?xml version="1.0" encoding="utf-8"?>', settings.replace("/>", ">")]
    for name, elements in groups.items():
        if elements or (name == "environment" and environment is not None):
            lines += [f"  <{name}>", *(f"    {element}" for element in elements), f"  </{name}>"]
    new = root / f"{FILE}.new"
    try:
        new.write_text("\n".join([*lines, "</machine>", ""]), encoding="utf-8", newline="\n")
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)
    try:
        read_settings(root)
    except VssError:
        if before is None:
            file.unlink()
        else:
            file.write_bytes(before)
        raise
    return file


def _refuse_handlers(writer: Writer) -> None:
    handled = [event for event in EVENTS if writer.handler(event)]
    if handled:
        detail = f"{writer.name} handles {', '.join(handled)} in Python, which {FILE} cannot hold; use running(...)"
        raise InvalidArgumentError("E_INVALIDARG", "configure", detail=detail)


def _volume_folder(root: Path, path: str | os.PathLike[str]) -> str:
    full = Path(os.path.abspath(root / path))
    if not full.is_relative_to(root):
        return str(full)
    full.mkdir(parents=True, exist_ok=True)
    return full.relative_to(root).as_posix()


def _writer(root: Path, number: int, writer: Writer) -> str:
    name = re.sub(r"[^A-Za-z0-9]+", "_", writer.name).strip("_")[:40]
    document = root / "writers" / f"{number:02}-{name}.xml"
    document.parent.mkdir(exist_ok=True)
    document.write_text(writer.metadata.to_xml(), encoding="utf-8", newline="\n")
    return _element(
        "writer",
        document=document.relative_to(root).as_posix(),
        level=writer.level.name,
        freeze_timeout=writer.freeze_timeout,
        subscription=_subscription(writer.subscription),
    )


def _subscription(mask: SubscribeMask) -> str:
    if mask == SubscribeMask.ALL_FLAGS:
        return "ALL_FLAGS"
    return " ".join(flag.name for flag in SubscribeMask if flag.name and mask & flag)


def _fault(fault: Fault) -> str:
    values = {name: getattr(fault, name) for name in _FAULT_ATTRIBUTES}
    for name in ("code", "application"):
        if isinstance(values[name], int):
            values[name] = f"0x{values[name] & 0xFFFFFFFF:08X}"
    return _element("fault", **{name: value for name, value in values.items() if value != _FAULT_DEFAULTS.get(name)})


def _element(element: str, /, **attributes: Attribute) -> str:
    return xml_element(element, **{name: _checked(value) for name, value in attributes.items()})


def _checked(value: Attribute) -> str | int | bool | None:
    if isinstance(value, float):
        return "inf" if value == math.inf else repr(value)
    if isinstance(value, str) and re.search("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", value):
        raise InvalidArgumentError(
            "E_INVALIDARG", "configure", detail=f"{value!r} has characters that XML cannot hold; choose another name"
        )
    return value


_opened: dict[str, Machine] = {}  # by VSSPY_SIMULATOR's folder; they are closed with all others at exit
_opening = threading.Lock()


def environment_machine(folder: str) -> Machine:
    """The machine of ``VSSPY_SIMULATOR=FOLDER``: one for a process and folder."""
    from .simulator import Machine

    name = os.path.abspath(folder)
    with _opening:
        machine = _opened.get(name)
        if machine is None or machine.closed:  # closed: a child's after a fork
            machine = _opened[name] = Machine._of_folder(name)
        return machine


def _forget() -> None:
    global _opening
    _opening = threading.Lock()
    _opened.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
