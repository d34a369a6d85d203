"""What a backup leaves beside its files: `DIR/vsspy/` with the documents, files.json and report.json."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from .._roots import shown
from ..result import LeftOut
from .copy_result import CopyResult
from .places import Place

if TYPE_CHECKING:
    from uuid import UUID

    from ..backup_components import SnapshotProperties
    from ..metadata import WriterMetadata
    from ..result import BackupResult

__all__ = ["Report", "as_json", "document_names"]


@dataclass(slots=True)
class Report:
    """The facts of one backup; `to_dict` is report.json and what --json prints.

    `seconds` and the phases' times are in seconds, sizes in bytes. `places` are the PATHs and the folders of components, each written whole;
    `previous` is the folder of the backup that this one builds on.
    """

    version: str
    command: Sequence[str]
    directory: str
    places: Sequence[Place]
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    finished: datetime | None = None
    result: BackupResult | None = None
    copied: CopyResult = field(default_factory=CopyResult)
    phases: list[dict[str, Any]] = field(default_factory=list)
    not_kept: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    volumes: dict[UUID, str] = field(default_factory=dict)
    previous: str | None = None

    @property
    def good(self) -> bool:
        """Whether everything that was asked for is in the backup and no writer objected."""
        return self.result is not None and self.result.good and not self.copied.failed

    @property
    def exit_code(self) -> int:
        return 0 if self.good else 1

    def _copies(self) -> list[tuple[str | None, SnapshotProperties]]:
        """The shadow copies with the names that the command line gave their volumes; the service knows others."""
        copies = self.result.shadow_copies if self.result is not None else []
        return [(self.volumes.get(copy.snapshot_id), copy) for copy in copies]

    def to_dict(self) -> dict[str, Any]:
        """The report in values that JSON knows; names are escaped where they are no text."""
        session: dict[str, Any] = self.result.to_dict() if self.result is not None else {}
        finished = self.finished or datetime.now(UTC)
        values = {
            "vsspy": self.version,
            "command": list(self.command),
            "good": self.good,
            "exit_code": self.exit_code,
            "backend": session.get("backend"),
            "backup_type": session.get("backup_type"),
            "started": self.started.isoformat(),
            "finished": finished.isoformat(),
            "seconds": round((finished - self.started).total_seconds(), 6),
            "to": self.directory,
            "previous": self.previous,
            "paths": [{"path": place.path, "volume": place.volume, "below": place.below} for place in self.places],
            "phases": sorted([*session.get("phases", []), *self.phases], key=lambda phase: phase["start"]),
            "freeze_window": session.get("freeze_window"),
            "writers": [{**writer, "failed": writer["phase"] is not None} for writer in session.get("writers", [])],
            "components": session.get("components", []),
            "set_id": session.get("set_id"),
            "shadow_copies": [
                {"volume": volume, "id": str(copy.snapshot_id), "created": copy.created.isoformat(), **facts}
                for (volume, copy), facts in zip(self._copies(), session.get("shadow_copies", []), strict=True)
            ],
            "files": self.copied.files,
            "folders": self.copied.folders,
            "links": self.copied.links,
            "hard_links": self.copied.hard_links,
            "bytes": self.copied.bytes,
            "partial_files": [
                {"path": part.path, "ranges": [[each.offset, each.length] for each in part.ranges]}
                for part in self.copied.partial
            ],
            "read_live": session.get("read_live", []),
            "failed": [{"path": trouble.path, "reason": trouble.reason} for trouble in self.copied.failed],
            "left_out": [
                *session.get("left_out", []),
                *(asdict(LeftOut("file", trouble.path, trouble.reason)) for trouble in self.copied.left_out),
            ],
            "left_out_by_vss": session.get("left_out_by_vss", []),
            "not_kept": [
                *({"path": None, "what": what, "reason": "not read on Windows"} for what in self.not_kept),
                *({"path": lost.path, "what": lost.what, "reason": lost.reason} for lost in self.copied.not_kept),
            ],
            "notes": [*session.get("notes", []), *self.notes],
        }
        escaped = _escape(values)
        assert isinstance(escaped, dict)
        return escaped


def _escape(value: Any) -> Any:
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, Mapping):
        return {key: _escape(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_escape(item) for item in value]
    return value


def as_json(values: Any, *, ascii_only: bool = False) -> str:
    """JSON for a file (UTF-8), or in ASCII for a terminal of unknown encoding."""
    return json.dumps(values, indent=2, ensure_ascii=ascii_only) + "\n"


def document_names(writers: Iterable[WriterMetadata]) -> list[tuple[str, WriterMetadata]]:
    """A file name for each writer's document: the writer's name, with its instance id where two have the same."""
    writers = list(writers)

    def plain(writer: WriterMetadata) -> str:
        # Leading dots and trailing ones, Windows' device names and separators have no place in a file name.
        text = re.sub(r'[\x00-\x1f<>:"/\\|?*]', "_", shown(writer.name))[:100].strip(" .") or "writer"
        return "_" + text if re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", text) else text

    names = [plain(writer) for writer in writers]
    folded = [name.casefold() for name in names]
    return [
        ((f"{name} {writer.instance_id}" if folded.count(name.casefold()) > 1 else name) + ".xml", writer)
        for name, writer in zip(names, writers, strict=True)
    ]


def write_documents(
    folder: str,
    document: str | None,
    writers: Iterable[WriterMetadata],
    report: Mapping[str, Any],
    files: Iterable[str],
) -> None:
    """Writes backup-components.xml, writers/*.xml, files.json (of the parts *files*) and report.json into a folder that does not
    exist yet; durable when it returns."""
    os.mkdir(folder)
    os.mkdir(os.path.join(folder, "writers"))
    if document is not None:
        write_text(os.path.join(folder, "backup-components.xml"), document)
    for name, writer in document_names(writers):
        write_text(os.path.join(folder, "writers", name), writer.to_xml())
    write_text(os.path.join(folder, "files.json"), files)
    write_text(os.path.join(folder, "report.json"), as_json(report))


def write_new(path: str, text: str, made: list[str]) -> None:
    """As `write_text`; *path* is in *made* as soon as there may be a file of ours, and never for somebody else's."""
    made.append(path)
    try:
        write_text(path, text)
    except FileExistsError:
        made.remove(path)
        raise


def write_text(path: str, text: str | Iterable[str]) -> None:
    """Writes a new file in UTF-8, of one text or part by part, and flushes it to the disk."""
    with open(path, "x", encoding="utf-8", errors="backslashreplace", newline="") as stream:
        stream.writelines((text,) if isinstance(text, str) else text)
        stream.flush()
        os.fsync(stream.fileno())
