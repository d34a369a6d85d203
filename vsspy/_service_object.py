"""What every object of the service is to Python: to be given back, by `close`, by a `with` block, or with a warning."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from ._backend import Backend


class ServiceObject:
    """The base of the classes that hold an object of the service, `_core`."""

    _closed = True  # until the object is made
    _backend: Backend
    _core: Any

    def _made(self) -> None:
        """To be called once there is something to give back."""
        self._process = os.getpid()
        self._closed = False

    @property
    def backend_name(self) -> str:
        """``"windows"`` or ``"simulator"``."""
        return self._backend.name

    @property
    def closed(self) -> bool:
        """True after :meth:`close`."""
        return self._closed

    def close(self) -> None:
        """Release the object (``IUnknown::Release``); again does nothing. An operation under way is not waited for."""
        if not self._closed:
            self._core.close()
            self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _forgotten(self) -> bool:
        return not self._closed

    def __del__(self, _warn: Callable[..., None] = warnings.warn, _getpid: Callable[[], int] = os.getpid) -> None:
        if self._forgotten() and self._process == _getpid():
            _warn(f"unclosed {self!r}", ResourceWarning, source=self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} on {self._backend.name}{', closed' if self._closed else ''}>"
