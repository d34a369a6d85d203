"""A stored Writer Metadata Document, read by VSS itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from . import _core
from ._backend import resolve
from ._service_object import ServiceObject
from .errors import NotSupportedError
from .metadata import WriterMetadata

if TYPE_CHECKING:
    from .simulator import Machine

__all__ = ["ExamineWriterMetadata"]


class ExamineWriterMetadata(ServiceObject):
    """A Writer Metadata Document that was saved with a backup, loaded into VSS (``CreateVssExamineWriterMetadata``): a
    restore finds the file sets and restore methods of that time in it (semantics 11.1).

    :meth:`vsspy.WriterMetadata.from_xml` reads the same documents by itself and needs no VSS. It is a context manager;
    one that is forgotten open gives a ``ResourceWarning``. It may be used from several threads, one call at a time.

    Any method raises :class:`~vsspy.errors.ClosedError` after :meth:`close`, :class:`~vsspy.errors.ForkedError` in the
    child after a fork, and :class:`~vsspy.errors.UnexpectedError` or another :class:`~vsspy.errors.VssError` for what
    VSS or COM reports.

    Args:
        xml: the document's text, as :meth:`WriterMetadata.to_xml <vsspy.WriterMetadata.to_xml>` gave it.
        backend: as for :class:`~vsspy.BackupComponents`.

    Raises:
        InvalidXmlDocumentError: ``xml`` is not such a document.
        AccessDeniedError: the caller is no administrator and lacks the backup privilege.
        UnsupportedPlatformError: there is no VSS here, and no simulated machine in use.
    """

    _core: _core.ExamineWriterMetadata

    def __init__(self, xml: str, backend: Machine | str | None = None) -> None:
        self._backend = resolve(backend)
        self._core = _core.ExamineWriterMetadata(self._backend.platform, xml)
        self._made()

    def load_from_xml(self, xml: str) -> bool:
        """Replace the document by another one (``IVssExamineWriterMetadata::LoadFromXML``).

        Args:
            xml: the document's text.

        Returns:
            False where it could not be loaded (``S_FALSE``).

        Raises:
            InvalidXmlDocumentError: ``xml`` is not such a document.
        """
        return self._core.load_from_xml(xml)

    def save_as_xml(self) -> str:
        """The document's text (``IVssExamineWriterMetadata::SaveAsXML``)."""
        return self._core.save_as_xml()

    @property
    def metadata(self) -> WriterMetadata:
        """What the document says, read whole through ``IVssExamineWriterMetadata`` to ``Ex2``, each time anew.

        Its instance id is of the time when the document was made, and means nothing to writers of today.

        Raises:
            InvalidXmlDocumentError: the document cannot be read.
        """
        return WriterMetadata._from_document(self._core.metadata())

    def get_document(self) -> NoReturn:
        """Reserved for the system (``IVssExamineWriterMetadata::GetDocument``): its result is an object of MSXML, and no
        code of it is documented, so VSS is not asked. Take :meth:`save_as_xml` instead.

        Raises:
            NotSupportedError: always.
        """
        raise NotSupportedError(
            "E_NOTIMPL",
            "IVssExamineWriterMetadata::GetDocument",
            detail="reserved for the system: use save_as_xml(), or metadata",
        )
