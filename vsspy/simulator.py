"""VSS in a box: a simulated machine with volumes, writers and the service, to develop and test backup products anywhere.

::

    with simulator.running(volumes={"C:\\\\": folder}, writers=[simulator.Writer("My Writer")]) as machine:
        with vsspy.shadow_copy("C:\\\\") as shadow:
            ...
    machine.trace
"""

from __future__ import annotations

from ._faults import Fault
from ._machine_folder import configure
from ._machine_records import ShadowCopyInfo, TraceEntry
from ._replay import record, replay
from ._running_machines import current, opened, running
from ._simulated_machine import Machine
from ._simulated_writers import Writer, WriterVeto
from ._writer_description import Component
from ._writer_events import WriterEvent, WriterEventComponent
from .metadata import FileSet

__all__ = [
    "Component",
    "Fault",
    "FileSet",
    "Machine",
    "ShadowCopyInfo",
    "TraceEntry",
    "Writer",
    "WriterEvent",
    "WriterEventComponent",
    "WriterVeto",
    "configure",
    "current",
    "opened",
    "record",
    "replay",
    "running",
]
