"""Each (method, documented code) pair of the specification, and what brings it about.

``exercises_*`` say how vsspy calls each method in a good state; ``scenarios_*`` bring codes about by state, argument or
machine. Importing the package fills the tables of ``model``.
"""

from . import (
    exercises_async,
    exercises_backup,
    exercises_components,
    exercises_documents,
    exercises_entry_points,
    exercises_management,
    exercises_raw,
    exercises_restore,
    exercises_snapshots,
    exercises_writers,
    scenarios_arguments,
    scenarios_documents,
    scenarios_machine,
    scenarios_snapshots,
    scenarios_state,
    scenarios_storage,
    scenarios_success,
    scenarios_writers,
)

__all__ = [
    "exercises_async",
    "exercises_backup",
    "exercises_components",
    "exercises_documents",
    "exercises_entry_points",
    "exercises_management",
    "exercises_raw",
    "exercises_restore",
    "exercises_snapshots",
    "exercises_writers",
    "scenarios_arguments",
    "scenarios_documents",
    "scenarios_machine",
    "scenarios_snapshots",
    "scenarios_state",
    "scenarios_storage",
    "scenarios_success",
    "scenarios_writers",
]
