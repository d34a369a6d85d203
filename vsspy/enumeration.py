"""IVssEnumObject and IVssEnumMgmtObject: what a query found, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

from . import _arguments
from ._management_properties import DiffAreaProperties, DiffVolumeProperties, VolumeProperties
from ._properties import ProviderProperties, SnapshotProperties
from ._service_object import ServiceObject

if TYPE_CHECKING:
    from . import _core
    from ._backend import Backend

__all__ = ["EnumMgmtObject", "EnumObject"]

Element_co = TypeVar("Element_co", covariant=True)
Raw = TypeVar("Raw")


class _Core(Protocol[Raw]):
    """What ``_core.EnumObject`` and ``_core.EnumMgmtObject`` have in common."""

    def next(self, count: int) -> list[Raw]: ...
    def next_one(self) -> Raw | None: ...
    def skip(self, count: int) -> bool: ...
    def reset(self) -> None: ...
    def clone(self) -> _Core[Raw]: ...
    def close(self) -> None: ...


class Enumeration(ServiceObject, Generic[Element_co, Raw]):
    """What a query found: an iterator, and the methods of VSS's enumerators. The two kinds of them differ in what an
    element is.

    The elements are those of the moment of the query. They are fetched in batches; where a fetch fails, what came before
    is given first, and the failure is raised after it. It is a context manager; one that is neither closed nor read to
    its end gives a ``ResourceWarning``.

    Any method raises :class:`~vsspy.errors.ClosedError` after :meth:`close`, :class:`~vsspy.errors.ForkedError` in the
    child after a fork, and :class:`~vsspy.errors.UnspecifiedError` or another :class:`~vsspy.errors.VssError` for what
    VSS or COM reports.
    """

    _interface = ""  # the name that VSS has for it
    _core: _Core[Raw]

    def __init__(self, core: _Core[Raw], backend: Backend) -> None:
        self._core = core
        self._backend = backend  # kept, since the memory that comes is its
        self._ended = False
        self._made()

    def _element(self, raw: Raw) -> Element_co:
        raise NotImplementedError

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Element_co:
        """The next element (``Next``, a batch at a time)."""
        raw = self._core.next_one()
        if raw is None:
            self._ended = True  # a loop that ran to its end forgot nothing
            raise StopIteration
        return self._element(raw)

    def next(self, count: int) -> list[Element_co]:
        """The next elements (``Next``).

        Args:
            count: how many are wanted; 0 to 4294967295.

        Returns:
            So many; fewer at the end, or where a failure follows, which the next call raises.

        Raises:
            InvalidArgumentError: no such count.
        """
        wanted = _arguments.count(count, "count", f"{self._interface}::Next")
        return [self._element(raw) for raw in self._core.next(wanted)]

    def skip(self, count: int) -> bool:
        """Leave elements out (``Skip``).

        Args:
            count: how many; 0 to 4294967295.

        Returns:
            False where the end came before (``S_FALSE``).

        Raises:
            InvalidArgumentError: no such count.
        """
        return self._core.skip(_arguments.count(count, "count", f"{self._interface}::Skip"))

    def reset(self) -> None:
        """Begin at the first element again (``Reset``)."""
        self._core.reset()
        self._ended = False

    def clone(self) -> Self:
        """Another enumerator over the same elements, at the same place (``Clone``)."""
        return type(self)(self._core.clone(), self._backend)

    def _forgotten(self) -> bool:
        return not (self._closed or self._ended)


class EnumObject(Enumeration[Element_co, "_core._RawSnapshot | _core._RawProvider"]):
    """What :meth:`BackupComponents.query <vsspy.BackupComponents.query>` found (``IVssEnumObject``): an iterator of
    :class:`~vsspy.SnapshotProperties` or :class:`~vsspy.ProviderProperties`.

    The elements are those of the moment of the query. They are fetched in batches; where a fetch fails, what came before
    is given first, and the failure is raised after it. It is a context manager; one that is neither closed nor read to
    its end gives a ``ResourceWarning``.

    Any method raises :class:`~vsspy.errors.ClosedError` after :meth:`close`, :class:`~vsspy.errors.ForkedError` in the
    child after a fork, and :class:`~vsspy.errors.UnspecifiedError` or another :class:`~vsspy.errors.VssError` for what
    VSS or COM reports.
    """

    _interface = "IVssEnumObject"

    def _element(self, raw: _core._RawSnapshot | _core._RawProvider) -> Element_co:
        found = ProviderProperties._of(raw) if len(raw) == 6 else SnapshotProperties._of(raw)
        return found  # type: ignore[return-value]  # the query says which of the two it gives


class EnumMgmtObject(Enumeration[Element_co, "_core._RawVolume | _core._RawDiffVolume | _core._RawDiffArea"]):
    """What a query of :class:`~vsspy.SnapshotManagement` or :class:`~vsspy.DifferentialSnapshotManagement` found
    (``IVssEnumMgmtObject``): an iterator of :class:`~vsspy.VolumeProperties`, :class:`~vsspy.DiffVolumeProperties` or
    :class:`~vsspy.DiffAreaProperties`.

    The elements are those of the moment of the query. They are fetched in batches; where a fetch fails, what came before
    is given first, and the failure is raised after it. It is a context manager; one that is neither closed nor read to
    its end gives a ``ResourceWarning``.

    Any method raises :class:`~vsspy.errors.ClosedError` after :meth:`close`, :class:`~vsspy.errors.ForkedError` in the
    child after a fork, and :class:`~vsspy.errors.InvalidArgumentError` or another :class:`~vsspy.errors.VssError` for
    what VSS or COM reports.
    """

    _interface = "IVssEnumMgmtObject"

    def _element(self, raw: _core._RawVolume | _core._RawDiffVolume | _core._RawDiffArea) -> Element_co:
        found: VolumeProperties | DiffVolumeProperties | DiffAreaProperties
        if len(raw) == 2:
            found = VolumeProperties._of(raw)
        elif len(raw) == 4:
            found = DiffVolumeProperties._of(raw)
        else:
            found = DiffAreaProperties._of(raw)
        return found  # type: ignore[return-value]  # the query says which of the three it gives
