"""Methods that vsspy has no need of, on the systems where their codes are looked for: called through the vtable."""

from __future__ import annotations

from uuid import UUID

from support import INTERFACES

from .model import raw_exercise
from .raw import PROVIDER

B = "IVssBackupComponents"
AREAS = UUID(INTERFACES["IVssDifferentialSoftwareSnapshotMgmt"]["iid"])


def raw(method: str, stage: str, machine: str = "plain", **given: object) -> None:
    raw_exercise(method, stage, lambda s: s.raw.call(method, **given), machine=machine)


# vsspy takes the younger form where there is one; these are good for machines that report VSS_E_UNEXPECTED
raw(f"{B}::GetWriterMetadata", "raw restore")
raw(f"{B}::GetWriterStatus", "raw restore")
raw("IVssExamineWriterMetadata::GetIdentity", "raw restore")

raw("IVssExamineWriterMetadata::GetIncludeFile", "raw restore")  # reserved
raw("GetProviderMgmtInterface", "raw new", ProviderId=PROVIDER, InterfaceId=AREAS)  # vsspy takes IVssSnapshotMgmt's
raw("IVssExamineWriterMetadata::GetDocument", "raw restore")  # vsspy does not call it, since MSXML is no part of it
