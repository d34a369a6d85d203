"""What is wrong with a document."""

from __future__ import annotations

from ._base import VssError


class DocumentError(VssError):
    """Something is wrong with a Backup Components Document or a Writer Metadata Document."""

    hint = "Use the document exactly as VSS made it."


class InvalidXmlDocumentError(DocumentError, codes=("VSS_E_INVALID_XML_DOCUMENT", "VSS_E_CORRUPT_XML_DOCUMENT")):
    """The XML is malformed or breaks the schema of VSS."""

    hint = "Use the document exactly as it was saved: VSS supports no editing of it."


class NontransportableDocumentError(DocumentError, codes=("VSS_E_NONTRANSPORTABLE_BCD",)):
    """The document does not describe a transportable shadow copy."""

    hint = "Create the shadow copies with the attribute TRANSPORTABLE and save that document."
