"""What stands between this computer and its backups: one look at all that a backup through VSS needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._doctor_finding import Finding
from ._doctor_vss import vss_findings
from ._doctor_windows import computer_findings

if TYPE_CHECKING:
    from .simulator import Machine

__all__ = ["Finding", "diagnose"]


def diagnose(backend: Machine | str | None = None, *, timeout: float = 60.0) -> list[Finding]:
    """Look at all that a backup through VSS needs, and say what is wrong with it and what to do.

    It changes nothing that stays: to learn whether another program is making shadow copies it starts a snapshot set
    without volumes and gives it up at once (``StartSnapshotSet``, ``AbortBackup``), and like a session it sets the process's
    security towards COM where nobody did (``CoInitializeSecurity``; see :func:`vsspy.initialize_security`). Nothing raises: what
    cannot be asked is a finding, too.

    Args:
        backend: as for :class:`~vsspy.BackupComponents`.
        timeout: seconds that the writers may take to answer, each time.

    Returns:
        What was found, in the order in which it was looked at: the good, too, so that a report says what was checked. Their
        ids are ``platform``, ``module``, ``bitness``, ``elevation``, ``privileges``, ``service-vss``, ``service-swprv``,
        ``com-security``, ``providers``, ``snapshot-set``, ``writers``, ``storage``, ``shadow-copies``, ``leases`` and
        ``event-log``; one can come several times, for each failed writer, say.
    """
    return [*computer_findings(), *vss_findings(backend, timeout)]
