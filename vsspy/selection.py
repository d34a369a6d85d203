"""Which components a backup includes: rules R1 to R6 of semantics 8 on plain data, without a backend."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal
from uuid import UUID

from ._component_tree import ComponentTree, glob
from ._dependencies import Needs, Node
from .errors import ObjectNotFoundError, SelectionError
from .result import LeftOut

if TYPE_CHECKING:
    from .metadata import ComponentMetadata, FileSet, WriterMetadata

Why = Callable[["ComponentMetadata"], "str | None"]
"""Tells why a component cannot be part of the backup; None if it can."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Something to select or to exclude.

    Args:
        writer: a writer's name (letter case does not matter), class id, instance id or instance name, or a glob of names.
        component: a component's full name or name, or a glob: one of full names if it has a backslash in it, of plain names
            if not. A component stands for all that is below it. None: all of them.
        under: live folders (with all below): only components whose whole file sets lie in them, and so does all that comes
            with them.
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
            matches = glob(wanted)  # also what has no wildcard in it
            if matches(writer.name) or (writer.instance_name and matches(writer.instance_name)):
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
    """A component to add with AddComponent (explicit), and those that come with it (implicit).

    Attributes:
        because: the component, with its writer's name, whose dependency brought it in (R6); None if the rules did.
    """

    writer: WriterMetadata
    component: ComponentMetadata
    implicit: tuple[ComponentMetadata, ...] = ()
    because: str | None = None

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


def resolve(
    writers: Sequence[WriterMetadata],
    rules: Iterable[Rule],
    why_not: Why,
    why_not_under: Callable[[ComponentMetadata, Sequence[str]], str | None] = lambda component, folders: None,
    without: Mapping[UUID, str] | None = None,
) -> Selection:
    """What to include: without a select rule every component that *why_not* has nothing against.

    A component brings in those that it depends on, selected or not, and is left out if one of them cannot be backed up
    (R6). One on another computer is in nobody's power here: it is named in ``left_out``, and the component stays.

    Args:
        writers: the writers of the gather.
        rules: an exclude rule wins over every select rule.
        why_not: tells why a component cannot be backed up (its volume is not in the set).
        why_not_under: tells why a component does not lie in the folders of a rule.
        without: why writers cannot take part at all, by instance id.

    Raises:
        SelectionError: a required select rule names something that cannot be included.
    """
    choice = _Choice(writers, list(rules), why_not, why_not_under, without or {})
    choice.check()
    return Selection(tuple(choice.inclusions()), tuple(choice.left_out()))


_EVERYTHING: Final = Rule("select", "*", required=False)


class _Choice:
    """What is included of all writers: what the select rules name and can be backed up, and all that comes with that.

    Attributes:
        included: each thing with the component whose dependency brought it in, if one did.
    """

    def __init__(
        self,
        writers: Sequence[WriterMetadata],
        rules: Sequence[Rule],
        why_not: Why,
        why_not_under: Callable[[ComponentMetadata, Sequence[str]], str | None],
        without: Mapping[UUID, str],
    ) -> None:
        self._needs = Needs(writers)
        self._without = without
        self._why_not = why_not
        self._why_not_under = why_not_under
        self._selecting = [rule for rule in rules if rule.kind == "select"] or [_EVERYTHING]
        self._named = {rule: self._nodes_of(rule) for rule in self._selecting}
        self._asked = {rule: {number for number, _ in nodes} for rule, nodes in self._named.items()}
        self._excluded: set[Node] = set()
        for rule in rules:
            if rule.kind == "exclude":
                self._excluded |= self._nodes_of(rule)
        self._missing: dict[Node, str | None] = {}
        self._reasons: dict[Node, str] = {}
        self._wanted: set[Node] = set()  # what would be in the backup if nothing stood in its way
        seeds: list[Node] = []
        for rule in self._selecting:
            seeds.extend(self._possible(rule))
        self.included = self._needs.reach(seeds)

    def _nodes_of(self, rule: Rule) -> set[Node]:
        """What a rule names, with all that is below it; a rule without a component also names the writer itself."""
        named: set[Node] = set()
        for number, (writer, tree) in enumerate(zip(self._needs.writers, self._needs.trees, strict=True)):
            if rule.names(writer):
                if rule.component is None:
                    named.update((number, index) for index in (None, *range(len(tree.components))))
                else:
                    for index in tree.find(rule.component):
                        named.update((number, each) for each in (index, *tree.descendants[index]))
        return named

    def _possible(self, rule: Rule) -> list[Node]:
        """The components that the rule names, can be included by name and can be backed up whole."""
        seeds = sorted((number, index) for number, index in self._named[rule] if index is not None)
        trees = self._needs.trees
        seeds = [
            (number, index)
            for number, index in seeds
            if trees[number].components[index].selectable or trees[number].is_mandatory(index)
        ]
        wanted = self._needs.reach(seeds)
        self._wanted.update(wanted)
        missing = {node: reason for node in wanted if (reason := self._why_missing(node, rule)) is not None}
        impossible = self._needs.impossible(missing, wanted)
        for node, reason in impossible.items():
            self._reasons.setdefault(node, reason)
        return [node for node in seeds if node not in impossible]

    def _why_missing(self, node: Node, rule: Rule) -> str | None:
        """Why a component cannot be in what a rule brings in: all of that lies in the rule's folders."""
        number, index = node
        if node in self._excluded:
            return "excluded"
        if index is None:
            return self._without.get(self._needs.writers[number].instance_id)
        tree = self._needs.trees[number]
        component = tree.components[index]
        if node not in self._missing:
            self._missing[node] = self._needs.unmet.get(node) or self._why_not(component)
        reason = self._missing[node]
        if reason is not None or not rule.under:
            return reason
        # Other rules that name it may let it be elsewhere; what is mandatory is part of all that its writer is asked for.
        mandatory = tree.is_mandatory(index)
        others = (
            each for each in self._selecting if node in self._named[each] or (mandatory and number in self._asked[each])
        )
        refusals = [self._why_not_under(component, each.under) if each.under else None for each in (rule, *others)]
        return None if None in refusals else refusals[0]

    def _is_met(self, rule: Rule) -> bool:
        for number, (writer, tree) in enumerate(zip(self._needs.writers, self._needs.trees, strict=True)):
            if rule.names(writer):
                found = range(len(tree.components)) if rule.component is None else tree.find(rule.component)
                if any((number, index) in self.included for index in found):
                    return True
        return False

    def check(self) -> None:
        """Raises SelectionError for a required rule of which nothing is included."""
        for rule in self._selecting:
            if rule.required and not self._is_met(rule):
                named = {writer.instance_id for writer in self._needs.writers if rule.names(writer)}
                reasons = [f"{item.name}: {item.reason}" for item in self.left_out() if item.instance_id in named]
                raise SelectionError(
                    f"nothing of {rule} can be backed up ({'; '.join(reasons) or 'it has no components'})"
                )

    def inclusions(self) -> Iterator[Inclusion]:
        """What AddComponent is to be called for, writer by writer."""
        for number, tree in enumerate(self._needs.trees):
            for index, component in enumerate(tree.components):
                above = any((number, each) in self.included for each in tree.selectable_ancestors(index))
                if (number, index) in self.included and not above:
                    members = tuple(tree.components[member] for member in tree.members(index))
                    because = self.included[number, index]
                    yield Inclusion(self._needs.writers[number], component, members, because)

    def left_out(self) -> Iterator[LeftOut]:
        """What is not included, writer by writer; a writer of which nothing is included is named instead of its components."""
        for number, (writer, tree) in enumerate(zip(self._needs.writers, self._needs.trees, strict=True)):
            nodes: list[Node] = [(number, index) for index in range(len(tree.components))]
            if nodes and self.included.keys().isdisjoint(nodes):
                reason = self._why_no_writer(number)
                if reason is not None:
                    yield LeftOut("writer", writer.name, reason, writer.name, writer.writer_id, writer.instance_id)
                    continue
            for node in nodes:
                if node not in self.included:
                    name, reason = self._needs.name(node), self._why_left_out(node)
                    yield LeftOut("component", name, reason, writer.name, writer.writer_id, writer.instance_id)
        yield from self._needs.elsewhere(self.included)

    def _why_no_writer(self, number: int) -> str | None:
        if (number, None) in self._excluded:
            return "excluded"
        if not any(rule.names(self._needs.writers[number]) for rule in self._selecting):
            return "not selected"
        return self._reasons.get((number, None))

    def _why_left_out(self, node: Node) -> str:
        if node in self._excluded:
            return "excluded"
        return self._reasons.get(node) or ("nothing selected is included" if node in self._wanted else "not selected")


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
