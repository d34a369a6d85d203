"""begin restore to end restore: the writers' part of a restore; the data is the script's to bring back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import UUID

from .._machine import ensure_security
from ..backup_components import BackupComponents
from ..backup_document import BackupDocument, SavedComponent, SavedWriter
from ..enums import FileRestoreStatus
from ..errors import ObjectNotFoundError, VssError
from .making import Settings, split_component
from .metadata import Metadata

if TYPE_CHECKING:
    from ..simulator import Machine

__all__ = ["Restoring", "check_restore"]

_Part = tuple[SavedWriter, SavedComponent]


def _parts(document: BackupDocument) -> Iterator[_Part]:
    for writer in document.writers:
        for component in writer.components:
            yield writer, component


class Restoring:
    """A restore under way.

    Args:
        settings: what the script has said: writers and components that are excluded or have to be there.
        timeout: seconds that each wait may take.
        backend: where.
    """

    def __init__(self, settings: Settings, timeout: float, backend: Machine | str | None) -> None:
        self._settings = settings
        self._timeout = timeout
        ensure_security(backend)
        self._object = BackupComponents(backend)
        self._selected: list[_Part] = []
        self._told = False  # PreRestore was sent, and PostRestore not yet

    def select(self, metadata: Metadata, told: Callable[[str], object]) -> None:
        """Select what the document has for restore, as far as its writers run (semantics 8.4).

        Raises:
            ValueError: what writer verify demands is not there, or nothing is.
            VssError: what VSS says.
        """
        document = BackupDocument.from_xml(metadata.document or "")
        bc = self._object
        bc.initialize_for_restore(metadata.document or "")
        with bc.gather_writer_metadata() as operation:
            operation.wait(timeout=self._timeout)
        names = {writer.writer_id: writer.name for writer in (*metadata.writers, *bc.writer_metadata)}
        for writer, component in _parts(document):
            name = f"{names.get(writer.writer_id, str(writer.writer_id))}:\\{component.full_name}"
            if any(self._means(text, names, (writer, component)) for text in self._settings.excluded):
                told(f"Excluded: {name}")
                continue
            try:
                bc.set_selected_for_restore(
                    writer.writer_id, component.type, component.logical_path, component.name, True
                )
            except ObjectNotFoundError:
                told(f"Left out: {name}: its writer does not run")
                continue
            told(f"Included: {name}")
            self._selected.append((writer, component))
        for text in self._settings.verified:
            if not any(self._means(text, names, part) for part in self._selected):
                raise ValueError(f"{text} is not in the restore, and writer verify demands it")
        if not self._selected:
            raise ValueError("there is nothing to restore with writers: none of the document's writers runs")

    @staticmethod
    def _means(text: str, names: Mapping[UUID, str], part: _Part) -> bool:
        writer, component = part
        key, wanted = split_component(text)
        known = names.get(writer.writer_id, "")
        is_writer = key in {writer.writer_id, writer.instance_id} or str(key).casefold() == known.casefold()
        full_name = component.full_name.casefold()
        if wanted is None:
            return is_writer or str(key).casefold() == full_name
        return is_writer and wanted.casefold() == full_name

    def begin(self, metadata: Metadata, told: Callable[[str], object]) -> None:
        """begin restore: PreRestore to the writers.

        Raises:
            ValueError: as for :meth:`select`; or a writer failed.
            VssError: what VSS says.
        """
        self.select(metadata, told)
        self._told = True
        with self._object.pre_restore() as operation:
            operation.wait(timeout=self._timeout)
        self._check("PreRestore")

    def end(self) -> None:
        """end restore: every component's files are there, and PostRestore to the writers. Then let the object go.

        Raises:
            ValueError: a writer failed.
            VssError: what VSS says.
        """
        try:
            self._post_restore(FileRestoreStatus.ALL)
            self._check("PostRestore")
        finally:
            self.close()

    def _post_restore(self, status: FileRestoreStatus) -> None:
        for writer, component in self._selected:
            self._object.set_file_restore_status(
                writer.writer_id, component.type, component.logical_path, component.name, status
            )
        self._told = False
        with self._object.post_restore() as operation:
            operation.wait(timeout=self._timeout)

    def _check(self, event: str) -> None:
        with self._object.gather_writer_status() as operation:
            operation.wait(timeout=self._timeout)
        taking_part = {writer.writer_id for writer, _ in self._selected}
        failed = [each for each in self._object.writer_status if each.failed and each.writer_id in taking_part]
        self._object.free_writer_status()
        if failed:
            said = "; ".join(f"{each.name}: {each.failure_name}" for each in failed)
            raise ValueError(f"writers failed in {event}: {said}")

    def close(self) -> None:
        """Let the object go. Writers that wait for the end of a restore are told that their files are not whole: a restore
        cannot be aborted (semantics 2.4)."""
        try:
            if self._told:
                with suppress(VssError):  # there is another error to tell, or nobody to tell it
                    self._post_restore(FileRestoreStatus.FAILED)
        finally:
            self._object.close()


def check_restore(
    metadata: Metadata,
    settings: Settings,
    timeout: float,
    backend: Machine | str | None,
    told: Callable[[str], object],
) -> None:
    """simulate restore: whether the writers that the document names are there, without PreRestore and PostRestore.

    Raises:
        ValueError: as for :meth:`Restoring.select`.
        VssError: what VSS says.
    """
    restoring = Restoring(settings, timeout, backend)
    try:
        restoring.select(metadata, told)
    finally:
        restoring.close()
