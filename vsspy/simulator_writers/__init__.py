"""Writers for simulated machines, shaped like those of a server, with files that are really at work.

::

    with simulator.running(volumes={"C:\\\\": root}, writers=[SqlServerWriter(root, databases=["Orders", "Stock"])]):
        ...

While its machine runs each changes its files in a thread of its own. A copy of them is right only if they were frozen
when it was made, and each writer's ``check`` proves that from the copied files alone.
"""

from __future__ import annotations

from ._pages import DatabaseState, InconsistentDataError
from .application import ApplicationWriter
from .registry import RegistryWriter
from .sql_server import SqlServerWriter
from .system import SystemWriter

__all__ = [
    "ApplicationWriter",
    "DatabaseState",
    "InconsistentDataError",
    "RegistryWriter",
    "SqlServerWriter",
    "SystemWriter",
]
