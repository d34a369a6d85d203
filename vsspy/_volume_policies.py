"""Which volumes of a session are in its set, and which are read live because their policy says so."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Final

from .errors import (
    MaximumSnapshotsError,
    MaximumVolumesError,
    NestedVolumeLimitError,
    ObjectNotFoundError,
    VolumeNotLocalError,
    VolumeNotSupportedByProviderError,
    VolumeNotSupportedError,
    VssError,
)
from .result import LeftOut
from .shadow import LiveVolume

if TYPE_CHECKING:
    from ._machine import Surroundings
    from ._session_log import SessionLog
    from ._session_options import Settings, VolumePolicy
    from .backup_components import BackupComponents
    from .result import BackupResult

from ._session_options import invalid

CANNOT_BE_IN_THE_SET: Final = (
    VolumeNotSupportedError,
    VolumeNotSupportedByProviderError,
    VolumeNotLocalError,
    NestedVolumeLimitError,
    MaximumVolumesError,
    MaximumSnapshotsError,
    ObjectNotFoundError,
)
"""What AddToSnapshotSet and IsVolumeSupported say of a volume that no other try would put into the set either. A provider's
veto, too little storage and the like fail the session whatever the policy: they may pass, and they are of the whole set."""


class VolumeLeftOut(Exception):
    """AddToSnapshotSet refused a volume that is read live then; the object that was told of it is of no more use."""


class Membership:
    """Which volumes are in the set; kept over all tries of a session, so that each volume is left out once.

    Attributes:
        reasons: why a volume is not in the set, by the session's name of the volume.
    """

    def __init__(self, settings: Settings, result: BackupResult, log: SessionLog) -> None:
        self._settings = settings
        self._result = result
        self._log = log
        self._live: dict[str, LiveVolume] = {}
        self.reasons: dict[str, str] = {}

    def policy(self, names: list[str]) -> VolumePolicy:
        """The policy of a volume that the session has under these names."""
        given = {self._settings.policies[name] for name in names if name in self._settings.policies}
        if len(given) > 1:
            raise invalid(f"volume_policies says {' and '.join(sorted(given))} of one volume: {', '.join(names)}")
        return given.pop() if given else "required"

    def begin(self, bc: BackupComponents, surroundings: Surroundings, volumes: dict[str, list[str]]) -> None:
        """Leaves out the volumes that are never in the set, and asks VSS about those that are preferred (IsVolumeSupported).

        Args:
            volumes: all names that the session has for each volume, by the first of them.
        """
        for name, names in volumes.items():
            policy = self.policy(names)
            if name in self.reasons or policy == "required":
                continue
            if policy == "never":
                self.leave_out(name, "its policy is never", surroundings)
            else:
                self._ask(bc, name, surroundings)
        self._result.read_live = [LeftOut("volume", name, reason) for name, reason in self.reasons.items()]

    def _ask(self, bc: BackupComponents, name: str, surroundings: Surroundings) -> None:
        try:
            supported = bc.is_volume_supported(name, self._settings.provider)
        except CANNOT_BE_IN_THE_SET as error:
            self.leave_out(name, f"it cannot be in the set: {error}", surroundings, error)
        else:
            if not supported:
                self.leave_out(name, "it cannot be in the set: no provider supports it", surroundings)

    def leave_out(self, name: str, reason: str, surroundings: Surroundings, error: VssError | None = None) -> None:
        """A volume is to be read live. Raises *error*, or ObjectNotFoundError, if it cannot be read at all."""
        identity = surroundings.volumes.add(name)
        live = LiveVolume(surroundings.live_roots()[identity].shadow, name, surroundings.volumes, reason)
        if not os.path.isdir(live.root):
            raise error or ObjectNotFoundError(
                "VSS_E_OBJECT_NOT_FOUND",
                "BackupSession",
                detail=f"{name} cannot be read live either: there is no such volume",
            )
        self._live[name] = live
        self.reasons[name] = reason
        self._log(logging.WARNING, "read live", f"{name} is read live: {reason}", volume=name)

    def live_volumes(self) -> dict[str, LiveVolume]:
        """The volumes that are read live, by the session's names."""
        return dict(self._live)
