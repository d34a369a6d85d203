"""Tests of backup products, with any test framework; the plugin for pytest (``pytest_vsspy``) makes fixtures of it.

:func:`fault_sweep` runs a backup function again and again on simulated machines, and lets each of its calls fail in turn.
Nothing of the simulator is loaded before that.
"""

from ._records import SweepCase, SweepFailure, SweepReport, SweepRun
from ._sweep import fault_sweep
from ._watch import frozen_writers, leftovers, succeeded, tolerated, unfinished

__all__ = [
    "SweepCase",
    "SweepFailure",
    "SweepReport",
    "SweepRun",
    "fault_sweep",
    "frozen_writers",
    "leftovers",
    "succeeded",
    "tolerated",
    "unfinished",
]
