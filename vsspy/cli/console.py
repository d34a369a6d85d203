"""What a person sees: messages and a progress bar on stderr, tables on stdout."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from .._roots import shown
from .._sizes import plain_size
from .copy_result import Progress as CopyProgress

__all__ = ["Display", "complain", "plain_size", "print_table"]


def complain(message: str) -> None:
    """One line on stderr."""
    click.echo("vsspy: " + " ".join(shown(message).split("\n")).strip(), err=True)


def print_table(
    columns: Iterable[str], rows: Iterable[Iterable[object]], *, stream: Any = None, header: bool = True
) -> None:
    """A table; cells are plain text, whatever brackets they hold. Wide where it is not a terminal: pipes have no edge."""
    table = Table(box=None, pad_edge=False, header_style="bold", show_header=header)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column == "Id")  # an id is there to be copied
    for row in rows:
        table.add_row(*(Text(shown(str(cell))) for cell in row))
    console = Console(file=stream or sys.stdout, soft_wrap=False, highlight=False)
    if not console.is_terminal:
        console = Console(file=stream or sys.stdout, width=200, highlight=False)
    console.print(table)


class Display:
    """Progress on stderr while a backup runs; nothing at all where stderr is no terminal or `quiet`."""

    def __init__(self, *, quiet: bool) -> None:
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._next = 0.0
        console = Console(stderr=True)
        if console.is_terminal and not quiet:
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                DownloadColumn(binary_units=True),
                TransferSpeedColumn(),
                TextColumn("{task.fields[files]}"),
                TimeElapsedColumn(),
                console=console,
                transient=True,
            )

    def __enter__(self) -> Self:
        if self._progress is not None:
            self._progress.start()
            self._task = self._progress.add_task("starting", total=None, files="")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._progress is not None:
            self._progress.stop()

    def phase(self, name: str) -> None:
        """Says what is being done now."""
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, description=name)

    def copied(self, progress: CopyProgress) -> None:
        """Moves the bar; from any thread, one at a time. Looks at the clock so that small files cost nothing."""
        if self._progress is None or self._task is None:
            return
        now = time.monotonic()
        if now < self._next and progress.files < progress.total_files:
            return
        self._next = now + 0.1
        self._progress.update(
            self._task,
            completed=progress.bytes,
            total=progress.total_bytes if progress.counted else None,
            files=f"{progress.files}/{progress.total_files}{'' if progress.counted else '+'} files",
        )


def summarize(report: Mapping[str, Any]) -> None:
    """The end of a backup for people: what was made, the writers' states, what is missing."""
    copied = f"{report['files']} files, {report['folders']} folders, {plain_size(report['bytes'])}"
    window = report["freeze_window"]
    frozen = f", writers frozen for at most {window:.2f} s" if window is not None and report["writers"] else ""
    click.echo(
        f"{'Backed up' if report['good'] else 'Backed up, with failures'}: {copied} in {report['seconds']:.2f} s{frozen}"
    )
    click.echo(
        f"Backend {report['backend']}, type {str(report['backup_type']).lower()}; the report is in {report['to']}/vsspy/report.json"
    )
    if report["writers"]:
        click.echo()
        rows = ((writer["name"], writer["state"], _failure(writer)) for writer in report["writers"])
        print_table(("Writer", "State", "Failure"), rows)
    if report["components"]:
        click.echo()
        print_table(
            ("Writer", "Component", "State", "Reason"),
            ((item["writer"], item["full_name"], item["state"], item["reason"] or "") for item in report["components"]),
        )
    for title, key, name in (
        ("Read live, so not as of one moment", "read_live", "name"),
        ("Failed", "failed", "path"),
        ("Left out", "left_out", "name"),
        ("Left out of the shadow copies by VSS", "left_out_by_vss", "name"),
        ("Not kept", "not_kept", "path"),
    ):
        entries = report[key]
        if entries:
            click.echo(f"\n{title} ({len(entries)}):")
            for entry in entries[:10]:
                what = entry.get("what") or ""
                click.echo(f"  {entry[name] or 'all files'}{': ' + what if what else ''}: {entry['reason']}")
            if len(entries) > 10:
                click.echo(f"  and {len(entries) - 10} more, in the report")
    for note in report["notes"]:
        click.echo(f"Note: {note}")


def _failure(writer: Mapping[str, Any]) -> str:
    if not writer["failed"]:
        return ""
    words = writer.get("application_message")
    return f"{writer['failure_name']} after {writer['phase']}" + (f": {words}" if words else "")
