"""Which components of a backup a restore is about: the rules of semantics 8.4 on plain data, without a backend."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final
from uuid import UUID

from ._backup_types import whole_sets
from ._component_tree import ComponentTree, is_glob
from ._paths import fold, separator, split
from .enums import BackupType, ComponentType, FileSpecBackupType
from .errors import ObjectNotFoundError, SelectionError
from .metadata import FileSet
from .ranges import is_ranges_text
from .result import LeftOut
from .selection import Rule, file_sets

if TYPE_CHECKING:
    from ._paths import VolumeNames
    from ._restore_source import RestoreSource
    from .backup_document import BackupDocument, SavedComponent, SavedWriter
    from .filesets import BackupFile
    from .metadata import ComponentMetadata, WriterMetadata

Key = tuple[UUID, ComponentType, "str | None", str]

EXCLUDED: Final = "excluded"
NOT_SELECTED: Final = "not selected"
BY_WISH: Final = (EXCLUDED, NOT_SELECTED)
"""Why something is left out that nobody asked for."""

_REQUIRED = {
    BackupType.DIFFERENTIAL: FileSpecBackupType.DIFFERENTIAL_BACKUP_REQUIRED,
    BackupType.INCREMENTAL: FileSpecBackupType.INCREMENTAL_BACKUP_REQUIRED,
    BackupType.LOG: FileSpecBackupType.LOG_BACKUP_REQUIRED,
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """A component of the document that is to be restored.

    Attributes:
        writer: its writer's metadata, as of the backup.
        saved: what the document has of it.
        parts: the components below it that alone are restored (AddRestoreSubcomponent); empty: the whole set.
        members: the components whose files are restored.
        named: whether a rule names it, so that it is an error if it cannot be restored.
        instance: the writer instance that restores it; None: VSS chooses.
        to: the folder that it goes to instead; None: its own places.
        options: what its writer is told (SetRestoreOptions).
    """

    writer: WriterMetadata
    saved: SavedComponent
    parts: tuple[ComponentMetadata, ...] = ()
    members: tuple[ComponentMetadata, ...] = ()
    named: bool = False
    instance: UUID | None = None
    to: str | None = None
    options: str | None = None

    @property
    def key(self) -> Key:
        """As VSS's calls want it."""
        return self.writer.writer_id, self.saved.type, self.saved.logical_path, self.saved.name

    def file_sets(self, backup_type: BackupType) -> Iterator[FileSet]:
        """The file sets that a backup of this type has, by their own paths: alternate ones are for the backup only, and what the
        masks asked for was decided then (semantics 9.2, 9.5)."""
        mask = _REQUIRED.get(backup_type, FileSpecBackupType.FULL_BACKUP_REQUIRED)
        sets = (each for member in self.members for each in file_sets(member))
        for each in whole_sets(sets, self.writer, backup_type):
            if each.backup_type & mask:
                yield FileSet(each.path, each.filespec, each.recursive)

    def named_sets(self) -> Iterator[FileSet]:
        """What its writer named for that very backup, which may lie outside of all file sets (semantics 10); of a part nobody can
        tell what was."""
        if self.parts:
            return
        for each in self.saved.differenced_files:
            yield FileSet(each.path, each.filespec, each.recursive)
        for part in self.saved.partial_files:
            yield FileSet(part.path, part.filename)
            if not is_ranges_text(part.ranges):
                root, elements = split(part.ranges)
                yield FileSet(root + separator(root).join(elements[:-1]), "".join(elements[-1:]))

    def files(
        self,
        source: RestoreSource,
        backup_type: BackupType,
        volumes: VolumeNames | None,
        environment: Mapping[str, str],
    ) -> Iterator[BackupFile]:
        """Its files in a backup, each once: what its writer named, which no exclusion concerns, then its file sets'."""
        named: set[str] = set()
        if sets := list(self.named_sets()):
            for file in source.files(sets, volumes=volumes, environment=environment):
                named.add(fold(file.path))
                yield file
        found = source.files(
            self.file_sets(backup_type),
            excludes=self.writer.exclude_files,
            volumes=volumes,
            environment=environment,
        )
        for file in found:
            if not named or fold(file.path) not in named:
                yield file


@dataclass(slots=True)
class Selected:
    """What is restored, and what is not and why."""

    chosen: list[Chosen] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RestoreRule:
    """Something to select, to exclude or to redirect."""

    rule: Rule
    instance: UUID | None = None
    to: str | None = None
    options: str | None = None


class SavedTree:
    """A writer of the document: its components as of the backup, and which of them have an entry."""

    def __init__(self, writer: WriterMetadata, saved: SavedWriter) -> None:
        self.writer = writer
        self.tree = ComponentTree(writer.components)
        places = {(fold(each.full_name), each.type): index for index, each in enumerate(self.tree.components)}
        self.explicit: dict[int, SavedComponent] = {}
        self.unknown: list[SavedComponent] = []  # that the writer's document does not have
        for component in saved.components:
            index = places.get((fold(component.full_name), component.type))
            if index is None:
                self.unknown.append(component)
            else:
                self.explicit[index] = component

    def set_of(self, index: int) -> int | None:
        """The explicit component that brought a component in, itself or its nearest explicit ancestor; None if none did."""
        for each in (index, *self.tree.ancestors[index]):
            if each in self.explicit:
                return each
        return None

    def members(self, index: int) -> tuple[ComponentMetadata, ...]:
        """A component and all below it that came with it."""
        below = [each for each in self.tree.descendants[index] if each not in self.explicit]
        return tuple(self.tree.components[each] for each in (index, *below))

    def find(self, name: str) -> list[int]:
        """The components of the backup that *name* means: its own, by the rules of selection, or all below that path."""
        found = self.tree.find(name) or [
            index
            for index, each in enumerate(self.tree.components)
            if fold(each.full_name).startswith(fold(name) + "\\") and index in self.explicit
        ]
        return [index for index in found if self.set_of(index) is not None]

    def covers(self, name: str, index: int) -> bool:
        """Whether *name* means the component or one above it."""
        found = set(self.find(name))
        return index in found or any(above in found for above in self.tree.ancestors[index])

    def alone(self, index: int) -> str:
        """What of the set of an explicit component can be restored by itself, in words."""
        names = [
            self.tree.components[each].full_name
            for each in self.tree.descendants[index]
            if self.tree.components[each].selectable_for_restore and each not in self.explicit
        ]
        return ", ".join([self.tree.components[index].full_name, *names])


class Choice:
    """The components of a backup, to choose from.

    Args:
        document: the Backup Components Document.
        writers: the writers' metadata as of the backup.
    """

    def __init__(self, document: BackupDocument, writers: Sequence[WriterMetadata]) -> None:
        self.trees: list[SavedTree] = []
        self.left_out: list[LeftOut] = []
        keys: dict[Key, int] = {}
        for saved in document.writers:
            writer = _stored(saved, writers)
            if writer is None:
                reason = "its metadata is not among the stored documents"
                self.left_out.append(
                    LeftOut("writer", str(saved.writer_id), reason, None, saved.writer_id, saved.instance_id)
                )
                continue
            tree = SavedTree(writer, saved)
            self.trees.append(tree)
            for each in tree.unknown:
                self.left_out.append(_left_out(writer, each.full_name, "its writer's stored metadata does not have it"))
            for each in tree.explicit.values():
                key = (writer.writer_id, each.type, fold(each.logical_path or ""), fold(each.name))
                keys[key] = keys.get(key, 0) + 1
        self._twins = {key for key, count in keys.items() if count > 1}

    def check(self, rule: Rule) -> None:
        """Raises ObjectNotFoundError if the backup has nothing that *rule* names, SelectionError if it only comes with more."""
        trees = [tree for tree in self.trees if rule.names(tree.writer)]
        if not trees:
            names = ", ".join(dict.fromkeys(tree.writer.name for tree in self.trees)) or "none"
            raise _not_found(rule, f"the backup has no components of a writer {rule.writer}; it has those of {names}")
        if rule.component is None:
            return
        for tree in trees:
            found = tree.find(rule.component)
            if not found:
                continue
            if rule.kind == "select":
                self._parts(tree, rule)
            return
        names = ", ".join(tree.tree.components[index].full_name for tree in trees for index in tree.explicit)
        raise _not_found(
            rule, f"the backup has no component {rule.component} of {rule.writer}; it has {names or 'none'}"
        )

    def names_explicit(self, rule: Rule) -> bool:
        """Whether *rule* names a component that has an entry of its own, or one above it."""
        return any(
            rule.names(tree.writer) and _is_named(tree, rule, index) for tree in self.trees for index in tree.explicit
        )

    def missing_dependencies(self, chosen: Iterable[Chosen]) -> Iterator[str]:
        """What components of other writers should be restored with these and is not, in words (R6 of semantics 8.2)."""
        chosen = list(chosen)
        there = {
            (each.writer.writer_id, fold(member.full_name)) for each in chosen for member in each.members
        }  # fmt: skip
        for each in chosen:
            for member in each.members:
                for needed in member.dependencies:
                    path = needed.logical_path or ""
                    name = f"{path}\\{needed.component_name}" if path else needed.component_name
                    if path.startswith("\\\\") or (needed.writer_id, fold(name)) in there:
                        continue  # the first is on another computer
                    yield f"{member.full_name} is to be restored together with {name} of writer {needed.writer_id}, which is not"

    def resolve(self, rules: Iterable[RestoreRule]) -> Selected:
        """What the rules select: without one that selects, everything that was saved.

        Raises:
            SelectionError: what is named was not saved, or cannot be left out by itself.
        """
        rules = list(rules)
        selected = Selected(left_out=[self._asked(each, rules) for each in self.left_out])
        for tree in self.trees:
            self._resolve(tree, rules, selected)
        return selected

    def _asked(self, item: LeftOut, rules: Sequence[RestoreRule]) -> LeftOut:
        """What cannot be restored at all, as it stands to the rules: nothing is missed of what they do not want."""
        writer = next((tree.writer for tree in self.trees if tree.writer.name == item.writer), None)

        def names(kind: str) -> bool:
            return any(
                each.rule.kind == kind
                and each.to is None
                and (each.rule.writer == "*" if writer is None else each.rule.names(writer))
                and (
                    each.rule.component is None
                    or is_glob(each.rule.component)
                    or fold(each.rule.component) == fold(item.name)
                )
                for each in rules
            )

        if names("exclude"):
            return replace(item, reason=EXCLUDED)
        everything = not any(each.rule.kind == "select" and each.to is None for each in rules)
        return item if everything or names("select") else replace(item, reason=NOT_SELECTED)

    def _resolve(self, tree: SavedTree, rules: list[RestoreRule], selected: Selected) -> None:
        mine = [each for each in rules if each.rule.names(tree.writer)]
        selecting = [each for each in mine if each.rule.kind == "select" and each.to is None]
        excluding = [each.rule for each in mine if each.rule.kind == "exclude"]
        everything = not any(each.rule.kind == "select" and each.to is None for each in rules)
        for index, saved in tree.explicit.items():
            whole = [each for each in selecting if _is_named(tree, each.rule, index)]
            parts = {
                part: each
                for each in selecting
                if each.rule.component is not None and not whole
                for part in self._parts(tree, each.rule)
                if tree.set_of(part) == index
            }
            if any(_is_named(tree, rule, index) for rule in excluding):
                selected.left_out.append(_left_out(tree.writer, saved.full_name, EXCLUDED))
            elif not (everything or whole or parts):
                selected.left_out.append(_left_out(tree.writer, saved.full_name, NOT_SELECTED))
            elif reason := self._why_not(tree, saved):
                if any(each.rule.component is not None for each in whole) or parts:
                    raise SelectionError(f"{tree.writer.name}: {saved.full_name}: {reason}")
                selected.left_out.append(_left_out(tree.writer, saved.full_name, reason))
            else:
                kept = self._without(tree, index, parts, excluding)
                if parts and not kept:
                    selected.left_out.append(_left_out(tree.writer, saved.full_name, EXCLUDED))
                    continue
                naming = whole or [parts[part] for part in kept]
                selected.chosen.append(
                    Chosen(
                        writer=tree.writer,
                        saved=saved,
                        parts=tuple(tree.tree.components[part] for part in kept),
                        members=_members(tree, kept or [index]),
                        named=bool(naming),
                        instance=next((each.instance for each in naming if each.instance is not None), None),
                        options=next((each.options for each in naming if each.options is not None), None),
                        to=next(
                            (each.to for each in reversed(mine) if each.to and _is_named(tree, each.rule, index)), None
                        ),
                    )
                )

    def _why_not(self, tree: SavedTree, saved: SavedComponent) -> str | None:
        key = (tree.writer.writer_id, saved.type, fold(saved.logical_path or ""), fold(saved.name))
        if key in self._twins:
            return "two instances of its writer have a component of that name, which no call of VSS can tell apart"
        return None if saved.backup_succeeded else "it was not saved: so says the backup's document"

    def _parts(self, tree: SavedTree, rule: Rule) -> list[int]:
        """The implicit components that *rule* names."""
        assert rule.component is not None
        found = []
        for index in tree.find(rule.component):
            above = tree.set_of(index)
            if index in tree.explicit or above is None:
                continue
            component = tree.tree.components[index]
            if component.selectable_for_restore:
                found.append(index)
            elif not is_glob(rule.component):
                raise SelectionError(
                    f"{component.full_name} is not selectable for restore: it only comes with "
                    f"{tree.tree.components[above].full_name}; by itself can be restored: {tree.alone(above)}"
                )
        return found

    def _without(self, tree: SavedTree, index: int, parts: Iterable[int], excluding: Sequence[Rule]) -> list[int]:
        """The parts that no rule excludes; outermost ones only, since each brings what is below it."""
        parts = list(parts)
        for rule in excluding:
            if rule.component is None:
                continue
            inner = [each for each in tree.find(rule.component) if tree.set_of(each) == index]
            for each in inner:
                if each in parts:
                    parts.remove(each)
                elif not parts or any(part in tree.tree.ancestors[each] for part in parts):
                    raise SelectionError(
                        f"{tree.tree.components[each].full_name} cannot be left out by itself: a set is restored whole, or the "
                        f"parts of it that are selected; by itself can be restored: {tree.alone(index)}"
                    )
        return [each for each in parts if not any(above in parts for above in tree.tree.ancestors[each])]


def _members(tree: SavedTree, indices: Iterable[int]) -> tuple[ComponentMetadata, ...]:
    return tuple(member for index in indices for member in tree.members(index))


def _is_named(tree: SavedTree, rule: Rule, index: int) -> bool:
    return rule.component is None or tree.covers(rule.component, index)


def _stored(saved: SavedWriter, writers: Sequence[WriterMetadata]) -> WriterMetadata | None:
    """The metadata of a writer of the document: of that very instance, else of the one writer of that class."""
    same = [writer for writer in writers if writer.writer_id == saved.writer_id]
    exact = [writer for writer in same if writer.instance_id == saved.instance_id]
    if exact:
        return exact[0]
    return same[0] if len(same) == 1 else None


def _left_out(writer: WriterMetadata, name: str, reason: str) -> LeftOut:
    return LeftOut("component", name, reason, writer.name, writer.writer_id, writer.instance_id)


def _not_found(rule: Rule, detail: str) -> ObjectNotFoundError:
    return ObjectNotFoundError("VSS_E_OBJECT_NOT_FOUND", f"RestoreSession::{rule.kind}", detail=detail)
