"""Shadow copies made by hand: no service knows of them."""

from __future__ import annotations

from uuid import UUID

from vsspy.backup_components import SnapshotProperties
from vsspy.enums import SnapshotAttributes, SnapshotState

GLOBALROOT = "\\\\?\\GLOBALROOT\\Device\\HarddiskVolumeShadowCopy7"
GUID_PATH = "\\\\?\\Volume{11111111-2222-3333-4444-555555555555}\\"


def properties(device: str, original_volume: str = GUID_PATH) -> SnapshotProperties:
    return SnapshotProperties(
        snapshot_id=UUID(int=1),
        snapshot_set_id=UUID(int=2),
        snapshots_count=1,
        device_object=device,
        original_volume=original_volume,
        originating_machine="here",
        service_machine="here",
        exposed_name=None,
        exposed_path=None,
        provider_id=UUID(int=3),
        attributes=SnapshotAttributes(0),
        creation_time=0,
        state=SnapshotState.CREATED,
    )
