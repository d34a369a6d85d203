"""What of all writers has to be in a backup together: sets, mandatory components and dependencies (R2 to R6 of semantics 8.2).

Each rule says that one thing needs others. So what a component brings in is what can be reached from it, and what cannot be
backed up is what can be reached backwards from something that is missing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from ._component_tree import ComponentTree
from ._paths import fold
from .result import LeftOut

if TYPE_CHECKING:
    from .metadata import Dependency, WriterMetadata

Node = tuple[int, int | None]
"""A component by the number of its writer and its own, or a writer by its number and None."""


@dataclass(frozen=True, slots=True)
class Need:
    """A thing that has to be in the backup with another one, and by which rule.

    ``member``: it belongs to the other one's set (R2); ``head``: the other one only comes with it (R2); ``writer``: the
    other one's writer takes part; ``mandatory``: the other one is the writer, whose every backup includes it; ``dependency``: R6.
    """

    node: Node
    kind: Literal["member", "head", "writer", "mandatory", "dependency"]


def is_remote(dependency: Dependency) -> bool:
    """Whether it is a component of another computer: its logical path begins with that one's name (R6)."""
    return (dependency.logical_path or "").startswith("\\\\")


def full_name(dependency: Dependency) -> str:
    """The full name of the component that is meant."""
    path = dependency.logical_path
    return f"{path}\\{dependency.component_name}" if path else dependency.component_name


class Needs:
    """All writers' components and what each needs.

    Attributes:
        unmet: why a component's dependency can be met by nothing that is here.
    """

    def __init__(self, writers: Sequence[WriterMetadata]) -> None:
        self.writers = writers
        self.trees = [ComponentTree(writer.components) for writer in writers]
        self.unmet: dict[Node, str] = {}
        self._targets: dict[tuple[UUID, str], list[Node]] = {}
        self._names = {writer.writer_id: writer.name for writer in writers}
        for number, tree in enumerate(self.trees):
            for index, component in enumerate(tree.components):
                key = (writers[number].writer_id, fold(component.full_name))
                self._targets.setdefault(key, []).append((number, index))
        self._needs: dict[Node, list[Need]] = {}
        for number, tree in enumerate(self.trees):
            self._needs[number, None] = [
                Need((number, index), "mandatory") for index in range(len(tree.components)) if tree.is_mandatory(index)
            ]
            for index in range(len(tree.components)):
                self._needs[number, index] = list(self._of(number, index))

    def _of(self, number: int, index: int) -> Iterator[Need]:
        tree = self.trees[number]
        yield Need((number, None), "writer")
        for member in tree.members(index):
            yield Need((number, member), "member")
        if not tree.components[index].selectable and (above := tree.selectable_ancestors(index)):
            yield Need((number, above[0]), "head")
        for dependency in tree.components[index].dependencies:
            if is_remote(dependency):
                continue
            # A dependency names a class of writers: each instance that has such a component may be the one that is meant.
            targets = self._targets.get((dependency.writer_id, fold(full_name(dependency))), ())
            for target in targets:
                yield Need(target, "dependency")
            if not targets:
                self.unmet[number, index] = f"it depends on {self._describe(dependency)}"

    def _describe(self, dependency: Dependency) -> str:
        name = self._names.get(dependency.writer_id)
        if name is None:
            return f"{full_name(dependency)} of the writer {dependency.writer_id}, which is not there"
        return f"{full_name(dependency)} of {name}, which has no such component"

    def name(self, node: Node) -> str:
        """The full name of a component, the name of a writer."""
        number, index = node
        return self.writers[number].name if index is None else self.trees[number].components[index].full_name

    def reach(self, start: Iterable[Node]) -> dict[Node, str | None]:
        """All that comes with these components, each with the component whose dependency brought it in.

        None where no dependency had to: it is one of these, or comes with one by its writer's own rules.
        """
        found: dict[Node, str | None] = {}
        near: deque[tuple[Node, str | None]] = deque((node, None) for node in start)
        far: deque[tuple[Node, str | None]] = deque()
        while near or far:
            node, because = (near or far).popleft()
            if node in found:
                continue
            found[node] = because
            for need in self._needs[node]:
                if need.kind == "dependency":
                    far.append((need.node, f"{self.writers[node[0]].name}: {self.name(node)}"))
                else:
                    near.append((need.node, because))
        return found

    def impossible(self, missing: Mapping[Node, str], among: Iterable[Node]) -> dict[Node, str]:
        """What of *among* cannot be in the backup where *missing* is not, and why: *missing* itself included (R5, R6)."""
        needed_by: dict[Node, list[tuple[Node, Need]]] = {}
        for node in among:
            for need in self._needs[node]:
                needed_by.setdefault(need.node, []).append((node, need))
        reasons = dict(missing)
        queue = deque(missing)
        while queue:
            lost = queue.popleft()
            for node, need in needed_by.get(lost, ()):
                if node not in reasons:
                    reasons[node] = self._reason(need, reasons[lost])
                    queue.append(node)
        return reasons

    def _reason(self, need: Need, reason: str) -> str:
        name = self.name(need.node)
        if need.kind == "member":
            return f"{name} of its set is left out: {reason}"
        if need.kind == "head":
            return f"it only comes with {name}"
        if need.kind == "mandatory":
            return f"{name}, which every backup of this writer includes, is left out: {reason}"
        if need.kind == "dependency":
            return f"it depends on {name} of {self.writers[need.node[0]].name}, which is left out: {reason}"
        return reason

    def elsewhere(self, included: Iterable[Node]) -> Iterator[LeftOut]:
        """The components of other computers that these depend on: no backup of this one can include them."""
        seen: set[tuple[UUID, str]] = set()
        for number, index in included:
            if index is None:
                continue
            for dependency in self.trees[number].components[index].dependencies:
                name = full_name(dependency)
                if is_remote(dependency) and (dependency.writer_id, fold(name)) not in seen:
                    seen.add((dependency.writer_id, fold(name)))
                    yield LeftOut(
                        "component",
                        name,
                        f"it is on another computer and has to be backed up there: {self.name((number, index))} of "
                        f"{self.writers[number].name} depends on it",
                        self._names.get(dependency.writer_id),
                        dependency.writer_id,
                    )
