"""What `vsspy restore` tells at its end: for people, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from .._restore_selection import BY_WISH
from .._roots import shown
from ..result import plain
from .console import plain_size, print_table
from .report import as_json

if TYPE_CHECKING:
    from ..backup_folder import BackupFolder
    from ..extraction import ExtractResult
    from ..restore import RestoreFile, RestoreResult

__all__ = ["RestoreReport", "as_json", "summarize"]


@dataclass(slots=True)
class Step:
    """What was done with one backup of a chain."""

    folder: BackupFolder
    result: RestoreResult | None = None
    extracted: ExtractResult | None = None
    files: int = 0
    bytes: int = 0
    planned: list[RestoreFile] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    dry_run: bool = False

    @property
    def good(self) -> bool:
        """Whether all that was asked for was restored."""
        left_out = (
            self.result.left_out if self.result is not None else self.extracted.left_out if self.extracted else []
        )
        return self.worked and all(each.reason in BY_WISH for each in left_out)

    @property
    def worked(self) -> bool:
        """Whether what was begun is whole, so that the next backup of the chain has something to build on."""
        if self.failed:
            return False
        if self.dry_run or self.result is None:
            return self.extracted is None or self.extracted.good
        return self.result.good

    def to_dict(self) -> dict[str, Any]:
        """As the schema has it."""
        session = self.result.to_dict() if self.result is not None else {}
        if self.extracted is not None:
            session = {"left_out": plain(self.extracted.left_out), "notes": self.extracted.notes}
        return {
            "from": self.folder.path,
            "backup_type": self.folder.backup_type.name,
            "good": self.good,
            "completed": session.get("completed", self.extracted is not None),
            "additional": session.get("additional", False),
            "restart_required": session.get("restart_required", False),
            "phases": session.get("phases", []),
            "writers": [{**each, "failed": each["phase"] is not None} for each in session.get("writers", [])],
            "components": session.get("components", []),
            "left_out": session.get("left_out", []),
            "files": self.files,
            "bytes": self.bytes,
            "planned": [
                {"path": each.path, "target": each.target, "how": each.how, "size": each.size} for each in self.planned
            ],
            "failed": [{"path": path, "reason": reason} for path, reason in self.failed],
            "notes": [*session.get("notes", []), *self.notes],
        }


@dataclass(slots=True)
class RestoreReport:
    """The facts of one command; `to_dict` is what --json prints. Times are in seconds, sizes in bytes."""

    version: str
    command: Sequence[str]
    dry_run: bool
    to: str | None
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    steps: list[Step] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether all that was asked for was restored."""
        return bool(self.steps) and all(step.good for step in self.steps)

    @property
    def exit_code(self) -> int:
        return 0 if self.good else 1

    def to_dict(self) -> dict[str, Any]:
        """As the schema has it; names are escaped where they are no text."""
        finished = datetime.now(UTC)
        backend = next((step.result.backend for step in self.steps if step.result is not None), None)
        values = {
            "vsspy": self.version,
            "command": list(self.command),
            "good": self.good,
            "exit_code": self.exit_code,
            "backend": backend,
            "dry_run": self.dry_run,
            "to": self.to,
            "started": self.started.isoformat(),
            "finished": finished.isoformat(),
            "seconds": round((finished - self.started).total_seconds(), 6),
            "files": sum(step.files for step in self.steps),
            "bytes": sum(step.bytes for step in self.steps),
            "restores": [step.to_dict() for step in self.steps],
        }
        return _escaped(values)  # type: ignore[no-any-return]


def _escaped(value: Any) -> Any:
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, Mapping):
        return {key: _escaped(item) for key, item in value.items()}
    return [_escaped(item) for item in value] if isinstance(value, list | tuple) else value


def summarize(report: Mapping[str, Any]) -> None:
    """For people: what was restored, and what was not."""
    size = f"{report['files']} files, {plain_size(report['bytes'])}"
    if report["dry_run"]:
        click.echo(f"Would be restored: {size}; writers were not asked, and may still want files elsewhere")
    else:
        head = "Restored" if report["good"] else "Restored, but not all of it"
        click.echo(f"{head}: {size} in {report['seconds']:.2f} s" + (f", to {report['to']}" if report["to"] else ""))
    for step in report["restores"]:
        click.echo(f"\nFrom {step['from']} ({step['backup_type'].lower()}):")
        if step["components"]:
            print_table(
                ("Writer", "Component", "State", "Files", "Reason"),
                ((each["writer"], each["full_name"], each["state"], each["files"], each["reason"] or "") for each in step["components"]),
            )  # fmt: skip
        if step["planned"]:
            print_table(
                ("File", "To", "How"), ((each["path"], each["target"], each["how"]) for each in step["planned"])
            )
        bad = [each for each in step["writers"] if each["failed"]]
        for each in bad:
            words = f": {each['application_message']}" if each["application_message"] else ""
            click.echo(f"Writer {each['name']}: {each['failure_name']} after {each['phase']}{words}")
        for title, key, name in (("Failed", "failed", "path"), ("Left out", "left_out", "name")):
            for each in step[key][:10]:
                click.echo(f"{title}: {each[name]}: {each['reason']}")
            if len(step[key]) > 10:
                click.echo(f"  and {len(step[key]) - 10} more: see --json")
        for note in step["notes"]:
            click.echo(f"Note: {note}")
        if step["restart_required"]:
            click.echo("The system has to be restarted: the restore is complete after that.")
