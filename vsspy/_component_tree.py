"""The components of a writer by their place: which are above which, and what that makes of them (semantics 8)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ._paths import fold

if TYPE_CHECKING:
    from .metadata import ComponentMetadata


def is_glob(name: str) -> bool:
    """Whether *name* has a wildcard in it."""
    return "*" in name or "?" in name


def glob(pattern: str) -> Callable[[str], bool]:
    """Tells whether a name matches *pattern*: ``*`` is any text, ``?`` any character, letter case does not matter."""
    expression = "".join(".*" if char == "*" else "." if char == "?" else re.escape(char) for char in fold(pattern))
    match = re.compile(expression, re.DOTALL).fullmatch
    return lambda name: match(fold(name)) is not None


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
        """The components with this full name, or else those with this name, or else those that the glob matches.

        A glob with a backslash in it is one of full names, another one of plain names; ``*`` and ``?`` also stand for
        backslashes.
        """
        wanted = fold(name)
        named = [index for index, component in enumerate(self.components) if fold(component.name) == wanted]
        if found := self._by_name.get(wanted) or named:
            return found
        if not is_glob(name):
            return []
        matches = glob(name)
        return [
            index
            for index, component in enumerate(self.components)
            if matches(component.full_name if "\\" in name else component.name)
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
