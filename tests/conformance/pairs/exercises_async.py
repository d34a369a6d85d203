"""How vsspy calls IVssAsync, and which code its methods give when."""

from __future__ import annotations

import contextlib

from support import TIMEOUT

import vsspy
from vsspy._codes import CODES

from .exercises_backup import equals
from .model import exercise, scenario
from .scenes import Scene, World, stage
from .server import GATE

FINISHED = CODES["VSS_S_ASYNC_FINISHED"]
PENDING = CODES["VSS_S_ASYNC_PENDING"]
CANCELLED = CODES["VSS_S_ASYNC_CANCELLED"]


@stage("operation")
def _operation(s: Scene) -> None:
    """An operation under way on any machine; on the machine "gate", as long as GATE is closed."""
    GATE.clear()
    s.backup()
    s.order.to_prepared()
    s.operation = s.stack.enter_context(s.bc.do_snapshot_set())
    s.stack.callback(GATE.set)  # before the requester lets go, which waits for its writers


def outcome(s: Scene) -> int:
    """The status of the operation when it is over."""
    GATE.set()
    with contextlib.suppress(vsspy.OperationCancelledError):
        s.operation.wait(timeout=TIMEOUT)
    return int(s.operation.status)


exercise("IVssAsync::Wait", "operation", outcome, equals(FINISHED))
exercise("IVssAsync::QueryStatus", "operation", lambda s: s.operation.status, equals(PENDING), machine="gate")
exercise("IVssAsync::Cancel", "operation", lambda s: s.operation.cancel(), machine="gate")


@scenario("IVssAsync::Cancel", "VSS_S_ASYNC_CANCELLED", "state")
def _cancelled_before(world: World) -> None:
    with world.scene("operation", "gate") as s:
        s.operation.cancel()
        s.operation.cancel()
        assert outcome(s) == CANCELLED


@scenario("IVssAsync::Cancel", "VSS_S_ASYNC_FINISHED", "state")
def _over_already(world: World) -> None:
    with world.scene("operation") as s:
        assert outcome(s) == FINISHED
        s.operation.cancel()
        assert s.operation.status == FINISHED
