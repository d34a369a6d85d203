"""How every method of BackupComponents calls its core: failures are explained, and what succeeded is remembered."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, TypeVarTuple
from uuid import UUID

from . import _arguments
from ._async_operation import AsyncOperation
from ._backend import Backend
from ._call_order import CallOrder
from ._core import AsyncOperation as CoreOperation
from ._core import Session as CoreSession
from .errors import BadStateError

P = ParamSpec("P")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

NO_ID = UUID(int=0)


def id_or_none(value: UUID | None) -> UUID:
    """None as VSS has it, ``GUID_NULL``."""
    return NO_ID if value is None else value


class SessionCalls:
    """What the parts of :class:`vsspy.BackupComponents` have in common."""

    _core: CoreSession
    _backend: Backend
    _order: CallOrder

    def _call(self, operation: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call VSS's method of that name, which may have its interface before it."""
        method = operation.rpartition("::")[2]
        try:
            result = function(*args, **kwargs)
        except BadStateError as error:
            self._order.explain(error, method)
            raise
        self._order.succeeded(method)
        return result

    def _of_component(
        self,
        operation: str,
        function: Callable[[UUID, int, str | None, str, *Ts], None],
        key: tuple[UUID, int, str | None, str],
        *more: *Ts,
    ) -> None:
        """The same for a method of one component; *key* is its writer, type, logical path and name."""
        writer_id, component_type, logical_path, name = key
        number = _arguments.enumeration(component_type, "component_type", operation)
        self._call(operation, function, writer_id, number, logical_path, name, *more)

    def _start(self, operation: str, function: Callable[[*Ts], CoreOperation], *args: *Ts) -> AsyncOperation:
        """Call a method that gives an IVssAsync: it has succeeded when the operation has."""
        method = operation.rpartition("::")[2]
        try:
            started = function(*args)
        except BadStateError as error:
            self._order.explain(error, method)
            raise
        self._order.started(method)
        return self._operation(started)

    def _operation(self, started: CoreOperation) -> AsyncOperation:
        order, method = self._order, started.starter.rpartition("::")[2]
        return AsyncOperation(started, lambda: order.succeeded(method))
