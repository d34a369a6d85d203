"""What of a command's wishes each backup of a chain is asked for, and which components of one its successors bring more of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import UUID

from .._paths import fold
from .._restore_selection import Choice, RestoreRule
from ..backup_document import BackupDocument
from ..errors import ObjectNotFoundError, VssError
from ..selection import Rule

if TYPE_CHECKING:
    from ..backup_folder import BackupFolder
    from ..restore import RestoredComponent

__all__ = ["Wish", "following", "shared"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asks for; each component as the writer and the component, or None for all of them."""

    components: Sequence[tuple[str, str | None]]
    excluded: Sequence[tuple[str, str | None]]
    redirected: Sequence[tuple[tuple[str, str | None], str]]
    without_writers: bool
    dry_run: bool
    timeout: float | None


def shared(chain: Sequence[BackupFolder], wish: Wish) -> list[Wish | None]:
    """What is wanted of each backup of a chain, not all of which need to have all that is named; None: nothing.

    Raises:
        ObjectNotFoundError, SelectionError: No backup has it.
    """
    rules = [Rule("select", *name) for name in (*wish.components, *(name for name, _ in wish.redirected))]
    rules += [Rule("exclude", *name) for name in wish.excluded]
    if not rules or len(chain) == 1:
        return [wish] * len(chain)
    choices = [_choice(folder) for folder in chain]
    there: list[set[tuple[str, str | None]]] = [set() for _ in chain]
    for rule in rules:
        problems = []
        for choice, found in zip(choices, there, strict=True):
            try:
                choice.check(rule)
                found.add((str(rule.writer), rule.component))
            except ObjectNotFoundError as error:
                problems.append(error)
        if len(problems) == len(chain):
            raise problems[0]
    return [
        replace(
            wish,
            components=[name for name in wish.components if name in found],
            excluded=[name for name in wish.excluded if name in found],
            redirected=[each for each in wish.redirected if each[0] in found],
        )
        if not wish.components or found.intersection(wish.components)
        else None
        for found in there
    ]


def _choice(folder: BackupFolder) -> Choice:
    return Choice(BackupDocument.from_xml(folder.document), folder.writers)


def following(chain: Sequence[BackupFolder], wishes: Sequence[Wish | None]) -> Callable[[RestoredComponent], bool]:
    """Tells of which components the rest of the chain brings more: a writer waits for it with its data offline."""
    more: set[tuple[UUID, str]] = set()
    for folder, wish in zip(chain, wishes, strict=True):
        if wish is None:
            continue
        rules = [RestoreRule(Rule("select", *each)) for each in wish.components]
        rules += [RestoreRule(Rule("exclude", *each)) for each in wish.excluded]
        with suppress(VssError):  # which its own turn tells
            for each in _choice(folder).resolve(rules).chosen:
                more.update((each.writer.writer_id, fold(member.full_name)) for member in each.members)

    def follows(component: RestoredComponent) -> bool:
        writer_id = component.writer.writer_id
        return any((writer_id, fold(member.full_name)) in more for member in component._chosen.members)

    return follows
