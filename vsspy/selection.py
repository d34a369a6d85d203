"""Which components a backup includes: rules R1 to R6 of semantics 8 on plain data, without a backend."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal
from uuid import UUID

from ._paths import fold
from .enums import BackupType, FileSpecBackupType
from .errors import NotSupportedError, ObjectNotFoundError, SelectionError
from .result import LeftOut

if TYPE_CHECKING:
    from .metadata import ComponentMetadata, FileSet, WriterMetadata

Why = Callable[["ComponentMetadata"], "str | None"]
"""Tells why a component cannot be part of the backup; None if it can."""

_WHOLE: Final = (BackupType.FULL, BackupType.COPY, BackupType.OTHER)
_DEFAULT_MASK: Final = FileSpecBackupType.ALL_BACKUP_REQUIRED | FileSpecBackupType.ALL_SNAPSHOT_REQUIRED


@dataclass(frozen=True, slots=True)
class Rule:
    """Something to select or to exclude.

    Args:
        writer: a writer's name (letter case does not matter), class id, instance id or instance name.
        component: a component's full name or name; a component stands for all that is below it. None: all of them.
        under: live folders (with all below): only components whose whole file sets lie in them.
        required: whether it is an error if nothing of what the rule names can be backed up.
    """

    kind: Literal["select", "exclude"]
    writer: str | UUID
    component: str | None = None
    under: tuple[str, ...] = ()
    required: bool = True

    def names(self, writer: WriterMetadata) -> bool:
        """Whether the rule is about this writer."""
        wanted = self.writer
        if isinstance(wanted, str):
            if fold(wanted) in map(fold, filter(None, (writer.name, writer.instance_name))):
                return True
            try:
                wanted = UUID(wanted)
            except ValueError:
                return False
        return wanted in (writer.writer_id, writer.instance_id)

    def __str__(self) -> str:
        return f"{self.writer}: {self.component}" if self.component is not None else str(self.writer)


@dataclass(frozen=True, slots=True)
class Inclusion:
    """A component to add with AddComponent (explicit), and those that come with it (implicit)."""

    writer: WriterMetadata
    component: ComponentMetadata
    implicit: tuple[ComponentMetadata, ...] = ()

    @property
    def file_sets(self) -> Iterator[FileSet]:
        """The file sets of the whole component set: its own first (semantics 9.4)."""
        for component in (self.component, *self.implicit):
            yield from file_sets(component)


@dataclass(frozen=True, slots=True)
class Selection:
    """What a backup includes, and what it leaves out and why."""

    inclusions: tuple[Inclusion, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def file_sets(component: ComponentMetadata) -> Iterator[FileSet]:
    """All file sets of *component*, whatever its type."""
    yield from component.files
    yield from component.database_files
    yield from component.database_log_files


class ComponentTree:
    """The components of one writer by their place: ancestors, descendants, and what selectability makes of them.

    A component's full name is its logical path and name; an ancestor's is the beginning of it (semantics 8.1). Elements of
    a path need not be components.
    """

    def __init__(self, components: Iterable[ComponentMetadata]) -> None:
        self.components = tuple(components)
        self._by_name: dict[str, list[int]] = {}
        for index, component in enumerate(self.components):
            self._by_name.setdefault(fold(component.full_name), []).append(index)
        self.ancestors: list[list[int]] = []  # of each component, nearest first
        self.descendants: list[list[int]] = [[] for _ in self.components]
        for index, component in enumerate(self.components):
            above: list[int] = []
            name = fold(component.full_name)
            while (cut := name.rfind("\\")) >= 0:
                name = name[:cut]
                above.extend(self._by_name.get(name, ()))
            self.ancestors.append(above)
            for ancestor in above:
                self.descendants[ancestor].append(index)

    def selectable_ancestors(self, index: int) -> list[int]:
        """The ancestors that define a component set (R2), nearest first."""
        return [ancestor for ancestor in self.ancestors[index] if self.components[ancestor].selectable]

    def is_mandatory(self, index: int) -> bool:
        """Not selectable and below nothing selectable: in every backup of this writer, by name (the table of semantics 8.2)."""
        return not self.components[index].selectable and not self.selectable_ancestors(index)

    def members(self, index: int) -> list[int]:
        """What comes with a component that is included by name: all its descendants if it defines a set (R2)."""
        return self.descendants[index] if self.components[index].selectable else []

    def find(self, name: str) -> list[int]:
        """The components with this full name, or else those with this name."""
        wanted = fold(name)
        return self._by_name.get(wanted) or [
            index for index, component in enumerate(self.components) if fold(component.name) == wanted
        ]

    def why_invalid(self, explicit: Iterable[int]) -> str | None:
        """Why these components must not be the ones that AddComponent is called for; None if they may be.

        The table of semantics 8.2, R1 and R3. No component at all is valid: the writer does not take part.
        """
        chosen = set(explicit)
        names = [component.full_name for component in self.components]
        if not chosen:
            return None
        for index, name in enumerate(names):
            above = self.selectable_ancestors(index)
            if index not in chosen:
                if self.is_mandatory(index):
                    return f"{name} has to be included whenever its writer is"
            elif above and not self.components[index].selectable:
                return f"{name} is not selectable: it only comes with {names[above[0]]}"
            elif covering := [ancestor for ancestor in above if ancestor in chosen]:
                return f"{name} is implicit through {names[covering[0]]}"
        return None


def resolve(
    writers: Sequence[WriterMetadata],
    rules: Iterable[Rule],
    why_not: Why,
    why_not_under: Callable[[ComponentMetadata, Sequence[str]], str | None] = lambda component, folders: None,
) -> Selection:
    """What to include: without a select rule every component that *why_not* has nothing against.

    Args:
        writers: the writers of the gather.
        rules: an exclude rule wins over every select rule.
        why_not: tells why a component cannot be backed up (its volume is not in the set).
        why_not_under: tells why a component does not lie in the folders of a rule.

    Raises:
        SelectionError: a required select rule names something that cannot be included.
    """
    rules = list(rules)
    inclusions: list[Inclusion] = []
    left_out: list[LeftOut] = []
    met: set[Rule] = set()
    for writer in writers:
        choice = _Choice(writer, rules, why_not, why_not_under)
        choice.choose()
        inclusions.extend(choice.inclusions())
        left_out.extend(choice.left_out)
        met.update(choice.met())
    for rule in rules:
        if rule.kind == "select" and rule.required and rule not in met:
            named = {writer.instance_id for writer in writers if rule.names(writer)}
            reasons = [f"{item.name}: {item.reason}" for item in left_out if item.instance_id in named]
            raise SelectionError(f"nothing of {rule} can be backed up ({'; '.join(reasons) or 'it has no components'})")
    return Selection(tuple(inclusions), tuple(left_out))


class _Choice:
    """What is included of one writer."""

    def __init__(
        self,
        writer: WriterMetadata,
        rules: Sequence[Rule],
        why_not: Why,
        why_not_under: Callable[[ComponentMetadata, Sequence[str]], str | None],
    ) -> None:
        self.writer = writer
        self.tree = ComponentTree(writer.components)
        self.components = self.tree.components
        self.default = not any(rule.kind == "select" for rule in rules)
        self.selecting = [rule for rule in rules if rule.kind == "select" and rule.names(writer)]
        self.excluding = [rule for rule in rules if rule.kind == "exclude" and rule.names(writer)]
        self.why_not = why_not
        self.why_not_under = why_not_under
        self.explicit: list[int] = []
        self.left_out: list[LeftOut] = []

    def choose(self) -> None:
        if not self.components:
            return
        if any(rule.component is None for rule in self.excluding):
            return self._leave_out_writer("excluded")
        if not (self.default or self.selecting):
            return self._leave_out_writer("not selected")
        reasons = self._reasons()
        for index, reason in enumerate(reasons):
            if reason is not None and self.tree.is_mandatory(index):  # R5
                name = self.components[index].full_name
                return self._leave_out_writer(
                    f"{name}, which every backup of this writer includes, is left out: {reason}"
                )
        included: set[int] = set()
        for index in sorted(range(len(reasons)), key=lambda index: (len(self.tree.ancestors[index]), index)):
            if index in included:
                continue
            members = self.tree.members(index)
            covered = self.tree.is_mandatory(index) or self.components[index].selectable
            if covered and all(reasons[member] is None for member in (index, *members)):
                self.explicit.append(index)
                included.update((index, *members))
        self.explicit.sort()
        if not self.default and not any(self._is_met(rule, included) for rule in self.selecting):
            self.explicit.clear()
            included.clear()
        for index in range(len(reasons)):
            if index not in included:
                self._leave_out(index, reasons)

    def _reasons(self) -> list[str | None]:
        """For each component why it cannot be in the backup."""
        found = {
            rule: set(self.tree.find(rule.component)) for rule in [*self.selecting, *self.excluding] if rule.component
        }

        def is_named(rule: Rule, index: int) -> bool:
            return rule.component is None or not found[rule].isdisjoint((index, *self.tree.ancestors[index]))

        reasons: list[str | None] = []
        for index, component in enumerate(self.components):
            reason = "excluded" if any(is_named(rule, index) for rule in self.excluding) else self.why_not(component)
            if reason is None and not self.default:
                mandatory = self.tree.is_mandatory(index)
                refusals = [
                    self.why_not_under(component, rule.under) if rule.under else None
                    for rule in self.selecting
                    if mandatory or is_named(rule, index)
                ]
                if None not in refusals:
                    reason = refusals[0] if refusals else "not selected"
            reasons.append(reason)
        return reasons

    def _is_met(self, rule: Rule, included: set[int]) -> bool:
        return bool(included if rule.component is None else included.intersection(self.tree.find(rule.component)))

    def met(self) -> Iterator[Rule]:
        """The select rules of which something is included."""
        included = {member for index in self.explicit for member in (index, *self.tree.members(index))}
        return (rule for rule in self.selecting if self._is_met(rule, included))

    def inclusions(self) -> Iterator[Inclusion]:
        for index in self.explicit:
            members = tuple(self.components[member] for member in self.tree.members(index))
            yield Inclusion(self.writer, self.components[index], members)

    def _leave_out(self, index: int, reasons: Sequence[str | None]) -> None:
        component = self.components[index]
        reason = reasons[index]
        if reason is None and not component.selectable:
            above = self.tree.selectable_ancestors(index)
            reason = (
                f"it only comes with {self.components[above[0]].full_name}" if above else "nothing selected is included"
            )
        if reason is None:  # R5: a set is whole or not at all
            missing = next((member for member in self.tree.members(index) if reasons[member] is not None), None)
            reason = (
                "nothing selected is included"
                if missing is None
                else f"{self.components[missing].full_name} of its set is left out: {reasons[missing]}"
            )
        self._add("component", component.full_name, reason)

    def _leave_out_writer(self, reason: str) -> None:
        self._add("writer", self.writer.name, reason)

    def _add(self, kind: Literal["writer", "component"], name: str, reason: str) -> None:
        writer = self.writer
        self.left_out.append(LeftOut(kind, name, reason, writer.name, writer.writer_id, writer.instance_id))


def check_rule(rule: Rule, writers: Sequence[WriterMetadata]) -> None:
    """Refuses a rule that can have no meaning with these writers.

    Raises:
        ObjectNotFoundError: no writer, or no component of it, has that name.
        SelectionError: the rule selects a component that only comes with another one.
    """
    named = [writer for writer in writers if rule.names(writer)]
    if not named:
        known = ", ".join(sorted({writer.name for writer in writers})) or "none"
        raise ObjectNotFoundError(
            "VSS_E_OBJECT_NOT_FOUND", rule.kind, detail=f"no writer {rule.writer!s}; there are: {known}"
        )
    if rule.component is None:
        return
    found = [
        (tree, index) for tree in (ComponentTree(w.components) for w in named) for index in tree.find(rule.component)
    ]
    if not found:
        raise ObjectNotFoundError("VSS_E_OBJECT_NOT_FOUND", rule.kind, detail=f"no component {rule}")
    if rule.kind == "select":
        above = [tree.selectable_ancestors(index) for tree, index in found]
        if all(
            line and not tree.components[index].selectable for line, (tree, index) in zip(above, found, strict=True)
        ):
            head = found[0][0].components[above[0][0]].full_name
            raise SelectionError(f"{rule} is not selectable: it only comes with {head}")


def check_supported(selection: Selection, backup_type: BackupType) -> None:
    """Refuses what a document may ask for and vsspy cannot do yet, instead of leaving it out in silence.

    Dependencies (R6), alternate paths (9.2), files created during the backup (9.5) and, for backups that do not copy
    everything, type masks other than the default (9.5).

    Raises:
        NotSupportedError: naming the component.
    """
    for inclusion in selection.inclusions:
        for component in (inclusion.component, *inclusion.implicit):
            if what := _unsupported(component, backup_type):
                raise NotSupportedError(
                    "E_NOTIMPL", "select", detail=f"{inclusion.writer.name}: {component.full_name} {what}; exclude it"
                )


def _unsupported(component: ComponentMetadata, backup_type: BackupType) -> str | None:
    if component.dependencies:
        return "depends on components of other writers"
    for file_set in file_sets(component):
        if file_set.alternate_path is not None:
            return f"is to be read from another path than {file_set.path}"
        if file_set.backup_type & FileSpecBackupType.CREATED_DURING_BACKUP:
            return "has files that come into being during the backup"
        if backup_type not in _WHOLE and file_set.backup_type != _DEFAULT_MASK:
            return f"has file sets that are not for every backup type (mask {int(file_set.backup_type):#x})"
    return None
