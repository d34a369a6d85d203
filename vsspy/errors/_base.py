"""How a HRESULT finds its class, and what every error carries."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import TYPE_CHECKING, Any, ClassVar, Self
from uuid import UUID

from .._codes import CODES, FIRST_SYSTEM, MEANINGS, NAMES
from .._hresult import HResult

if TYPE_CHECKING:
    from ..backup_components import WriterStatus

_CLASSES: dict[int, type[VssError]] = {}
_HOME = __name__.rpartition(".")[0]  # vsspy.errors, the public place of all errors


def _restore(
    cls: type[VssError], hresult: int, operation: str | None, detail: str | None, state: dict[str, Any]
) -> VssError:
    error = cls.from_code(hresult, operation, detail)
    error.__dict__.update(state)
    return error


class VssError(Exception):
    """A failure of VSS, or of COM below it; itself only for codes that no other class stands for.

    Attributes:
        hresult: the code as an unsigned number.
        name: its name (``"VSS_E_BAD_STATE"``), or the number in hexadecimal.
        operation: the call that failed (``"IVssBackupComponents::DoSnapshotSet"``).
        detail: what is known beyond the code.
        hint: what a person can do about it.
        retryable: True where the same attempt may well succeed later, unchanged.
        deleted, nondeleted_id: of DeleteSnapshots, how many shadow copies are gone, and which one was not deleted.
        phase, volume, elapsed, writers: where a session raised it: its phase, the volume concerned, seconds since the
            phase began, and the writers' states at that moment.
    """

    codes: ClassVar[tuple[int, ...]] = ()
    retryable: bool = False
    hint: str = "Look at the Application event log, sources VSS and VolSnap, for the reason that the service gives."
    _errno: ClassVar[int | None] = None

    deleted: int = 0
    nondeleted_id: UUID | None = None
    phase: str | None = None
    volume: str | None = None
    elapsed: float | None = None
    writers: Sequence[WriterStatus] = ()

    def __init_subclass__(cls, *, codes: Sequence[str] = (), **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if cls.__module__.startswith(f"{_HOME}."):
            cls.__module__ = _HOME
        cls.codes = tuple(CODES[name] for name in codes)
        for code in cls.codes:
            if code in _CLASSES:
                raise TypeError(f"{NAMES[code]} belongs to {_CLASSES[code].__name__} already")
            _CLASSES[code] = cls

    def __init__(
        self, hresult: int | str | None = None, operation: str | None = None, *, detail: str | None = None
    ) -> None:
        code = _code_of(hresult) if hresult is not None else (self.codes or (CODES["E_FAIL"],))[0]
        BaseException.__init__(self, code, operation)
        self.hresult = HResult(code)
        self.operation = operation
        self.detail = detail
        if self._errno is not None:  # what the built-in exception beside the class has
            is_win32 = code >> 16 == 0x8007
            for name, value in {"errno": self._errno, "winerror": code & 0xFFFF if is_win32 else code}.items():
                setattr(self, name, value)

    @property
    def name(self) -> str:
        """The name of the code, as VSS's headers have it."""
        return self.hresult.name

    @classmethod
    def from_code(cls, hresult: int, operation: str | None, detail: str | None) -> Self:
        """The error for one of the codes of the class; the way back from a pickle, too."""
        return cls(hresult, operation, detail=detail)

    def __str__(self) -> str:
        what = self.detail or MEANINGS.get(self.hresult, "an error that VSS's headers do not name")
        code = f"0x{self.hresult:08X}"
        text = f"{what} ({self.name if self.name == code else f'{self.name}, {code}'})"
        return f"{self.operation}: {text}" if self.operation else text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.operation!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), int(self.hresult), self.operation, self.detail, self.__dict__)


def _code_of(name_or_hresult: int | str) -> int:
    if isinstance(name_or_hresult, str):
        try:
            return CODES[name_or_hresult.upper()]
        except KeyError:
            raise LookupError(f"no HRESULT is called {name_or_hresult!r}") from None
    number = index(name_or_hresult)
    if not -(1 << 31) <= number < 1 << 32:
        raise ValueError(f"{number} has more than the 32 bits of an HRESULT")
    return number & 0xFFFFFFFF


def lookup(name_or_hresult: int | str) -> type[VssError]:
    """The class that stands for a HRESULT.

    Args:
        name_or_hresult: ``"VSS_E_BAD_STATE"``, or a number, signed or unsigned.

    Returns:
        The class; :class:`VssError` for a number that no class has registered.

    Raises:
        LookupError: no code has that name.
        ValueError: the number has more than 32 bits.
    """
    return _CLASSES.get(_code_of(name_or_hresult), VssError)


def from_hresult(hresult: int, operation: str | None = None, detail: str | None = None) -> VssError:
    """The error for a HRESULT; the C++ core makes its errors here.

    Args:
        hresult: the code, signed or unsigned.
        operation: the call that gave it.
        detail: what is known beyond the code. With E_NOINTERFACE, the name of an interface that the system lacks.
    """
    code = hresult & 0xFFFFFFFF
    if code == CODES["E_NOINTERFACE"] and detail in FIRST_SYSTEM:
        detail = f"this system has no {detail}, which came with {FIRST_SYSTEM[detail]}"
    return lookup(code).from_code(code, operation, detail or None)


class OwnError(VssError):
    """Has one code, so that it is made without one."""

    def __init__(self, operation: str | None = None, *, detail: str | None = None) -> None:
        super().__init__(self.codes[0], operation, detail=detail)

    @classmethod
    def from_code(cls, hresult: int, operation: str | None, detail: str | None) -> Self:
        return cls(operation, detail=detail)


VssError.__module__ = lookup.__module__ = from_hresult.__module__ = _HOME
