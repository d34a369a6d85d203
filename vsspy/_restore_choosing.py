"""Which of the selected components can be restored on this machine, and why the others cannot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ._restore_selection import Chosen, Selected
from ._restored import RestoredComponent
from .enums import BackupSchema, RestoreMethod
from .errors import RestoreError, SelectionError
from .result import LeftOut

if TYPE_CHECKING:
    from .metadata import WriterMetadata

Services = Callable[[str, Literal["stop", "start"]], object]
"""Stops or starts a service of that name, and returns when it has stopped or runs."""

_WITH_SERVICE = (RestoreMethod.STOP_RESTORE_START, RestoreMethod.RESTORE_STOP_START)


@dataclass(frozen=True, slots=True)
class Chooser:
    """What there is to restore with.

    Attributes:
        running: the writers that run now.
        without_writers: whether components of others are restored as plain files.
        has_services, has_reboot: whether services can be stopped, and files moved into place at the next start.
    """

    running: Sequence[WriterMetadata]
    without_writers: bool
    has_services: bool
    has_reboot: bool

    def choose(self, selected: Selected) -> tuple[tuple[RestoredComponent, ...], list[LeftOut]]:
        """The components that can be restored, and what is left out.

        Raises SelectionError if one that is named cannot, RestoreError if nothing is left.
        """
        found, left_out = [], list(selected.left_out)
        for chosen in selected.chosen:
            running = self._running(chosen)
            reason = self._why_not(chosen, bool(running))
            if reason is None:
                found.append(RestoredComponent(chosen, with_writer=bool(running)))
                continue
            if chosen.named or chosen.to is not None:
                raise SelectionError(f"{chosen.writer.name}: {chosen.saved.full_name}: {reason}")
            writer = chosen.writer
            left_out.append(
                LeftOut("component", chosen.saved.full_name, reason, writer.name, writer.writer_id, writer.instance_id)
            )
        if not found:
            reasons = "; ".join(f"{item.name}: {item.reason}" for item in left_out[:5])
            raise RestoreError(f"nothing of the backup can be restored ({reasons or 'it has no components'})")
        return tuple(found), left_out

    def _running(self, chosen: Chosen) -> list[WriterMetadata]:
        """Class ids have to match; instance ids of the backup mean nothing today (semantics 11.1.3)."""
        return [
            writer
            for writer in self.running
            if writer.writer_id == chosen.writer.writer_id and chosen.instance in (None, writer.instance_id)
        ]

    def _why_not(self, chosen: Chosen, is_running: bool) -> str | None:
        if not is_running:
            if chosen.instance is not None:
                return f"no writer of its class runs with the instance id {chosen.instance}"
            if not self.without_writers:
                return "its writer does not run; without_writers (--without-writers) restores it as plain files"
        if chosen.to is not None:
            if not is_running:
                return "its writer does not run, so that nobody can be told of another place"
            if not chosen.writer.backup_schema & BackupSchema.WRITER_SUPPORTS_NEW_TARGET:
                return "its writer cannot be told of another place (it lacks WRITER_SUPPORTS_NEW_TARGET)"
        return self._why_not_by_method(chosen)

    def _why_not_by_method(self, chosen: Chosen) -> str | None:
        info = chosen.writer.restore_method
        if info is None or info.method is RestoreMethod.UNDEFINED:
            return "its writer declared no restore method, which is an error of the writer"
        if info.method is RestoreMethod.CUSTOM:
            return "its writer has a restore method of its own (CUSTOM): use its application's interface"
        if info.method in _WITH_SERVICE and not self.has_services:
            return f"the service {info.service} has to be stopped and started for it; a program passes services="
        if info.method is RestoreMethod.RESTORE_AT_REBOOT and not self.has_reboot:
            return "its files are moved into place at the next start of Windows; elsewhere a program passes at_reboot="
        return None
